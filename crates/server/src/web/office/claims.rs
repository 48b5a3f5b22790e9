//! The inbox of claims: open ones by the day on which they are due, answered ones newest first.

use askama::Template;
use axum::extract::State;
use domain::{
    claim::{ClaimStatus, is_overdue},
    clock::{Day, Timestamp},
};
use store::claims::{self, Claim};

use super::parts::{Asked, Badge, Link, Moment, Pager, ROWS_AND_ONE, page_of};
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
#[template(path = "office/claims.html")]
struct ClaimsPage {
    shell: OfficeShell,
    tabs: Vec<Tab>,
    status: ClaimStatus,
    rows: Vec<Row>,
    /// This is not the first page.
    further: bool,
    pager: Pager,
    days: i64,
}

/// A switch between statuses.
struct Tab {
    href: String,
    label: &'static str,
    chosen: bool,
}

struct Row {
    claim: Link,
    client: String,
    partner: Link,
    filed: Moment,
    status: Badge,
    /// Who ruled, where somebody did.
    by: String,
    reason: String,
}

fn address(status: ClaimStatus) -> String {
    paths::with_query(paths::OFFICE_CLAIMS, &[("status", status.as_str())])
}

/// A claim's status; of an open one, until when it is to be answered.
pub(super) fn badge(claim: &Claim, now: Timestamp) -> Badge {
    let due = claim.due_on.start().date();
    match claim.status {
        ClaimStatus::Open if is_overdue(claim.due_on, now) => {
            Badge::new("overdue", format!("Overdue since {due}"))
        }
        ClaimStatus::Open => Badge::new("due", format!("Due {due}")),
        ClaimStatus::Accepted => Badge::new("won", ClaimStatus::Accepted.label()),
        ClaimStatus::Rejected => Badge::new("lost", ClaimStatus::Rejected.label()),
        ClaimStatus::Withdrawn => Badge::new("suspended", ClaimStatus::Withdrawn.label()),
    }
}

impl Row {
    fn new(claim: &Claim, now: Timestamp) -> Row {
        Row {
            claim: Link { href: paths::office_claim(claim.number), text: format!("K-{}", claim.number) },
            client: claim.client_name.clone(),
            partner: Link::partner(&claim.partner),
            filed: Moment::day(claim.filed_at),
            status: badge(claim, now),
            by: claim.decided.as_ref().and_then(|(_, by)| by.clone()).unwrap_or_default(),
            reason: claim.reason.clone(),
        }
    }
}

/// Where the page begins that follows a claim: of open ones the day and the number.
fn place(claim: &Claim) -> String {
    match claim.status {
        ClaimStatus::Open => format!("{}.{}", claim.due_on.0, claim.number),
        _ => claim.number.to_string(),
    }
}

/// `GET /office/claims`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let status = ClaimStatus::from_word(asked.0.value("status")).unwrap_or(ClaimStatus::Open);
    let after = asked
        .0
        .value("after")
        .split_once('.')
        .and_then(|(day, number)| Some((Day(day.parse().ok()?), number.parse::<i64>().ok()?)));
    let before = asked.number("after");
    let done = asked.done();
    let (shell, rows, now) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CLAIMS, done.as_deref())?;
            let rows = match status {
                ClaimStatus::Open => claims::open(tx, after, ROWS_AND_ONE)?,
                other => claims::decided(tx, other, before, ROWS_AND_ONE)?,
            };
            Ok((shell, rows, env.now))
        })
        .await?;
    let (rows, pager) = page_of(rows, &asked, "after", &address(status), place);
    let tab = |of: ClaimStatus| Tab { href: address(of), label: of.label(), chosen: of == status };
    show(&ClaimsPage {
        shell,
        tabs: ClaimStatus::ALL.map(tab).into(),
        status,
        rows: rows.iter().map(|claim| Row::new(claim, now)).collect(),
        further: asked.0.has("after"),
        pager,
        days: app.programme().claim_days,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use store::clients::PartnerName;

    pub const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    pub fn sample(status: ClaimStatus) -> Claim {
        let decided = status != ClaimStatus::Open;
        Claim {
            number: 4001,
            partner: PartnerName { id: "p1".into(), name: "Jonas <Weber>".into() },
            client_name: "Aurora <u>".into(),
            client_contact: "hello@aurora.example".into(),
            sent_on: Day(AT.day().0 - 3),
            how: "By Telegram".into(),
            evidence: "She wrote \"Jonas sent me\".\nTwice.".into(),
            filed_at: AT,
            due_on: Day(AT.day().0 + 7),
            status,
            decided: decided.then(|| (AT, Some("Sam Sales".into()))),
            reason: if decided { "The email is the same.".into() } else { String::new() },
            client_number: (status == ClaimStatus::Accepted).then_some(1042),
        }
    }

    #[test]
    fn each_status_has_its_page_with_and_without_rows() {
        for status in ClaimStatus::ALL {
            for rows in [vec![], vec![Row::new(&sample(status), AT)]] {
                let page = ClaimsPage {
                    shell: OfficeShell::sample(),
                    tabs: vec![],
                    status,
                    rows,
                    further: false,
                    pager: Pager::default(),
                    days: 5,
                };
                let text = page.render().unwrap();
                let expected = if page.rows.is_empty() { "class=\"empty\"" } else { "/office/claims/4001" };
                assert!(text.contains(expected), "{status:?}");
                assert!(!text.contains("<u>") && !text.contains("<Weber>"));
            }
        }
    }

    #[test]
    fn an_open_claim_says_until_when() {
        let claim = sample(ClaimStatus::Open);
        assert_eq!(badge(&claim, AT), Badge::new("due", "Due 30 Nov 2026"));
        let late = Day(claim.due_on.0 + 1).start();
        assert_eq!(badge(&claim, late), Badge::new("overdue", "Overdue since 30 Nov 2026"));
    }
}
