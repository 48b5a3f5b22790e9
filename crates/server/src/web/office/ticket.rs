//! One support request: the conversation, who writes and what it concerns, the answer, closing and opening again.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Timestamp,
    money::Currency,
    permission::{Permission, Role},
    support::{TicketAct, TicketStatus, next_status},
    text::Message,
};
use store::{
    Tx,
    accounts::{self, Account, Kind},
    ledger::{self, Balances},
    support::{self as tickets, Entry, Ticket},
};

use super::{
    parts::{Asked, Badge, Link, Moment, Number, Refused},
    support::badge,
};
use crate::{
    app::{App, Env},
    ops::support::{self as acts, ActError, Seen},
    web::{
        conversation::Said,
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/ticket.html")]
struct TicketPage {
    shell: OfficeShell,
    /// Why the act that was sent can't be done as the request stands.
    conflict: Option<String>,
    number: i64,
    version: i64,
    status: Badge,
    open: bool,
    closed: bool,
    kind: &'static str,
    name: String,
    email: String,
    sent: Moment,
    answered: Option<(String, Moment)>,
    who: Who,
    concerns: Concern,
    said: Vec<Said>,
    refused: Refused,
}

/// Who writes, as far as that is known.
struct Who {
    /// The partner who was signed in.
    partner: Option<Link>,
    /// The account's address, where answers go to another one.
    other_email: Option<String>,
    /// Nobody was signed in, but the address is that of an account.
    same_address: Option<SameAddress>,
    /// For those who may see them: available, on hold, reserved, paid out.
    balances: Option<[String; 4]>,
    currency: &'static str,
}

/// Whose address a guest has given.
struct SameAddress {
    /// A partner, with the way to the page; or else a colleague.
    partner: Option<Link>,
    name: String,
}

/// What the request is about.
#[derive(Default)]
struct Concern {
    /// The number as typed, or empty.
    typed: String,
    /// Nobody checked it: the person wasn't signed in.
    unchecked: bool,
    /// Client and deal that were checked, with the way to them for those who may open it.
    found: Vec<Link>,
    /// For those who may: where an unchecked number is looked up.
    look_up: Option<String>,
}

/// Everything the page shows, as read at one moment.
struct Found {
    ticket: Ticket,
    entries: Vec<Entry>,
    /// The account of the partner who was signed in, or the one that has a guest's address.
    account: Option<Account>,
    balances: Option<Balances>,
    now: Timestamp,
}

fn find(tx: &mut Tx, env: &Env, number: i64, role: Role) -> Result<Found, PageError> {
    let ticket = tickets::by_number(tx, number)?.ok_or_else(PageError::not_found)?;
    let account = match &ticket.partner {
        Some(partner) => accounts::by_id(tx, &partner.id)?,
        None => accounts::by_email(tx, &ticket.email_key)?,
    };
    // Only of a partner who was signed in: anybody can type another's address.
    let balances = match &ticket.partner {
        Some(partner) if role.may(Permission::ReadWithdrawals) => {
            Some(ledger::balances(tx, &partner.id, env.programme.currency)?)
        }
        _ => None,
    };
    Ok(Found { entries: tickets::entries(tx, number, true)?, account, balances, now: env.now, ticket })
}

impl Who {
    fn new(found: &Found, currency: Currency) -> Who {
        let ticket = &found.ticket;
        let account = found.account.as_ref();
        let balances = found.balances.as_ref();
        Who {
            partner: ticket.partner.as_ref().map(Link::partner),
            other_email: account
                .filter(|account| ticket.partner.is_some() && account.email != ticket.email)
                .map(|account| account.email.clone()),
            same_address: account.filter(|_| ticket.partner.is_none()).map(|account| SameAddress {
                partner: (account.kind == Kind::Partner)
                    .then(|| Link { href: paths::office_partner(&account.id), text: account.name.clone() }),
                name: account.name.clone(),
            }),
            balances: balances.map(|is| {
                [is.available, is.on_hold, is.reserved, is.paid].map(|amount| currency.format(amount))
            }),
            currency: currency.code(),
        }
    }
}

impl Concern {
    fn new(ticket: &Ticket, role: Role) -> Concern {
        let may = role.may(Permission::ReadClients);
        let client = ticket.client.map(|number| Link::client(number, ""));
        let found = client
            .into_iter()
            .chain(ticket.deal.map(Link::deal))
            .map(|link| Link {
                href: if may { link.href } else { String::new() },
                text: link.text.trim().into(),
            })
            .collect();
        let unchecked = ticket.partner.is_none() && !ticket.concerns.is_empty();
        let search = paths::with_query(paths::OFFICE_CLIENTS, &[("q", &ticket.concerns)]);
        Concern {
            typed: ticket.concerns.clone(),
            unchecked,
            found,
            look_up: Some(search).filter(|_| unchecked && may),
        }
    }
}

impl TicketPage {
    fn new(
        shell: OfficeShell,
        found: &Found,
        currency: Currency,
        role: Role,
        refused: Refused,
    ) -> TicketPage {
        let ticket = &found.ticket;
        TicketPage {
            shell,
            conflict: None,
            number: ticket.number,
            version: ticket.version,
            status: badge(ticket, found.now),
            open: ticket.status == TicketStatus::Open,
            closed: ticket.status == TicketStatus::Closed,
            kind: ticket.kind.label(),
            name: ticket.name.clone(),
            email: ticket.email.clone(),
            sent: Moment::exact(ticket.created_at),
            answered: ticket.answered.as_ref().map(|(at, by)| (by.clone(), Moment::exact(*at))),
            who: Who::new(found, currency),
            concerns: Concern::new(ticket, role),
            said: found.entries.iter().map(Said::to_staff).collect(),
            refused,
        }
    }
}

/// What the page is shown for: nothing in particular, a form that was refused, or an act that came too late.
#[derive(Default)]
struct Occasion {
    done: Option<String>,
    refused: Refused,
    conflict: Option<String>,
}

async fn render(app: &App, staff: Staff, number: i64, status: StatusCode, occasion: Occasion) -> Page {
    let (role, done) = (staff.role, occasion.done);
    let (shell, found) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let found = find(tx, env, number, role)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_SUPPORT, done.as_deref())?;
            Ok((shell, found))
        })
        .await?;
    let page = TicketPage::new(shell, &found, app.programme().currency, role, occasion.refused);
    show_with(status, &TicketPage { conflict: occasion.conflict, ..page })
}

