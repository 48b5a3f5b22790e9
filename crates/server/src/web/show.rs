//! From a page struct to an answer.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use super::error::PageError;

/// What a handler of a page gives back.
pub type Page = Result<Response, PageError>;

/// A page, shown.
///
/// # Errors
/// When the template fails, which is a defect.
pub fn show(page: &impl Template) -> Page {
    show_with(StatusCode::OK, page)
}

/// A page with a status other than 200.
///
/// # Errors
/// When the template fails, which is a defect.
pub fn show_with(status: StatusCode, page: &impl Template) -> Page {
    Ok(html(status, page.render()?))
}

pub(super) fn html(status: StatusCode, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    (status, headers, text).into_response()
}

/// 303: the answer to a form that was accepted (POST, redirect, GET).
///
/// # Errors
/// Never; the type is that of every handler.
pub fn go_to(path: &str) -> Page {
    Ok(Redirect::to(path).into_response())
}

/// A file to be saved under a name.
pub fn download(content_type: &'static str, name: &str, content: impl Into<axum::body::Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
                .unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    (headers, content.into()).into_response()
}
