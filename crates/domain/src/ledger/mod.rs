//! The double-entry ledger's words: accounts, immutable transfers between them, the entries a partner reads,
//! and why a transfer is refused. Accounts and two-phase transfers are in the manner of TigerBeetle.
//!
//! A transfer is known by its idempotency key, made from the event it books (`deal:2077:commission`), so the
//! same event booked twice counts once. Nothing is ever changed or deleted: a correction is a new, opposite
//! transfer.

#[cfg(any(test, feature = "testing"))]
pub mod model;
#[cfg(any(test, feature = "testing"))]
pub mod table;

use crate::clock::Timestamp;
use crate::money::{Currency, MAX_MINOR, Money};

/// The longest idempotency key, in bytes.
pub const MAX_KEY_BYTES: usize = 200;

/// One of the two sides of a double entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The left side.
    Debit,
    /// The right side.
    Credit,
}

impl Side {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Debit => "debit",
            Side::Credit => "credit",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Side> {
        [Side::Debit, Side::Credit].into_iter().find(|side| side.as_str() == word)
    }
}

/// What an account counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// What the programme spends on commissions, one account per partner, so that a partner's total profit is
    /// an account's balance and not a sum over history.
    ProgrammeExpense,
    /// What the programme owes a partner, one account per partner.
    PartnerPayable,
    /// What was sent to a partner, one account per partner.
    Payouts,
    /// The other side of bonuses and corrections, one account for the programme.
    Adjustment,
}

impl AccountKind {
    /// Every kind.
    pub const ALL: [AccountKind; 4] = [
        AccountKind::ProgrammeExpense,
        AccountKind::PartnerPayable,
        AccountKind::Payouts,
        AccountKind::Adjustment,
    ];

    /// The word in the database and in an account's key.
    pub const fn as_str(self) -> &'static str {
        match self {
            AccountKind::ProgrammeExpense => "programme_expense",
            AccountKind::PartnerPayable => "partner_payable",
            AccountKind::Payouts => "payouts",
            AccountKind::Adjustment => "adjustment",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<AccountKind> {
        AccountKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The side on which the account grows.
    pub const fn normal_side(self) -> Side {
        match self {
            AccountKind::ProgrammeExpense | AccountKind::Adjustment => Side::Debit,
            AccountKind::PartnerPayable | AccountKind::Payouts => Side::Credit,
        }
    }

    /// Whether what is available in the account limits what may be taken from it.
    pub const fn is_guarded(self) -> bool {
        matches!(self, AccountKind::PartnerPayable)
    }
}

/// An account of the ledger. It comes into being with its first transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What it counts.
    pub kind: AccountKind,
    /// Whose it is: a partner's id, or nobody's (the programme's own).
    pub owner: Option<String>,
    /// In which currency.
    pub currency: Currency,
}

impl Account {
    /// What the programme owes the partner.
    pub fn payable(partner: &str, currency: Currency) -> Account {
        Account { kind: AccountKind::PartnerPayable, owner: Some(partner.to_owned()), currency }
    }

    /// What the programme spent on the partner's commissions.
    pub fn expense(partner: &str, currency: Currency) -> Account {
        Account { kind: AccountKind::ProgrammeExpense, owner: Some(partner.to_owned()), currency }
    }

    /// What was sent to the partner.
    pub fn payouts(partner: &str, currency: Currency) -> Account {
        Account { kind: AccountKind::Payouts, owner: Some(partner.to_owned()), currency }
    }

    /// The other side of bonuses and corrections.
    pub fn adjustment(currency: Currency) -> Account {
        Account { kind: AccountKind::Adjustment, owner: None, currency }
    }

    /// The account's name, its primary key: `partner_payable:<partner id>:USD`, `adjustment:USD`.
    pub fn key(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{}:{owner}:{}", self.kind.as_str(), self.currency.code()),
            None => format!("{}:{}", self.kind.as_str(), self.currency.code()),
        }
    }

