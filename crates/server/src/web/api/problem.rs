//! What a program is told when something can't be done: a problem (RFC 9457) with a code that stays the same, a sentence
//! for people, and what is wrong with which field.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use store::DbError;

use crate::{
    limits::TooOften,
    ops::{
        attribution::AssignError, clients::ClientError, deals::DealError, partners::PartnerError,
        withdrawals::DecideError,
    },
    web::{error::PageError, fields::Fields},
};

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Everything of the address below this is answered to programs.
pub const API: &str = "/api/";

/// What is wrong with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// The field's name, as it was sent.
    pub field: String,
    /// What is wrong, for people.
    pub detail: String,
}

/// Why a program gets no answer.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// A word that programs may rely on.
    pub code: &'static str,
    /// What happened and what to do, for people.
    pub detail: String,
    /// What is wrong with the input, field by field.
    pub fields: Vec<FieldProblem>,
    /// Whole seconds after which it may be tried again.
    pub retry_after: Option<u64>,
    /// A defect, for the log only.
    pub defect: Option<String>,
}

/// The problem as it is sent.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'a [FieldProblem],
}

impl Problem {
    /// A problem with a code of its own.
    pub fn new(status: StatusCode, code: &'static str, detail: impl ToString) -> Problem {
        let detail = detail.to_string();
        Problem { status, code, detail, fields: Vec::new(), retry_after: None, defect: None }
    }

    /// One of HTTP's own answers.
    pub fn status(status: StatusCode) -> Problem {
        let (code, detail) = explain(status);
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(2);
        Problem { retry_after, ..Problem::new(status, code, detail) }
    }

    /// What is looked for isn't there.
    pub fn not_found(detail: impl ToString) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// It can't be done as things stand.
    pub fn conflict(code: &'static str, detail: impl ToString) -> Problem {
        Problem::new(StatusCode::CONFLICT, code, detail)
    }

    /// One field of the input is wrong.
    pub fn field(field: &str, detail: impl ToString) -> Problem {
        Problem::fields(vec![FieldProblem { field: field.to_owned(), detail: detail.to_string() }])
    }

