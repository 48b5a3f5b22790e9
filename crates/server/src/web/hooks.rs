//! `POST /hooks/{secret}`: what the company's CRM tells. It is kept before anything else is done with it, so nothing that was
//! sent is ever lost; what can't be applied waits in the office.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;

use super::{address::Origin, api::problem::Problem, paths};
use crate::{
    app::App,
    crm,
    limits::Limited,
    ops::crm::{self as acts, Sent},
};

/// The largest body.
const LARGEST: usize = 1024 * 1024;

/// The address. It reads no cookie: the secret in it says who sends.
pub fn routes() -> Router<App> {
    Router::new()
        .route(&format!("{}/{{secret}}", paths::HOOKS), post(receive))
        .layer(RequestBodyLimitLayer::new(LARGEST))
}

/// `POST /hooks/{secret}`
///
/// # Errors
/// 404 for an address that there isn't, 413, 429, 503.
pub async fn receive(
    State(app): State<App>,
    Origin(address): Origin,
    Path(secret): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    app.allow(Limited::Hook, &address).await?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let sent = Sent {
        content_type: kind.chars().take(200).collect(),
        query: query.unwrap_or_default(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let kept = app.write(move |tx, env| acts::receive(tx, env, &secret, &sent)).await?;
    let Some(ids) = kept else { return Err(Problem::status(StatusCode::NOT_FOUND)) };
    // What can't be read holds no news, and waits as a whole.
    let unreadable = usize::from(ids.is_empty());
    let applied = crm::apply_all(&app, ids).await;
    let told = json!({ "applied": applied.done, "waiting": applied.waiting + unreadable });
    Ok((StatusCode::OK, Json(told)).into_response())
}
