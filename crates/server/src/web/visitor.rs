//! Who asks: the session cookie, and what a partner or a member of staff may open.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use domain::permission::{Permission, Role};
use store::sessions::{Standing, Visitor};

use super::error::PageError;
use crate::{
    app::App,
    ops::{Actor, sessions::hash},
};

/// The name of the session cookie. The `__Host-` prefix makes browsers insist on HTTPS, this host and no other
/// path, so it is used wherever the server is reached by HTTPS.
pub fn cookie_name(app: &App) -> &'static str {
    if app.is_https() { "__Host-gw_session" } else { "gw_session" }
}

/// The cookie that makes a browser signed in.
pub fn session_cookie(app: &App, secret: String) -> Cookie<'static> {
    Cookie::build((cookie_name(app), secret))
        .path("/")
        .http_only(true)
        .secure(app.is_https())
        .same_site(SameSite::Lax)
        .permanent()
        .build()
}

/// The cookie that makes a browser forget that it was signed in.
pub fn no_session_cookie(app: &App) -> Cookie<'static> {
    let mut cookie = session_cookie(app, String::new());
    cookie.make_removal();
    cookie
}

/// The secret of the session that a browser has.
pub fn session_secret(app: &App, jar: &CookieJar) -> Option<String> {
    jar.get(cookie_name(app)).map(|cookie| cookie.value().to_owned()).filter(|secret| !secret.is_empty())
}

/// The name of the cookie by which a browser is recognised, whoever uses it.
fn device_cookie_name(app: &App) -> &'static str {
    if app.is_https() { "__Host-gw_device" } else { "gw_device" }
}

/// How long a secret of [`Ids::secret`](domain::ids::Ids::secret) is; nothing else is taken for one.
const SECRET_CHARS: usize = 43;

/// The secret by which a browser is recognised: its own, or a new one.
pub fn device_secret(app: &App, jar: &CookieJar) -> String {
    let own = jar.get(device_cookie_name(app)).map(Cookie::value);
    own.filter(|secret| secret.len() == SECRET_CHARS).map_or_else(|| app.ids.secret(), str::to_owned)
}

/// The cookie by which a browser is recognised when it signs in again. It opens nothing.
pub fn device_cookie(app: &App, secret: String) -> Cookie<'static> {
    Cookie::build((device_cookie_name(app), secret))
        .path("/")
        .http_only(true)
        .secure(app.is_https())
        .same_site(SameSite::Lax)
        .permanent()
        .build()
}

/// Finds out who asks, once, before any page.
///
/// # Errors
/// When the database can't be read.
pub async fn identify(
    State(app): State<App>,
    jar: CookieJar,
    mut request: Request,
    next: Next,
) -> Result<Response, PageError> {
    if let Some(secret) = session_secret(&app, &jar) {
        let token_hash = hash(&secret);
        let wanted = token_hash.clone();
        let found = app.read(move |tx, env| store::sessions::visitor(tx, &wanted, env.now)).await?;
        if let Some((visitor, prolong)) = found {
            if prolong {
                app.write(move |tx, env| store::sessions::touch(tx, &token_hash, env.now)).await?;
            }
            request.extensions_mut().insert(visitor);
        }
    }
    let signed_in = request.extensions().get::<Visitor>().is_some();
    let mut response = next.run(request).await;
    if signed_in {
        // What one person sees must not stay in a shared browser's cache after signing out.
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// Whoever asks, if signed in.
#[derive(Debug, Clone)]
pub struct Anybody(pub Option<Visitor>);

impl Anybody {
    /// The partner, if it is one who asks.
    pub fn partner(&self) -> Option<Partner> {
        let visitor = self.0.clone()?;
        match visitor.standing {
            Standing::Partner { suspended } => {
                Some(Partner { id: visitor.account_id, name: visitor.name, email: visitor.email, suspended })
            }
            Standing::Staff(_) => None,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Anybody {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Anybody, Self::Rejection> {
        Ok(Anybody(parts.extensions.get::<Visitor>().cloned()))
    }
}

/// Whoever is signed in, a partner or a member of staff. Guests are led to the sign-in page or refused.
#[derive(Debug, Clone)]
pub struct Person(pub Visitor);

impl Person {
    /// The person as whoever does something.
    pub fn actor(&self) -> Actor {
        let Visitor { account_id, name, standing, .. } = &self.0;
        match standing {
            Standing::Partner { .. } => Actor::partner(account_id, name),
            Standing::Staff(role) => {
                Actor { id: account_id.clone(), name: name.clone(), role: role.as_str() }
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Person, PageError> {
        signed_in(parts).map(Person)
    }
}

/// A signed-in partner. Everybody else is led to the sign-in page or refused.
#[derive(Debug, Clone)]
pub struct Partner {
    /// The account's identifier.
    pub id: String,
    /// What the partner is called.
    pub name: String,
    /// The partner's address.
    pub email: String,
    /// Earns nothing new and withdraws nothing.
    pub suspended: bool,
}

impl Partner {
    /// The partner that somebody signed in is, if not staff.
    pub fn of(visitor: Visitor) -> Option<Partner> {
        match visitor.standing {
            Standing::Partner { suspended } => {
                Some(Partner { id: visitor.account_id, name: visitor.name, email: visitor.email, suspended })
            }
            Standing::Staff(_) => None,
        }
    }

    /// The partner as whoever does something.
    pub fn actor(&self) -> Actor {
        Actor::partner(&self.id, &self.name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Partner {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Partner, PageError> {
        Partner::of(signed_in(parts)?).ok_or(PageError::status(StatusCode::FORBIDDEN))
    }
}

/// A signed-in member of staff. What the person may open is decided by [`allow`] before the page is reached.
#[derive(Debug, Clone)]
pub struct Staff {
    /// Who does what is done.
    pub actor: Actor,
    /// What the person may do.
    pub role: Role,
}

impl Staff {
    /// The member of staff that somebody signed in is, if not a partner.
    pub fn of(visitor: Visitor) -> Option<Staff> {
        match visitor.standing {
            Standing::Staff(role) => {
                let actor = Actor { id: visitor.account_id, name: visitor.name, role: role.as_str() };
                Some(Staff { actor, role })
            }
            Standing::Partner { .. } => None,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Staff {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Staff, PageError> {
        Staff::of(signed_in(parts)?).ok_or(PageError::status(StatusCode::FORBIDDEN))
    }
}

/// Lets a request of the office pass if the person has the permission.
///
/// # Errors
/// A way to the sign-in page for guests, a refusal for everybody without the permission.
pub async fn allow(permission: Permission, request: Request, next: Next) -> Result<Response, PageError> {
    let (mut parts, body) = request.into_parts();
    let staff = Staff::from_request_parts(&mut parts, &()).await?;
    if !staff.role.may(permission) {
        return Err(PageError::status(StatusCode::FORBIDDEN));
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Whoever is signed in. Guests who wanted to read are sent to sign in and come back; what guests send is refused,
/// because signing in could not bring it back.
fn signed_in(parts: &Parts) -> Result<Visitor, PageError> {
    parts.extensions.get::<Visitor>().cloned().ok_or_else(|| match parts.method {
        Method::GET | Method::HEAD => {
            let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            PageError::SignIn { next: next.to_owned() }
        }
        _ => PageError::status(StatusCode::UNAUTHORIZED),
    })
}
