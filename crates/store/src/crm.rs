//! What the company's CRM tells by webhook: where it sends to, everything that came, and what became of it.

use crate::{DbError, Row, Tx, params};
use domain::clock::Timestamp;

/// A CRM that may send.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its account's identifier.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// How the secret in its address begins.
    pub hint: String,
    /// Where in what it sends stands what, as JSON.
    pub mapping: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

const SOURCE: &str = "SELECT s.id, a.name, s.hint, s.mapping, s.created_at, s.closed_at
    FROM crm_source s JOIN account a ON a.id = s.id";

fn source(row: &Row) -> Result<Source, DbError> {
    Ok(Source {
        id: row.get(0)?,
        name: row.get(1)?,
        hint: row.get(2)?,
        mapping: row.get(3)?,
        created_at: Timestamp::from_micros(row.get(4)?),
        closed_at: row.get::<Option<i64>>(5)?.map(Timestamp::from_micros),
    })
}

/// What a new source is made of.
#[derive(Debug, Clone)]
pub struct NewSource<'a> {
    /// Its account's identifier.
    pub id: &'a str,
    /// The hash of the secret.
    pub secret_hash: &'a str,
    /// How the secret begins.
    pub hint: &'a str,
    /// Where what stands, as JSON.
    pub mapping: &'a str,
    /// Who made it.
    pub made_by: &'a str,
}

/// Makes a source of an account.
pub fn insert_source(tx: &mut Tx, new: &NewSource, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO crm_source (id, secret_hash, hint, mapping, made_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![new.id, new.secret_hash, new.hint, new.mapping, new.made_by, now.micros()],
    )?;
    Ok(())
}

/// Every source that there ever was, newest first: a company has a few.
pub fn sources(tx: &mut Tx) -> Result<Vec<Source>, DbError> {
    tx.all(&format!("{SOURCE} ORDER BY s.id DESC"), params![])?.iter().map(source).collect()
}

/// The source of an identifier.
pub fn source_by_id(tx: &mut Tx, id: &str) -> Result<Option<Source>, DbError> {
    tx.opt(&format!("{SOURCE} WHERE s.id = $1"), params![id])?.as_ref().map(source).transpose()
}

/// The source of a secret's hash, unless it is closed.
pub fn source_by_hash(tx: &mut Tx, secret_hash: &str) -> Result<Option<Source>, DbError> {
    tx.opt(&format!("{SOURCE} WHERE s.secret_hash = $1 AND s.closed_at IS NULL"), params![secret_hash])?
        .as_ref()
        .map(source)
        .transpose()
}

/// Changes where what stands.
pub fn set_mapping(tx: &mut Tx, id: &str, mapping: &str) -> Result<(), DbError> {
    tx.later("UPDATE crm_source SET mapping = $1 WHERE id = $2", params![mapping, id])
}

/// Closes a source. Returns no when that was so already.
pub fn close_source(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE crm_source SET closed_at = $1 WHERE id = $2 AND closed_at IS NULL",
        params![now.micros(), id],
    )?;
    Ok(changed == 1)
}

/// What came, as it came.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Its identifier.
    pub id: String,
    /// Who sent it.
    pub source_id: String,
    /// The content type that it said.
    pub content_type: String,
    /// The query of the address, without the secret.
    pub query: String,
    /// The body.
    pub body: String,
}

/// Keeps what came.
pub fn insert_payload(tx: &mut Tx, new: &Payload, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO crm_payload (id, source_id, at, content_type, query, body) VALUES ($1, $2, $3, $4, $5, $6)",
        params![&new.id, &new.source_id, now.micros(), &new.content_type, &new.query, &new.body],
    )
}

/// What came, by its identifier.
pub fn payload(tx: &mut Tx, id: &str) -> Result<Option<Payload>, DbError> {
    let row = tx
        .opt("SELECT id, source_id, content_type, query, body FROM crm_payload WHERE id = $1", params![id])?;
    row.map(|row| {
        Ok(Payload {
            id: row.get(0)?,
            source_id: row.get(1)?,
            content_type: row.get(2)?,
            query: row.get(3)?,
            body: row.get(4)?,
        })
    })
    .transpose()
}

