//! Batches: several withdrawals that finance pays together, with one payment file.

use store::{
    DbError, Tx,
    batches::{self, Batch, BatchStatus},
    ledger::ApplyError,
    withdrawals,
};

use super::{
    Actor,
    audit::{self, Act, Change},
    withdrawals::{DecideError, HeldLine, Settled, Settling, settle},
};
use crate::app::Env;

/// How many withdrawals a batch may have.
pub const MAX_LINES: usize = 100;

/// Why nothing was done with a batch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BatchError {
    /// There is no such batch.
    #[error("There is no such batch.")]
    Unknown,
    /// Nothing was chosen.
    #[error("Choose at least one withdrawal for the batch.")]
    Empty,
    /// More than [`MAX_LINES`].
    #[error("A batch can have at most {MAX_LINES} withdrawals.")]
    TooMany,
    /// One of them was decided meanwhile.
    #[error(
        "The withdrawal of {0} is no longer pending, so no batch was made. Choose again from the list as it is now."
    )]
    NotPending(String),
    /// One of them is in another open batch.
    #[error(
        "The withdrawal of {0} is in another open batch, so no batch was made. Choose again from the list as it is now."
    )]
    InBatch(String),
    /// The batch is closed.
    #[error("This batch is already {}.", if *paid { "paid" } else { "dissolved" })]
    Closed {
        /// Paid, or else dissolved.
        paid: bool,
    },
    /// The withdrawal is not in it.
    #[error("This withdrawal is not in the batch any more.")]
    NotInIt,
    /// Some of its withdrawals can't be paid now.
    #[error("Nothing is marked paid: {} of these withdrawals can't be paid now. Take them off the batch, or come back later.", .0.len())]
    Held(Vec<HeldLine>),
    /// The ledger doesn't allow it: a defect.
    #[error(transparent)]
    Ledger(ApplyError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<DecideError> for BatchError {
    fn from(error: DecideError) -> BatchError {
        match error {
            DecideError::Db(error) => BatchError::Db(error),
            DecideError::Ledger(error) => BatchError::Ledger(error),
            // Its rows are locked, so nobody can have decided meanwhile.
            _ => BatchError::Unknown,
        }
    }
}

/// Makes a batch of pending withdrawals; none of them may be in another open one. Returns its identifier.
///
/// # Errors
/// [`BatchError`], whose text can be shown to finance. Nothing is made then.
pub fn make(tx: &mut Tx, env: &Env, by: &Actor, ids: &[String]) -> Result<String, BatchError> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    match ids.len() {
        0 => return Err(BatchError::Empty),
        1..=MAX_LINES => {}
        _ => return Err(BatchError::TooMany),
    }
    let batch_id = env.ids.uuid(env.now);
    batches::insert(tx, &batch_id, &by.id, env.now)?;
    let mut total = domain::money::Money::ZERO;
    for id in &ids {
        let withdrawal = withdrawals::lock(tx, id)?.ok_or(BatchError::NotInIt)?;
        if withdrawal.status != domain::withdrawal::WithdrawalStatus::Pending {
            return Err(BatchError::NotPending(withdrawal.partner.name));
        }
        if !batches::add(tx, &batch_id, id)? {
            return Err(BatchError::InBatch(withdrawal.partner.name));
        }
        total = total + withdrawal.amount;
    }
    let changes =
        [Change::set("Withdrawals", ids.len()), Change::set("Total", env.programme.currency.format(total))];
    record(tx, env, by, "batch.made", &batch_id, &changes)?;
    Ok(batch_id)
}

/// Takes a withdrawal off an open batch; it is in the queue again. A batch without any is dissolved.
///
/// # Errors
/// [`BatchError`], whose text can be shown to finance.
pub fn take_off(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    batch_id: &str,
    withdrawal_id: &str,
) -> Result<(), BatchError> {
    open(tx, batch_id)?;
    if !batches::take_off(tx, batch_id, withdrawal_id)? {
        return Err(BatchError::NotInIt);
    }
    if batches::withdrawals(tx, batch_id)?.is_empty() {
        batches::close(tx, batch_id, BatchStatus::Dissolved, &by.id, env.now)?;
    }
    let taken = withdrawals::by_id(tx, withdrawal_id)?.map(|withdrawal| withdrawal.partner.name);
    let changes =
        [Change::new("Withdrawal", withdrawal_id, ""), Change::new("Partner", taken.unwrap_or_default(), "")];
    record(tx, env, by, "batch.line_taken_off", batch_id, &changes)?;
    Ok(())
}

/// Dissolves an open batch: its withdrawals are in the queue again.
///
/// # Errors
/// [`BatchError`], whose text can be shown to finance.
pub fn dissolve(tx: &mut Tx, env: &Env, by: &Actor, batch_id: &str) -> Result<(), BatchError> {
    open(tx, batch_id)?;
    batches::close(tx, batch_id, BatchStatus::Dissolved, &by.id, env.now)?;
    record(tx, env, by, "batch.dissolved", batch_id, &[Change::new("Status", "open", "dissolved")])?;
    Ok(())
}

/// Marks every withdrawal of an open batch paid, or none. `reference_of` gives the payment reference of a withdrawal.
///
/// # Errors
/// [`BatchError::Held`] names those that can't be paid now.
pub fn pay(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    batch_id: &str,
    reference_of: impl Fn(&str) -> String,
) -> Result<(), BatchError> {
    open(tx, batch_id)?;
    let ids = batches::withdrawals(tx, batch_id)?;
    if ids.is_empty() {
        return Err(BatchError::Empty);
    }
    let references: Vec<String> = ids.iter().map(|id| reference_of(id)).collect();
    let payments: Vec<Settling> = ids
        .iter()
        .zip(&references)
        .map(|(id, reference)| Settling { id, reference, override_reason: None })
        .collect();
    if let Settled::Held(lines) = settle(tx, env, by, &payments, Some(batch_id))? {
        return Err(BatchError::Held(lines));
    }
    batches::close(tx, batch_id, BatchStatus::Paid, &by.id, env.now)?;
    let changes = [Change::new("Status", "open", "paid"), Change::set("Withdrawals", ids.len())];
    record(tx, env, by, "batch.paid", batch_id, &changes)?;
    Ok(())
}

/// The batch, locked, if it is open.
fn open(tx: &mut Tx, id: &str) -> Result<Batch, BatchError> {
    let batch = batches::lock(tx, id)?.ok_or(BatchError::Unknown)?;
    match batch.status {
        BatchStatus::Open => Ok(batch),
        BatchStatus::Paid => Err(BatchError::Closed { paid: true }),
        BatchStatus::Dissolved => Err(BatchError::Closed { paid: false }),
    }
}

fn record(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    what: &str,
    id: &str,
    changes: &[Change],
) -> Result<(), DbError> {
    audit::record(tx, env, by, Act { what, on: ("batch", id), changes, reason: "" })
}
