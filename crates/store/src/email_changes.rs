//! Changes of email addresses under way: the old and the new address both have to agree.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// A change under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChange {
    /// The new address as the person wrote it.
    pub email: String,
    /// The new address as compared.
    pub email_key: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when both must have agreed.
    pub expires_at: Timestamp,
    /// The old address has agreed.
    pub released: bool,
    /// The new address has agreed.
    pub adopted: bool,
}

/// Which of the two addresses agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that the account has.
    Old,
    /// The one that it is to have.
    New,
}

/// Begins a change; one that was under way ends.
pub fn begin(
    tx: &mut Tx,
    account_id: &str,
    email: &str,
    email_key: &str,
    now: Timestamp,
    lifetime: i64,
) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO email_change (account_id, email, email_key, requested_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id) DO UPDATE SET email = excluded.email, email_key = excluded.email_key,
            requested_at = excluded.requested_at, expires_at = excluded.expires_at, released_at = NULL,
            adopted_at = NULL",
        params![account_id, email, email_key, now.micros(), now.plus(lifetime).micros()],
    )?;
    Ok(())
}

/// The change of an account that is under way, if it has not run out. Locked, so that of two answers at once the
/// second sees the first.
pub fn lock(tx: &mut Tx, account_id: &str, now: Timestamp) -> Result<Option<EmailChange>, DbError> {
    find(tx, account_id, now, "{for_update}")
}

/// The change of an account that is under way, if it has not run out.
pub fn pending(tx: &mut Tx, account_id: &str, now: Timestamp) -> Result<Option<EmailChange>, DbError> {
    find(tx, account_id, now, "")
}

fn find(tx: &mut Tx, account_id: &str, now: Timestamp, locked: &str) -> Result<Option<EmailChange>, DbError> {
    let row = tx.opt(
        &format!(
            "SELECT email, email_key, requested_at, expires_at, released_at, adopted_at FROM email_change
             WHERE account_id = $1 AND expires_at > $2 {locked}"
        ),
        params![account_id, now.micros()],
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(EmailChange {
        email: row.get(0)?,
        email_key: row.get(1)?,
        requested_at: Timestamp::from_micros(row.get(2)?),
        expires_at: Timestamp::from_micros(row.get(3)?),
        released: row.get::<Option<i64>>(4)?.is_some(),
        adopted: row.get::<Option<i64>>(5)?.is_some(),
    }))
}

/// Notes that one of the two addresses has agreed.
pub fn agree(tx: &mut Tx, account_id: &str, side: Side, now: Timestamp) -> Result<(), DbError> {
    let sql = match side {
        Side::Old => "UPDATE email_change SET released_at = $1 WHERE account_id = $2",
        Side::New => "UPDATE email_change SET adopted_at = $1 WHERE account_id = $2",
    };
    tx.later(sql, params![now.micros(), account_id])?;
    Ok(())
}

/// Ends the change that is under way. Returns whether there was one.
pub fn end(tx: &mut Tx, account_id: &str) -> Result<bool, DbError> {
    Ok(tx.exec("DELETE FROM email_change WHERE account_id = $1", params![account_id])? == 1)
}
