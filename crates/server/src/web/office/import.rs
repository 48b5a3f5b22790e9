//! Taking over from another system: files are tried first, and what was tried is imported.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::import::{self as columns, Kind, Preset};

use crate::{
    app::App,
    ops::import::{self as acts, Count, File, ImportError, Order, Problem, Report},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, show_with},
        upload::Upload,
        visitor::Staff,
    },
};

/// How large the files may be together (bytes). Tens of thousands of rows; more take longer than anybody waits for a page.
const MOST_BYTES: usize = 4 << 20;
/// The largest form that is taken: files that were tried come along again as text.
pub const LIMIT: usize = 2 * MOST_BYTES;
/// How many lines of a report are shown.
const SHOWN: usize = 500;
/// How long a file's name may be (characters).
const NAME_CHARS: usize = 120;

#[derive(Template)]
#[template(path = "office/import.html")]
struct ImportPage {
    shell: OfficeShell,
    form: Fields,
    /// The word of each file, and what it is called.
    kinds: Vec<(&'static str, &'static str)>,
    presets: Vec<(&'static str, &'static str)>,
    largest: usize,
    outcome: Option<Outcome>,
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    /// It is done, and not only tried.
    imported: bool,
    /// How many lines keep everything out.
    stops: usize,
    counts: Vec<(String, Count)>,
    problems: Vec<Problem>,
    /// How many lines are not shown.
    left: usize,
    /// The hash of what was tried, where that can be imported.
    tried: Option<String>,
    /// The files of that: the word, the name, the bytes as text.
    kept: Vec<(&'static str, String, String)>,
}

const fn called(kind: Kind) -> &'static str {
    match kind {
        Kind::Partners => "Partners and their codes",
        Kind::Clients => "Clients, and whose they are",
        Kind::Deals => "Deals",
        Kind::Balances => "Open balances",
    }
}

async fn render(app: &App, staff: Staff, status: StatusCode, form: Fields, outcome: Option<Outcome>) -> Page {
    let shell =
        app.read(move |tx, env| OfficeShell::load(tx, env, &staff, paths::OFFICE_IMPORT, None)).await?;
    let page = ImportPage {
        shell,
        form,
        kinds: Kind::ALL.map(|kind| (kind.as_str(), called(kind))).to_vec(),
        presets: Preset::ALL.map(|preset| (preset.as_str(), preset.label())).to_vec(),
        largest: MOST_BYTES >> 20,
        outcome,
    };
    show_with(status, &page)
}

/// `GET /office/import`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff) -> Page {
    render(&app, staff, StatusCode::OK, Fields::default(), None).await
}

/// `POST /office/import`: tries files, or imports the very ones that were tried.
///
/// # Errors
/// When the database says no.
pub async fn give(State(app): State<App>, staff: Staff, upload: Upload) -> Page {
    let mut form = upload.fields.clone();
    let files = files(&upload, &mut form);
    let read = order(&mut form, files).filter(|_| !form.is_refused());
    let Some(mut order) = read else {
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
    };
    order.dry_run = form.typed("tried") != tried(&order);
    let by = staff.actor.clone();
    let (currency, now) = (app.programme().currency, app.env().now);
    let (order, parsed) = app
        .heavy(move || {
            let parsed = Arc::new(acts::read(&order, currency, now));
            (order, parsed)
        })
        .await;
    let asked = order.clone();
    let done = app.write_bulk(move |tx, env| acts::import(tx, env, &by, &asked, &parsed, |_| {})).await;
    let (report, imported) = match done {
        Ok(report) => (report, true),
        Err(ImportError::Tried(report) | ImportError::Problems(report)) => (*report, false),
        Err(ImportError::Db(error)) => return Err(error.into()),
        Err(error) => {
            form.refuse_form(error);
            return render(&app, staff, StatusCode::CONFLICT, form, None).await;
        }
    };
    let status = if report.problem_count() > 0 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let outcome = Outcome::new(&report, &order, imported);
    render(&app, staff, status, form, Some(outcome)).await
}

impl Outcome {
    fn new(report: &Report, order: &Order, imported: bool) -> Outcome {
        let stops = report.problem_count();
        let is_offered = !imported && stops == 0;
        let kept = |file: &File| (file.kind.as_str(), file.name.clone(), STANDARD.encode(&file.bytes));
        let counts = Kind::ALL.iter().filter_map(|kind| {
            report.counts.get(kind.as_str()).map(|count| (kind.as_str().to_owned(), *count))
        });
        Outcome {
            imported,
            stops,
            counts: counts.collect(),
            problems: report.shortened(SHOWN).problems,
            left: report.problems.len().saturating_sub(SHOWN),
            tried: is_offered.then(|| tried(order)),
            kept: if is_offered { order.files.iter().map(kept).collect() } else { Vec::new() },
        }
    }
}

/// What says that exactly this was tried.
fn tried(order: &Order) -> String {
    format!("{}{}", order.hash(), if order.invite { "-invite" } else { "" })
}

/// The files that were chosen, or those that were tried and came along.
fn files(upload: &Upload, form: &mut Fields) -> Vec<File> {
    let name = |name: &str, kind: Kind| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
        if name.trim().is_empty() { format!("{}.csv", kind.as_str()) } else { name }
    };
    let mut files = Vec::new();
    for kind in Kind::ALL {
        let word = kind.as_str();
        if let Some(file) = upload.file(word) {
            files.push(File { kind, name: name(&file.name, kind), bytes: file.bytes.clone() });
            continue;
        }
        let kept = upload.fields.typed(&format!("kept-{word}"));
        if kept.is_empty() {
            continue;
        }
        match STANDARD.decode(kept) {
            Ok(bytes) => {
                let told = upload.fields.typed(&format!("name-{word}"));
                files.push(File { kind, name: name(told, kind), bytes });
            }
            Err(_) => form.refuse(word, "The file was damaged on its way. Choose it again."),
        }
    }
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    if bytes > MOST_BYTES {
        let sentence = format!(
            "The files have more than {} MB together. Import them on the command line: goodword import.",
            MOST_BYTES >> 20
        );
        form.refuse_form(sentence);
    }
    files
}

fn order(form: &mut Fields, files: Vec<File>) -> Option<Order> {
    if files.is_empty() && !form.is_refused() {
        form.refuse("partners", "Choose one file at least.");
    }
    let preset = form.check("preset", |typed| match typed {
        "" => Ok(None),
        word => Preset::from_word(word).map(Some).ok_or("Choose one of these."),
    });
    let typed = form.typed("source").trim().to_owned();
    let source_given = !typed.is_empty();
    let preset = preset?;
    let typed = if source_given { typed } else { preset.map_or("csv", Preset::as_str).to_owned() };
    let source = form.check("source", |_| {
        columns::source(&typed)
            .ok_or("The name of a system is a word of letters, digits and hyphens, at most 40 of them.")
    })?;
    let invite = form.has("invite");
    Some(Order { files, preset, source, source_given, dry_run: true, invite })
}

impl From<ImportError> for PageError {
    fn from(error: ImportError) -> PageError {
        match error {
            ImportError::Db(error) => error.into(),
            error => PageError::conflict(error, paths::OFFICE_IMPORT),
        }
    }
}
