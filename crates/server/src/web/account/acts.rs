//! What people do on their account's page. Each form has an address of its own.

use axum::{extract::State, http::StatusCode};
use axum_extra::extract::CookieJar;
use domain::text::{Email, Name};
use store::accounts;

use super::page::{LANGUAGES, Occasion, current_session, render};
use crate::{
    app::App,
    limits::Limited,
    ops::{self, email_change::AskError},
    password,
    web::{
        error::PageError,
        fields::Fields,
        paths,
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

/// Whether the person has typed the right password into a field; what is wrong is kept beside it. Guesses are counted.
async fn knows_password(
    app: &App,
    person: &Person,
    form: &mut Fields,
    field: &str,
) -> Result<bool, PageError> {
    if form.typed(field).is_empty() {
        form.refuse(field, "Enter the password that you sign in with.");
        return Ok(false);
    }
    app.limits.check(Limited::Password, &person.0.account_id)?;
    let id = person.0.account_id.clone();
    let account = app.read(move |tx, _| accounts::by_id(tx, &id)).await?;
    let hash = account.and_then(|account| account.password_hash);
    let typed = form.typed(field).to_owned();
    let right = app.heavy(move || hash.is_some_and(|hash| password::verify(&typed, &hash))).await;
    if !right {
        form.refuse(field, "This is not your password.");
    }
    Ok(right)
}

/// `POST /account/password`
///
/// # Errors
/// Too often, or the database says no.
pub async fn change_password(
    State(app): State<App>,
    person: Person,
    jar: CookieJar,
    mut form: Fields,
) -> Page {
    let hints = [person.0.name.clone(), person.0.email.clone(), app.programme().name.clone()];
    let strong = check_password(&app, &mut form, hints).await;
    let knows = knows_password(&app, &person, &mut form, "current_password").await?;
    if strong && knows && form.typed("password") == form.typed("current_password") {
        form.refuse("password", "This is the password that you have. Choose another.");
    }
    if form.is_refused() {
        return refuse(&app, person, &jar, "password", form).await;
    }
    let typed = form.typed("password").to_owned();
    let password_hash = app.heavy(move || password::hash(&typed)).await.map_err(PageError::internal)?;
    let (by, keep) = (person.actor(), current_session(&app, &jar));
    app.write(move |tx, env| ops::accounts::change_password(tx, env, &by, &password_hash, &keep)).await?;
    back("password")
}

/// `POST /account/email`: asks both addresses. The answer is the same whether or not the new one has an account.
///
/// # Errors
/// Too often, or the database says no.
pub async fn ask_email(State(app): State<App>, person: Person, jar: CookieJar, mut form: Fields) -> Page {
    let email = form.check("email", Email::parse);
    let knows = knows_password(&app, &person, &mut form, "password").await?;
    let (Some(email), true) = (email, knows) else {
        return refuse(&app, person, &jar, "email", form).await;
    };
    app.limits.check(Limited::EmailMail, &person.0.account_id)?;
    let by = person.actor();
    match app.write(move |tx, env| ops::email_change::ask(tx, env, &by, &email)).await {
        Ok(()) => back("email"),
        Err(AskError::Same) => {
            form.refuse("email", AskError::Same);
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
    app.limits.check(Limited::EmailMail, &id)?;
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
    let (by, keep) = (person.actor(), current_session(&app, &jar));
    app.write(move |tx, env| ops::sessions::end_others(tx, env, &by, &keep)).await?;
    back("sessions")
}
