//! One partner: figures, balances and the entries behind them, withdrawals, the rate, suspension.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Timestamp,
    ledger::Account,
    permission::{Permission, Role},
    rate::Rate,
    text::{Message, grouped},
};
use store::{
    adjustments::{self, Adjustment},
    ledger::{self, Balances, StatementLine},
    partners::{self, Partner},
    profiles,
    programme::Programme,
    withdrawals::{self, PartnerWithdrawals, Withdrawal},
};

use super::{
    adjustments::{AdjustmentRow, limit},
    partners::rate_now,
    parts::{Asked, Badge, Entry, Id, Moment, Pager, ROWS_AND_ONE, Refused, page_of},
};
use crate::{
    app::App,
    ops::partners::{self as acts, PartnerError},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        portal::statement::Facts,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

/// How many withdrawals are shown.
const WITHDRAWALS: i64 = 10;

/// How many adjustments are shown.
const ADJUSTMENTS: i64 = 10;

#[derive(Template)]
#[template(path = "office/partner.html")]
struct PartnerPage {
    shell: OfficeShell,
    /// Why the act that was sent can't be done as things stand.
    conflict: Option<String>,
    id: String,
    name: String,
    email: String,
    /// The partner has shown that the mailbox is theirs.
    email_confirmed: bool,
    status: Badge,
    /// Since when, and why.
    suspended: Option<(Moment, String)>,
    code: String,
    link: String,
    rate: String,
    rate_why: String,
    since: Moment,
    clicks: String,
    /// Visits of programs that look at links, if there were any.
    automatic: Option<String>,
    clients: String,
    won: String,
    volume: String,
    /// The way to the partner's clients, for those who may open it.
    clients_href: Option<String>,
    /// Balances, entries and withdrawals, for those who may see them.
    books: Option<Books>,
    may_manage: bool,
    may_erase: bool,
    /// Since when nothing personal is held any more.
    erased: Option<Moment>,
    /// When the partner asked for that.
    erasure_asked: Option<Moment>,
    may_adjust: bool,
    /// From which amount on a second person has to agree, in a sentence.
    limit: String,
    /// What the form that adjusts is known by.
    request: String,
    refused: Refused,
    rate_form: Fields,
    currency: &'static str,
}

struct Books {
    available: String,
    on_hold: String,
    reserved: String,
    paid: String,
    entries: Vec<Entry>,
    pager: Pager,
    withdrawals: Vec<Requested>,
    adjustments: Vec<AdjustmentRow>,
}

struct Requested {
    href: String,
    at: Moment,
    status: Badge,
    amount: String,
}

/// Everything the page shows, as read at one moment.
struct Found {
    partner: Partner,
    /// Visits of people, and of programs.
    visits: (i64, i64),
    /// For those who may see them.
    books: Option<Read>,
    /// Fresh, for the form that adjusts.
    request: String,
    now: Timestamp,
}

/// Balances, statement, withdrawals, adjustments.
struct Read {
    balances: Balances,
    lines: Vec<StatementLine>,
    facts: Facts,
    withdrawals: Vec<Withdrawal>,
    adjustments: Vec<Adjustment>,
}

impl Books {
    /// Whether an adjustment waits for a second person: it stands on top then.
    fn has_open_adjustment(&self) -> bool {
        self.adjustments.iter().any(|row| row.is_open)
    }

    fn new(
        Read { balances, lines, facts, withdrawals, adjustments }: Read,
        programme: &Programme,
        (me, role): (&str, Role),
        asked: &Asked,
        (id, now): (&str, Timestamp),
    ) -> Books {
        let currency = programme.currency;
        let address = paths::office_partner(id);
        let (lines, pager) = page_of(lines, asked, "before", &address, |line| line.entry.seq.to_string());
        Books {
            available: currency.format(balances.available),
            on_hold: currency.format(balances.on_hold),
            reserved: currency.format(balances.reserved),
            paid: currency.format(balances.paid),
            entries: lines.iter().map(|line| Entry::new(line, &facts, currency, role)).collect(),
            pager,
            withdrawals: withdrawals
                .iter()
                .map(|withdrawal| Requested {
                    href: paths::office_withdrawal(&withdrawal.id),
                    at: Moment::day(withdrawal.requested_at),
                    status: Badge::withdrawal(withdrawal, now),
                    amount: currency.format(withdrawal.amount),
                })
                .collect(),
            adjustments: adjustments
                .iter()
                .map(|adjustment| AdjustmentRow::new(adjustment, currency, me))
                .collect(),
        }
    }
}

/// Where the rate comes from, and what comes next.
fn rate_why(partner: &Partner, programme: &Programme) -> String {
    let currency = programme.currency;
    if partner.agreed_rate.is_some() {
        return "Agreed with this partner; the tiers don't matter.".into();
    }
    let standing = programme.tiers.standing(partner.volume);
    let from = format!("Tier from {}.", currency.format(standing.current.from));
    match standing.next {
        Some(next) => format!("{from} {} from {}.", next.rate, currency.format(next.from)),
        None => format!("{from} It is the highest."),
    }
}

impl PartnerPage {
    fn new(
        shell: OfficeShell,
        found: Found,
        programme: &Programme,
        public_url: &str,
        (me, role): (&str, Role),
        (asked, refused): (&Asked, Refused),
    ) -> PartnerPage {
        let Found { partner, visits: (clicks, automatic), books, request, now } = found;
        let rate_form = if refused.is("rate") {
            refused.form("rate").clone()
        } else {
            Fields::filled([("rate", &partner.agreed_rate.map(Rate::percent).unwrap_or_default())])
        };
        PartnerPage {
            shell,
            conflict: None,
            email_confirmed: false,
            status: Badge::partner(partner.suspended.is_some()),
            link: format!("{public_url}{}", paths::referral(partner.code)),
            code: partner.code.spoken(),
            rate: rate_now(&partner, programme),
            rate_why: rate_why(&partner, programme),
            since: Moment::exact(partner.created_at),
            clicks: grouped(clicks),
            automatic: (automatic > 0).then(|| grouped(automatic)),
            clients: grouped(partner.clients),
            won: grouped(partner.deals_won),
            volume: programme.currency.format(partner.volume),
            clients_href: role
                .may(Permission::ReadClients)
                .then(|| paths::with_query(paths::OFFICE_CLIENTS, &[("partner", &partner.id)])),
            books: books.map(|books| Books::new(books, programme, (me, role), asked, (&partner.id, now))),
            may_manage: role.may(Permission::ManagePartners),
            may_erase: role.may(Permission::ErasePeople),
            erased: None,
            erasure_asked: None,
            may_adjust: role.may(Permission::AdjustBalances),
            limit: limit(programme),
            // A refused form keeps its own, so that sending it again is the same adjustment.
            request: Some(refused.form("adjust").typed("request"))
                .filter(|kept| !kept.is_empty())
                .map_or(request, str::to_owned),
            refused,
            rate_form,
            currency: programme.currency.code(),
            suspended: partner.suspended.map(|(at, reason)| (Moment::exact(at), reason)),
            id: partner.id,
            name: partner.name,
            email: partner.email,
        }
    }
}

/// What a page is shown for.
#[derive(Default)]
struct Occasion {
    asked: Asked,
    refused: Refused,
    conflict: Option<String>,
}

async fn render(app: &App, staff: Staff, id: String, status: StatusCode, occasion: Occasion) -> Page {
    let (me, role) = (staff.actor.id.clone(), staff.role);
    let (done, before) = (occasion.asked.done(), occasion.asked.number("before"));
    let (shell, found, programme, profile, erasure) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let partner = partners::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_PARTNERS, done.as_deref())?;
            let currency = env.programme.currency;
            let books = if staff.role.may(Permission::ReadWithdrawals) {
                let balances = ledger::balances(tx, &id, currency)?;
                let account = Account::payable(&id, currency);
                let lines = ledger::statement(tx, &account, before, ROWS_AND_ONE)?;
                let facts = Facts::read(tx, &lines)?;
                let list = PartnerWithdrawals::default();
                let requested = withdrawals::of_partner(tx, &id, &list, None, WITHDRAWALS)?;
                let withdrawals = requested.into_iter().map(|(withdrawal, _)| withdrawal).collect();
                let adjustments = adjustments::of_partner(tx, &id, ADJUSTMENTS)?;
                Some(Read { balances, lines, facts, withdrawals, adjustments })
            } else {
                None
            };
            let request = env.ids.uuid(env.now);
            let found = Found { visits: partners::visits(tx, &id)?, partner, books, request, now: env.now };
            let erasure = store::erasure::of_partner(tx, &id)?;
            Ok((shell, found, env.programme.clone(), profiles::of_account(tx, &id)?, erasure))
        })
        .await?;
    let kept = (&occasion.asked, occasion.refused);
    let page = PartnerPage::new(shell, found, &programme, &app.public_url, (&me, role), kept);
    let email_confirmed = profile.is_some_and(|profile| profile.email_confirmed_at.is_some());
    let (erased, asked) = (erasure.0.map(Moment::day), erasure.1.map(Moment::day));
    let page = PartnerPage {
        conflict: occasion.conflict,
        email_confirmed,
        may_manage: page.may_manage && erased.is_none(),
        may_adjust: page.may_adjust && erased.is_none(),
        may_erase: page.may_erase && erased.is_none(),
        erased,
        erasure_asked: asked,
        ..page
    };
    show_with(status, &page)
}

