//! Feedback that partners send from any page.

use crate::{DbError, Row, Tx, clients::PartnerName, params, search::NEWEST};
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
    /// What was answered by mail.
    pub answer: Option<Answer>,
}

/// An answer of staff.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was written.
    pub message: String,
    /// When.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: String,
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
    tx.later(
        "INSERT INTO feedback (id, partner_id, message, page, mood, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![id, partner_id, message, page, mood, now.micros()],
    )?;
    Ok(())
}

const SELECT: &str =
    "SELECT f.id, f.partner_id, a.name, f.message, f.page, f.mood, f.created_at, f.done_at, s.name,
    f.answer, f.answered_at, w.name
    FROM feedback f JOIN account a ON a.id = f.partner_id LEFT JOIN account s ON s.id = f.done_by
    LEFT JOIN account w ON w.id = f.answered_by";

fn read(row: &Row) -> Result<Feedback, DbError> {
    let done_at: Option<i64> = row.get(7)?;
    let done_by: Option<String> = row.get(8)?;
    let answer: Option<String> = row.get(9)?;
    let answered_at: Option<i64> = row.get(10)?;
    let answered_by: Option<String> = row.get(11)?;
    Ok(Feedback {
        id: row.get(0)?,
        partner: PartnerName { id: row.get(1)?, name: row.get(2)? },
        message: row.get(3)?,
        page: row.get(4)?,
        mood: row.get(5)?,
        created_at: Timestamp::from_micros(row.get(6)?),
        done: done_at.map(|at| (Timestamp::from_micros(at), done_by.unwrap_or_default())),
        answer: answer.map(|message| Answer {
            message,
            at: Timestamp::from_micros(answered_at.unwrap_or_default()),
            by: answered_by.unwrap_or_default(),
        }),
    })
}

/// One page of feedback, newest first: what is open, or what is dealt with.
pub fn list(tx: &mut Tx, done: bool, before: Option<&str>, limit: i64) -> Result<Vec<Feedback>, DbError> {
    let open = if done { "IS NOT NULL" } else { "IS NULL" };
    let rows = tx.all(
        &format!("{SELECT} WHERE f.done_at {open} AND f.id < $1 ORDER BY f.id DESC LIMIT $2"),
        params![before.unwrap_or(NEWEST), limit],
    )?;
    rows.iter().map(read).collect()
}

/// The feedback of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Feedback>, DbError> {
    tx.opt(&format!("{SELECT} WHERE f.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// Keeps the answer. Returns no when it has one already: of two answers at once, one is sent.
pub fn set_answer(tx: &mut Tx, id: &str, by: &str, answer: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE feedback SET answer = $1, answered_at = $2, answered_by = $3 WHERE id = $4 AND answer IS NULL",
        params![answer, now.micros(), by, id],
    )?;
    Ok(changed == 1)
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