/// Where a piece of news stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody has looked at it yet.
    New,
    /// It could not be applied; somebody has to look.
    Waiting,
    /// It was done, or was so already.
    Applied,
    /// It is of no interest here.
    Ignored,
    /// A later one about the same deal was applied before.
    Outdated,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 5] =
        [Status::New, Status::Waiting, Status::Applied, Status::Ignored, Status::Outdated];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::Waiting => "waiting",
            Status::Applied => "applied",
            Status::Ignored => "ignored",
            Status::Outdated => "outdated",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Status::New => "New",
            Status::Waiting => "Waiting",
            Status::Applied => "Applied",
            Status::Ignored => "Ignored",
            Status::Outdated => "Came too late",
        }
    }
}

/// A piece of news.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its identifier.
    pub id: String,
    /// What it came with.
    pub payload_id: String,
    /// Who sent it.
    pub source_id: String,
    /// As JSON; empty where nothing could be read.
    pub content: String,
    /// Where it stands.
    pub status: Status,
    /// What was done, or why nothing was.
    pub why: String,
    /// The deal that it is about, once that is known.
    pub deal_number: Option<i64>,
    /// When it came.
    pub at: Timestamp,
    /// When it was applied, ignored or found too late.
    pub done_at: Option<Timestamp>,
}

const ITEM: &str =
    "SELECT id, payload_id, source_id, content, status, why, deal_number, at, done_at FROM crm_item";

fn item(row: &Row) -> Result<Item, DbError> {
    let status: String = row.get(4)?;
    Ok(Item {
        id: row.get(0)?,
        payload_id: row.get(1)?,
        source_id: row.get(2)?,
        content: row.get(3)?,
        status: Status::from_word(&status).ok_or_else(|| DbError::decode("crm_item.status", &status))?,
        why: row.get(5)?,
        deal_number: row.get(6)?,
        at: Timestamp::from_micros(row.get(7)?),
        done_at: row.get::<Option<i64>>(8)?.map(Timestamp::from_micros),
    })
}

/// Keeps a piece of news of a payload.
pub fn insert_item(
    tx: &mut Tx,
    id: &str,
    payload: &Payload,
    content: &str,
    status: Status,
    why: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO crm_item (id, payload_id, source_id, content, status, why, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![id, &payload.id, &payload.source_id, content, status.as_str(), why, now.micros()],
    )
}

/// How many pieces of news were found in what came.
pub fn items_of(tx: &mut Tx, payload_id: &str) -> Result<i64, DbError> {
    tx.one("SELECT COUNT(*) FROM crm_item WHERE payload_id = $1", params![payload_id])?.get(0)
}

/// Keeps a piece of news under what is read in it now.
pub fn set_content(tx: &mut Tx, id: &str, content: &str) -> Result<(), DbError> {
    tx.later("UPDATE crm_item SET content = $1 WHERE id = $2", params![content, id])
}

/// A piece of news by its identifier.
pub fn item_by_id(tx: &mut Tx, id: &str) -> Result<Option<Item>, DbError> {
    tx.opt(&format!("{ITEM} WHERE id = $1"), params![id])?.as_ref().map(item).transpose()
}

/// The same, locked until the transaction ends.
pub fn lock_item(tx: &mut Tx, id: &str) -> Result<Option<Item>, DbError> {
    tx.opt(&format!("{ITEM} WHERE id = $1 {{for_update}}"), params![id])?.as_ref().map(item).transpose()
}

