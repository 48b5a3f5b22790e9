//! A claim: a partner says "this client is mine" when the link was lost or changed. Its statuses, until when it is
//! ruled on, and what speaks for a client's being the one that is meant.

pub mod keys;
pub mod matching;

use crate::clock::{Day, Timestamp};

/// Where a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClaimStatus {
    /// Waits for sales.
    Open,
    /// The client is the partner's.
    Accepted,
    /// It isn't, and the ruling says why.
    Rejected,
    /// Taken back by the partner.
    Withdrawn,
}

impl ClaimStatus {
    /// Every status.
    pub const ALL: [ClaimStatus; 4] =
        [ClaimStatus::Open, ClaimStatus::Accepted, ClaimStatus::Rejected, ClaimStatus::Withdrawn];

    /// The word in the database and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            ClaimStatus::Open => "open",
            ClaimStatus::Accepted => "accepted",
            ClaimStatus::Rejected => "rejected",
            ClaimStatus::Withdrawn => "withdrawn",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<ClaimStatus> {
        ClaimStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            ClaimStatus::Open => "Open",
            ClaimStatus::Accepted => "Accepted",
            ClaimStatus::Rejected => "Not accepted",
            ClaimStatus::Withdrawn => "Withdrawn",
        }
    }
}

/// What can be done with a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimAct {
    /// Sales gives the client to the partner.
    Accept,
    /// Sales says why not.
    Reject,
    /// The partner takes the claim back.
    Withdraw,
}

/// Why an act is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// Somebody has ruled on it.
    #[error("This claim was ruled on already. Look at the ruling below.")]
    Decided,
    /// The partner has taken it back.
    #[error("The partner has withdrawn this claim.")]
    Withdrawn,
}

/// The statuses of a claim: the status after an act, or why the act is refused.
///
/// # Errors
/// [`ClaimRefusal`], whose text can be shown.
pub const fn next_status(status: ClaimStatus, act: ClaimAct) -> Result<ClaimStatus, ClaimRefusal> {
    match (status, act) {
        (ClaimStatus::Open, ClaimAct::Accept) => Ok(ClaimStatus::Accepted),
        (ClaimStatus::Open, ClaimAct::Reject) => Ok(ClaimStatus::Rejected),
        (ClaimStatus::Open, ClaimAct::Withdraw) => Ok(ClaimStatus::Withdrawn),
        (ClaimStatus::Accepted | ClaimStatus::Rejected, _) => Err(ClaimRefusal::Decided),
        (ClaimStatus::Withdrawn, _) => Err(ClaimRefusal::Withdrawn),
    }
}

/// Whether a day is one from Monday to Friday. Holidays are not known here: they differ from place to place.
pub const fn is_working_day(day: Day) -> bool {
    // 1970-01-01 was a Thursday, the fourth day of the week.
    (day.0 + 3).rem_euclid(7) < 5
}

/// The day on which a claim is due at the latest: that many working days after the one on which it was filed, which
/// itself doesn't count. What is filed at the weekend is counted from Monday's morning.
pub fn due_day(filed: Day, working_days: i64) -> Day {
    let mut day = filed;
    let mut left = working_days;
    while left > 0 {
        day = Day(day.0 + 1);
        if is_working_day(day) {
            left -= 1;
        }
    }
    day
}

/// Whether the whole of the day on which a claim was due is over.
pub fn is_overdue(due: Day, now: Timestamp) -> bool {
    now.day() > due
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_table_of_statuses_and_acts() {
        use {ClaimAct::*, ClaimStatus::*};
        for (status, expected) in [
            (Open, [Ok(Accepted), Ok(Rejected), Ok(Withdrawn)]),
            (Accepted, [Err(ClaimRefusal::Decided); 3]),
            (Rejected, [Err(ClaimRefusal::Decided); 3]),
            (Withdrawn, [Err(ClaimRefusal::Withdrawn); 3]),
        ] {
            assert_eq!(
                [Accept, Reject, Withdraw].map(|act| next_status(status, act)),
                expected,
                "{status:?}"
            );
            assert_eq!(ClaimStatus::from_word(status.as_str()), Some(status));
        }
    }

    #[test]
    fn five_working_days_pass_over_a_weekend() {
        // 2026-11-23 is a Monday.
        let monday = Timestamp::from_micros(1_795_421_400_000_000).day();
        assert_eq!(monday.iso(), "2026-11-23");
        for (filed, days, due) in [
            (0, 5, "2026-11-30"),
            (1, 5, "2026-12-01"),
            (4, 1, "2026-11-30"),
            (5, 1, "2026-11-30"),
            (6, 5, "2026-12-04"),
            (0, 1, "2026-11-24"),
            (0, 10, "2026-12-07"),
        ] {
            assert_eq!(due_day(Day(monday.0 + filed), days).iso(), due, "{filed} {days}");
        }
        let due = due_day(monday, 5);
        assert!(!is_overdue(due, Day(due.0 + 1).start().plus(-1)));
        assert!(is_overdue(due, Day(due.0 + 1).start()));
    }

    proptest! {
        #[test]
        fn a_claim_is_due_on_a_working_day_and_as_many_lie_between(filed in -10_000..50_000_i64, days in 1..=60_i64) {
            let due = due_day(Day(filed), days);
            prop_assert!(is_working_day(due));
            let between = (filed + 1..=due.0).filter(|day| is_working_day(Day(*day))).count();
            prop_assert_eq!(between, usize::try_from(days).unwrap());
        }
    }
}
