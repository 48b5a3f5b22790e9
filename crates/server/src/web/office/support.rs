//! The inbox of support: what waits for an answer, the longest first; what was answered or closed, the latest first.

use askama::Template;
use axum::extract::State;
use domain::{
    clock::{Timestamp, duration},
    reference::Reference,
    support::{ANSWER_HOURS, TicketKind, TicketStatus, due_at},
};
use store::support::{self as tickets, After, Filter, Ticket};

use super::parts::{Asked, Badge, Moment, Pager, ROWS_AND_ONE, page_of};
use crate::{
    app::App,
    web::{
        conversation,
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, show},
        visitor::Staff,
    },
};

/// The word of the address for requests of every status.
const ALL: &str = "all";

#[derive(Template)]
#[template(path = "office/support.html")]
struct SupportPage {
    shell: OfficeShell,
    tabs: Vec<Choice>,
    /// The status that is shown, as the address says it.
    status: &'static str,
    search: String,
    kinds: Vec<Choice>,
    /// Neither words nor a kind were asked for.
    whole: bool,
    /// This is not the first page.
    further: bool,
    rows: Vec<Row>,
    pager: Pager,
    answer_hours: i64,
}

/// A tab, or an entry of a select.
struct Choice {
    /// Where it leads, or the value.
    to: String,
    label: &'static str,
    chosen: bool,
}

struct Row {
    href: String,
    number: i64,
    name: String,
    email: String,
    guest: bool,
    kind: &'static str,
    concerns: String,
    status: Badge,
    age: String,
    sent: Moment,
}

impl Row {
    fn new(ticket: &Ticket, now: Timestamp) -> Row {
        Row {
            href: paths::office_ticket(ticket.number),
            number: ticket.number,
            name: ticket.name.clone(),
            email: ticket.email.clone(),
            guest: ticket.partner.is_none(),
            kind: ticket.kind.label(),
            concerns: ticket.concerns.clone(),
            status: badge(ticket, now),
            age: duration(now.since(ticket.since).max(0)),
            sent: Moment::exact(ticket.created_at),
        }
    }
}

/// The status of a request; of an open one, what is left of the time in which an answer is promised.
pub(super) fn badge(ticket: &Ticket, now: Timestamp) -> Badge {
    if ticket.status != TicketStatus::Open {
        return conversation::badge(ticket.status);
    }
    let left = due_at(ticket.since).since(now);
    if left < 0 {
        Badge::new("overdue", format!("Overdue by {}", duration(-left)))
    } else {
        Badge::new("due", format!("{} left", duration(left)))
    }
}

fn tabs(chosen: Option<TicketStatus>, kind: Option<TicketKind>, search: &str) -> Vec<Choice> {
    TicketStatus::ALL
        .map(Some)
        .into_iter()
        .chain([None])
        .map(|status| Choice {
            to: address(status, kind, search),
            label: status.map_or("All", TicketStatus::label),
            chosen: status == chosen,
        })
        .collect()
}

fn kinds(chosen: Option<TicketKind>) -> Vec<Choice> {
    let any = Choice { to: String::new(), label: "Both", chosen: chosen.is_none() };
    let kind = |kind: TicketKind| Choice {
        to: kind.as_str().into(),
        label: kind.label(),
        chosen: chosen == Some(kind),
    };
    std::iter::once(any).chain(TicketKind::ALL.map(kind)).collect()
}

fn address(status: Option<TicketStatus>, kind: Option<TicketKind>, search: &str) -> String {
    paths::with_query(
        paths::OFFICE_SUPPORT,
        &[
            ("q", search),
            ("status", status.map_or(ALL, TicketStatus::as_str)),
            ("kind", kind.map_or("", TicketKind::as_str)),
        ],
    )
}

/// Where a page goes on: the moment and the number of the last row.
fn after(typed: &str) -> Option<After> {
    let (since, number) = typed.split_once('~')?;
    Some(After { since: since.parse().ok()?, number: number.parse().ok()? })
}

