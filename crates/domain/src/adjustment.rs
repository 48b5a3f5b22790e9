//! An adjustment: a bonus agreed with a partner, or a correction by finance, always with a reason.

use crate::ledger::{Account, Phase, Subject, Transfer, TransferCode};
use crate::money::{Currency, Money};

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
