//! What is on its way to other systems: written with what it tells, claimed by one worker at a time, with every try.

use crate::{
    DbError, Row, Tx,
    outbox::first_id,
    params,
    search::NEWEST,
    webhooks::{read_pairs, write_pairs},
};
use domain::clock::{DAY, Timestamp};

/// How long deliveries are kept.
pub const KEPT: i64 = 30 * DAY;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It will be tried.
    Waiting,
    /// The other side has taken it.
    Done,
    /// It failed too often; somebody has to look.
    Parked,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [DeliveryStatus; 3] =
        [DeliveryStatus::Waiting, DeliveryStatus::Done, DeliveryStatus::Parked];

    /// The word in the database and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeliveryStatus::Waiting => "waiting",
            DeliveryStatus::Done => "done",
            DeliveryStatus::Parked => "parked",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<DeliveryStatus> {
        DeliveryStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            DeliveryStatus::Waiting => "Waiting",
            DeliveryStatus::Done => "Delivered",
            DeliveryStatus::Parked => "Given up",
        }
    }
}

/// A delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its identifier, the same with every try.
    pub id: String,
    /// Where it goes.
    pub webhook_id: String,
    /// What happened, as a word.
    pub event: String,
    /// What it is about: `client`, `deal`, `withdrawal`, `partner`, or empty.
    pub subject: String,
    /// The number or identifier of that.
    pub subject_id: String,
    /// The body; of a request, what its template is filled with.
    pub body: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried since it was written or sent again.
    pub attempts: i64,
    /// How often it was tried in all.
    pub tries: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it may be tried next.
    pub next_at: Timestamp,
    /// When it was delivered or given up.
    pub done_at: Option<Timestamp>,
    /// Why the last try failed, or empty.
    pub last_error: String,
}

const COLUMNS: &str =
    "id, webhook_id, event, subject, subject_id, body, status, attempts, tries, created_at, next_at,
    done_at, last_error";

fn read(row: &Row) -> Result<Delivery, DbError> {
    let status: String = row.get(6)?;
    Ok(Delivery {
        id: row.get(0)?,
        webhook_id: row.get(1)?,
        event: row.get(2)?,
        subject: row.get(3)?,
        subject_id: row.get(4)?,
        body: row.get(5)?,
        status: DeliveryStatus::from_word(&status)
            .ok_or_else(|| DbError::decode("webhook_delivery.status", &status))?,
        attempts: row.get(7)?,
        tries: row.get(8)?,
        created_at: Timestamp::from_micros(row.get(9)?),
        next_at: Timestamp::from_micros(row.get(10)?),
        done_at: row.get::<Option<i64>>(11)?.map(Timestamp::from_micros),
        last_error: row.get(12)?,
    })
}

/// What a new delivery is made of.
#[derive(Debug, Clone)]
pub struct NewDelivery<'a> {
    /// A fresh, time-ordered identifier.
    pub id: String,
    /// Where it goes.
    pub webhook_id: &'a str,
    /// What happened, as a word.
    pub event: &'a str,
    /// What it is about, and the number or identifier of that.
    pub subject: (&'a str, &'a str),
    /// The body.
    pub body: &'a str,
}

/// Keeps a delivery, to be made from now on.
pub fn insert(tx: &mut Tx, new: &NewDelivery, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO webhook_delivery (id, webhook_id, event, subject, subject_id, body, status, created_at, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8)",
        params![
            &new.id,
            new.webhook_id,
            new.event,
            new.subject.0,
            new.subject.1,
            new.body,
            now.micros(),
            now.micros()
        ],
    )
}

/// The delivery of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Delivery>, DbError> {
    tx.opt(&format!("SELECT {COLUMNS} FROM webhook_delivery WHERE id = $1"), params![id])?
        .as_ref()
        .map(read)
        .transpose()
}