/// `GET /office/partners/{id}`
///
/// # Errors
/// 404 when there is no such partner.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    render(&app, staff, id, StatusCode::OK, Occasion { asked, ..Occasion::default() }).await
}

/// `POST /office/partners/{id}/suspend`
///
/// # Errors
/// 404 when there is no such partner.
pub async fn suspend(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(reason) = form.check("reason", |typed| Message::parse_as("reason", typed)) else {
        return refuse(&app, staff, id, "suspend", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::suspend(tx, env, &by, &of, reason.as_str())).await;
    answer(&app, staff, id, "suspended", done).await
}

/// `POST /office/partners/{id}/reinstate`
///
/// # Errors
/// 404 when there is no such partner.
pub async fn reinstate(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::reinstate(tx, env, &by, &of)).await;
    answer(&app, staff, id, "reinstated", done).await
}

/// `POST /office/partners/{id}/rate`
///
/// # Errors
/// 404 when there is no such partner.
pub async fn set_rate(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let parse = |typed: &str| match typed.trim() {
        "" => Ok(None),
        typed => Rate::parse_percent(typed).map(Some),
    };
    let Some(rate) = form.check("rate", parse) else {
        return refuse(&app, staff, id, "rate", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::agree_rate(tx, env, &by, &of, rate)).await;
    answer(&app, staff, id, "rate", done).await
}

/// The page with a form that can't be taken as things stand; the form says why.
///
/// # Errors
/// 404 when there is no such partner.
pub(super) async fn conflict(app: &App, staff: Staff, id: String, act: &'static str, form: Fields) -> Page {
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, id, StatusCode::CONFLICT, occasion).await
}

