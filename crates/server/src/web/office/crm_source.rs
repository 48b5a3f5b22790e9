//! One CRM: what it has told, what waits, and how what it sends is read.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::permission::Permission;
use serde_json::Value;
use store::{
    crm::{self, Item, Status},
    outbox::COUNTED,
};

use super::parts::{Asked, Badge, Id, Link, Moment, Pager, ROWS_AND_ONE, page_of};
use crate::{
    app::App,
    crm as work,
    ops::crm::{
        self as acts, Again, CrmError,
        mapping::{Mapping, POINTERS, read_pointer, read_stages},
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

#[derive(Template)]
#[template(path = "office/crm_source.html")]
struct SourcePage {
    shell: OfficeShell,
    id: String,
    name: String,
    hint: String,
    closed: Option<Moment>,
    may_manage: bool,
    waiting: i64,
    /// The choices of news: the address, the label, whether it is chosen.
    choices: Vec<(String, &'static str, bool)>,
    rows: Vec<Row>,
    pager: Pager,
    form: Fields,
    sample: Fields,
    /// What the mapping reads in a sample: the label, the pointer, what stands there.
    read: Vec<(&'static str, String, String)>,
    pointers: &'static [(&'static str, &'static str, &'static str)],
}

/// A piece of news in the list.
pub(super) struct Row {
    pub(super) href: String,
    pub(super) at: Moment,
    pub(super) status: Badge,
    pub(super) why: String,
    pub(super) deal: Option<Link>,
}

impl Row {
    pub(super) fn new(item: &Item) -> Row {
        Row {
            href: paths::office_crm_item(&item.id),
            at: Moment::exact(item.at),
            status: badge(item.status),
            why: item.why.clone(),
            deal: item.deal_number.map(Link::deal),
        }
    }
}

fn badge(status: Status) -> Badge {
    let class = match status {
        Status::New | Status::Waiting => "pending",
        Status::Applied => "won",
        Status::Ignored | Status::Outdated => "lost",
    };
    Badge::new(class, status.label())
}

/// The fields of the form with a mapping.
fn filled(mapping: &Mapping) -> Fields {
    let mut form = Fields::filled([("stages", &mapping.stage_lines())]);
    for (name, ..) in POINTERS {
        form.set(name, mapping.pointer(name));
    }
    form
}

/// What a mapping reads in a text.
fn read_in(mapping: &Mapping, sample: &str) -> Vec<(&'static str, String, String)> {
    let Ok(sent) = serde_json::from_str::<Value>(sample) else { return Vec::new() };
    let items = mapping.items(&sent);
    let item = items.first().unwrap_or(&sent);
    let rows = POINTERS.iter().filter(|(name, ..)| *name != "list" && !mapping.pointer(name).is_empty());
    rows.map(|(name, label, _)| {
        let mut value = mapping.value(item, name);
        if *name == "stage" {
            let meaning = mapping.meaning(&value).and_then(|meaning| meaning.status());
            let meaning = meaning.map_or("no meaning yet, or of no interest", |status| status.label());
            value = if value.is_empty() { value } else { format!("{value}: {meaning}") };
        }
        (*label, mapping.pointer(name).to_owned(), value)
    })
    .collect()
}

/// What the page is shown for.
#[derive(Default)]
struct Occasion {
    asked: Asked,
    form: Option<Fields>,
    sample: Option<Fields>,
}

async fn render(app: &App, staff: Staff, id: String, status: StatusCode, occasion: Occasion) -> Page {
    let may_manage = staff.role.may(Permission::ManageCrm);
    let asked = occasion.asked;
    let (done, before) = (asked.done(), asked.id("before"));
    let word = asked.0.typed("status").to_owned();
    let wanted = if word == "all" { None } else { Some(Status::from_word(&word).unwrap_or(Status::Waiting)) };
    let (shell, source, waiting, items, last) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let source = crm::source_by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CRM, done.as_deref())?;
            let waiting = crm::waiting(tx, Some(&id), COUNTED)?;
            let items = crm::items(tx, &id, wanted, before.as_deref(), ROWS_AND_ONE)?;
            let last = crm::items(tx, &id, None, None, 1)?.pop();
            Ok((shell, source, waiting, items, last))
        })
        .await?;
    let mapping = acts::mapping_of(&source);
    let here = paths::office_crm(&source.id);
    let chosen = wanted.map_or("all", Status::as_str);
    let address = paths::with_query(&here, &[("status", chosen)]);
    let (rows, pager) = page_of(items, &asked, "before", &address, |item: &Item| item.id.clone());
    let choices = [
        ("waiting", "Waiting"),
        ("applied", "Applied"),
        ("outdated", "Too late"),
        ("ignored", "Ignored"),
        ("all", "All"),
    ]
    .map(|(word, label)| (paths::with_query(&here, &[("status", word)]), label, word == chosen));
    let sample = occasion.sample.unwrap_or_else(|| {
        let content = last.map(|item| pretty(&item.content)).unwrap_or_default();
        Fields::filled([("sample", &content)])
    });
    let page = SourcePage {
        shell,
        read: read_in(&mapping, sample.value("sample")),
        id: source.id,
        name: source.name,
        hint: source.hint,
        closed: source.closed_at.map(Moment::exact),
        may_manage,
        waiting,
        choices: choices.to_vec(),
        rows: rows.iter().map(Row::new).collect(),
        pager,
        form: occasion.form.unwrap_or_else(|| filled(&mapping)),
        sample,
        pointers: &POINTERS,
    };
    show_with(status, &page)
}

