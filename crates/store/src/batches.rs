//! Batches: withdrawals that finance pays together.

use crate::{
    DbError, Row, Tx, approvals, params,
    search::NEWEST,
    withdrawals::{self, Withdrawal},
};
use domain::{clock::Timestamp, money::Money};

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStatus {
    /// Its withdrawals wait to be paid.
    Open,
    /// Paid.
    Paid,
    /// Its withdrawals are back in the queue.
    Dissolved,
}

impl BatchStatus {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            BatchStatus::Open => "open",
            BatchStatus::Paid => "paid",
            BatchStatus::Dissolved => "dissolved",
        }
    }

    fn from_word(word: &str) -> Option<BatchStatus> {
        [BatchStatus::Open, BatchStatus::Paid, BatchStatus::Dissolved]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its identifier.
    pub id: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub made_by: String,
    /// Where it stands.
    pub status: BatchStatus,
    /// When it was paid or dissolved, and by whom.
    pub closed: Option<(Timestamp, String)>,
}

fn read(row: &Row) -> Result<Batch, DbError> {
    let status: String = row.get(3)?;
    let closed_at: Option<i64> = row.get(4)?;
    let closed_by: Option<String> = row.get(5)?;
    Ok(Batch {
        id: row.get(0)?,
        made_at: Timestamp::from_micros(row.get(1)?),
        made_by: row.get(2)?,
        status: BatchStatus::from_word(&status)
            .ok_or_else(|| DbError::decode("payout_batch.status", &status))?,
        closed: closed_at.map(|at| (Timestamp::from_micros(at), closed_by.unwrap_or_default())),
    })
}

/// A batch in the list, with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The batch.
    pub batch: Batch,
    /// How many withdrawals were not taken off it.
    pub count: i64,
    /// What they come to.
    pub total: Money,
}

/// A withdrawal of a batch.
#[derive(Debug, Clone)]
pub struct Line {
    /// The withdrawal.
    pub withdrawal: Withdrawal,
    /// The partner's email address.
    pub email: String,
    /// How many people have approved the withdrawal as it is.
    pub approvals: i64,
    /// How many of them are others than the person who looks.
    pub by_others: i64,
}

const COLUMNS: &str = "b.id, b.made_at, m.name, b.status, b.closed_at, c.name";

const FROM: &str =
    "FROM payout_batch b JOIN account m ON m.id = b.made_by LEFT JOIN account c ON c.id = b.closed_by";

/// Makes an open batch.
pub fn insert(tx: &mut Tx, id: &str, by: &str, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO payout_batch (id, made_at, made_by, status) VALUES ($1, $2, $3, 'open')",
        params![id, now.micros(), by],
    )?;
    Ok(())
}

/// Puts a withdrawal into an open batch. Returns no when it is in an open batch already.
pub fn add(tx: &mut Tx, batch_id: &str, withdrawal_id: &str) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO payout_line (batch_id, withdrawal_id, status) VALUES ($1, $2, 'open')
         ON CONFLICT (withdrawal_id) WHERE status = 'open' DO NOTHING",
        params![batch_id, withdrawal_id],
    )?;
    Ok(made == 1)
}

