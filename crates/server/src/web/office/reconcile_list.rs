//! A list of the CRM: before it is compared, how it is to be read; afterwards the report.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Day,
    reconcile::{FIELDS, Field},
    text::optional,
};
use store::reconciliations::{self as stored, Reconciliation};

use super::{
    parts::{Asked, Id, Moment},
    reconcile_report,
};
use crate::{
    app::App,
    ops::{
        crm::mapping::Meaning,
        reconcile::{self as acts, Found, Reading, ReconcileError, Table, UnsetStages},
    },
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

/// How many lines of the list are shown.
const SHOWN: usize = 3;

#[derive(Template)]
#[template(path = "office/reconcile_list.html")]
struct ListPage {
    shell: OfficeShell,
    id: String,
    name: String,
    at: Moment,
    lines: usize,
    headers: Vec<String>,
    first: Vec<Vec<String>>,
    fields: Vec<Column>,
    stages: Vec<Stage>,
    form: Fields,
}

/// A field of the form: which column says it.
struct Column {
    word: &'static str,
    label: &'static str,
    hint: &'static str,
    /// The header, and whether it is chosen.
    choices: Vec<(String, bool)>,
}

/// What a stage means.
struct Stage {
    word: String,
    name: String,
    /// The word, the label, whether it is chosen.
    choices: Vec<(&'static str, &'static str, bool)>,
}

fn label(meaning: Meaning) -> &'static str {
    meaning.status().map_or("Leave these lines out", |status| status.label())
}

/// The list and what is in it.
struct Draft {
    list: Reconciliation,
    table: Table,
    last: Reading,
}

async fn load(app: &App, id: String) -> Result<Draft, PageError> {
    let (list, text, last) = app
        .read(move |tx, _| -> Result<_, PageError> {
            let list = stored::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            if list.compared_at.is_some() {
                return Err(ReconcileError::Compared.into());
            }
            Ok((list, stored::file(tx, &id)?, acts::last_reading(tx)?))
        })
        .await?;
    let read = app.heavy(move || acts::read(text.as_bytes()).map(|(_, table)| table)).await;
    let table = read.map_err(|_| {
        let sentence = "The file was thrown away, because somebody's words were erased. Give it once more.";
        PageError::conflict(sentence, paths::OFFICE_RECONCILE)
    })?;
    Ok(Draft { list, table, last })
}

/// The form for a way of reading.
fn filled(reading: &Reading) -> Fields {
    let since = reading.since().map(|since| since.day().iso()).unwrap_or_default();
    let mut form = Fields::filled([("since", &since)]);
    if reading.only_named {
        form.set("only_named", "1");
    }
    form
}

async fn render(
    app: &App,
    staff: Staff,
    draft: Draft,
    status: StatusCode,
    reading: &Reading,
    form: Option<Fields>,
) -> Page {
    let shell = app
        .read(move |tx, env| -> Result<_, PageError> {
            Ok(OfficeShell::load(tx, env, &staff, paths::OFFICE_CRM, None)?)
        })
        .await?;
    let Draft { list, table, .. } = draft;
    let column = |&(field, label, hint): &(Field, &'static str, &'static str)| {
        let chosen = reading.column(&table, field);
        let choice = |(index, header): (usize, &String)| (header.clone(), chosen == Some(index));
        let choices = table.headers.iter().enumerate().map(choice).collect();
        Column { word: field.as_str(), label, hint, choices }
    };
    let stage = |(index, word): (usize, &String)| {
        let meaning = reading.meaning(word);
        let choice =
            |&(known, value): &(&'static str, Meaning)| (known, label(value), meaning == Some(value));
        Stage {
            word: word.clone(),
            name: format!("stage-{index}"),
            choices: Meaning::ALL.iter().map(choice).collect(),
        }
    };
    let words = reading.stage_words(&table).unwrap_or_default();
    let page = ListPage {
        shell,
        id: list.id,
        name: list.name,
        at: Moment::exact(list.at),
        lines: table.lines.len(),
        fields: FIELDS.iter().map(column).collect(),
        stages: words.iter().enumerate().map(stage).collect(),
        first: table.lines.iter().take(SHOWN).map(|(_, line)| line.clone()).collect(),
        headers: table.headers,
        form: form.unwrap_or_else(|| filled(reading)),
    };
    show_with(status, &page)
}

/// `GET /office/reconcile/{id}`
///
/// # Errors
/// 404 when there is no such list.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    let of = id.clone();
    let list = app.read(move |tx, _| stored::by_id(tx, &of)).await?.ok_or_else(PageError::not_found)?;
    if list.compared_at.is_some() {
        return reconcile_report::render(&app, staff, list, asked).await;
    }
    let draft = load(&app, id).await?;
    let reading = Reading::likely(&draft.table, &draft.last);
    render(&app, staff, draft, StatusCode::OK, &reading, None).await
}

