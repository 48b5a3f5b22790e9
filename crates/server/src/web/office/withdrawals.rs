//! The queue of withdrawals: pending ones oldest first with the clock that finance works by, decided ones newest
//! first.

use askama::Template;
use axum::extract::State;
use domain::{
    clock::Timestamp,
    money::Currency,
    withdrawal::{DUE_HOURS, WithdrawalStatus, due_at},
};
use store::withdrawals::{self, Withdrawal};

use super::parts::{Asked, Badge, Link, Moment, Pager, ROWS_AND_ONE, page_of, short_address};
use crate::{
    app::App,
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, show},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/withdrawals.html")]
struct WithdrawalsPage {
    shell: OfficeShell,
    tabs: Vec<Tab>,
    status: WithdrawalStatus,
    rows: Vec<Row>,
    /// This is not the first page.
    further: bool,
    pager: Pager,
    currency: &'static str,
    due_hours: i64,
}

/// A switch between statuses.
struct Tab {
    href: String,
    label: &'static str,
    chosen: bool,
}

struct Row {
    href: String,
    requested: Moment,
    partner: Link,
    to: String,
    status: Badge,
    /// When a pending one is due, and when a decided one was decided.
    when: Moment,
    /// The payment reference or the reason.
    note: String,
    amount: String,
}

fn address(status: WithdrawalStatus) -> String {
    paths::with_query(paths::OFFICE_WITHDRAWALS, &[("status", status.as_str())])
}

fn tabs(chosen: WithdrawalStatus) -> Vec<Tab> {
    let tab = |status: WithdrawalStatus| Tab {
        href: address(status),
        label: status.label(),
        chosen: status == chosen,
    };
    WithdrawalStatus::ALL.map(tab).into()
}

impl Row {
    fn new(withdrawal: &Withdrawal, currency: Currency, now: Timestamp) -> Row {
        let due = due_at(withdrawal.requested_at);
        Row {
            href: paths::office_withdrawal(&withdrawal.id),
            requested: Moment::exact(withdrawal.requested_at),
            partner: Link::partner(&withdrawal.partner),
            to: short_address(withdrawal.wallet_kind, &withdrawal.wallet_address),
            status: Badge::withdrawal(withdrawal, now),
            when: Moment::exact(withdrawal.decided_at.unwrap_or(due)),
            note: withdrawal.reference.clone().or_else(|| withdrawal.reason.clone()).unwrap_or_default(),
            amount: currency.format(withdrawal.amount),
        }
    }
}

impl WithdrawalsPage {
    /// What the column of the decision's moment is called.
    fn when_label(&self) -> &'static str {
        match self.status {
            WithdrawalStatus::Pending => "Due",
            WithdrawalStatus::Paid => "Paid on",
            WithdrawalStatus::Rejected => "Rejected on",
        }
    }

    /// What the column of the reference or reason is called; pending ones have none.
    fn note_label(&self) -> &'static str {
        match self.status {
            WithdrawalStatus::Pending => "",
            WithdrawalStatus::Paid => "Reference",
            WithdrawalStatus::Rejected => "Reason",
        }
    }
}

/// `GET /office/withdrawals`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let status = WithdrawalStatus::from_word(asked.0.value("status")).unwrap_or(WithdrawalStatus::Pending);
    let after = asked.id("after");
    let further = after.is_some();
    let done = asked.done();
    let (shell, rows, now) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WITHDRAWALS, done.as_deref())?;
            let rows = withdrawals::list(tx, status, after.as_deref(), ROWS_AND_ONE)?;
            Ok((shell, rows, env.now))
        })
        .await?;
    let currency = app.programme().currency;
    let (rows, pager) = page_of(rows, &asked, "after", &address(status), |row| row.id.clone());
    show(&WithdrawalsPage {
        shell,
        tabs: tabs(status),
        status,
        rows: rows.iter().map(|row| Row::new(row, currency, now)).collect(),
        further,
        pager,
        currency: currency.code(),
        due_hours: DUE_HOURS,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use domain::{clock::HOUR, money::Money, wallet::WalletKind};
    use store::clients::PartnerName;

    pub const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    pub fn sample(status: WithdrawalStatus) -> Withdrawal {
        let decided = status != WithdrawalStatus::Pending;
        Withdrawal {
            id: "0193a1b2-0000-7000-8000-0000000000aa".into(),
            partner: PartnerName { id: "p1".into(), name: "Jonas <Weber>".into() },
            amount: Money::from_minor(240_000),
            status,
            requested_at: AT,
            wallet_id: "w1".into(),
            wallet_kind: WalletKind::Iban,
            wallet_label: "Business account".into(),
            wallet_address: "DE89370400440532013000".into(),
            decided_at: decided.then_some(AT),
            decided_by: decided.then(|| "Fay Finance".into()),
            reference: (status == WithdrawalStatus::Paid).then(|| "TX-1".into()),
            reason: (status == WithdrawalStatus::Rejected).then(|| "The account is closed".into()),
        }
    }

    fn text(status: WithdrawalStatus, rows: &[Withdrawal], now: Timestamp) -> String {
        let page = WithdrawalsPage {
            shell: OfficeShell::sample(),
            tabs: tabs(status),
            status,
            rows: rows.iter().map(|row| Row::new(row, Currency::USD, now)).collect(),
            further: false,
            pager: Pager::default(),
            currency: "USD",
            due_hours: DUE_HOURS,
        };
        page.render().unwrap()
    }

    #[test]
    fn the_clock_is_told_by_word_and_shape() {
        let pending = [sample(WithdrawalStatus::Pending)];
        for (hours, class, words) in
            [(1, "due", "47 h left"), (48, "due", "0 min left"), (62, "overdue", "Overdue by 14 h")]
        {
            let text = text(WithdrawalStatus::Pending, &pending, AT.plus(hours * HOUR));
            assert!(text.contains(&format!("<span class=\"status {class}\">{words}</span>")), "{hours}");
            assert!(text.contains("25 Nov 2026, 08:10 UTC"), "when it is due");
        }
    }

    #[test]
    fn decided_ones_show_reference_or_reason() {
        for (status, words) in
            [(WithdrawalStatus::Paid, "TX-1"), (WithdrawalStatus::Rejected, "The account is closed")]
        {
            let text = text(status, &[sample(status)], AT);
            assert!(
                text.contains(words) && text.contains("2,400.00") && text.contains("Jonas &#60;Weber&#62;")
            );
        }
    }

    #[test]
    fn every_empty_list_says_what_to_expect() {
        for (status, words) in [
            (WithdrawalStatus::Pending, "Nothing waits"),
            (WithdrawalStatus::Paid, "Nothing paid yet"),
            (WithdrawalStatus::Rejected, "Nothing rejected"),
        ] {
            assert!(text(status, &[], AT).contains(words), "{status:?}");
        }
    }
}
