//! What the server does by itself, again and again.

use std::time::Duration;

use domain::clock::DAY;
use store::{DbError, outbox, recovery, sessions};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    app::App,
    daily,
    notify::{telegram::poller::Poller, worker},
    ops,
};

/// How often it is looked whether commissions have become available.
const RELEASE_EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether finance is to be reminded of a withdrawal.
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// How often what has run out is swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// How many messages are deleted in one transaction.
const SWEEP_MESSAGES: i64 = 500;
/// After how long, in microseconds, a request for a new password is closed whose mail led to nothing.
const RECOVERY_KEPT: i64 = 7 * DAY;

/// The jobs at work. Most of them end with the runtime; the one that sends messages is told to.
pub struct Jobs {
    stop: watch::Sender<bool>,
    outbox: JoinHandle<()>,
}

/// Starts the jobs.
pub fn start(app: &App) -> Jobs {
    tokio::spawn(app.clone().watch_programme());
    tokio::spawn(release_commissions(app.clone()));
    tokio::spawn(remind_finance(app.clone()));
    tokio::spawn(sweep(app.clone()));
    tokio::spawn(daily::run(app.clone()));
    if app.bot.is_some() {
        tokio::spawn(Poller::new(app.clone()).run());
    }
    let (stop, stopped) = watch::channel(false);
    let outbox = tokio::spawn(worker::run(app.clone(), stopped));
    Jobs { stop, outbox }
}

impl Jobs {
    /// Sends nothing new and lets what is on its way arrive, for some seconds.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.outbox.await {
            tracing::error!(%error, "the worker of the outbox has ended badly");
        }
    }
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

/// Reminds finance of withdrawals that wait. Two servers may do this at once: a reminder is noted before it is written,
/// and only one of them can note it.
async fn remind_finance(app: App) {
    loop {
        match app.write(ops::withdrawals_due::remind).await {
            Ok(0) => tokio::time::sleep(REMIND_EVERY).await,
            Ok(count) => tracing::info!(count, "finance was reminded of withdrawals that wait"),
            Err(error) => {
                tracing::error!(%error, "finance could not be reminded of what waits; trying again");
                tokio::time::sleep(REMIND_EVERY).await;
            }
        }
    }
}

async fn sweep(app: App) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        app.limits.forget_quiet();
        if let Err(error) = sweep_once(&app).await {
            tracing::warn!(%error, "what has run out could not be swept away; trying again later");
        }
    }
}

/// Deletes what has run out, messages in small steps: everybody else's work waits behind each.
async fn sweep_once(app: &App) -> Result<(), DbError> {
    app.write(|tx, env| sessions::sweep(tx, env.now)).await?;
    app.write(|tx, env| recovery::close_answered(tx, env.now.plus(-RECOVERY_KEPT), env.now)).await?;
    while app.write(|tx, env| outbox::sweep(tx, env.now, SWEEP_MESSAGES)).await? > 0 {}
    Ok(())
}
