//! One message of feedback, and its answer by mail.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::text::Message;

use super::{
    feedback::Written,
    parts::{Asked, Id, Refused},
};
use crate::{
    app::App,
    ops::feedback::{self as acts, AnswerError},
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
#[template(path = "office/feedback_message.html")]
struct MessagePage {
    shell: OfficeShell,
    /// Why the answer that was sent can't be taken as things stand.
    conflict: Option<String>,
    written: Written,
    refused: Refused,
}

async fn render(
    app: &App,
    staff: Staff,
    id: String,
    (status, done): (StatusCode, Option<String>),
    (refused, conflict): (Refused, Option<String>),
) -> Page {
    let (shell, message) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let message = store::feedback::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_FEEDBACK, done.as_deref())?;
            Ok((shell, message))
        })
        .await?;
    show_with(status, &MessagePage { shell, conflict, written: Written::new(message), refused })
}

/// `GET /office/feedback/{id}`
///
/// # Errors
/// 404 when there is no such message.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    render(&app, staff, id, (StatusCode::OK, asked.done()), Default::default()).await
}

/// `POST /office/feedback/{id}/answer`
///
/// # Errors
/// 404 when there is no such message.
pub async fn answer(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(text) = form.check("answer", |typed| Message::parse_as("answer", typed)) else {
        let of = id.clone();
        let found = app.read(move |tx, _| store::feedback::by_id(tx, &of)).await?;
        let (status, conflict) = match found.and_then(|message| message.answer) {
            // A form that is no longer shown: what is wrong with its field is beside the point.
            Some(answer) => (StatusCode::CONFLICT, Some(AnswerError::Answered(answer.by).to_string())),
            None => (StatusCode::UNPROCESSABLE_ENTITY, None),
        };
        let refused = (Refused::act("answer", form), conflict);
        return render(&app, staff, id, (status, None), refused).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    match app.write(move |tx, env| acts::answer(tx, env, &by, &of, &text)).await {
        Ok(()) => go_to(&paths::with_query(&paths::office_feedback(&id), &[("done", "feedback-answered")])),
        Err(AnswerError::Unknown) => Err(PageError::not_found()),
        Err(AnswerError::Db(error)) => Err(error.into()),
        Err(error @ AnswerError::Answered(_)) => {
            let refused = (Refused::act("answer", form), Some(error.to_string()));
            render(&app, staff, id, (StatusCode::CONFLICT, None), refused).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;
    use store::{
        clients::PartnerName,
        feedback::{Answer, Feedback},
    };

    const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn text(answer: Option<Answer>, refused: Refused) -> String {
        let written = Written::new(Feedback {
            id: "f1".into(),
            partner: PartnerName { id: "p1".into(), name: "Mara <L>".into() },
            message: "Line one\n<b>two</b>".into(),
            page: "/statistics".into(),
            mood: "bad".into(),
            created_at: AT,
            done: answer.is_some().then(|| (AT, "Sue".into())),
            answer,
        });
        MessagePage { shell: OfficeShell::sample(), conflict: None, written, refused }.render().unwrap()
    }

    #[test]
    fn a_message_has_one_answer() {
        let page = text(None, Refused::default());
        for part in ["Line one\n&#60;b&#62;two", "Mara &#60;L&#62;", "/office/feedback/f1/answer", "Bad"] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        let page =
            text(Some(Answer { message: "Thanks".into(), at: AT, by: "Sue".into() }), Refused::default());
        assert!(page.contains("Thanks") && !page.contains("/office/feedback/f1/answer"));
    }

    #[test]
    fn what_was_typed_is_kept_even_where_a_colleague_was_faster() {
        let typed = Refused::act("answer", Fields::filled([("answer", "typed <i>")]));
        for answer in [None, Some(Answer { message: "Thanks".into(), at: AT, by: "Sue".into() })] {
            assert!(text(answer, typed.clone()).contains("typed &#60;i&#62;"));
        }
    }
}
