//! What the server does by itself, again and again.

use std::time::Duration;

use crate::{app::App, daily, ops};

/// How often it is looked whether commissions have become available.
const RELEASE_EVERY: Duration = Duration::from_secs(10);
/// How often what has run out is swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Starts the jobs; they end with the runtime.
pub fn start(app: &App) {
    tokio::spawn(app.clone().watch_programme());
    tokio::spawn(release_commissions(app.clone()));
    tokio::spawn(sweep(app.clone()));
    tokio::spawn(daily::run(app.clone()));
}

/// Makes commissions available whose hold period is over. Two servers may do this at once: each commission is
/// released once, because its deal is locked and the ledger resolves a transfer once.
async fn release_commissions(app: App) {
    loop {
        match app.write(ops::deals::release_due).await {
            Ok(0) => tokio::time::sleep(RELEASE_EVERY).await,
            Ok(count) => tracing::info!(count, "commissions have become available"),
            Err(error) => {
                tracing::error!(%error, "commissions could not be made available; trying again");
                tokio::time::sleep(RELEASE_EVERY).await;
            }
        }
    }
}

async fn sweep(app: App) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        app.limits.forget_quiet();
        if let Err(error) = app.write(|tx, env| store::sessions::sweep(tx, env.now)).await {
            tracing::warn!(%error, "old sessions could not be swept away; trying again later");
        }
    }
}