/// `GET /office/support/{n}`
///
/// # Errors
/// 404 when there is no such request.
pub async fn page(State(app): State<App>, staff: Staff, Number(number): Number, asked: Asked) -> Page {
    render(&app, staff, number, StatusCode::OK, Occasion { done: asked.done(), ..Occasion::default() }).await
}

/// What the page showed when the form on it was filled in.
fn seen(number: i64, form: &Fields) -> Seen {
    // What is sent without a version was written by no page of ours; what has a broken one has seen nothing.
    let version = form.has("version").then(|| form.typed("version").parse().unwrap_or(-1));
    Seen { number, version }
}

/// `POST /office/support/{n}/answer`
///
/// # Errors
/// 404 when there is no such request.
pub async fn answer(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let Some(text) = form.check("answer", |typed| Message::parse_as("answer", typed)) else {
        return refuse(&app, staff, number, "answer", form).await;
    };
    let (by, seen) = (staff.actor.clone(), seen(number, &form));
    let done = app.write(move |tx, env| acts::answer(tx, env, &by, seen, &text)).await;
    finish(&app, staff, number, ("answer", "answered"), form, done).await
}

/// `POST /office/support/{n}/note`
///
/// # Errors
/// 404 when there is no such request.
pub async fn note(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let Some(text) = form.check("message", |typed| Message::parse_as("note", typed)) else {
        return refuse(&app, staff, number, "note", form).await;
    };
    let by = staff.actor.clone();
    let done = app.write(move |tx, env| acts::note(tx, env, &by, number, &text)).await;
    finish(&app, staff, number, ("note", "note"), form, done).await
}

/// `POST /office/support/{n}/close`
///
/// # Errors
/// 404 when there is no such request.
pub async fn close(State(app): State<App>, staff: Staff, Number(number): Number, form: Fields) -> Page {
    let (by, seen) = (staff.actor.clone(), seen(number, &form));
    let done = app.write(move |tx, env| acts::set_closed(tx, env, &by, seen, true)).await;
    finish(&app, staff, number, ("close", "ticket-closed"), form, done).await
}

/// `POST /office/support/{n}/reopen`
///
/// # Errors
/// 404 when there is no such request.
pub async fn reopen(State(app): State<App>, staff: Staff, Number(number): Number, form: Fields) -> Page {
    let (by, seen) = (staff.actor.clone(), seen(number, &form));
    let done = app.write(move |tx, env| acts::set_closed(tx, env, &by, seen, false)).await;
    finish(&app, staff, number, ("reopen", "ticket-reopened"), form, done).await
}

