//! Messages on their way to people: written with the change that causes them, claimed by one worker at a time.

use crate::{DbError, Row, Tx, params, search::like};
use domain::{
    clock::Timestamp,
    notice::{Channel, NoticeKind},
};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It will be tried.
    Waiting,
    /// The other side has taken it.
    Sent,
    /// It failed too often; somebody has to look.
    Parked,
    /// Somebody decided that it is not to be sent, or the person no longer has the channel.
    Dropped,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 4] = [Status::Waiting, Status::Parked, Status::Sent, Status::Dropped];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Sent => "sent",
            Status::Parked => "parked",
            Status::Dropped => "dropped",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What a new message is made of.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// A fresh, time-ordered identifier; also what tells the receiving side that two copies are one message.
    pub id: String,
    /// How it travels.
    pub channel: Channel,
    /// What it tells.
    pub notice: NoticeKind,
    /// Whose account it is for, if the person has one.
    pub account_id: Option<&'a str>,
    /// What the person is called.
    pub recipient: &'a str,
    /// An email address, or the number of a Telegram chat.
    pub address: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The words, as plain text.
    pub body: &'a str,
    /// The words as HTML; empty for Telegram.
    pub html: &'a str,
    /// Holds a one-time address.
    pub secret: bool,
}

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its identifier.
    pub id: String,
    /// How it travels.
    pub channel: Channel,
    /// What it tells.
    pub notice: NoticeKind,
    /// Whose account it is for.
    pub account_id: Option<String>,
    /// What the person is called.
    pub recipient: String,
    /// An email address, or the number of a Telegram chat.
    pub address: String,
    /// The subject.
    pub subject: String,
    /// The words, as plain text.
    pub body: String,
    /// The words as HTML; empty for Telegram.
    pub html: String,
    /// Holds, or held, a one-time address.
    pub secret: bool,
    /// Where it stands.
    pub status: Status,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it may be tried next.
    pub next_at: Timestamp,
    /// When it was sent, parked or dropped.
    pub done_at: Option<Timestamp>,
    /// Why the last try failed, or empty.
    pub last_error: String,
}

const COLUMNS: &str =
    "id, channel, notice, account_id, recipient, address, subject, body, html, secret, status,
    attempts, created_at, next_at, done_at, last_error";

fn read(row: &Row) -> Result<Message, DbError> {
    let word = |index| row.get::<String>(index);
    let (channel, notice, status) = (word(1)?, word(2)?, word(10)?);
    Ok(Message {
        id: row.get(0)?,
        channel: Channel::from_word(&channel).ok_or_else(|| DbError::decode("outbox.channel", &channel))?,
        notice: NoticeKind::from_word(&notice).ok_or_else(|| DbError::decode("outbox.notice", &notice))?,
        account_id: row.get(3)?,
        recipient: row.get(4)?,
        address: row.get(5)?,
        subject: row.get(6)?,
        body: row.get(7)?,
        html: row.get(8)?,
        secret: row.get(9)?,
        status: Status::from_word(&status).ok_or_else(|| DbError::decode("outbox.status", &status))?,
        attempts: row.get(11)?,
        created_at: Timestamp::from_micros(row.get(12)?),
        next_at: Timestamp::from_micros(row.get(13)?),
        done_at: row.get::<Option<i64>>(14)?.map(Timestamp::from_micros),
        last_error: row.get(15)?,
    })
}

/// Keeps a message, to be sent from now on.
pub fn insert(tx: &mut Tx, new: &NewMessage, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO outbox (id, channel, notice, account_id, recipient, address, subject, body, html, secret, status,
                             created_at, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, $12)",
        params![
            &new.id,
            new.channel.as_str(),
            new.notice.as_str(),
            new.account_id,
            new.recipient,
            new.address,
            new.subject,
            new.body,
            new.html,
            i64::from(new.secret),
            now.micros(),
            now.micros()
        ],
    )?;
    Ok(())
}

/// Which messages of the office's list are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those with this status.
    pub status: Option<Status>,
    /// Words in the recipient, the address or the subject.
    pub search: String,
}

/// One page of messages, newest first, older than `before`.
pub fn list(tx: &mut Tx, filter: &Filter, before: Option<&str>, limit: i64) -> Result<Vec<Message>, DbError> {
    let rows = tx.all(
        &format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE ($1 = '' OR status = $1) AND ($2 = '' OR id < $2)
               AND ($3 = '' OR lower(recipient) LIKE $4 ESCAPE '\\' OR lower(address) LIKE $4 ESCAPE '\\'
                    OR lower(subject) LIKE $4 ESCAPE '\\')
             ORDER BY id DESC LIMIT $5"
        ),
        params![
            filter.status.map_or("", Status::as_str),
            before.unwrap_or(""),
            filter.search.trim(),
            like(&filter.search),
            limit
        ],
    )?;
    rows.iter().map(read).collect()
}

/// The message of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Message>, DbError> {
    tx.opt(&format!("SELECT {COLUMNS} FROM outbox WHERE id = $1"), params![id])?
        .as_ref()
        .map(read)
        .transpose()
}

/// How many messages wait or are parked.
pub fn undelivered(tx: &mut Tx, channel: Channel, status: Status) -> Result<i64, DbError> {
    tx.one(
        "SELECT COUNT(*) FROM outbox WHERE status = $1 AND channel = $2",
        params![status.as_str(), channel.as_str()],
    )?
    .get(0)
}
