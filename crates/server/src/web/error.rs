//! What a person sees when something can't be shown or done: a title, a plain sentence and a way on.

use std::any::Any;

use askama::Template;
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use store::DbError;

use super::{
    api::problem::{self, Defect},
    paths,
    show::html,
};
use crate::{app::App, limits::TooOften};

/// Why there is no page. Rendered by [`render`], which knows the programme.
#[derive(Debug)]
pub enum PageError {
    /// One of HTTP's own answers, explained.
    Status(StatusCode),
    /// An answer of HTTP with a sentence of ours and a way on.
    Explained(Explanation),
    /// The person has to sign in first, and then comes back here.
    SignIn {
        /// The local path to come back to.
        next: String,
    },
    /// Too often; wait.
    TooOften(TooOften),
    /// A defect, or the database. Logged under a reference that the person sees.
    Internal(String),
}

/// A sentence with a way on.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The status of the answer.
    pub status: StatusCode,
    /// The title of the page.
    pub title: String,
    /// What happened, and what to do.
    pub sentence: String,
    /// Where to go on, and what that is called.
    pub way_on: (String, &'static str),
}

impl PageError {
    /// One of HTTP's own answers.
    pub const fn status(status: StatusCode) -> PageError {
        PageError::Status(status)
    }

    /// What is looked for isn't there (or isn't this person's: the answer is the same).
    pub const fn not_found() -> PageError {
        PageError::Status(StatusCode::NOT_FOUND)
    }

    /// Something can't be done as things stand.
    pub fn conflict(sentence: impl ToString, back_to: impl Into<String>) -> PageError {
        PageError::Explained(Explanation {
            status: StatusCode::CONFLICT,
            title: "That can't be done now".into(),
            sentence: sentence.to_string(),
            way_on: (back_to.into(), "Back"),
        })
    }

    /// A defect of the program.
    pub fn internal(error: impl ToString) -> PageError {
        PageError::Internal(error.to_string())
    }
}

impl From<DbError> for PageError {
    fn from(error: DbError) -> PageError {
        match error {
            DbError::Busy | DbError::Unavailable(_) => {
                tracing::warn!(%error, "the database did not take a request");
                PageError::Status(StatusCode::SERVICE_UNAVAILABLE)
            }
            error => PageError::internal(error),
        }
    }
}

impl From<TooOften> for PageError {
    fn from(too_often: TooOften) -> PageError {
        PageError::TooOften(too_often)
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> PageError {
        PageError::internal(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, explanation) = match self {
            PageError::Status(status) => (status, explain(status)),
            PageError::Explained(explanation) => (explanation.status, explanation),
            PageError::SignIn { next } => return Redirect::to(&paths::sign_in_then(&next)).into_response(),
            PageError::TooOften(TooOften { retry_after }) => {
                let mut explanation = explain(StatusCode::TOO_MANY_REQUESTS);
                explanation.sentence = format!(
                    "There were too many tries from this address. Wait {retry_after} seconds and try again; \
                     nothing is lost or locked."
                );
                let mut response =
                    (explanation.status, [(header::RETRY_AFTER, retry_after.to_string())]).into_response();
                response.extensions_mut().insert(explanation);
                return response;
            }
            PageError::Internal(error) => {
                let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
                response.extensions_mut().insert(Defect(error));
                return response;
            }
        };
        let mut response = status.into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response.extensions_mut().insert(explanation);
        response
    }
}

/// The answer to an address that leads nowhere.
pub async fn no_such_page() -> PageError {
    PageError::not_found()
}

/// The answer when a handler panicked.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Defect(format!("panicked: {}", text.unwrap_or("unknown"))));
    response
}

#[derive(Template)]
#[template(path = "public/error.html")]
struct ErrorPage {
    programme: String,
    explanation: Explanation,
}

/// Turns answers without a page into a page (for programs, into a problem), and logs defects under a reference.
pub async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    // The route, not the address: addresses can hold one-time secrets, which don't belong in a log.
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let for_programs = request.uri().path().starts_with(problem::API);
    let response = next.run(request).await;
    let status = response.status();
    let defect = response.extensions().get::<Defect>().is_some();
    let media = if for_programs { problem::PROBLEM_JSON } else { "text/html" };
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_answered = content_type.is_some_and(|value| value.as_bytes().starts_with(media.as_bytes()));
    if !(status.is_client_error() || status.is_server_error()) || (is_answered && !defect) {
        return response;
    }
    let (parts, _) = response.into_parts();
    let reference = parts.extensions.get::<Defect>().map(|Defect(error)| {
        let reference = app.ids.secret()[..8].to_owned();
        tracing::error!(%reference, %method, route, error, "a request failed");
        reference
    });
    if for_programs {
        return problem::of_answer(status, &parts.headers, reference.as_deref());
    }
    let mut explanation = parts.extensions.get::<Explanation>().cloned().unwrap_or_else(|| explain(status));
    if let Some(reference) = reference {
        explanation.sentence = format!(
            "Something went wrong on our side; nothing you sent was half done. Please try again. If it happens again, \
             tell support this reference: {reference}."
        );
    }
    let page = ErrorPage { programme: app.programme().name.clone(), explanation };
    let Ok(text) = page.render() else { return status.into_response() };
    let mut response = html(status, text);
    for name in [header::RETRY_AFTER, header::ALLOW, header::SET_COOKIE] {
        for value in parts.headers.get_all(&name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

/// The words for HTTP's own answers.
fn explain(status: StatusCode) -> Explanation {
    let (title, sentence): (&str, &str) = match status {
        StatusCode::BAD_REQUEST => (
            "That could not be read",
            "Something in the address or the form is broken. Go back and try again.",
        ),
        StatusCode::UNAUTHORIZED => (
            "You are signed out",
            "Sign in again; then go back to the page before this one and send it once more.",
        ),
        StatusCode::FORBIDDEN => (
            "Not for this account",
            "Your account may not open this page or do this. Ask an admin if you need it.",
        ),
        StatusCode::NOT_FOUND => {
            ("There is nothing here", "The address may be mistyped, or what was here has gone.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            ("That is not how this address works", "Open the page first and use the form on it.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => (
            "That was too much at once",
            "What you sent is larger than this form can take. Shorten it and send it again.",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("That could not be read", "This address expects an ordinary web form.")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ("A short pause, please", "There were too many tries. Wait a minute and try again.")
        }
        StatusCode::SERVICE_UNAVAILABLE => (
            "Very busy right now",
            "The server could not take this in time. Wait a few seconds and try again.",
        ),
        status if status.is_server_error() => {
            ("Something went wrong", "Something went wrong on our side. Please try again.")
        }
        _ => ("That did not work", "Go back and try again."),
    };
    let way_on = match status {
        StatusCode::UNAUTHORIZED => (paths::SIGN_IN.to_owned(), "Sign in"),
        _ => (paths::HOME.to_owned(), "To the start page"),
    };
    Explanation { status, title: title.into(), sentence: sentence.into(), way_on }
}
