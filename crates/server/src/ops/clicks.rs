//! A click: somebody followed a referral link.

use domain::referral_code::Reading;
use store::{
    DbError, Tx,
    clicks::{self, Click},
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
