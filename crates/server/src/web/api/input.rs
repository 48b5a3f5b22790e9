//! What a program sends: JSON and queries, whose refusals are problems.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// The body of a request, read as JSON.
#[derive(Debug, Clone)]
pub struct Input<T> {
    /// What was sent.
    pub value: T,
    /// The hash of what was sent, whatever the order of its fields and the spaces between them.
    pub hash: String,
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| {
        text.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    })
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Input<T>, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::status(rejection.status()))?;
        read(&body)
    }
}

/// Reads a body. A value that occurs nowhere in JSON's grammar is a 400, one that isn't what the address takes a 422.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<Input<T>, Problem> {
    let sent: serde_json::Value = serde_json::from_slice(body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "not_json", format!("The body is not JSON: {error}."))
    })?;
    // A list would be taken for the fields in their order.
    if !sent.is_object() {
        return Err(unfit("an object is needed"));
    }
    let hash = hex(&Sha256::digest(sent.to_string()));
    let value = T::deserialize(&sent).map_err(|error| unfit(&error.to_string()))?;
    Ok(Input { value, hash })
}

/// A value of the wrong shape. The reader names fields in backquotes where it knows which.
fn unfit(error: &str) -> Problem {
    let detail = format!("The body is not what this address takes: {error}.");
    let named = error.starts_with("missing field") || error.starts_with("unknown field");
    match error.split('`').nth(1).filter(|_| named) {
        Some(field) => {
            let wrong = if error.starts_with("missing") { "Missing." } else { "There is no such field." };
            Problem { detail, ..Problem::field(field, wrong) }
        }
        None => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", detail),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The query of a request.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query<T>, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Query(value)),
            Err(rejection) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_input",
                format!("{}.", rejection.body_text()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "read only to be refused")]
        name: String,
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem = |body: &str| read::<Sample>(body.as_bytes()).unwrap_err();
        assert_eq!(problem("{").code, "not_json");
        assert_eq!(problem("{}").fields[0].field, "name");
        assert_eq!(problem(r#"{"name": "a", "nam": 1}"#).fields[0].field, "nam");
        for body in [r#"{"name": 1}"#, r#"["a"]"#, "null"] {
            assert_eq!(problem(body).status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        }
    }

    #[test]
    fn the_same_value_has_the_same_hash() {
        let hash = |body: &str| read::<serde_json::Value>(body.as_bytes()).unwrap().hash;
        assert_eq!(hash(r#"{"a": 1, "b": "x"}"#), hash("{\"b\":\"x\",\n\"a\":1}"));
        assert_ne!(hash(r#"{"a": 1}"#), hash(r#"{"a": 2}"#));
    }
}
