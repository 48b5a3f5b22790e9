//! A click: somebody followed a referral link.

use domain::{clock::DAY, referral_code::Reading};
use store::{
    DbError, Tx,
    clicks::{self, Click},
    matching::{self, DamagedCode},
    partners,
};

use crate::app::Env;

/// What is known of a visit through a link.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The code of the link.
    pub reading: Reading,
    /// The host that the link stood on, or empty.
    pub source: String,
    /// Made by a program that looks at links, not by a person.
    pub automatic: bool,
}

/// Keeps a click. Returns whether the code belongs to a partner, who may be suspended: the link still leads on.
///
/// # Errors
/// When the database says no.
pub fn record(tx: &mut Tx, env: &Env, visit: &Visit) -> Result<bool, DbError> {
    let Some((partner_id, _)) = partners::by_code(tx, visit.reading.code)? else { return Ok(false) };
    let click = Click {
        partner_id: &partner_id,
        repaired_from: visit.reading.repaired_from.as_deref(),
        source: &visit.source,
        automatic: visit.automatic,
        at: env.now,
    };
    clicks::insert(tx, &click)?;
    Ok(true)
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
