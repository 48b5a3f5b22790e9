//! What came of holding a list of the CRM against the deals here: each difference, and what mends it.

use std::collections::HashMap;

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    deal::DealStatus,
    money::Currency,
    reconcile::{Difference, Mend},
};
use store::{
    deals::Deal,
    reconciliations::{self as stored, Item, Reconciliation, Standing, State as Decided},
};

use super::parts::{Asked, Badge, Id, Link, Moment, Pager, ROWS_AND_ONE, page_of};
use crate::{
    app::App,
    ops::{
        reconcile::{self as acts, KEPT_DAYS, LISTED, ReconcileError, Said, button, offered},
        webhook_events,
    },
    web::{
        error::{Explanation, PageError},
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/reconcile_report.html")]
struct ReportPage {
    shell: OfficeShell,
    id: String,
    name: String,
    by: String,
    compared: Moment,
    lines: i64,
    same: i64,
    unlisted: i64,
    listed: usize,
    kept_days: i64,
    /// How many differences there were.
    all: i64,
    /// The choices of states: the address, the label, how many, whether it is chosen.
    states: Vec<(String, &'static str, i64, bool)>,
    /// The choices of differences.
    kinds: Vec<(String, &'static str, i64, bool)>,
    state: &'static str,
    kind: &'static str,
    /// How many deals can be linked at once.
    unnamed: i64,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    n: i64,
    difference: &'static str,
    line: i64,
    external_id: String,
    deal: Option<Link>,
    /// Whose deal it is.
    client: String,
    /// What the CRM says, and what stands here.
    theirs: Option<Side>,
    ours: Option<Side>,
    /// What else the line says.
    said: Vec<(&'static str, String)>,
    why: String,
    /// The word and the button of each mend.
    mends: Vec<(&'static str, String)>,
    /// Why a person has to look, or what a mend does besides.
    note: &'static str,
    open: bool,
}

/// One side of a difference.
struct Side {
    status: Badge,
    /// The CRM's own word.
    word: String,
    amount: String,
}

fn their_side(item: &Item, currency: Currency) -> Option<Side> {
    let theirs = item.theirs?;
    let amount = theirs.amount.filter(|amount| amount.is_positive()).map(|amount| currency.format(amount));
    Some(Side {
        status: Badge::deal(theirs.status),
        word: item.stage.clone(),
        amount: amount.unwrap_or_default(),
    })
}

fn our_side(ours: &Standing, currency: Currency) -> Side {
    let amount = match ours {
        Standing { status: DealStatus::Won, amount, refunded } if refunded.is_positive() => {
            format!("{}, of which {} were given back", currency.format(*amount), currency.format(*refunded))
        }
        Standing { status: DealStatus::Won, amount, .. } => currency.format(*amount),
        _ => String::new(),
    };
    Side { status: Badge::deal(ours.status), word: String::new(), amount }
}

/// Why a person has to look where nothing is offered.
fn note(item: &Item, deal: Option<&Deal>) -> &'static str {
    let has_changed = item.ours.is_some_and(|seen| deal.is_none_or(|deal| Standing::of(deal) != seen));
    let settled = deal.and_then(|deal| deal.won.as_ref()).is_some_and(|won| won.settled.is_some());
    let no_amount = item.theirs.is_some_and(|theirs| theirs.status == DealStatus::Won)
        && item.theirs.and_then(|theirs| theirs.amount).is_none_or(|amount| !amount.is_positive());
    match item.difference {
        _ if has_changed => "Our deal has changed since. Compare a new list.",
        _ if settled => "Another system settled its commission before it was imported. Correct it by hand.",
        Difference::MissingHere | Difference::Stage | Difference::Amount if no_amount => {
            "The CRM says won, and no amount."
        }
        Difference::MissingHere => "The line doesn't say whose deal it is.",
        Difference::Amount => "Part of it was given back. Correct it by hand.",
        _ => "",
    }
}

/// What mends do besides what their buttons say.
fn besides(item: &Item, deal: Option<&Deal>, mends: &[Mend]) -> &'static str {
    let is_booked = deal.and_then(|deal| deal.won.as_ref()).is_some_and(|won| won.commission.is_some());
    match item.ours {
        Some(Standing { status: DealStatus::Won, .. }) if is_booked => match mends {
            [Mend::LoseAgain | Mend::Reopen] | [Mend::Post, Mend::LoseAgain] => {
                "Its commission is taken back then."
            }
            [Mend::Refund, ..] => "Its commission is taken back in proportion.",
            [Mend::WinAgain] => "Its commission is taken back and booked again.",
            _ => "",
        },
        _ => "",
    }
}

impl Row {
    fn new(item: &Item, deal: Option<&Deal>, can_post: bool, currency: Currency) -> Row {
        let open = item.state == Decided::Open;
        let mends = offered(item, deal, can_post);
        let said = Said::read(&item.said);
        let said = [
            ("Client", said.name),
            ("Email", said.email),
            ("Phone", said.phone),
            ("Client number", said.client),
            ("Partner's code", said.code),
            ("About", said.title),
            ("Reason", said.reason),
        ];
        Row {
            n: item.n,
            difference: item.difference.label(),
            line: item.line,
            external_id: item.external_id.clone(),
            deal: item.deal_number.map(Link::deal),
            client: deal.map(|deal| deal.client_name.clone()).unwrap_or_default(),
            theirs: their_side(item, currency),
            ours: item.ours.as_ref().map(|ours| our_side(ours, currency)),
            said: said.into_iter().filter(|(_, text)| !text.is_empty()).collect(),
            why: item.why.clone(),
            note: match (open, mends.is_empty()) {
                (true, true) => note(item, deal),
                (true, false) => besides(item, deal, &mends),
                (false, _) => "",
            },
            mends: mends.iter().map(|mend| (mend.as_str(), button(*mend, item, currency))).collect(),
            open,
        }
    }
}

pub(super) async fn render(app: &App, staff: Staff, list: Reconciliation, asked: Asked) -> Page {
    let (done, after) = (asked.done(), asked.number("after").unwrap_or(0));
    let state = Decided::from_word(asked.0.value("state")).unwrap_or(Decided::Open);
    let kind = Difference::from_word(asked.0.value("difference"));
    let of = list.id.clone();
    let (shell, counts, items, deals, can_post, currency) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CRM, done.as_deref())?;
            let counts = stored::counts(tx, &of)?;
            let items = stored::items(tx, &of, state, kind, after, ROWS_AND_ONE)?;
            let numbers: Vec<i64> = items.iter().filter_map(|item| item.deal_number).collect();
            let deals = if numbers.is_empty() { vec![] } else { stored::deals_by_number(tx, &numbers)? };
            let can_post = webhook_events::can_post_to_crm(tx, env)?;
            Ok((shell, counts, items, deals, can_post, env.programme.currency))
        })
        .await?;
    let here = paths::office_reconcile(&list.id);
    let address = |state: Decided, kind: Option<Difference>| {
        paths::with_query(
            &here,
            &[("state", state.as_str()), ("difference", kind.map_or("", Difference::as_str))],
        )
    };
    let count = |of_state: Decided, of_kind: Option<Difference>| -> i64 {
        let wanted = counts
            .iter()
            .filter(|(state, kind, _)| *state == of_state && of_kind.is_none_or(|of| of == *kind));
        wanted.map(|(.., count)| count).sum()
    };
    let states = Decided::ALL.map(|one| (address(one, None), one.label(), count(one, None), one == state));
    let mut kinds = vec![(address(state, None), "All", count(state, None), kind.is_none())];
    kinds.extend(
        Difference::ALL
            .map(|one| (address(state, Some(one)), one.label(), count(state, Some(one)), kind == Some(one))),
    );
    kinds.retain(|(_, _, count, chosen)| *count > 0 || *chosen);
    let (rows, pager) =
        page_of(items, &asked, "after", &address(state, kind), |item: &Item| item.n.to_string());
    let deals: HashMap<i64, Deal> = deals.into_iter().map(|deal| (deal.number, deal)).collect();
    let row = |item: &Item| {
        let deal = item.deal_number.and_then(|number| deals.get(&number));
        Row::new(item, deal, can_post, currency)
    };
    let page = ReportPage {
        shell,
        id: list.id,
        name: list.name,
        by: list.made_by,
        compared: Moment::exact(list.compared_at.unwrap_or(list.at)),
        lines: list.lines,
        same: list.same,
        unlisted: list.unlisted,
        listed: LISTED,
        kept_days: KEPT_DAYS,
        all: counts.iter().map(|(.., count)| count).sum(),
        unnamed: if state == Decided::Open { count(state, Some(Difference::Unnamed)) } else { 0 },
        states: states.to_vec(),
        kinds,
        state: state.as_str(),
        kind: kind.map_or("", Difference::as_str),
        rows: rows.iter().map(row).collect(),
        pager,
    };
    show(&page)
}

/// Back to the list that the person worked at.
fn back(id: &str, form: &Fields, done: &str) -> String {
    let kind = Difference::from_word(form.typed("difference")).map_or("", Difference::as_str);
    paths::with_query(&paths::office_reconcile(id), &[("difference", kind), ("done", done)])
}

/// A refusal that leads back to the report.
fn refused(error: ReconcileError, back_to: String) -> PageError {
    match PageError::from(error) {
        PageError::Explained(explanation) => {
            PageError::Explained(Explanation { way_on: (back_to, "Back to the report"), ..explanation })
        }
        other => other,
    }
}

fn number_of(form: &Fields) -> Result<i64, PageError> {
    form.typed("n").parse().map_err(|_| PageError::status(StatusCode::NOT_FOUND))
}

/// `POST /office/reconcile/{id}/mend`
///
/// # Errors
/// 404 when there is no such difference, 409 when it is done already or our deal has changed since.
pub async fn mend(State(app): State<App>, staff: Staff, Id(id): Id, form: Fields) -> Page {
    let n = number_of(&form)?;
    let mend = Mend::from_word(form.typed("mend")).ok_or_else(PageError::not_found)?;
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::mend(tx, env, &by, &of, n, mend)).await;
    done.map_err(|error| refused(error, back(&id, &form, "")))?;
    go_to(&back(&id, &form, "reconcile-mended"))
}

/// `POST /office/reconcile/{id}/leave`
///
/// # Errors
/// 404 when there is no such difference, 409 when it is done already.
pub async fn leave(State(app): State<App>, staff: Staff, Id(id): Id, form: Fields) -> Page {
    let n = number_of(&form)?;
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::leave(tx, env, &by, &of, n)).await;
    done.map_err(|error| refused(error, back(&id, &form, "")))?;
    go_to(&back(&id, &form, "reconcile-left"))
}

/// `POST /office/reconcile/{id}/link`: links every deal that the list names by our transaction number.
///
/// # Errors
/// 404 when there is no such report.
pub async fn link(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let mut after = 0;
    loop {
        let (by, of) = (staff.actor.clone(), id.clone());
        match app.write(move |tx, env| acts::link(tx, env, &by, &of, after)).await? {
            Some(last) => after = last,
            None => return go_to(&back(&id, &Fields::default(), "reconcile-linked")),
        }
    }
}