    /// Fields of the input are wrong.
    pub fn fields(fields: Vec<FieldProblem>) -> Problem {
        let words: Vec<String> =
            fields.iter().map(|problem| format!("{}: {}", problem.field, problem.detail)).collect();
        Problem { fields, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", words.join(" ")) }
    }

    /// A defect of the program. What it is stands in the log only.
    pub fn internal(error: impl ToString) -> Problem {
        Problem { defect: Some(error.to_string()), ..Problem::status(StatusCode::INTERNAL_SERVER_ERROR) }
    }
}

/// What is wrong with fields that were checked like those of a form.
impl From<&Fields> for Problem {
    fn from(fields: &Fields) -> Problem {
        let wrong = fields
            .errors()
            .map(|(field, detail)| FieldProblem { field: field.to_owned(), detail: detail.to_owned() })
            .collect();
        match fields.form_error() {
            Some(detail) => Problem { detail: detail.to_owned(), ..Problem::fields(wrong) },
            None => Problem::fields(wrong),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Problem {
        match error {
            DbError::Busy | DbError::Unavailable(_) => {
                tracing::warn!(%error, "the database did not take a request");
                Problem::status(StatusCode::SERVICE_UNAVAILABLE)
            }
            error => Problem::internal(error),
        }
    }
}

impl From<TooOften> for Problem {
    fn from(TooOften { retry_after }: TooOften) -> Problem {
        let detail = format!("There were too many requests. Wait {retry_after} seconds and try again.");
        Problem {
            retry_after: Some(retry_after),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)
        }
    }
}

impl From<DealError> for Problem {
    fn from(error: DealError) -> Problem {
        match error {
            DealError::Unknown => Problem::not_found(error),
            DealError::Refused(refusal) => Problem::conflict("deal_refused", refusal),
            DealError::Ledger(error) => Problem::internal(error),
            DealError::Db(error) => error.into(),
        }
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Problem {
        match error {
            DecideError::Unknown => Problem::not_found(error),
            DecideError::Held { sentence, .. } => Problem::conflict("withdrawal_held", sentence),
            DecideError::Db(error) => error.into(),
            DecideError::Ledger(error) => Problem::internal(error),
            error => Problem::conflict("withdrawal_refused", error),
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Problem {
        match error {
            ClientError::Unknown => Problem::not_found(error),
            ClientError::Known { .. } => Problem::conflict("external_id_taken", error),
            ClientError::Db(error) => error.into(),
        }
    }
}

impl From<PartnerError> for Problem {
    fn from(error: PartnerError) -> Problem {
        match error {
            PartnerError::Unknown => Problem::not_found(error),
            PartnerError::AlreadySuspended => Problem::conflict("already_suspended", error),
            PartnerError::NotSuspended => Problem::conflict("not_suspended", error),
            PartnerError::Db(error) => error.into(),
        }
    }
}

impl From<AssignError> for Problem {
    fn from(error: AssignError) -> Problem {
        match error {
            AssignError::UnknownClient => Problem::not_found(error),
            AssignError::UnknownPartner => Problem::field("partner", error),
            AssignError::Ledger(error) => Problem::internal(error),
            AssignError::Db(error) => error.into(),
            error => Problem::conflict("assignment_refused", error),
        }
    }
}

/// What the layers around the interface refuse in the words of pages is said in those of problems.
impl From<PageError> for Problem {
    fn from(error: PageError) -> Problem {
        match error {
            PageError::Status(status) => Problem::status(status),
            PageError::Explained(explained) => {
                Problem { detail: explained.sentence, ..Problem::status(explained.status) }
            }
            PageError::SignIn { .. } => Problem::status(StatusCode::UNAUTHORIZED),
            PageError::TooOften(too_often) => too_often.into(),
            PageError::Internal(error) => Problem::internal(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let body = Body {
            kind: "about:blank",
            title,
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            fields: &self.fields,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response =
            (self.status, [(header::CONTENT_TYPE, PROBLEM_JSON), (header::CACHE_CONTROL, "no-store")], text)
                .into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(defect) = self.defect {
            response.extensions_mut().insert(Defect(defect));
        }
        response
    }
}

/// What went wrong, on its way to the log.
#[derive(Debug, Clone)]
pub struct Defect(pub String);

/// The answer to an address of the interface that leads nowhere.
pub async fn no_such_address() -> Problem {
    Problem::status(StatusCode::NOT_FOUND)
}

/// The headers that stay when an answer of a layer becomes a problem.
const KEPT: [HeaderName; 3] = [header::RETRY_AFTER, header::ALLOW, header::WWW_AUTHENTICATE];

/// Makes a problem of an answer without one: of a route that doesn't exist, a method it doesn't have, a body too large,
/// a panic. `reference` is what the log names a defect by.
pub fn of_answer(status: StatusCode, headers: &HeaderMap, reference: Option<&str>) -> Response {
    let mut problem = Problem::status(status);
    if let Some(reference) = reference {
        problem.detail = defect_words(reference);
    }
    let mut response = problem.into_response();
    for name in KEPT {
        for value in headers.get_all(&name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    response
}

fn defect_words(reference: &str) -> String {
    format!(
        "Something went wrong on our side; nothing you sent was half done. Try again with the same Idempotency-Key. \
         If it happens again, tell support this reference: {reference}."
    )
}

/// The code and the words for HTTP's own answers.
fn explain(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => ("bad_request", "The request could not be read."),
        StatusCode::UNAUTHORIZED => (
            "unauthorized",
            "Send a token that is valid: Authorization: Bearer gw_... It may have expired or been revoked.",
        ),
        StatusCode::FORBIDDEN => ("forbidden", "This token may not do this."),
        StatusCode::NOT_FOUND => ("not_found", "There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "This address does not take this method; the header Allow says which.")
        }
        StatusCode::CONFLICT => ("conflict", "This can't be done as things stand."),
        StatusCode::GONE => ("gone", "What was here has gone."),
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "The body is larger than this address takes."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("unsupported_media_type", "Send JSON, with the header Content-Type: application/json.")
        }
        StatusCode::UNPROCESSABLE_ENTITY => ("invalid_input", "Something in the input is wrong."),
        StatusCode::TOO_MANY_REQUESTS => {
            ("too_many_requests", "There were too many requests. Wait a while and try again.")
        }
        StatusCode::SERVICE_UNAVAILABLE => (
            "unavailable",
            "The server could not take this in time. Wait a few seconds and try again with the same Idempotency-Key.",
        ),
        status if status.is_server_error() => {
            ("internal", "Something went wrong on our side. Try again with the same Idempotency-Key.")
        }
        _ => ("refused", "The request was refused."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_told_to_the_log_only() {
        let response = Problem::internal("secret of the database").into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.extensions().get::<Defect>().is_some());
        assert!(!Problem::internal("secret").detail.contains("secret"));
    }

    #[test]
    fn too_often_says_when_to_come_back() {
        let response = Problem::from(TooOften { retry_after: 7 }).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    }

    #[test]
    fn the_headers_of_a_layer_stay() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        let response = of_answer(StatusCode::METHOD_NOT_ALLOWED, &headers, None);
        assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
    }
}