async fn refuse(app: &App, staff: Staff, number: i64, act: &'static str, form: Fields) -> Page {
    let found =
        app.read(move |tx, _| tickets::by_number(tx, number)).await?.ok_or_else(PageError::not_found)?;
    if act == "answer"
        && let Err(refusal) = next_status(found.status, TicketAct::Answer)
    {
        // A form that is no longer shown: what is wrong with its field is beside the point.
        return finish(app, staff, number, (act, ""), form, Err(refusal.into())).await;
    }
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, number, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

async fn finish(
    app: &App,
    staff: Staff,
    number: i64,
    (act, word): (&'static str, &str),
    form: Fields,
    done: Result<(), ActError>,
) -> Page {
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_ticket(number), &[("done", word)])),
        Err(ActError::Unknown) => Err(PageError::not_found()),
        Err(ActError::Db(error)) => Err(error.into()),
        Err(error @ (ActError::Refused(_) | ActError::Overtaken)) => {
            let refused = Refused::act(act, form);
            let occasion = Occasion { refused, conflict: Some(error.to_string()), ..Occasion::default() };
            render(app, staff, number, StatusCode::CONFLICT, occasion).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::conversation::samples;
    use domain::money::Money;
    use store::support::EntryKind;

    fn found(ticket: Ticket, account: Option<Account>) -> Found {
        let balances = ticket
            .partner
            .is_some()
            .then(|| Balances { available: Money::from_minor(184_000), ..Balances::default() });
        Found {
            entries: vec![
                samples::entry(EntryKind::Person, Some("p1"), "Where is <it>?"),
                samples::entry(EntryKind::Note, Some("s1"), "Rang the bank"),
            ],
            account,
            balances,
            now: samples::AT,
            ticket,
        }
    }

    fn account(kind: Kind, email: &str) -> Account {
        Account {
            id: "p1".into(),
            kind,
            name: "Mara <L>".into(),
            email: email.into(),
            password_hash: None,
            disabled: false,
        }
    }

    fn text(found: &Found, role: Role, refused: Refused) -> String {
        TicketPage::new(OfficeShell::sample(), found, Currency::USD, role, refused).render().unwrap()
    }

    #[test]
    fn a_partners_request_links_to_what_the_role_may_open() {
        let ticket = samples::ticket(TicketStatus::Open);
        let found = found(ticket, Some(account(Kind::Partner, "mara@example.com")));
        let finance = text(&found, Role::Finance, Refused::default());
        for part in [
            "/office/partners/p1",
            "/office/clients/1042",
            "/office/deals/2077",
            "1,840.00",
            "Where is &#60;it&#62;?",
            "Rang the bank",
            "Sue &#60;Support&#62;",
            "action=\"/office/support/3001/answer\"",
            "name=\"version\" value=\"2\"",
            "action=\"/office/support/3001/close\"",
        ] {
            assert!(finance.contains(part), "{part} is missing in {finance}");
        }
        assert!(!finance.contains("not signed in") && !finance.contains("another address"));
        let support = text(&found, Role::Support, Refused::default());
        assert!(!support.contains("/office/clients/1042") && support.contains("C-1042"));
    }

    #[test]
    fn a_guest_is_not_taken_for_the_partner_whose_address_was_typed() {
        let guest = Ticket { partner: None, client: None, deal: None, ..samples::ticket(TicketStatus::Open) };
        let page = text(
            &found(guest.clone(), Some(account(Kind::Partner, "mara@example.com"))),
            Role::Admin,
            Refused::default(),
        );
        for part in ["Same address as partner", "not signed in", "Not checked", "/office/clients?q=T-2077"] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains("Available"));
        let page = text(
            &found(guest.clone(), Some(account(Kind::Staff, "ada@example.com"))),
            Role::Support,
            Refused::default(),
        );
        assert!(page.contains("Same address as a colleague") && !page.contains("/office/clients?q="));
        assert!(!text(&found(guest, None), Role::Support, Refused::default()).contains("Same address"));
    }

    #[test]
    fn an_address_other_than_the_accounts_is_pointed_out() {
        let found =
            found(samples::ticket(TicketStatus::Open), Some(account(Kind::Partner, "old@example.com")));
        assert!(text(&found, Role::Support, Refused::default()).contains("old@example.com"));
    }

    #[test]
    fn what_is_closed_is_opened_before_it_is_answered_and_nothing_typed_is_lost() {
        let found = found(samples::ticket(TicketStatus::Closed), None);
        let page = text(&found, Role::Support, Refused::default());
        assert!(
            page.contains("/office/support/3001/reopen") && !page.contains("/office/support/3001/answer")
        );
        let typed = Fields::filled([("answer", "typed <i>"), ("version", "1")]);
        let page = text(&found, Role::Support, Refused::act("answer", typed.clone()));
        assert!(page.contains("typed &#60;i&#62;"));
        let found = super::tests::found(samples::ticket(TicketStatus::Open), None);
        let page = text(&found, Role::Support, Refused::act("answer", typed));
        assert!(page.contains("typed &#60;i&#62;") && page.contains("name=\"version\" value=\"2\""));
    }
}
