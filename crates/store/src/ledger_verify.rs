//! Does the ledger hold? Each rule is one aggregating statement, so that a long history is walked by the database
//! and only what is wrong comes out.

use std::fmt;

use domain::ledger::{AccountKind, Side};

use crate::{DbError, Row, Tx, params};

/// The most findings of one rule: the first ones tell enough.
pub(crate) const LIMIT: i64 = 100;

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// Of what: an account's, a transfer's or an entry's name.
    pub subject: String,
    /// What was found (amounts in minor units).
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule.as_str(), self.subject, self.detail)
    }
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The debits of all accounts together equal the credits, pending and posted.
    DebitsEqualCredits,
    /// An account's counters are what its transfers add up to.
    Counters,
    /// An account's name, kind, owner and currency agree, and both accounts of a transfer have one currency.
    Accounts,
    /// Every transfer has exactly one entry in each of its two accounts, and every account as many as it counts.
    Entries,
    /// Each entry's balance follows from the one before, and the last one's is the account's.
    RunningBalance,
    /// Only a reversal takes a partner below zero.
    BelowZero,
    /// A reversal takes back a final transfer between the same accounts, and all together not more than it was.
    Reversals,
    /// A post or void fits the pending transfer it resolves.
    Resolutions,
    /// A withdrawal's status and amount are what the ledger says, and the ledger knows no other withdrawals.
    Withdrawals,
    /// Above the limit two people paid a withdrawal, none was paid to a cooling wallet without a reason, and batches stand
    /// as their withdrawals do.
    Desk,
    /// Booked adjustments are in the ledger, and no others.
    Adjustments,
    /// A won deal has one commission, at its frozen rate, less its refunds; no other deal has any left.
    Commissions,
    /// A partner's clients, won deals and volume are what the tables of clients and deals add up to.
    PartnerTotals,
    /// Every record of the audit holds on to the one before it, up to the head of its chain.
    Audit,
    /// A client's deals belong to the client's partner, who is the one that the newest decision says.
    Attribution,
}

impl Rule {
    /// The rule's name, for the log and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::DebitsEqualCredits => "debits equal credits",
            Rule::Counters => "counters equal transfers",
            Rule::Accounts => "accounts are named right",
            Rule::Entries => "two entries for each transfer",
            Rule::RunningBalance => "balances follow from entries",
            Rule::BelowZero => "no partner below zero without a reversal",
            Rule::Reversals => "reversals stay within the original",
            Rule::Resolutions => "resolutions fit what was pending",
            Rule::Withdrawals => "withdrawals agree with the ledger",
            Rule::Desk => "withdrawals were paid by the rules of the desk",
            Rule::Adjustments => "adjustments agree with the ledger",
            Rule::Commissions => "deals agree with the ledger",
            Rule::PartnerTotals => "partners' totals agree with their deals",
            Rule::Audit => "the audit is unbroken",
            Rule::Attribution => "clients and their deals belong to whom was decided",
        }
    }
}

/// Checks everything that the ledger promises about itself. Empty: all holds. Run it in a
/// [`read`](crate::Db::read), which sees one moment of the database.
///
/// # Errors
/// When the database fails.
pub fn verify(tx: &mut Tx<'_>) -> Result<Vec<Finding>, DbError> {
    let mut findings = Vec::new();
    debits_equal_credits(tx, &mut findings)?;
    for (rule, sql, describe) in checks() {
        for row in tx.all(&sql, params![LIMIT])? {
            let (subject, detail) = describe(&row)?;
            findings.push(Finding { rule, subject, detail });
        }
    }
    Ok(findings)
}

fn debits_equal_credits(tx: &mut Tx<'_>, findings: &mut Vec<Finding>) -> Result<(), DbError> {
    let row = tx.one(
        "SELECT CAST(COALESCE(SUM(debits_pending), 0) AS BIGINT),
            CAST(COALESCE(SUM(credits_pending), 0) AS BIGINT),
            CAST(COALESCE(SUM(debits_posted), 0) AS BIGINT),
            CAST(COALESCE(SUM(credits_posted), 0) AS BIGINT)
         FROM ledger_accounts",
        &[],
    )?;
    for (name, debit, credit) in [("pending", 0, 1), ("posted", 2, 3)] {
        let (debits, credits) = (row.get::<i64>(debit)?, row.get::<i64>(credit)?);
        if debits != credits {
            findings.push(Finding {
                rule: Rule::DebitsEqualCredits,
                subject: format!("all accounts, {name}"),
                detail: format!("debits {debits}, credits {credits}"),
            });
        }
    }
    Ok(())
}

pub(crate) type Describe = fn(&Row) -> Result<(String, String), DbError>;

