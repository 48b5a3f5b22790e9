//! One withdrawal: where the money goes, what the partner has, what is booked, and the answer of finance.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Timestamp,
    ledger::{Account, AccountKind, Transfer, label},
    money::Currency,
    permission::Permission,
    text::{Line, Message},
    wallet,
    withdrawal::{
        Request, WithdrawalAct, WithdrawalStatus, due_at, hold, next_status, pay as payment,
        reject as rejection,
    },
};
use store::{
    Tx,
    ledger::{self, ApplyError, Balances},
    partners::{self, Partner},
    withdrawals::{self, PartnerWithdrawals, Withdrawal},
};

use super::parts::{Asked, Badge, Id, Link, Moment, Refused};
use crate::{
    app::{App, Env},
    ops::withdrawals::{self as acts, DecideError},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

/// How many characters a payment reference may have.
const REFERENCE_CHARS: usize = 200;

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
    overdrawn: bool,
    on_hold: String,
    reserved: String,
    paid: String,
    requested: Moment,
    due: Moment,
    /// Who decided, when, and the reference or reason.
    decision: Option<Decision>,
    entries: Vec<Booked>,
    others: Vec<Other>,
    may_decide: bool,
    refused: Refused,
}

struct Decision {
    paid: bool,
    by: String,
    at: Moment,
    note: String,
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
        currency: Currency,
        may: bool,
        refused: Refused,
    ) -> WithdrawalPage {
        let Found { withdrawal, balances, now, .. } = found;
        let decided = withdrawal.status != WithdrawalStatus::Pending;
        let suspended = found.partner.as_ref().is_some_and(|partner| partner.suspended.is_some());
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
            overdrawn: balances.available.minor() < 0,
            on_hold: currency.format(balances.on_hold),
            reserved: currency.format(balances.reserved),
            paid: currency.format(balances.paid),
            requested: Moment::exact(withdrawal.requested_at),
            due: Moment::exact(due_at(withdrawal.requested_at)),
            decision: withdrawal.decided_at.map(|at| Decision {
                paid: withdrawal.status == WithdrawalStatus::Paid,
                by: withdrawal.decided_by.clone().unwrap_or_default(),
                at: Moment::exact(at),
                note: withdrawal.reference.clone().or_else(|| withdrawal.reason.clone()).unwrap_or_default(),
            }),
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
            may_decide: may && !decided,
            refused,
        }
    }
}

fn find(tx: &mut Tx, env: &Env, id: &str) -> Result<Found, PageError> {
    let withdrawal = withdrawals::by_id(tx, id)?.ok_or_else(PageError::not_found)?;
    let currency = env.programme.currency;
    let partner_id = &withdrawal.partner.id;
    let request = Request { id, partner: partner_id, currency, amount: withdrawal.amount };
    // The keys are made from the withdrawal, so they are known without a search.
    let decided_at = withdrawal.decided_at.unwrap_or(withdrawal.requested_at);
    let mut entries = Vec::new();
    for (at, key) in [
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
    Ok(Found {
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
struct Occasion {
    done: Option<String>,
    refused: Refused,
    conflict: Option<String>,
}

async fn render(app: &App, staff: Staff, id: String, status: StatusCode, occasion: Occasion) -> Page {
    let may = staff.role.may(Permission::DecideWithdrawals);
    let done = occasion.done;
    let (shell, found) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let found = find(tx, env, &id)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WITHDRAWALS, done.as_deref())?;
            Ok((shell, found))
        })
        .await?;
    let page = WithdrawalPage::new(shell, &found, app.programme().currency, may, occasion.refused);
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

/// `POST /office/withdrawals/{id}/pay`
///
/// # Errors
/// 404 when there is no such withdrawal.
pub async fn pay(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let parse = |typed: &str| Line::<REFERENCE_CHARS>::parse_as("payment reference", typed);
    let Some(reference) = form.check("reference", parse) else {
        return refuse(&app, staff, id, "pay", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::pay(tx, env, &by, &of, reference.as_str())).await;
    answer(&app, staff, id, ("pay", "paid"), form, done).await
}

/// `POST /office/withdrawals/{id}/reject`
///
/// # Errors
/// 404 when there is no such withdrawal.
pub async fn reject(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(reason) = form.check("reason", |typed| Message::parse_as("reason", typed)) else {
        return refuse(&app, staff, id, "reject", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::reject(tx, env, &by, &of, reason.as_str())).await;
    answer(&app, staff, id, ("reject", "rejected"), form, done).await
}

async fn refuse(app: &App, staff: Staff, id: String, act: &'static str, form: Fields) -> Page {
    let of = id.clone();
    let found =
        app.read(move |tx, _| store::withdrawals::by_id(tx, &of)).await?.ok_or_else(PageError::not_found)?;
    let tried = if act == "pay" { WithdrawalAct::Pay } else { WithdrawalAct::Reject };
    // A form that is no longer shown: what is wrong with its field is beside the point.
    if let Err(refusal) = next_status(found.status, tried) {
        return answer(app, staff, id, (act, ""), form, Err(refusal.into())).await;
    }
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, id, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

async fn answer(
    app: &App,
    staff: Staff,
    id: String,
    (act, word): (&'static str, &str),
    form: Fields,
    done: Result<(), DecideError>,
) -> Page {
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_withdrawal(&id), &[("done", word)])),
        Err(DecideError::Unknown) => Err(PageError::not_found()),
        Err(DecideError::Refused(refusal)) => {
            let occasion = Occasion {
                refused: Refused::act(act, form),
                conflict: Some(refusal.to_string()),
                ..Occasion::default()
            };
            render(app, staff, id, StatusCode::CONFLICT, occasion).await
        }
        Err(DecideError::Db(error) | DecideError::Ledger(ApplyError::Db(error))) => Err(error.into()),
        Err(DecideError::Ledger(error)) => Err(PageError::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::withdrawals::tests::{AT, sample},
        *,
    };
    use domain::money::Money;

    fn text(status: WithdrawalStatus, may: bool, refused: Refused) -> String {
        let withdrawal = sample(status);
        let request = Request {
            id: &withdrawal.id,
            partner: &withdrawal.partner.id,
            currency: Currency::USD,
            amount: withdrawal.amount,
        };
        let found = Found {
            partner: None,
            balances: Balances { available: Money::from_minor(-31_000), ..Balances::default() },
            entries: vec![(AT, hold(&request))],
            others: vec![sample(WithdrawalStatus::Paid)],
            now: AT,
            withdrawal: withdrawal.clone(),
        };
        WithdrawalPage::new(OfficeShell::sample(), &found, Currency::USD, may, refused).render().unwrap()
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
