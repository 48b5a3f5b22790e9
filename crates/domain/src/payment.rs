//! Whether a withdrawal may be paid now, by this person: two people above a limit, the cooling time of a changed
//! wallet, batches.

use crate::clock::Timestamp;
use crate::money::{Currency, Money};
use crate::withdrawal::{WithdrawalAct, WithdrawalRefusal, WithdrawalStatus, next_status};

/// Whether an amount needs two people, given the limit from which it does; `None`: none ever does.
pub fn needs_two(amount: Money, approval_from: Option<Money>) -> bool {
    let absolute = if amount < Money::ZERO { -amount } else { amount };
    approval_from.is_some_and(|from| absolute >= from)
}

/// Everything that decides whether somebody may pay a withdrawal.
#[derive(Debug, Clone, Copy)]
pub struct Payment<'a> {
    /// Where the withdrawal stands.
    pub status: WithdrawalStatus,
    /// How much.
    pub amount: Money,
    /// From which amount on two people decide.
    pub approval_from: Option<Money>,
    /// Who has approved it as it is.
    pub approvers: &'a [String],
    /// Who wants to pay it.
    pub payer: &'a str,
    /// It waits in an open batch, and is not paid with that batch.
    pub in_open_batch: bool,
    /// From when its wallet may be paid to; `None`: at once.
    pub payable_from: Option<Timestamp>,
    /// The payer gives a reason to pay before that.
    pub is_overridden: bool,
    /// Now.
    pub now: Timestamp,
}

/// Why a withdrawal can't be paid now, by this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It was decided before.
    Decided(WithdrawalRefusal),
    /// It is to be paid with its batch.
    InBatch,
    /// Nobody has approved it yet.
    NotApproved,
    /// The only approval is the payer's own.
    OwnApproval,
    /// Its wallet was changed lately.
    Cooling(Timestamp),
}

/// The rule of paying. Nothing is paid past it: not one by one, not in a batch.
///
/// # Errors
/// [`Held`], the first reason that there is.
pub fn may_pay(payment: &Payment<'_>) -> Result<(), Held> {
    let decided = next_status(payment.status, WithdrawalAct::Pay).err();
    let by_another = payment.approvers.iter().any(|approver| approver != payment.payer);
    let lacks_another = needs_two(payment.amount, payment.approval_from) && !by_another;
    let cooling = payment.payable_from.filter(|from| payment.now < *from && !payment.is_overridden);
    match (decided, payment.in_open_batch, lacks_another, payment.approvers.is_empty(), cooling) {
        (Some(refusal), ..) => Err(Held::Decided(refusal)),
        (_, true, ..) => Err(Held::InBatch),
        (_, _, true, true, _) => Err(Held::NotApproved),
        (_, _, true, false, _) => Err(Held::OwnApproval),
        (_, _, _, _, Some(from)) => Err(Held::Cooling(from)),
        (None, false, false, _, None) => Ok(()),
    }
}

impl Held {
    /// The sentence for the person who wanted to pay: why, and what to do. `others` are the people who may decide
    /// beside this one.
    pub fn sentence(self, approval_from: Option<Money>, currency: Currency, others: &[String]) -> String {
        match self {
            Held::Decided(refusal) => refusal.to_string(),
            Held::InBatch => {
                "This withdrawal is in an open batch. Pay it with the batch, or take it off the batch first."
                    .into()
            }
            Held::NotApproved => format!(
                "{} two people decide: somebody else has to approve this withdrawal before you can pay it. {}",
                from_on(approval_from, currency),
                who_can(others)
            ),
            Held::OwnApproval => {
                format!(
                    "You approved this withdrawal yourself, so somebody else has to pay it. {}",
                    who_can(others)
                )
            }
            Held::Cooling(from) => format!(
                "The wallet was added or changed shortly before the request: it can be paid to from {} UTC. To pay \
                 earlier, give a reason.",
                from.date_time()
            ),
        }
    }
}

/// "From $10,000.00 on".
fn from_on(approval_from: Option<Money>, currency: Currency) -> String {
    match approval_from {
        Some(from) if from.is_positive() => format!("From {} on", currency.format_with_symbol(from)),
        _ => "For every amount".into(),
    }
}

/// Who else can do it, or what to do where nobody can.
fn who_can(others: &[String]) -> String {
    match others {
        [] => {
            "Nobody else here may decide on withdrawals: an admin can invite somebody under Staff, or change the limit \
             in Settings."
                .into()
        }
        [one] => format!("{one} can."),
        [first @ .., last] => format!("{} or {last} can.", first.join(", ")),
    }
}

/// Why an approval is refused, in words for finance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefusal {
    /// It was decided before.
    #[error(transparent)]
    Decided(#[from] WithdrawalRefusal),
    /// The amount is below the limit.
    #[error("This amount needs no second person: it can be paid as it is.")]
    NotNeeded,
    /// This person has approved it before.
    #[error("You have approved this withdrawal already. Somebody else can pay it now.")]
    Already,
}

