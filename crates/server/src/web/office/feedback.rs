//! What partners wrote from any page: what is open, and what was dealt with.

use askama::Template;
use axum::extract::State;
use store::feedback::{self, Feedback};

use super::parts::{Asked, Id, Link, Moment, Pager, ROWS_AND_ONE, page_of};
use crate::{
    app::App,
    ops::feedback as acts,
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/feedback.html")]
struct FeedbackPage {
    shell: OfficeShell,
    /// What was dealt with is shown, not what is open.
    done: bool,
    messages: Vec<Written>,
    pager: Pager,
}

/// A message as pages show it.
pub(super) struct Written {
    pub id: String,
    pub href: String,
    pub partner: Link,
    /// The icon and the word, where the partner chose one.
    pub mood: Option<(&'static str, &'static str)>,
    pub message: String,
    pub page: String,
    pub at: Moment,
    /// Who dealt with it, and when.
    pub done: Option<(String, Moment)>,
    /// What was answered, by whom and when.
    pub answer: Option<(String, String, Moment)>,
}

impl Written {
    pub fn new(feedback: Feedback) -> Written {
        Written {
            partner: Link::partner(&feedback.partner),
            mood: match feedback.mood.as_str() {
                "good" => Some(("smile", "Good")),
                "mixed" => Some(("meh", "So-so")),
                "bad" => Some(("frown", "Bad")),
                _ => None,
            },
            at: Moment::exact(feedback.created_at),
            done: feedback.done.map(|(at, by)| (by, Moment::exact(at))),
            answer: feedback.answer.map(|answer| (answer.message, answer.by, Moment::exact(answer.at))),
            href: paths::office_feedback(&feedback.id),
            id: feedback.id,
            message: feedback.message,
            page: feedback.page,
        }
    }
}

fn address(done: bool) -> String {
    paths::with_query(paths::OFFICE_FEEDBACK, &[("show", if done { "done" } else { "" })])
}

/// `GET /office/feedback`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let done = asked.0.value("show") == "done";
    let (before, word) = (asked.id("before"), asked.done());
    let (shell, messages) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_FEEDBACK, word.as_deref())?;
            Ok((shell, feedback::list(tx, done, before.as_deref(), ROWS_AND_ONE)?))
        })
        .await?;
    let (messages, pager) = page_of(messages, &asked, "before", &address(done), |message| message.id.clone());
    show(&FeedbackPage { shell, done, messages: messages.into_iter().map(Written::new).collect(), pager })
}

/// `POST /office/feedback/{id}/done`
///
/// # Errors
/// 404 when there is no such message.
pub async fn done(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    mark(&app, staff, id, true).await
}

/// `POST /office/feedback/{id}/reopen`
///
/// # Errors
/// 404 when there is no such message.
pub async fn reopen(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    mark(&app, staff, id, false).await
}

/// The person stays on the list the message was taken from.
async fn mark(app: &App, staff: Staff, id: String, done: bool) -> Page {
    let found = app.write(move |tx, env| acts::set_done(tx, env, &staff.actor, &id, done)).await?;
    if !found {
        return Err(PageError::not_found());
    }
    go_to(&paths::with_query(&address(!done), &[("done", "feedback")]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;
    use store::clients::PartnerName;

    fn text(done: bool, messages: Vec<Feedback>) -> String {
        let messages = messages.into_iter().map(Written::new).collect();
        let page = FeedbackPage { shell: OfficeShell::sample(), done, messages, pager: Pager::default() };
        page.render().unwrap()
    }

    #[test]
    fn messages_are_shown_as_written_with_their_mood() {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        let open = Feedback {
            id: "f1".into(),
            partner: PartnerName { id: "p1".into(), name: "Mara".into() },
            message: "Line one\n<b>two</b>".into(),
            page: "/statistics".into(),
            mood: "mixed".into(),
            created_at: at,
            done: None,
            answer: None,
        };
        let page = text(false, vec![open.clone()]);
        for part in [
            "So-so",
            "Line one\n&#60;b&#62;two",
            "/office/feedback/f1/done",
            "href=\"/office/feedback/f1\"",
            "/statistics",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let answer = feedback::Answer { message: "Thanks <i>".into(), at, by: "Sam".into() };
        let done = Some((at, "Sue".into()));
        let page = text(true, vec![Feedback { done, answer: Some(answer), mood: String::new(), ..open }]);
        for part in ["/office/feedback/f1/reopen", "Sue", "Thanks &#60;i&#62;", "Sam"] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn both_empty_lists_say_what_to_expect() {
        assert!(text(false, vec![]).contains("Nothing is open"));
        assert!(text(true, vec![]).contains("Nothing is done yet"));
    }
}
