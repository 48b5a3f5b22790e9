//! The ledger's tables: [`apply`] is the only function of the program that books anything, the others read. Of what is
//! booked, the words of a reason can be forgotten, and nothing else changes.

use std::collections::BTreeMap;

use domain::clock::Timestamp;
use domain::commission::{self, Standing};
use domain::ledger::{
    Account, AccountKind, Counters, Entry, LedgerError, Outcome, Phase, Side, Subject, Transfer, TransferCode,
};
use domain::money::{Currency, Money};

use crate::{DbError, Row, Tx, Value, names, params};

/// Why transfers were not booked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApplyError {
    /// The ledger refuses one of them, and with it all.
    #[error(transparent)]
    Refused(#[from] LedgerError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Books all of the transfers, or none where one is refused. What was booked before under the same key with the
/// same fields is left alone ([`Outcome::Exists`]); the moment `at` is not compared.
///
/// A refusal rolls back the whole unit, whatever its closure returns: a part may have been written.
///
/// # Errors
/// [`ApplyError`].
///
/// # Panics
/// When the sums of what it is about to write do not agree: a mistake of this function, never of the caller.
pub fn apply(tx: &mut Tx<'_>, at: Timestamp, transfers: &[Transfer]) -> Result<Vec<Outcome>, ApplyError> {
    let result = apply_all(tx, at, transfers);
    if let Err(ApplyError::Refused(refusal)) = &result {
        tx.give_up("ledger::apply", refusal.to_string());
    }
    result
}

fn apply_all(tx: &mut Tx<'_>, at: Timestamp, transfers: &[Transfer]) -> Result<Vec<Outcome>, ApplyError> {
    let mut outcomes = Vec::with_capacity(transfers.len());
    let mut shares: BTreeMap<String, Share<'_>> = BTreeMap::new();
    for transfer in transfers {
        match admit(tx, at, transfer)? {
            Some(reserved) => {
                for side in [Side::Debit, Side::Credit] {
                    let leg = Leg { transfer, side, reserved };
                    let account = leg.account();
                    shares.entry(account.key()).or_insert_with(|| Share::new(account)).add(leg);
                }
                outcomes.push(Outcome::Applied);
            }
            None => outcomes.push(Outcome::Exists),
        }
    }
    assert_sums(&shares);
    let mut entries = Vec::with_capacity(2 * transfers.len());
    // In the order of keys, so that two units that touch the same accounts never wait for each other.
    for (key, share) in &shares {
        let counters = update(tx, key, share)?;
        share.entries(key, &counters, &mut entries);
    }
    if !entries.is_empty() {
        tx.later_many(
            "INSERT INTO ledger_entries (account, seq, transfer, side, amount, balance_after)
             VALUES ($1, $2, $3, $4, $5, $6)",
            entries,
        )?;
    }
    Ok(outcomes)
}

/// Writes the transfer down. `None`: it had been. Otherwise the amount that the pending transfer it resolves had
/// reserved, zero where it resolves none.
fn admit(tx: &mut Tx<'_>, at: Timestamp, transfer: &Transfer) -> Result<Option<Money>, ApplyError> {
    transfer.check()?;
    let reserved = match look(tx, transfer)? {
        Ok(reserved) => reserved,
        // A transfer that was booked before no longer fits what it resolved or took back then: that comes first.
        Err(refusal) => return if is_booked(tx, transfer)? { Ok(None) } else { Err(refusal.into()) },
    };
    let inserted = tx.exec(
        "INSERT INTO ledger_transfers (key, debit, credit, amount, code, phase, pending, reverses,
            may_overdraw, subject, subject_id, reason, available_at, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT DO NOTHING",
        params![
            &transfer.key,
            transfer.debit.key(),
            transfer.credit.key(),
            transfer.amount.minor(),
            transfer.code.as_str(),
            transfer.phase.as_str(),
            transfer.phase.pending(),
            &transfer.reverses,
            transfer.may_overdraw,
            transfer.subject.kind(),
            transfer.subject.id(),
            &transfer.reason,
            transfer.available_at.map(Timestamp::micros),
            at.micros()
        ],
    )?;
    if inserted == 0 {
        if is_booked(tx, transfer)? {
            return Ok(None);
        }
        // The other thing that is unique.
        let pending = transfer.phase.pending().unwrap_or_default().to_owned();
        return Err(LedgerError::AlreadyResolved { pending }.into());
    }
    Ok(Some(reserved))
}

/// Whether the transfer was booked before.
fn is_booked(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<bool, ApplyError> {
    match by_key(tx, &transfer.key)? {
        None => Ok(false),
        Some(booked) if booked == *transfer => Ok(true),
        Some(_) => Err(LedgerError::Conflict { key: transfer.key.clone() }.into()),
    }
}

/// Holds the transfer against what it resolves or takes back. The answer is what had been reserved.
fn look(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<Result<Money, LedgerError>, DbError> {
    if let Some(pending) = transfer.phase.pending() {
        let Some(first) = by_key(tx, pending)? else {
            return Ok(Err(LedgerError::UnknownPending { pending: pending.to_owned() }));
        };
        if first.phase != Phase::Pending {
            return Ok(Err(LedgerError::NotPending { pending: pending.to_owned() }));
        }
        let is_void = matches!(transfer.phase, Phase::Void { .. });
        let amount_fits = transfer.amount == first.amount || (!is_void && transfer.amount < first.amount);
        if (&first.debit, &first.credit) != (&transfer.debit, &transfer.credit) || !amount_fits {
            return Ok(Err(LedgerError::Mismatch { key: transfer.key.clone() }));
        }
        return Ok(Ok(first.amount));
    }
    if let Some(original) = &transfer.reverses {
        // Locked, so that of two units that take back the same transfer the second one sees the first one's part.
        let sql = format!("SELECT {COLUMNS} FROM ledger_transfers t WHERE t.key = $1 {{for_update}}");
        let Some(row) = tx.opt(&sql, params![original])? else {
            return Ok(Err(LedgerError::UnknownOriginal { original: original.clone() }));
        };
        let first = transfer_of(&row)?;
        let is_final = matches!(first.phase, Phase::Single | Phase::Post { .. });
        let is_opposite = (&first.debit, &first.credit) == (&transfer.credit, &transfer.debit);
        if !is_final || !is_opposite || first.reverses.is_some() {
            return Ok(Err(LedgerError::NotReversible {
                key: transfer.key.clone(),
                original: original.clone(),
            }));
        }
        let taken = tx.one(
            "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger_transfers WHERE reverses = $1",
            params![original],
        )?;
        let left = first.amount - Money::from_minor(taken.get(0)?);
        if transfer.amount > left {
            return Ok(Err(LedgerError::ReversalTooLarge { original: original.clone(), left }));
        }
    }
    Ok(Ok(Money::ZERO))
}

/// One side of one transfer.
#[derive(Debug, Clone, Copy)]
struct Leg<'a> {
    transfer: &'a Transfer,
    side: Side,
    /// By the pending transfer it resolves.
    reserved: Money,
}

impl<'a> Leg<'a> {
    fn account(&self) -> &'a Account {
        match self.side {
            Side::Debit => &self.transfer.debit,
            Side::Credit => &self.transfer.credit,
        }
    }

    /// What it adds to the account's pending and posted sums of its side.
    fn moves(&self) -> (Money, Money) {
        let amount = self.transfer.amount;
        match self.transfer.phase {
            Phase::Single => (Money::ZERO, amount),
            Phase::Pending => (amount, Money::ZERO),
            Phase::Post { .. } => (-self.reserved, amount),
            Phase::Void { .. } => (-self.reserved, Money::ZERO),
        }
    }

    /// What it adds to the account's balance: on the account's own side only what is final counts, on the other
    /// side reservations do as well.
    fn effect(&self) -> Money {
        let (pending, posted) = self.moves();
        if self.side == self.account().kind.normal_side() { posted } else { -(pending + posted) }
    }
}

/// All that one call does to one account.
struct Share<'a> {
    account: &'a Account,
    change: Counters,
    legs: Vec<Leg<'a>>,
    /// What all legs so far add to the balance.
    given: Money,
    /// What has to be available before the first leg, so that no guarded leg takes more than is there.
    needed: Option<Money>,
}

