//! A withdrawal: a partner's request to be paid, what may happen to it, its 48-hour clock, and the transfers
//! it books.

use crate::clock::{HOUR, Timestamp};
use crate::ledger::{Account, Phase, Subject, Transfer, TransferCode};
use crate::money::{Currency, Money};

/// Finance has this many hours from the request.
pub const DUE_HOURS: i64 = 48;

/// Where a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WithdrawalStatus {
    /// Waiting for finance; the amount is reserved.
    Pending,
    /// Sent to the partner.
    Paid,
    /// Refused, or paid and come back; the amount is available again.
    Rejected,
}

impl WithdrawalStatus {
    /// Every status.
    pub const ALL: [WithdrawalStatus; 3] =
        [WithdrawalStatus::Pending, WithdrawalStatus::Paid, WithdrawalStatus::Rejected];

    /// The word in the database and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            WithdrawalStatus::Pending => "pending",
            WithdrawalStatus::Paid => "paid",
            WithdrawalStatus::Rejected => "rejected",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<WithdrawalStatus> {
        WithdrawalStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The words a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            WithdrawalStatus::Pending => "Pending",
            WithdrawalStatus::Paid => "Paid",
            WithdrawalStatus::Rejected => "Rejected",
        }
    }
}

/// What finance does to a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawalAct {
    /// Say that the money was sent.
    Pay,
    /// Refuse it.
    Reject,
    /// Say that the money that was sent came back.
    CameBack,
}

/// Why an act is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawalRefusal {
    /// It has been paid.
    #[error("This withdrawal is already marked paid.")]
    AlreadyPaid,
    /// It has been rejected.
    #[error("This withdrawal is already rejected. The partner can request a new one.")]
    AlreadyRejected,
    /// Only what was sent can come back.
    #[error("This withdrawal has not been paid, so no payment can have come back. Reject it instead.")]
    NotPaid,
}

/// The state machine of a withdrawal: the status after an act, or why the act is refused.
///
/// # Errors
/// [`WithdrawalRefusal`], whose text can be shown to finance.
pub fn next_status(
    status: WithdrawalStatus,
    act: WithdrawalAct,
) -> Result<WithdrawalStatus, WithdrawalRefusal> {
    use {WithdrawalAct::*, WithdrawalStatus::*};
    match (status, act) {
        (Pending, Pay) => Ok(Paid),
        (Pending, Reject) => Ok(Rejected),
        (Pending, CameBack) => Err(WithdrawalRefusal::NotPaid),
        (Paid, Pay | Reject) => Err(WithdrawalRefusal::AlreadyPaid),
        (Paid, CameBack) => Ok(Rejected),
        (Rejected, Pay | Reject | CameBack) => Err(WithdrawalRefusal::AlreadyRejected),
    }
}

/// When finance has to have answered.
pub const fn due_at(requested_at: Timestamp) -> Timestamp {
    requested_at.plus(DUE_HOURS * HOUR)
}

/// Whether finance should have answered by now.
pub fn is_overdue(status: WithdrawalStatus, requested_at: Timestamp, now: Timestamp) -> bool {
    status == WithdrawalStatus::Pending && now > due_at(requested_at)
}

/// What finance is told while a withdrawal waits, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reminder {
    /// Half of the time is over.
    Halfway,
    /// The end is near.
    LastHours,
    /// The time is over.
    Overdue,
}

impl Reminder {
    /// Every reminder, in the order of time.
    pub const ALL: [Reminder; 3] = [Reminder::Halfway, Reminder::LastHours, Reminder::Overdue];

    /// How many hours after the request.
    pub const fn hours(self) -> i64 {
        match self {
            Reminder::Halfway => 24,
            Reminder::LastHours => 44,
            Reminder::Overdue => DUE_HOURS,
        }
    }

    /// The reminder for a withdrawal that still waits: the latest whose time has come, since an earlier one that was
    /// missed (the server stood still) says nothing more.
    pub fn due(requested_at: Timestamp, now: Timestamp) -> Option<Reminder> {
        let come = |reminder: &Reminder| match reminder {
            Reminder::Overdue => is_overdue(WithdrawalStatus::Pending, requested_at, now),
            _ => now.since(requested_at) >= reminder.hours() * HOUR,
        };
        Reminder::ALL.into_iter().rev().find(come)
    }
}

