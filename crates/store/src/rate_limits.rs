//! Rate limits over all servers on one database: one number for each key, by the generic cell rate algorithm.
//!
//! Each attempt moves the moment at which everything is forgotten on by one pause; an attempt that would move it further
//! than a whole burst of pauses from now is one too many. So the one number says how much is left and when more is.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// Counts one attempt. Returns none when it is allowed, or else after how many microseconds the next will be.
pub fn count(tx: &mut Tx, key: &str, burst: i64, pause: i64, now: Timestamp) -> Result<Option<i64>, DbError> {
    let (now, full) = (now.micros(), now.micros() + burst * pause);
    let counted = tx.exec(
        "INSERT INTO rate_limit (key, until) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET
             until = CASE WHEN rate_limit.until > $3 THEN rate_limit.until ELSE $3 END + $4
         WHERE rate_limit.until <= $5",
        params![key, now + pause, now, pause, full - pause],
    )?;
    if counted == 1 {
        return Ok(None);
    }
    // Further away than a whole burst is only what a server has counted whose clock is ahead: nobody waits for that.
    tx.exec("UPDATE rate_limit SET until = $1 WHERE key = $2 AND until > $1", params![full, key])?;
    let until: Option<i64> = tx
        .opt("SELECT until FROM rate_limit WHERE key = $1", params![key])?
        .map(|row| row.get(0))
        .transpose()?;
    Ok(Some(until.map_or(pause, |until| (until + pause - full).max(1))))
}

/// Forgets keys that have been quiet, as many as given; returns how many those were.
pub fn sweep(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, DbError> {
    tx.exec(
        "DELETE FROM rate_limit WHERE key IN (SELECT key FROM rate_limit WHERE until <= $1 LIMIT $2)
             AND until <= $1",
        params![now.micros(), limit],
    )
}