impl<'a> Share<'a> {
    fn new(account: &'a Account) -> Self {
        Self { account, change: Counters::default(), legs: Vec::new(), given: Money::ZERO, needed: None }
    }

    fn add(&mut self, leg: Leg<'a>) {
        let (pending, posted) = leg.moves();
        let change = &mut self.change;
        let (pending_sum, posted_sum) = match leg.side {
            Side::Debit => (&mut change.debits_pending, &mut change.debits_posted),
            Side::Credit => (&mut change.credits_pending, &mut change.credits_posted),
        };
        *pending_sum = *pending_sum + pending;
        *posted_sum = *posted_sum + posted;
        change.entry_count += 1;
        self.given = self.given + leg.effect();
        let takes = leg.side == Side::Debit && matches!(leg.transfer.phase, Phase::Single | Phase::Pending);
        if takes && self.account.kind.is_guarded() && !leg.transfer.may_overdraw {
            self.needed = self.needed.max(Some(-self.given));
        }
        self.legs.push(leg);
    }

    /// The account's lines of the statement, unwound from its counters after all of them.
    fn entries(&self, key: &str, after: &Counters, rows: &mut Vec<Vec<Value>>) {
        let mut balance = after.balance(self.account.kind.normal_side());
        let mut seq = after.entry_count;
        let first = rows.len();
        for leg in self.legs.iter().rev() {
            let (transfer, amount) = (&leg.transfer.key, leg.transfer.amount.minor());
            rows.push(params![key, seq, transfer, leg.side.as_str(), amount, balance.minor()].to_vec());
            balance = balance - leg.effect();
            seq -= 1;
        }
        assert!(seq >= 0, "{key} has fewer entries than legs");
        assert!(self.needed.is_none_or(|needed| balance >= needed), "{key} gave more than it had");
        rows[first..].reverse();
    }
}

