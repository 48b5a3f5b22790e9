//! What people do on their account's page. Each form has an address of its own.

use axum::{extract::State, http::StatusCode};
use axum_extra::extract::CookieJar;
use domain::text::{Email, Name};

use super::page::{LANGUAGES, Occasion, render};
use crate::{
    app::App,
    limits::Limited,
    ops::{self, email_change::AskError},
    password,
    web::{
        address::Origin,
        error::PageError,
        fields::Fields,
        paths,
        proof::{self, Proof, Whose, prove, session_of},
        public::sign_up::check_password,
        show::{Page, go_to},
        visitor::Person,
    },
};

fn back(done: &str) -> Page {
    go_to(&paths::with_query(paths::ACCOUNT, &[("done", done)]))
}

async fn refuse(app: &App, person: Person, jar: &CookieJar, act: &'static str, form: Fields) -> Page {
    render(app, person, jar, StatusCode::UNPROCESSABLE_ENTITY, Occasion::refused(act, form)).await
}

/// `POST /account`
///
/// # Errors
/// When the database says no.
pub async fn save_profile(State(app): State<App>, person: Person, jar: CookieJar, mut form: Fields) -> Page {
    let name = form.check("name", Name::parse);
    let language = form.check("language", |typed| {
        let known = LANGUAGES.iter().find(|(word, _)| *word == typed);
        known.map(|(word, _)| *word).ok_or("Choose one of the languages.")
    });
    let (Some(name), Some(language)) = (name, language) else {
        return refuse(&app, person, &jar, "profile", form).await;
    };
    let by = person.actor();
    app.write(move |tx, env| ops::accounts::change_profile(tx, env, &by, &name, language)).await?;
    back("profile")
}

/// A refusal beside the field of the password, with the status of the answer.
type Refusal = (StatusCode, String);

const WRONG: &str = "This is not your password.";

/// The hash that fits the password which the person has typed.
async fn prove_own(
    app: &App,
    origin: &str,
    person: &Person,
    jar: &CookieJar,
    typed: &str,
) -> Result<Result<String, Refusal>, PageError> {
    let wrong = |sentence: &str| Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, sentence.to_owned())));
    if typed.is_empty() {
        return wrong("Enter the password that you sign in with.");
    }
    let whose = Whose::Own { account_id: &person.0.account_id, session: &session_of(app, jar) };
    match prove(app, origin, whose, typed).await? {
        Proof::Right(account) => Ok(Ok(account.password_hash.unwrap_or_default())),
        Proof::Wrong => wrong(WRONG),
        Proof::TooOften(too_often) => Ok(Err((StatusCode::TOO_MANY_REQUESTS, proof::wait(too_often)))),
    }
}

/// `POST /account/password`
///
/// # Errors
/// When the database says no.
pub async fn change_password(
    State(app): State<App>,
    person: Person,
    Origin(origin): Origin,
    jar: CookieJar,
    mut form: Fields,
) -> Page {
    let current = form.typed("current_password").to_owned();
    let proven = match prove_own(&app, &origin, &person, &jar, &current).await? {
        Ok(proven) => proven,
        Err((status, sentence)) => {
            form.refuse("current_password", sentence);
            return render(&app, person, &jar, status, Occasion::refused("password", form)).await;
        }
    };
    // Only now: judging a new password takes a processor's time.
    let hints = [person.0.name.clone(), person.0.email.clone(), app.programme().name.clone()];
    if check_password(&app, &mut form, hints).await && form.typed("password") == current {
        form.refuse("password", "This is the password that you have. Choose another.");
    }
    if form.is_refused() {
        return refuse(&app, person, &jar, "password", form).await;
    }
    let typed = form.typed("password").to_owned();
    let password_hash = app.heavy(move || password::hash(&typed)).await.map_err(PageError::internal)?;
    let (by, keep) = (person.actor(), session_of(&app, &jar));
    let changed = app
        .write(move |tx, env| ops::accounts::change_password(tx, env, &by, &proven, &password_hash, &keep))
        .await?;
    if !changed {
        form.refuse("current_password", WRONG);
        return refuse(&app, person, &jar, "password", form).await;
    }
    back("password")
}

/// `POST /account/email`: asks both addresses. The answer is the same whether or not the new one has an account.
///
/// # Errors
/// Too often, or the database says no.
pub async fn ask_email(
    State(app): State<App>,
    person: Person,
    Origin(origin): Origin,
    jar: CookieJar,
    mut form: Fields,
) -> Page {
    let email = form.check("email", Email::parse);
    let typed = form.typed("password").to_owned();
    let proven = match prove_own(&app, &origin, &person, &jar, &typed).await? {
        Ok(proven) => proven,
        Err((status, sentence)) => {
            form.refuse("password", sentence);
            return render(&app, person, &jar, status, Occasion::refused("email", form)).await;
        }
    };
    let Some(email) = email else {
        return refuse(&app, person, &jar, "email", form).await;
    };
    app.allow(Limited::EmailMail, &person.0.account_id).await?;
    let by = person.actor();
    match app.write(move |tx, env| ops::email_change::ask(tx, env, &by, &proven, &email)).await {
        Ok(()) => back("email"),
        Err(AskError::Same) => {
            form.refuse("email", AskError::Same);
            refuse(&app, person, &jar, "email", form).await
        }
        Err(AskError::WrongPassword) => {
            form.refuse("password", AskError::WrongPassword);
            refuse(&app, person, &jar, "email", form).await
        }
        Err(AskError::Db(error)) => Err(error.into()),
    }
}

/// `POST /account/email/cancel`
///
/// # Errors
/// When the database says no.
pub async fn cancel_email(State(app): State<App>, person: Person) -> Page {
    let by = person.actor();
    app.write(move |tx, env| ops::email_change::cancel(tx, env, &by)).await?;
    back("kept")
}

/// `POST /account/confirm`
///
/// # Errors
/// Too often, or the database says no.
pub async fn send_confirmation(State(app): State<App>, person: Person) -> Page {
    let id = person.0.account_id;
    app.allow(Limited::EmailMail, &id).await?;
    app.write(move |tx, env| ops::accounts::send_confirmation(tx, env, &id)).await?;
    back("sent")
}

/// `POST /account/sessions/end`. A session that is gone already is ended, too: nobody needs to know who was faster.
///
/// # Errors
/// When the database says no.
pub async fn end_session(State(app): State<App>, person: Person, form: Fields) -> Page {
    let (by, id) = (person.actor(), form.typed("session").to_owned());
    // No session is called so, and databases can't store it.
    if !id.contains('\0') {
        app.write(move |tx, env| ops::sessions::end(tx, env, &by, &id)).await?;
    }
    back("session")
}

/// `POST /account/sessions/end-others`
///
/// # Errors
/// When the database says no.
pub async fn end_others(State(app): State<App>, person: Person, jar: CookieJar) -> Page {
    let (by, keep) = (person.actor(), session_of(&app, &jar));
    app.write(move |tx, env| ops::sessions::end_others(tx, env, &by, &keep)).await?;
    back("sessions")
}
