//! The demo: a throw-away programme that has lived for a year. Everything in it has been done through the
//! operations that the pages use, with a clock of its own, so that every page and every balance is true.

mod addresses;
pub mod cast;
mod claims;
mod clicks;
mod crowd;
mod crowd_life;
mod desk;
mod life;
mod names;
mod random;
mod size;
mod story;
mod words;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::ensure;
use domain::clock::{DAY, Timestamp};
use store::{Db, ledger_verify, verify_audit, verify_projections};

use crowd::Crowd;
pub use size::{Progress, Size};
pub use story::CLIENTS;
use story::Story;

/// What was built, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Partners.
    pub partners: usize,
    /// Clients.
    pub clients: usize,
    /// Deals.
    pub deals: usize,
    /// Visits through links, those of programs not counted.
    pub clicks: i64,
    /// The address of the partner with most clients, in a demo that is larger than the story.
    pub largest: Option<String>,
}

/// What is to be built.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The moment at which the story ends.
    pub now: Timestamp,
    /// Another number tells another story.
    pub seed: u64,
    /// Everybody's password, hashed.
    pub password_hash: &'a str,
    /// How many there are to be; nothing: the people of the story alone.
    pub size: Option<Size>,
}

/// Lives the year that ends now in an empty database, then has the ledger verified. The same plan gives the same data.
/// Nothing if it was stopped on the way; what has been done by then stays.
///
/// # Errors
/// When the database fails, or a finding of the ledger's verification, which must find nothing.
pub fn build(
    db: &Db,
    plan: &Plan,
    stopped: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> anyhow::Result<Option<Built>> {
    let story = Arc::new(Story::new(plan.seed, plan.now));
    let crowd = plan.size.map(|size| Crowd::new(&story, size));
    let mut world = life::World::new(&story, plan.password_hash, crowd);
    for number in 0..story.days.len() {
        if stopped.load(Ordering::Relaxed) {
            return Ok(None);
        }
        // One transaction a day: a disk syncs a few hundred times a second, and nobody watches.
        let (story, before) = (story.clone(), world);
        let of = story.days.len();
        world = db.write_bulk_blocking(move |tx| {
            let mut world = before.clone();
            world.live(tx, &story, number)?;
            Ok::<_, anyhow::Error>(world)
        })?;
        let made = world.made;
        progress(Progress::Day {
            lived: number + 1,
            of,
            clients: made.clients,
            deals: made.deals,
            clicks: world.clicks,
        });
    }
    // Nobody has sent mail in that year: what is older than this is taken for sent when it was written.
    let lately = plan.now.plus(-2 * DAY);
    db.write_blocking(move |tx| store::outbox::settle(tx, lately))?;
    if !verified(db, stopped, &mut progress)? {
        return Ok(None);
    }
    Ok(Some(Built {
        partners: world.made.partners,
        clients: world.made.clients,
        deals: world.made.deals,
        clicks: world.clicks,
        largest: world.crowd.as_ref().and_then(Crowd::largest).map(|member| member.email.clone()),
    }))
}

/// Verifies everything, in parts between which it can be stopped. Returns whether it came to the end.
fn verified(db: &Db, stopped: &AtomicBool, progress: &mut impl FnMut(Progress)) -> anyhow::Result<bool> {
    for part in ["the ledger", "deals, withdrawals and totals", "the audit"] {
        if stopped.load(Ordering::Relaxed) {
            return Ok(false);
        }
        progress(Progress::Verifying(part));
        let findings = db.report_blocking(move |tx| match part {
            "the ledger" => ledger_verify::verify(tx),
            "the audit" => Ok(verify_audit::verify(tx)?.findings()),
            _ => verify_projections::verify_projections(tx),
        })?;
        ensure!(findings.is_empty(), "the demo's ledger doesn't hold: {}", findings[0]);
    }
    Ok(true)
}