/// Debits equal credits, pending and posted.
fn assert_sums(shares: &BTreeMap<String, Share<'_>>) {
    let total =
        |pick: fn(&Counters) -> Money| -> Money { shares.values().map(|share| pick(&share.change)).sum() };
    assert_eq!(total(|c| c.debits_pending), total(|c| c.credits_pending), "pending sums differ");
    assert_eq!(total(|c| c.debits_posted), total(|c| c.credits_posted), "posted sums differ");
}

/// Adds a share to its account; the counters afterwards.
fn update(tx: &mut Tx<'_>, key: &str, share: &Share<'_>) -> Result<Counters, ApplyError> {
    // The guard stands in the WHERE: PostgreSQL looks at it again after waiting for another unit's update.
    let sql = "UPDATE ledger_accounts SET
            debits_pending = debits_pending + $2, debits_posted = debits_posted + $3,
            credits_pending = credits_pending + $4, credits_posted = credits_posted + $5,
            entry_count = entry_count + $6
         WHERE key = $1 AND credits_posted - debits_posted - debits_pending >= $7
         RETURNING debits_pending, debits_posted, credits_pending, credits_posted, entry_count";
    let change = &share.change;
    let values = params![
        key,
        change.debits_pending.minor(),
        change.debits_posted.minor(),
        change.credits_pending.minor(),
        change.credits_posted.minor(),
        change.entry_count,
        share.needed.map_or(i64::MIN, Money::minor)
    ]
    .to_vec();
    if let Some(row) = tx.opt(sql, &values)? {
        return Ok(counters_of(&row)?);
    }
    // No such account yet, or not enough in it. The lock keeps the second look and the second try together.
    tx.later(
        "INSERT INTO ledger_accounts (key, kind, owner, currency) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        params![key, share.account.kind.as_str(), &share.account.owner, share.account.currency.code()],
    )?;
    let row = tx.one(
        "SELECT debits_pending, debits_posted, credits_pending, credits_posted, entry_count
         FROM ledger_accounts WHERE key = $1 {for_update}",
        params![key],
    )?;
    let available = counters_of(&row)?.balance(Side::Credit);
    if let Some(needed) = share.needed.filter(|needed| available < *needed) {
        return Err(LedgerError::InsufficientFunds { account: key.to_owned(), available, needed }.into());
    }
    Ok(counters_of(&tx.one(sql, &values)?)?)
}

