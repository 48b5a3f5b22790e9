//! Which program asks: its token, what that may do, and how often.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::permission::{Permission, Scopes};

use super::problem::Problem;
use crate::{
    app::App,
    limits::Left,
    ops::{Actor, tokens},
};

/// A program, known by its token. What it may open is decided by [`allow`] before a handler is reached.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who does what is done.
    pub actor: Actor,
    /// What the token may do.
    pub scopes: Scopes,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or(Problem::status(StatusCode::UNAUTHORIZED))
    }
}

/// Lets a request pass if its token can be used, has not been used too often and has the permission.
pub async fn allow(
    State((app, permission)): State<(App, Permission)>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match recognise(&app, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let left = match app.allow_token(&caller.actor.id).await {
        Ok(left) => left,
        Err(too_often) => return with_limit(Problem::from(too_often.why).into_response(), too_often.left),
    };
    if !caller.scopes.may(permission) {
        let problem = Problem {
            detail: format!("This token may not do this: its scopes are {}.", caller.scopes),
            ..Problem::status(StatusCode::FORBIDDEN)
        };
        return with_limit(problem.into_response(), left);
    }
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    // What one program is told is for no cache on the way.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with_limit(response, left)
}

async fn recognise(app: &App, headers: &HeaderMap) -> Result<Caller, Problem> {
    let Some(secret) = bearer(headers) else { return Err(Problem::status(StatusCode::UNAUTHORIZED)) };
    let found = app.read(move |tx, env| tokens::recognise(tx, env, &secret)).await?;
    let Some((token, stale)) = found else { return Err(Problem::status(StatusCode::UNAUTHORIZED)) };
    if stale {
        let id = token.id.clone();
        app.write(move |tx, env| store::tokens::touch(tx, &id, env.now)).await?;
    }
    Ok(Caller { actor: Actor::token(token.id, token.name), scopes: token.scopes })
}

/// The token in the header; nothing that can't be one of ours is looked up.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && secret.starts_with(tokens::PREFIX)).then(|| secret.to_owned())
}

/// How much a token may still do now, in the headers that clients know.
fn with_limit(mut response: Response, left: Option<Left>) -> Response {
    let Some(left) = left else { return response };
    for (name, number) in [
        ("ratelimit-limit", u64::from(left.limit)),
        ("ratelimit-remaining", u64::from(left.remaining)),
        ("ratelimit-reset", left.reset),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_token_is_looked_up() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            bearer(&headers)
        };
        assert_eq!(read("Bearer gw_abc").as_deref(), Some("gw_abc"));
        assert_eq!(read("bearer  gw_abc ").as_deref(), Some("gw_abc"));
        for value in ["gw_abc", "Basic gw_abc", "Bearer abc", "Bearer"] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
