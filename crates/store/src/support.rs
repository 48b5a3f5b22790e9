//! Support requests and their conversations.

use crate::{
    DbError, Row, Tx,
    clients::{PartnerName, partner_name},
    params,
    search::like,
};
use domain::{
    clock::Timestamp,
    support::{TicketKind, TicketStatus},
};

/// What a new request is made of.
#[derive(Debug, Clone)]
pub struct NewTicket<'a> {
    /// The random identifier of the form.
    pub submission: Option<&'a str>,
    /// The partner who was signed in.
    pub partner_id: Option<&'a str>,
    /// What the person is called.
    pub name: &'a str,
    /// Where answers go.
    pub email: &'a str,
    /// The address as compared.
    pub email_key: &'a str,
    /// What it is about.
    pub kind: TicketKind,
    /// The number that it concerns, as typed, or empty.
    pub concerns: &'a str,
    /// The client that it concerns, checked to be the partner's.
    pub client: Option<i64>,
    /// The deal that it concerns, checked to be the partner's.
    pub deal: Option<i64>,
    /// What was written: for searching; the conversation keeps it by [`add_entry`].
    pub message: &'a str,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Its number, shown as `S-3001`.
    pub number: i64,
    /// The partner who was signed in; none for a guest.
    pub partner: Option<PartnerName>,
    /// What the person is called, as the form said it.
    pub name: String,
    /// Where answers go.
    pub email: String,
    /// The address as compared.
    pub email_key: String,
    /// What it is about.
    pub kind: TicketKind,
    /// The number that it concerns, as typed, or empty.
    pub concerns: String,
    /// The client that it concerns, checked to be the partner's.
    pub client: Option<i64>,
    /// The deal that it concerns, checked to be the partner's.
    pub deal: Option<i64>,
    /// Where it stands.
    pub status: TicketStatus,
    /// Since when.
    pub since: Timestamp,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it was last answered, and by whom.
    pub answered: Option<(Timestamp, String)>,
    /// Grows with everything that is said or done, notes apart.
    pub version: i64,
}

const SELECT: &str = "SELECT t.number, t.partner_id, a.name, t.name, t.email, t.email_key, t.kind, t.concerns,
    t.client_number, t.deal_number, t.status, t.since, t.created_at, t.answered_at, s.name, t.version
    FROM support_ticket t LEFT JOIN account a ON a.id = t.partner_id LEFT JOIN account s ON s.id = t.answered_by";

fn read(row: &Row) -> Result<Ticket, DbError> {
    let (kind, status): (String, String) = (row.get(6)?, row.get(10)?);
    let answered_at: Option<i64> = row.get(13)?;
    let answered_by: Option<String> = row.get(14)?;
    Ok(Ticket {
        number: row.get(0)?,
        partner: partner_name(row, 1)?,
        name: row.get(3)?,
        email: row.get(4)?,
        email_key: row.get(5)?,
        kind: TicketKind::from_word(&kind).ok_or_else(|| DbError::decode("support_ticket.kind", &kind))?,
        concerns: row.get(7)?,
        client: row.get(8)?,
        deal: row.get(9)?,
        status: TicketStatus::from_word(&status)
            .ok_or_else(|| DbError::decode("support_ticket.status", &status))?,
        since: Timestamp::from_micros(row.get(11)?),
        created_at: Timestamp::from_micros(row.get(12)?),
        answered: answered_at.map(|at| (Timestamp::from_micros(at), answered_by.unwrap_or_default())),
        version: row.get(15)?,
    })
}

/// Makes an open request and returns its number; none when the same form was sent before.
pub fn insert(tx: &mut Tx, new: &NewTicket, now: Timestamp) -> Result<Option<i64>, DbError> {
    let search = [new.name, new.email, new.concerns, new.message].map(str::to_lowercase).join("\n");
    let row = tx.opt(
        "INSERT INTO support_ticket (submission, partner_id, name, email, email_key, kind, concerns, client_number,
                                     deal_number, status, since, created_at, version, search)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10, $11, 0, $12)
         ON CONFLICT (submission) DO NOTHING RETURNING number",
        params![
            new.submission,
            new.partner_id,
            new.name,
            new.email,
            new.email_key,
            new.kind.as_str(),
            new.concerns,
            new.client,
            new.deal,
            now.micros(),
            now.micros(),
            search
        ],
    )?;
    row.map(|row| row.get(0)).transpose()
}

