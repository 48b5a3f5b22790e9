//! What the pages of the withdrawal desk share: risk signs, the history of a withdrawal, two people above the limit.

use domain::{
    clock::Timestamp,
    money::Currency,
    permission::{Permission, Role},
    risk::Sign,
    withdrawal::WithdrawalStatus,
};
use store::{
    approvals::Approval,
    batches::Batch,
    withdrawals::{Queued, Withdrawal},
};

use super::parts::{Badge, Moment, duration};
use crate::web::paths;

/// A risk sign as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignRow {
    /// What it is.
    pub title: &'static str,
    /// Why it is shown.
    pub reason: String,
    /// Where it can be looked into; empty for nowhere.
    pub href: String,
}

impl SignRow {
    /// A sign for a member of staff: what the role may not open has no link.
    pub fn new(sign: &Sign, currency: Currency, role: Role) -> SignRow {
        let to = |href: String, permission: Permission| {
            if role.may(permission) { href } else { String::new() }
        };
        let href = match sign {
            Sign::SharedAddress(id, _) => to(paths::office_partner(id), Permission::ReadPartners),
            Sign::OwnClient(likeness) => to(paths::office_client(likeness.client), Permission::ReadClients),
            Sign::TakenBack(taken) => to(paths::office_deal(taken.deal), Permission::ReadClients),
            _ => String::new(),
        };
        SignRow { title: sign.title(), reason: sign.reason(currency), href }
    }
}

/// One step of a withdrawal's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub what: String,
    /// A reference, to be read letter by letter; empty for none.
    pub mono: String,
    /// What somebody wrote; empty for nothing.
    pub quote: String,
    /// Where more is to be seen; empty for nowhere.
    pub href: String,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Moment,
}

/// The history of a withdrawal, newest first.
pub fn history(
    withdrawal: &Withdrawal,
    approvals: &[Approval],
    batches: &[(Batch, bool)],
    currency: Currency,
) -> Vec<Step> {
    let mut steps: Vec<(Timestamp, Step)> = Vec::new();
    let mut add = |at: Timestamp, what: String, mono: &str, quote: &str, href: String, by: &str| {
        let [mono, quote, by] = [mono, quote, by].map(str::to_owned);
        steps.push((at, Step { what, mono, quote, href, by, at: Moment::exact(at) }));
    };
    let amount = currency.format(withdrawal.amount);
    let what = format!("Requested, {amount} reserved");
    add(withdrawal.requested_at, what, "", "", String::new(), &withdrawal.partner.name);
    for approval in approvals {
        add(approval.at, "Approved".into(), "", &approval.note, String::new(), &approval.by);
    }
    for (batch, taken_off) in batches {
        let what = if *taken_off { "Put into a batch, and taken off it again" } else { "Put into a batch" };
        add(batch.made_at, what.into(), "", "", paths::office_batch(&batch.id), &batch.made_by);
    }
    let by = withdrawal.decided_by.as_deref().unwrap_or_default();
    let reason = withdrawal.reason.as_deref().unwrap_or_default();
    if let Some(at) = withdrawal.decided_at {
        match &withdrawal.reference {
            Some(reference) => {
                let overridden = withdrawal.override_reason.as_deref().unwrap_or_default();
                let what = if overridden.is_empty() {
                    "Paid, reference"
                } else {
                    "Paid before the end of the cooling time, for the reason below; reference"
                };
                add(at, what.into(), reference, overridden, String::new(), by);
            }
            None => {
                let what = "Rejected; the money is available to the partner again";
                add(at, what.into(), "", reason, String::new(), by);
            }
        }
    }
    if let Some((at, by)) = &withdrawal.returned {
        let what = "Payment came back; the money is available to the partner again";
        let quote = reason.strip_prefix("Payment came back: ").unwrap_or(reason);
        add(*at, what.into(), "", quote, String::new(), by);
    }
    // In the same moment the later step stays the later one.
    steps.reverse();
    steps.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    steps.into_iter().map(|(_, step)| step).collect()
}

/// The rule of two people, as it stands for one withdrawal and one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoPeople {
    /// From which amount on.
    pub from: String,
    /// How many have approved.
    pub approvals: usize,
    /// The person may approve.
    pub may_approve: bool,
    /// Nobody else here may decide on withdrawals.
    pub alone: bool,
    /// The person may invite somebody and change the limit.
    pub may_settle: bool,
}

/// What the queue marks a withdrawal by.
pub fn marks(row: &Queued, needs_two: bool, now: Timestamp) -> Vec<Badge> {
    let mut marks = Vec::new();
    if row.withdrawal.status != WithdrawalStatus::Pending {
        return marks;
    }
    match (row.approvals, needs_two) {
        (0, true) => marks.push(Badge::new("pending", "Needs approval")),
        (0, false) => {}
        _ => marks.push(Badge::new("done", "Approved")),
    }
    if let Some(from) = row.withdrawal.payable_from.filter(|from| now < *from) {
        marks.push(Badge::new("due", format!("Wallet cools for {}", duration(from.since(now)))));
    }
    if row.batch_id.is_some() {
        marks.push(Badge::new("active", "In a batch"));
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::{
        super::withdrawals::tests::{AT, sample},
        *,
    };
    use domain::{clock::HOUR, money::Money, risk::Likeness};

    #[test]
    fn the_history_has_every_step_newest_first() {
        let approval = Approval {
            by_id: "a".into(),
            by: "Ada".into(),
            at: AT.plus(HOUR),
            note: "Looked <at> it".into(),
        };
        let withdrawal = Withdrawal {
            status: WithdrawalStatus::Rejected,
            reference: Some("TX-1".into()),
            reason: Some("Payment came back: account closed".into()),
            decided_at: Some(AT.plus(2 * HOUR)),
            returned: Some((AT.plus(3 * HOUR), "Kim".into())),
            override_reason: Some("They phoned".into()),
            ..sample(WithdrawalStatus::Paid)
        };
        let steps = history(&withdrawal, &[approval], &[], Currency::USD);
        let told: Vec<_> =
            steps.iter().map(|step| (step.by.as_str(), step.mono.as_str(), step.quote.as_str())).collect();
        assert_eq!(
            told,
            [
                ("Kim", "", "account closed"),
                ("Fay Finance", "TX-1", "They phoned"),
                ("Ada", "", "Looked <at> it"),
                ("Jonas <Weber>", "", "")
            ]
        );
    }

    #[test]
    fn signs_lead_only_where_the_role_may_go() {
        let likeness = Likeness { client: 1042, name: "Ann".into(), common: domain::risk::Common::Email };
        let sign = Sign::OwnClient(likeness);
        assert_eq!(SignRow::new(&sign, Currency::USD, Role::Finance).href, "/office/clients/1042");
        assert_eq!(SignRow::new(&sign, Currency::USD, Role::Support).href, "");
        assert_eq!(SignRow::new(&Sign::BelowZero(Money::ZERO), Currency::USD, Role::Admin).href, "");
    }

    #[test]
    fn pending_rows_are_marked() {
        let cooling = Withdrawal { payable_from: Some(AT.plus(HOUR)), ..sample(WithdrawalStatus::Pending) };
        let row = Queued { withdrawal: cooling, approvals: 0, batch_id: Some("b".into()) };
        let words: Vec<String> = marks(&row, true, AT).into_iter().map(|badge| badge.text).collect();
        assert_eq!(words, ["Needs approval", "Wallet cools for 1 h", "In a batch"]);
        let paid = Queued { withdrawal: sample(WithdrawalStatus::Paid), approvals: 1, batch_id: None };
        assert_eq!(marks(&paid, true, AT), []);
    }
}