/// What the form says about how the list is to be read.
fn read_form(form: &mut Fields, table: &Table) -> Reading {
    let headers = table.headers.clone();
    let mut reading = Reading { only_named: form.has("only_named"), headers, ..Reading::default() };
    for (field, ..) in FIELDS {
        let word = field.as_str();
        let known = |typed: &str| {
            if typed.is_empty() || table.column(typed).is_some() {
                Ok(typed.to_owned())
            } else {
                Err("Choose a column.")
            }
        };
        if let Some(header) = form.check(word, known).filter(|header| !header.is_empty()) {
            reading.columns.insert(word.to_owned(), header);
        }
    }
    if reading.column(table, Field::Stage).is_none() {
        form.refuse(Field::Stage.as_str(), "Say which column tells where the deal stands.");
    } else if reading.stage_words(table).is_none() {
        let sentence = "This column says something else in nearly every line, so it is no stage.";
        form.refuse(Field::Stage.as_str(), sentence);
    }
    let tells = |field: &Field| reading.column(table, *field).is_some();
    if form.error(Field::Deal.as_str()).is_none()
        && ![Field::Deal, Field::Number, Field::Client, Field::Email].iter().any(tells)
    {
        form.refuse(Field::Deal.as_str(), "Say which column tells which deal it is.");
    }
    let day = |typed: &str| {
        optional(typed, |typed| {
            Day::from_iso(typed).ok_or("Write the day as year, month and day: 2027-01-31.")
        })
    };
    let since = form.check("since", day).flatten();
    reading.since = since.map(|day: Day| day.start().micros());
    let names: Vec<String> =
        form.names().filter(|name| name.starts_with("stage-")).map(str::to_owned).collect();
    for name in names {
        let word = form.typed(&name.replace("stage-", "word-")).to_owned();
        let meaning = Meaning::ALL.iter().find(|(known, _)| *known == form.typed(&name));
        if let Some((_, meaning)) = meaning.filter(|_| !word.is_empty()) {
            reading.stages.push((word, *meaning));
        }
    }
    reading
}

/// `POST /office/reconcile/{id}/compare`
///
/// # Errors
/// 404 when there is no such list, 409 when it is compared already.
pub async fn compare(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let draft = load(&app, id.clone()).await?;
    let mut reading = read_form(&mut form, &draft.table);
    if form.is_refused() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return render(&app, staff, draft, status, &reading, Some(form)).await;
    }
    let (table, given_at, with) = (draft.table.clone(), draft.list.at, reading.clone());
    let found: Result<Found, UnsetStages> = app
        .read(move |tx, env| -> Result<_, PageError> { Ok(acts::find(tx, env, &table, &with, given_at)?) })
        .await?;
    let found = match found {
        Ok(found) => found,
        Err(UnsetStages(words)) => {
            let likely = Reading::likely(&draft.table, &reading);
            reading.stages.extend(likely.stages.into_iter().filter(|(word, _)| words.contains(word)));
            form.refuse_form(
                "Another column tells the stage now. Look through what its words mean, and compare.",
            );
            return render(&app, staff, draft, StatusCode::UNPROCESSABLE_ENTITY, &reading, Some(form)).await;
        }
    };
    let (by, whose) = (staff.actor.clone(), id.clone());
    app.write(move |tx, env| acts::keep_found(tx, env, &by, &whose, &reading, &found)).await?;
    go_to(&paths::with_query(&paths::office_reconcile(&id), &[("done", "reconcile-compared")]))
}

/// `POST /office/reconcile/{id}/discard`
///
/// # Errors
/// 404 when there is no such list, 409 when it is compared already.
pub async fn discard(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let by = staff.actor.clone();
    app.write(move |tx, env| acts::discard(tx, env, &by, &id)).await?;
    go_to(&paths::with_query(paths::OFFICE_RECONCILE, &[("done", "reconcile-discarded")]))
}
