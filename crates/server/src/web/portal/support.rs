//! Support for a partner: the form, and what was asked before. The address is shared with guests, see
//! [`public::support`](crate::web::public::support).

use askama::Template;
use axum::http::StatusCode;
use domain::clock::Timestamp;
use store::support::{self as tickets, Ticket};

use crate::{
    app::App,
    ops::support::{self, AskError, SignedIn},
    web::{
        conversation,
        error::PageError,
        fields::{Asked, Fields},
        office::parts::{Badge, Moment},
        paths,
        shell::PortalShell,
        show::{Page, go_to, show_with},
        visitor::Partner,
    },
};

/// How many requests are shown at once: the form should not be far below.
const ROWS: usize = 10;

#[derive(Template)]
#[template(path = "portal/support.html")]
struct SupportPage {
    shell: PortalShell,
    form: Fields,
    rows: Vec<Row>,
    /// This is not the first page.
    further: bool,
    next: Option<String>,
}

struct Row {
    href: String,
    number: i64,
    kind: &'static str,
    concerns: String,
    status: Badge,
    age: String,
    sent: Moment,
}

impl Row {
    fn new(ticket: &Ticket, now: Timestamp) -> Row {
        Row {
            href: paths::support_ticket(ticket.number),
            number: ticket.number,
            kind: ticket.kind.label(),
            concerns: ticket.concerns.clone(),
            status: conversation::badge(ticket.status),
            age: conversation::age(ticket, now),
            sent: Moment::day(ticket.created_at),
        }
    }
}

async fn render(
    app: &App,
    partner: &Partner,
    mut form: Fields,
    status: StatusCode,
    (before, done): (Option<i64>, &str),
) -> Page {
    let id = partner.id.clone();
    let mut found = app
        .read(move |tx, _| tickets::of_partner(tx, &id, before, ROWS as i64 + 1))
        .await
        .map_err(PageError::from)?;
    let more = found.len() > ROWS;
    found.truncate(ROWS);
    let next = found.last().filter(|_| more).map(|last| last.number.to_string());
    let env = app.env();
    conversation::renew(&mut form, &env);
    let page = SupportPage {
        shell: PortalShell::new(&env, partner, paths::SUPPORT, Some(done)),
        form,
        rows: found.iter().map(|ticket| Row::new(ticket, env.now)).collect(),
        further: before.is_some(),
        next: next.map(|number| paths::with_query(paths::SUPPORT, &[("before", &number)])),
    };
    show_with(status, &page)
}

/// `GET /support` of a partner.
///
/// # Errors
/// When the database can't be read.
pub async fn page(app: &App, partner: Partner, asked: &Asked, mut form: Fields) -> Page {
    form.set("name", partner.name.clone());
    form.set("email", partner.email.clone());
    let before = asked.value("before").parse().ok().filter(|number| *number > 0);
    render(app, &partner, form, StatusCode::OK, (before, asked.value("done"))).await
}

/// `POST /support` of a partner.
///
/// # Errors
/// When the database says no.
pub async fn send(app: &App, origin: &str, partner: Partner, mut form: Fields) -> Page {
    let who = SignedIn { id: partner.id.clone(), email: partner.email.clone() };
    let Some(ask) = conversation::read(&mut form, Some(who)) else {
        return render(app, &partner, form, StatusCode::UNPROCESSABLE_ENTITY, (None, "")).await;
    };
    let unconfirmed = Some(&ask.email).filter(|email| email.as_str() != partner.email);
    if let Err(too_often) = conversation::check_limits(app, origin, unconfirmed).await {
        conversation::refuse_too_often(&mut form, too_often);
        let page = render(app, &partner, form, StatusCode::OK, (None, "")).await;
        return conversation::wait(page, too_often);
    }
    let status = match app.write(move |tx, env| support::ask(tx, env, &ask)).await {
        Ok(number) => {
            return go_to(&paths::with_query(&paths::support_ticket(number), &[("done", "support")]));
        }
        Err(AskError::Db(error)) => return Err(error.into()),
        Err(error @ (AskError::NoNumber | AskError::NotYours)) => {
            form.refuse("transaction", error);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(error @ AskError::OtherRequest(_)) => {
            form.refuse_form(error);
            conversation::start_anew(&mut form, &app.env());
            StatusCode::CONFLICT
        }
    };
    render(app, &partner, form, status, (None, "")).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{conversation::samples, portal::samples as portal};
    use domain::{clock::HOUR, support::TicketStatus};

    fn text(rows: Vec<Row>, form: Fields) -> String {
        let next = Some("/support?before=3001".to_owned()).filter(|_| !rows.is_empty());
        SupportPage { shell: portal::shell(paths::SUPPORT), form, rows, further: false, next }
            .render()
            .unwrap()
    }

    #[test]
    fn requests_stand_above_the_form_with_status_and_age() {
        let row = Row::new(&samples::ticket(TicketStatus::Open), samples::AT.plus(2 * HOUR));
        let mut form = Fields::filled([("message", "typed <b>"), ("kind", "financial")]);
        form.refuse("transaction", "Not yours.");
        let html = text(vec![row], form);
        for part in [
            "href=\"/support/3001\"",
            "waits for 2 h",
            "T-2077",
            "typed &#60;b&#62;",
            "Not yours.",
            "value=\"financial\" required checked",
            "/support?before=3001",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn whoever_never_asked_sees_the_form_alone() {
        let html = text(vec![], Fields::default());
        assert!(!html.contains("<table") && html.contains("name=\"message\""));
    }
}