    /// Reads the name back.
    pub fn from_key(key: &str) -> Option<Account> {
        let (kind, rest) = key.split_once(':')?;
        let (owner, currency) = match rest.split_once(':') {
            Some((owner, currency)) => (Some(owner.to_owned()), currency),
            None => (None, rest),
        };
        let account =
            Account { kind: AccountKind::from_word(kind)?, owner, currency: Currency::from_code(currency)? };
        (account.key() == key).then_some(account)
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferCode {
    /// A won deal's commission.
    Commission,
    /// A commission taken back because the client was given money back.
    Refund,
    /// A commission taken back because the deal was reopened.
    Reopening,
    /// A commission taken back because the client was given to another partner, or to nobody.
    Moved,
    /// A partner's request to be paid, and its end.
    Withdrawal,
    /// A payment that did not arrive.
    PaymentReturned,
    /// A bonus agreed with a partner.
    Bonus,
    /// A correction by finance.
    Correction,
}

impl TransferCode {
    /// Every code.
    pub const ALL: [TransferCode; 8] = [
        TransferCode::Commission,
        TransferCode::Refund,
        TransferCode::Reopening,
        TransferCode::Moved,
        TransferCode::Withdrawal,
        TransferCode::PaymentReturned,
        TransferCode::Bonus,
        TransferCode::Correction,
    ];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            TransferCode::Commission => "commission",
            TransferCode::Refund => "refund",
            TransferCode::Reopening => "reopening",
            TransferCode::Moved => "moved",
            TransferCode::Withdrawal => "withdrawal",
            TransferCode::PaymentReturned => "payment_returned",
            TransferCode::Bonus => "bonus",
            TransferCode::Correction => "correction",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<TransferCode> {
        TransferCode::ALL.into_iter().find(|code| code.as_str() == word)
    }
}

/// What a line of a partner's statement says, in plain words.
pub const fn label(code: TransferCode, phase: &Phase) -> &'static str {
    match (code, phase) {
        (TransferCode::Commission, Phase::Pending) => "Commission on hold",
        (TransferCode::Commission, Phase::Post { .. }) => "Commission available",
        (TransferCode::Commission, _) => "Commission",
        (TransferCode::Refund, _) => "Taken back: client refunded",
        (TransferCode::Reopening, _) => "Taken back: deal reopened",
        (TransferCode::Moved, _) => "Taken back: client assigned anew",
        (TransferCode::Withdrawal, Phase::Pending) => "Withdrawal requested",
        (TransferCode::Withdrawal, Phase::Void { .. }) => "Withdrawal rejected",
        (TransferCode::Withdrawal, _) => "Withdrawal paid",
        (TransferCode::PaymentReturned, _) => "Payment came back",
        (TransferCode::Bonus, _) => "Bonus",
        (TransferCode::Correction, _) => "Correction",
    }
}

/// What a transfer is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The deal with this transaction number.
    Deal(i64),
    /// A refund on the deal with this transaction number.
    Refund(i64),
    /// The withdrawal with this id.
    Withdrawal(String),
    /// The adjustment with this id.
    Adjustment(String),
}

impl Subject {
    /// The subject's kind, as the database keeps it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Subject::Deal(_) => "deal",
            Subject::Refund(_) => "refund",
            Subject::Withdrawal(_) => "withdrawal",
            Subject::Adjustment(_) => "adjustment",
        }
    }

    /// The subject's number or id, as the database keeps it.
    pub fn id(&self) -> String {
        match self {
            Subject::Deal(number) | Subject::Refund(number) => number.to_string(),
            Subject::Withdrawal(id) | Subject::Adjustment(id) => id.clone(),
        }
    }

    /// Reads both back.
    pub fn from_words(kind: &str, id: &str) -> Option<Subject> {
        match kind {
            "deal" => id.parse().ok().map(Subject::Deal),
            "refund" => id.parse().ok().map(Subject::Refund),
            "withdrawal" => Some(Subject::Withdrawal(id.to_owned())),
            "adjustment" => Some(Subject::Adjustment(id.to_owned())),
            _ => None,
        }
    }

    /// The deal it is about, if it is about one.
    pub const fn deal(&self) -> Option<i64> {
        match self {
            Subject::Deal(number) | Subject::Refund(number) => Some(*number),
            Subject::Withdrawal(_) | Subject::Adjustment(_) => None,
        }
    }
}

/// How a transfer moves money: at once, or reserved first and then posted or let go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase {
    /// At once.
    Single,
    /// Reserves the amount until it is posted or voided.
    Pending,
    /// Makes a pending transfer final, at its amount or less; the rest is let go.
    Post {
        /// The pending transfer's key.
        pending: String,
    },
    /// Lets a pending transfer go; its amount is the pending one's.
    Void {
        /// The pending transfer's key.
        pending: String,
    },
}

