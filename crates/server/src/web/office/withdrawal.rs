//! One withdrawal: where the money goes, what there is to be looked at, what the partner has, what is booked. What finance
//! answers is in `withdrawal_acts.rs`.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Timestamp,
    ledger::{Account, AccountKind, Transfer, label},
    money::Currency,
    payment::{Held, may_approve, needs_two},
    payout::end_to_end_id,
    permission::{Permission, Role},
    risk::{self, Sign},
    wallet,
    withdrawal::{
        Request, WithdrawalStatus, came_back as reversal, due_at, hold, pay as payment, reject as rejection,
    },
};
use store::{
    Tx,
    approvals::{self, Approval},
    batches::{self, Batch, BatchStatus},
    ledger::{self, Balances},
    partners::{self, Partner},
    programme::Programme,
    withdrawals::{self, PartnerWithdrawals, Withdrawal},
};

use super::{
    desk::{self, SignRow, Step, TwoPeople},
    parts::{Asked, Badge, Id, Link, Moment, Refused},
};
use crate::{
    app::{App, Env},
    ops::{
        Actor,
        withdrawals::{self as acts, HeldLine},
    },
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, show_with},
        visitor::Staff,
    },
};

/// How many of the partner's other withdrawals are shown.
const OTHERS: i64 = 10;

#[derive(Template)]
#[template(path = "office/withdrawal.html")]
struct WithdrawalPage {
    shell: OfficeShell,
    /// Why the act that was sent can't be done as the withdrawal stands.
    conflict: Option<String>,
    id: String,
    amount: String,
    plain_amount: String,
    currency: &'static str,
    status: Badge,
    kind: &'static str,
    label: String,
    address: String,
    partner: Link,
    standing: Badge,
    available: String,
    on_hold: String,
    reserved: String,
    paid: String,
    due: Moment,
    /// The identifier that the payment carries.
    end_to_end: String,
    /// What there is to be looked at before paying; only of pending ones.
    signs: Option<Vec<SignRow>>,
    history: Vec<Step>,
    /// Where two people decide.
    two_people: Option<TwoPeople>,
    /// Until when the wallet cools, if it still does.
    cooling: Option<Moment>,
    /// The open batch that it is in.
    batch: Option<String>,
    /// Why this person can't pay it, where no field helps.
    held: Option<String>,
    entries: Vec<Booked>,
    others: Vec<Other>,
    may_decide: bool,
    may_return: bool,
    refused: Refused,
}

/// A transfer of the ledger.
struct Booked {
    at: Moment,
    what: &'static str,
    from: &'static str,
    to: &'static str,
    amount: String,
    key: String,
}

/// Another withdrawal of the same partner.
struct Other {
    href: String,
    requested: Moment,
    status: Badge,
    amount: String,
}

/// Everything the page shows, as read at one moment.
struct Found {
    withdrawal: Withdrawal,
    partner: Option<Partner>,
    balances: Balances,
    entries: Vec<(Timestamp, Transfer)>,
    others: Vec<Withdrawal>,
    approvals: Vec<Approval>,
    batches: Vec<(Batch, bool)>,
    /// Of a pending one.
    signs: Option<Vec<Sign>>,
    /// Why the person who looks can't pay it.
    held: Option<HeldLine>,
    /// How many people may decide on withdrawals.
    deciders: usize,
    now: Timestamp,
}

/// What an account is called on this page.
fn account_name(account: &Account) -> &'static str {
    match account.kind {
        AccountKind::PartnerPayable => "Owed to the partner",
        AccountKind::Payouts => "Paid to the partner",
        AccountKind::ProgrammeExpense => "Cost of commissions",
        AccountKind::Adjustment => "Adjustments",
    }
}

impl Booked {
    fn new(at: Timestamp, transfer: &Transfer, currency: Currency) -> Booked {
        Booked {
            at: Moment::exact(at),
            what: label(transfer.code, &transfer.phase),
            from: account_name(&transfer.debit),
            to: account_name(&transfer.credit),
            amount: currency.format(transfer.amount),
            key: transfer.key.clone(),
        }
    }
}

