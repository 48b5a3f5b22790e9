//! Which other systems of the company are told what happens here, and the secrets that their deliveries are signed with.

use crate::{DbError, Row, Topic, Tx, params};
use domain::{
    clock::Timestamp,
    webhook::{HookEvent, HookEvents},
};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookKind {
    /// A body of ours, signed (Standard Webhooks).
    Standard,
    /// A request as a template says, which another system takes for one of its own.
    Request,
}

impl HookKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            HookKind::Standard => "standard",
            HookKind::Request => "request",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<HookKind> {
        [HookKind::Standard, HookKind::Request].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a request is made of, beside its address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The method.
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, with placeholders.
    pub template: String,
    /// Where the answer says what the other system calls the client or deal (JSON Pointer), or empty.
    pub answer_id: String,
    /// Whose external identifier that is: `client`, `deal`, or empty.
    pub answer_of: String,
}

/// Somewhere that is told.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its identifier.
    pub id: String,
    /// What is sent.
    pub kind: HookKind,
    /// What people call it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What it is told of.
    pub events: HookEvents,
    /// Whether anything is sent.
    pub active: bool,
    /// Why the server has switched it off, or empty.
    pub off_why: String,
    /// How many deliveries in a row were given up.
    pub given_up: i64,
    /// When something was last taken there.
    pub last_success_at: Option<Timestamp>,
    /// When a try last failed.
    pub last_failure_at: Option<Timestamp>,
    /// Why.
    pub last_error: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// What a request is made of.
    pub outline: Outline,
}

/// A secret that deliveries are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// `whsec_` and what it is.
    pub secret: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it signs no more; none: it is the newest.
    pub ends_at: Option<Timestamp>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}

const SELECT: &str =
    "SELECT id, kind, name, url, events, active, off_why, given_up, last_success_at, last_failure_at,
    last_error, created_at, method, headers, template, answer_id, answer_of FROM webhook";

fn read(row: &Row) -> Result<Webhook, DbError> {
    let kind: String = row.get(1)?;
    let time =
        |index| -> Result<_, DbError> { Ok(row.get::<Option<i64>>(index)?.map(Timestamp::from_micros)) };
    Ok(Webhook {
        id: row.get(0)?,
        kind: HookKind::from_word(&kind).ok_or_else(|| DbError::decode("webhook.kind", &kind))?,
        name: row.get(2)?,
        url: row.get(3)?,
        events: HookEvents::from_words(&row.get::<String>(4)?),
        active: row.get(5)?,
        off_why: row.get(6)?,
        given_up: row.get(7)?,
        last_success_at: time(8)?,
        last_failure_at: time(9)?,
        last_error: row.get(10)?,
        created_at: Timestamp::from_micros(row.get(11)?),
        outline: Outline {
            method: row.get(12)?,
            headers: read_pairs(&row.get::<String>(13)?),
            template: row.get(14)?,
            answer_id: row.get(15)?,
            answer_of: row.get(16)?,
        },
    })
}

/// Reads headers, a line each.
pub(crate) fn read_pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Headers, a line each; neither names nor values have line breaks.
pub(crate) fn write_pairs(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// Every one that wasn't removed, oldest first. A company has a handful of them.
pub fn all(tx: &mut Tx) -> Result<Vec<Webhook>, DbError> {
    tx.all(&format!("{SELECT} WHERE removed_at IS NULL ORDER BY id"), params![])?.iter().map(read).collect()
}

/// The one of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Webhook>, DbError> {
    tx.opt(&format!("{SELECT} WHERE id = $1 AND removed_at IS NULL"), params![id])?
        .as_ref()
        .map(read)
        .transpose()
}

/// The same, locked: its changes come one after another.
pub fn lock(tx: &mut Tx, id: &str) -> Result<Option<Webhook>, DbError> {
    tx.opt(&format!("{SELECT} WHERE id = $1 AND removed_at IS NULL {{for_update}}"), params![id])?
        .as_ref()
        .map(read)
        .transpose()
}

/// Those that are to be told of an event.
pub fn wanting(tx: &mut Tx, event: HookEvent) -> Result<Vec<Webhook>, DbError> {
    let rows = tx.all(&format!("{SELECT} WHERE active = 1 AND removed_at IS NULL ORDER BY id"), params![])?;
    let all: Vec<Webhook> = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(|hook| hook.events.has(event)).collect())
}

/// What a new one is made of.
#[derive(Debug, Clone)]
pub struct NewWebhook<'a> {
    /// A fresh, time-ordered identifier.
    pub id: &'a str,
    /// What is sent.
    pub kind: HookKind,
    /// What people call it.
    pub name: &'a str,
    /// Where it is.
    pub url: &'a str,
    /// What it is told of.
    pub events: HookEvents,
    /// Who adds it.
    pub created_by: Option<&'a str>,
    /// What a request is made of.
    pub outline: &'a Outline,
}

