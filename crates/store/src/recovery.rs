//! Requests of people who forgot their password, until somebody has helped them.

use crate::{DbError, Tx, accounts::Kind, params};
use domain::clock::Timestamp;

/// An open request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its identifier.
    pub id: String,
    /// Whose password is forgotten.
    pub account_id: String,
    /// A partner's, or a colleague's.
    pub kind: Kind,
    /// What the person is called.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// When the person asked.
    pub requested_at: Timestamp,
}

/// Notes that somebody asked; asking again while the request is open changes nothing. Returns whether it was noted.
pub fn insert(tx: &mut Tx, id: &str, account_id: &str, now: Timestamp) -> Result<bool, DbError> {
    let noted = tx.exec(
        "INSERT INTO recovery_request (id, account_id, requested_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        params![id, account_id, now.micros()],
    )?;
    Ok(noted == 1)
}

/// The open requests, oldest first.
pub fn open(tx: &mut Tx, limit: i64) -> Result<Vec<Request>, DbError> {
    let rows = tx.all(
        "SELECT r.id, r.account_id, a.kind, a.name, a.email, r.requested_at
         FROM recovery_request r JOIN account a ON a.id = r.account_id
         WHERE r.closed_at IS NULL ORDER BY r.id LIMIT $1",
        params![limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Request {
                id: row.get(0)?,
                account_id: row.get(1)?,
                kind: Kind::from_row(row, 2)?,
                name: row.get(3)?,
                email: row.get(4)?,
                requested_at: Timestamp::from_micros(row.get(5)?),
            })
        })
        .collect()
}

/// The open requests that wait for somebody: no mail with a one-time address was sent since, none is on its way. How
/// many, and when the first person asked.
pub fn waiting(tx: &mut Tx) -> Result<(i64, Option<Timestamp>), DbError> {
    let row = tx.one(
        "SELECT COUNT(*), MIN(r.requested_at) FROM recovery_request r
         WHERE r.closed_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM outbox o WHERE o.account_id = r.account_id AND o.notice = 'recovery'
             AND o.status IN ('sent', 'waiting') AND o.created_at >= r.requested_at
         )",
        params![],
    )?;
    Ok((row.get(0)?, row.get::<Option<i64>>(1)?.map(Timestamp::from_micros)))
}

/// Closes the open request of an account. Returns whether there was one.
pub fn close(tx: &mut Tx, account_id: &str, by: Option<&str>, now: Timestamp) -> Result<bool, DbError> {
    let closed = tx.exec(
        "UPDATE recovery_request SET closed_at = $1, closed_by = $2 WHERE account_id = $3 AND closed_at IS NULL",
        params![now.micros(), by, account_id],
    )?;
    Ok(closed == 1)
}

/// Closes requests from before a moment whose mail was sent and led to nothing: whoever still wants a new password asks
/// again. Returns how many.
pub fn close_answered(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<u64, DbError> {
    tx.exec(
        "UPDATE recovery_request SET closed_at = $1 WHERE closed_at IS NULL AND requested_at < $2 AND EXISTS (
             SELECT 1 FROM outbox o WHERE o.account_id = recovery_request.account_id AND o.notice = 'recovery'
             AND o.status = 'sent' AND o.created_at >= recovery_request.requested_at
         )",
        params![now.micros(), before.micros()],
    )
}
