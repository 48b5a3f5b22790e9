//! Requests of people who forgot their password, until somebody has helped them.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// An open request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its identifier.
    pub id: String,
    /// Whose password is forgotten.
    pub account_id: String,
    /// What the person is called.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// When the person asked.
    pub requested_at: Timestamp,
}

/// Notes that somebody asked; asking again while the request is open changes nothing.
pub fn insert(tx: &mut Tx, id: &str, account_id: &str, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO recovery_request (id, account_id, requested_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        params![id, account_id, now.micros()],
    )?;
    Ok(())
}

/// The open requests, oldest first.
pub fn open(tx: &mut Tx, limit: i64) -> Result<Vec<Request>, DbError> {
    let rows = tx.all(
        "SELECT r.id, r.account_id, a.name, a.email, r.requested_at
         FROM recovery_request r JOIN account a ON a.id = r.account_id
         WHERE r.closed_at IS NULL ORDER BY r.id LIMIT $1",
        params![limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Request {
                id: row.get(0)?,
                account_id: row.get(1)?,
                name: row.get(2)?,
                email: row.get(3)?,
                requested_at: Timestamp::from_micros(row.get(4)?),
            })
        })
        .collect()
}

/// How many requests are open.
pub fn open_count(tx: &mut Tx) -> Result<i64, DbError> {
    tx.one("SELECT COUNT(*) FROM recovery_request WHERE closed_at IS NULL", params![])?.get(0)
}

/// Closes the open request of an account, if there is one.
pub fn close(tx: &mut Tx, account_id: &str, by: Option<&str>, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "UPDATE recovery_request SET closed_at = $1, closed_by = $2 WHERE account_id = $3 AND closed_at IS NULL",
        params![now.micros(), by, account_id],
    )?;
    Ok(())
}
