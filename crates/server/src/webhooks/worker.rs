//! The worker of the deliveries: like that of the outbox, but with places that may each be slow or away for themselves.
//!
//! A delivery is claimed in one transaction, made outside of any, and marked in another. A server that dies between making
//! it and marking it leaves it claimed until its lease runs out; then it is made once more, with the same `webhook-id`.

use std::{collections::HashMap, time::Duration};

use domain::{clock::SECOND, retry::TRIES};
use store::{
    DbError,
    webhook_deliveries::{self, Delivery, Try},
    webhooks::{self, Secret, Webhook},
};
use tokio::{sync::watch, task::JoinSet};

use super::send::{self, Made, Verdict};
use crate::{app::App, ops};

/// How many deliveries are on their way at once.
const AT_ONCE: usize = 32;

/// How many of them to one place: one that is slow holds up nobody else.
const AT_ONE_PLACE: usize = 4;

/// How long a worker that says nothing is believed to be at work, in microseconds: above what one try can take.
const LEASE: i64 = 120 * SECOND;

/// How often it is looked whether something is due.
const POLL: Duration = Duration::from_secs(1);

/// What deliveries on their way are given to arrive when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is tried to write down what became of a try.
const MARK_TRIES: u64 = 5;

/// Delivers what is due, again and again, until `stop` says so or is dropped; then lets what is on its way arrive.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut flying: JoinSet<String> = JoinSet::new();
    let mut busy: HashMap<String, usize> = HashMap::new();
    while !*stop.borrow() {
        while let Some(landed) = flying.try_join_next() {
            land(&mut busy, landed);
        }
        let taken = if flying.len() < AT_ONCE { take(&app, &busy).await } else { vec![] };
        let nothing = taken.is_empty();
        for claim in taken {
            let place = claim.hook.id.clone();
            *busy.entry(place.clone()).or_default() += 1;
            let app = app.clone();
            flying.spawn(async move {
                claim.deliver(app).await;
                place
            });
        }
        if nothing {
            tokio::select! {
                changed = stop.changed() => if changed.is_err() { break },
                Some(landed) = flying.join_next() => land(&mut busy, landed),
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
    if tokio::time::timeout(GRACE, flying.join_all()).await.is_err() {
        tracing::warn!("deliveries were on their way when the server stopped; they are tried again");
    }
}

fn land(busy: &mut HashMap<String, usize>, landed: Result<String, tokio::task::JoinError>) {
    match landed {
        Ok(place) => {
            if let Some(count) = busy.get_mut(&place) {
                *count -= 1;
                if *count == 0 {
                    busy.remove(&place);
                }
            }
        }
        Err(error) => tracing::error!(%error, "a delivery has ended badly; it is tried again"),
    }
}

/// Delivers everything that is due now and waits for it; returns how many tries were made.
pub async fn run_once(app: &App) -> usize {
    let mut tries = 0;
    loop {
        let taken = take(app, &HashMap::new()).await;
        if taken.is_empty() {
            return tries;
        }
        tries += taken.len();
        let flying: JoinSet<()> = taken.into_iter().map(|claim| claim.deliver(app.clone())).collect();
        flying.join_all().await;
    }
}

/// A delivery that this worker has, and the word by which the database knows that.
struct Claim {
    hook: Webhook,
    secrets: Vec<Secret>,
    delivery: Delivery,
    holder: String,
}

/// Claims deliveries that are due, for every place as many as it has free ways.
async fn take(app: &App, busy: &HashMap<String, usize>) -> Vec<Claim> {
    let due = app.read(|tx, env| webhook_deliveries::due(tx, env.now)).await;
    let taken = match due {
        Ok(places) => {
            let free: Vec<(String, i64)> = places
                .into_iter()
                .filter_map(|place| {
                    let free = AT_ONE_PLACE.saturating_sub(busy.get(&place).copied().unwrap_or(0));
                    i64::try_from(free).ok().filter(|free| *free > 0).map(|free| (place, free))
                })
                .collect();
            if free.is_empty() {
                return vec![];
            }
            claim(app, free).await
        }
        Err(error) => Err(error),
    };
    taken.unwrap_or_else(|error| {
        tracing::warn!(%error, "deliveries could not be read; trying again");
        vec![]
    })
}

async fn claim(app: &App, free: Vec<(String, i64)>) -> Result<Vec<Claim>, DbError> {
    app.write(move |tx, env| {
        // Drawn anew each time, so that a worker taken for dead can't mark what another has by now.
        let holder = env.ids.uuid(env.now);
        let until = env.now.plus(LEASE);
        let mut claims = Vec::new();
        for (place, limit) in &free {
            let Some(hook) = webhooks::by_id(tx, place)?.filter(|hook| hook.active) else { continue };
            let secrets = webhooks::secrets(tx, place, env.now)?;
            for delivery in webhook_deliveries::claim(tx, place, &holder, env.now, until, *limit)? {
                let (hook, secrets, holder) = (hook.clone(), secrets.clone(), holder.clone());
                claims.push(Claim { hook, secrets, delivery, holder });
            }
        }
        Ok(claims)
    })
    .await
}

impl Claim {
    /// One try, and what became of it.
    async fn deliver(self, app: App) {
        let Claim { hook, secrets, delivery, holder } = self;
        let made = if delivery.attempts > TRIES {
            Made {
                made: Try {
                    at: app.clock.now(),
                    took_ms: 0,
                    headers: vec![],
                    body: String::new(),
                    status: None,
                    answer: String::new(),
                    error: format!("It was tried {TRIES} times, and no try came to an end."),
                },
                verdict: Verdict::Failed(None),
                answer_id: None,
            }
        } else {
            send::attempt(&app, &hook, &secrets, &delivery).await
        };
        match made.verdict {
            Verdict::Taken => tracing::debug!(id = delivery.id, "a delivery was taken"),
            Verdict::Failed(_) | Verdict::Gone => {
                let (to, why) = (hook.name.as_str(), made.made.error.as_str());
                tracing::warn!(
                    id = delivery.id,
                    to,
                    tries = delivery.attempts,
                    why,
                    "a delivery was not taken"
                );
            }
        }
        mark(&app, hook.id, delivery, holder, made).await;
    }
}

/// Writes down what became of a try. The other side may have it by now, so a database that has trouble for a moment is
/// asked again.
async fn mark(app: &App, hook_id: String, delivery: Delivery, holder: String, made: Made) {
    let id = delivery.id.clone();
    for tries in 1..=MARK_TRIES {
        let (hook_id, delivery, holder, made) =
            (hook_id.clone(), delivery.clone(), holder.clone(), made.clone());
        let marked = app
            .write(move |tx, env| ops::webhooks::settle(tx, env, &hook_id, &delivery, &holder, &made))
            .await;
        match marked {
            Ok(switched_off) => {
                if switched_off && let Err(error) = app.reload_programme().await {
                    tracing::warn!(%error, "the programme's settings could not be read again");
                }
                return;
            }
            Err(error) if tries < MARK_TRIES => {
                tracing::warn!(%error, id, "what became of a delivery could not be written down; again");
                tokio::time::sleep(Duration::from_secs(tries)).await;
            }
            Err(error) => tracing::error!(%error, id, "what became of a delivery is not written down"),
        }
    }
}
