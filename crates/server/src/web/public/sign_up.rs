//! Signing up as a partner.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use axum_extra::extract::CookieJar;
use domain::text::{Email, Name};

use crate::{
    app::App,
    limits::Limited,
    ops::{
        accounts::{self, SignUp, SignUpError},
        sessions,
    },
    password,
    web::{
        address::Origin,
        error::PageError,
        fields::Fields,
        paths,
        shell::PublicShell,
        show::{Page, go_to, show, show_with},
        visitor::{Anybody, device_cookie, device_secret, session_cookie},
    },
};

#[derive(Template)]
#[template(path = "public/sign_up.html")]
struct SignUpPage {
    shell: PublicShell,
    form: Fields,
    /// The way to the sign-in page, when the address has an account already.
    known: Option<String>,
}

impl SignUpPage {
    fn new(app: &App, form: Fields) -> SignUpPage {
        SignUpPage { shell: PublicShell::for_partners(&app.env(), paths::SIGN_UP), form, known: None }
    }
}

/// `GET /sign-up`
///
/// # Errors
/// When the template fails.
pub async fn form(State(app): State<App>, Anybody(visitor): Anybody) -> Page {
    if visitor.is_some() {
        return go_to(paths::HOME);
    }
    show(&SignUpPage::new(&app, Fields::default()))
}

/// `POST /sign-up`
///
/// # Errors
/// Too often, or the database says no.
pub async fn submit(
    State(app): State<App>,
    Origin(origin): Origin,
    headers: HeaderMap,
    jar: CookieJar,
    mut form: Fields,
) -> Page {
    app.allow(Limited::SignUp, &origin).await?;
    let name = form.check("name", Name::parse);
    let email = form.check("email", Email::parse);
    let hints = [form.typed("name").to_owned(), form.typed("email").to_owned(), app.programme().name.clone()];
    let strong = check_password(&app, &mut form, hints).await;
    let (Some(name), Some(email), true) = (name, email, strong) else {
        return show_with(StatusCode::UNPROCESSABLE_ENTITY, &SignUpPage::new(&app, form));
    };
    let password = form.typed("password").to_owned();
    let password_hash = app.heavy(move || password::hash(&password)).await.map_err(PageError::internal)?;
    let input = SignUp { name, email: email.clone(), password_hash, user_agent: user_agent(&headers) };
    let device = device_secret(&app, &jar);
    let known_by = device.clone();
    let signed_up = app
        .write(move |tx, env| -> Result<_, SignUpError> {
            let signed_up = accounts::sign_up(tx, env, &input)?;
            sessions::remember_device(tx, env, &signed_up.partner_id, &known_by)?;
            Ok(signed_up)
        })
        .await;
    match signed_up {
        Ok(signed_up) => {
            let jar = jar.add(session_cookie(&app, signed_up.token)).add(device_cookie(&app, device));
            Ok((jar, go_to(paths::LINK)?).into_response())
        }
        Err(SignUpError::Known) => {
            let known = Some(paths::with_query(paths::SIGN_IN, &[("email", email.as_str())]));
            let page = SignUpPage { known, ..SignUpPage::new(&app, form) };
            show_with(StatusCode::CONFLICT, &page)
        }
        Err(SignUpError::Db(error)) => Err(error.into()),
    }
}

/// Checks a chosen password; what is wrong with it is kept beside the field. The check is heavy: it searches
/// dictionaries.
pub(in crate::web) async fn check_password(app: &App, form: &mut Fields, hints: [String; 3]) -> bool {
    let password = form.typed("password").to_owned();
    let verdict = app
        .heavy(move || {
            let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
            password::check(&password, &hints)
        })
        .await;
    form.check("password", |_| verdict).is_some()
}

/// What the browser calls itself.
pub(super) fn user_agent(headers: &HeaderMap) -> String {
    headers
        .get(axum::http::header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}
