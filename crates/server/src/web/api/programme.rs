//! `/api/v1/stats` and `/api/v1/events`: the programme as a whole, and what was done in it.

use axum::extract::State;
use serde::Serialize;
use store::{
    audit::{self, Filter, Record},
    partners, withdrawals,
};
use utoipa::ToSchema;

use super::{
    input::Query,
    once::{Answer, show},
    paging::{self, Limit},
    partners::PageQuery,
    problem::Problem,
};
use crate::{
    app::App,
    ops::audit::Change,
    shapes::{List, MoneyOut},
};

/// The programme in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// How many partners there are.
    partners: i64,
    /// How many clients belong to one of them.
    clients: i64,
    /// How many of their deals are won.
    deals_won: i64,
    /// What those came to, less refunds.
    volume: MoneyOut,
    /// How many withdrawals wait for finance.
    withdrawals_pending: i64,
    /// Since when the oldest of them waits.
    oldest_withdrawal_at: Option<String>,
}

/// Read the programme's numbers
#[utoipa::path(get, path = "/api/v1/stats", tag = "Programme",
    responses((status = 200, description = "The numbers", body = Stats)))]
pub async fn stats(State(app): State<App>) -> Answer {
    let currency = app.programme().currency;
    let stats = app
        .db
        .report(move |tx| {
            let sums = partners::sums(tx)?;
            let (withdrawals_pending, oldest) = withdrawals::waiting(tx)?;
            Ok::<_, Problem>(Stats {
                partners: sums.partners,
                clients: sums.clients,
                deals_won: sums.deals_won,
                volume: MoneyOut::new(sums.volume, currency),
                withdrawals_pending,
                oldest_withdrawal_at: oldest.map(|at| at.rfc3339()),
            })
        })
        .await?;
    show(&stats)
}

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventOut {
    id: String,
    at: String,
    /// What the person or token was called then.
    actor: String,
    /// The identifier of whoever did it; null for the server itself.
    actor_id: Option<String>,
    /// A role of the office, `partner`, `token`, `guest` or `server`.
    role: String,
    /// A word such as `deal.won`.
    act: String,
    /// The kind of thing it was done to.
    subject: String,
    /// Its number or identifier.
    subject_id: String,
    changes: Vec<ChangeOut>,
    reason: String,
}

/// What an act has changed, in words for people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
struct ChangeOut {
    what: String,
    before: String,
    after: String,
}

impl From<Record> for EventOut {
    fn from(record: Record) -> EventOut {
        let changes: Vec<Change> = serde_json::from_str(&record.changes).unwrap_or_default();
        EventOut {
            id: record.id,
            at: record.at.rfc3339(),
            actor: record.actor,
            actor_id: record.actor_id,
            role: record.role,
            act: record.act,
            subject: record.subject,
            subject_id: record.subject_id,
            changes: changes
                .into_iter()
                .map(|change| ChangeOut { what: change.what, before: change.before, after: change.after })
                .collect(),
            reason: record.reason,
        }
    }
}

/// List what was done
///
/// The audit, newest first: every act of staff and tokens, and what concerned the safety of accounts.
#[utoipa::path(get, path = "/api/v1/events", tag = "Programme", params(PageQuery),
    responses((status = 200, description = "A page of events", body = List<EventOut>)))]
pub async fn events(State(app): State<App>, Query(query): Query<PageQuery>) -> Answer {
    let limit = Limit::read(query.limit)?;
    let before = paging::id(query.cursor.as_deref())?;
    let page = app
        .read(move |tx, _| {
            let rows = audit::list(tx, &Filter::default(), before.as_deref(), limit.and_one())?;
            Ok::<_, Problem>(List::new(rows, limit.rows(), |row| row.id.clone(), EventOut::from))
        })
        .await?;
    show(&page)
}
