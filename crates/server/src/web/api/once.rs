//! Doing something once, however often a program asks for it: the key and the answer are kept in the transaction of the
//! effect.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{Tx, idempotency};

use super::{caller::Caller, problem::Problem};
use crate::{
    app::{App, Env},
    shapes::About,
};

/// What a handler gives back.
pub type Answer = Result<Response, Problem>;

/// The header with the key.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
pub const KEY_CHARS: usize = 255;

/// The key of a request, and what it was sent to.
#[derive(Debug, Clone)]
pub struct Once {
    key: Option<String>,
    target: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Once, Problem> {
        let target = format!("{} {}", parts.method, parts.uri.path());
        let Some(value) = parts.headers.get(KEY) else { return Ok(Once { key: None, target }) };
        let visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = value.to_str().ok().filter(|key| (1..=KEY_CHARS).contains(&key.len())).filter(visible);
        let Some(key) = key else {
            let detail =
                format!("An Idempotency-Key has 1 to {KEY_CHARS} visible ASCII characters and no blanks.");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_idempotency_key", detail));
        };
        Ok(Once { key: Some(key.to_owned()), target })
    }
}

impl Once {
    /// Does something in one transaction, and gives the answer that was given before where it was done before with the
    /// same key. What is refused has had no effect, is not kept, and can be tried again with the same key.
    ///
    /// # Errors
    /// The act's own problem, or that the key was used for something else.
    pub async fn act<T: Serialize + About>(
        self,
        app: &App,
        caller: Caller,
        input_hash: &str,
        status: StatusCode,
        mut act: impl FnMut(&mut Tx, &Env, &Caller) -> Result<T, Problem> + Send + 'static,
    ) -> Answer {
        let hash = target_hash(&self.target, input_hash);
        let done = app
            .write(move |tx, env| {
                let Some(key) = &self.key else {
                    return Ok((status, written(&act(tx, env, &caller)?)?, false));
                };
                let token = &caller.actor.id;
                if let Some(before) = idempotency::take(tx, token, key, &hash, env.now)? {
                    if before.input_hash != hash {
                        return Err(reused());
                    }
                    if before.body.is_empty() {
                        return Err(erased());
                    }
                    let status = u16::try_from(before.status).ok();
                    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                    return Ok((status.unwrap_or(StatusCode::OK), before.body, true));
                }
                let done = act(tx, env, &caller)?;
                let body = written(&done)?;
                let (client_number, partner_id) = done.about();
                let answer = idempotency::Answer {
                    status: i64::from(status.as_u16()),
                    body: &body,
                    client_number,
                    partner_id,
                };
                idempotency::keep(tx, token, key, answer)?;
                Ok((status, body, false))
            })
            .await;
        let (status, body, replayed) = done?;
        let mut response = json(status, body);
        if replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}

/// The hash of a whole request: the same input sent to another address is another request.
fn target_hash(target: &str, input_hash: &str) -> String {
    let digest = Sha256::digest(format!("{target}\n{input_hash}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn reused() -> Problem {
    let detail =
        "This Idempotency-Key was used for another request before. Make a new key for each thing you do.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
}

fn erased() -> Problem {
    let detail = "This was done before, and somebody whom the answer was about has been erased since.";
    Problem::new(StatusCode::GONE, "erased", detail)
}

fn written(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(Problem::internal)
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// An answer that only reads.
///
/// # Errors
/// When it can't be written, which is a defect.
pub fn show(value: &impl Serialize) -> Answer {
    Ok(json(StatusCode::OK, written(value)?))
}
