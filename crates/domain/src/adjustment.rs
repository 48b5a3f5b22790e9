//! An adjustment: a bonus agreed with a partner, or a correction by finance, always with a reason.

use crate::ledger::{Account, Phase, Subject, Transfer, TransferCode};
use crate::money::{Currency, Money};

/// The kinds of adjustments: the word in forms and in the database, what people read, and how the ledger names it.
pub const KINDS: [(&str, &str, TransferCode); 2] =
    [("bonus", "Bonus", TransferCode::Bonus), ("correction", "Correction", TransferCode::Correction)];

/// Reads the word of a kind.
pub fn kind(word: &str) -> Option<TransferCode> {
    KINDS.iter().find(|(known, ..)| *known == word).map(|(.., code)| *code)
}

/// Where an adjustment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdjustmentStatus {
    /// Waits for a second person.
    Proposed,
    /// Booked.
    Booked,
    /// Declined, or withdrawn by whoever proposed it.
    Declined,
}

impl AdjustmentStatus {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            AdjustmentStatus::Proposed => "proposed",
            AdjustmentStatus::Booked => "booked",
            AdjustmentStatus::Declined => "declined",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<AdjustmentStatus> {
        use AdjustmentStatus::*;
        [Proposed, Booked, Declined].into_iter().find(|status| status.as_str() == word)
    }
}

/// Why an adjustment is not decided, in words for finance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdjustmentRefusal {
    /// It was decided before.
    #[error("This adjustment is already booked.")]
    AlreadyBooked,
    /// It was decided before.
    #[error("This adjustment is already declined. Propose a new one.")]
    AlreadyDeclined,
    /// The same person has proposed it.
    #[error("You proposed this adjustment, so somebody else has to approve it.")]
    OwnProposal,
}

/// Whether somebody may decide a proposed adjustment. Declining is open to everybody, taking one's own back too.
///
/// # Errors
/// [`AdjustmentRefusal`], whose text can be shown to finance.
pub fn may_decide(
    status: AdjustmentStatus,
    proposer: &str,
    by: &str,
    approves: bool,
) -> Result<(), AdjustmentRefusal> {
    match (status, approves && proposer == by) {
        (AdjustmentStatus::Booked, _) => Err(AdjustmentRefusal::AlreadyBooked),
        (AdjustmentStatus::Declined, _) => Err(AdjustmentRefusal::AlreadyDeclined),
        (AdjustmentStatus::Proposed, true) => Err(AdjustmentRefusal::OwnProposal),
        (AdjustmentStatus::Proposed, false) => Ok(()),
    }
}

/// An adjustment as the ledger needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Adjustment<'a> {
    /// The adjustment's id.
    pub id: &'a str,
    /// The partner's id.
    pub partner: &'a str,
    /// The programme's currency.
    pub currency: Currency,
    /// Above zero gives to the partner, below zero takes from the partner (minor units).
    pub amount: Money,
    /// [`TransferCode::Bonus`] or [`TransferCode::Correction`].
    pub code: TransferCode,
    /// Why, in finance's words.
    pub reason: &'a str,
}

/// What an adjustment books; nothing for an amount of zero. One that takes stops at what is available: only a
/// reversal takes a partner below zero.
pub fn book(adjustment: &Adjustment<'_>) -> Option<Transfer> {
    let partner = Account::payable(adjustment.partner, adjustment.currency);
    let programme = Account::adjustment(adjustment.currency);
    let gives = adjustment.amount.is_positive();
    let (debit, credit) = if gives { (programme, partner) } else { (partner, programme) };
    (!adjustment.amount.is_zero()).then(|| Transfer {
        key: format!("adjustment:{}", adjustment.id),
        debit,
        credit,
        amount: if gives { adjustment.amount } else { -adjustment.amount },
        code: adjustment.code,
        phase: Phase::Single,
        subject: Subject::Adjustment(adjustment.id.to_owned()),
        reverses: None,
        may_overdraw: false,
        reason: Some(adjustment.reason.to_owned()),
        available_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LedgerError, Side, model::Model};

    #[test]
    fn the_whole_table_of_deciding() {
        use AdjustmentRefusal::*;
        use AdjustmentStatus::*;
        for (status, by, approves, expected) in [
            (Proposed, "you", true, Ok(())),
            (Proposed, "you", false, Ok(())),
            (Proposed, "me", false, Ok(())),
            (Proposed, "me", true, Err(OwnProposal)),
            (Booked, "you", true, Err(AlreadyBooked)),
            (Booked, "you", false, Err(AlreadyBooked)),
            (Declined, "you", true, Err(AlreadyDeclined)),
            (Declined, "me", false, Err(AlreadyDeclined)),
        ] {
            assert_eq!(may_decide(status, "me", by, approves), expected, "{status:?} {by} {approves}");
        }
        assert_eq!(kind("bonus"), Some(TransferCode::Bonus));
        assert_eq!(kind("commission"), None);
    }

    #[test]
    fn giving_and_taking_stop_at_what_is_there() {
        let adjust = |id, minor| Adjustment {
            id,
            partner: "ann",
            currency: Currency::USD,
            amount: Money::from_minor(minor),
            code: TransferCode::Correction,
            reason: "counted twice",
        };
        let mut model = Model::default();
        let mut apply = |id, minor| model.apply(&[book(&adjust(id, minor)).unwrap()]);
        assert!(apply("a", 500).is_ok());
        assert!(matches!(apply("b", -501), Err(LedgerError::InsufficientFunds { .. })));
        assert!(apply("b", -500).is_ok());
        assert_eq!(book(&adjust("c", 0)), None);
        let left = model.counters(&Account::payable("ann", Currency::USD)).balance(Side::Credit);
        assert_eq!(left, Money::ZERO);
        assert_eq!(model.broken_rule(), None);
    }
}