fn one(tx: &mut Tx, which: &str, by: &[crate::Value]) -> Result<Option<Ticket>, DbError> {
    tx.opt(&format!("{SELECT} WHERE {which}"), by)?.as_ref().map(read).transpose()
}

/// The request of a number.
pub fn by_number(tx: &mut Tx, number: i64) -> Result<Option<Ticket>, DbError> {
    one(tx, "t.number = $1", params![number])
}

/// The request that a form has made.
pub fn by_submission(tx: &mut Tx, submission: &str) -> Result<Option<Ticket>, DbError> {
    one(tx, "t.submission = $1", params![submission])
}

/// The request that a secret address leads to.
pub fn by_secret(tx: &mut Tx, number: i64, secret_hash: &str) -> Result<Option<Ticket>, DbError> {
    one(
        tx,
        "t.number = (SELECT k.ticket_number FROM support_key k WHERE k.secret_hash = $1) AND t.number = $2",
        params![secret_hash, number],
    )
}

/// The request of a number, locked until the transaction ends.
pub fn lock(tx: &mut Tx, number: i64) -> Result<Option<Ticket>, DbError> {
    // Locked by itself: a database may refuse to lock the joined rows, which can be missing.
    tx.opt("SELECT number FROM support_ticket WHERE number = $1 {for_update}", params![number])?;
    by_number(tx, number)
}

/// Which requests the office's list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those with this status.
    pub status: Option<TicketStatus>,
    /// Only those about this.
    pub kind: Option<TicketKind>,
    /// Words in the name, the address, the number it concerns or the first message.
    pub search: String,
    /// Its number (found whatever the words are).
    pub number: Option<i64>,
}

/// Where one page of the office's list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Since when the last request of the page has had its status (microseconds).
    pub since: i64,
    /// Its number.
    pub number: i64,
}

/// One page of requests: open ones by how long they have waited, the longest first; all others the latest change first.
pub fn list(tx: &mut Tx, filter: &Filter, after: Option<After>, limit: i64) -> Result<Vec<Ticket>, DbError> {
    let (compare, order) = match filter.status {
        Some(TicketStatus::Open) => (">", "ASC"),
        _ => ("<", "DESC"),
    };
    // Said outright, so that the index of the status can be used.
    let status = if filter.status.is_some() { "t.status = $1" } else { "$1 = ''" };
    let start = after.unwrap_or(match compare {
        ">" => After { since: i64::MIN, number: i64::MIN },
        _ => After { since: i64::MAX, number: i64::MAX },
    });
    let rows = tx.all(
        &format!(
            "{SELECT} WHERE {status} AND ($2 = '' OR t.kind = $2)
               AND ($3 = '' OR t.search LIKE $4 ESCAPE '\\' OR t.number = $5)
               AND (t.since, t.number) {compare} ($6, $7)
             ORDER BY t.since {order}, t.number {order} LIMIT $8"
        ),
        params![
            filter.status.map_or("", TicketStatus::as_str),
            filter.kind.map_or("", TicketKind::as_str),
            filter.search.trim(),
            like(&filter.search),
            filter.number.unwrap_or(-1),
            start.since,
            start.number,
            limit
        ],
    )?;
    rows.iter().map(read).collect()
}

/// One page of a partner's requests, newest first, older than the number `before`.
pub fn of_partner(
    tx: &mut Tx,
    partner_id: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Ticket>, DbError> {
    let rows = tx.all(
        &format!("{SELECT} WHERE t.partner_id = $1 AND t.number < $2 ORDER BY t.number DESC LIMIT $3"),
        params![partner_id, before.unwrap_or(i64::MAX), limit],
    )?;
    rows.iter().map(read).collect()
}

/// How many requests wait for an answer, and since when the one that waits longest does.
pub fn waiting(tx: &mut Tx) -> Result<(i64, Option<Timestamp>), DbError> {
    let row = tx.one("SELECT COUNT(*), MIN(since) FROM support_ticket WHERE status = 'open'", params![])?;
    Ok((row.get(0)?, row.get::<Option<i64>>(1)?.map(Timestamp::from_micros)))
}

/// What an entry of a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Written by the person.
    Person,
    /// Answered by staff.
    Answer,
    /// Noted by staff, for staff alone.
    Note,
    /// Closed, by either side.
    Closed,
    /// Opened again by staff.
    Reopened,
}

