//! Feedback: the form below every page of the portal sends here.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
};
use domain::text::Message;

use crate::{
    app::App,
    limits::Limited,
    ops::feedback,
    web::{
        fields::Fields,
        paths,
        shell::{PORTAL_NAV, PortalShell},
        show::{Page, go_to, show_with},
        visitor::Partner,
    },
};

/// The feedback form alone, when it was refused: the page it was sent from may hold another form, half filled in.
#[derive(Template)]
#[template(path = "portal/feedback.html")]
struct FeedbackPage {
    shell: PortalShell,
}

/// The page that feedback is about; what isn't one of ours counts as the main page.
fn page_of(typed: &str) -> &'static str {
    let named = PORTAL_NAV.iter().map(|(path, _)| *path);
    let below = [paths::STATEMENT, paths::ACCOUNT_NOTICES];
    named.chain(below).find(|page| *page == typed).unwrap_or(paths::LINK)
}

/// `POST /feedback`
///
/// # Errors
/// When the database says no.
pub async fn send(State(app): State<App>, partner: Partner, mut form: Fields) -> Page {
    let page = page_of(form.typed("page"));
    if let Err(too_often) = app.allow(Limited::Feedback, &partner.id).await {
        let wait = too_often.retry_after;
        form.refuse(
            "message",
            format!("These were many messages in a short time. Wait {wait} seconds, then send it again."),
        );
        let mut answer = refused(&app, &partner, page, form, StatusCode::TOO_MANY_REQUESTS)?;
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        return Ok(answer);
    }
    let Some(message) = form.check("message", Message::parse) else {
        return refused(&app, &partner, page, form, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let mood = feedback::MOODS.into_iter().find(|mood| *mood == form.typed("mood")).unwrap_or("");
    app.write(move |tx, env| feedback::send(tx, env, &partner.id, &message, page, mood)).await?;
    go_to(&paths::with_query(page, &[("done", "feedback")]))
}

fn refused(app: &App, partner: &Partner, page: &'static str, form: Fields, status: StatusCode) -> Page {
    let mut shell = PortalShell::new(&app.env(), partner, page, None);
    shell.feedback = form;
    show_with(status, &FeedbackPage { shell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::portal::samples;

    #[test]
    fn a_page_that_is_not_ours_counts_as_the_main_page() {
        for page in ["/wallets", "/account", "/account/notices", "/statistics/entries", "/guide"] {
            assert_eq!(page_of(page), page);
        }
        for typed in ["", "//evil.example", "https://evil.example", "/office", "/wallets\u{0}"] {
            assert_eq!(page_of(typed), "/link", "{typed:?}");
        }
    }

    #[test]
    fn who_is_suspended_is_led_to_support() {
        let mut shell = samples::shell(paths::WALLETS);
        assert!(!FeedbackPage { shell: shell.clone() }.render().unwrap().contains("suspended"));
        shell.suspended = true;
        assert!(
            FeedbackPage { shell }.render().unwrap().contains("<a href=\"/support\">write to support</a>")
        );
    }

    #[test]
    fn what_was_typed_is_kept() {
        let mut shell = samples::shell(paths::WALLETS);
        shell.feedback = Fields::filled([("message", "a <b>\nc"), ("mood", "mixed")]);
        shell.feedback.refuse("message", "Too long.");
        let html = FeedbackPage { shell }.render().unwrap();
        for expected in
            ["a &#60;b&#62;\nc", "value=\"mixed\" checked", "Too long.", "name=\"page\" value=\"/wallets\""]
        {
            assert!(html.contains(expected), "{expected} is missing");
        }
    }
}
