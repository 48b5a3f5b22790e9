//! One deal: its facts, why its commission is what it is, its history, and what sales may do to it next.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    deal::{DealAct, DealRefusal, DealStatus, next_status},
    money::Currency,
    money::Money,
    permission::Permission,
    text::Message,
};
use store::{
    deals::{self, Commission, Deal, Event, Won},
    ledger::ApplyError,
    partners::{self, Partner},
    programme::Programme,
};

use super::parts::{Asked, Badge, Link, Moment, Number, Refused};
use crate::{
    app::App,
    ops::{
        deals::{self as acts, DealError},
        stake,
    },
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/deal.html")]
struct DealPage {
    shell: OfficeShell,
    /// Why the act that was sent can't be done as the deal stands.
    conflict: Option<String>,
    number: i64,
    title: String,
    status: Badge,
    client: Link,
    client_number: i64,
    /// Whether the person may say whose client it is.
    may_assign: bool,
    /// What moves with the client, and takes from whom.
    moves: String,
    partner: Option<Link>,
    opened: Moment,
    lost_reason: Option<String>,
    won: Option<WonFacts>,
    /// What the partner would earn now, while the deal is pending.
    prospect: String,
    history: Vec<Happened>,
    can: Can,
    refused: Refused,
    refund_hint: String,
    currency: &'static str,
}

/// What winning has fixed, in words.
struct WonFacts {
    at: Moment,
    amount: String,
    refunded: Option<String>,
    remaining: String,
    reason: String,
    commission: Option<CommissionFacts>,
}

struct CommissionFacts {
    rate: String,
    amount: String,
    reversed: Option<String>,
    remaining: String,
    available_at: Option<Moment>,
}

struct Happened {
    what: String,
    reason: String,
    by: String,
    at: Moment,
}

/// Which forms are shown: what the role may do and the status allows.
#[derive(Clone, Copy, Default)]
struct Can {
    close: bool,
    reopen: bool,
    refund: bool,
}

impl Can {
    fn new(may: bool, deal: &Deal) -> Can {
        let left = deal.won.as_ref().is_some_and(|won| won.remaining().is_positive());
        Can {
            close: may && deal.status == DealStatus::Pending,
            reopen: may && deal.status != DealStatus::Pending,
            refund: may && deal.status == DealStatus::Won && left,
        }
    }

    fn anything(self) -> bool {
        self.close || self.reopen || self.refund
    }
}

impl WonFacts {
    fn new(won: &Won, currency: Currency) -> WonFacts {
        WonFacts {
            at: Moment::exact(won.at),
            amount: currency.format(won.amount),
            refunded: won.refunded.is_positive().then(|| currency.format(won.refunded)),
            remaining: currency.format(won.remaining()),
            reason: won.commission_reason.clone(),
            commission: won.commission.map(|commission| CommissionFacts::new(&commission, currency)),
        }
    }
}

impl CommissionFacts {
    fn new(commission: &Commission, currency: Currency) -> CommissionFacts {
        CommissionFacts {
            rate: commission.rate.to_string(),
            amount: currency.format(commission.amount),
            reversed: commission.reversed.is_positive().then(|| currency.format(commission.reversed)),
            remaining: currency.format(commission.remaining()),
            available_at: commission.available_at.map(Moment::exact),
        }
    }
}

impl Happened {
    fn new(event: &Event, currency: Currency) -> Happened {
        let amount = event.amount.map(|amount| currency.format(amount)).unwrap_or_default();
        let (what, author) = match event.kind.as_str() {
            "created" => ("Opened".to_owned(), "Contact form"),
            "won" => (format!("Closed successfully with {amount}"), "Goodword"),
            "lost" => ("Closed unsuccessfully".to_owned(), "Goodword"),
            "reopened" => ("Reopened".to_owned(), "Goodword"),
            "refunded" => (format!("Refunded {amount}"), "Goodword"),
            "moved" => ("Given to another partner with the client".to_owned(), "Goodword"),
            "available" => {
                ("The commission became available".to_owned(), "Goodword, at the end of the hold period")
            }
            other => (other.to_owned(), "Goodword"),
        };
        Happened {
            what,
            reason: event.reason.clone().unwrap_or_default(),
            by: event.actor.clone().unwrap_or_else(|| author.to_owned()),
            at: Moment::exact(event.at),
        }
    }
}

/// What winning the deal would book now, in a sentence.
fn prospect(partner: Option<&Partner>, programme: &Programme) -> String {
    let Some(partner) = partner else {
        return "The client belongs to no partner, so no commission is booked.".into();
    };
    if partner.suspended.is_some() {
        return format!("{} is suspended, so no commission is booked.", partner.name);
    }
    let (rate, why) = match partner.agreed_rate {
        Some(rate) => (rate, "as agreed".to_owned()),
        None => {
            let tier = programme.tiers.standing(partner.volume).current;
            (tier.rate, format!("tier from {}", programme.currency.format(tier.from)))
        }
    };
    format!("{} earns {rate} of it ({why}). Rate and commission are fixed by winning.", partner.name)
}

impl DealPage {
    fn new(
        shell: OfficeShell,
        deal: Deal,
        partner: Option<&Partner>,
        events: &[Event],
        programme: &Programme,
        may: bool,
        refused: Refused,
    ) -> DealPage {
        let currency = programme.currency;
        let left = deal.won.as_ref().map(|won| currency.format(won.remaining())).unwrap_or_default();
        DealPage {
            shell,
            conflict: None,
            number: deal.number,
            status: Badge::deal(deal.status),
            client: Link::client(deal.client_number, &deal.client_name),
            client_number: deal.client_number,
            may_assign: false,
            moves: String::new(),
            partner: deal.partner.as_ref().map(Link::partner),
            opened: Moment::exact(deal.created_at),
            won: deal.won.as_ref().map(|won| WonFacts::new(won, currency)),
            prospect: prospect(partner, programme),
            history: events.iter().map(|event| Happened::new(event, currency)).collect(),
            can: Can::new(may, &deal),
            refund_hint: format!("Up to {left}. The commission is taken back in proportion."),
            title: deal.title,
            lost_reason: deal.lost_reason,
            refused,
            currency: currency.code(),
        }
    }
}

/// What a page is shown for: nothing in particular, a form that was refused, or an act that came too late.
#[derive(Default)]
struct Occasion {
    done: Option<String>,
    refused: Refused,
    conflict: Option<String>,
}

async fn render(app: &App, staff: Staff, number: i64, status: StatusCode, occasion: Occasion) -> Page {
    let may = staff.role.may(Permission::CloseDeals);
    let may_assign = staff.role.may(Permission::AssignClients);
    let done = occasion.done;
    let (shell, deal, partner, events, stake) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let deal = deals::by_number(tx, number)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CLIENTS, done.as_deref())?;
            let partner = match &deal.partner {
                Some(partner) => partners::by_id(tx, &partner.id)?,
                None => None,
            };
            let stake = stake::of_client(tx, deal.client_number)?;
            Ok((shell, deal, partner, deals::events(tx, number)?, stake))
        })
        .await?;
    let programme = app.programme();
    let page = DealPage::new(shell, deal, partner.as_ref(), &events, &programme, may, occasion.refused);
    let moves = stake.words(programme.currency);
    show_with(status, &DealPage { conflict: occasion.conflict, may_assign, moves, ..page })
}