/// The columns of a transfer `t`, as [`transfer_of`] reads them.
const COLUMNS: &str = "t.key, t.debit, t.credit, t.amount, t.code, t.phase, t.pending, t.reverses, t.may_overdraw, \
     t.subject, t.subject_id, t.reason, t.available_at";

fn transfer_of(row: &Row) -> Result<Transfer, DbError> {
    let account = |index: usize| {
        let key: String = row.get(index)?;
        Account::from_key(&key).ok_or_else(|| unreadable("debit or credit", &key))
    };
    let code: String = row.get(4)?;
    let phase: String = row.get(5)?;
    let subject: String = row.get(9)?;
    Ok(Transfer {
        key: row.get(0)?,
        debit: account(1)?,
        credit: account(2)?,
        amount: Money::from_minor(row.get(3)?),
        code: TransferCode::from_word(&code).ok_or_else(|| unreadable("code", &code))?,
        phase: Phase::from_words(&phase, row.get(6)?).ok_or_else(|| unreadable("phase", &phase))?,
        reverses: row.get(7)?,
        may_overdraw: row.get(8)?,
        subject: Subject::from_words(&subject, &row.get::<String>(10)?)
            .ok_or_else(|| unreadable("subject", &subject))?,
        reason: row.get(11)?,
        available_at: row.get::<Option<i64>>(12)?.map(Timestamp::from_micros),
    })
}

fn unreadable(column: &str, word: &str) -> DbError {
    DbError::Decode { column: column.to_owned(), reason: format!("{word} is not known to this program") }
}

fn counters_of(row: &Row) -> Result<Counters, DbError> {
    Ok(Counters {
        debits_pending: Money::from_minor(row.get(0)?),
        debits_posted: Money::from_minor(row.get(1)?),
        credits_pending: Money::from_minor(row.get(2)?),
        credits_posted: Money::from_minor(row.get(3)?),
        entry_count: row.get(4)?,
    })
}

/// Replaces a name in the reasons of transfers about some deals, whose numbers `deals` selects by `$1`: of all that is
/// booked, words alone can be forgotten, never a figure.
///
/// # Errors
/// When the database fails.
pub(crate) fn forget_name(
    tx: &mut Tx<'_>,
    name: &str,
    instead: &str,
    deals: &str,
    whose: &Value,
) -> Result<(), DbError> {
    let sql = format!(
        "SELECT key, reason FROM ledger_transfers
         WHERE replace(reason, $2, '') <> reason AND subject IN ('deal', 'refund')
         AND subject_id IN (SELECT CAST(which.number AS TEXT) FROM ({deals}) AS which)"
    );
    for row in tx.all(&sql, &[whose.clone(), name.into()])? {
        if let Some(reason) = names::without(&row.get::<String>(1)?, name, instead) {
            let key: String = row.get(0)?;
            tx.exec("UPDATE ledger_transfers SET reason = $1 WHERE key = $2", params![reason, key])?;
        }
    }
    Ok(())
}

/// Replaces what finance wrote about a partner's withdrawals.
///
/// # Errors
/// When the database fails.
pub(crate) fn forget_withdrawal_reasons(
    tx: &mut Tx<'_>,
    partner: &str,
    instead: &str,
) -> Result<(), DbError> {
    tx.exec(
        "UPDATE ledger_transfers SET reason = $1 WHERE reason IS NOT NULL AND subject = 'withdrawal'
         AND subject_id IN (SELECT id FROM withdrawal WHERE partner_id = $2)",
        params![instead, partner],
    )?;
    Ok(())
}

/// Replaces what people wrote about the deals of a client. How a commission came to its amount stays.
///
/// # Errors
/// When the database fails.
pub(crate) fn forget_deal_reasons(tx: &mut Tx<'_>, client: i64, instead: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE ledger_transfers SET reason = $1 WHERE reason IS NOT NULL AND subject IN ('deal', 'refund')
         AND code <> 'commission'
         AND subject_id IN (SELECT CAST(number AS TEXT) FROM deal WHERE client_number = $2)",
        params![instead, client],
    )?;
    Ok(())
}

