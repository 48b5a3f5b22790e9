//! The worker of the outbox: takes messages that are due, tries to deliver them, writes down what became of each try.
//!
//! A message is claimed in one transaction, delivered outside of any, and marked in another. A server that dies between
//! delivering and marking leaves the message claimed until its lease runs out; then it is delivered once more, with the
//! same Message-ID.

use std::time::Duration;

use domain::{
    clock::SECOND,
    notice::Channel,
    retry::{self, TRIES},
};
use store::{
    DbError,
    outbox::{self, Message},
};
use tokio::{sync::watch, task::JoinSet};

use super::{delivery::Outcome, mail};
use crate::{app::App, ops};

/// How many messages of one channel are on their way at once.
const AT_ONCE: usize = 8;

/// How long a worker that says nothing is believed to be at work, in microseconds: above what one try can take.
const LEASE: i64 = 300 * SECOND;

/// How often it is looked whether something is due.
const POLL: Duration = Duration::from_secs(1);

/// What messages on their way are given to arrive when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is tried to write down what became of a try.
const MARK_TRIES: u64 = 5;

/// The channels that this installation has.
fn channels(app: &App) -> Vec<Channel> {
    let reach = app.reach();
    let has = |channel| match channel {
        Channel::Mail => reach.mail,
        Channel::Telegram => reach.telegram,
    };
    Channel::ALL.into_iter().filter(|channel| has(*channel)).collect()
}

/// Delivers what is due, again and again, until `stop` says so or is dropped; then lets what is on its way arrive.
pub async fn run(app: App, stop: watch::Receiver<bool>) {
    let mut workers = JoinSet::new();
    for channel in channels(&app) {
        workers.spawn(run_channel(app.clone(), channel, stop.clone()));
    }
    workers.join_all().await;
}

async fn run_channel(app: App, channel: Channel, mut stop: watch::Receiver<bool>) {
    let mut flying = JoinSet::new();
    while !*stop.borrow() {
        while flying.try_join_next().is_some() {}
        let free = AT_ONCE - flying.len();
        let taken = if free == 0 { vec![] } else { take(&app, channel, free).await };
        let nothing = taken.is_empty();
        for claim in taken {
            flying.spawn(claim.deliver(app.clone()));
        }
        if nothing {
            tokio::select! {
                changed = stop.changed() => if changed.is_err() { break },
                Some(_) = flying.join_next() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
    if tokio::time::timeout(GRACE, flying.join_all()).await.is_err() {
        tracing::warn!("messages were on their way when the server stopped; they are tried again");
    }
}

/// Delivers everything that is due now and waits for it; returns how many tries were made.
pub async fn run_once(app: &App) -> usize {
    let mut tries = 0;
    for channel in channels(app) {
        loop {
            let taken = take(app, channel, AT_ONCE).await;
            if taken.is_empty() {
                break;
            }
            tries += taken.len();
            let flying: JoinSet<()> = taken.into_iter().map(|claim| claim.deliver(app.clone())).collect();
            flying.join_all().await;
        }
    }
    tries
}

/// A message that this worker has, and the word by which the database knows that.
struct Claim {
    message: Message,
    holder: String,
}

/// Claims messages that are due.
async fn take(app: &App, channel: Channel, limit: usize) -> Vec<Claim> {
    let due = app.read(move |tx, env| outbox::any_due(tx, channel, env.now)).await;
    let taken = match due {
        Ok(false) => return vec![],
        Ok(true) => {
            let limit = i64::try_from(limit).unwrap_or(1);
            app.write(move |tx, env| -> Result<_, DbError> {
                // Drawn anew each time, so that a worker taken for dead can't mark what another has by now.
                let holder = env.ids.uuid(env.now);
                let until = env.now.plus(LEASE);
                Ok((outbox::claim(tx, channel, &holder, env.now, until, limit)?, holder))
            })
            .await
        }
        Err(error) => Err(error),
    };
    match taken {
        Ok((messages, holder)) => {
            messages.into_iter().map(|message| Claim { message, holder: holder.clone() }).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "the outbox could not be read; trying again");
            vec![]
        }
    }
}

impl Claim {
    /// One try, and what became of it.
    async fn deliver(self, app: App) {
        let message = &self.message;
        let now = app.clock.now();
        let outcome = if message.attempts > TRIES {
            Outcome::Refused { why: format!("It was tried {TRIES} times, and no try came to an end.") }
        } else if let Some(why) = retry::stale(message.notice, message.created_at, message.next_at, now) {
            Outcome::Refused { why: why.into() }
        } else {
            match message.channel {
                Channel::Mail => mail::deliver(&app, message).await,
                Channel::Telegram => Outcome::Failed { why: "not built yet".into(), retry_after: None },
            }
        };
        match &outcome {
            Outcome::Sent => tracing::debug!(id = message.id, "a message was sent"),
            Outcome::Failed { why, .. } => {
                tracing::warn!(id = message.id, tries = message.attempts, why, "a message could not be sent");
            }
            Outcome::Refused { why } | Outcome::Closed { why } => {
                tracing::warn!(id = message.id, why, "a message is not tried any more");
            }
        }
        self.mark(&app, outcome).await;
    }

    /// Writes down what became of a try. The message may be with its reader by now, so a database that has trouble for
    /// a moment is asked again.
    async fn mark(self, app: &App, outcome: Outcome) {
        let Claim { message, holder } = self;
        let id = message.id.clone();
        for tries in 1..=MARK_TRIES {
            let (message, holder, outcome) = (message.clone(), holder.clone(), outcome.clone());
            let marked =
                app.write(move |tx, env| ops::outbox::settle(tx, env, &message, &holder, &outcome)).await;
            match marked {
                Ok(()) => return,
                Err(error) if tries < MARK_TRIES => {
                    tracing::warn!(%error, id, "what became of a message could not be written down; again");
                    tokio::time::sleep(Duration::from_secs(tries)).await;
                }
                Err(error) => tracing::error!(%error, id, "what became of a message is not written down"),
            }
        }
    }
}
