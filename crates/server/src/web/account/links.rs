//! One-time addresses from mails: confirming an email address, and agreeing to a new one. Opening one changes nothing,
//! because programs that look for harm in mail open them, too: the person presses a button.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use axum_extra::extract::CookieJar;
use store::{DbError, SqlErrorKind, email_changes::Side};

use crate::{
    app::App,
    ops::{
        accounts,
        email_change::{self, Answered},
    },
    web::{
        error::{Explanation, PageError},
        fields::Fields,
        paths,
        proof::session_of,
        shell::PublicShell,
        show::{Page, show, show_with},
        visitor::Anybody,
    },
};

#[derive(Template)]
#[template(path = "public/confirm_email.html")]
struct ConfirmPage {
    shell: PublicShell,
    email: String,
}

#[derive(Template)]
#[template(path = "public/change_email.html")]
struct EmailPage {
    shell: PublicShell,
    old: String,
    new: String,
    /// The old address is asked; or else the new one.
    releases: bool,
}

/// What came of it, and where to go on.
#[derive(Template)]
#[template(path = "public/done.html")]
struct DonePage {
    shell: PublicShell,
    status: &'static str,
    word: &'static str,
    title: &'static str,
    sentence: String,
    way_on: (&'static str, &'static str),
}

fn gone() -> PageError {
    PageError::Explained(Explanation {
        status: StatusCode::GONE,
        title: "This link no longer works".into(),
        sentence:
            "It has been used, it has run out, or a newer one was sent. Your account's page can send another."
                .into(),
        way_on: (paths::ACCOUNT.into(), "Open Account"),
    })
}

/// `GET /confirm/{token}`
///
/// # Errors
/// 410 when the link has been used or has run out.
pub async fn confirm_form(State(app): State<App>, Path(secret): Path<String>) -> Page {
    let found = app.read(move |tx, env| accounts::peek_confirmation(tx, env, &secret)).await?;
    let account = found.ok_or_else(gone)?;
    show(&ConfirmPage { shell: PublicShell::plain(&app.env()), email: account.email })
}

/// `POST /confirm/{token}`
///
/// # Errors
/// 410 when the link has been used or has run out.
pub async fn confirm(State(app): State<App>, Path(secret): Path<String>) -> Page {
    if !app.write(move |tx, env| accounts::confirm_email(tx, env, &secret)).await? {
        return Err(gone());
    }
    show(&DonePage {
        shell: PublicShell::plain(&app.env()),
        status: "done",
        word: "Confirmed",
        title: "Thank you",
        sentence: "Your email address is confirmed.".into(),
        way_on: (paths::HOME, "Go on"),
    })
}

/// `GET /email/{token}`
///
/// # Errors
/// 410 when the link has been used or has run out.
pub async fn email_form(State(app): State<App>, Path(secret): Path<String>) -> Page {
    let found = app.read(move |tx, env| email_change::peek(tx, env, &secret)).await?;
    let question = found.ok_or_else(gone)?;
    show(&EmailPage {
        shell: PublicShell::plain(&app.env()),
        old: question.account.email,
        new: question.change.email,
        releases: question.side == Side::Old,
    })
}

/// `POST /email/{token}`: `answer` is `yes` or `no`.
///
/// # Errors
/// 410 when the link has been used or has run out.
pub async fn answer_email(
    State(app): State<App>,
    Anybody(visitor): Anybody,
    jar: CookieJar,
    Path(secret): Path<String>,
    form: Fields,
) -> Page {
    let agree = match form.typed("answer") {
        "yes" => true,
        "no" => false,
        _ => return email_form(State(app), Path(secret)).await,
    };
    // A session of another account has another owner, and ends nowhere here.
    let keep = visitor.map(|_| session_of(&app, &jar));
    let answered =
        app.write(move |tx, env| email_change::answer(tx, env, &secret, agree, keep.as_deref())).await;
    let answered = match answered {
        // Somebody has made an account with the address at the same moment.
        Err(error) if DbError::kind(&error) == Some(SqlErrorKind::Unique) => Answered::Taken,
        answered => answered?,
    };
    let (code, status, word, title, sentence, way_on) = match answered {
        Answered::Gone => return Err(gone()),
        Answered::Halfway { waiting } => (
            StatusCode::OK,
            "pending",
            "One of two",
            "Thank you",
            match waiting {
                Side::New => {
                    "Now open the link that we sent to the new address. Until then nothing changes.".into()
                }
                Side::Old => {
                    "Now open the link that we sent to the old address. Until then nothing changes.".into()
                }
            },
            (paths::ACCOUNT, "Open Account"),
        ),
        Answered::Changed { email } => (
            StatusCode::OK,
            "done",
            "Changed",
            "Your email address is changed",
            format!("From now on you sign in with {email}. Every other device is signed out."),
            (paths::ACCOUNT, "Open Account"),
        ),
        Answered::Cancelled => (
            StatusCode::OK,
            "rejected",
            "Not changed",
            "The email address stays as it is",
            "If you did not ask for another one, somebody knows the password: change it now.".into(),
            (paths::ACCOUNT, "Open Account"),
        ),
        Answered::Taken => (
            StatusCode::CONFLICT,
            "rejected",
            "Not changed",
            "This address has an account by now",
            "The email address stays as it is. Sign in with the new address, or choose another one.".into(),
            (paths::ACCOUNT, "Open Account"),
        ),
    };
    show_with(
        code,
        &DonePage { shell: PublicShell::plain(&app.env()), status, word, title, sentence, way_on },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> PublicShell {
        PublicShell { programme: "Northwind".into(), here: "", partners: false }
    }

    #[test]
    fn both_addresses_are_asked_in_their_own_words() {
        let page = |releases| {
            let page = EmailPage {
                shell: shell(),
                old: "old@x.example".into(),
                new: "new@x.example".into(),
                releases,
            };
            page.render().unwrap()
        };
        for releases in [true, false] {
            let text = page(releases);
            assert!(text.contains("new@x.example"), "{text}");
            // A mistyped new address belongs to a stranger, who needn't learn whose account it is.
            assert_eq!(text.contains("old@x.example"), releases, "{text}");
            assert!(text.contains("value=\"yes\"") && text.contains("value=\"no\""), "{text}");
        }
        assert!(
            ConfirmPage { shell: shell(), email: "a@b.example".into() }
                .render()
                .unwrap()
                .contains("a@b.example")
        );
    }
}
