//! A deal: what sales negotiates with a client, and what may happen to it next.

use crate::money::Money;

/// Where a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DealStatus {
    /// Sales is still talking.
    Pending,
    /// Closed successfully.
    Won,
    /// Closed unsuccessfully.
    Lost,
}

impl DealStatus {
    /// Every status.
    pub const ALL: [DealStatus; 3] = [DealStatus::Pending, DealStatus::Won, DealStatus::Lost];

    /// The word in the database and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            DealStatus::Pending => "pending",
            DealStatus::Won => "won",
            DealStatus::Lost => "lost",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<DealStatus> {
        DealStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The words a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            DealStatus::Pending => "Pending",
            DealStatus::Won => "Closed successfully",
            DealStatus::Lost => "Closed unsuccessfully",
        }
    }
}

/// What sales does to a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DealAct {
    /// Close it successfully.
    Win,
    /// Close it unsuccessfully.
    Lose,
    /// Take the closing back.
    Reopen,
    /// Give the client money back.
    Refund {
        /// What is given back (minor units).
        amount: Money,
        /// What is left of the deal's amount before this refund.
        remaining: Money,
    },
}

/// Why an act is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DealRefusal {
    /// The deal has been closed already.
    #[error("This deal is already closed. Reopen it first.")]
    AlreadyClosed,
    /// There is nothing to take back.
    #[error("This deal is still pending.")]
    StillPending,
    /// Only a won deal has money to give back.
    #[error("Only a deal closed successfully can be refunded.")]
    NotWon,
    /// More would be given back than was paid.
    #[error("The refund is more than what is left of the deal.")]
    RefundTooLarge,
}

/// The state machine of a deal: the status after an act, or why the act is refused.
///
/// # Errors
/// [`DealRefusal`], whose text can be shown to sales.
pub fn next_status(status: DealStatus, act: DealAct) -> Result<DealStatus, DealRefusal> {
    use {DealAct::*, DealStatus::*};
    match (status, act) {
        (Pending, Win) => Ok(Won),
        (Pending, Lose) => Ok(Lost),
        (Won | Lost, Win | Lose) => Err(DealRefusal::AlreadyClosed),
        (Won | Lost, Reopen) => Ok(Pending),
        (Pending, Reopen) => Err(DealRefusal::StillPending),
        (Won, Refund { amount, remaining }) if amount > remaining => Err(DealRefusal::RefundTooLarge),
        (Won, Refund { .. }) => Ok(Won),
        (Pending | Lost, Refund { .. }) => Err(DealRefusal::NotWon),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_of_statuses_and_acts() {
        use {DealAct::*, DealRefusal::*, DealStatus::*};
        let refund = |amount| Refund { amount: Money::from_minor(amount), remaining: Money::from_minor(10) };
        for (status, act, expected) in [
            (Pending, Win, Ok(Won)),
            (Pending, Lose, Ok(Lost)),
            (Pending, Reopen, Err(StillPending)),
            (Pending, refund(1), Err(NotWon)),
            (Won, Win, Err(AlreadyClosed)),
            (Won, Lose, Err(AlreadyClosed)),
            (Won, Reopen, Ok(Pending)),
            (Won, refund(10), Ok(Won)),
            (Won, refund(11), Err(RefundTooLarge)),
            (Lost, Win, Err(AlreadyClosed)),
            (Lost, Lose, Err(AlreadyClosed)),
            (Lost, Reopen, Ok(Pending)),
            (Lost, refund(1), Err(NotWon)),
        ] {
            assert_eq!(next_status(status, act), expected, "{status:?} {act:?}");
        }
        for status in DealStatus::ALL {
            assert_eq!(DealStatus::from_word(status.as_str()), Some(status));
        }
    }
}