/// Why a request to be paid is refused, in words for the partner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// There is nothing to pay.
    #[error(
        "Nothing is available for withdrawal yet. Commissions appear here when your clients' deals close."
    )]
    NothingAvailable,
    /// What is there is not enough for the smallest withdrawal.
    #[error("Withdrawals start at {minimum}; {available} is available now.")]
    NotEnoughYet {
        /// The smallest withdrawal, as people read it.
        minimum: String,
        /// What is available, as people read it.
        available: String,
    },
    /// Less than the smallest withdrawal was asked for.
    #[error("The smallest withdrawal is {minimum}. Enter {minimum} or more.")]
    BelowMinimum {
        /// The smallest withdrawal, as people read it.
        minimum: String,
    },
    /// More than is available was asked for.
    #[error("That is more than is available. Enter {available} or less.")]
    AboveAvailable {
        /// What is available, as people read it.
        available: String,
    },
}

/// Whether a partner may ask for anything at all: what the disabled button says.
///
/// # Errors
/// The reason, whose text can be shown to the partner.
pub fn may_request(minimum: Money, available: Money, currency: Currency) -> Result<(), RequestRefusal> {
    if !available.is_positive() {
        return Err(RequestRefusal::NothingAvailable);
    }
    if available < minimum {
        return Err(RequestRefusal::NotEnoughYet {
            minimum: currency.format_with_symbol(minimum),
            available: currency.format_with_symbol(available),
        });
    }
    Ok(())
}

/// Whether a partner may ask for this amount. The ledger asks again when it reserves the money; this is for the
/// sentence beside the field.
///
/// # Errors
/// The reason, whose text can be shown beside the field.
pub fn check_request(
    amount: Money,
    minimum: Money,
    available: Money,
    currency: Currency,
) -> Result<(), RequestRefusal> {
    may_request(minimum, available, currency)?;
    if amount < minimum {
        return Err(RequestRefusal::BelowMinimum { minimum: currency.format_with_symbol(minimum) });
    }
    if amount > available {
        return Err(RequestRefusal::AboveAvailable { available: currency.format_with_symbol(available) });
    }
    Ok(())
}

/// A withdrawal as the ledger needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The withdrawal's id.
    pub id: &'a str,
    /// The partner's id.
    pub partner: &'a str,
    /// The programme's currency.
    pub currency: Currency,
    /// How much (minor units).
    pub amount: Money,
}

impl Request<'_> {
    fn transfer(&self, event: &str, phase: Phase) -> Transfer {
        Transfer {
            key: format!("withdrawal:{}:{event}", self.id),
            debit: Account::payable(self.partner, self.currency),
            credit: Account::payouts(self.partner, self.currency),
            amount: self.amount,
            code: TransferCode::Withdrawal,
            phase,
            subject: Subject::Withdrawal(self.id.to_owned()),
            reverses: None,
            may_overdraw: false,
            reason: None,
            available_at: None,
        }
    }

    fn held(&self) -> String {
        format!("withdrawal:{}:hold", self.id)
    }
}

/// What requesting books: the amount is reserved, or the ledger refuses for lack of money.
pub fn hold(request: &Request<'_>) -> Transfer {
    request.transfer("hold", Phase::Pending)
}

/// What paying books: the reserved amount is final.
pub fn pay(request: &Request<'_>) -> Transfer {
    request.transfer("paid", Phase::Post { pending: request.held() })
}

/// What rejecting books: the reserved amount is available again.
pub fn reject(request: &Request<'_>, reason: &str) -> Transfer {
    let void = request.transfer("rejected", Phase::Void { pending: request.held() });
    Transfer { reason: Some(reason.to_owned()), ..void }
}