impl WithdrawalPage {
    fn new(
        shell: OfficeShell,
        found: &Found,
        programme: &Programme,
        (me, role): (&str, Role),
        refused: Refused,
    ) -> WithdrawalPage {
        let Found { withdrawal, balances, now, .. } = found;
        let currency = programme.currency;
        let is_pending = withdrawal.status == WithdrawalStatus::Pending;
        let may = role.may(Permission::DecideWithdrawals);
        let suspended = found.partner.as_ref().is_some_and(|partner| partner.suspended.is_some());
        let limit = programme.approval_from;
        let approvers: Vec<String> = found.approvals.iter().map(|approval| approval.by_id.clone()).collect();
        let two_people =
            limit.filter(|_| is_pending && needs_two(withdrawal.amount, limit)).map(|from| TwoPeople {
                from: currency.format_with_symbol(from),
                approvals: approvers.len(),
                may_approve: may
                    && may_approve(withdrawal.status, withdrawal.amount, limit, &approvers, me).is_ok(),
                alone: found.deciders < 2,
                may_settle: role.may(Permission::ChangeSettings) && role.may(Permission::ManageStaff),
            });
        let open_batch = found
            .batches
            .iter()
            .find(|(batch, taken_off)| batch.status == BatchStatus::Open && !taken_off)
            .map(|(batch, _)| paths::office_batch(&batch.id));
        WithdrawalPage {
            shell,
            conflict: None,
            id: withdrawal.id.clone(),
            amount: currency.format(withdrawal.amount),
            plain_amount: currency.format_plain(withdrawal.amount),
            currency: currency.code(),
            status: Badge::withdrawal(withdrawal, *now),
            kind: withdrawal.wallet_kind.label(),
            label: withdrawal.wallet_label.clone(),
            address: wallet::display(withdrawal.wallet_kind, &withdrawal.wallet_address),
            partner: Link::partner(&withdrawal.partner),
            standing: Badge::partner(suspended),
            available: currency.format(balances.available),
            on_hold: currency.format(balances.on_hold),
            reserved: currency.format(balances.reserved),
            paid: currency.format(balances.paid),
            due: Moment::exact(due_at(withdrawal.requested_at)),
            end_to_end: end_to_end_id(&withdrawal.id),
            signs: found
                .signs
                .as_ref()
                .map(|signs| signs.iter().map(|sign| SignRow::new(sign, currency, role)).collect()),
            history: desk::history(withdrawal, &found.approvals, &found.batches, currency),
            two_people,
            cooling: withdrawal.payable_from.filter(|from| now < from && is_pending).map(Moment::exact),
            batch: open_batch.filter(|_| is_pending),
            held: found
                .held
                .as_ref()
                .filter(|line| !matches!(line.why, Held::Cooling(_) | Held::Decided(_)))
                .map(|line| line.sentence.clone()),
            entries: found.entries.iter().map(|(at, entry)| Booked::new(*at, entry, currency)).collect(),
            others: found
                .others
                .iter()
                .map(|other| Other {
                    href: paths::office_withdrawal(&other.id),
                    requested: Moment::day(other.requested_at),
                    status: Badge::withdrawal(other, *now),
                    amount: currency.format(other.amount),
                })
                .collect(),
            may_decide: may && is_pending,
            may_return: may && withdrawal.status == WithdrawalStatus::Paid,
            refused,
        }
    }
}

fn find(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<Found, PageError> {
    let withdrawal = withdrawals::by_id(tx, id)?.ok_or_else(PageError::not_found)?;
    let currency = env.programme.currency;
    let partner_id = &withdrawal.partner.id;
    let request = Request { id, partner: partner_id, currency, amount: withdrawal.amount };
    // The keys are made from the withdrawal, so they are known without a search.
    let decided_at = withdrawal.decided_at.unwrap_or(withdrawal.requested_at);
    let mut entries = Vec::new();
    let returned_at = withdrawal.returned.as_ref().map_or(decided_at, |(at, _)| *at);
    for (at, key) in [
        (returned_at, reversal(&request, "").key),
        (decided_at, payment(&request).key),
        (decided_at, rejection(&request, "").key),
        (withdrawal.requested_at, hold(&request).key),
    ] {
        entries.extend(ledger::by_key(tx, &key)?.map(|transfer| (at, transfer)));
    }
    let mut others: Vec<Withdrawal> =
        withdrawals::of_partner(tx, partner_id, &PartnerWithdrawals::default(), None, OTHERS + 1)?
            .into_iter()
            .map(|(other, _)| other)
            .filter(|other| other.id != id)
            .collect();
    others.truncate(OTHERS as usize);
    let is_pending = withdrawal.status == WithdrawalStatus::Pending;
    let signs = is_pending
        .then(|| store::risk::facts(tx, &withdrawal, currency).map(|facts| risk::signs(&facts)))
        .transpose()?;
    Ok(Found {
        approvals: approvals::of(tx, id)?,
        batches: batches::of_withdrawal(tx, id)?,
        signs,
        held: if is_pending { acts::held_back(tx, env, by, &withdrawal)? } else { None },
        deciders: acts::deciders(tx)?.len(),
        partner: partners::by_id(tx, partner_id)?,
        balances: ledger::balances(tx, partner_id, currency)?,
        entries,
        others,
        now: env.now,
        withdrawal,
    })
}

/// What a page is shown for: nothing in particular, a form that was refused, or a decision that came too late.
#[derive(Default)]
pub(super) struct Occasion {
    pub(super) done: Option<String>,
    pub(super) refused: Refused,
    pub(super) conflict: Option<String>,
}

pub(super) async fn render(
    app: &App,
    staff: Staff,
    id: String,
    status: StatusCode,
    occasion: Occasion,
) -> Page {
    let (me, role) = (staff.actor.id.clone(), staff.role);
    let done = occasion.done;
    let (shell, found, programme) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let found = find(tx, env, &staff.actor, &id)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WITHDRAWALS, done.as_deref())?;
            Ok((shell, found, env.programme.clone()))
        })
        .await?;
    let page = WithdrawalPage::new(shell, &found, &programme, (&me, role), occasion.refused);
    show_with(status, &WithdrawalPage { conflict: occasion.conflict, ..page })
}

