//! One support request of a partner: the conversation, a reply, closing.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::text::Message;

use crate::{
    app::App,
    ops::support::{self, ReplyError, Way},
    web::{
        address::Origin,
        conversation::{self, Conversation},
        error::PageError,
        fields::{Asked, Fields},
        office::parts::Number,
        paths,
        shell::PortalShell,
        show::{Page, go_to, show_with},
        visitor::Partner,
    },
};

#[derive(Template)]
#[template(path = "portal/ticket.html")]
struct TicketPage {
    shell: PortalShell,
    talk: Conversation,
}

fn way(partner: &Partner, number: i64) -> Way {
    Way::Partner { actor: partner.actor(), number }
}

async fn render(
    app: &App,
    partner: &Partner,
    number: i64,
    form: Fields,
    (status, done): (StatusCode, &str),
) -> Page {
    let by = way(partner, number);
    let found = app
        .read(move |tx, _| -> Result<_, PageError> {
            let Some(ticket) = by.find(tx)? else { return Ok(None) };
            let entries = store::support::entries(tx, ticket.number, false)?;
            Ok(Some((ticket, entries)))
        })
        .await?;
    // Somebody else's is answered like one that doesn't exist.
    let (ticket, entries) = found.ok_or_else(PageError::not_found)?;
    let env = app.env();
    let forms = conversation::partner_forms(number);
    let page = TicketPage {
        shell: PortalShell::new(&env, partner, paths::SUPPORT, Some(done)),
        talk: Conversation::new(&env, &ticket, &entries, Some(&partner.id), form, forms),
    };
    show_with(status, &page)
}

/// `GET /support/{n}`
///
/// # Errors
/// 404 when the partner has no such request.
pub async fn page(State(app): State<App>, partner: Partner, Number(number): Number, asked: Asked) -> Page {
    render(&app, &partner, number, Fields::default(), (StatusCode::OK, asked.value("done"))).await
}

/// `POST /support/{n}/reply`
///
/// # Errors
/// 404 when the partner has no such request.
pub async fn reply(
    State(app): State<App>,
    Origin(origin): Origin,
    partner: Partner,
    Number(number): Number,
    mut form: Fields,
) -> Page {
    if let Err(too_often) = conversation::check_limits(&app, &origin, None).await {
        conversation::refuse_too_often(&mut form, too_often);
        let page = render(&app, &partner, number, form, (StatusCode::OK, "")).await;
        return conversation::wait(page, too_often);
    }
    let Some(message) = form.check("message", Message::parse) else {
        return render(&app, &partner, number, form, (StatusCode::UNPROCESSABLE_ENTITY, "")).await;
    };
    let (by, submission) = (way(&partner, number), conversation::submission(&form));
    let done = app.write(move |tx, env| support::reply(tx, env, &by, &message, submission.as_deref())).await;
    answer(&app, &partner, number, form, (done, "replied")).await
}

/// `POST /support/{n}/close`
///
/// # Errors
/// 404 when the partner has no such request.
pub async fn close(State(app): State<App>, partner: Partner, Number(number): Number) -> Page {
    let by = way(&partner, number);
    let done = app.write(move |tx, env| support::close(tx, env, &by)).await;
    answer(&app, &partner, number, Fields::default(), (done, "ticket-closed")).await
}

async fn answer(
    app: &App,
    partner: &Partner,
    number: i64,
    mut form: Fields,
    (done, word): (Result<(), ReplyError>, &str),
) -> Page {
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::support_ticket(number), &[("done", word)])),
        Err(ReplyError::Unknown) => Err(PageError::not_found()),
        Err(ReplyError::Db(error)) => Err(error.into()),
        Err(error @ (ReplyError::Refused(_) | ReplyError::TooLong)) => {
            form.refuse_form(error);
            render(app, partner, number, form, (StatusCode::CONFLICT, "")).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{conversation::samples, portal::samples as portal};
    use domain::support::TicketStatus;
    use store::support::EntryKind;

    #[test]
    fn the_conversation_is_shown_with_the_forms_of_the_partner() {
        let ticket = samples::ticket(TicketStatus::Answered);
        let entries = [
            samples::entry(EntryKind::Person, Some("p1"), "Where is <it>?"),
            samples::entry(EntryKind::Answer, Some("s1"), "On its way"),
        ];
        let (reply_to, close_at) = conversation::partner_forms(3001);
        let talk = Conversation {
            number: 3001,
            status: conversation::badge(ticket.status),
            age: conversation::age(&ticket, samples::AT),
            kind: ticket.kind.label(),
            concerns: ticket.concerns.clone(),
            said: entries
                .iter()
                .map(|entry| conversation::Said::to_person(entry, "Northwind", Some("p1")))
                .collect(),
            form: Fields::filled([("submission", "s1")]),
            reply_to,
            close_at: Some(close_at),
            over: None,
        };
        let html = TicketPage { shell: portal::shell(paths::SUPPORT), talk }.render().unwrap();
        for part in [
            "Where is &#60;it&#62;?",
            "On its way",
            "action=\"/support/3001/reply\"",
            "action=\"/support/3001/close\"",
            "value=\"s1\"",
            "T-2077",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("Sue"));
    }
}
