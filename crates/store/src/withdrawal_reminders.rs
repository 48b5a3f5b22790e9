//! Which reminders finance was sent about withdrawals that wait.

use crate::{DbError, Tx, params};
use domain::{clock::Timestamp, money::Money};

/// A withdrawal that finance is to be reminded of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its identifier.
    pub id: String,
    /// What the partner is called.
    pub partner: String,
    /// How much.
    pub amount: Money,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// Pending withdrawals asked for at or before a moment, of which no reminder of so many hours or more was sent; the
/// oldest first.
pub fn due(tx: &mut Tx, hours: i64, requested_by: Timestamp, limit: i64) -> Result<Vec<Due>, DbError> {
    let rows = tx.all(
        "SELECT w.id, a.name, w.amount, w.requested_at
         FROM withdrawal w JOIN account a ON a.id = w.partner_id
         WHERE w.status = 'pending' AND w.requested_at <= $1
           AND NOT EXISTS (SELECT 1 FROM withdrawal_reminder r WHERE r.withdrawal_id = w.id AND r.hours >= $2)
         ORDER BY w.id LIMIT $3",
        params![requested_by.micros(), hours, limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Due {
                id: row.get(0)?,
                partner: row.get(1)?,
                amount: Money::from_minor(row.get(2)?),
                requested_at: Timestamp::from_micros(row.get(3)?),
            })
        })
        .collect()
}

/// Notes that the reminder of so many hours is sent. Returns no when it, or a later one, was sent before: of two
/// servers at once, one sends it.
pub fn mark(tx: &mut Tx, withdrawal_id: &str, hours: i64, now: Timestamp) -> Result<bool, DbError> {
    let marked = tx.exec(
        "INSERT INTO withdrawal_reminder (withdrawal_id, hours, sent_at) VALUES ($1, $2, $3)
         ON CONFLICT (withdrawal_id) DO UPDATE SET hours = excluded.hours, sent_at = excluded.sent_at
         WHERE withdrawal_reminder.hours < excluded.hours",
        params![withdrawal_id, hours, now.micros()],
    )?;
    Ok(marked == 1)
}
