//! A partner asks to be paid; finance approves, pays or rejects, and says when a payment came back.

use domain::{
    ledger::LedgerError,
    money::Money,
    payment::{self, ApprovalRefusal, Held, Payment, needs_two},
    permission::Permission,
    webhook::HookEvent,
    withdrawal::{self, Request, RequestRefusal, WithdrawalAct, WithdrawalRefusal, due_at, next_status},
};
use store::{
    DbError, Tx, accounts, approvals, batches,
    ledger::{self, ApplyError},
    partners, tokens, wallets,
    withdrawals::{self, NewWithdrawal, Paid, Withdrawal},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    webhook_events,
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

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
    let standing = wallets::standing(tx, &ask.partner_id, &ask.wallet_id)?.ok_or(AskError::UnknownWallet)?;
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
        standing,
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
        Ok(_) => {
            told_requested(tx, env, &id)?;
            Ok(id)
        }
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

fn told_requested(tx: &mut Tx, env: &Env, id: &str) -> Result<(), DbError> {
    let Some(made) = withdrawals::by_id(tx, id)? else { return Ok(()) };
    let wallet = made.wallet_label.clone();
    notify::tell(tx, env, &made.partner.id, &Notice::WithdrawalRequested { amount: made.amount, wallet })?;
    let waits = Notice::OfficeWithdrawal {
        id: made.id,
        partner: made.partner.name,
        amount: made.amount,
        due: due_at(made.requested_at),
    };
    notify::tell_staff(tx, env, Permission::DecideWithdrawals, &waits)?;
    webhook_events::withdrawal(tx, env, HookEvent::WithdrawalRequested, id)
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
    /// Its status doesn't allow it.
    #[error(transparent)]
    Refused(#[from] WithdrawalRefusal),
    /// It can't be paid now, by this person.
    #[error("{sentence}")]
    Held {
        /// Why.
        why: Held,
        /// Why, and what to do, in a sentence.
        sentence: String,
    },
    /// It waits in an open batch, whose file may be on its way.
    #[error(
        "This withdrawal is in an open batch, so its payment may be on its way. Take it off the batch first, then \
         reject it."
    )]
    InBatch,
    /// It can't be approved, by this person.
    #[error(transparent)]
    Approval(ApprovalRefusal),
    /// The ledger doesn't allow it: a defect.
    #[error(transparent)]
    Ledger(#[from] ApplyError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// One withdrawal that is to be marked paid.
#[derive(Debug, Clone, Copy)]
pub struct Settling<'a> {
    /// The withdrawal's identifier.
    pub id: &'a str,
    /// The payment reference.
    pub reference: &'a str,
    /// Why it is paid to a wallet that is still cooling.
    pub override_reason: Option<&'a str>,
}

/// A withdrawal that can't be paid now.
#[derive(Debug, Clone)]
pub struct HeldLine {
    /// The withdrawal.
    pub withdrawal: Withdrawal,
    /// Why.
    pub why: Held,
    /// Why, and what to do, in a sentence.
    pub sentence: String,
}

/// What came of paying.
#[derive(Debug, Clone)]
pub enum Settled {
    /// Everything is paid.
    All,
    /// Nothing is, because of these.
    Held(Vec<HeldLine>),
}

/// Marks pending withdrawals paid, all of them or none. Every payment goes through here: one by one, or those of the
/// batch `of_batch` together.
///
/// # Errors
/// [`DecideError::Unknown`] when there is no such withdrawal.
pub fn settle(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    payments: &[Settling],
    of_batch: Option<&str>,
) -> Result<Settled, DecideError> {
    // Locked in one order, whatever the order of the list.
    let mut payments = payments.to_vec();
    payments.sort_by(|a, b| a.id.cmp(b.id));
    let mut held = Vec::new();
    let mut found = Vec::new();
    for settling in payments {
        let withdrawal = withdrawals::lock(tx, settling.id)?.ok_or(DecideError::Unknown)?;
        let is_overridden = settling.override_reason.is_some();
        match why_held(tx, env, by, &withdrawal, is_overridden, of_batch)? {
            Some(why) => held.push((withdrawal, why)),
            None => found.push((withdrawal, settling)),
        }
    }
    if !held.is_empty() {
        let able = deciders(tx)?;
        let lines = held.into_iter().map(|(withdrawal, why)| HeldLine::new(env, by, withdrawal, why, &able));
        return Ok(Settled::Held(lines.collect()));
    }
    for (withdrawal, settling) in &mut found {
        // A reason is kept only where there was something to override.
        let is_cooling = withdrawal.payable_from.is_some_and(|from| env.now < from);
        settling.override_reason = settling.override_reason.filter(|_| is_cooling);
        let paid = Paid {
            by: &by.id,
            reference: settling.reference,
            override_reason: settling.override_reason,
            two_people: needs_two(withdrawal.amount, env.programme.approval_from),
        };
        if !withdrawals::set_paid(tx, &withdrawal.id, &paid, env.now)? {
            return Err(decided_meanwhile(tx, &withdrawal.id, WithdrawalAct::Pay)?);
        }
    }
    // In one go, so that accounts are locked in one order too.
    let transfers: Vec<_> =
        found.iter().map(|(withdrawal, _)| withdrawal::pay(&request(env, withdrawal))).collect();
    ledger::apply(tx, env.now, &transfers)?;
    for (withdrawal, settling) in &found {
        let paid = Notice::WithdrawalPaid {
            amount: withdrawal.amount,
            wallet: withdrawal.wallet_label.clone(),
            reference: settling.reference.to_owned(),
        };
        notify::tell(tx, env, &withdrawal.partner.id, &paid)?;
        webhook_events::withdrawal(tx, env, HookEvent::WithdrawalPaid, &withdrawal.id)?;
        let mut changes = about(env, withdrawal, "pending", "paid");
        changes.push(Change::set("Reference", settling.reference));
        let act = Act {
            what: "withdrawal.paid",
            on: ("withdrawal", &withdrawal.id),
            changes: &changes,
            reason: settling.override_reason.unwrap_or_default(),
        };
        audit::record(tx, env, by, act)?;
    }
    Ok(Settled::All)
}

/// Why a withdrawal can't be paid now by this person, if so.
///
/// # Errors
/// When the database says no.
pub fn held_back(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    withdrawal: &Withdrawal,
) -> Result<Option<HeldLine>, DbError> {
    let Some(why) = why_held(tx, env, by, withdrawal, false, None)? else { return Ok(None) };
    let able = deciders(tx)?;
    Ok(Some(HeldLine::new(env, by, withdrawal.clone(), why, &able)))
}

/// The same for each of the withdrawals of an open batch, to be paid with it.
///
/// # Errors
/// When the database says no.
pub fn held_of_batch(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    batch_id: &str,
    lines: &[batches::Line],
) -> Result<Vec<HeldLine>, DbError> {
    let approvals = approvals::of_batch(tx, batch_id)?;
    let able = deciders(tx)?;
    let held = lines.iter().filter_map(|line| {
        let withdrawal = &line.withdrawal;
        let of_it = approvals.iter().filter(|(of, _)| *of == withdrawal.id);
        let approvers: Vec<String> = of_it.map(|(_, by)| by.clone()).collect();
        let why = judged(env, by, withdrawal, &approvers, false, false)?;
        Some(HeldLine::new(env, by, withdrawal.clone(), why, &able))
    });
    Ok(held.collect())
}

/// Why a withdrawal can't be paid now by this person. `of_batch` is the batch that is about to be paid.
fn why_held(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    withdrawal: &Withdrawal,
    is_overridden: bool,
    of_batch: Option<&str>,
) -> Result<Option<Held>, DbError> {
    let approvers: Vec<String> =
        approvals::of(tx, &withdrawal.id)?.into_iter().map(|approval| approval.by_id).collect();
    // A token and whoever made it are one person where two must agree.
    let maker = match by.role {
        "token" => tokens::by_id(tx, &by.id)?.and_then(|token| token.made_by),
        _ => None,
    };
    let own = maker.map(|(id, _)| id);
    let approvers: Vec<String> =
        approvers.into_iter().map(|id| if Some(&id) == own.as_ref() { by.id.clone() } else { id }).collect();
    let batch = batches::open_batch_of(tx, &withdrawal.id)?;
    let in_another = batch.is_some_and(|batch| Some(batch.as_str()) != of_batch);
    Ok(judged(env, by, withdrawal, &approvers, in_another, is_overridden))
}

fn judged(
    env: &Env,
    by: &Actor,
    withdrawal: &Withdrawal,
    approvers: &[String],
    in_open_batch: bool,
    is_overridden: bool,
) -> Option<Held> {
    let payment = Payment {
        status: withdrawal.status,
        amount: withdrawal.amount,
        approval_from: env.programme.approval_from,
        approvers,
        payer: &by.id,
        in_open_batch,
        payable_from: withdrawal.payable_from,
        is_overridden,
        now: env.now,
    };
    payment::may_pay(&payment).err()
}

impl HeldLine {
    /// `able` are the people who may decide on withdrawals.
    fn new(env: &Env, by: &Actor, withdrawal: Withdrawal, why: Held, able: &[(String, String)]) -> HeldLine {
        let others: Vec<String> =
            able.iter().filter(|(id, _)| *id != by.id).map(|(_, name)| name.clone()).collect();
        let sentence = why.sentence(env.programme.approval_from, env.programme.currency, &others);
        HeldLine { withdrawal, why, sentence }
    }
}

/// Everybody who may decide on withdrawals: identifier and name.
///
/// # Errors
/// When the database says no.
pub fn deciders(tx: &mut Tx) -> Result<Vec<(String, String)>, DbError> {
    let able = accounts::staff(tx)?.into_iter().filter(|member| {
        member.joined && member.disabled_at.is_none() && member.role.may(Permission::DecideWithdrawals)
    });
    Ok(able.map(|member| (member.id, member.name)).collect())
}

/// Marks a pending withdrawal paid. A reason pays to a wallet that is still cooling.
///
/// # Errors
/// [`DecideError::Refused`] when it was decided before, [`DecideError::Held`] when it can't be paid now by this person.
pub fn pay(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    id: &str,
    reference: &str,
    override_reason: Option<&str>,
) -> Result<(), DecideError> {
    match settle(tx, env, by, &[Settling { id, reference, override_reason }], None)? {
        Settled::All => Ok(()),
        Settled::Held(lines) => match lines.into_iter().next() {
            Some(HeldLine { why: Held::Decided(refusal), .. }) => Err(refusal.into()),
            Some(HeldLine { why, sentence, .. }) => Err(DecideError::Held { why, sentence }),
            None => Err(DecideError::Unknown),
        },
    }
}

/// Approves a withdrawal above the limit, so that somebody else can pay it.
///
/// # Errors
/// [`DecideError::Approval`] when it needs none, or the person has approved it before.
pub fn approve(tx: &mut Tx, env: &Env, by: &Actor, id: &str, note: &str) -> Result<(), DecideError> {
    let withdrawal = withdrawals::lock(tx, id)?.ok_or(DecideError::Unknown)?;
    let approvers: Vec<String> = approvals::of(tx, id)?.into_iter().map(|approval| approval.by_id).collect();
    let limit = env.programme.approval_from;
    payment::may_approve(withdrawal.status, withdrawal.amount, limit, &approvers, &by.id).map_err(
        |refusal| match refusal {
            ApprovalRefusal::Decided(refusal) => refusal.into(),
            refusal => DecideError::Approval(refusal),
        },
    )?;
    if !approvals::insert(tx, &withdrawal, &by.id, note, env.now)? {
        return Err(DecideError::Approval(ApprovalRefusal::Already));
    }
    let changes = [
        Change::set("Amount", env.programme.currency.format(withdrawal.amount)),
        Change::set("To", domain::wallet::masked(withdrawal.wallet_kind, &withdrawal.wallet_address)),
    ];
    let on = ("withdrawal", id);
    audit::record(tx, env, by, Act { what: "withdrawal.approved", on, changes: &changes, reason: note })?;
    Ok(())
}

/// Rejects a pending withdrawal; its amount is available again. One in an open batch is taken off it first: the batch's
/// file may be with the bank.
///
/// # Errors
/// [`DecideError::Refused`] when it was decided before, [`DecideError::InBatch`] while it is in an open batch.
pub fn reject(tx: &mut Tx, env: &Env, by: &Actor, id: &str, reason: &str) -> Result<(), DecideError> {
    let withdrawal = allowed(tx, id, WithdrawalAct::Reject)?;
    // It is put into a batch only while its row is locked, so this stays true until the end.
    if batches::open_batch_of(tx, id)?.is_some() {
        return Err(DecideError::InBatch);
    }
    if !withdrawals::set_rejected(tx, id, &by.id, reason, env.now)? {
        return Err(decided_meanwhile(tx, id, WithdrawalAct::Reject)?);
    }
    ledger::apply(tx, env.now, &[withdrawal::reject(&request(env, &withdrawal), reason)])?;
    let rejected = Notice::WithdrawalRejected { amount: withdrawal.amount, reason: reason.to_owned() };
    notify::tell(tx, env, &withdrawal.partner.id, &rejected)?;
    webhook_events::withdrawal(tx, env, HookEvent::WithdrawalRejected, id)?;
    let changes = about(env, &withdrawal, "pending", "rejected");
    let on = ("withdrawal", id);
    audit::record(tx, env, by, Act { what: "withdrawal.rejected", on, changes: &changes, reason })?;
    Ok(())
}

/// Says that the payment of a paid withdrawal came back: its amount is available again.
///
/// # Errors
/// [`DecideError::Refused`] when it is not paid.
pub fn came_back(tx: &mut Tx, env: &Env, by: &Actor, id: &str, reason: &str) -> Result<(), DecideError> {
    let withdrawal = allowed(tx, id, WithdrawalAct::CameBack)?;
    let kept = format!("Payment came back: {reason}");
    if !withdrawals::set_returned(tx, id, &by.id, &kept, env.now)? {
        return Err(decided_meanwhile(tx, id, WithdrawalAct::CameBack)?);
    }
    ledger::apply(tx, env.now, &[withdrawal::came_back(&request(env, &withdrawal), reason)])?;
    let returned = Notice::PaymentReturned { amount: withdrawal.amount, reason: reason.to_owned() };
    notify::tell(tx, env, &withdrawal.partner.id, &returned)?;
    webhook_events::withdrawal(tx, env, HookEvent::WithdrawalRejected, id)?;
    let mut changes = about(env, &withdrawal, "paid", "rejected");
    changes.push(Change::set("Reference", withdrawal.reference.as_deref().unwrap_or_default()));
    let on = ("withdrawal", id);
    audit::record(tx, env, by, Act { what: "withdrawal.came_back", on, changes: &changes, reason })?;
    Ok(())
}

/// What a decision changes, for the audit.
fn about(env: &Env, withdrawal: &Withdrawal, before: &str, after: &str) -> Vec<Change> {
    vec![
        Change::new("Status", before, after),
        Change::set("Amount", env.programme.currency.format(withdrawal.amount)),
        Change::set("Partner", &withdrawal.partner.name),
    ]
}

/// The withdrawal, locked, if its status allows the act.
fn allowed(tx: &mut Tx, id: &str, act: WithdrawalAct) -> Result<Withdrawal, DecideError> {
    let withdrawal = withdrawals::lock(tx, id)?.ok_or(DecideError::Unknown)?;
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
