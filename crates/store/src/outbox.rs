//! Messages on their way to people: written with the change that causes them, claimed by one worker at a time.

use crate::{
    DbError, Found, Row, Tx, params,
    search::{NEWEST, like},
};
use domain::{
    clock::{DAY, SECOND, Timestamp},
    notice::{Channel, NoticeKind},
};

/// How long messages that are sent or dropped are kept.
pub const KEPT: i64 = 90 * DAY;

/// No more than this many are counted: without a mail server any number may wait.
pub const COUNTED: i64 = 1000;

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

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Status::Waiting => "Waiting",
            Status::Sent => "Sent",
            Status::Parked => "Parked",
            Status::Dropped => "Not sent",
        }
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
    tx.later(
        "INSERT INTO outbox (id, channel, notice, account_id, recipient, address, subject, body, html, secret, status,
                             created_at, next_at, search)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, $12, $13)",
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
            now.micros(),
            format!("{}\n{}\n{}", new.recipient, new.address, new.subject).to_lowercase()
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

/// How many messages are read through for words.
pub const LOOKED_THROUGH: i64 = 5_000;

/// One page of messages as [`look`] finds them, for whoever asks for no words.
pub fn list(tx: &mut Tx, filter: &Filter, before: Option<&str>, limit: i64) -> Result<Vec<Message>, DbError> {
    Ok(look(tx, filter, before, limit)?.rows)
}

/// One page of messages, newest first, older than `before`. For words the newest [`LOOKED_THROUGH`] of them are read.
pub fn look(
    tx: &mut Tx,
    filter: &Filter,
    before: Option<&str>,
    limit: i64,
) -> Result<Found<Message, String>, DbError> {
    // Said only when asked for, so that the index over the status can be used.
    let status = if filter.status.is_some() { "status = $1" } else { "$1 = ''" };
    let (word, before) = (filter.status.map_or("", Status::as_str), before.unwrap_or(NEWEST));
    let mut end: Option<String> = None;
    if !filter.search.trim().is_empty() {
        let sql =
            format!("SELECT id FROM outbox WHERE {status} AND id < $2 ORDER BY id DESC LIMIT 1 OFFSET $3");
        end = tx.opt(&sql, params![word, before, LOOKED_THROUGH - 1])?.map(|row| row.get(0)).transpose()?;
    }
    let rows = tx.all(
        &format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE {status} AND id < $2 AND id >= $3 AND ($4 = '' OR search LIKE $5 ESCAPE '\\')
             ORDER BY id DESC LIMIT $6"
        ),
        params![
            word,
            before,
            end.as_deref().unwrap_or(""),
            filter.search.trim(),
            like(&filter.search),
            limit
        ],
    )?;
    let rows = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Found::in_stretch(rows, limit, end))
}

/// The message of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Message>, DbError> {
    tx.opt(&format!("SELECT {COLUMNS} FROM outbox WHERE id = $1"), params![id])?
        .as_ref()
        .map(read)
        .transpose()
}

/// How many messages have a status, up to [`COUNTED`].
pub fn undelivered(tx: &mut Tx, channel: Channel, status: Status) -> Result<i64, DbError> {
    tx.one(
        "SELECT COUNT(*) FROM
         (SELECT id FROM outbox WHERE status = $1 AND channel = $2 LIMIT $3) AS counted",
        params![status.as_str(), channel.as_str(), COUNTED],
    )?
    .get(0)
}