/// The batch of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Batch>, DbError> {
    tx.opt(&format!("SELECT {COLUMNS} {FROM} WHERE b.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// The same, locked until the transaction ends: whatever is decided about a batch is decided one after the other.
pub fn lock(tx: &mut Tx, id: &str) -> Result<Option<Batch>, DbError> {
    if tx.opt("SELECT id FROM payout_batch WHERE id = $1 {for_update}", params![id])?.is_none() {
        return Ok(None);
    }
    by_id(tx, id)
}

/// One page of batches, newest first.
pub fn list(tx: &mut Tx, before: Option<&str>, limit: i64) -> Result<Vec<Listed>, DbError> {
    const KEPT: &str = "FROM payout_line l JOIN withdrawal w ON w.id = l.withdrawal_id
        WHERE l.batch_id = b.id AND l.status <> 'off'";
    let rows = tx.all(
        &format!(
            "SELECT {COLUMNS}, (SELECT COUNT(*) {KEPT}), (SELECT CAST(COALESCE(SUM(w.amount), 0) AS BIGINT) {KEPT})
             {FROM} WHERE b.id < $1 ORDER BY b.id DESC LIMIT $2"
        ),
        params![before.unwrap_or(NEWEST), limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Listed { batch: read(row)?, count: row.get(6)?, total: Money::from_minor(row.get(7)?) })
        })
        .collect()
}

/// How many batches are open.
pub fn open_count(tx: &mut Tx) -> Result<i64, DbError> {
    tx.one("SELECT COUNT(*) FROM payout_batch WHERE status = 'open'", params![])?.get(0)
}

/// The identifiers of a batch's withdrawals that were not taken off it, in their order.
pub fn withdrawals(tx: &mut Tx, batch_id: &str) -> Result<Vec<String>, DbError> {
    let rows = tx.all(
        "SELECT withdrawal_id FROM payout_line WHERE batch_id = $1 AND status <> 'off' ORDER BY withdrawal_id",
        params![batch_id],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Locks those withdrawals in their order until the transaction ends.
pub fn lock_withdrawals(tx: &mut Tx, batch_id: &str) -> Result<(), DbError> {
    tx.all(
        "SELECT id FROM withdrawal WHERE id IN
            (SELECT withdrawal_id FROM payout_line WHERE batch_id = $1 AND status <> 'off')
         ORDER BY id {for_update}",
        params![batch_id],
    )?;
    Ok(())
}

/// The withdrawals of a batch that were not taken off it, in their order, for the person `viewer`.
pub fn lines(tx: &mut Tx, batch_id: &str, viewer: &str) -> Result<Vec<Line>, DbError> {
    let approvals = format!("SELECT COUNT(*) FROM withdrawal_approval v WHERE {}", approvals::COUNTS);
    let rows = tx.all(
        &format!(
            "SELECT {}, a.email, ({approvals}), ({approvals} AND v.by_id <> $2)
             {} JOIN payout_line l ON l.withdrawal_id = w.id
             WHERE l.batch_id = $1 AND l.status <> 'off' ORDER BY w.id",
            withdrawals::COLUMNS,
            withdrawals::FROM
        ),
        params![batch_id, viewer],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Line {
                withdrawal: withdrawals::read(row)?,
                email: row.get(19)?,
                approvals: row.get(20)?,
                by_others: row.get(21)?,
            })
        })
        .collect()
}

/// The open batch that a withdrawal waits in.
pub fn open_batch_of(tx: &mut Tx, withdrawal_id: &str) -> Result<Option<String>, DbError> {
    tx.opt(
        "SELECT batch_id FROM payout_line WHERE withdrawal_id = $1 AND status = 'open'",
        params![withdrawal_id],
    )?
    .map(|row| row.get(0))
    .transpose()
}

/// Every batch that a withdrawal is or was in, oldest first, and whether it was taken off.
pub fn of_withdrawal(tx: &mut Tx, withdrawal_id: &str) -> Result<Vec<(Batch, bool)>, DbError> {
    let rows = tx.all(
        "SELECT batch_id, status FROM payout_line WHERE withdrawal_id = $1 ORDER BY batch_id LIMIT 20",
        params![withdrawal_id],
    )?;
    let mut found = Vec::new();
    for row in &rows {
        let batch = by_id(tx, &row.get::<String>(0)?)?;
        found.extend(
            batch.map(|batch| Ok::<_, DbError>((batch, row.get::<String>(1)? == "off"))).transpose()?,
        );
    }
    Ok(found)
}

/// Takes a withdrawal off its open batch. Returns no when it isn't in it.
pub fn take_off(tx: &mut Tx, batch_id: &str, withdrawal_id: &str) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE payout_line SET status = 'off' WHERE batch_id = $1 AND withdrawal_id = $2 AND status = 'open'",
        params![batch_id, withdrawal_id],
    )?;
    Ok(changed == 1)
}

/// Closes an open batch, with what is left in it. Returns no when it is closed already.
pub fn close(tx: &mut Tx, id: &str, status: BatchStatus, by: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE payout_batch SET status = $1, closed_at = $2, closed_by = $3 WHERE id = $4 AND status = 'open'",
        params![status.as_str(), now.micros(), by, id],
    )?;
    if changed != 1 {
        return Ok(false);
    }
    let line = if status == BatchStatus::Paid { "paid" } else { "off" };
    tx.later(
        "UPDATE payout_line SET status = $1 WHERE batch_id = $2 AND status = 'open'",
        params![line, id],
    )?;
    Ok(true)
}
