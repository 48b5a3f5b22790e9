//! The company's CRM: where it sends its webhooks, how what it sends is read, and what is done with it.

mod apply;
mod body;
pub mod mapping;
pub mod presets;

use domain::text::Line;
use serde_json::Value;
use store::{
    DbError, Tx,
    accounts::{self, Kind, NewAccount},
    crm::{self, NewSource, Payload, Source, Status},
};

use self::mapping::Mapping;
use super::{
    Actor,
    audit::{self, Act, Change},
    deals::DealError,
    sessions::hash,
};
use crate::app::Env;

pub(super) use apply::find_or_enter;
pub use apply::{Again, apply, ignore, park, record_again, unseen};

/// What a CRM can be called.
pub type SourceName = Line<60>;

/// How many signs of the secret are kept readable.
const HINT_CHARS: usize = 6;

/// The most pieces of news that are taken from what came at once; a CRM sends a few.
const MOST_ITEMS: usize = 1_000;

/// For how many days what came is kept, unless it waits.
pub const KEPT_DAYS: i64 = 400;
/// How much of it is deleted in one transaction.
const SWEEP_BATCH: i64 = 200;

/// Why something about a CRM was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CrmError {
    /// There is no such thing.
    #[error("There is no such CRM, or nothing of that came from it.")]
    Unknown,
    /// It is so already.
    #[error("This address is closed already.")]
    Closed,
    /// Somebody was faster.
    #[error("This is done already.")]
    Done,
    /// Another piece of news was in the way: nothing of this try is kept.
    #[error("Other news about the same deal came at the same moment.")]
    Raced,
    /// The deal could not be changed: a defect, nothing of it is kept.
    #[error(transparent)]
    Failed(#[from] DealError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The mapping of a source.
pub fn mapping_of(source: &Source) -> Mapping {
    serde_json::from_str(&source.mapping).unwrap_or_default()
}

fn as_json(mapping: &Mapping) -> String {
    serde_json::to_string(mapping).unwrap_or_default()
}

/// Makes an address that a CRM may send to. Returns the account's identifier and the secret in the address, which is kept
/// nowhere.
///
/// # Errors
/// When the database says no.
pub fn make(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    name: &SourceName,
    mapping: &Mapping,
) -> Result<(String, String), DbError> {
    let id = env.ids.uuid(env.now);
    let secret = env.ids.secret();
    // No address has a blank in it, so nobody's sign-in or recovery ever finds this account.
    let account = NewAccount {
        id: id.clone(),
        kind: Kind::Staff,
        name: name.to_string(),
        email: String::new(),
        email_key: format!("crm {id}"),
        password_hash: None,
    };
    accounts::insert(tx, &account, env.now)?;
    let new = NewSource {
        id: &id,
        secret_hash: &hash(&secret),
        hint: &secret[..HINT_CHARS],
        mapping: &as_json(mapping),
        made_by: &by.id,
    };
    crm::insert_source(tx, &new, env.now)?;
    let changes = [Change::set("Name", name)];
    audit::record(tx, env, by, Act { what: "crm.made", on: ("crm", &id), changes: &changes, reason: "" })?;
    Ok((id, secret))
}

/// Changes how what a CRM sends is read.
///
/// # Errors
/// [`CrmError::Unknown`] when there is no such CRM.
pub fn change_mapping(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    id: &str,
    mapping: &Mapping,
) -> Result<(), CrmError> {
    let source = crm::source_by_id(tx, id)?.ok_or(CrmError::Unknown)?;
    let before = mapping_of(&source);
    let pointers = mapping::POINTERS.iter().map(|(name, label, _)| {
        Change::new(label, before.pointer(name).to_owned(), mapping.pointer(name).to_owned())
    });
    let stages = Change::new("Stages", before.stage_lines(), mapping.stage_lines());
    let changes: Vec<Change> =
        pointers.chain([stages]).filter(|change| change.before != change.after).collect();
    if changes.is_empty() {
        return Ok(());
    }
    crm::set_mapping(tx, id, &as_json(mapping))?;
    let act = Act { what: "crm.mapping_changed", on: ("crm", id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Closes an address: what is sent there is refused from then on. What came stays.
///
/// # Errors
/// [`CrmError::Closed`] when that is so already.
pub fn close(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), CrmError> {
    let source = crm::source_by_id(tx, id)?.ok_or(CrmError::Unknown)?;
    if !crm::close_source(tx, id, env.now)? {
        return Err(CrmError::Closed);
    }
    let changes = [Change::set("Name", source.name)];
    Ok(audit::record(
        tx,
        env,
        by,
        Act { what: "crm.closed", on: ("crm", id), changes: &changes, reason: "" },
    )?)
}

/// What a CRM has sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The content type that it said.
    pub content_type: String,
    /// The query of the address.
    pub query: String,
    /// The body.
    pub body: String,
}

/// Keeps what came for an address, whatever it is. Returns the identifiers of the pieces of news in it; none for an address
/// that there isn't.
///
/// # Errors
/// When the database says no.
pub fn receive(tx: &mut Tx, env: &Env, secret: &str, sent: &Sent) -> Result<Option<Vec<String>>, DbError> {
    let Some(source) = crm::source_by_hash(tx, &hash(secret))? else { return Ok(None) };
    let text = |text: &str| text.replace('\0', "\u{fffd}");
    let payload = Payload {
        id: env.ids.uuid(env.now),
        source_id: source.id.clone(),
        content_type: text(&sent.content_type),
        query: text(&sent.query),
        body: text(&sent.body),
    };
    crm::insert_payload(tx, &payload, env.now)?;
    let items = read_items(&mapping_of(&source), &payload);
    let mut ids = Vec::new();
    let contents = match &items {
        Some(items) => items.iter().map(|item| (kept(item), Status::New, "")).collect(),
        None => vec![(String::new(), Status::Waiting, UNREADABLE)],
    };
    for (content, status, why) in contents {
        let id = env.ids.uuid(env.now);
        crm::insert_item(tx, &id, &payload, &content, status, why, env.now)?;
        if status == Status::New {
            ids.push(id);
        }
    }
    Ok(Some(ids))
}

const UNREADABLE: &str = "What was sent is neither JSON nor a form, or holds too much.";

/// A piece of news as the database takes it: PostgreSQL keeps no NUL.
fn kept(item: &Value) -> String {
    item.to_string().replace("\\u0000", "\\ufffd")
}

/// The pieces of news in what came; none where it can't be read.
fn read_items(mapping: &Mapping, payload: &Payload) -> Option<Vec<Value>> {
    let sent = body::read(&payload.content_type, &payload.query, &payload.body)?;
    let items = mapping.items(&sent);
    (items.len() <= MOST_ITEMS).then_some(items)
}

/// Forgets what came long ago and waits for nobody, one batch; returns how much.
///
/// # Errors
/// When the database says no.
pub fn sweep(tx: &mut Tx, env: &Env) -> Result<u64, DbError> {
    crm::sweep(tx, env.now.plus(-KEPT_DAYS * domain::clock::DAY), SWEEP_BATCH)
}
