//! A piece of news from a CRM: as it came, what was read in it, and what became of it.

use askama::Template;
use axum::extract::State;
use store::crm::{self, Status};

use super::{
    crm_source::{Row, pretty},
    parts::{Asked, Id, Link},
};
use crate::{
    app::App,
    crm as work,
    ops::crm::{self as acts, Again, mapping::POINTERS},
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/crm_item.html")]
struct ItemPage {
    shell: OfficeShell,
    id: String,
    source: Link,
    row: Row,
    waits: bool,
    /// What the mapping reads: the label and what stands there.
    read: Vec<(&'static str, String)>,
    content: String,
    /// The query of the address and the body, as they came.
    query: String,
    body: String,
}

/// `GET /office/crm/news/{id}`
///
/// # Errors
/// 404 when there is no such news.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    let done = asked.done();
    let page = app
        .read(move |tx, env| -> Result<_, PageError> {
            let item = crm::item_by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let source = crm::source_by_id(tx, &item.source_id)?.ok_or_else(PageError::not_found)?;
            let payload = crm::payload(tx, &item.payload_id)?;
            let mapping = acts::mapping_of(&source);
            let content = serde_json::from_str(&item.content).unwrap_or_default();
            let read = POINTERS.iter().map(|(name, label, _)| (*label, mapping.value(&content, name)));
            let (query, body) = payload.map(|payload| (payload.query, payload.body)).unwrap_or_default();
            Ok(ItemPage {
                shell: OfficeShell::load(tx, env, &staff, paths::OFFICE_CRM, done.as_deref())?,
                source: Link { href: paths::office_crm(&source.id), text: source.name },
                row: Row::new(&item),
                waits: item.status == Status::Waiting,
                read: read.filter(|(_, value)| !value.is_empty()).collect(),
                content: pretty(&item.content),
                id: id.clone(),
                query,
                body,
            })
        })
        .await?;
    show(&page)
}

/// `POST /office/crm/news/{id}/apply`
///
/// # Errors
/// 404 when there is no such news.
pub async fn apply(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, whose) = (staff.actor, id.clone());
    app.write(move |tx, env| acts::record_again(tx, env, &by, Again::One(&whose))).await?;
    work::apply_all(&app, vec![id.clone()]).await;
    go_to(&paths::with_query(&paths::office_crm_item(&id), &[("done", "crm-applied")]))
}

/// `POST /office/crm/news/{id}/ignore`
///
/// # Errors
/// 404 when there is no such news, 409 when it doesn't wait any more.
pub async fn ignore(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, whose) = (staff.actor, id.clone());
    app.write(move |tx, env| acts::ignore(tx, env, &by, &whose)).await?;
    go_to(&paths::with_query(&paths::office_crm_item(&id), &[("done", "crm-ignored")]))
}
