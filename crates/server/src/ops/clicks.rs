//! A click: somebody followed a referral link.

use std::sync::Arc;

use domain::{
    clock::{DAY, Timestamp},
    referral_code::ReferralCode,
    source::Source,
};
use store::{
    DbError, Tx,
    clicks::{self, Click},
    matching::{self, DamagedCode},
    partners,
};

use crate::app::Env;

/// A visit through a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// When.
    pub at: Timestamp,
    /// The code of the link.
    pub code: ReferralCode,
    /// The partner with that code, where that is known already.
    pub partner_id: Option<Arc<str>>,
    /// The symbols that were followed instead, where the code had to be repaired.
    pub repaired_from: Option<String>,
    /// The host that the link stood on, or empty.
    pub source: String,
    /// The place that it is counted under: named in the link, or the site that the link stood on.
    pub place: Source,
    /// Made by a program that looks at links, not by a person.
    pub automatic: bool,
}

/// Visits that are written down together. Writer and number are its identity: however often a batch is brought, it is
/// written down once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Who brings it: one run of a server.
    pub writer: Arc<str>,
    /// Its number, from one on; a writer brings its batches in order.
    pub number: i64,
    /// The visits in it.
    pub visits: Vec<Visit>,
}

/// What is known about batches before they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Their writer has just made them: nobody has brought them before.
    New,
    /// Nobody knows whether they were brought before.
    Doubtful,
}

/// Writes batches down, those that are not known yet. For each batch whose partner each visit belongs to: none where the
/// code was never given to anybody. A partner may be suspended: the link still leads on.
///
/// `draw` is a random number, another one for each try (see [`clicks::insert_many`]).
///
/// # Errors
/// When the database says no.
pub fn record(
    tx: &mut Tx,
    now: Timestamp,
    batches: &[Arc<Batch>],
    standing: Standing,
    draw: u32,
) -> Result<Vec<Vec<Option<Arc<str>>>>, DbError> {
    let mut new = Vec::new();
    let mut owners = Vec::with_capacity(batches.len());
    for batch in batches {
        let is_new = match standing {
            Standing::Doubtful => clicks::begin_batch(tx, &batch.writer, batch.number, now)?,
            Standing::New => {
                clicks::begin_new_batch(tx, &batch.writer, batch.number, now)?;
                true
            }
        };
        let mut of_batch = Vec::with_capacity(batch.visits.len());
        for visit in &batch.visits {
            let owner = match &visit.partner_id {
                Some(id) => Some(id.clone()),
                None => partners::by_code(tx, visit.code)?.map(|(id, _)| Arc::from(id)),
            };
            if let Some(owner) = owner.clone().filter(|_| is_new) {
                new.push((owner, visit));
            }
            of_batch.push(owner);
        }
        owners.push(of_batch);
    }
    let rows: Vec<Click> = new
        .iter()
        .map(|(owner, visit)| Click {
            partner_id: owner,
            repaired_from: visit.repaired_from.as_deref(),
            source: &visit.source,
            place: visit.place.as_str(),
            automatic: visit.automatic,
            at: visit.at,
        })
        .collect();
    clicks::insert_many(tx, &rows, draw)?;
    Ok(owners)
}

/// How many clicks are deleted in one transaction: everybody else's work waits behind each.
const DELETED_AT_ONCE: i64 = 1_000;

/// Deletes some of the clicks that have been kept for as long as the programme wants them. What was counted stays.
/// Returns how many; the caller comes again until there are none.
///
/// # Errors
/// When the database says no.
pub fn delete_old(tx: &mut Tx, env: &Env) -> Result<u64, DbError> {
    clicks::delete_before(tx, env.now.plus(-env.programme.click_days * DAY), DELETED_AT_ONCE)
}

/// How long a writer of clicks is remembered that is heard of no more: a file with its clicks may still turn up.
const WRITER_DAYS: i64 = 3 * 365;

/// Forgets the writers of servers that ended long ago.
///
/// # Errors
/// When the database says no.
pub fn forget_writers(tx: &mut Tx, env: &Env) -> Result<u64, DbError> {
    clicks::forget_writers(tx, env.now.plus(-WRITER_DAYS * DAY))
}

/// Keeps the letters of a code that could not be read.
///
/// # Errors
/// When the database says no.
pub fn keep_damaged(tx: &mut Tx, env: &Env, letters: &str, source: &str) -> Result<(), DbError> {
    let code = DamagedCode { at: env.now, code: letters.to_owned(), source: source.to_owned() };
    matching::keep_damaged(tx, &code)
}

/// How long a code that could not be read is kept, and how many are.
const DAMAGED_DAYS: i64 = 180;
const MOST_DAMAGED: i64 = 100_000;

/// Forgets unreadable codes that are old or too many.
///
/// # Errors
/// When the database says no.
pub fn sweep_damaged(tx: &mut Tx, env: &Env) -> Result<(), DbError> {
    matching::sweep_damaged(tx, env.now.plus(-DAMAGED_DAYS * DAY), MOST_DAMAGED)
}
