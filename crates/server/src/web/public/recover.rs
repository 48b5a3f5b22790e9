//! A forgotten password: asking for a link, and choosing a new one.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use axum_extra::extract::CookieJar;
use domain::text::Email;

use crate::{
    app::App,
    limits::Limited,
    ops::{recovery, sessions::Browser},
    password,
    web::{
        address::Origin,
        error::{Explanation, PageError},
        fields::{Asked, Fields},
        paths,
        public::sign_up::{check_password, user_agent},
        shell::PublicShell,
        show::{Page, go_to, show, show_with},
        visitor::{device_cookie, device_secret, session_cookie, session_secret},
    },
};

#[derive(Template)]
#[template(path = "public/recover.html")]
struct RecoverPage {
    shell: PublicShell,
    form: Fields,
    asked: bool,
}

/// `GET /recover`
///
/// # Errors
/// When the template fails.
pub async fn form(State(app): State<App>, asked: Asked) -> Page {
    let shell = PublicShell::for_partners(&app.env(), paths::SIGN_IN);
    show(&RecoverPage { shell, form: Fields::filled([("email", asked.value("email"))]), asked: false })
}

/// Longer than the database takes, so that the time of the answer tells nothing.
const ANSWER_AFTER: Duration = Duration::from_millis(250);

/// `POST /recover`: always the same answer after the same time, whether or not the address is known. What can't be an
/// address is nobody's, so that is said.
///
/// # Errors
/// Too often, or the database says no.
pub async fn submit(State(app): State<App>, Origin(origin): Origin, mut form: Fields) -> Page {
    app.allow(Limited::Recovery, &origin).await?;
    let shell = PublicShell::for_partners(&app.env(), paths::SIGN_IN);
    let Some(email) = form.check("email", Email::parse) else {
        return show_with(StatusCode::UNPROCESSABLE_ENTITY, &RecoverPage { shell, form, asked: false });
    };
    let key = email.key();
    let asking = app.write(move |tx, env| recovery::ask(tx, env, &key));
    let (asked, ()) = tokio::join!(asking, tokio::time::sleep(ANSWER_AFTER));
    asked?;
    show(&RecoverPage { shell, form, asked: true })
}

#[derive(Template)]
#[template(path = "public/reset.html")]
struct ResetPage {
    shell: PublicShell,
    form: Fields,
    email: String,
}

/// `GET /reset/{token}`
///
/// # Errors
/// 410 when the link has been used or has run out.
pub async fn reset_form(State(app): State<App>, Path(secret): Path<String>) -> Page {
    let found = app.read(move |tx, env| recovery::peek(tx, env, &secret)).await?;
    let email = found.ok_or_else(gone)?.email;
    show(&ResetPage { shell: PublicShell::plain(&app.env()), form: Fields::default(), email })
}

/// `POST /reset/{token}`
///
/// # Errors
/// 410 when the link has been used or has run out.
pub async fn reset(
    State(app): State<App>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    jar: CookieJar,
    mut form: Fields,
) -> Page {
    let wanted = secret.clone();
    let found = app.read(move |tx, env| recovery::peek(tx, env, &wanted)).await?;
    let account = found.ok_or_else(gone)?;
    let hints = [account.name, account.email.clone(), app.programme().name.clone()];
    if !check_password(&app, &mut form, hints).await {
        let email = account.email;
        let page = ResetPage { shell: PublicShell::plain(&app.env()), form, email };
        return show_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let typed = form.typed("password").to_owned();
    let password_hash = app.heavy(move || password::hash(&typed)).await.map_err(PageError::internal)?;
    let device = device_secret(&app, &jar);
    let browser = Browser {
        user_agent: user_agent(&headers),
        device: device.clone(),
        before: session_secret(&app, &jar),
    };
    let session =
        app.write(move |tx, env| recovery::reset(tx, env, &secret, &password_hash, &browser)).await?;
    let jar = jar.add(session_cookie(&app, session.ok_or_else(gone)?)).add(device_cookie(&app, device));
    Ok((jar, go_to(paths::HOME)?).into_response())
}

fn gone() -> PageError {
    PageError::Explained(Explanation {
        status: StatusCode::GONE,
        title: "This link no longer works".into(),
        sentence: "It has been used, or more than an hour has passed. Ask for a new one.".into(),
        way_on: (paths::RECOVER.into(), "Get a new link"),
    })
}
