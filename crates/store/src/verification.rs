//! What the last verification of the ledger and the audit found.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// A verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// When it was done.
    pub at: Timestamp,
    /// How much was found.
    pub findings: i64,
    /// The first findings, a line each; empty when all is well.
    pub detail: String,
}

/// The last one, if there was any.
pub fn last(tx: &mut Tx) -> Result<Option<Verification>, DbError> {
    let row = tx.opt("SELECT at, findings, detail FROM verification WHERE id = 1", params![])?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Verification {
        at: Timestamp::from_micros(row.get(0)?),
        findings: row.get(1)?,
        detail: row.get(2)?,
    }))
}

/// Keeps what was found, in place of what was found before.
pub fn save(tx: &mut Tx, found: &Verification) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO verification (id, at, findings, detail) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET at = excluded.at, findings = excluded.findings, detail = excluded.detail",
        params![found.at.micros(), found.findings, &found.detail],
    )?;
    Ok(())
}
