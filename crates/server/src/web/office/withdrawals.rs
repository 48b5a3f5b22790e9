//! The queue of withdrawals: pending ones oldest first with the clock that finance works by, decided ones newest
//! first. Several pending ones can be chosen for a batch.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Timestamp,
    money::Currency,
    payment::needs_two,
    permission::{Permission, Role},
    withdrawal::{DUE_HOURS, WithdrawalStatus, due_at},
};
use store::{
    adjustments::{self, Adjustment},
    batches,
    programme::Programme,
    withdrawals::{self, Queued, Show},
};

use super::{
    desk,
    parts::{Asked, Badge, Link, Moment, Pager, ROWS, page_of_size, short_address},
};
use crate::{
    app::App,
    ops::batches::MAX_LINES,
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, show_with},
        visitor::Staff,
    },
};

/// How many adjustments that wait are named above the queue.
const ADJUSTMENTS: i64 = 10;

#[derive(Template)]
#[template(path = "office/withdrawals.html")]
struct WithdrawalsPage {
    shell: OfficeShell,
    tabs: Vec<Tab>,
    status: WithdrawalStatus,
    /// Which of the pending ones are shown.
    filters: Vec<Tab>,
    /// The word of the filter, for the form.
    show: &'static str,
    /// Why no batch was made.
    refused: Option<String>,
    rows: Vec<Row>,
    /// This is not the first page.
    further: bool,
    /// Where this page begins, for the form.
    after: String,
    pager: Pager,
    currency: &'static str,
    due_hours: i64,
    /// How many batches are open.
    batches: i64,
    /// Adjustments that wait for a second person: the partner, and what it is.
    waiting: Vec<(Link, String)>,
    may_decide: bool,
}

/// A switch between statuses, or between what is shown of one.
struct Tab {
    href: String,
    label: &'static str,
    chosen: bool,
}

struct Row {
    id: String,
    href: String,
    requested: Moment,
    partner: Link,
    to: String,
    status: Badge,
    marks: Vec<Badge>,
    /// When a pending one is due, and when a decided one was decided.
    when: Moment,
    /// The payment reference or the reason.
    note: String,
    amount: String,
    /// It can be put into a batch.
    can_be_chosen: bool,
    is_chosen: bool,
}

/// What can be shown of the pending ones: the word in the address, the label.
const FILTERS: [(&str, &str, Show); 5] = [
    ("", "All", Show::All),
    ("ready", "Can be paid", Show::Ready),
    ("approval", "Need approval", Show::Unapproved),
    ("cooling", "Wallet cools", Show::Cooling),
    ("batch", "In a batch", Show::InBatch),
];

fn address(status: WithdrawalStatus, show: &str) -> String {
    paths::with_query(paths::OFFICE_WITHDRAWALS, &[("status", status.as_str()), ("show", show)])
}

fn tabs(chosen: WithdrawalStatus) -> Vec<Tab> {
    let tab = |status: WithdrawalStatus| Tab {
        href: address(status, ""),
        label: status.label(),
        chosen: status == chosen,
    };
    WithdrawalStatus::ALL.map(tab).into()
}

fn filters(chosen: Show) -> Vec<Tab> {
    let tab = |(word, label, show): (&str, &'static str, Show)| Tab {
        href: address(WithdrawalStatus::Pending, word),
        label,
        chosen: show == chosen,
    };
    FILTERS.map(tab).into()
}

/// The name of the box that chooses a withdrawal for a batch.
pub(super) fn box_name(id: &str) -> String {
    format!("choose[{id}]")
}

