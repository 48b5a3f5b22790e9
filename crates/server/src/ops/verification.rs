//! Verifying the ledger and the audit: on the command line, and once a day by the server.

use domain::clock::{DAY, HOUR};
use store::{
    DbError, Tx, lease,
    ledger_verify::{self, Finding},
    verification::{self, Verification},
    verify_audit::{self, Head},
    verify_projections,
};

use crate::app::Env;

/// How often the server verifies (microseconds).
pub const EVERY: i64 = DAY;
/// For how long one server has the work to itself.
const LEASE: i64 = HOUR;
/// How many findings are kept for the office; the log and the command line have all.
const KEPT: usize = 20;

/// What a verification found.
#[derive(Debug, Clone)]
pub struct Found {
    /// What is wrong. Empty: all is well.
    pub findings: Vec<Finding>,
    /// Where the chains of the audit end.
    pub heads: Vec<Head>,
}

/// Verifies everything. Run it in a read: it sees one moment of the database.
///
/// # Errors
/// When the database says no.
pub fn run(tx: &mut Tx) -> Result<Found, DbError> {
    let mut findings = ledger_verify::verify(tx)?;
    findings.extend(verify_projections::verify_projections(tx)?);
    let audit = verify_audit::verify(tx)?;
    findings.extend(audit.findings());
    Ok(Found { findings, heads: audit.heads })
}

/// Takes the day's verification, if it is due and no other server is at it. Returns whether it was taken.
///
/// # Errors
/// When the database says no.
pub fn take(tx: &mut Tx, env: &Env, holder: &str) -> Result<bool, DbError> {
    let done = |tx: &mut Tx| -> Result<bool, DbError> {
        Ok(verification::last(tx)?.is_some_and(|last| env.now.since(last.at) < EVERY))
    };
    if done(tx)? || lease::take(tx, "verification", holder, env.now, env.now.plus(LEASE))?.is_none() {
        return Ok(false);
    }
    // The one who had it until now may just have done it.
    if done(tx)? {
        lease::release(tx, "verification", holder)?;
        return Ok(false);
    }
    Ok(true)
}

/// Keeps what was found, for the office.
///
/// # Errors
/// When the database says no.
pub fn save(tx: &mut Tx, env: &Env, findings: &[Finding]) -> Result<(), DbError> {
    let lines: Vec<String> = findings.iter().take(KEPT).map(ToString::to_string).collect();
    let count = i64::try_from(findings.len()).unwrap_or(i64::MAX);
    let found = Verification { at: env.now, findings: count, detail: lines.join("\n") };
    verification::save(tx, &found)
}
