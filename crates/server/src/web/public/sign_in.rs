//! Signing in and out, for partners and staff.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use axum_extra::extract::CookieJar;
use store::accounts::Kind;

use crate::{
    app::App,
    ops::sessions,
    web::{
        address::Origin,
        error::PageError,
        fields::{Asked, Fields},
        paths,
        proof::{Proof, Whose, prove},
        public::sign_up::user_agent,
        shell::PublicShell,
        show::{Page, go_to, show, show_with},
        visitor::{Anybody, device_cookie, device_secret, no_session_cookie, session_cookie, session_secret},
    },
};

#[derive(Template)]
#[template(path = "public/sign_in.html")]
struct SignInPage {
    shell: PublicShell,
    form: Fields,
    wrong: bool,
    recover: String,
}

impl SignInPage {
    fn new(app: &App, form: Fields, wrong: bool) -> SignInPage {
        let recover = paths::with_query(paths::RECOVER, &[("email", form.value("email"))]);
        SignInPage { shell: PublicShell::for_partners(&app.env(), paths::SIGN_IN), form, wrong, recover }
    }
}

/// `GET /sign-in`
///
/// # Errors
/// When the template fails.
pub async fn form(State(app): State<App>, Anybody(visitor): Anybody, asked: Asked) -> Page {
    if visitor.is_some() {
        return go_to(paths::HOME);
    }
    let form = Fields::filled([("email", asked.value("email")), ("next", asked.value("next"))]);
    show(&SignInPage::new(&app, form, false))
}

/// `POST /sign-in`
///
/// # Errors
/// Too often, or the database says no.
pub async fn submit(
    State(app): State<App>,
    Origin(origin): Origin,
    headers: HeaderMap,
    jar: CookieJar,
    form: Fields,
) -> Page {
    let wrong = |form| show_with(StatusCode::UNAUTHORIZED, &SignInPage::new(&app, form, true));
    let account =
        match prove(&app, &origin, Whose::Email(form.typed("email")), form.typed("password")).await? {
            Proof::Right(account) => *account,
            Proof::Wrong => return wrong(form),
            Proof::TooOften(too_often) => return Err(too_often.into()),
        };
    let home = if account.kind == Kind::Partner { paths::LINK } else { paths::OFFICE };
    let next = Some(form.typed("next")).filter(|next| paths::is_local(next)).unwrap_or(home).to_owned();
    let device = device_secret(&app, &jar);
    let browser = sessions::Browser {
        user_agent: user_agent(&headers),
        device: device.clone(),
        before: session_secret(&app, &jar),
    };
    let opened = app.write(move |tx, env| sessions::sign_in(tx, env, &account, &browser)).await?;
    let Some(secret) = opened else { return wrong(form) };
    let jar = jar.add(session_cookie(&app, secret)).add(device_cookie(&app, device));
    Ok((jar, go_to(&next)?).into_response())
}

/// `POST /sign-out`
///
/// # Errors
/// When the database says no.
pub async fn sign_out(State(app): State<App>, jar: CookieJar) -> Result<impl IntoResponse, PageError> {
    if let Some(secret) = session_secret(&app, &jar) {
        app.write(move |tx, _| sessions::close(tx, &secret)).await?;
    }
    Ok((jar.add(no_session_cookie(&app)), go_to(paths::SIGN_IN)?))
}
