//! Feedback that partners send from any page.

use crate::{DbError, Tx, clients::PartnerName, params};
use domain::clock::Timestamp;

/// What a partner wrote.
#[derive(Debug, Clone)]
pub struct Feedback {
    /// Its identifier.
    pub id: String,
    /// Who wrote it.
    pub partner: PartnerName,
    /// What was written.
    pub message: String,
    /// The page it was written on.
    pub page: String,
    /// `good`, `mixed`, `bad` or empty.
    pub mood: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When, and by whom, it was marked as dealt with.
    pub done: Option<(Timestamp, String)>,
}

/// Keeps feedback.
pub fn insert(
    tx: &mut Tx,
    id: &str,
    partner_id: &str,
    message: &str,
    page: &str,
    mood: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO feedback (id, partner_id, message, page, mood, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![id, partner_id, message, page, mood, now.micros()],
    )?;
    Ok(())
}

/// One page of feedback, newest first: what is open, or what is dealt with.
pub fn list(tx: &mut Tx, done: bool, before: Option<&str>, limit: i64) -> Result<Vec<Feedback>, DbError> {
    let open = if done { "IS NOT NULL" } else { "IS NULL" };
    let rows = tx.all(
        &format!(
            "SELECT f.id, f.partner_id, a.name, f.message, f.page, f.mood, f.created_at, f.done_at, s.name
             FROM feedback f JOIN account a ON a.id = f.partner_id LEFT JOIN account s ON s.id = f.done_by
             WHERE f.done_at {open} AND ($1 = '' OR f.id < $1) ORDER BY f.id DESC LIMIT $2"
        ),
        params![before.unwrap_or(""), limit],
    )?;
    rows.iter()
        .map(|row| {
            let done_at: Option<i64> = row.get(7)?;
            let done_by: Option<String> = row.get(8)?;
            Ok(Feedback {
                id: row.get(0)?,
                partner: PartnerName { id: row.get(1)?, name: row.get(2)? },
                message: row.get(3)?,
                page: row.get(4)?,
                mood: row.get(5)?,
                created_at: Timestamp::from_micros(row.get(6)?),
                done: done_at.map(|at| (Timestamp::from_micros(at), done_by.unwrap_or_default())),
            })
        })
        .collect()
}

/// Marks feedback as dealt with, or as open again. Returns whether it exists.
pub fn set_done(tx: &mut Tx, id: &str, done: Option<(Timestamp, &str)>) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE feedback SET done_at = $1, done_by = $2 WHERE id = $3",
        params![done.map(|(at, _)| at.micros()), done.map(|(_, by)| by), id],
    )?;
    Ok(changed == 1)
}

/// How many messages are open.
pub fn open_count(tx: &mut Tx) -> Result<i64, DbError> {
    tx.one("SELECT COUNT(*) FROM feedback WHERE done_at IS NULL", params![])?.get(0)
}