/// The rules that are a statement each: it answers with what is wrong, at most `$1` rows.
fn checks() -> [(Rule, String, Describe); 9] {
    let grows_on_credit: Vec<String> = AccountKind::ALL
        .into_iter()
        .filter(|kind| kind.normal_side() == Side::Credit)
        .map(|kind| format!("'{}'", kind.as_str()))
        .collect();
    let grows_on_credit = format!("a.kind IN ({})", grows_on_credit.join(", "));
    let payable = format!("a.kind = '{}'", AccountKind::PartnerPayable.as_str());
    [
        (Rule::Counters, COUNTERS.to_owned(), counters_differ),
        (Rule::Accounts, ACCOUNTS.to_owned(), one_word),
        (Rule::Accounts, CURRENCIES.to_owned(), one_word),
        (Rule::Entries, ENTRIES.to_owned(), entries_differ),
        (Rule::RunningBalance, RUNNING.replace("GROWS_ON_CREDIT", &grows_on_credit), entry_is_wrong),
        (Rule::RunningBalance, LAST.replace("GROWS_ON_CREDIT", &grows_on_credit), last_is_wrong),
        (Rule::BelowZero, BELOW_ZERO.replace("PAYABLE", &payable), entry_is_below_zero),
        (Rule::Reversals, REVERSALS.to_owned(), reversal_is_wrong),
        (Rule::Resolutions, RESOLUTIONS.to_owned(), one_word),
    ]
}

/// Recomputes each account from the transfers and takes its counters off: what is left is wrong.
const COUNTERS: &str = "
    WITH moves AS (
        SELECT t.debit, t.credit,
            CASE t.phase WHEN 'single' THEN 0 WHEN 'pending' THEN t.amount ELSE -p.amount END AS pending,
            CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END AS posted
        FROM ledger_transfers t LEFT JOIN ledger_transfers p ON p.key = t.pending
    ), legs AS (
        SELECT debit AS account, pending AS dp, posted AS dr, 0 AS cp, 0 AS cr, 1 AS n FROM moves
        UNION ALL
        SELECT credit, 0, 0, pending, posted, 1 FROM moves
        UNION ALL
        SELECT key, -debits_pending, -debits_posted, -credits_pending, -credits_posted, -entry_count
        FROM ledger_accounts
    )
    SELECT account, CAST(SUM(dp) AS BIGINT), CAST(SUM(dr) AS BIGINT), CAST(SUM(cp) AS BIGINT),
        CAST(SUM(cr) AS BIGINT), CAST(SUM(n) AS BIGINT)
    FROM legs GROUP BY account
    HAVING SUM(dp) <> 0 OR SUM(dr) <> 0 OR SUM(cp) <> 0 OR SUM(cr) <> 0 OR SUM(n) <> 0
    ORDER BY account LIMIT $1";

fn counters_differ(row: &Row) -> Result<(String, String), DbError> {
    let names = ["debits pending", "debits posted", "credits pending", "credits posted", "entries"];
    let mut parts = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let difference: i64 = row.get(index + 1)?;
        if difference != 0 {
            parts.push(format!("{name} {difference:+}"));
        }
    }
    Ok((row.get(0)?, format!("the transfers say, against the counters: {}", parts.join(", "))))
}

const ACCOUNTS: &str = "
    SELECT key, 'its name does not say its kind, owner and currency' FROM ledger_accounts
    WHERE key <> CASE WHEN owner IS NULL THEN kind || ':' || currency
        ELSE kind || ':' || owner || ':' || currency END
    ORDER BY key LIMIT $1";

const CURRENCIES: &str = "
    SELECT t.key, 'its accounts have two currencies' FROM ledger_transfers t
    JOIN ledger_accounts d ON d.key = t.debit JOIN ledger_accounts c ON c.key = t.credit
    WHERE d.currency <> c.currency
    ORDER BY t.key LIMIT $1";

pub(crate) fn one_word(row: &Row) -> Result<(String, String), DbError> {
    Ok((row.get(0)?, row.get(1)?))
}

/// One for each side a transfer should have an entry on, less one for each entry there is.
const ENTRIES: &str = "
    WITH sides AS (
        SELECT key AS transfer, debit AS account, 'debit' AS side, 1 AS n FROM ledger_transfers
        UNION ALL
        SELECT key, credit, 'credit', 1 FROM ledger_transfers
        UNION ALL
        SELECT transfer, account, side, -1 FROM ledger_entries
    )
    SELECT transfer, account, side, CAST(SUM(n) AS BIGINT) FROM sides
    GROUP BY transfer, account, side HAVING SUM(n) <> 0
    ORDER BY transfer, account, side LIMIT $1";