impl Row {
    fn new(row: &Queued, programme: &Programme, now: Timestamp, chosen: &Fields) -> Row {
        let withdrawal = &row.withdrawal;
        let currency = programme.currency;
        let due = due_at(withdrawal.requested_at);
        // The hour matters while the clock runs; later the day does.
        let is_pending = withdrawal.status == WithdrawalStatus::Pending;
        let moment = |at| if is_pending { Moment::exact(at) } else { Moment::day(at) };
        let decided = withdrawal.returned.as_ref().map(|(at, _)| *at).or(withdrawal.decided_at);
        Row {
            id: withdrawal.id.clone(),
            href: paths::office_withdrawal(&withdrawal.id),
            requested: moment(withdrawal.requested_at),
            partner: Link::partner(&withdrawal.partner),
            to: short_address(withdrawal.wallet_kind, &withdrawal.wallet_address),
            status: Badge::withdrawal(withdrawal, now),
            marks: desk::marks(row, needs_two(withdrawal.amount, programme.approval_from), now),
            when: moment(decided.unwrap_or(due)),
            note: withdrawal.note().to_owned(),
            amount: currency.format(withdrawal.amount),
            can_be_chosen: is_pending && row.batch_id.is_none(),
            is_chosen: chosen.has(&box_name(&withdrawal.id)),
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

    /// Some row can be put into a batch.
    fn can_batch(&self) -> bool {
        self.may_decide && self.rows.iter().any(|row| row.can_be_chosen)
    }
}

fn waiting(adjustment: &Adjustment, currency: Currency) -> (Link, String) {
    let kind = domain::ledger::label(adjustment.code, &domain::ledger::Phase::Single).to_lowercase();
    let what = format!(
        "{kind} of {}, proposed by {}",
        currency.format_with_symbol(adjustment.amount),
        adjustment.proposed_by
    );
    (Link::partner(&adjustment.partner), what)
}

/// `GET /office/withdrawals`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, asked, StatusCode::OK, (Fields::default(), None)).await
}

/// The queue, with what was chosen for a batch and why none was made.
///
/// # Errors
/// When the database can't be read.
pub(super) async fn render(
    app: &App,
    staff: Staff,
    asked: Asked,
    code: StatusCode,
    (chosen, refused): (Fields, Option<String>),
) -> Page {
    let status = WithdrawalStatus::from_word(asked.0.value("status")).unwrap_or(WithdrawalStatus::Pending);
    let is_pending = status == WithdrawalStatus::Pending;
    let filter = FILTERS.iter().find(|(word, ..)| is_pending && *word == asked.0.value("show"));
    let (word, _, shown) = *filter.unwrap_or(&FILTERS[0]);
    // A batch can be made of one whole page.
    let size = if is_pending { MAX_LINES } else { ROWS };
    let and_one = size as i64 + 1;
    let after = asked.id("after");
    let place = after.clone();
    let done = asked.done();
    let role: Role = staff.role;
    let (shell, rows, open, proposed, programme, now) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WITHDRAWALS, done.as_deref())?;
            let limit = env.programme.approval_from;
            let rows = withdrawals::list(tx, status, shown, limit, env.now, after.as_deref(), and_one)?;
            let open = batches::open_count(tx)?;
            let proposed = adjustments::proposed(tx, ADJUSTMENTS)?;
            Ok((shell, rows, open, proposed, env.programme.clone(), env.now))
        })
        .await?;
    let currency = programme.currency;
    let (rows, pager) =
        page_of_size(size, rows, &asked, "after", &address(status, word), |row| row.withdrawal.id.clone());
    show_with(
        code,
        &WithdrawalsPage {
            shell,
            tabs: tabs(status),
            status,
            filters: if is_pending { filters(shown) } else { vec![] },
            show: word,
            refused,
            rows: rows.iter().map(|row| Row::new(row, &programme, now, &chosen)).collect(),
            further: place.is_some(),
            after: place.unwrap_or_default(),
            pager,
            currency: currency.code(),
            due_hours: DUE_HOURS,
            batches: open,
            waiting: proposed.iter().map(|adjustment| waiting(adjustment, currency)).collect(),
            may_decide: role.may(Permission::DecideWithdrawals),
        },
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use domain::{clock::HOUR, money::Money, wallet::WalletKind};
    use store::{clients::PartnerName, withdrawals::Withdrawal};

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
            wallet_entered_at: None,
            payable_from: None,
            override_reason: None,
            returned: None,
        }
    }

    fn text(status: WithdrawalStatus, rows: &[Withdrawal], now: Timestamp) -> String {
        let programme = Programme::standard();
        let chosen =
            Fields::parse(format!("{}=1", box_name("0193a1b2-0000-7000-8000-0000000000aa")).as_bytes());
        let queued = |row: &Withdrawal| Queued { withdrawal: row.clone(), approvals: 1, batch_id: None };
        let page = WithdrawalsPage {
            shell: OfficeShell::sample(),
            tabs: tabs(status),
            status,
            filters: filters(Show::All),
            show: "",
            refused: Some("Choose <again>.".into()),
            rows: rows.iter().map(|row| Row::new(&queued(row), &programme, now, &chosen)).collect(),
            further: false,
            after: String::new(),
            pager: Pager::default(),
            currency: "USD",
            due_hours: DUE_HOURS,
            batches: 2,
            waiting: vec![],
            may_decide: true,
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
    fn what_was_chosen_stays_chosen_and_marks_stand_beside() {
        let text = text(WithdrawalStatus::Pending, &[sample(WithdrawalStatus::Pending)], AT);
        for part in [
            "form=\"batch\" name=\"choose[0193a1b2-0000-7000-8000-0000000000aa]\" value=\"1\" checked",
            "Choose &#60;again&#62;.",
            "Approved",
            "2 open batches",
            "show=cooling",
        ] {
            assert!(text.contains(part), "{part}");
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
