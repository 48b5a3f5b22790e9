//! Batches: several withdrawals that finance pays together, with one payment file.

use domain::{
    clock::Timestamp,
    money::Money,
    payment::needs_two,
    payout::{
        end_to_end_id, message_id,
        pain001::{NoFile, Payer, PaymentFile, Transfer},
    },
    wallet::WalletKind,
    withdrawal::WithdrawalStatus,
};
use store::{
    DbError, Tx,
    batches::{self, Batch, BatchStatus, Line},
    ledger::ApplyError,
    programme::Programme,
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

/// How many records of a batch are looked through for its files: each line may have been taken off.
const LATEST_RECORDS: i64 = 2 * MAX_LINES as i64;

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
    /// Its file was handed out, and nobody has said that it wasn't carried out.
    #[error(
        "A file of this batch was downloaded. Confirm that nobody has carried it out: what is paid from it would be \
         paid again."
    )]
    MayBeSent,
    /// Some of its withdrawals can't be paid now.
    #[error("Nothing is marked paid: {} of these withdrawals can't be paid now. Take them off the batch, or come back later.", .0.len())]
    Held(Vec<HeldLine>),
    /// Its files can't be handed out yet.
    #[error("{0}")]
    NotReady(String),
    /// There is no file for a bank.
    #[error(transparent)]
    NoFile(#[from] NoFile),
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
            DecideError::Db(error) | DecideError::Ledger(ApplyError::Db(error)) => BatchError::Db(error),
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
    let mut total = Money::ZERO;
    for id in &ids {
        let withdrawal = withdrawals::lock(tx, id)?.ok_or(BatchError::NotInIt)?;
        if withdrawal.status != WithdrawalStatus::Pending {
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

/// Takes a withdrawal off an open batch; it is in the queue again. A batch without any is dissolved. `not_sent` says that
/// its payment was not carried out from a file that was handed out before.
///
/// # Errors
/// [`BatchError`], whose text can be shown to finance.
pub fn take_off(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    batch_id: &str,
    withdrawal_id: &str,
    not_sent: bool,
) -> Result<(), BatchError> {
    open(tx, batch_id)?;
    let confirmed = not_carried_out(tx, batch_id, not_sent)?;
    if !batches::take_off(tx, batch_id, withdrawal_id)? {
        return Err(BatchError::NotInIt);
    }
    if batches::withdrawals(tx, batch_id)?.is_empty() {
        batches::close(tx, batch_id, BatchStatus::Dissolved, &by.id, env.now)?;
    }
    let taken = withdrawals::by_id(tx, withdrawal_id)?.map(|withdrawal| withdrawal.partner.name);
    let mut changes = vec![
        Change::new("Withdrawal", withdrawal_id, ""),
        Change::new("Partner", taken.unwrap_or_default(), ""),
    ];
    changes.extend(confirmed);
    record(tx, env, by, "batch.line_taken_off", batch_id, &changes)?;
    Ok(())
}

/// Dissolves an open batch: its withdrawals are in the queue again. `not_sent` says that no file of it was carried out.
///
/// # Errors
/// [`BatchError`], whose text can be shown to finance.
pub fn dissolve(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    batch_id: &str,
    not_sent: bool,
) -> Result<(), BatchError> {
    open(tx, batch_id)?;
    let mut changes = vec![Change::new("Status", "open", "dissolved")];
    changes.extend(not_carried_out(tx, batch_id, not_sent)?);
    batches::close(tx, batch_id, BatchStatus::Dissolved, &by.id, env.now)?;
    record(tx, env, by, "batch.dissolved", batch_id, &changes)?;
    Ok(())
}

/// What goes back to the queue can be paid again, so where a file was handed out somebody has to know that it wasn't
/// carried out. Returns what the audit keeps of that.
fn not_carried_out(tx: &mut Tx, batch_id: &str, not_sent: bool) -> Result<Option<Change>, BatchError> {
    match (files_handed_out(tx, batch_id)?.is_empty(), not_sent) {
        (true, _) => Ok(None),
        (false, true) => Ok(Some(Change::set("Not carried out", "confirmed"))),
        (false, false) => Err(BatchError::MayBeSent),
    }
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

/// What a batch's withdrawals come to.
pub fn total(lines: &[Line]) -> Money {
    lines.iter().fold(Money::ZERO, |sum, line| sum + line.withdrawal.amount)
}

/// Whether the batch's files may be handed to the person whose `lines` these are: not while a withdrawal in it can't be
/// paid yet, since a file that lacks a line, or has one too many, is how money goes out twice. Nor to somebody who could
/// not pay: who approves a withdrawal and then sends the file has decided alone.
///
/// # Errors
/// [`BatchError::NotReady`] says what is in the way.
pub fn ready(env: &Env, batch: &Batch, lines: &[Line]) -> Result<(), BatchError> {
    if batch.status == BatchStatus::Paid {
        return Ok(());
    }
    if batch.status == BatchStatus::Dissolved || lines.is_empty() {
        return Err(BatchError::NotReady("This batch is dissolved, so there is nothing to pay.".into()));
    }
    let two = |line: &Line| needs_two(line.withdrawal.amount, env.programme.approval_from);
    let named = |of: Vec<&Line>| {
        let mut names: Vec<&str> = of.iter().map(|line| line.withdrawal.partner.name.as_str()).collect();
        names.dedup();
        names.join(", ")
    };
    let waits = |line: &&Line| {
        let withdrawal = &line.withdrawal;
        let is_approved = !two(line) || line.approvals > 0;
        let is_cool = withdrawal.payable_from.is_none_or(|from| from <= env.now);
        withdrawal.status != WithdrawalStatus::Pending || !is_approved || !is_cool
    };
    let waiting: Vec<&Line> = lines.iter().filter(waits).collect();
    if !waiting.is_empty() {
        return Err(BatchError::NotReady(format!(
            "The files are ready when every withdrawal of the batch can be paid. Still in the way: {}. See below why, \
             and take them off the batch or come back later.",
            named(waiting)
        )));
    }
    let own: Vec<&Line> = lines.iter().filter(|line| two(line) && line.by_others == 0).collect();
    if !own.is_empty() {
        return Err(BatchError::NotReady(format!(
            "You approved this yourself, so somebody else has to download the files and pay: {}.",
            named(own)
        )));
    }
    Ok(())
}

/// Hands out what the table of a batch is made of, and keeps that it was.
///
/// # Errors
/// [`BatchError::NotReady`] while a withdrawal in it can't be paid.
pub fn export_table(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    batch_id: &str,
) -> Result<(Batch, Vec<Line>), BatchError> {
    let (batch, lines) = handed_out(tx, env, by, batch_id)?;
    exported(tx, env, by, batch_id, "Table (CSV)", &lines)?;
    Ok((batch, lines))
}

/// Hands out the bank file of a batch, and keeps that it was.
///
/// # Errors
/// [`BatchError::NotReady`] while a withdrawal in it can't be paid, [`BatchError::NoFile`] where no bank account is
/// paid, or none pays.
pub fn export_bank_file(tx: &mut Tx, env: &Env, by: &Actor, batch_id: &str) -> Result<String, BatchError> {
    let (batch, mut lines) = handed_out(tx, env, by, batch_id)?;
    lines.retain(|line| line.withdrawal.wallet_kind == WalletKind::Iban);
    let text = bank_file(&env.programme, &batch, &lines, env.now)?;
    exported(tx, env, by, batch_id, "Bank file (ISO 20022)", &lines)?;
    Ok(text)
}

/// The text of the file with which a bank is told to pay the bank accounts of a batch.
///
/// # Errors
/// [`NoFile`], whose text can be shown to finance.
pub fn bank_file(
    programme: &Programme,
    batch: &Batch,
    lines: &[Line],
    now: Timestamp,
) -> Result<String, NoFile> {
    let to_banks: Vec<(&Line, String, String)> = lines
        .iter()
        .filter(|line| line.withdrawal.wallet_kind == WalletKind::Iban)
        .map(|line| {
            let id = end_to_end_id(&line.withdrawal.id);
            let purpose = format!("{} {id}", programme.name);
            (line, id, purpose)
        })
        .collect();
    let transfers: Vec<Transfer> = to_banks
        .iter()
        .map(|(line, id, purpose)| Transfer {
            end_to_end_id: id,
            amount: line.withdrawal.amount,
            name: &line.withdrawal.partner.name,
            iban: &line.withdrawal.wallet_address,
            purpose,
        })
        .collect();
    let payer = Payer { name: &programme.payer_name, iban: &programme.payer_iban, bic: &programme.payer_bic };
    let file = PaymentFile {
        message_id: &message_id(&batch.id),
        now,
        currency: programme.currency,
        payer,
        transfers: &transfers,
    };
    file.write()
}

fn handed_out(tx: &mut Tx, env: &Env, by: &Actor, batch_id: &str) -> Result<(Batch, Vec<Line>), BatchError> {
    // Locked, so that nothing is taken off it or decided between the file and the record of the file: the batch, then
    // its withdrawals, as everywhere.
    let batch = batches::lock(tx, batch_id)?.ok_or(BatchError::Unknown)?;
    batches::lock_withdrawals(tx, batch_id)?;
    let lines = batches::lines(tx, batch_id, &by.id)?;
    ready(env, &batch, &lines)?;
    Ok((batch, lines))
}

fn exported(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    batch_id: &str,
    file: &str,
    lines: &[Line],
) -> Result<(), DbError> {
    let changes = [
        Change::set("File", file),
        Change::set("Payments", lines.len()),
        Change::set("Total", env.programme.currency.format(total(lines))),
    ];
    record(tx, env, by, "batch.exported", batch_id, &changes)
}

/// A file of a batch that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: String,
    /// Which file.
    pub file: String,
}

/// The files of a batch that were handed out, the latest first, as the audit has them.
///
/// # Errors
/// When the database says no.
pub fn files_handed_out(tx: &mut Tx, batch_id: &str) -> Result<Vec<Handed>, DbError> {
    let filter = store::audit::Filter {
        subject: Some("batch".into()),
        subject_id: Some(batch_id.to_owned()),
        ..store::audit::Filter::default()
    };
    let records = store::audit::list(tx, &filter, None, LATEST_RECORDS)?;
    let of_files = records.into_iter().filter(|record| record.act == "batch.exported");
    Ok(of_files
        .map(|record| {
            let changes: Vec<Change> = serde_json::from_str(&record.changes).unwrap_or_default();
            let file = changes.into_iter().find(|change| change.what == "File");
            Handed { at: record.at, to: record.actor, file: file.map(|file| file.after).unwrap_or_default() }
        })
        .collect())
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
