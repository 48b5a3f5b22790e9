//! The script for the company's own site. Its address is fixed, so it is kept by browsers for minutes only; what it must
//! know of the programme is written into it.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{attribution::LinkRule, clock::SECOND};
use sha2::{Digest, Sha256};
use store::programme::Programme;

use crate::app::App;

const SCRIPT: &str = include_str!("../../../embed/v1.js");

/// The script with the programme's window and link rule.
fn text(programme: &Programme) -> String {
    let window_ms = programme.window() / (SECOND / 1_000);
    SCRIPT
        .replace("__WINDOW_MS__", &window_ms.to_string())
        .replace("__FIRST_WINS__", if programme.link_rule == LinkRule::First { "true" } else { "false" })
}

/// `GET /embed/v1.js`
pub async fn script(State(app): State<App>, headers: HeaderMap) -> Response {
    let text = text(&app.programme());
    let hash = Sha256::digest(text.as_bytes());
    // Weak: the same text also travels compressed.
    let tag = format!("W/\"{}\"", hash[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let about = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "public, max-age=300".to_owned()),
        (header::ETAG, tag),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin".to_owned()),
    ];
    if known { (StatusCode::NOT_MODIFIED, about).into_response() } else { (about, text).into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programme_is_written_into_the_script() {
        let first = Programme { link_rule: LinkRule::First, window_days: 2, ..Programme::standard() };
        let text = text(&first);
        assert!(text.contains("WINDOW_MS = 172800000;") && text.contains("FIRST_WINS = true;"));
        assert!(!text.contains("__"), "nothing is left to be written in");
    }
}
