//! Applies what the CRM has told, each piece of news in a transaction of its own: one that can't be applied holds up no other.

use std::time::Duration;

use store::{DbError, crm::Status};

use crate::{
    app::App,
    ops::crm::{self, CrmError},
};

/// How often it is looked for news that a server has left behind.
const EVERY: Duration = Duration::from_secs(30);
/// How often a piece of news is tried that another one was in the way of.
const TRIES: u32 = 3;

/// How many pieces of news were applied, and how many wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Done, or of no interest.
    pub done: usize,
    /// For somebody to look at.
    pub waiting: usize,
}

/// Applies news. What the database has no time for now stays new and is tried again.
pub async fn apply_all(app: &App, ids: Vec<String>) -> Applied {
    let mut applied = Applied::default();
    for id in ids {
        match apply_one(app, &id).await {
            Ok(Status::Waiting | Status::New) => applied.waiting += 1,
            Ok(Status::Applied | Status::Ignored | Status::Outdated) => applied.done += 1,
            Err(CrmError::Done) => {}
            Err(error) => {
                tracing::warn!(%error, id, "news of the CRM could not be applied yet");
                applied.waiting += 1;
            }
        }
    }
    applied
}

async fn apply_one(app: &App, id: &str) -> Result<Status, CrmError> {
    for tries in 1.. {
        let item = id.to_owned();
        let error = match app.write(move |tx, env| crm::apply(tx, env, &item)).await {
            Err(error @ CrmError::Db(DbError::Sql { .. })) => error,
            Err(error @ (CrmError::Raced | CrmError::Failed(_))) => error,
            other => return other,
        };
        // Another piece of news may have entered the same client or deal just now.
        if tries < TRIES {
            continue;
        }
        tracing::error!(%error, id, "news of the CRM could not be applied");
        let item = id.to_owned();
        app.write(move |tx, env| crm::park(tx, env, &item)).await?;
        return Ok(Status::Waiting);
    }
    Err(CrmError::Unknown)
}

/// Looks from time to time for news that a server has left behind. Never returns.
pub async fn watch(app: App) {
    loop {
        tokio::time::sleep(EVERY).await;
        match app.read(crm::unseen).await {
            Ok(left) if left.is_empty() => {}
            Ok(left) => {
                let applied = apply_all(&app, left).await;
                tracing::info!(
                    applied.done,
                    applied.waiting,
                    "news of the CRM was applied that had been left behind"
                );
            }
            Err(error) => tracing::warn!(%error, "it could not be looked for news of the CRM"),
        }
    }
}