impl EntryKind {
    const ALL: [EntryKind; 5] =
        [EntryKind::Person, EntryKind::Answer, EntryKind::Note, EntryKind::Closed, EntryKind::Reopened];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            EntryKind::Person => "person",
            EntryKind::Answer => "answer",
            EntryKind::Note => "note",
            EntryKind::Closed => "closed",
            EntryKind::Reopened => "reopened",
        }
    }
}

/// What a new entry is made of.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// A fresh, time-ordered identifier.
    pub id: String,
    /// The request.
    pub ticket: i64,
    /// What it is.
    pub kind: EntryKind,
    /// Whose it is; none for a guest's.
    pub author_id: Option<&'a str>,
    /// What the author is called.
    pub author: &'a str,
    /// What is said; empty for closing and opening.
    pub message: &'a str,
    /// The random identifier of the form.
    pub submission: Option<&'a str>,
}

/// Adds to a conversation. Returns no when the same form was sent before.
pub fn add_entry(tx: &mut Tx, new: &NewEntry, now: Timestamp) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO support_entry (id, ticket_number, at, kind, author_id, author, message, submission)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (ticket_number, submission) DO NOTHING",
        params![
            &new.id,
            new.ticket,
            now.micros(),
            new.kind.as_str(),
            new.author_id,
            new.author,
            new.message,
            new.submission
        ],
    )?;
    Ok(made == 1)
}

/// An entry of a conversation.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it was made.
    pub at: Timestamp,
    /// What it is.
    pub kind: EntryKind,
    /// Whose it is; none for a guest's.
    pub author_id: Option<String>,
    /// What the author is called.
    pub author: String,
    /// What is said; empty for closing and opening.
    pub message: String,
}

/// A whole conversation, oldest first; notes of staff only where they are asked for.
pub fn entries(tx: &mut Tx, ticket: i64, with_notes: bool) -> Result<Vec<Entry>, DbError> {
    let rows = tx.all(
        "SELECT at, kind, author_id, author, message FROM support_entry
         WHERE ticket_number = $1 AND (kind <> 'note' OR CAST($2 AS BIGINT) = 1) ORDER BY id",
        params![ticket, i64::from(with_notes)],
    )?;
    rows.iter()
        .map(|row| {
            let word: String = row.get(1)?;
            let kind = EntryKind::ALL.into_iter().find(|kind| kind.as_str() == word);
            Ok(Entry {
                at: Timestamp::from_micros(row.get(0)?),
                kind: kind.ok_or_else(|| DbError::decode("support_entry.kind", &word))?,
                author_id: row.get(2)?,
                author: row.get(3)?,
                message: row.get(4)?,
            })
        })
        .collect()
}

/// Moves a request that still has this version to a status (which may be the one it has). Returns no when something was
/// said or done meanwhile.
pub fn advance(tx: &mut Tx, ticket: &Ticket, status: TicketStatus, now: Timestamp) -> Result<bool, DbError> {
    // Whoever writes a second time has still waited since the first.
    let since = if status == ticket.status { ticket.since } else { now };
    let changed = tx.exec(
        "UPDATE support_ticket SET status = $1, since = $2, version = version + 1 WHERE number = $3 AND version = $4",
        params![status.as_str(), since.micros(), ticket.number, ticket.version],
    )?;
    Ok(changed == 1)
}

/// Remembers who answered last, and when.
pub fn set_answered(tx: &mut Tx, number: i64, by: &str, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "UPDATE support_ticket SET answered_at = $1, answered_by = $2 WHERE number = $3",
        params![now.micros(), by, number],
    )?;
    Ok(())
}

/// Ends the addresses that lead guests to requests which were closed before a moment. Returns how many.
pub fn sweep_keys(tx: &mut Tx, before: Timestamp) -> Result<u64, DbError> {
    tx.exec(
        "DELETE FROM support_key WHERE ticket_number IN (
             SELECT number FROM support_ticket WHERE status = 'closed' AND since <= $1
         )",
        params![before.micros()],
    )
}

/// Keeps the hash of a secret that leads a guest to the request.
pub fn insert_key(tx: &mut Tx, secret_hash: &str, ticket: i64, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO support_key (secret_hash, ticket_number, created_at) VALUES ($1, $2, $3)",
        params![secret_hash, ticket, now.micros()],
    )?;
    Ok(())
}