/// The newest message of a kind to an account, written at or after a moment.
pub fn newest(
    tx: &mut Tx,
    account_id: &str,
    notice: NoticeKind,
    since: Timestamp,
) -> Result<Option<Message>, DbError> {
    tx.opt(
        &format!(
            "SELECT {COLUMNS} FROM outbox WHERE account_id = $1 AND notice = $2 AND id >= $3 AND created_at >= $4
             ORDER BY id DESC LIMIT 1"
        ),
        params![account_id, notice.as_str(), first_id(since), since.micros()],
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// How many messages of a kind were written to an account after a moment.
pub fn count_since(
    tx: &mut Tx,
    account_id: &str,
    notice: NoticeKind,
    since: Timestamp,
) -> Result<i64, DbError> {
    tx.one(
        "SELECT COUNT(*) FROM outbox WHERE account_id = $1 AND notice = $2 AND id >= $3 AND created_at > $4",
        params![account_id, notice.as_str(), first_id(since), since.micros()],
    )?
    .get(0)
}

/// Whether a message could be tried now.
pub fn any_due(tx: &mut Tx, channel: Channel, now: Timestamp) -> Result<bool, DbError> {
    let due = tx.opt(
        "SELECT id FROM outbox WHERE status = 'waiting' AND channel = $1 AND next_at <= $2 LIMIT 1",
        params![channel.as_str(), now.micros()],
    )?;
    Ok(due.is_some())
}

/// Takes messages that can be tried now, those that have waited longest first, for `holder`, who has to say what became
/// of them before `until`: later they are taken for abandoned and go to whoever asks next. Each counts one more try.
/// Their `next_at` is since when they could have been tried.
///
/// Of two who take at the same moment each message goes to one: the second finds it changed.
pub fn claim(
    tx: &mut Tx,
    channel: Channel,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Message>, DbError> {
    let due = tx.all(
        &format!(
            "SELECT {COLUMNS} FROM outbox WHERE status = 'waiting' AND channel = $1 AND next_at <= $2
             ORDER BY next_at, id LIMIT $3"
        ),
        params![channel.as_str(), now.micros(), limit],
    )?;
    let mut claimed = Vec::new();
    for row in &due {
        let mut message = read(row)?;
        let taken = tx.exec(
            "UPDATE outbox SET claimed_by = $1, next_at = $2, attempts = attempts + 1
             WHERE id = $3 AND status = 'waiting' AND next_at = $4",
            params![holder, until.micros(), &message.id, message.next_at.micros()],
        )?;
        if taken == 1 {
            message.attempts += 1;
            claimed.push(message);
        }
    }
    Ok(claimed)
}

/// What a message loses once it is done with: the one-time address in it.
const FORGET: &str = "body = CASE WHEN secret = 1 THEN '' ELSE body END, \
                      html = CASE WHEN secret = 1 THEN '' ELSE html END";

/// The other side has taken a message. Whoever has it by now: what happened has happened. Returns whether it was
/// waiting.
pub fn mark_sent(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let marked = tx.exec(
        &format!(
            "UPDATE outbox SET status = 'sent', done_at = $1, claimed_by = NULL, last_error = '', {FORGET}
             WHERE id = $2 AND status = 'waiting'"
        ),
        params![now.micros(), id],
    )?;
    Ok(marked == 1)
}

/// A try has failed; the message is tried again at a later moment. Returns whether `holder` still had it.
pub fn mark_failed(
    tx: &mut Tx,
    id: &str,
    holder: &str,
    why: &str,
    next_at: Timestamp,
) -> Result<bool, DbError> {
    let marked = tx.exec(
        "UPDATE outbox SET next_at = $1, claimed_by = NULL, last_error = $2
         WHERE id = $3 AND status = 'waiting' AND claimed_by = $4",
        params![next_at.micros(), why, id, holder],
    )?;
    Ok(marked == 1)
}

/// Nothing more is tried until somebody has looked. Returns whether `holder` still had it.
pub fn mark_parked(tx: &mut Tx, id: &str, holder: &str, why: &str, now: Timestamp) -> Result<bool, DbError> {
    let marked = tx.exec(
        "UPDATE outbox SET status = 'parked', done_at = $1, claimed_by = NULL, last_error = $2
         WHERE id = $3 AND status = 'waiting' AND claimed_by = $4",
        params![now.micros(), why, id, holder],
    )?;
    Ok(marked == 1)
}

/// The person no longer has the channel. Returns whether `holder` still had it.
pub fn mark_closed(tx: &mut Tx, id: &str, holder: &str, why: &str, now: Timestamp) -> Result<bool, DbError> {
    let marked = tx.exec(
        &format!(
            "UPDATE outbox SET status = 'dropped', done_at = $1, claimed_by = NULL, last_error = $2, {FORGET}
             WHERE id = $3 AND status = 'waiting' AND claimed_by = $4"
        ),
        params![now.micros(), why, id, holder],
    )?;
    Ok(marked == 1)
}

/// Sends nothing more of a kind to an account: what it would bring is of no use any more. What a worker has in its hands
/// may be on the wire and goes on.
pub fn withdraw(
    tx: &mut Tx,
    account_id: &str,
    notice: NoticeKind,
    why: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    tx.exec(
        &format!(
            "UPDATE outbox SET status = 'dropped', done_at = $1, last_error = $2, {FORGET}
             WHERE account_id = $3 AND notice = $4 AND status IN ('waiting', 'parked') AND claimed_by IS NULL"
        ),
        params![now.micros(), why, account_id, notice.as_str()],
    )
}

/// Makes sure that a message isn't sent. Not while a worker has it: it may be on the wire. Returns whether it was
/// stopped.
pub fn stop(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let stopped = tx.exec(
        &format!(
            "UPDATE outbox SET status = 'dropped', done_at = $1, claimed_by = NULL, {FORGET}
             WHERE id = $2 AND (status = 'parked' OR (status = 'waiting' AND (claimed_by IS NULL OR next_at <= $3)))"
        ),
        params![now.micros(), id, now.micros()],
    )?;
    Ok(stopped == 1)
}

/// Sends a message that waits to another address.
pub fn readdress(tx: &mut Tx, id: &str, address: &str) -> Result<(), DbError> {
    tx.later(
        "UPDATE outbox SET address = $1 WHERE id = $2 AND status = 'waiting' AND claimed_by IS NULL",
        params![address, id],
    )?;
    Ok(())
}

/// Sends what waits for an account, or is parked, to its new address: all that would have gone to the old one but for what
/// is about the change itself.
pub fn readdress_mail(tx: &mut Tx, account_id: &str, old: &str, new: &str) -> Result<(), DbError> {
    let found = tx.all(
        "SELECT id, notice FROM outbox WHERE account_id = $1 AND channel = 'mail' AND address = $2
             AND status IN ('waiting', 'parked')",
        params![account_id, old],
    )?;
    for row in found {
        let (id, notice): (String, String) = (row.get(0)?, row.get(1)?);
        use NoticeKind::{AdoptEmail, EmailChanged, ReleaseEmail};
        if matches!(NoticeKind::from_word(&notice), Some(ReleaseEmail | AdoptEmail | EmailChanged)) {
            continue;
        }
        // What a worker has in its hands is on its way already; it is found by the new address from the next try on.
        tx.later(
            "UPDATE outbox SET address = $1, search = REPLACE(search, $2, $3)
             WHERE id = $4 AND status IN ('waiting', 'parked')",
            params![new, old.to_lowercase(), new.to_lowercase(), &id],
        )?;
    }
    Ok(())
}

/// Lets a message that is parked or was dropped be tried anew. Returns whether it is waiting now.
pub fn retry(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let waiting = tx.exec(
        "UPDATE outbox SET status = 'waiting', attempts = 0, next_at = $1, done_at = NULL, claimed_by = NULL
         WHERE id = $2 AND status IN ('parked', 'dropped') AND (secret = 0 OR body <> '')",
        params![now.micros(), id],
    )?;
    Ok(waiting == 1)
}

/// Writes a message that was sent once more, as a message of its own: a copy of the same identifier would be thrown away
/// by many mail servers. Returns whether there was one to copy.
pub fn copy(tx: &mut Tx, id: &str, new_id: &str, now: Timestamp) -> Result<bool, DbError> {
    let copied = tx.exec(
        "INSERT INTO outbox (id, channel, notice, account_id, recipient, address, subject, body, html, secret, status,
                             created_at, next_at, search)
         SELECT $1, channel, notice, account_id, recipient, address, subject, body, html, secret, 'waiting',
                CAST($2 AS BIGINT), CAST($3 AS BIGINT), search
         FROM outbox WHERE id = $4 AND status = 'sent' AND secret = 0",
        params![new_id, now.micros(), now.micros(), id],
    )?;
    Ok(copied == 1)
}

/// Deletes messages that were sent or dropped longer ago than [`KEPT`], at most `limit` of each. Returns how many.
pub fn sweep(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, DbError> {
    let before = now.plus(-KEPT);
    let mut deleted = 0;
    for status in [Status::Sent, Status::Dropped] {
        deleted += tx.exec(
            "DELETE FROM outbox WHERE id IN (
                 SELECT id FROM outbox WHERE status = $1 AND id < $2 AND done_at < $3 ORDER BY id LIMIT $4
             )",
            params![status.as_str(), first_id(before), before.micros(), limit],
        )?;
    }
    Ok(deleted)
}

/// Marks everything that was written before a moment and waits as sent soon after it was written: for the demo, whose
/// year nobody has sent mail in.
pub fn settle(tx: &mut Tx, before: Timestamp) -> Result<u64, DbError> {
    tx.exec(
        &format!(
            "UPDATE outbox SET status = 'sent', attempts = 1, done_at = created_at + $1, {FORGET}
             WHERE status = 'waiting' AND created_at < $2"
        ),
        params![2 * SECOND, before.micros()],
    )
}

/// What sorts before every identifier made at or after a moment: identifiers are UUIDs of version 7, which begin with
/// the milliseconds since 1970 (RFC 9562, section 5.7).
pub(crate) fn first_id(at: Timestamp) -> String {
    let millis = at.micros().div_euclid(1000).max(0);
    format!("{:08x}-{:04x}", millis >> 16, millis & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::Ids;

    #[derive(Debug)]
    struct Same(u8);
    impl Ids for Same {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn identifiers_are_found_by_their_time() {
        let at = Timestamp::from_micros(1_795_421_400_123_000);
        for byte in [0, 0xff] {
            assert!(first_id(at) < Same(byte).uuid(at));
            assert!(first_id(at.plus(1000)) > Same(byte).uuid(at));
        }
    }
}
