//! What protects people's browsers: cross-site requests are refused, pages run nothing that isn't ours.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use tower_http::csrf::CsrfLayer;

use super::error::PageError;
use crate::app::App;

/// Refuses forms that another site sends, by Sec-Fetch-Site and Origin. The public address is trusted by name, for
/// proxies that change the Host header.
pub fn cross_site_layer(app: &App) -> CsrfLayer {
    let layer = CsrfLayer::new();
    match layer.clone().add_trusted_origin(&app.public_url) {
        Ok(with_origin) => with_origin,
        Err(error) => {
            tracing::warn!(%error, "the public address can't be told apart from other sites by name");
            layer
        }
    }
}

/// Refuses a form that carries a session but says nothing about where it comes from: every browser of today says
/// it, so this is a very old browser or somebody trying to look like a program.
///
/// # Errors
/// 403 for such a form.
pub async fn refuse_anonymous_posts(request: Request, next: Next) -> Result<Response, PageError> {
    let headers = request.headers();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let says_where = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    let has_session = headers
        .get_all(header::COOKIE)
        .iter()
        .any(|cookies| String::from_utf8_lossy(cookies.as_bytes()).contains("gw_session="));
    if !reads && !says_where && has_session {
        return Err(PageError::status(StatusCode::FORBIDDEN));
    }
    Ok(next.run(request).await)
}

/// Only what this server sends may run or load; nobody may frame it; forms go nowhere else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Own pages learn where a visitor came from; other sites learn nothing of one-time addresses.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Adds the headers to every answer.
pub async fn headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    add_headers(&app, response.headers_mut());
    response
}

/// Adds the headers to one answer.
pub fn add_headers(app: &App, headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if app.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
