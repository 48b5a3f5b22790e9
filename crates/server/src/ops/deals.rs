//! What sales does to a deal, and what each act books.

use domain::{
    commission::{self, Cause, Winning},
    deal::{DealAct, DealRefusal, DealStatus, next_status},
    ledger::Transfer,
    money::Money,
    rate::Rate,
    webhook::HookEvent,
};
use store::{
    DbError, Tx,
    deals::{self, Commission, Deal, NewEvent, Won},
    ledger::{self, ApplyError},
    partners::{self, PartnerDay},
    sources,
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

/// Why a deal was not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DealError {
    /// There is no such deal.
    #[error("There is no deal with this number.")]
    Unknown,
    /// The deal's status doesn't allow it.
    #[error(transparent)]
    Refused(#[from] DealRefusal),
    /// The ledger doesn't allow it: a defect, since what is planned here fits the books.
    #[error(transparent)]
    Ledger(#[from] ApplyError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Closes a deal successfully: freezes the partner's rate and books the commission.
///
/// # Errors
/// [`DealError::Refused`] when the deal is closed already.
pub fn win(tx: &mut Tx, env: &Env, by: &Actor, number: i64, amount: Money) -> Result<(), DealError> {
    let deal = deals::lock(tx, number)?.ok_or(DealError::Unknown)?;
    next_status(deal.status, DealAct::Win)?;
    let round = deal.win_round + 1;
    let mut agreed = None;
    let (commission, reason) = match &deal.partner {
        None => (None, "The client belongs to no partner.".to_owned()),
        // Locked, so that a suspension comes either before this deal or after it.
        Some(partner) if partners::lock_suspended(tx, &partner.id)? => {
            (None, format!("{} was suspended when the deal was won.", partner.name))
        }
        Some(partner) => {
            let (commission, reason, own) = book(tx, env, &deal, round, &partner.id, amount)?;
            agreed = own;
            (Some(commission), reason)
        }
    };
    let won = Won {
        at: env.now,
        amount,
        refunded: Money::ZERO,
        refunds: 0,
        commission,
        commission_reason: reason,
        settled: None,
    };
    deals::set_won(tx, number, round, &won)?;
    history(tx, env, Some(by), number, "won", Some(amount), None)?;
    if let Some(partner) = &deal.partner {
        tell_won(tx, env, &deal, &partner.id, &won, agreed)?;
    }
    webhook_events::deal(tx, env, HookEvent::DealWon, number)?;
    if won.commission.is_some_and(|booked| booked.available_at.is_none()) {
        webhook_events::commission_available(tx, env, number)?;
    }
    let currency = env.programme.currency;
    let mut changes = vec![
        Change::new("Status", deal.status.label(), DealStatus::Won.label()),
        Change::set("Amount", currency.format(amount)),
    ];
    changes.extend(deal.partner.as_ref().map(|partner| Change::set("Partner", &partner.name)));
    changes.push(match won.commission {
        Some(booked) => {
            let booked = format!("{} at {}", currency.format(booked.amount), booked.rate);
            Change::set("Commission", booked)
        }
        None => Change::set("No commission", &won.commission_reason),
    });
    record(tx, env, by, "deal.won", number, &changes, "")
}

/// Tells the partner what a won deal earned, and that the rate has risen if it has.
fn tell_won(
    tx: &mut Tx,
    env: &Env,
    deal: &Deal,
    partner_id: &str,
    won: &Won,
    agreed: Option<Rate>,
) -> Result<(), DbError> {
    let notice = Notice::DealWon {
        deal: deal.number,
        client: deal.client_number,
        name: deal.client_name.clone(),
        amount: won.amount,
        commission: won.commission.map(|booked| (booked.rate, booked.amount)),
        why: won.commission_reason.clone(),
        available_at: won.commission.and_then(|booked| booked.available_at),
    };
    notify::tell(tx, env, partner_id, &notice)?;
    match won.commission {
        Some(booked) => {
            tell_rate(tx, env, partner_id, agreed, booked.volume_before, booked.volume_before + won.amount)
        }
        None => Ok(()),
    }
}

/// Tells a partner whose volume has reached the next tier; a partner with an agreed rate follows no tiers.
pub(super) fn tell_rate(
    tx: &mut Tx,
    env: &Env,
    partner_id: &str,
    agreed: Option<Rate>,
    before: Money,
    after: Money,
) -> Result<(), DbError> {
    let tiers = &env.programme.tiers;
    let (before, rate) = (tiers.standing(before).current.rate, tiers.standing(after).current.rate);
    if agreed.is_some() || rate <= before {
        return Ok(());
    }
    notify::tell(tx, env, partner_id, &Notice::RateRaised { rate, before })
}

/// Books the commission of a won deal at the rate that the partner's volume had reached before it. With it comes why
/// that rate, and the agreed rate if there is one.
fn book(
    tx: &mut Tx,
    env: &Env,
    deal: &Deal,
    round: i64,
    partner_id: &str,
    amount: Money,
) -> Result<(Commission, String, Option<Rate>), DealError> {
    let programme = &env.programme;
    let (volume_before, agreed) = partners::lock_volume(tx, partner_id)?;
    let tier = programme.tiers.standing(volume_before).current;
    let (rate, reason) = match agreed {
        Some(rate) => (rate, format!("{rate} as agreed with the partner.")),
        None => {
            let volume = programme.currency.format_with_symbol(volume_before);
            let from = programme.currency.format_with_symbol(tier.from);
            (tier.rate, format!("{} from a volume of {from}; it was {volume} before this deal.", tier.rate))
        }
    };
    let winning = Winning {
        deal: deal.number,
        round,
        partner: partner_id,
        currency: programme.currency,
        amount,
        rate,
        won_at: env.now,
        hold_days: programme.hold_days,
    };
    // Kept with the entry, which says how it came about whatever becomes of the deal.
    let why = format!("{}. {reason}", winning.sum());
    let transfer = commission::book(&winning).map(|booked| Transfer { reason: Some(why), ..booked });
    let available_at = transfer.as_ref().and_then(|transfer| transfer.available_at);
    ledger::apply(tx, env.now, transfer.as_slice())?;
    partners::add_totals(tx, partner_id, 0, 1, amount)?;
    add_profit(tx, env, partner_id, deal, 1, winning.commission())?;
    let commission =
        Commission { rate, volume_before, amount: winning.commission(), reversed: Money::ZERO, available_at };
    Ok((commission, reason, agreed))
}

/// Closes a deal unsuccessfully.
///
/// # Errors
/// [`DealError::Refused`] when the deal is closed already.
pub fn lose(tx: &mut Tx, env: &Env, by: &Actor, number: i64, reason: &str) -> Result<(), DealError> {
    let deal = deals::lock(tx, number)?.ok_or(DealError::Unknown)?;
    next_status(deal.status, DealAct::Lose)?;
    deals::set_lost(tx, number, reason, env.now)?;
    history(tx, env, Some(by), number, "lost", None, Some(reason))?;
    if let Some(partner) = &deal.partner {
        let name = deal.client_name.clone();
        let notice = Notice::DealLost { deal: number, client: deal.client_number, name };
        notify::tell(tx, env, &partner.id, &notice)?;
    }
    webhook_events::deal(tx, env, HookEvent::DealLost, number)?;
    let changes = [Change::new("Status", deal.status.label(), DealStatus::Lost.label())];
    record(tx, env, by, "deal.lost", number, &changes, reason)
}

/// Makes a closed deal pending again. What is left of its commission is taken back.
///
/// # Errors
/// [`DealError::Refused`] when the deal is pending.
pub fn reopen(tx: &mut Tx, env: &Env, by: &Actor, number: i64, reason: &str) -> Result<(), DealError> {
    let deal = deals::lock(tx, number)?.ok_or(DealError::Unknown)?;
    next_status(deal.status, DealAct::Reopen)?;
    let mut taken = Money::ZERO;
    if let (Some(won), Some(partner)) = (&deal.won, &deal.partner)
        && won.counts()
    {
        // Locked before the ledger, in the order in which winning locks them.
        let volume = partners::lock_volume(tx, &partner.id)?.0;
        taken = reverse(tx, env, &deal, Cause::Reopening, reason)?;
        // Clamped, not asserted: the totals are a projection and must never keep sales from correcting a deal.
        partners::add_totals(tx, &partner.id, 0, -1, -won.remaining().min(volume))?;
        add_profit(tx, env, &partner.id, &deal, -1, -taken)?;
    }
    deals::set_pending(tx, number, env.now)?;
    history(tx, env, Some(by), number, "reopened", None, Some(reason))?;
    if let Some(partner) = &deal.partner {
        let notice = Notice::DealChanged {
            deal: number,
            name: deal.client_name.clone(),
            refunded: None,
            taken,
            reason: reason.to_owned(),
        };
        notify::tell(tx, env, &partner.id, &notice)?;
    }
    let mut changes = vec![Change::new("Status", deal.status.label(), DealStatus::Pending.label())];
    changes.extend(taken_back(env, taken));
    record(tx, env, by, "deal.reopened", number, &changes, reason)
}

/// What was taken back of a commission, for the audit.
fn taken_back(env: &Env, taken: Money) -> Option<Change> {
    taken.is_positive().then(|| Change::set("Commission taken back", env.programme.currency.format(taken)))
}

fn record(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    what: &str,
    number: i64,
    changes: &[Change],
    reason: &str,
) -> Result<(), DealError> {
    let number = number.to_string();
    Ok(audit::record(tx, env, by, Act { what, on: ("deal", &number), changes, reason })?)
}

/// Records that the client was given money back. The commission is taken back in proportion.
///
/// # Errors
/// [`DealError::Refused`] when the deal isn't won or less than that is left of it.
pub fn refund(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    number: i64,
    amount: Money,
    reason: &str,
) -> Result<(), DealError> {
    let deal = deals::lock(tx, number)?.ok_or(DealError::Unknown)?;
    let remaining = deal.won.as_ref().map_or(Money::ZERO, Won::remaining);
    next_status(deal.status, DealAct::Refund { amount, remaining })?;
    let won = deal.won.as_ref().ok_or(DealRefusal::NotWon)?;
    let refunded = won.refunded + amount;
    let refunds = won.refunds + 1;
    let mut reversed = Money::ZERO;
    let mut taken = Money::ZERO;
    if let (Some(commission), Some(partner)) = (won.commission, &deal.partner) {
        let cause = Cause::Refund { number: refunds, deal_amount: won.amount, refunded_total: refunded };
        let volume = partners::lock_volume(tx, &partner.id)?.0;
        taken = reverse(tx, env, &deal, cause, reason)?;
        reversed = commission.reversed + taken;
        partners::add_totals(tx, &partner.id, 0, 0, -amount.min(volume))?;
        add_profit(tx, env, &partner.id, &deal, 0, -taken)?;
    } else if let (Some(_), Some(partner)) = (won.settled, &deal.partner) {
        // What another system has paid is not taken back here; the volume is smaller all the same.
        let volume = partners::lock_volume(tx, &partner.id)?.0;
        partners::add_totals(tx, &partner.id, 0, 0, -amount.min(volume))?;
    }
    deals::set_refunded(tx, number, refunded, refunds, reversed, env.now)?;
    history(tx, env, Some(by), number, "refunded", Some(amount), Some(reason))?;
    if let Some(partner) = &deal.partner
        && won.commission.is_some()
    {
        let notice = Notice::DealChanged {
            deal: number,
            name: deal.client_name.clone(),
            refunded: Some(amount),
            taken,
            reason: reason.to_owned(),
        };
        notify::tell(tx, env, &partner.id, &notice)?;
    }
    webhook_events::deal_refunded(tx, env, number, amount, reason)?;
    let currency = env.programme.currency;
    let after = currency.format(remaining - amount);
    let mut changes = vec![
        Change::set("Refunded", currency.format(amount)),
        Change::new("Left of the amount", currency.format(remaining), after),
    ];
    changes.extend(taken_back(env, taken));
    record(tx, env, by, "deal.refunded", number, &changes, reason)
}

/// Books what a refund or reopening takes back; returns how much that was.
fn reverse(tx: &mut Tx, env: &Env, deal: &Deal, cause: Cause, reason: &str) -> Result<Money, DealError> {
    let Some(before) = ledger::standing(tx, deal.number, deal.win_round)? else { return Ok(Money::ZERO) };
    let transfers: Vec<Transfer> = commission::reverse(&before, cause)
        .into_iter()
        .map(|transfer| Transfer { reason: Some(reason.to_owned()), ..transfer })
        .collect();
    ledger::apply(tx, env.now, &transfers)?;
    let left = ledger::standing(tx, deal.number, deal.win_round)?.map_or(Money::ZERO, |after| after.left());
    Ok(before.left() - left)
}

/// How many commissions one run of the job makes available; the rest waits for the next transaction.
const RELEASE_BATCH: i64 = 100;

/// Makes commissions available whose hold period is over. Returns how many; the caller comes again until none
/// is left.
///
/// # Errors
/// When the database or the ledger says no.
pub fn release_due(tx: &mut Tx, env: &Env) -> Result<usize, DealError> {
    let due = deals::due(tx, env.now, RELEASE_BATCH)?;
    for number in &due {
        let deal = deals::lock(tx, *number)?.ok_or(DealError::Unknown)?;
        // Another server may have been faster, or sales may have reopened the deal.
        let still_due =
            deal.won.as_ref().and_then(|won| won.commission).and_then(|booked| booked.available_at);
        if still_due.is_none_or(|at| at > env.now) {
            continue;
        }
        if let Some(transfer) =
            ledger::standing(tx, deal.number, deal.win_round)?.as_ref().and_then(commission::release)
        {
            ledger::apply(tx, env.now, &[transfer])?;
            history(tx, env, None, *number, "available", None, None)?;
        }
        deals::set_available(tx, *number)?;
        webhook_events::commission_available(tx, env, *number)?;
    }
    Ok(due.len())
}

/// Counts what a deal has earned, or what was taken back of it, for the day and for the place that its client came from.
fn add_profit(
    tx: &mut Tx,
    env: &Env,
    partner_id: &str,
    deal: &Deal,
    deals_won: i64,
    profit: Money,
) -> Result<(), DbError> {
    let day = env.now.day();
    partners::add_to_day(tx, partner_id, PartnerDay { profit, ..PartnerDay::empty(day) })?;
    sources::add_of_client(tx, partner_id, deal.client_number, day, deals_won, profit)
}

fn history(
    tx: &mut Tx,
    env: &Env,
    by: Option<&Actor>,
    deal_number: i64,
    kind: &str,
    amount: Option<Money>,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let event = NewEvent {
        id: env.ids.uuid(env.now),
        deal_number,
        kind,
        actor_id: by.map(|actor| actor.id.as_str()),
        amount,
        reason,
    };
    deals::insert_event(tx, &event, env.now)
}
