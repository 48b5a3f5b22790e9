//! A partner asks to be paid; finance pays or rejects.

use domain::{
    ledger::LedgerError,
    money::Money,
    withdrawal::{self, Request, RequestRefusal, WithdrawalAct, WithdrawalRefusal, next_status},
};
use store::{
    DbError, Tx,
    ledger::{self, ApplyError},
    partners, wallets,
    withdrawals::{self, NewWithdrawal, Withdrawal},
};

use super::Actor;
use crate::app::Env;

/// What a partner asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who asks.
    pub partner_id: String,
    /// How much.
    pub amount: Money,
    /// The wallet's identifier.
    pub wallet_id: String,
    /// The random identifier of the form: sent twice, it is one withdrawal.
    pub request: String,
}

/// Why no withdrawal was made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// Suspended partners withdraw nothing.
    #[error("Your account is suspended, so nothing can be withdrawn. Please write to support.")]
    Suspended,
    /// The wallet isn't the partner's (any more).
    #[error("Choose one of your wallets.")]
    UnknownWallet,
    /// Too little, too much, or nothing there.
    #[error(transparent)]
    Refused(#[from] RequestRefusal),
    /// The same form was sent before with another amount or wallet.
    #[error(
        "This form was already sent with another amount or wallet. Look at the list of withdrawals, then start again."
    )]
    OtherRequest,
    /// The ledger doesn't allow it: a defect.
    #[error(transparent)]
    Ledger(ApplyError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes a pending withdrawal and reserves its amount. The same request again gives the same withdrawal.
///
/// # Errors
/// [`AskError`], whose text can be shown to the partner.
pub fn ask(tx: &mut Tx, env: &Env, ask: &Ask) -> Result<String, AskError> {
    if let Some(before) = withdrawals::by_request(tx, &ask.partner_id, &ask.request)? {
        return same(&before, ask);
    }
    if partners::lock_suspended(tx, &ask.partner_id)? {
        return Err(AskError::Suspended);
    }
    let wallet = wallets::by_id(tx, &ask.partner_id, &ask.wallet_id)?.ok_or(AskError::UnknownWallet)?;
    let programme = &env.programme;
    let available = ledger::balances(tx, &ask.partner_id, programme.currency)?.available;
    withdrawal::check_request(ask.amount, programme.minimum_withdrawal, available, programme.currency)?;
    let id = env.ids.uuid(env.now);
    let new = NewWithdrawal {
        id: id.clone(),
        partner_id: &ask.partner_id,
        request: &ask.request,
        amount: ask.amount,
        wallet: &wallet,
    };
    if !withdrawals::insert(tx, &new, env.now)? {
        // The same form, sent at the same moment, has won; its transaction is over, or this insert had waited.
        let before = withdrawals::by_request(tx, &ask.partner_id, &ask.request)?;
        return before.map_or(Err(AskError::OtherRequest), |before| same(&before, ask));
    }
    let hold = withdrawal::hold(&Request {
        id: &id,
        partner: &ask.partner_id,
        currency: programme.currency,
        amount: ask.amount,
    });
    match ledger::apply(tx, env.now, &[hold]) {
        Ok(_) => Ok(id),
        // Somebody was faster with the same money: the balance read above is no longer the one to be shown.
        Err(ApplyError::Refused(LedgerError::InsufficientFunds { available, .. })) => {
            let refused = withdrawal::check_request(
                ask.amount,
                programme.minimum_withdrawal,
                available.max(Money::ZERO),
                programme.currency,
            );
            Err(refused.err().unwrap_or(RequestRefusal::NothingAvailable).into())
        }
        Err(ApplyError::Db(error)) => Err(error.into()),
        Err(error) => Err(AskError::Ledger(error)),
    }
}

fn same(before: &Withdrawal, ask: &Ask) -> Result<String, AskError> {
    if before.amount == ask.amount && before.wallet_id == ask.wallet_id {
        Ok(before.id.clone())
    } else {
        Err(AskError::OtherRequest)
    }
}

/// Why a withdrawal was not decided.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecideError {
    /// There is no such withdrawal.
    #[error("There is no such withdrawal.")]
    Unknown,
    /// It was decided before.
    #[error(transparent)]
    Refused(#[from] WithdrawalRefusal),
    /// The ledger doesn't allow it: a defect.
    #[error(transparent)]
    Ledger(#[from] ApplyError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Marks a pending withdrawal paid.
///
/// # Errors
/// [`DecideError::Refused`] when it was decided before.
pub fn pay(tx: &mut Tx, env: &Env, by: &Actor, id: &str, reference: &str) -> Result<(), DecideError> {
    let withdrawal = pending(tx, id, WithdrawalAct::Pay)?;
    if !withdrawals::set_paid(tx, id, &by.id, reference, env.now)? {
        return Err(decided_meanwhile(tx, id, WithdrawalAct::Pay)?);
    }
    ledger::apply(tx, env.now, &[withdrawal::pay(&request(env, &withdrawal))])?;
    Ok(())
}

/// Rejects a pending withdrawal; its amount is available again.
///
/// # Errors
/// [`DecideError::Refused`] when it was decided before.
pub fn reject(tx: &mut Tx, env: &Env, by: &Actor, id: &str, reason: &str) -> Result<(), DecideError> {
    let withdrawal = pending(tx, id, WithdrawalAct::Reject)?;
    if !withdrawals::set_rejected(tx, id, &by.id, reason, env.now)? {
        return Err(decided_meanwhile(tx, id, WithdrawalAct::Reject)?);
    }
    ledger::apply(tx, env.now, &[withdrawal::reject(&request(env, &withdrawal), reason)])?;
    Ok(())
}

fn pending(tx: &mut Tx, id: &str, act: WithdrawalAct) -> Result<Withdrawal, DecideError> {
    let withdrawal = withdrawals::by_id(tx, id)?.ok_or(DecideError::Unknown)?;
    next_status(withdrawal.status, act)?;
    Ok(withdrawal)
}

/// The refusal for whoever came second of two decisions at once.
fn decided_meanwhile(tx: &mut Tx, id: &str, act: WithdrawalAct) -> Result<DecideError, DecideError> {
    let now = withdrawals::by_id(tx, id)?.ok_or(DecideError::Unknown)?;
    Ok(match next_status(now.status, act) {
        Err(refusal) => refusal.into(),
        Ok(_) => DecideError::Unknown,
    })
}

fn request<'a>(env: &Env, withdrawal: &'a Withdrawal) -> Request<'a> {
    Request {
        id: &withdrawal.id,
        partner: &withdrawal.partner.id,
        currency: env.programme.currency,
        amount: withdrawal.amount,
    }
}
