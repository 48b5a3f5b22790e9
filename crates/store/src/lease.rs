//! Work that one server at a time does, and what that work has to remember.
//!
//! Whoever holds a lease prolongs it while working; when a holder is gone, its lease runs out and another server goes
//! on. What the work remembers is written with [`keep`] in the transaction of what it did, which fails for everybody
//! but the holder: so nothing is done twice, even by a server that was taken for dead and wasn't.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// Takes a lease that is free or has run out, or prolongs one's own. Returns what the work remembers (at first
/// nothing), or none while another holds it.
pub fn take(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<String>, DbError> {
    let taken = tx.exec(
        "INSERT INTO lease (name, holder, until, state) VALUES ($1, $2, $3, '')
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
         WHERE lease.holder = excluded.holder OR lease.until < $4",
        params![name, holder, until.micros(), now.micros()],
    )?;
    if taken == 0 {
        return Ok(None);
    }
    tx.one("SELECT state FROM lease WHERE name = $1", params![name])?.get(0).map(Some)
}

/// Keeps what the work has to remember and prolongs the lease. Returns no when another holds it by now: then the
/// transaction must not be saved. Call it first: whoever takes the lease meanwhile waits for this transaction's end.
pub fn keep(tx: &mut Tx, name: &str, holder: &str, state: &str, until: Timestamp) -> Result<bool, DbError> {
    let kept = tx.exec(
        "UPDATE lease SET state = $1, until = $2 WHERE name = $3 AND holder = $4",
        params![state, until.micros(), name, holder],
    )?;
    Ok(kept == 1)
}

/// Gives a lease back, so that nobody has to wait for its end. What the work remembers stays.
pub fn release(tx: &mut Tx, name: &str, holder: &str) -> Result<(), DbError> {
    tx.later(
        "UPDATE lease SET holder = '', until = 0 WHERE name = $1 AND holder = $2",
        params![name, holder],
    )?;
    Ok(())
}
