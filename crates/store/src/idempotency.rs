//! What requests with a key were answered, so that a request sent twice is done once.

use crate::{DbError, Tx, Value, names::names, params};
use domain::clock::Timestamp;

/// An answer that was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The hash of what was asked for.
    pub input_hash: String,
    /// The status of the answer.
    pub status: i64,
    /// The answer; empty where somebody whom it was about was erased.
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

/// An answer to be kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer<'a> {
    /// Its status.
    pub status: i64,
    /// Its text.
    pub body: &'a str,
    /// The client whom it is about.
    pub client_number: Option<i64>,
    /// The partner whom it is about or names.
    pub partner_id: Option<&'a str>,
}

/// Keeps the answer to the request that has taken a key.
pub fn keep(tx: &mut Tx, token_id: &str, key: &str, answer: Answer) -> Result<(), DbError> {
    let Answer { status, body, client_number, partner_id } = answer;
    tx.exec(
        "UPDATE idempotency SET status = $1, body = $2, client_number = $3, partner_id = $4
         WHERE token_id = $5 AND key = $6",
        params![status, body, client_number, partner_id, token_id, key],
    )?;
    Ok(())
}

/// Forgets answers of which `which` selects those about somebody, by `$1`. The keys stay taken: what was done is not done
/// again.
pub(crate) fn forget(tx: &mut Tx, which: &str, whose: Value) -> Result<(), DbError> {
    tx.exec(&format!("UPDATE idempotency SET body = '' WHERE {which}"), &[whose])?;
    Ok(())
}

/// How many answers are looked at in one go.
const PAGE: i64 = 500;

/// Forgets answers that name somebody, among those of which nobody knows whom they are about.
pub(crate) fn forget_unnamed(tx: &mut Tx, word: &str) -> Result<(), DbError> {
    let (mut token_id, mut key) = (String::new(), String::new());
    loop {
        let rows = tx.all(
            "SELECT token_id, key, body FROM idempotency WHERE client_number IS NULL AND partner_id IS NULL
             AND (token_id > $1 OR (token_id = $1 AND key > $2)) ORDER BY token_id, key LIMIT $3",
            params![&token_id, &key, PAGE],
        )?;
        for row in &rows {
            (token_id, key) = (row.get(0)?, row.get(1)?);
            if names(&row.get::<String>(2)?, word) {
                tx.exec(
                    "UPDATE idempotency SET body = '' WHERE token_id = $1 AND key = $2",
                    params![&token_id, &key],
                )?;
            }
        }
        if (rows.len() as i64) < PAGE {
            return Ok(());
        }
    }
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
