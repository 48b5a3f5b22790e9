//! Approvals of withdrawals: who agreed, when, to which amount and address.

use crate::{DbError, Tx, params, withdrawals::Withdrawal};
use domain::clock::Timestamp;

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who approved.
    pub by_id: String,
    /// What that person is called.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What the person wrote, or empty.
    pub note: String,
}

/// Which approvals `v` count for the withdrawal `w`: those of it as it is, not of another amount or address.
pub(crate) const COUNTS: &str =
    "v.withdrawal_id = w.id AND v.amount = w.amount AND v.wallet_address = w.wallet_address";

/// The approvals of a withdrawal that count, oldest first.
pub fn of(tx: &mut Tx, withdrawal_id: &str) -> Result<Vec<Approval>, DbError> {
    let rows = tx.all(
        &format!(
            "SELECT v.by_id, a.name, v.at, v.note FROM withdrawal w JOIN withdrawal_approval v ON {COUNTS}
             JOIN account a ON a.id = v.by_id WHERE w.id = $1 ORDER BY v.at, v.by_id"
        ),
        params![withdrawal_id],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Approval {
                by_id: row.get(0)?,
                by: row.get(1)?,
                at: Timestamp::from_micros(row.get(2)?),
                note: row.get(3)?,
            })
        })
        .collect()
}

/// Who has approved the withdrawals of a batch, of the approvals that count: withdrawal and account.
pub fn of_batch(tx: &mut Tx, batch_id: &str) -> Result<Vec<(String, String)>, DbError> {
    let rows = tx.all(
        &format!(
            "SELECT w.id, v.by_id FROM payout_line l JOIN withdrawal w ON w.id = l.withdrawal_id
             JOIN withdrawal_approval v ON {COUNTS} WHERE l.batch_id = $1 AND l.status <> 'off'"
        ),
        params![batch_id],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Keeps an approval. Returns no when the person has approved it before.
pub fn insert(
    tx: &mut Tx,
    withdrawal: &Withdrawal,
    by: &str,
    note: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO withdrawal_approval (withdrawal_id, by_id, at, note, amount, wallet_address)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (withdrawal_id, by_id) DO NOTHING",
        params![
            &withdrawal.id,
            by,
            now.micros(),
            note,
            withdrawal.amount.minor(),
            &withdrawal.wallet_address
        ],
    )?;
    Ok(made == 1)
}
