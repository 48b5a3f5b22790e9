//! A guest's support request, reached with the secret that was mailed. It shows the conversation and nothing of any
//! account.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
};
use domain::text::Message;
use store::support::{Entry, Ticket};

use crate::{
    app::App,
    ops::support::{self, ReplyError, Way},
    web::{
        address::Origin,
        conversation::{self, Conversation},
        error::{Explanation, PageError},
        fields::{Asked, Fields},
        paths,
        shell::PublicShell,
        show::{Page, go_to, show_with},
    },
};

#[derive(Template)]
#[template(path = "public/ticket.html")]
struct TicketPage {
    shell: PublicShell,
    notice: Option<&'static str>,
    talk: Conversation,
}

/// The number and the secret of the address. What is no number leads nowhere, like a wrong secret.
fn way((number, secret): (String, String)) -> Result<Way, PageError> {
    match number.parse() {
        Ok(number) if number > 0 => Ok(Way::Secret { number, secret }),
        _ => Err(gone()),
    }
}

/// One answer for every wrong address: it doesn't tell whether the number exists.
fn gone() -> PageError {
    PageError::Explained(Explanation {
        status: StatusCode::NOT_FOUND,
        title: "This address leads nowhere".into(),
        sentence: "It may have been cut short on its way: copy the whole address from our mail. Or write to us again."
            .into(),
        way_on: (paths::SUPPORT.into(), "Write to support"),
    })
}

async fn find(app: &App, way: &Way) -> Result<(Ticket, Vec<Entry>), PageError> {
    let way = way.clone();
    let found = app
        .read(move |tx, _| -> Result<_, PageError> {
            let Some(ticket) = way.find(tx)? else { return Ok(None) };
            let entries = store::support::entries(tx, ticket.number, false)?;
            Ok(Some((ticket, entries)))
        })
        .await?;
    found.ok_or_else(gone)
}

async fn render(app: &App, way: Way, form: Fields, status: StatusCode, done: &str) -> Page {
    let (ticket, entries) = find(app, &way).await?;
    let Way::Secret { number, secret } = way else { return Err(gone()) };
    let env = app.env();
    let forms = conversation::guest_forms(number, &secret);
    let page = TicketPage {
        shell: PublicShell::for_partners(&env, paths::SUPPORT),
        notice: match done {
            "replied" => Some("Your message is sent. We answer by email."),
            "closed" => Some("Your request is closed. Thank you."),
            _ => None,
        },
        talk: Conversation::new(&env, &ticket, &entries, None, form, forms),
    };
    let mut response = show_with(status, &page)?;
    // A conversation that anybody with the address can read stays in no cache and in no search engine.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex"));
    Ok(response)
}

/// `GET /support/{n}/{secret}`
///
/// # Errors
/// 404 when the secret is wrong.
pub async fn page(State(app): State<App>, Path(at): Path<(String, String)>, asked: Asked) -> Page {
    render(&app, way(at)?, Fields::default(), StatusCode::OK, asked.value("done")).await
}

/// `POST /support/{n}/{secret}`: a reply.
///
/// # Errors
/// 404 when the secret is wrong.
pub async fn reply(
    State(app): State<App>,
    Origin(origin): Origin,
    Path(at): Path<(String, String)>,
    mut form: Fields,
) -> Page {
    let way = way(at)?;
    if let Err(too_often) = conversation::check_limits(&app, &origin, None).await {
        conversation::refuse_too_often(&mut form, too_often);
        return conversation::wait(render(&app, way, form, StatusCode::OK, "").await, too_often);
    }
    let Some(message) = form.check("message", Message::parse) else {
        return render(&app, way, form, StatusCode::UNPROCESSABLE_ENTITY, "").await;
    };
    let (by, submission) = (way.clone(), conversation::submission(&form));
    let done = app.write(move |tx, env| support::reply(tx, env, &by, &message, submission.as_deref())).await;
    answer(&app, way, form, done, "replied").await
}

/// `POST /support/{n}/{secret}/close`
///
/// # Errors
/// 404 when the secret is wrong.
pub async fn close(State(app): State<App>, Path(at): Path<(String, String)>) -> Page {
    let way = way(at)?;
    let by = way.clone();
    let done = app.write(move |tx, env| support::close(tx, env, &by)).await;
    answer(&app, way, Fields::default(), done, "closed").await
}

async fn answer(app: &App, way: Way, mut form: Fields, done: Result<(), ReplyError>, word: &str) -> Page {
    match done {
        Ok(()) => match &way {
            Way::Secret { number, secret } => {
                go_to(&paths::with_query(&paths::support_by_secret(*number, secret), &[("done", word)]))
            }
            Way::Partner { .. } => Err(gone()),
        },
        Err(ReplyError::Unknown) => Err(gone()),
        Err(ReplyError::Db(error)) => Err(error.into()),
        Err(error @ (ReplyError::Refused(_) | ReplyError::TooLong)) => {
            form.refuse_form(error);
            render(app, way, form, StatusCode::CONFLICT, "").await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{conversation::samples, office::parts::Badge};
    use domain::support::TicketStatus;
    use store::support::EntryKind;

    fn text(talk: Conversation) -> String {
        let shell = PublicShell { programme: "Northwind".into(), here: paths::SUPPORT, partners: true };
        TicketPage { shell, notice: Some("Sent."), talk }.render().unwrap()
    }

    fn talk(over: Option<String>, form: Fields) -> Conversation {
        let said = [
            samples::entry(EntryKind::Person, None, "I can't <sign> in"),
            samples::entry(EntryKind::Answer, Some("s1"), "Try this"),
            samples::entry(EntryKind::Closed, Some("s1"), ""),
        ];
        let (reply_to, close_at) = conversation::guest_forms(3001, "s3cret");
        Conversation {
            number: 3001,
            status: Badge::new("done", "Answered"),
            age: conversation::age(&samples::ticket(TicketStatus::Answered), samples::AT),
            kind: "Technical",
            concerns: "C-1".into(),
            said: said.iter().map(|entry| conversation::Said::to_person(entry, "Northwind", None)).collect(),
            form,
            reply_to,
            close_at: Some(close_at).filter(|_| over.is_none()),
            over,
        }
    }

    #[test]
    fn the_conversation_is_shown_with_a_reply_and_no_name_of_staff() {
        let mut form = Fields::filled([("message", "typed <i>")]);
        form.refuse("message", "Too long.");
        let html = text(talk(None, form));
        for part in [
            "S-3001",
            "I can&#39;t &#60;sign&#62; in",
            "Try this",
            "closed this request",
            "action=\"/support/3001/s3cret\"",
            "action=\"/support/3001/s3cret/close\"",
            "typed &#60;i&#62;",
            "Too long.",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("Sue"), "{html}");
    }

    #[test]
    fn what_is_over_leads_to_a_new_request() {
        let html = text(talk(Some("It is over.".into()), Fields::default()));
        assert!(html.contains("It is over.") && html.contains("href=\"/support\""));
        assert!(!html.contains("<textarea"));
    }
}
