//! What the server does by itself, again and again. Two servers may do each of these at once: whatever a job takes up
//! is locked, or noted before it is done, so that only one of them does it.

use std::{fmt::Display, time::Duration};

use domain::clock::DAY;
use store::{DbError, Topic, Tx, matching, outbox, recovery, sessions, support};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    app::{App, Env},
    crm, daily,
    notify::{telegram::poller::Poller, worker},
    ops, webhooks,
};

/// How often it is looked whether commissions have become available.
const RELEASE_EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether a withdrawal or a claim is due.
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// How often what has run out is swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// How many messages are deleted in one transaction.
const SWEEP_MESSAGES: i64 = 500;
/// How many clients from an older version are given in one transaction what they are found by.
const KEYS_BATCH: i64 = 500;
/// After how long, in microseconds, a request for a new password is closed whose mail led to nothing.
const RECOVERY_KEPT: i64 = 7 * DAY;

/// How long, in microseconds, the addresses in mails still lead guests to a request that is closed.
pub const SUPPORT_KEYS_KEPT: i64 = 180 * DAY;

/// The jobs at work. Most of them end with the runtime; the one that sends messages is told to.
pub struct Jobs {
    stop: watch::Sender<bool>,
    outbox: JoinHandle<()>,
    webhooks: JoinHandle<()>,
}

/// Starts the jobs.
pub fn start(app: &App) -> Jobs {
    tokio::spawn(app.clone().watch_programme());
    again(app, RELEASE_EVERY, "commissions have become available", ops::deals::release_due);
    again(app, REMIND_EVERY, "finance was reminded of withdrawals that wait", ops::withdrawals_due::remind);
    again(app, REMIND_EVERY, "staff were told of overdue claims", ops::claims::remind);
    again(app, SWEEP_EVERY, "clients can be found by contact and name", |tx, _| {
        matching::fill_keys(tx, KEYS_BATCH)
    });
    again(app, SWEEP_EVERY, "clients can be searched by the words of their names and contacts", |tx, _| {
        matching::fill_words(tx, KEYS_BATCH)
    });
    tokio::spawn(sweep(app.clone()));
    tokio::spawn(know_codes(app.clone()));
    tokio::spawn(crm::watch(app.clone()));
    tokio::spawn(daily::run(app.clone()));
    if app.bot.is_some() {
        tokio::spawn(Poller::new(app.clone()).run());
    }
    let (stop, stopped) = watch::channel(false);
    let outbox = tokio::spawn(worker::run(app.clone(), stopped.clone()));
    let webhooks = tokio::spawn(webhooks::worker::run(app.clone(), stopped));
    Jobs { stop, outbox, webhooks }
}

impl Jobs {
    /// Sends nothing new and lets what is on its way arrive, for some seconds.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.outbox.await {
            tracing::error!(%error, "the worker of the outbox has ended badly");
        }
        if let Err(error) = self.webhooks.await {
            tracing::error!(%error, "the worker of the webhooks has ended badly");
        }
    }
}

/// Does a piece of work in steps until nothing is left of it, then looks again after a while. `done` says in the log
/// what a step has achieved.
fn again<E>(
    app: &App,
    every: Duration,
    done: &'static str,
    step: impl FnMut(&mut Tx, &Env) -> Result<usize, E> + Clone + Send + 'static,
) where
    E: From<DbError> + Display + Send + 'static,
{
    let app = app.clone();
    tokio::spawn(async move {
        loop {
            match app.write(step.clone()).await {
                Ok(0) => tokio::time::sleep(every).await,
                Ok(count) => tracing::info!(count, "{done}"),
                Err(error) => {
                    tracing::error!(%error, "a job could not be done: {done}; trying again");
                    tokio::time::sleep(every).await;
                }
            }
        }
    });
}

/// How often the words are read again that nobody has told of.
const WORDS_POLL: Duration = Duration::from_secs(600);

/// Reads the partners' codes, so that links can be followed without looking them up, and the words that stand for them
/// whenever there are new ones. A click that comes before is looked up.
pub async fn know_codes(app: App) {
    let mut heard = app.db.heard(Topic::Aliases);
    if let Err(error) = app.clicks.directory().fill(&app.db).await {
        tracing::warn!(%error, "the partners' codes could not be read; each is looked up with its first click");
    }
    loop {
        tokio::select! {
            Ok(()) = heard.changed() => {}
            () = tokio::time::sleep(WORDS_POLL) => {}
        }
        if let Err(error) = app.clicks.directory().fill_aliases(&app.db).await {
            tracing::warn!(%error, "the words in links could not be read; each is looked up");
        }
    }
}

async fn sweep(app: App) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(error) = sweep_once(&app).await {
            tracing::warn!(%error, "what has run out could not be swept away; trying again later");
        }
    }
}

/// Deletes what has run out, messages in small steps: everybody else's work waits behind each.
///
/// # Errors
/// When the database says no.
pub async fn sweep_once(app: &App) -> Result<(), DbError> {
    app.forget_quiet().await?;
    app.write(|tx, env| sessions::sweep(tx, env.now)).await?;
    app.write(|tx, env| recovery::close_answered(tx, env.now.plus(-RECOVERY_KEPT), env.now)).await?;
    app.write(|tx, env| support::sweep_keys(tx, env.now.plus(-SUPPORT_KEYS_KEPT))).await?;
    app.write(ops::clicks::sweep_damaged).await?;
    app.write(ops::clicks::forget_writers).await?;
    while app.write(ops::crm::sweep).await? > 0 {}
    while app.write(ops::reconcile::sweep).await? > 0 {}
    while app.write(ops::clicks::delete_old).await? > 0 {}
    while app.write(ops::tokens::sweep_answers).await? > 0 {}
    while app.write(ops::webhooks::sweep).await? > 0 {}
    while app.write(|tx, env| outbox::sweep(tx, env.now, SWEEP_MESSAGES)).await? > 0 {}
    Ok(())
}