/// Keeps a new one, which is active from now on.
pub fn insert(tx: &mut Tx, new: &NewWebhook, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO webhook (id, kind, name, url, events, active, created_at, created_by, method, headers, template,
                              answer_id, answer_of)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $12)",
        params![
            new.id,
            new.kind.as_str(),
            new.name,
            new.url,
            new.events.words(),
            now.micros(),
            new.created_by,
            &new.outline.method,
            write_pairs(&new.outline.headers),
            &new.outline.template,
            &new.outline.answer_id,
            &new.outline.answer_of
        ],
    )?;
    refresh(tx)
}

/// Changes what it is called, where it is, what it is told of and how.
pub fn update(tx: &mut Tx, hook: &Webhook) -> Result<(), DbError> {
    tx.exec(
        "UPDATE webhook SET name = $1, url = $2, events = $3, method = $4, headers = $5, template = $6, answer_id = $7,
                answer_of = $8
         WHERE id = $9",
        params![
            &hook.name,
            &hook.url,
            hook.events.words(),
            &hook.outline.method,
            write_pairs(&hook.outline.headers),
            &hook.outline.template,
            &hook.outline.answer_id,
            &hook.outline.answer_of,
            &hook.id
        ],
    )?;
    refresh(tx)
}

/// Switches one on or off. `why` is for what the server does by itself. Returns no when that was so already.
pub fn set_active(tx: &mut Tx, id: &str, active: bool, why: &str) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE webhook SET active = $1, off_why = $2, given_up = 0
         WHERE id = $3 AND active <> $4 AND removed_at IS NULL",
        params![active, why, id, active],
    )?;
    refresh(tx)?;
    Ok(changed == 1)
}

/// Nobody sees it any more, and nothing is sent. Its secrets are forgotten, those in its headers too.
pub fn remove(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "UPDATE webhook SET active = 0, removed_at = $1, headers = '', url = '' WHERE id = $2",
        params![now.micros(), id],
    )?;
    tx.exec("DELETE FROM webhook_secret WHERE webhook_id = $1", params![id])?;
    refresh(tx)
}

/// Notes that something was taken there.
pub fn succeeded(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), DbError> {
    tx.later("UPDATE webhook SET last_success_at = $1, given_up = 0 WHERE id = $2", params![now.micros(), id])
}

/// Notes that a try failed.
pub fn failed(tx: &mut Tx, id: &str, why: &str, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "UPDATE webhook SET last_failure_at = $1, last_error = $2 WHERE id = $3",
        params![now.micros(), why, id],
    )
}

/// Notes that a delivery was given up; returns how many those are in a row.
pub fn given_up(tx: &mut Tx, id: &str) -> Result<i64, DbError> {
    tx.one("UPDATE webhook SET given_up = given_up + 1 WHERE id = $1 RETURNING given_up", params![id])?.get(0)
}

/// Writes down beside the programme which events anybody wants, and tells the other servers where that has changed.
fn refresh(tx: &mut Tx) -> Result<(), DbError> {
    let rows = tx.all("SELECT events FROM webhook WHERE active = 1 AND removed_at IS NULL", params![])?;
    let mut wanted = HookEvents::NONE;
    for row in rows {
        wanted = wanted.and(HookEvents::from_words(&row.get::<String>(0)?));
    }
    let changed = tx.exec(
        "UPDATE programme SET hook_events = $1, version = version + 1 WHERE id = 1 AND hook_events <> $2",
        params![wanted.words(), wanted.words()],
    )?;
    if changed == 1 {
        tx.notify(Topic::Programme)?;
    }
    Ok(())
}

/// The secrets that sign now, newest first.
pub fn secrets(tx: &mut Tx, webhook_id: &str, now: Timestamp) -> Result<Vec<Secret>, DbError> {
    let rows = tx.all(
        "SELECT secret, created_at, ends_at FROM webhook_secret
         WHERE webhook_id = $1 AND (ends_at IS NULL OR ends_at > $2) ORDER BY id DESC",
        params![webhook_id, now.micros()],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Secret {
                secret: row.get(0)?,
                created_at: Timestamp::from_micros(row.get(1)?),
                ends_at: row.get::<Option<i64>>(2)?.map(Timestamp::from_micros),
            })
        })
        .collect()
}

/// Keeps a new secret. The one before goes on signing until `ends_at`; older ones, and those that sign no more, are
/// forgotten.
pub fn add_secret(
    tx: &mut Tx,
    id: &str,
    webhook_id: &str,
    secret: &str,
    ends_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec("DELETE FROM webhook_secret WHERE webhook_id = $1 AND ends_at IS NOT NULL", params![webhook_id])?;
    tx.exec(
        "UPDATE webhook_secret SET ends_at = $1 WHERE webhook_id = $2 AND ends_at IS NULL",
        params![ends_at.micros(), webhook_id],
    )?;
    tx.exec(
        "INSERT INTO webhook_secret (id, webhook_id, secret, created_at) VALUES ($1, $2, $3, $4)",
        params![id, webhook_id, secret, now.micros()],
    )?;
    Ok(())
}