impl Phase {
    /// The word in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Phase::Single => "single",
            Phase::Pending => "pending",
            Phase::Post { .. } => "post",
            Phase::Void { .. } => "void",
        }
    }

    /// The key of the pending transfer it resolves, if it resolves one.
    pub fn pending(&self) -> Option<&str> {
        match self {
            Phase::Single | Phase::Pending => None,
            Phase::Post { pending } | Phase::Void { pending } => Some(pending),
        }
    }

    /// Reads the word and the resolved key back.
    pub fn from_words(word: &str, pending: Option<String>) -> Option<Phase> {
        match (word, pending) {
            ("single", None) => Some(Phase::Single),
            ("pending", None) => Some(Phase::Pending),
            ("post", Some(pending)) => Some(Phase::Post { pending }),
            ("void", Some(pending)) => Some(Phase::Void { pending }),
            _ => None,
        }
    }
}

/// Money moving from one account to another: written once, never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The idempotency key, made from the event, never random: `withdrawal:<id>:paid`.
    pub key: String,
    /// The account on the left.
    pub debit: Account,
    /// The account on the right.
    pub credit: Account,
    /// How much, above zero (minor units).
    pub amount: Money,
    /// Why.
    pub code: TransferCode,
    /// At once, or in two phases.
    pub phase: Phase,
    /// What it is about.
    pub subject: Subject,
    /// The key of the transfer that it takes back, wholly or in part. All that take back one transfer
    /// together never exceed it.
    pub reverses: Option<String>,
    /// Whether it may take a partner below zero. Only a reversal may.
    pub may_overdraw: bool,
    /// The reason given by a person, where one was given.
    pub reason: Option<String>,
    /// For a pending commission: the end of its hold period, when it is to be posted.
    pub available_at: Option<Timestamp>,
}

impl Transfer {
    /// What can be told wrong from the transfer alone.
    ///
    /// # Errors
    /// [`LedgerError::Invalid`].
    pub fn check(&self) -> Result<(), LedgerError> {
        let owner_is_sound = |account: &Account| {
            account.owner.as_deref().is_none_or(|owner| !owner.is_empty() && !owner.contains(':'))
        };
        let fault = if self.key.is_empty() || self.key.len() > MAX_KEY_BYTES {
            "its key is empty or too long"
        } else if !(1..=MAX_MINOR).contains(&self.amount.minor()) {
            "its amount is not above zero and within bounds"
        } else if !owner_is_sound(&self.debit) || !owner_is_sound(&self.credit) {
            "an account's owner is empty or contains a colon"
        } else if self.debit == self.credit {
            "its two accounts are the same"
        } else if self.debit.currency != self.credit.currency {
            "its two accounts have different currencies"
        } else if self.reverses.is_some() && self.phase != Phase::Single {
            "only a single transfer takes another one back"
        } else if self.may_overdraw && self.reverses.is_none() {
            "only a reversal may take a partner below zero"
        } else if self.available_at.is_some() && self.phase != Phase::Pending {
            "only a pending transfer has a hold period"
        } else {
            return Ok(());
        };
        Err(LedgerError::Invalid { key: self.key.clone(), fault })
    }
}

/// What became of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was booked now.
    Applied,
    /// It had been booked before, with the same fields; nothing was done.
    Exists,
}

impl Outcome {
    /// The word in test tables.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Exists => "exists",
        }
    }
}

/// Why transfers were refused. One refused transfer refuses all that were given with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The transfer contradicts itself: a mistake of the program.
    #[error("transfer {key}: {fault}")]
    Invalid {
        /// The transfer.
        key: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// Another transfer was booked under the same key before.
    #[error("transfer {key} was booked before, with other fields")]
    Conflict {
        /// The key both have.
        key: String,
    },
    /// There is no such transfer to post or void.
    #[error("there is no transfer {pending} to resolve")]
    UnknownPending {
        /// The key that was given.
        pending: String,
    },
    /// The transfer to post or void is not a pending one.
    #[error("transfer {pending} is not pending")]
    NotPending {
        /// The key that was given.
        pending: String,
    },
    /// A post or void names other accounts than the pending transfer, posts more, or voids another amount.
    #[error("transfer {key} does not fit the pending one")]
    Mismatch {
        /// The post or void.
        key: String,
    },
    /// The pending transfer has been posted or voided before.
    #[error("transfer {pending} is resolved already")]
    AlreadyResolved {
        /// The pending transfer.
        pending: String,
    },
    /// There is no such transfer to take back.
    #[error("there is no transfer {original} to take back")]
    UnknownOriginal {
        /// The key that was given.
        original: String,
    },
    /// The transfer can't be taken back: it is pending, a void, itself a reversal, or between other accounts.
    #[error("transfer {original} can't be taken back by {key}")]
    NotReversible {
        /// The reversal.
        key: String,
        /// The key it names.
        original: String,
    },
    /// More would be taken back than is left of the transfer.
    #[error("only {left:?} of transfer {original} is left to take back")]
    ReversalTooLarge {
        /// The transfer to take back.
        original: String,
        /// What is left of it (minor units).
        left: Money,
    },
    /// A partner's account has less than would be taken from it.
    #[error("account {account} has {available:?} available, {needed:?} is needed")]
    InsufficientFunds {
        /// The account's key.
        account: String,
        /// What is available in it (minor units; may be below zero).
        available: Money,
        /// What would have to be (minor units).
        needed: Money,
    },
}

