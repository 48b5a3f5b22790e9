//! Everything as files: a list of tables, and each of them written while it is sent.

use std::io;

use askama::Template;
use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use store::{
    Value,
    exports::{self, Table},
};

use crate::{
    app::App,
    ops::{
        audit::{self, Act, Change},
        export::Format,
    },
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, download, show},
        visitor::Staff,
    },
};

/// How many rows are read and sent at a time.
const ROWS: i64 = 500;

#[derive(Template)]
#[template(path = "office/export.html")]
struct ExportPage {
    shell: OfficeShell,
    /// The name of each table and its columns.
    tables: Vec<(&'static str, String)>,
}

/// `GET /office/export`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff) -> Page {
    let shell =
        app.read(move |tx, env| OfficeShell::load(tx, env, &staff, paths::OFFICE_EXPORT, None)).await?;
    let columns = |table: &Table| table.columns.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    let tables = exports::TABLES.iter().map(|table| (table.name, columns(table))).collect();
    show(&ExportPage { shell, tables })
}

/// `GET /office/export/{id}`: the name of a table, with `.csv` or `.jsonl`. Each page of it is read when the one before it is
/// sent, so its length doesn't matter; an error breaks the download off, which nobody takes for the end.
///
/// # Errors
/// 404 when there is no such table.
pub async fn file(
    State(app): State<App>,
    staff: Staff,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    let found = name
        .rsplit_once('.')
        .and_then(|(table, format)| Some((exports::table(table)?, Format::from_word(format)?)));
    let (table, format) = found.ok_or_else(PageError::not_found)?;
    let record = app.write(move |tx, env| {
        let changes = [Change::set("Table", table.name)];
        let act = Act { what: "export.taken", on: ("export", table.name), changes: &changes, reason: "" };
        audit::record(tx, env, &staff.actor, act)
    });
    record.await?;
    let currency = app.programme().currency;
    let file = format!("{}-{}.{}", table.name, app.env().now.day().iso(), format.as_str());
    let start = Some((Some(format.head(table)), table.start()));
    let pages = stream::try_unfold((app, start), move |(app, next)| async move {
        let Some((head, after)) = next else { return Ok(None) };
        let rows = read(&app, table, after).await.map_err(|error| {
            tracing::warn!(%error, table = table.name, "an export broke off");
            io::Error::other(error)
        })?;
        let mut chunk = head.unwrap_or_default();
        rows.iter().for_each(|row| chunk.extend(format.row(table, row, currency)));
        let last = rows.last().filter(|_| (rows.len() as i64) == ROWS);
        let next = last.map(|last| (None, table.key_of(last)));
        Ok::<_, io::Error>(Some((chunk, (app, next))))
    });
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::JsonLines => "application/jsonl",
    };
    Ok(download(kind, &file, Body::from_stream(pages)).into_response())
}

async fn read(
    app: &App,
    table: &'static Table,
    after: Vec<Value>,
) -> Result<Vec<Vec<Value>>, store::DbError> {
    app.db.report(move |tx| table.page(tx, &after, ROWS)).await
}
