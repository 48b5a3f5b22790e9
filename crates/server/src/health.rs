//! What operators and load balancers ask.

use std::time::Duration;

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::app::App;

/// How long readiness waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// The addresses of this module.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// The process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers and has every migration.
async fn ready(State(app): State<App>) -> (StatusCode, String) {
    let asking = async {
        app.db.ping(PATIENCE).await?;
        app.db.schema().await
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(status)) if status.pending == 0 => (StatusCode::OK, "ready\n".into()),
        Ok(Ok(_)) => (StatusCode::SERVICE_UNAVAILABLE, "migrations are missing\n".into()),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("the database gave no answer within {PATIENCE:?}\n"))
        }
    }
}
