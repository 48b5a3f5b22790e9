//! Signing in and out, for partners and staff.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use axum_extra::extract::CookieJar;
use domain::text::Email;
use store::accounts::{self, Kind};

use crate::{
    app::App,
    limits::Limited,
    ops::sessions,
    password,
    web::{
        address::Origin,
        error::PageError,
        fields::{Asked, Fields},
        paths,
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

/// What everybody waits who signs in to an account that was tried often lately, from anywhere. The owner, with the
/// right password, waits the same and gets in: nobody can lock an account from outside.
const SLOW_DOWN: Duration = Duration::from_secs(2);

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
    app.limits.check(Limited::SignIn, &origin)?;
    let email = Email::parse(form.typed("email")).map(|email| email.key());
    // Counted for addresses without an account too, or the wait would tell who has one; hashed, so that nobody can
    // fill the memory with long ones.
    let counted = email.as_deref().unwrap_or_else(|_| form.typed("email"));
    let tried_often = app.limits.check(Limited::Account, &sessions::hash(counted)).is_err();
    if tried_often {
        tokio::time::sleep(SLOW_DOWN).await;
    }
    let account = match email {
        Ok(key) => app.read(move |tx, _| accounts::by_email(tx, &key)).await?,
        Err(_) => None,
    };
    let typed = form.typed("password").to_owned();
    let hash = account
        .as_ref()
        .filter(|account| !account.disabled)
        .and_then(|account| account.password_hash.clone());
    // An unknown address costs the same time as a known one, so that nobody learns who has an account.
    let right = app
        .heavy(move || match &hash {
            Some(hash) => password::verify(&typed, hash),
            None => password::dummy(&typed),
        })
        .await;
    if let Some(account) = account.clone().filter(|_| !right && tried_often)
        && app.limits.check(Limited::Noted, &account.id).is_ok()
    {
        app.write(move |tx, env| sessions::note_failures(tx, env, &account)).await?;
    }
    let Some(account) = account.filter(|_| right) else {
        return show_with(StatusCode::UNAUTHORIZED, &SignInPage::new(&app, form, true));
    };
    let home = if account.kind == Kind::Partner { paths::LINK } else { paths::OFFICE };
    let next = Some(form.typed("next")).filter(|next| paths::is_local(next)).unwrap_or(home).to_owned();
    let device = device_secret(&app, &jar);
    let browser = sessions::Browser {
        user_agent: user_agent(&headers),
        device: device.clone(),
        before: session_secret(&app, &jar),
    };
    let secret = app.write(move |tx, env| sessions::sign_in(tx, env, &account, &browser)).await?;
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
