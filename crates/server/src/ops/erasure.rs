//! Forgetting people, so that the books stay true: what they are called, wrote and are reached by goes, figures stay.

use domain::money::Money;
use store::{DbError, Tx, accounts, clients, erasure, ledger, partners};

use super::{
    Actor,
    audit::{self, Act, Change},
};
use crate::app::Env;

/// What has to be typed, so that nobody is forgotten by a slip.
pub const CONFIRMATION: &str = "erase";

/// Why nobody was forgotten.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EraseError {
    /// There is nobody.
    #[error("There is nobody with this number.")]
    Unknown,
    /// It is so already.
    #[error("This is done already.")]
    Already,
    /// Money is on its way.
    #[error("{0} is reserved in a withdrawal. Mark it as paid or reject it first.")]
    Reserved(String),
    /// Money is on hold.
    #[error("{0} of commission is on hold. Wait until it is available, then pay it out.")]
    OnHold(String),
    /// Money is owed.
    #[error(
        "{0} is available to the partner. Pay it out first, or correct the balance to zero with a reason."
    )]
    Available(String),
    /// The partner owes money.
    #[error("The partner's balance is {0}. Correct it to zero with a reason first.")]
    BelowZero(String),
    /// An adjustment waits.
    #[error("An adjustment waits for a second person. Approve or decline it first.")]
    Proposed,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Notes that a partner asks to be forgotten; the office sees it and does it. `wanted` is no to take that back.
///
/// # Errors
/// When the database says no.
pub fn ask(tx: &mut Tx, env: &Env, by: &Actor, wanted: bool) -> Result<(), DbError> {
    let (_, before) = erasure::of_partner(tx, &by.id)?;
    if before.is_some() == wanted {
        return Ok(());
    }
    erasure::ask(tx, &by.id, wanted.then_some(env.now))?;
    let what = if wanted { "partner.erasure_asked" } else { "partner.erasure_taken_back" };
    audit::record(tx, env, by, Act { what, on: ("partner", &by.id), changes: &[], reason: "" })
}

/// Forgets a partner. The account is closed, the email address is free for somebody who signs up, the link leads clients on
/// and earns nothing.
///
/// # Errors
/// [`EraseError`], whose text says what to do first.
pub fn partner(tx: &mut Tx, env: &Env, by: &Actor, id: &str, reason: &str) -> Result<(), EraseError> {
    accounts::lock(tx, id)?;
    partners::by_id(tx, id)?.ok_or(EraseError::Unknown)?;
    // Locked, so that a deal is won either before this or after it, when nothing is earned any more.
    partners::lock_suspended(tx, id)?;
    if erasure::of_partner(tx, id)?.0.is_some() {
        return Err(EraseError::Already);
    }
    let currency = env.programme.currency;
    let money = |amount: Money| currency.format_with_symbol(amount);
    let balances = ledger::balances(tx, id, currency)?;
    if !balances.reserved.is_zero() {
        return Err(EraseError::Reserved(money(balances.reserved)));
    }
    if !balances.on_hold.is_zero() {
        return Err(EraseError::OnHold(money(balances.on_hold)));
    }
    if balances.available.is_positive() {
        return Err(EraseError::Available(money(balances.available)));
    }
    if !balances.available.is_zero() {
        return Err(EraseError::BelowZero(money(balances.available)));
    }
    if erasure::has_proposed(tx, id)? {
        return Err(EraseError::Proposed);
    }
    erasure::partner(tx, id, env.now)?;
    let changes = [Change::new("Personal data", "held", "erased")];
    Ok(audit::record(
        tx,
        env,
        by,
        Act { what: "partner.erased", on: ("partner", id), changes: &changes, reason },
    )?)
}

/// Forgets a client: the number, the deals and what they came to stay.
///
/// # Errors
/// [`EraseError::Already`] when that is done.
pub fn client(tx: &mut Tx, env: &Env, by: &Actor, number: i64, reason: &str) -> Result<(), EraseError> {
    clients::lock(tx, number)?.ok_or(EraseError::Unknown)?;
    if erasure::of_client(tx, number)?.is_some() {
        return Err(EraseError::Already);
    }
    erasure::client(tx, number, env.now)?;
    let changes = [Change::new("Personal data", "held", "erased")];
    let on = ("client", &*number.to_string());
    Ok(audit::record(tx, env, by, Act { what: "client.erased", on, changes: &changes, reason })?)
}
