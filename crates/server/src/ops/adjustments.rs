//! Adjustments: finance gives a bonus or corrects a balance; above the limit two people agree.

use domain::{
    adjustment::{self, AdjustmentRefusal, AdjustmentStatus, may_decide},
    ledger::{LedgerError, TransferCode},
    money::{Currency, Money},
    payment::needs_two,
};
use store::{
    DbError, Tx,
    adjustments::{self, Adjustment, NewAdjustment},
    ledger::{self, ApplyError},
    partners,
};

use super::{
    Actor,
    audit::{self, Act, Change},
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// What finance wants to adjust.
#[derive(Debug, Clone)]
pub struct Adjust {
    /// Whose balance.
    pub partner_id: String,
    /// Above zero gives to the partner, below zero takes from the partner.
    pub amount: Money,
    /// Bonus or correction.
    pub code: TransferCode,
    /// Why; the partner reads it in the statement.
    pub reason: String,
    /// The random identifier of the form: sent twice, it is one adjustment.
    pub request: String,
}

/// Why nothing was adjusted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AdjustError {
    /// There is no such partner or adjustment.
    #[error("There is no such adjustment.")]
    Unknown,
    /// It can't be decided, by this person.
    #[error(transparent)]
    Refused(#[from] AdjustmentRefusal),
    /// More than is available would be taken.
    #[error("Only {0} is available to the partner, and a correction can't take more.")]
    NotEnough(String),
    /// The same form was sent before with something else in it.
    #[error(
        "This form was already sent with something else in it. Look at the adjustments below, then start again."
    )]
    OtherRequest,
    /// The ledger doesn't allow it: a defect.
    #[error(transparent)]
    Ledger(ApplyError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Books an adjustment, or proposes it where a second person must agree. The same form again is the same adjustment.
///
/// # Errors
/// [`AdjustError`], whose text can be shown to finance.
pub fn adjust(tx: &mut Tx, env: &Env, by: &Actor, adjust: &Adjust) -> Result<AdjustmentStatus, AdjustError> {
    partners::by_id(tx, &adjust.partner_id)?.ok_or(AdjustError::Unknown)?;
    // Nobody could be paid.
    if store::erasure::of_partner(tx, &adjust.partner_id)?.0.is_some() {
        return Err(AdjustError::Unknown);
    }
    let id = env.ids.uuid(env.now);
    let two_people = needs_two(adjust.amount, env.programme.approval_from);
    let new = NewAdjustment {
        id: &id,
        request: &adjust.request,
        partner_id: &adjust.partner_id,
        amount: adjust.amount,
        code: adjust.code,
        reason: &adjust.reason,
        two_people,
    };
    if !adjustments::insert(tx, &new, &by.id, env.now)? {
        let before = adjustments::by_request(tx, &adjust.request)?;
        let same = |before: &Adjustment| {
            before.partner.id == adjust.partner_id
                && (before.amount, before.code) == (adjust.amount, adjust.code)
                && before.reason == adjust.reason
        };
        return before.filter(same).map(|before| before.status).ok_or(AdjustError::OtherRequest);
    }
    let made = adjustments::by_id(tx, &id)?.ok_or(AdjustError::Unknown)?;
    if two_people {
        // What can't be booked now isn't put before a second person.
        let currency = env.programme.currency;
        let available = ledger::balances(tx, &adjust.partner_id, currency)?.available;
        if adjust.amount < Money::ZERO && available + adjust.amount < Money::ZERO {
            return Err(not_enough(available, currency));
        }
        record(tx, env, by, "adjustment.proposed", &made)?;
        return Ok(AdjustmentStatus::Proposed);
    }
    book(tx, env, by, &made)?;
    Ok(AdjustmentStatus::Booked)
}

/// Books what another system still owed to partners, as corrections: many at once, each as [`adjust`] would, with a line of
/// its own in the audit. What is above the limit is proposed. Nobody is told. `request` makes of a partner the identifier
/// under which the same balance is never booked twice.
///
/// # Errors
/// When the ledger or the database says no.
pub fn open_balances(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    balances: &[(String, Money)],
    reason: &str,
    request: impl Fn(&str) -> String,
) -> Result<(), AdjustError> {
    let (currency, code) = (env.programme.currency, TransferCode::Correction);
    let (mut transfers, mut lines) = (Vec::new(), Vec::new());
    for (partner_id, amount) in balances {
        let id = env.ids.uuid(env.now);
        let two_people = needs_two(*amount, env.programme.approval_from);
        let request = request(partner_id);
        let new = NewAdjustment {
            id: &id,
            request: &request,
            partner_id,
            amount: *amount,
            code,
            reason,
            two_people,
        };
        if !adjustments::insert(tx, &new, &by.id, env.now)? {
            continue;
        }
        let booked = !two_people && adjustments::decide(tx, &id, AdjustmentStatus::Booked, &by.id, env.now)?;
        if booked {
            let partner = partner_id.as_str();
            let adjustment =
                adjustment::Adjustment { id: &id, partner, currency, amount: *amount, code, reason };
            transfers.extend(adjustment::book(&adjustment));
        }
        let changes = changes(currency, *amount, code, &id);
        lines.push((partner_id, changes, if booked { "adjustment.booked" } else { "adjustment.proposed" }));
    }
    match ledger::apply(tx, env.now, &transfers) {
        Ok(_) => {}
        Err(ApplyError::Db(error)) => return Err(error.into()),
        Err(error) => return Err(AdjustError::Ledger(error)),
    }
    let acts: Vec<Act> = lines
        .iter()
        .map(|(partner_id, changes, what)| Act {
            what,
            on: ("partner", partner_id.as_str()),
            changes,
            reason,
        })
        .collect();
    Ok(audit::record_all(tx, env, by, &acts)?)
}

/// Approves a proposed adjustment and books it.
///
/// # Errors
/// [`AdjustError::Refused`] when it was decided before, or proposed by the same person.
pub fn approve(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<String, AdjustError> {
    let found = adjustments::by_id(tx, id)?.ok_or(AdjustError::Unknown)?;
    may_decide(found.status, &found.proposer_id, &by.id, true)?;
    book(tx, env, by, &found)?;
    Ok(found.partner.id)
}

/// Declines a proposed adjustment, or takes one's own back.
///
/// # Errors
/// [`AdjustError::Refused`] when it was decided before.
pub fn decline(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<String, AdjustError> {
    let found = adjustments::by_id(tx, id)?.ok_or(AdjustError::Unknown)?;
    may_decide(found.status, &found.proposer_id, &by.id, false)?;
    if !adjustments::decide(tx, id, AdjustmentStatus::Declined, &by.id, env.now)? {
        return Err(decided_meanwhile(tx, id, by)?);
    }
    record(tx, env, by, "adjustment.declined", &found)?;
    Ok(found.partner.id)
}

fn book(tx: &mut Tx, env: &Env, by: &Actor, made: &Adjustment) -> Result<(), AdjustError> {
    if !adjustments::decide(tx, &made.id, AdjustmentStatus::Booked, &by.id, env.now)? {
        return Err(decided_meanwhile(tx, &made.id, by)?);
    }
    let currency = env.programme.currency;
    let transfer = adjustment::book(&adjustment::Adjustment {
        id: &made.id,
        partner: &made.partner.id,
        currency,
        amount: made.amount,
        code: made.code,
        reason: &made.reason,
    });
    match ledger::apply(tx, env.now, transfer.as_slice()) {
        Ok(_) => {}
        Err(ApplyError::Refused(LedgerError::InsufficientFunds { available, .. })) => {
            return Err(not_enough(available, currency));
        }
        Err(ApplyError::Db(error)) => return Err(error.into()),
        Err(error) => return Err(AdjustError::Ledger(error)),
    }
    let notice = Notice::Adjusted { amount: made.amount, reason: made.reason.clone() };
    notify::tell(tx, env, &made.partner.id, &notice)?;
    record(tx, env, by, "adjustment.booked", made)?;
    Ok(())
}

fn not_enough(available: Money, currency: Currency) -> AdjustError {
    AdjustError::NotEnough(currency.format_with_symbol(available.max(Money::ZERO)))
}

/// The refusal for whoever came second of two decisions at once.
fn decided_meanwhile(tx: &mut Tx, id: &str, by: &Actor) -> Result<AdjustError, AdjustError> {
    let now = adjustments::by_id(tx, id)?.ok_or(AdjustError::Unknown)?;
    Ok(match may_decide(now.status, &now.proposer_id, &by.id, true) {
        Err(refusal) => refusal.into(),
        Ok(()) => AdjustError::Unknown,
    })
}

fn changes(currency: Currency, amount: Money, code: TransferCode, id: &str) -> [Change; 3] {
    [
        Change::set("Amount", currency.format(amount)),
        Change::set("Kind", code.as_str()),
        Change::set("Adjustment", id),
    ]
}

fn record(tx: &mut Tx, env: &Env, by: &Actor, what: &str, made: &Adjustment) -> Result<(), DbError> {
    let changes = changes(env.programme.currency, made.amount, made.code, &made.id);
    let on = ("partner", made.partner.id.as_str());
    audit::record(tx, env, by, Act { what, on, changes: &changes, reason: &made.reason })
}
