//! The demo: a throw-away programme that has lived for a year. Everything in it has been done through the
//! operations that the pages use, with a clock of its own, so that every page and every balance is true.

mod addresses;
pub mod cast;
mod claims;
mod clicks;
mod desk;
mod life;
mod names;
mod random;
mod story;
mod words;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::ensure;
use domain::clock::{DAY, Timestamp};
use store::Db;

pub use story::CLIENTS;
use story::Story;

/// What was built, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// Partners.
    pub partners: usize,
    /// Clients.
    pub clients: usize,
    /// Deals.
    pub deals: usize,
    /// Visits through links, those of programs not counted.
    pub clicks: i64,
}

/// Lives the year that ends now in an empty database, then has the ledger verified. The same seed and moment give
/// the same data. Nothing if it was stopped on the way; what has been done by then stays.
///
/// # Errors
/// When the database fails, or a finding of the ledger's verification, which must find nothing.
pub fn build(
    db: &Db,
    now: Timestamp,
    seed: u64,
    password_hash: &str,
    stopped: &AtomicBool,
) -> anyhow::Result<Option<Built>> {
    let story = Arc::new(Story::new(seed, now));
    let mut world = life::World::new(&story, password_hash);
    for number in 0..story.days.len() {
        if stopped.load(Ordering::Relaxed) {
            return Ok(None);
        }
        // One transaction a day: a disk syncs a few hundred times a second, and nobody watches.
        let (story, before) = (story.clone(), world);
        world = db.write_blocking(move |tx| {
            let mut world = before.clone();
            world.live(tx, &story, number)?;
            Ok::<_, anyhow::Error>(world)
        })?;
    }
    // Nobody has sent mail in that year: what is older than this is taken for sent when it was written.
    let lately = now.plus(-2 * DAY);
    db.write_blocking(move |tx| store::outbox::settle(tx, lately))?;
    let findings = db.read_blocking(store::verify_projections::verify_all)?;
    ensure!(findings.is_empty(), "the demo's ledger doesn't hold: {}", findings[0]);
    Ok(Some(Built {
        partners: story.cast.len(),
        clients: story.clients.len(),
        deals: story.deals,
        clicks: world.clicks,
    }))
}