/// JSON as people read it.
pub(super) fn pretty(content: &str) -> String {
    let read = serde_json::from_str::<Value>(content).ok();
    read.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| content.to_owned())
}

/// `GET /office/crm/{id}`
///
/// # Errors
/// 404 when there is no such CRM.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    render(&app, staff, id, StatusCode::OK, Occasion { asked, ..Occasion::default() }).await
}

fn read_mapping(form: &mut Fields) -> Option<Mapping> {
    let mut mapping = Mapping::default();
    for (name, ..) in POINTERS {
        if let Some(pointer) = form.check(name, read_pointer).filter(|pointer| !pointer.is_empty()) {
            if name != "list" && pointer.contains(char::is_whitespace) {
                form.refuse(name, "One place, without blanks.");
            }
            mapping.pointers.insert(name.to_owned(), pointer);
        }
    }
    mapping.stages = form.check("stages", read_stages)?;
    (!form.is_refused()).then_some(mapping)
}

/// `POST /office/crm/{id}/mapping`
///
/// # Errors
/// 404 when there is no such CRM.
pub async fn change_mapping(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(mapping) = read_mapping(&mut form) else {
        let occasion = Occasion { form: Some(form), ..Occasion::default() };
        return render(&app, staff, id, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
    };
    let (by, whose) = (staff.actor.clone(), id.clone());
    app.write(move |tx, env| acts::change_mapping(tx, env, &by, &whose, &mapping)).await?;
    go_to(&paths::with_query(&paths::office_crm(&id), &[("done", "crm-mapping")]))
}

/// `POST /office/crm/{id}/try`: what the mapping reads in a text that was pasted.
///
/// # Errors
/// 404 when there is no such CRM.
pub async fn try_out(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let parse = |typed: &str| {
        serde_json::from_str::<Value>(typed).map_err(|error| format!("This is no JSON: {error}."))
    };
    let is_read = form.check("sample", parse).is_some();
    let status = if is_read { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    render(&app, staff, id, status, Occasion { sample: Some(form), ..Occasion::default() }).await
}

/// `POST /office/crm/{id}/close`
///
/// # Errors
/// 404 when there is no such CRM, 409 when it is closed already.
pub async fn close(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, whose) = (staff.actor.clone(), id.clone());
    app.write(move |tx, env| acts::close(tx, env, &by, &whose)).await?;
    go_to(&paths::with_query(&paths::office_crm(&id), &[("done", "crm-closed")]))
}

/// How much of what waits is tried at once.
const AGAIN: i64 = 200;

/// `POST /office/crm/{id}/again`: tries everything that waits once more, the oldest first.
///
/// # Errors
/// 404 when there is no such CRM.
pub async fn apply_waiting(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, whose) = (staff.actor, id.clone());
    app.write(move |tx, env| acts::record_again(tx, env, &by, Again::All(&whose))).await?;
    let mut after = String::new();
    loop {
        let (whose, from) = (id.clone(), after.clone());
        let ids = app
            .read(move |tx, _| -> Result<_, PageError> {
                Ok(crm::oldest(tx, &whose, Status::Waiting, &from, AGAIN)?)
            })
            .await?;
        let Some(last) = ids.last().cloned() else { break };
        work::apply_all(&app, ids).await;
        after = last;
    }
    go_to(&paths::with_query(&paths::office_crm(&id), &[("done", "crm-again")]))
}

impl From<CrmError> for PageError {
    fn from(error: CrmError) -> PageError {
        match error {
            CrmError::Unknown => PageError::not_found(),
            CrmError::Closed | CrmError::Done => PageError::conflict(error, paths::OFFICE_CRM),
            CrmError::Raced => PageError::conflict(error, paths::OFFICE_CRM),
            CrmError::Failed(error) => PageError::internal(error),
            CrmError::Db(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::crm::presets::Preset;

    #[test]
    fn a_mapping_is_read_back_from_its_form() {
        let mapping = Preset::from_word("pipedrive").unwrap().mapping();
        assert_eq!(read_mapping(&mut filled(&mapping)), Some(mapping.clone()));
        let mut form = filled(&mapping);
        form.set("deal", "data.id");
        form.set("stage", "/a /b");
        form.set("stages", "won");
        assert_eq!(read_mapping(&mut form), None);
        for name in ["deal", "stage", "stages"] {
            assert!(form.error(name).is_some(), "{name}");
        }
        let read = read_in(&mapping, r#"{"data": {"id": 12, "status": "won"}}"#);
        assert!(
            read.contains(&("Stage", "/data/status".into(), "won: Closed successfully".into())),
            "{read:?}"
        );
        assert!(read_in(&mapping, "no JSON").is_empty());
    }
}
