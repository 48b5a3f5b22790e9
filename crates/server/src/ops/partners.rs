//! What the office does with a partner: suspend, reinstate, agree on a rate.

use domain::rate::Rate;
use store::{DbError, Tx, partners};

use super::{
    Actor,
    audit::{self, Act, Change},
};
use crate::app::Env;

/// Why nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PartnerError {
    /// There is no such partner.
    #[error("There is no such partner.")]
    Unknown,
    /// It is so already.
    #[error("This partner is already suspended.")]
    AlreadySuspended,
    /// It is so already.
    #[error("This partner is not suspended.")]
    NotSuspended,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Suspends a partner: the link still leads clients on, nothing new is earned, nothing can be withdrawn.
///
/// # Errors
/// [`PartnerError::AlreadySuspended`] when that is so already.
pub fn suspend(tx: &mut Tx, env: &Env, by: &Actor, id: &str, reason: &str) -> Result<(), PartnerError> {
    partners::by_id(tx, id)?.ok_or(PartnerError::Unknown)?;
    if !partners::suspend(tx, id, reason, env.now)? {
        return Err(PartnerError::AlreadySuspended);
    }
    let changes = [Change::new("Standing", "active", "suspended")];
    let on = ("partner", id);
    Ok(audit::record(tx, env, by, Act { what: "partner.suspended", on, changes: &changes, reason })?)
}

/// What a program changes of a partner; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct PartnerChange {
    /// Suspended or not, with why.
    pub suspended: Option<(bool, String)>,
    /// The agreed rate, or none to follow the tiers.
    pub agreed_rate: Option<Option<Rate>>,
}

/// Brings a partner to the standing and rate that are asked for. What is so already stays.
///
/// # Errors
/// [`PartnerError::Unknown`] when there is no such partner.
pub fn change(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    id: &str,
    change: &PartnerChange,
) -> Result<(), PartnerError> {
    let before = partners::by_id(tx, id)?.ok_or(PartnerError::Unknown)?;
    match &change.suspended {
        Some((true, reason)) if before.suspended.is_none() => suspend(tx, env, by, id, reason)?,
        Some((false, _)) if before.suspended.is_some() => reinstate(tx, env, by, id)?,
        _ => {}
    }
    if let Some(rate) = change.agreed_rate {
        agree_rate(tx, env, by, id, rate)?;
    }
    Ok(())
}

/// Lets a suspended partner earn again.
///
/// # Errors
/// [`PartnerError::NotSuspended`] when there is nothing to take back.
pub fn reinstate(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), PartnerError> {
    partners::by_id(tx, id)?.ok_or(PartnerError::Unknown)?;
    if !partners::reinstate(tx, id)? {
        return Err(PartnerError::NotSuspended);
    }
    let changes = [Change::new("Standing", "suspended", "active")];
    let on = ("partner", id);
    Ok(audit::record(tx, env, by, Act { what: "partner.reinstated", on, changes: &changes, reason: "" })?)
}

/// Agrees on a rate of the partner's own, or goes back to the tiers. Commissions already booked stay as they are.
///
/// # Errors
/// [`PartnerError::Unknown`] when there is no such partner.
pub fn agree_rate(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    id: &str,
    rate: Option<Rate>,
) -> Result<(), PartnerError> {
    let before = partners::by_id(tx, id)?.ok_or(PartnerError::Unknown)?.agreed_rate;
    partners::set_agreed_rate(tx, id, rate)?;
    let words = |rate: Option<Rate>| rate.map_or_else(|| "by tiers".to_owned(), |rate| rate.to_string());
    let changes = Change::differing([Change::new("Agreed rate", words(before), words(rate))]);
    if changes.is_empty() {
        return Ok(());
    }
    let on = ("partner", id);
    Ok(audit::record(tx, env, by, Act { what: "partner.rate_agreed", on, changes: &changes, reason: "" })?)
}