/// What a payment that came back books: the paid amount is available again.
pub fn came_back(request: &Request<'_>, reason: &str) -> Transfer {
    let sent = request.transfer("came_back", Phase::Single);
    Transfer {
        debit: sent.credit,
        credit: sent.debit,
        code: TransferCode::PaymentReturned,
        reverses: Some(pay(request).key),
        reason: Some(reason.to_owned()),
        ..sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LedgerError, model::Model};

    #[test]
    fn the_whole_table_of_statuses_and_acts() {
        use {WithdrawalAct::*, WithdrawalRefusal::*, WithdrawalStatus::*};
        for (status, act, expected) in [
            (Pending, Pay, Ok(Paid)),
            (Pending, Reject, Ok(Rejected)),
            (Pending, CameBack, Err(NotPaid)),
            (Paid, Pay, Err(AlreadyPaid)),
            (Paid, Reject, Err(AlreadyPaid)),
            (Paid, CameBack, Ok(Rejected)),
            (Rejected, Pay, Err(AlreadyRejected)),
            (Rejected, Reject, Err(AlreadyRejected)),
            (Rejected, CameBack, Err(AlreadyRejected)),
        ] {
            assert_eq!(next_status(status, act), expected, "{status:?} {act:?}");
        }
        for status in WithdrawalStatus::ALL {
            assert_eq!(WithdrawalStatus::from_word(status.as_str()), Some(status));
        }
    }

    #[test]
    fn the_clock_runs_for_48_hours() {
        let requested = Timestamp::from_micros(1_000);
        let due = due_at(requested);
        assert_eq!(due.since(requested), 48 * HOUR);
        assert!(!is_overdue(WithdrawalStatus::Pending, requested, due));
        assert!(is_overdue(WithdrawalStatus::Pending, requested, due.plus(1)));
        assert!(!is_overdue(WithdrawalStatus::Paid, requested, due.plus(1)));
    }

    #[test]
    fn finance_is_reminded_at_24_and_44_hours_and_when_the_time_is_over() {
        let requested = Timestamp::from_micros(5_000);
        let at = |hours: i64, micros: i64| Reminder::due(requested, requested.plus(hours * HOUR + micros));
        use Reminder::*;
        for (hours, micros, expected) in [
            (0, 0, None),
            (24, -1, None),
            (24, 0, Some(Halfway)),
            (44, -1, Some(Halfway)),
            (44, 0, Some(LastHours)),
            // The 48th hour belongs to finance, as it does for `is_overdue`.
            (48, 0, Some(LastHours)),
            (48, 1, Some(Overdue)),
            (500, 0, Some(Overdue)),
        ] {
            assert_eq!(at(hours, micros), expected, "{hours} h {micros} µs");
        }
        assert!(Reminder::ALL.is_sorted());
    }

    #[test]
    fn a_request_is_refused_with_what_to_do_next() {
        let usd = Currency::USD;
        let check = |amount, available| {
            check_request(usd.major(amount), usd.major(500), usd.major(available), usd)
                .map_err(|refusal| refusal.to_string())
        };
        assert_eq!(check(500, 500), Ok(()));
        assert_eq!(check(700, 1_234), Ok(()));
        for (amount, available, words) in [
            (500, 0, "Nothing is available"),
            (500, -20, "Nothing is available"),
            (500, 499, "Withdrawals start at $500.00; $499.00 is available now."),
            (499, 600, "The smallest withdrawal is $500.00."),
            (601, 600, "Enter $600.00 or less."),
        ] {
            let said = check(amount, available).unwrap_err();
            assert!(said.contains(words), "{amount} of {available}: {said}");
        }
    }

    #[test]
    fn money_is_reserved_then_paid_or_freed() {
        let usd = Currency::USD;
        let amount = usd.major(600);
        let request = |id: &'static str| Request { id, partner: "ann", currency: usd, amount };
        let mut model = Model::default();
        let bonus = Transfer {
            debit: Account::adjustment(usd),
            credit: Account::payable("ann", usd),
            code: TransferCode::Bonus,
            phase: Phase::Single,
            ..hold(&request("bonus"))
        };
        model.apply(&[bonus]).unwrap();
        let available = |model: &Model| {
            model.counters(&Account::payable("ann", usd)).balance(crate::ledger::Side::Credit)
        };

        model.apply(&[hold(&request("w1"))]).unwrap();
        assert_eq!(available(&model), Money::ZERO);
        let second = model.apply(&[hold(&request("w2"))]);
        assert!(matches!(second, Err(LedgerError::InsufficientFunds { .. })), "{second:?}");
        model.apply(&[reject(&request("w1"), "wrong address")]).unwrap();
        assert_eq!(available(&model), amount);
        assert_eq!(
            model.apply(&[pay(&request("w1"))]),
            Err(LedgerError::AlreadyResolved { pending: "withdrawal:w1:hold".into() })
        );

        model.apply(&[hold(&request("w2"))]).unwrap();
        model.apply(&[pay(&request("w2"))]).unwrap();
        assert_eq!(available(&model), Money::ZERO);
        assert_eq!(model.counters(&Account::payouts("ann", usd)).credits_posted, amount);
        model.apply(&[came_back(&request("w2"), "account closed")]).unwrap();
        assert_eq!(available(&model), amount);
        assert_eq!(model.broken_rule(), None);
    }
}
