//! The CRM's own list of deals, held against the deals here: what differs is told, and mended one by one.

mod compare;
mod file;
mod json;
mod mend;
mod reading;

use domain::{
    clock::DAY,
    money::{Currency, Money},
    reconcile::Mend,
};
use store::{
    DbError, Tx,
    reconciliations::{self as stored, Item, Reconciliation},
};

use super::{
    Actor,
    audit::{self, Act, Change},
};
use crate::app::Env;

pub use compare::{Found, LISTED, find};
pub use file::{FileError, MOST_BYTES, MOST_LINES, Table, read};
pub use mend::{Said, leave, link, mend, offered};
pub use reading::{Reading, UnsetStages};

/// For how many days a list is kept that nobody has compared, and a report.
pub const DRAFT_DAYS: i64 = 1;
/// For how many days a report is kept.
pub const KEPT_DAYS: i64 = 90;
/// How much of an old report is deleted in one transaction.
const SWEEP_BATCH: i64 = 500;

/// Why something about a reconciliation was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReconcileError {
    /// There is no such thing.
    #[error("There is no such report, or no such line in it.")]
    Unknown,
    /// It is compared already.
    #[error("This list has been compared already.")]
    Compared,
    /// Somebody was faster.
    #[error("This is done already.")]
    Done,
    /// What was compared has changed since.
    #[error("T-{0} has changed since the lists were compared. Nothing was done; compare a new list.")]
    Changed(i64),
    /// It can't be done, as a sentence says.
    #[error("{0}")]
    Refused(String),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Keeps a list that was given, until it is compared. Returns its identifier.
///
/// # Errors
/// When the database says no.
pub fn keep(tx: &mut Tx, env: &Env, by: &Actor, name: &str, text: &str) -> Result<String, DbError> {
    let id = env.ids.uuid(env.now);
    stored::insert(tx, &id, name, &by.id, text, env.now)?;
    let changes = [Change::set("File", name)];
    let act =
        Act { what: "reconciliation.given", on: ("reconciliation", &id), changes: &changes, reason: "" };
    audit::record(tx, env, by, act)?;
    Ok(id)
}

/// How the last list was read that was compared; empty when there is none.
///
/// # Errors
/// When the database says no.
pub fn last_reading(tx: &mut Tx) -> Result<Reading, DbError> {
    Ok(stored::last_reading(tx)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Keeps what came of comparing a list.
///
/// # Errors
/// [`ReconcileError::Compared`] when that was done already.
pub fn keep_found(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    id: &str,
    reading: &Reading,
    found: &Found,
) -> Result<(), ReconcileError> {
    if !stored::set_compared(tx, id, &reading.as_json(), &found.counts, env.now)? {
        return Err(ReconcileError::Compared);
    }
    stored::insert_items(tx, id, &found.items)?;
    let changes = [
        Change::set("Lines", found.counts.lines.to_string()),
        Change::set("The same here", found.counts.same.to_string()),
        Change::set("Differences", (found.items.len() as i64 + found.counts.unlisted).to_string()),
    ];
    let act =
        Act { what: "reconciliation.compared", on: ("reconciliation", id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Throws a list away that was not compared.
///
/// # Errors
/// [`ReconcileError::Compared`] when it was.
pub fn discard(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), ReconcileError> {
    let Reconciliation { name, .. } = stored::by_id(tx, id)?.ok_or(ReconcileError::Unknown)?;
    if !stored::discard(tx, id)? {
        return Err(ReconcileError::Compared);
    }
    let changes = [Change::set("File", name)];
    let act =
        Act { what: "reconciliation.discarded", on: ("reconciliation", id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Forgets lists that nobody compared and reports of long ago, one batch; returns how much.
///
/// # Errors
/// When the database says no.
pub fn sweep(tx: &mut Tx, env: &Env) -> Result<u64, DbError> {
    let before = |days: i64| env.now.plus(-days * DAY);
    stored::sweep(tx, before(DRAFT_DAYS), before(KEPT_DAYS), SWEEP_BATCH)
}

/// What the button of a mend says.
pub fn button(mend: Mend, item: &Item, currency: Currency) -> String {
    let theirs = item.theirs.and_then(|theirs| theirs.amount).unwrap_or(Money::ZERO);
    let left = item.ours.map_or(Money::ZERO, |ours| ours.amount - ours.refunded);
    match mend {
        Mend::Enter => "Enter it here".into(),
        Mend::Name => "Link them".into(),
        Mend::Win => format!("Close it successfully with {}", currency.format(theirs)),
        Mend::Lose | Mend::LoseAgain => "Close it unsuccessfully".into(),
        Mend::Reopen => "Open it again".into(),
        Mend::WinAgain => format!("Close it again with {}", currency.format(theirs)),
        Mend::Refund => format!("Record a refund of {}", currency.format(left - theirs)),
        Mend::Post => "Post the client to the CRM".into(),
    }
}