/// `GET /office/withdrawals/{id}`
///
/// # Errors
/// 404 when there is no such withdrawal.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    let occasion = Occasion { done: asked.done(), ..Occasion::default() };
    render(&app, staff, id, StatusCode::OK, occasion).await
}

#[cfg(test)]
mod tests {
    use super::{
        super::withdrawals::tests::{AT, sample},
        *,
    };
    use crate::web::fields::Fields;
    use domain::money::Money;

    fn found(status: WithdrawalStatus) -> Found {
        let withdrawal = sample(status);
        let request = Request {
            id: &withdrawal.id,
            partner: &withdrawal.partner.id,
            currency: Currency::USD,
            amount: withdrawal.amount,
        };
        Found {
            partner: None,
            balances: Balances { available: Money::from_minor(-31_000), ..Balances::default() },
            entries: vec![(AT, hold(&request))],
            others: vec![sample(WithdrawalStatus::Paid)],
            approvals: vec![],
            batches: vec![],
            signs: (status == WithdrawalStatus::Pending).then(|| vec![Sign::First]),
            held: None,
            deciders: 1,
            now: AT,
            withdrawal: withdrawal.clone(),
        }
    }

    fn render(found: &Found, role: Role, refused: Refused) -> String {
        let mut programme = Programme::standard();
        programme.approval_from = Some(Money::from_minor(240_000));
        let who = ("me", role);
        WithdrawalPage::new(OfficeShell::sample(), found, &programme, who, refused).render().unwrap()
    }

    fn text(status: WithdrawalStatus, may: bool, refused: Refused) -> String {
        render(&found(status), if may { Role::Finance } else { Role::Support }, refused)
    }

    #[test]
    fn two_people_cooling_and_signs_are_explained() {
        let mut found = found(WithdrawalStatus::Pending);
        found.withdrawal.payable_from = Some(AT.plus(domain::clock::HOUR));
        let alone = render(&found, Role::Admin, Refused::default());
        for part in [
            "First withdrawal",
            "/approve\"",
            "name=\"override\"",
            "/office/staff",
            "/office/settings",
            "2,400.00",
        ] {
            assert!(alone.contains(part), "{part}");
        }
        // Finance can't open Settings, so there is no link that would be refused.
        assert!(!render(&found, Role::Finance, Refused::default()).contains("href=\"/office/settings"));
        found.deciders = 2;
        found.approvals =
            vec![Approval { by_id: "me".into(), by: "Me".into(), at: AT, note: "Fine <b>".into() }];
        let approved = render(&found, Role::Finance, Refused::default());
        assert!(approved.contains("Fine &#60;b&#62;") && !approved.contains("/approve\""));
        let paid = render(&super::tests::found(WithdrawalStatus::Paid), Role::Finance, Refused::default());
        assert!(paid.contains("/came-back\"") && !paid.contains("First withdrawal"));
    }

    #[test]
    fn the_address_is_shown_in_groups_and_can_be_copied() {
        let text = text(WithdrawalStatus::Pending, true, Refused::default());
        for part in [
            "DE89 3704 0044 0532 0130 00",
            "data-copy=\"#address\"",
            "Jonas &#60;Weber&#62;",
            "-310.00",
            "Withdrawal requested",
            "/pay\"",
            "/reject\"",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn what_is_decided_or_not_ones_own_has_no_forms() {
        for (status, may) in [
            (WithdrawalStatus::Paid, true),
            (WithdrawalStatus::Rejected, true),
            (WithdrawalStatus::Pending, false),
        ] {
            let text = text(status, may, Refused::default());
            assert!(!text.contains("/pay\"") && !text.contains("/reject\""), "{status:?}");
        }
        assert!(text(WithdrawalStatus::Paid, true, Refused::default()).contains("TX-1"));
        assert!(text(WithdrawalStatus::Rejected, true, Refused::default()).contains("The account is closed"));
    }

    #[test]
    fn a_refused_reason_is_kept_beside_its_error() {
        let mut form = Fields::filled([("reason", "typed <i>")]);
        form.refuse("reason", "Enter the reason.");
        let text = text(WithdrawalStatus::Pending, true, Refused::act("reject", form));
        assert!(text.contains("typed &#60;i&#62;") && text.contains("id=\"reject-reason-error\""));
    }
}