fn entries_differ(row: &Row) -> Result<(String, String), DbError> {
    let (account, side, missing): (String, String, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let what = if missing > 0 { "misses its entry" } else { "has an entry too many" };
    Ok((row.get(0)?, format!("{what} on the {side} side in {account}")))
}

const RUNNING: &str = "
    WITH steps AS (
        SELECT e.account, e.seq, e.amount, e.balance_after, t.amount AS moved,
            ROW_NUMBER() OVER (PARTITION BY e.account ORDER BY e.seq) AS place,
            COALESCE(LAG(e.balance_after) OVER (PARTITION BY e.account ORDER BY e.seq), 0) AS before,
            CASE
                WHEN (e.side = 'credit') = (GROWS_ON_CREDIT) THEN
                    CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END
                ELSE CASE t.phase
                    WHEN 'post' THEN p.amount - t.amount
                    WHEN 'void' THEN p.amount
                    ELSE -t.amount END
            END AS effect
        FROM ledger_entries e
        JOIN ledger_accounts a ON a.key = e.account
        LEFT JOIN ledger_transfers t ON t.key = e.transfer
        LEFT JOIN ledger_transfers p ON p.key = t.pending
    )
    SELECT account, seq, CAST(amount AS BIGINT), moved, CAST(before + effect AS BIGINT), balance_after
    FROM steps
    WHERE seq <> place OR moved IS NULL OR amount <> moved OR effect IS NULL
        OR balance_after <> before + effect
    ORDER BY account, seq LIMIT $1";

fn entry_is_wrong(row: &Row) -> Result<(String, String), DbError> {
    let (account, seq): (String, i64) = (row.get(0)?, row.get(1)?);
    let (amount, moved): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
    let (expected, balance): (Option<i64>, i64) = (row.get(4)?, row.get(5)?);
    let word = |value: Option<i64>| value.map_or("nothing".to_owned(), |value| value.to_string());
    Ok((
        format!("{account} entry {seq}"),
        format!(
            "amount {amount} (the transfer's: {}), balance after {balance} (from the one before: {}), or a gap before it",
            word(moved),
            word(expected)
        ),
    ))
}

const LAST: &str = "
    WITH balances AS (
        SELECT a.key, a.entry_count,
            CASE WHEN GROWS_ON_CREDIT THEN a.credits_posted - a.debits_posted - a.debits_pending
                ELSE a.debits_posted - a.credits_posted - a.credits_pending END AS balance
        FROM ledger_accounts a
    )
    SELECT b.key, b.balance, e.balance_after FROM balances b
    LEFT JOIN ledger_entries e ON e.account = b.key AND e.seq = b.entry_count
    WHERE e.seq IS NULL OR e.balance_after <> b.balance
        OR EXISTS (SELECT 1 FROM ledger_entries f WHERE f.account = b.key AND f.seq > b.entry_count)
    ORDER BY b.key LIMIT $1";

fn last_is_wrong(row: &Row) -> Result<(String, String), DbError> {
    let (balance, last): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
    let last = last.map_or("there is none".to_owned(), |last| last.to_string());
    Ok((row.get(0)?, format!("the counters say {balance}, the last entry {last}")))
}

/// Every entry by which something other than a reversal left a partner below zero.
const BELOW_ZERO: &str = "
    SELECT e.account, e.seq, e.balance_after, e.transfer FROM ledger_entries e
    JOIN ledger_accounts a ON a.key = e.account
    JOIN ledger_transfers t ON t.key = e.transfer
    WHERE PAYABLE AND e.side = 'debit' AND e.balance_after < 0
        AND t.phase IN ('single', 'pending') AND t.may_overdraw = 0
    ORDER BY e.account, e.seq LIMIT $1";

fn entry_is_below_zero(row: &Row) -> Result<(String, String), DbError> {
    let (account, seq): (String, i64) = (row.get(0)?, row.get(1)?);
    let (balance, transfer): (i64, String) = (row.get(2)?, row.get(3)?);
    Ok((format!("{account} entry {seq}"), format!("{transfer} left {balance}")))
}

const REVERSALS: &str = "
    SELECT o.key, o.amount, CAST(SUM(r.amount) AS BIGINT) FROM ledger_transfers r
    JOIN ledger_transfers o ON o.key = r.reverses
    WHERE r.reverses IS NOT NULL
    GROUP BY o.key, o.amount, o.phase, o.reverses, o.debit, o.credit
    HAVING SUM(r.amount) > o.amount OR o.phase NOT IN ('single', 'post') OR o.reverses IS NOT NULL
        OR MIN(r.debit) <> o.credit OR MAX(r.debit) <> o.credit
        OR MIN(r.credit) <> o.debit OR MAX(r.credit) <> o.debit
    ORDER BY o.key LIMIT $1";

fn reversal_is_wrong(row: &Row) -> Result<(String, String), DbError> {
    let (amount, taken): (i64, i64) = (row.get(1)?, row.get(2)?);
    Ok((
        row.get(0)?,
        format!("{taken} of {amount} taken back, or between other accounts, or of what is not final"),
    ))
}

const RESOLUTIONS: &str = "
    SELECT t.key, CASE WHEN p.key IS NULL THEN 'what it resolves is missing'
        ELSE 'its amount or accounts do not fit what it resolves' END
    FROM ledger_transfers t LEFT JOIN ledger_transfers p ON p.key = t.pending
    WHERE t.phase IN ('post', 'void') AND (p.key IS NULL OR p.phase <> 'pending' OR p.debit <> t.debit
        OR p.credit <> t.credit OR t.amount > p.amount OR (t.phase = 'void' AND t.amount < p.amount))
    ORDER BY t.key LIMIT $1";
