//! The verification of every day: one server recounts the ledger and walks the audit, and admins see when something
//! is off.

use std::time::Duration;

use store::DbError;

use crate::{app::App, ops::verification};

/// How long a server waits after its start, and between looks whether the day is over.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Verifies every day. Never returns.
pub async fn run(app: App) {
    // Two servers are told apart by this.
    let holder = app.ids.secret();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = verify_if_due(&app, &holder).await {
            tracing::error!(%error, "the ledger and the audit could not be verified; trying again later");
        }
    }
}

/// Verifies if a day has passed since the last time and no other server is at it. Returns whether it did.
///
/// # Errors
/// When the database says no.
pub async fn verify_if_due(app: &App, holder: &str) -> Result<bool, DbError> {
    let holder = holder.to_owned();
    if !app.write(move |tx, env| verification::take(tx, env, &holder)).await? {
        return Ok(false);
    }
    let found = app.db.report(verification::run).await?;
    for finding in &found.findings {
        tracing::error!(%finding, "the verification found something");
    }
    // In the log, heads are out of reach of whoever writes the database.
    for head in &found.heads {
        tracing::info!(chain = head.chain, length = head.length, hash = head.hash, "head of the audit");
    }
    tracing::info!(findings = found.findings.len(), "the ledger and the audit are verified");
    app.write(move |tx, env| verification::save(tx, env, &found.findings)).await?;
    Ok(true)
}