/// The page with why an act that is not on it any more can't be done.
///
/// # Errors
/// 404 when there is no such partner.
pub(super) async fn too_late(app: &App, staff: Staff, id: String, why: String) -> Page {
    let occasion = Occasion { conflict: Some(why), ..Occasion::default() };
    render(app, staff, id, StatusCode::CONFLICT, occasion).await
}

/// The page with a form that was refused.
///
/// # Errors
/// 404 when there is no such partner.
pub(super) async fn refuse(app: &App, staff: Staff, id: String, act: &'static str, form: Fields) -> Page {
    let of = id.clone();
    let found = app.read(move |tx, _| partners::by_id(tx, &of)).await?.ok_or_else(PageError::not_found)?;
    // The form is no longer shown: what is wrong with its field is beside the point.
    if act == "suspend" && found.suspended.is_some() {
        return answer(app, staff, id, "", Err(PartnerError::AlreadySuspended)).await;
    }
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, id, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

async fn answer(app: &App, staff: Staff, id: String, word: &str, done: Result<(), PartnerError>) -> Page {
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_partner(&id), &[("done", word)])),
        Err(PartnerError::Unknown) => Err(PageError::not_found()),
        Err(PartnerError::Db(error)) => Err(error.into()),
        Err(refusal) => {
            let occasion = Occasion { conflict: Some(refusal.to_string()), ..Occasion::default() };
            render(app, staff, id, StatusCode::CONFLICT, occasion).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{partners::tests::sample, withdrawals},
        *,
    };
    use domain::{
        ledger::{self as book, Side},
        money::Money,
        withdrawal::{Request, WithdrawalStatus, hold},
    };

    const AT: Timestamp = withdrawals::tests::AT;

    fn text(partner: Partner, role: Role, refused: Refused) -> String {
        let programme = Programme::standard();
        let withdrawal = withdrawals::tests::sample(WithdrawalStatus::Pending);
        let transfer = hold(&Request {
            id: &withdrawal.id,
            partner: &partner.id,
            currency: programme.currency,
            amount: withdrawal.amount,
        });
        let line = StatementLine {
            entry: book::Entry {
                account: transfer.debit.key(),
                seq: 3,
                transfer: transfer.key.clone(),
                side: Side::Debit,
                amount: withdrawal.amount,
                balance_after: Money::from_minor(184_000),
            },
            change: -withdrawal.amount,
            transfer,
            at: AT,
        };
        let books = role.may(Permission::ReadWithdrawals).then(|| Read {
            balances: Balances::default(),
            lines: vec![line],
            facts: Facts::default(),
            withdrawals: vec![withdrawal],
            adjustments: vec![Adjustment {
                id: "j1".into(),
                partner: store::clients::PartnerName { id: "p1".into(), name: "Mara".into() },
                amount: Money::from_minor(-1_200_000),
                code: book::TransferCode::Correction,
                reason: "Counted <twice>".into(),
                status: domain::adjustment::AdjustmentStatus::Proposed,
                proposed_at: AT,
                proposer_id: "me".into(),
                proposed_by: "Fay".into(),
                decided: None,
                two_people: true,
            }],
        });
        let found = Found { partner, visits: (1204, 31), books, request: "r-1".into(), now: AT };
        let shell = OfficeShell::sample();
        let kept = (&Asked::default(), refused);
        PartnerPage::new(shell, found, &programme, "http://localhost", ("me", role), kept).render().unwrap()
    }

    #[test]
    fn finance_sees_balances_entries_and_forms() {
        let text = text(sample(), Role::Finance, Refused::default());
        for part in [
            "Mara &#60;Lindqvist&#62;",
            "http://localhost/r/",
            "1,204",
            "−2,400.00",
            "1,840.00",
            "48 h left",
            "Tier from 25,000.00. 15 % from 100,000.00.",
            "/rate\"",
            "/suspend\"",
            "/adjust\"",
            "value=\"r-1\"",
            "−12,000.00",
            "Counted &#60;twice&#62;",
            "/decline\"",
            "/office/clients?partner=",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("/office/adjustments/j1/approve\""), "one's own is for somebody else");
        assert!(!text.contains("/reinstate\""));
    }

    #[test]
    fn support_sees_neither_money_nor_forms() {
        let text = text(sample(), Role::Support, Refused::default());
        for part in [
            "1,840.00",
            "/adjust\"",
            "/rate\"",
            "/suspend\"",
            "/office/clients?partner=",
            "/office/withdrawals/",
        ] {
            assert!(!text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_suspended_partner_can_be_reinstated_and_errors_stand_beside_fields() {
        let mut form = Fields::filled([("rate", "ten")]);
        form.refuse("rate", "Write a percentage.");
        let partner = Partner { suspended: Some((AT, "Sent <spam>".into())), ..sample() };
        let text = text(partner, Role::Admin, Refused::act("rate", form));
        for part in ["Sent &#60;spam&#62;", "/reinstate\"", "id=\"rate-rate-error\"", "value=\"ten\""] {
            assert!(text.contains(part), "{part}");
        }
    }
}