/// Whether somebody may approve a withdrawal.
///
/// # Errors
/// [`ApprovalRefusal`], whose text can be shown to finance.
pub fn may_approve(
    status: WithdrawalStatus,
    amount: Money,
    approval_from: Option<Money>,
    approvers: &[String],
    by: &str,
) -> Result<(), ApprovalRefusal> {
    // What can't be paid any more needs no approval either.
    next_status(status, WithdrawalAct::Pay)?;
    match (needs_two(amount, approval_from), approvers.iter().any(|approver| approver == by)) {
        (_, true) => Err(ApprovalRefusal::Already),
        (false, false) => Err(ApprovalRefusal::NotNeeded),
        (true, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);
    const USD: Currency = Currency::USD;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_whole_table_of_paying() {
        use WithdrawalStatus::*;
        let limit = Some(USD.major(10_000));
        for (status, amount, approvers, in_open_batch, payable_from, is_overridden, expected) in [
            (Pending, 9_999, &[][..], false, None, false, Ok(())),
            (Pending, 10_000, &[], false, None, false, Err(Held::NotApproved)),
            (Pending, 10_000, &["me"], false, None, false, Err(Held::OwnApproval)),
            (Pending, 10_000, &["you"], false, None, false, Ok(())),
            (Pending, 10_000, &["me", "you"], false, None, false, Ok(())),
            (Pending, 500, &[], true, None, false, Err(Held::InBatch)),
            (Pending, 500, &[], false, Some(LATER), false, Err(Held::Cooling(LATER))),
            (Pending, 500, &[], false, Some(LATER), true, Ok(())),
            (Pending, 500, &[], false, Some(NOW), false, Ok(())),
            // A reason against the cooling time is none against the second person.
            (Pending, 10_000, &[], false, Some(LATER), true, Err(Held::NotApproved)),
            (Pending, 10_000, &["you"], false, Some(LATER), false, Err(Held::Cooling(LATER))),
            (Paid, 500, &[], false, None, false, Err(Held::Decided(WithdrawalRefusal::AlreadyPaid))),
            (Rejected, 500, &[], true, None, false, Err(Held::Decided(WithdrawalRefusal::AlreadyRejected))),
        ] {
            let payment = Payment {
                status,
                amount: USD.major(amount),
                approval_from: limit,
                approvers: &names(approvers),
                payer: "me",
                in_open_batch,
                payable_from,
                is_overridden,
                now: NOW,
            };
            assert_eq!(may_pay(&payment), expected, "{payment:?}");
        }
    }

    #[test]
    fn the_whole_table_of_approving() {
        use WithdrawalStatus::*;
        let limit = Some(USD.major(10_000));
        for (status, amount, limit, approvers, expected) in [
            (Pending, 10_000, limit, &[][..], Ok(())),
            (Pending, 10_000, limit, &["you"], Ok(())),
            (Pending, 10_000, limit, &["me"], Err(ApprovalRefusal::Already)),
            (Pending, 9_999, limit, &[], Err(ApprovalRefusal::NotNeeded)),
            (Pending, 10_000, None, &[], Err(ApprovalRefusal::NotNeeded)),
            (Paid, 10_000, limit, &[], Err(WithdrawalRefusal::AlreadyPaid.into())),
            (Rejected, 10_000, limit, &[], Err(WithdrawalRefusal::AlreadyRejected.into())),
        ] {
            assert_eq!(may_approve(status, USD.major(amount), limit, &names(approvers), "me"), expected);
        }
    }

    #[test]
    fn sentences_say_why_and_who_can() {
        let limit = Some(USD.major(10_000));
        let say = |held: Held, others: &[&str]| held.sentence(limit, USD, &names(others));
        assert!(say(Held::NotApproved, &["Ada"]).starts_with("From $10,000.00 on two people decide"));
        assert!(say(Held::NotApproved, &["Ada", "Fay", "Kim"]).ends_with("Ada, Fay or Kim can."));
        assert!(say(Held::OwnApproval, &[]).contains("invite somebody"));
        assert!(say(Held::Cooling(NOW), &[]).contains("1 Jan 1970, 00:00 UTC"));
        assert!(Held::NotApproved.sentence(Some(Money::ZERO), USD, &[]).starts_with("For every amount two"));
    }

    proptest! {
        /// Whatever else is so: an amount above the limit is never paid by the only person who approved it.
        #[test]
        fn nobody_alone_pays_above_the_limit(
            amount in 1i64..2_000_000, limit in 0i64..2_000_000, mine in any::<bool>(), overridden in any::<bool>(),
        ) {
            let approvers = if mine { names(&["me"]) } else { vec![] };
            let payment = Payment {
                status: WithdrawalStatus::Pending,
                amount: Money::from_minor(amount),
                approval_from: Some(Money::from_minor(limit)),
                approvers: &approvers,
                payer: "me",
                in_open_batch: false,
                payable_from: None,
                is_overridden: overridden,
                now: NOW,
            };
            prop_assert_eq!(may_pay(&payment).is_ok(), amount < limit);
        }
    }
}