/// The transfer booked under a key.
///
/// # Errors
/// When the database fails.
pub fn by_key(tx: &mut Tx<'_>, key: &str) -> Result<Option<Transfer>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM ledger_transfers t WHERE t.key = $1");
    tx.opt(&sql, params![key])?.map(|row| transfer_of(&row)).transpose()
}

/// Whether anything was ever booked.
///
/// # Errors
/// When the database fails.
pub fn any_transfer(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    Ok(tx.opt("SELECT key FROM ledger_transfers LIMIT 1", params![])?.is_some())
}

/// All that was ever booked for a deal, in the order of keys.
///
/// # Errors
/// When the database fails.
pub fn of_deal(tx: &mut Tx<'_>, deal: i64) -> Result<Vec<Transfer>, DbError> {
    let (first, end) = commission::key_range(deal);
    let sql =
        format!("SELECT {COLUMNS} FROM ledger_transfers t WHERE t.key >= $1 AND t.key < $2 ORDER BY t.key");
    tx.all(&sql, params![first, end])?.iter().map(transfer_of).collect()
}

/// Where the commission of one winning of a deal stands; `None` where the winning booked nothing. What
/// [`commission::release`] and [`commission::reverse`] plan from.
///
/// # Errors
/// When the database fails.
pub fn standing(tx: &mut Tx<'_>, deal: i64, round: i64) -> Result<Option<Standing>, DbError> {
    Ok(Standing::read(deal, round, &of_deal(tx, deal)?))
}

/// An account's counters; all zero before its first transfer.
///
/// # Errors
/// When the database fails.
pub fn counters(tx: &mut Tx<'_>, account: &Account) -> Result<Counters, DbError> {
    let row = tx.opt(
        "SELECT debits_pending, debits_posted, credits_pending, credits_posted, entry_count
         FROM ledger_accounts WHERE key = $1",
        params![account.key()],
    )?;
    row.map_or(Ok(Counters::default()), |row| counters_of(&row))
}

/// What a partner sees (minor units).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balances {
    /// Commissions in their hold period.
    pub on_hold: Money,
    /// What may be withdrawn. Below zero after a reversal of what was withdrawn already.
    pub available: Money,
    /// In pending withdrawals.
    pub reserved: Money,
    /// Sent to the partner, less what came back.
    pub paid: Money,
    /// All commissions that became available, less what was taken back. Bonuses and corrections don't count.
    pub profit: Money,
}

/// A partner's balances. One query, whatever the length of the partner's history.
///
/// # Errors
/// When the database fails.
pub fn balances(tx: &mut Tx<'_>, partner: &str, currency: Currency) -> Result<Balances, DbError> {
    let rows = tx.all(
        "SELECT debits_pending, debits_posted, credits_pending, credits_posted, entry_count, kind
         FROM ledger_accounts WHERE key IN ($1, $2, $3)",
        params![
            Account::payable(partner, currency).key(),
            Account::payouts(partner, currency).key(),
            Account::expense(partner, currency).key()
        ],
    )?;
    let mut balances = Balances::default();
    for row in &rows {
        let counters = counters_of(row)?;
        let kind: String = row.get(5)?;
        match AccountKind::from_word(&kind) {
            Some(AccountKind::PartnerPayable) => {
                balances.on_hold = counters.credits_pending;
                balances.available = counters.balance(Side::Credit);
                balances.reserved = counters.debits_pending;
            }
            Some(AccountKind::Payouts) => balances.paid = counters.credits_posted - counters.debits_posted,
            Some(AccountKind::ProgrammeExpense) => {
                balances.profit = counters.debits_posted - counters.credits_posted;
            }
            Some(AccountKind::Adjustment) | None => return Err(unreadable("kind", &kind)),
        }
    }
    Ok(balances)
}

/// One line of a statement, with the transfer behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The line.
    pub entry: Entry,
    /// What it added to the balance (minor units); zero for a commission on hold.
    pub change: Money,
    /// The transfer behind it.
    pub transfer: Transfer,
    /// When it was booked.
    pub at: Timestamp,
}

