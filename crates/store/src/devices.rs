//! Browsers that accounts were used from, to tell a sign-in from a new one.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// How many browsers of one account are remembered: the ones used last. Who refuses cookies has a new one each time.
const KEPT: i64 = 20;

/// Whether an account was used from a browser before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquaintance {
    /// It was.
    Known,
    /// It wasn't, and the account was not used from any other either.
    First,
    /// It wasn't, but from others.
    New,
}

/// Remembers that an account is used from a browser.
pub fn remember(
    tx: &mut Tx,
    account_id: &str,
    device_hash: &str,
    now: Timestamp,
) -> Result<Acquaintance, DbError> {
    let any = tx.opt("SELECT device_hash FROM device WHERE account_id = $1 LIMIT 1", params![account_id])?;
    let made = tx.exec(
        "INSERT INTO device (account_id, device_hash, first_seen_at, seen_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, device_hash) DO NOTHING",
        params![account_id, device_hash, now.micros(), now.micros()],
    )?;
    if made == 0 {
        tx.later(
            "UPDATE device SET seen_at = $1 WHERE account_id = $2 AND device_hash = $3",
            params![now.micros(), account_id, device_hash],
        )?;
        return Ok(Acquaintance::Known);
    }
    tx.later(
        "DELETE FROM device WHERE account_id = $1 AND device_hash NOT IN (
             SELECT device_hash FROM device WHERE account_id = $2 ORDER BY seen_at DESC, device_hash LIMIT $3)",
        params![account_id, account_id, KEPT],
    )?;
    Ok(if any.is_some() { Acquaintance::New } else { Acquaintance::First })
}