/// `GET /office/deals/{n}`
///
/// # Errors
/// 404 when there is no such deal.
pub async fn page(State(app): State<App>, staff: Staff, Number(number): Number, asked: Asked) -> Page {
    let occasion = Occasion { done: asked.done(), ..Occasion::default() };
    render(&app, staff, number, StatusCode::OK, occasion).await
}

/// `POST /office/deals/{n}/win`
///
/// # Errors
/// 404 when there is no such deal.
pub async fn win(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let currency = app.programme().currency;
    let Some(amount) = form.check("amount", |typed| currency.parse(typed)) else {
        return refuse(&app, staff, number, "win", form).await;
    };
    let by = staff.actor.clone();
    let done = app.write(move |tx, env| acts::win(tx, env, &by, number, amount)).await;
    answer(&app, staff, number, ("win", "won"), form, done).await
}

/// `POST /office/deals/{n}/lose`
///
/// # Errors
/// 404 when there is no such deal.
pub async fn lose(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let Some(reason) = reason(&mut form) else {
        return refuse(&app, staff, number, "lose", form).await;
    };
    let by = staff.actor.clone();
    let done = app.write(move |tx, env| acts::lose(tx, env, &by, number, &reason)).await;
    answer(&app, staff, number, ("lose", "lost"), form, done).await
}