/// An account's statement, newest first: at most `limit` lines with numbers below `before` (all, for `None`).
///
/// # Errors
/// When the database fails.
pub fn statement(
    tx: &mut Tx<'_>,
    account: &Account,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<StatementLine>, DbError> {
    statement_of(tx, account, Lines::All, before, limit)
}

/// Which lines of a statement are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lines {
    /// Every line.
    #[default]
    All,
    /// What was earned with deals, and what was taken back of it.
    Deals,
    /// The same, of the deal with this transaction number.
    Deal(i64),
    /// Commissions whose hold period still runs.
    OnHold,
    /// What was withdrawn, and what came of it.
    Withdrawals,
    /// What was booked from a moment on and before another.
    Between {
        /// The first moment.
        from: Timestamp,
        /// The first moment that is too late.
        to: Timestamp,
    },
}

/// Some lines of an account's statement, otherwise like [`statement`].
///
/// # Errors
/// When the database fails.
pub fn statement_of(
    tx: &mut Tx<'_>,
    account: &Account,
    lines: Lines,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<StatementLine>, DbError> {
    // Few lines of a long statement are not found by walking along it, but from what they are about: by the keys of its
    // transfers, and from those to the lines. CROSS JOIN keeps SQLite to this order, and a number that is calculated to the
    // index by transfer.
    const BY_KEY: &str = "ledger_transfers t CROSS JOIN ledger_entries e";
    let along = matches!(lines, Lines::All | Lines::Deals | Lines::Between { .. });
    let seq = if along { "e.seq" } else { "e.seq + 0" };
    let (from, which) = match lines {
        Lines::All | Lines::Deals | Lines::Between { .. } => (
            "ledger_entries e CROSS JOIN ledger_transfers t".to_owned(),
            match lines {
                Lines::Deals => "AND t.subject IN ('deal', 'refund')",
                Lines::Between { .. } => "AND t.at >= $4 AND t.at < $5",
                _ => "",
            },
        ),
        Lines::Deal(_) => (BY_KEY.to_owned(), "AND t.key >= $4 AND t.key < $5"),
        Lines::OnHold => (
            format!("deal d CROSS JOIN {BY_KEY}"),
            "AND d.partner_id = $4 AND d.available_at IS NOT NULL
             AND t.key >= 'deal:' || d.number || ':' AND t.key < 'deal:' || d.number || ';'
             AND t.phase = 'pending' AND NOT EXISTS (SELECT 1 FROM ledger_transfers r WHERE r.pending = t.key)",
        ),
        Lines::Withdrawals => (
            format!("withdrawal w CROSS JOIN {BY_KEY}"),
            "AND w.partner_id = $4 AND t.key >= 'withdrawal:' || w.id || ':' AND t.key < 'withdrawal:' || w.id || ';'",
        ),
    };
    let sql = format!(
        "SELECT {COLUMNS}, t.at, p.amount, e.seq, e.side, e.amount, e.balance_after
         FROM {from} LEFT JOIN ledger_transfers p ON p.key = t.pending
         WHERE e.transfer = t.key AND e.account = $1 AND {seq} < $2 {which} ORDER BY e.seq DESC LIMIT $3"
    );
    let mut values = params![account.key(), before.unwrap_or(i64::MAX), limit].to_vec();
    match lines {
        Lines::All | Lines::Deals => {}
        Lines::Between { from, to } => values.extend([from.micros().into(), to.micros().into()]),
        Lines::Deal(number) => {
            let (first, end) = commission::key_range(number);
            values.extend([first.into(), end.into()]);
        }
        Lines::OnHold | Lines::Withdrawals => values.push(account.owner.as_deref().unwrap_or("").into()),
    }
    let rows = tx.all(&sql, &values)?;
    rows.iter()
        .map(|row| {
            let transfer = transfer_of(row)?;
            let side: String = row.get(16)?;
            let side = Side::from_word(&side).ok_or_else(|| unreadable("side", &side))?;
            let reserved = Money::from_minor(row.get::<Option<i64>>(14)?.unwrap_or(0));
            let change = Leg { transfer: &transfer, side, reserved }.effect();
            let entry = Entry {
                account: account.key(),
                seq: row.get(15)?,
                transfer: transfer.key.clone(),
                side,
                amount: Money::from_minor(row.get(17)?),
                balance_after: Money::from_minor(row.get(18)?),
            };
            Ok(StatementLine { entry, change, transfer, at: Timestamp::from_micros(row.get(13)?) })
        })
        .collect()
}
