//! One-time addresses into the office: the first admin, and people who were invited.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use axum_extra::extract::CookieJar;
use domain::text::{Email, Name};
use store::accounts;

use crate::{
    app::App,
    ops::{
        sessions,
        staff::{self, Invitation, StaffError},
    },
    password,
    web::{
        error::{Explanation, PageError},
        fields::Fields,
        paths,
        public::sign_up::{check_password, user_agent},
        shell::PublicShell,
        show::{Page, go_to, show, show_with},
        visitor::{device_cookie, device_secret, session_cookie},
    },
};

#[derive(Template)]
#[template(path = "public/invitation.html")]
struct InvitationPage {
    shell: PublicShell,
    form: Fields,
    /// Name and email address of the invited person; none for the first admin.
    member: Option<(String, String)>,
}

impl InvitationPage {
    fn new(app: &App, form: Fields, invitation: &Invitation) -> InvitationPage {
        let member = match invitation {
            Invitation::FirstAdmin => None,
            Invitation::Member { name, email } => Some((name.clone(), email.clone())),
        };
        InvitationPage { shell: PublicShell::plain(&app.env()), form, member }
    }
}

async fn find(app: &App, secret: &str) -> Result<Invitation, PageError> {
    let secret = secret.to_owned();
    match app.read(move |tx, env| staff::invitation(tx, env, &secret)).await? {
        Some(invitation) => Ok(invitation),
        None => Err(gone(app).await?),
    }
}

/// `GET /invitation/{token}`
///
/// # Errors
/// 410 when the invitation has been used or has run out.
pub async fn form(State(app): State<App>, Path(secret): Path<String>) -> Page {
    let invitation = find(&app, &secret).await?;
    show(&InvitationPage::new(&app, Fields::default(), &invitation))
}

/// `POST /invitation/{token}`
///
/// # Errors
/// 410 when the invitation has been used or has run out.
pub async fn submit(
    State(app): State<App>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    jar: CookieJar,
    mut form: Fields,
) -> Page {
    let invitation = find(&app, &secret).await?;
    let person = match &invitation {
        Invitation::FirstAdmin => {
            form.check("name", Name::parse).zip(form.check("email", Email::parse)).map(Some)
        }
        Invitation::Member { .. } => Some(None),
    };
    let hints = match &invitation {
        Invitation::FirstAdmin => [form.typed("name").to_owned(), form.typed("email").to_owned()],
        Invitation::Member { name, email } => [name.clone(), email.clone()],
    };
    let [name_hint, email_hint] = hints;
    let strong = check_password(&app, &mut form, [name_hint, email_hint, app.programme().name.clone()]).await;
    let (Some(person), true) = (person, strong) else {
        return show_with(StatusCode::UNPROCESSABLE_ENTITY, &InvitationPage::new(&app, form, &invitation));
    };
    let typed = form.typed("password").to_owned();
    let password_hash = app.heavy(move || password::hash(&typed)).await.map_err(PageError::internal)?;
    let user_agent = user_agent(&headers);
    let device = device_secret(&app, &jar);
    let known_by = device.clone();
    let accepted = app
        .write(move |tx, env| -> Result<_, StaffError> {
            let joined = match &person {
                Some((name, email)) => {
                    staff::accept_first_admin(tx, env, &secret, name, email, &password_hash, &user_agent)?
                }
                None => staff::accept_invitation(tx, env, &secret, &password_hash, &user_agent)?,
            };
            sessions::remember_device(tx, env, &joined.id, &known_by)?;
            Ok(joined)
        })
        .await;
    match accepted {
        Ok(joined) => {
            let jar = jar.add(session_cookie(&app, joined.token)).add(device_cookie(&app, device));
            Ok((jar, go_to(paths::OFFICE)?).into_response())
        }
        Err(StaffError::Gone) => Err(gone(&app).await?),
        Err(StaffError::Db(error)) => Err(error.into()),
        Err(refusal) => {
            form.refuse("email", refusal);
            show_with(StatusCode::CONFLICT, &InvitationPage::new(&app, form, &invitation))
        }
    }
}

/// The server prints an address for the first admin only: everybody else asks one.
async fn gone(app: &App) -> Result<PageError, PageError> {
    let sentence = if app.read(|tx, _| accounts::any_staff(tx)).await? {
        "It has been used, or it has run out. Ask an admin for a new one."
    } else {
        "It has been used, or it has run out. Nobody works here yet: restart the server, and it prints a new address."
    };
    Ok(PageError::Explained(Explanation {
        status: StatusCode::GONE,
        title: "This invitation no longer works".into(),
        sentence: sentence.into(),
        way_on: (paths::SIGN_IN.into(), "Sign in"),
    }))
}
