//! Batches of withdrawals that are paid together: the list, and making one from what was chosen in the queue.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::money::Currency;
use store::batches::{self, BatchStatus, Listed};

use super::{
    parts::{Asked, Badge, Moment, Pager, ROWS_AND_ONE, page_of},
    withdrawals as queue,
};
use crate::{
    app::App,
    ops::batches::{self as acts, BatchError},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/batches.html")]
struct BatchesPage {
    shell: OfficeShell,
    rows: Vec<Row>,
    further: bool,
    pager: Pager,
    currency: &'static str,
}

struct Row {
    href: String,
    made: Moment,
    by: String,
    status: Badge,
    count: i64,
    total: String,
}

/// The status of a batch.
pub(super) fn badge(status: BatchStatus) -> Badge {
    match status {
        BatchStatus::Open => Badge::new("pending", "Open"),
        BatchStatus::Paid => Badge::new("paid", "Paid"),
        BatchStatus::Dissolved => Badge::new("rejected", "Dissolved"),
    }
}

impl Row {
    fn new(Listed { batch, count, total }: &Listed, currency: Currency) -> Row {
        Row {
            href: paths::office_batch(&batch.id),
            made: Moment::exact(batch.made_at),
            by: batch.made_by.clone(),
            status: badge(batch.status),
            count: *count,
            total: currency.format(*total),
        }
    }
}

/// `GET /office/withdrawals/batches`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let before = asked.id("before");
    let further = before.is_some();
    let done = asked.done();
    let (shell, rows, currency) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WITHDRAWALS, done.as_deref())?;
            let rows = batches::list(tx, before.as_deref(), ROWS_AND_ONE)?;
            Ok((shell, rows, env.programme.currency))
        })
        .await?;
    let (rows, pager) = page_of(rows, &asked, "before", paths::OFFICE_BATCHES, |row| row.batch.id.clone());
    let rows = rows.iter().map(|row| Row::new(row, currency)).collect();
    show(&BatchesPage { shell, rows, further, pager, currency: currency.code() })
}

/// `POST /office/withdrawals/batches`
///
/// # Errors
/// When the database says no.
pub async fn make(State(app): State<App>, staff: Staff, form: Fields) -> Page {
    let chosen = form.names().filter_map(|name| name.strip_prefix("choose[")?.strip_suffix(']'));
    let ids: Vec<String> = chosen.filter(|id| super::parts::is_id(id)).map(str::to_owned).collect();
    let by = staff.actor.clone();
    let made = app.write(move |tx, env| acts::make(tx, env, &by, &ids)).await;
    let (code, error) = match made {
        Ok(id) => return go_to(&paths::with_query(&paths::office_batch(&id), &[("done", "batch")])),
        Err(BatchError::Db(error)) => return Err(error.into()),
        Err(BatchError::Ledger(error)) => return Err(PageError::internal(error)),
        Err(error @ (BatchError::Empty | BatchError::TooMany)) => (StatusCode::UNPROCESSABLE_ENTITY, error),
        Err(error) => (StatusCode::CONFLICT, error),
    };
    let place = Fields::filled([("show", form.value("show")), ("after", form.value("after"))]);
    queue::render(&app, staff, Asked(place), code, (form, Some(error.to_string()))).await
}