/// `POST /office/deals/{n}/reopen`
///
/// # Errors
/// 404 when there is no such deal.
pub async fn reopen(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let Some(reason) = reason(&mut form) else {
        return refuse(&app, staff, number, "reopen", form).await;
    };
    let by = staff.actor.clone();
    let done = app.write(move |tx, env| acts::reopen(tx, env, &by, number, &reason)).await;
    answer(&app, staff, number, ("reopen", "reopened"), form, done).await
}

/// `POST /office/deals/{n}/refund`
///
/// # Errors
/// 404 when there is no such deal.
pub async fn refund(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let currency = app.programme().currency;
    let amount = form.check("amount", |typed| currency.parse(typed));
    let reason = reason(&mut form);
    let Some((amount, reason)) = amount.zip(reason) else {
        return refuse(&app, staff, number, "refund", form).await;
    };
    let by = staff.actor.clone();
    let done = app.write(move |tx, env| acts::refund(tx, env, &by, number, amount, &reason)).await;
    answer(&app, staff, number, ("refund", "refunded"), form, done).await
}

fn reason(form: &mut Fields) -> Option<String> {
    form.check("reason", |typed| Message::parse_as("reason", typed)).map(Message::into_string)
}

async fn refuse(app: &App, staff: Staff, number: i64, act: &'static str, form: Fields) -> Page {
    let found =
        app.read(move |tx, _| deals::by_number(tx, number)).await?.ok_or_else(PageError::not_found)?;
    let tried = match act {
        "win" => DealAct::Win,
        "lose" => DealAct::Lose,
        "reopen" => DealAct::Reopen,
        _ => DealAct::Refund { amount: Money::ZERO, remaining: Money::ZERO },
    };
    // A form that the deal's status no longer shows: what is wrong with its fields is beside the point.
    if let Err(refusal) = next_status(found.status, tried) {
        return conflict(app, staff, number, act, form, refusal).await;
    }
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, number, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

/// The deal's status doesn't allow it (any more).
async fn conflict(
    app: &App,
    staff: Staff,
    number: i64,
    act: &'static str,
    form: Fields,
    refusal: DealRefusal,
) -> Page {
    let occasion = Occasion {
        refused: Refused::act(act, form),
        conflict: Some(refusal.to_string()),
        ..Occasion::default()
    };
    render(app, staff, number, StatusCode::CONFLICT, occasion).await
}

async fn answer(
    app: &App,
    staff: Staff,
    number: i64,
    (act, word): (&'static str, &str),
    mut form: Fields,
    done: Result<(), DealError>,
) -> Page {
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_deal(number), &[("done", word)])),
        Err(DealError::Unknown) => Err(PageError::not_found()),
        Err(DealError::Refused(refusal @ DealRefusal::RefundTooLarge)) => {
            form.refuse("amount", refusal);
            refuse(app, staff, number, act, form).await
        }
        Err(DealError::Refused(refusal)) => conflict(app, staff, number, act, form, refusal).await,
        Err(DealError::Db(error) | DealError::Ledger(ApplyError::Db(error))) => Err(error.into()),
        Err(DealError::Ledger(error)) => Err(PageError::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{clock::Timestamp, money::Money, rate::Rate};
    use store::clients::PartnerName;

    const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn deal(status: DealStatus) -> Deal {
        Deal {
            number: 2077,
            client_number: 1042,
            client_name: "Aurora".into(),
            title: "Shop".into(),
            external_id: None,
            status,
            partner: Some(PartnerName { id: "p1".into(), name: "Mara".into() }),
            created_at: AT,
            changed_at: AT,
            lost_reason: (status == DealStatus::Lost).then(|| "No budget".into()),
            win_round: 1,
            won: (status == DealStatus::Won).then(|| Won {
                at: AT,
                amount: Money::from_minor(1_240_000),
                refunded: Money::from_minor(240_000),
                refunds: 1,
                commission: Some(Commission {
                    rate: Rate::from_basis_points(1200).unwrap(),
                    volume_before: Money::from_minor(2_500_000),
                    amount: Money::from_minor(148_800),
                    reversed: Money::from_minor(28_800),
                    available_at: Some(AT),
                }),
                commission_reason: "12 % from a volume of $25,000.00".into(),
                settled: None,
            }),
        }
    }

    fn text(status: DealStatus, may: bool, refused: Refused) -> String {
        let events =
            ["created", "won", "refunded", "reopened", "lost", "available", "moved"].map(|kind| Event {
                at: AT,
                kind: kind.into(),
                actor: None,
                amount: Some(Money::from_minor(100)),
                reason: Some("Because <i>".into()),
            });
        let programme = Programme::standard();
        DealPage::new(OfficeShell::sample(), deal(status), None, &events, &programme, may, refused)
            .render()
            .unwrap()
    }

    fn actions(page: &str) -> Vec<&str> {
        ["win", "lose", "reopen", "refund"]
            .into_iter()
            .filter(|act| page.contains(&format!("action=\"/office/deals/2077/{act}\"")))
            .collect()
    }

    #[test]
    fn forms_are_shown_as_the_status_allows_and_the_role_may() {
        for (status, expected) in [
            (DealStatus::Pending, vec!["win", "lose"]),
            (DealStatus::Won, vec!["reopen", "refund"]),
            (DealStatus::Lost, vec!["reopen"]),
        ] {
            assert_eq!(actions(&text(status, true, Refused::default())), expected, "{status:?}");
            assert!(actions(&text(status, false, Refused::default())).is_empty(), "{status:?}");
        }
    }

    #[test]
    fn a_won_deal_says_why_its_commission_is_what_it_is() {
        let text = text(DealStatus::Won, true, Refused::default());
        for part in ["12,400.00", "10,000.00", "12 % from a volume", "1,488.00", "288.00", "1,200.00"] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_refused_form_is_open_with_its_error_and_what_was_typed() {
        let mut form = Fields::filled([("amount", "12.4OO"), ("reason", "<b>")]);
        form.refuse("amount", "Write the amount with digits.");
        let text = text(DealStatus::Won, true, Refused::act("refund", form));
        for part in ["12.4OO", "&#60;b&#62;", "id=\"refund-amount-error\"", "aria-invalid=\"true\""] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn the_prospect_names_the_rate_and_where_it_comes_from() {
        let programme = Programme::standard();
        let partner = Partner {
            id: "p1".into(),
            name: "Mara".into(),
            email: "m@example.com".into(),
            code: domain::referral_code::ReferralCode::from_number(7),
            suspended: None,
            agreed_rate: None,
            created_at: AT,
            clients: 1,
            deals_won: 1,
            volume: Money::from_minor(2_500_000),
        };
        assert!(prospect(None, &programme).contains("no partner"));
        assert!(prospect(Some(&partner), &programme).contains("12 % of it (tier from 25,000.00)"));
        let agreed = Partner { agreed_rate: Rate::from_basis_points(1450), ..partner.clone() };
        assert!(prospect(Some(&agreed), &programme).contains("14.5 % of it (as agreed)"));
        let suspended = Partner { suspended: Some((AT, "Spam".into())), ..partner };
        assert!(prospect(Some(&suspended), &programme).contains("suspended"));
    }
}