impl LedgerError {
    /// The word in test tables.
    pub const fn word(&self) -> &'static str {
        match self {
            LedgerError::Invalid { .. } => "invalid",
            LedgerError::Conflict { .. } => "conflict",
            LedgerError::UnknownPending { .. } => "unknown_pending",
            LedgerError::NotPending { .. } => "not_pending",
            LedgerError::Mismatch { .. } => "mismatch",
            LedgerError::AlreadyResolved { .. } => "already_resolved",
            LedgerError::UnknownOriginal { .. } => "unknown_original",
            LedgerError::NotReversible { .. } => "not_reversible",
            LedgerError::ReversalTooLarge { .. } => "reversal_too_large",
            LedgerError::InsufficientFunds { .. } => "insufficient",
        }
    }
}

/// An account's four sums and how many entries it has. The posted sums only grow; the pending ones are let
/// go when a transfer is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Reserved on the left (minor units).
    pub debits_pending: Money,
    /// Final on the left (minor units).
    pub debits_posted: Money,
    /// Reserved on the right (minor units).
    pub credits_pending: Money,
    /// Final on the right (minor units).
    pub credits_posted: Money,
    /// How many entries the account has.
    pub entry_count: i64,
}

impl Counters {
    /// What is in the account, reservations against it taken off: for an account that grows on the right
    /// `credits_posted - debits_posted - debits_pending`, for the others the mirror image.
    pub fn balance(&self, normal: Side) -> Money {
        match normal {
            Side::Credit => self.credits_posted - self.debits_posted - self.debits_pending,
            Side::Debit => self.debits_posted - self.credits_posted - self.credits_pending,
        }
    }
}

/// One line of an account's statement. Every transfer makes one in each of its two accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The account's key.
    pub account: String,
    /// The line's number in the account, from 1, without gaps.
    pub seq: i64,
    /// The transfer's key.
    pub transfer: String,
    /// The account's side of the transfer.
    pub side: Side,
    /// The transfer's amount (minor units).
    pub amount: Money,
    /// [`Counters::balance`] after this line (minor units).
    pub balance_after: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for kind in AccountKind::ALL {
            assert_eq!(AccountKind::from_word(kind.as_str()), Some(kind));
        }
        for code in TransferCode::ALL {
            assert_eq!(TransferCode::from_word(code.as_str()), Some(code));
        }
        for side in [Side::Debit, Side::Credit] {
            assert_eq!(Side::from_word(side.as_str()), Some(side));
        }
        for subject in [
            Subject::Deal(2077),
            Subject::Refund(2077),
            Subject::Withdrawal("w".into()),
            Subject::Adjustment("a".into()),
        ] {
            assert_eq!(Subject::from_words(subject.kind(), &subject.id()), Some(subject));
        }
        let pending = || "k".to_owned();
        for phase in [
            Phase::Single,
            Phase::Pending,
            Phase::Post { pending: pending() },
            Phase::Void { pending: pending() },
        ] {
            let read = Phase::from_words(phase.as_str(), phase.pending().map(str::to_owned));
            assert_eq!(read, Some(phase));
        }
        assert_eq!(Phase::from_words("post", None), None);
        assert_eq!(Phase::from_words("single", Some(pending())), None);
    }

    #[test]
    fn an_account_is_named_by_kind_owner_and_currency() {
        assert_eq!(Account::payable("p1", Currency::USD).key(), "partner_payable:p1:USD");
        assert_eq!(Account::adjustment(Currency::USD).key(), "adjustment:USD");
        for account in [Account::payouts("p1", Currency::USD), Account::adjustment(Currency::USD)] {
            assert_eq!(Account::from_key(&account.key()), Some(account));
        }
        for key in ["", "payouts", "payouts:p1:XXX", "payouts:p1:USD:", "sundries:p1:USD"] {
            assert_eq!(Account::from_key(key), None, "{key}");
        }
    }
}
