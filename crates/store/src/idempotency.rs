//! What requests with a key were answered, so that a request sent twice is done once.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// An answer that was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The hash of what was asked for.
    pub input_hash: String,
    /// The status of the answer.
    pub status: i64,
    /// The answer.
    pub body: String,
}

/// Takes a key for a request, before it is done. Of two at once with the same key the second waits here until the first
/// is over. Returns what was answered before, if the key was taken.
pub fn take(
    tx: &mut Tx,
    token_id: &str,
    key: &str,
    input_hash: &str,
    now: Timestamp,
) -> Result<Option<Answered>, DbError> {
    let taken = tx.exec(
        "INSERT INTO idempotency (token_id, key, input_hash, status, body, created_at)
         VALUES ($1, $2, $3, 0, '', $4) ON CONFLICT (token_id, key) DO NOTHING",
        params![token_id, key, input_hash, now.micros()],
    )?;
    if taken == 1 {
        return Ok(None);
    }
    let row = tx.one(
        "SELECT input_hash, status, body FROM idempotency WHERE token_id = $1 AND key = $2",
        params![token_id, key],
    )?;
    Ok(Some(Answered { input_hash: row.get(0)?, status: row.get(1)?, body: row.get(2)? }))
}

/// Keeps the answer to the request that has taken a key.
pub fn keep(tx: &mut Tx, token_id: &str, key: &str, status: i64, body: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE idempotency SET status = $1, body = $2 WHERE token_id = $3 AND key = $4",
        params![status, body, token_id, key],
    )?;
    Ok(())
}

/// Forgets answers given before a moment, as many as given; returns how many those were.
pub fn sweep(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    let rows = tx.all(
        "SELECT token_id, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2",
        params![before.micros(), limit],
    )?;
    let keys = rows
        .iter()
        .map(|row| Ok(params![row.get::<String>(0)?, row.get::<String>(1)?].to_vec()))
        .collect::<Result<Vec<_>, DbError>>()?;
    tx.many("DELETE FROM idempotency WHERE token_id = $1 AND key = $2", &keys)
}