/// `GET /office/support`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let search = asked.search();
    // Whoever searches without a status looks everywhere.
    let status = match asked.0.value("status") {
        ALL => None,
        "" if !search.is_empty() => None,
        word => Some(TicketStatus::from_word(word).unwrap_or(TicketStatus::Open)),
    };
    let kind = TicketKind::from_word(asked.0.value("kind"));
    let number = Reference::read(&search).and_then(Reference::ticket);
    let filter = Filter { status, kind, search: search.clone(), number };
    let (from, done) = (after(asked.0.value("after")), asked.done());
    let (shell, rows, now) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_SUPPORT, done.as_deref())?;
            Ok((shell, tickets::list(tx, &filter, from, ROWS_AND_ONE)?, env.now))
        })
        .await?;
    let key = |row: &Ticket| format!("{}~{}", row.since.micros(), row.number);
    let (rows, pager) = page_of(rows, &asked, "after", &address(status, kind, &search), key);
    show(&SupportPage {
        shell,
        tabs: tabs(status, kind, &search),
        status: status.map_or(ALL, TicketStatus::as_str),
        whole: search.is_empty() && kind.is_none(),
        further: from.is_some(),
        search,
        kinds: kinds(kind),
        rows: rows.iter().map(|row| Row::new(row, now)).collect(),
        pager,
        answer_hours: ANSWER_HOURS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::conversation::samples;
    use domain::clock::HOUR;

    fn text(status: Option<TicketStatus>, whole: bool, rows: &[Ticket], now: Timestamp) -> String {
        let page = SupportPage {
            shell: OfficeShell::sample(),
            tabs: tabs(status, None, "<i>"),
            status: status.map_or(ALL, TicketStatus::as_str),
            search: "<i>".into(),
            kinds: kinds(Some(TicketKind::Financial)),
            whole,
            further: false,
            rows: rows.iter().map(|row| Row::new(row, now)).collect(),
            pager: Pager::default(),
            answer_hours: ANSWER_HOURS,
        };
        page.render().unwrap()
    }

    #[test]
    fn a_row_tells_who_waits_and_for_how_long() {
        let open = samples::ticket(TicketStatus::Open);
        let guest = Ticket { partner: None, number: 3002, ..open.clone() };
        let page = text(Some(TicketStatus::Open), true, &[open, guest], samples::AT.plus(3 * HOUR));
        for part in [
            "/office/support/3001",
            "Mara &#60;Lindqvist&#62;",
            "Overdue by 2 h",
            "3 h",
            "T-2077",
            "not signed in",
            "value=\"financial\" selected",
            "value=\"&#60;i&#62;\"",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
    }

    #[test]
    fn the_hour_runs_for_open_ones_alone() {
        for (status, passed, class) in [
            (TicketStatus::Open, 0, "due"),
            (TicketStatus::Open, 2, "overdue"),
            (TicketStatus::Answered, 2, "done"),
            (TicketStatus::Closed, 2, "closed"),
        ] {
            let ticket = samples::ticket(status);
            assert_eq!(badge(&ticket, samples::AT.plus(passed * HOUR)).class, class, "{status:?} {passed}");
        }
    }

    #[test]
    fn every_empty_list_says_what_to_expect() {
        for (status, whole, words) in [
            (Some(TicketStatus::Open), true, "Nobody waits"),
            (Some(TicketStatus::Answered), true, "Nothing is answered"),
            (Some(TicketStatus::Closed), true, "Nothing is closed"),
            (None, true, "Nobody has written"),
            (None, false, "No request fits"),
        ] {
            assert!(text(status, whole, &[], samples::AT).contains(words), "{status:?}");
        }
    }

    #[test]
    fn a_place_in_the_list_is_read_or_passed_over() {
        assert_eq!(after("5~3001"), Some(After { since: 5, number: 3001 }));
        for typed in ["", "5", "~", "x~1", "1~y", "99999999999999999999~1"] {
            assert_eq!(after(typed), None, "{typed}");
        }
    }
}
