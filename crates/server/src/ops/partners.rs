//! What the office does with a partner: suspend, reinstate, agree on a rate.

use domain::rate::Rate;
use store::{DbError, Tx, partners};

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
pub fn suspend(tx: &mut Tx, env: &Env, id: &str, reason: &str) -> Result<(), PartnerError> {
    partners::by_id(tx, id)?.ok_or(PartnerError::Unknown)?;
    if partners::suspend(tx, id, reason, env.now)? { Ok(()) } else { Err(PartnerError::AlreadySuspended) }
}

/// Lets a suspended partner earn again.
///
/// # Errors
/// [`PartnerError::NotSuspended`] when there is nothing to take back.
pub fn reinstate(tx: &mut Tx, id: &str) -> Result<(), PartnerError> {
    partners::by_id(tx, id)?.ok_or(PartnerError::Unknown)?;
    if partners::reinstate(tx, id)? { Ok(()) } else { Err(PartnerError::NotSuspended) }
}

/// Agrees on a rate of the partner's own, or goes back to the tiers. Commissions already booked stay as they are.
///
/// # Errors
/// [`PartnerError::Unknown`] when there is no such partner.
pub fn agree_rate(tx: &mut Tx, id: &str, rate: Option<Rate>) -> Result<(), PartnerError> {
    partners::by_id(tx, id)?.ok_or(PartnerError::Unknown)?;
    Ok(partners::set_agreed_rate(tx, id, rate)?)
}