/// One page of the deliveries to one place, newest first, older than `before`.
pub fn list(
    tx: &mut Tx,
    webhook_id: &str,
    status: Option<DeliveryStatus>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Delivery>, DbError> {
    // Said only when asked for, so that the index over the status can be used.
    let wanted = if status.is_some() { "status = $2" } else { "$2 = ''" };
    let rows = tx.all(
        &format!(
            "SELECT {COLUMNS} FROM webhook_delivery WHERE webhook_id = $1 AND {wanted} AND id < $3
             ORDER BY id DESC LIMIT $4"
        ),
        params![webhook_id, status.map_or("", DeliveryStatus::as_str), before.unwrap_or(NEWEST), limit],
    )?;
    rows.iter().map(read).collect()
}

/// The active places with something that could be delivered now.
pub fn due(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, DbError> {
    let rows = tx.all(
        "SELECT id FROM webhook WHERE active = 1 AND EXISTS (
             SELECT 1 FROM webhook_delivery AS d
             WHERE d.webhook_id = webhook.id AND d.status = 'waiting' AND d.next_at <= $1
         )
         ORDER BY id",
        params![now.micros()],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Takes deliveries to one place that can be tried now, those that have waited longest first, for `holder`, who has to say
/// what became of them before `until`: later they are taken for abandoned and go to whoever asks next. Each counts one
/// more try.
///
/// Of two who take at the same moment each goes to one: the second finds it changed.
pub fn claim(
    tx: &mut Tx,
    webhook_id: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Delivery>, DbError> {
    let due = tx.all(
        &format!(
            "SELECT {COLUMNS} FROM webhook_delivery WHERE webhook_id = $1 AND status = 'waiting' AND next_at <= $2
             ORDER BY next_at, id LIMIT $3"
        ),
        params![webhook_id, now.micros(), limit],
    )?;
    let mut claimed = Vec::new();
    for row in &due {
        let mut delivery = read(row)?;
        let taken = tx.exec(
            "UPDATE webhook_delivery SET claimed_by = $1, next_at = $2, attempts = attempts + 1, tries = tries + 1
             WHERE id = $3 AND status = 'waiting' AND next_at = $4",
            params![holder, until.micros(), &delivery.id, delivery.next_at.micros()],
        )?;
        if taken == 1 {
            delivery.attempts += 1;
            delivery.tries += 1;
            claimed.push(delivery);
        }
    }
    Ok(claimed)
}

/// The other side has taken it. Whoever has it by now: what happened has happened. Returns whether it was waiting.
pub fn mark_done(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let marked = tx.exec(
        "UPDATE webhook_delivery SET status = 'done', done_at = $1, claimed_by = NULL, last_error = ''
         WHERE id = $2 AND status = 'waiting'",
        params![now.micros(), id],
    )?;
    Ok(marked == 1)
}

/// A try has failed; the delivery is tried again at a later moment. Returns whether `holder` still had it.
pub fn mark_failed(
    tx: &mut Tx,
    id: &str,
    holder: &str,
    why: &str,
    next_at: Timestamp,
) -> Result<bool, DbError> {
    let marked = tx.exec(
        "UPDATE webhook_delivery SET next_at = $1, claimed_by = NULL, last_error = $2
         WHERE id = $3 AND status = 'waiting' AND claimed_by = $4",
        params![next_at.micros(), why, id, holder],
    )?;
    Ok(marked == 1)
}

/// Nothing more is tried until somebody has looked. Returns whether `holder` still had it.
pub fn mark_parked(tx: &mut Tx, id: &str, holder: &str, why: &str, now: Timestamp) -> Result<bool, DbError> {
    let marked = tx.exec(
        "UPDATE webhook_delivery SET status = 'parked', done_at = $1, claimed_by = NULL, last_error = $2
         WHERE id = $3 AND status = 'waiting' AND claimed_by = $4",
        params![now.micros(), why, id, holder],
    )?;
    Ok(marked == 1)
}

/// Lets a delivery be made (again) now, with the identifier that it has. Not while a worker has it: it may be on the wire.
/// Returns whether it waits now.
pub fn send_again(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let waiting = tx.exec(
        "UPDATE webhook_delivery SET status = 'waiting', attempts = 0, next_at = $1, done_at = NULL, claimed_by = NULL
         WHERE id = $2 AND (status <> 'waiting' OR claimed_by IS NULL OR next_at <= $3)",
        params![now.micros(), id, now.micros()],
    )?;
    Ok(waiting == 1)
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// What was sent, without secrets.
    pub headers: Vec<(String, String)>,
    /// The body, where it isn't the delivery's own.
    pub body: String,
    /// The HTTP status of the answer; none: there was no answer.
    pub status: Option<i64>,
    /// How the answer begins.
    pub answer: String,
    /// Why it failed, or empty.
    pub error: String,
}

/// Keeps a try. One that is known stays as it was.
pub fn insert_try(tx: &mut Tx, delivery_id: &str, number: i64, made: &Try) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO webhook_try (delivery_id, number, at, took_ms, headers, body, status, answer, error)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (delivery_id, number) DO NOTHING",
        params![
            delivery_id,
            number,
            made.at.micros(),
            made.took_ms,
            write_pairs(&made.headers),
            &made.body,
            made.status,
            &made.answer,
            &made.error
        ],
    )
}

/// The tries of a delivery, newest first.
pub fn tries(tx: &mut Tx, delivery_id: &str, limit: i64) -> Result<Vec<(i64, Try)>, DbError> {
    let rows = tx.all(
        "SELECT number, at, took_ms, headers, body, status, answer, error FROM webhook_try WHERE delivery_id = $1
         ORDER BY number DESC LIMIT $2",
        params![delivery_id, limit],
    )?;
    rows.iter()
        .map(|row| {
            let made = Try {
                at: Timestamp::from_micros(row.get(1)?),
                took_ms: row.get(2)?,
                headers: read_pairs(&row.get::<String>(3)?),
                body: row.get(4)?,
                status: row.get(5)?,
                answer: row.get(6)?,
                error: row.get(7)?,
            };
            Ok((row.get(0)?, made))
        })
        .collect()
}

/// Deletes deliveries that were written longer ago than [`KEPT`], with their tries, at most `limit`. Returns how many.
pub fn sweep(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, DbError> {
    let before = first_id(now.plus(-KEPT));
    let old = tx.all(
        "SELECT id FROM webhook_delivery WHERE id < $1 ORDER BY id LIMIT $2",
        params![before.as_str(), limit],
    )?;
    for row in &old {
        let id: String = row.get(0)?;
        tx.later("DELETE FROM webhook_try WHERE delivery_id = $1", params![&id])?;
        tx.later("DELETE FROM webhook_delivery WHERE id = $1", params![&id])?;
    }
    Ok(old.len() as u64)
}