/// One page of a source's news, newest first.
pub fn items(
    tx: &mut Tx,
    source_id: &str,
    status: Option<Status>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Item>, DbError> {
    let before = before.unwrap_or(crate::search::NEWEST);
    let rows = match status {
        Some(status) => tx.all(
            &format!("{ITEM} WHERE source_id = $1 AND status = $2 AND id < $3 ORDER BY id DESC LIMIT $4"),
            params![source_id, status.as_str(), before, limit],
        )?,
        None => tx.all(
            &format!("{ITEM} WHERE source_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
            params![source_id, before, limit],
        )?,
    };
    rows.iter().map(item).collect()
}

/// The news with a status that came first, after an identifier.
pub fn oldest(
    tx: &mut Tx,
    source_id: &str,
    status: Status,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    let rows = tx.all(
        "SELECT id FROM crm_item WHERE source_id = $1 AND status = $2 AND id > $3 ORDER BY id LIMIT $4",
        params![source_id, status.as_str(), after, limit],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// News that nobody has looked at, the oldest first: its server ended before it could.
pub fn unseen(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<Vec<String>, DbError> {
    let rows = tx.all(
        "SELECT id FROM crm_item WHERE status = 'new' AND at < $1 ORDER BY id LIMIT $2",
        params![before.micros(), limit],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// How many pieces of news wait, of one source or of all; no more than that are counted.
pub fn waiting(tx: &mut Tx, source_id: Option<&str>, most: i64) -> Result<i64, DbError> {
    let row = match source_id {
        Some(id) => tx.one(
            "SELECT COUNT(*) FROM (SELECT id FROM crm_item WHERE source_id = $1 AND status = 'waiting' LIMIT $2) AS w",
            params![id, most],
        )?,
        None => tx.one(
            "SELECT COUNT(*) FROM (SELECT id FROM crm_item WHERE status = 'waiting' LIMIT $1) AS w",
            params![most],
        )?,
    };
    row.get(0)
}

/// Writes down what became of a piece of news. `event` is what the CRM calls it, where it has been applied.
pub fn settle(
    tx: &mut Tx,
    id: &str,
    status: Status,
    why: &str,
    deal_number: Option<i64>,
    event: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    let done_at = (!matches!(status, Status::New | Status::Waiting)).then(|| now.micros());
    tx.later(
        "UPDATE crm_item SET status = $1, why = $2, deal_number = COALESCE(CAST($3 AS BIGINT), deal_number),
            done_at = CAST($4 AS BIGINT), event = COALESCE(CAST($5 AS TEXT), event) WHERE id = $6",
        params![status.as_str(), why, deal_number, done_at, event, id],
    )
}

/// Whether a piece of news with the CRM's own name has been applied.
pub fn has_event(tx: &mut Tx, source_id: &str, event: &str) -> Result<bool, DbError> {
    let row =
        tx.opt("SELECT 1 FROM crm_item WHERE source_id = $1 AND event = $2", params![source_id, event])?;
    Ok(row.is_some())
}

/// How far the news about a deal has come.
pub fn came_to(tx: &mut Tx, source_id: &str, deal_number: i64) -> Result<Option<i64>, DbError> {
    let row = tx.opt(
        "SELECT came_to FROM crm_deal WHERE source_id = $1 AND deal_number = $2",
        params![source_id, deal_number],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Writes down how far the news about a deal has come.
pub fn set_came_to(tx: &mut Tx, source_id: &str, deal_number: i64, came_to: i64) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO crm_deal (source_id, deal_number, came_to) VALUES ($1, $2, $3)
         ON CONFLICT (source_id, deal_number) DO UPDATE SET came_to = excluded.came_to",
        params![source_id, deal_number, came_to],
    )
}

/// Deletes the oldest of what came before a moment and waits for nobody, at most `limit`; returns how many.
pub fn sweep(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    let rows = tx.all(
        "SELECT id FROM crm_payload p WHERE at < $1
         AND NOT EXISTS (SELECT 1 FROM crm_item i WHERE i.payload_id = p.id AND i.status IN ('new', 'waiting'))
         ORDER BY at LIMIT $2",
        params![before.micros(), limit],
    )?;
    let mut deleted = 0;
    for row in rows {
        let id: String = row.get(0)?;
        tx.later("DELETE FROM crm_item WHERE payload_id = $1", params![&id])?;
        tx.later("DELETE FROM crm_payload WHERE id = $1", params![&id])?;
        deleted += 1;
    }
    Ok(deleted)
}
