//! The CRM's lists of deals that were held against the deals here, and a new one.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use store::reconciliations::{self as stored, Reconciliation};

use super::parts::{Asked, Moment, Pager, ROWS_AND_ONE, page_of};
use crate::{
    app::App,
    ops::reconcile::{self as acts, MOST_BYTES, ReconcileError},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        upload::Upload,
        visitor::Staff,
    },
};

/// The largest form that is taken (bytes): a file, or the same as text in a form, where a sign may take three.
pub const LIMIT: usize = 3 * MOST_BYTES;

/// How long a file's name may be (characters).
const NAME_CHARS: usize = 120;

#[derive(Template)]
#[template(path = "office/reconcile.html")]
struct ReconcilePage {
    shell: OfficeShell,
    rows: Vec<Row>,
    pager: Pager,
    form: Fields,
}

struct Row {
    href: String,
    name: String,
    at: Moment,
    by: String,
    /// The differences that nobody has decided on; none where it isn't compared.
    open: Option<i64>,
    lines: i64,
}

async fn render(app: &App, staff: Staff, status: StatusCode, asked: Asked, form: Fields) -> Page {
    let (done, before) = (asked.done(), asked.id("before"));
    let (shell, rows) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CRM, done.as_deref())?;
            let mut rows = Vec::new();
            for list in stored::page(tx, before.as_deref(), ROWS_AND_ONE)? {
                let open = stored::counts(tx, &list.id)?;
                let open = open.iter().filter(|(state, ..)| *state == stored::State::Open);
                rows.push((open.map(|(.., count)| count).sum::<i64>(), list));
            }
            Ok((shell, rows))
        })
        .await?;
    let (rows, pager) = page_of(rows, &asked, "before", paths::OFFICE_RECONCILE, |(_, list)| list.id.clone());
    let row = |(open, list): (i64, Reconciliation)| Row {
        href: paths::office_reconcile(&list.id),
        name: list.name,
        at: Moment::exact(list.at),
        by: list.made_by,
        open: list.compared_at.map(|_| open),
        lines: list.lines,
    };
    let page = ReconcilePage { shell, rows: rows.into_iter().map(row).collect(), pager, form };
    show_with(status, &page)
}

/// `GET /office/reconcile`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, StatusCode::OK, asked, Fields::default()).await
}

/// `POST /office/reconcile`: a file, or its text.
///
/// # Errors
/// When the database says no.
pub async fn give(State(app): State<App>, staff: Staff, upload: Upload) -> Page {
    let mut form = upload.fields.clone();
    let chosen = upload.file("file").map(|file| (file.name.clone(), file.bytes.clone()));
    let is_file = chosen.is_some();
    let (name, bytes) =
        chosen.unwrap_or_else(|| ("Pasted text".to_owned(), form.typed("text").as_bytes().to_vec()));
    let read = app.heavy(move || acts::read(&bytes).map(|(text, _)| text)).await;
    let field = if is_file { "file" } else { "text" };
    let Some(text) = form.check(field, |_| read) else {
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, Asked::default(), form).await;
    };
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
    let name = if name.trim().is_empty() { "A list".to_owned() } else { name };
    let by = staff.actor.clone();
    let id = app.write(move |tx, env| acts::keep(tx, env, &by, &name, &text)).await?;
    go_to(&paths::office_reconcile(&id))
}

impl From<ReconcileError> for PageError {
    fn from(error: ReconcileError) -> PageError {
        match error {
            ReconcileError::Unknown => PageError::not_found(),
            ReconcileError::Db(error) => error.into(),
            error => PageError::conflict(error, paths::OFFICE_RECONCILE),
        }
    }
}
