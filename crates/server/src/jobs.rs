//! What the server does by itself, again and again.

use std::time::Duration;

use crate::{app::App, ops};

/// How often it is looked whether commissions have become available.
const RELEASE_EVERY: Duration = Duration::from_secs(10);
/// How often what has run out is swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Starts the jobs; they end with the runtime.
pub fn start(app: &App) {
    tokio::spawn(app.clone().watch_programme());
    tokio::spawn(release_commissions(app.clone()));
    tokio::spawn(sweep(app.clone()));
    tokio::spawn(remind_of_claims(app.clone()));
    tokio::spawn(fill_keys(app.clone()));
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

/// How often it is looked whether a claim is overdue.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// Tells staff of overdue claims, of each once.
async fn remind_of_claims(app: App) {
    loop {
        match app.write(ops::claims::remind).await {
            Ok(0) => tokio::time::sleep(REMIND_EVERY).await,
            Ok(count) => tracing::info!(count, "claims are overdue; staff are told"),
            Err(error) => {
                tracing::error!(%error, "staff could not be told of overdue claims; trying again");
                tokio::time::sleep(REMIND_EVERY).await;
            }
        }
    }
}

/// How many clients are given their keys in one transaction.
const KEYS_BATCH: i64 = 500;

/// Fills in what clients from an older version are found by. Ends when all have it.
async fn fill_keys(app: App) {
    loop {
        match app.write(|tx, _| store::matching::fill_keys(tx, KEYS_BATCH)).await {
            Ok(0) => return,
            Ok(count) => tracing::debug!(count, "clients can be found by contact and name now"),
            Err(error) => {
                tracing::warn!(%error, "what clients are found by could not be filled in; trying again");
                tokio::time::sleep(SWEEP_EVERY).await;
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
        if let Err(error) = app.write(ops::clicks::sweep_damaged).await {
            tracing::warn!(%error, "old unreadable codes could not be swept away; trying again later");
        }
    }
}
