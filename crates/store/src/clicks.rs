//! Clicks: visits through referral links, written down in batches.

use crate::{DbError, Tx, Value, params};
use domain::clock::{Day, Timestamp};
use std::{collections::BTreeMap, sync::OnceLock};

/// A visit through a partner's link.
#[derive(Debug, Clone)]
pub struct Click<'a> {
    /// Whose link it was.
    pub partner_id: &'a str,
    /// The code as it was followed, where it had to be repaired.
    pub repaired_from: Option<&'a str>,
    /// The host that the link stood on, or empty.
    pub source: &'a str,
    /// The place that it is counted under, or empty.
    pub place: &'a str,
    /// Made by a program that looks at links: kept, not counted.
    pub automatic: bool,
    /// When.
    pub at: Timestamp,
}

/// The lower bits of a click's number, which tell the clicks of one millisecond apart.
const APART_BITS: u32 = 21;
const APART: i64 = 1 << APART_BITS;

/// The lowest number that a click of a moment, or a later one, can have (to the millisecond).
pub const fn first_id(at: Timestamp) -> i64 {
    (at.micros().div_euclid(1_000)) << APART_BITS
}

/// The most rows that one statement inserts.
const TOGETHER: usize = 64;
/// Its sizes are powers of two: a few texts, which are kept prepared.
const SIZES: usize = TOGETHER.trailing_zeros() as usize + 1;

/// A statement that inserts rows, in several sizes. What a size has too much is filled up with NULL and left out, so that
/// a batch is one statement wherever it can be: each is an answer of a server, which costs more than some empty rows.
struct Insert {
    table: &'static str,
    /// The columns with their types; the first is never NULL.
    columns: &'static [(&'static str, &'static str)],
    after: &'static str,
    texts: OnceLock<[String; SIZES]>,
}

impl Insert {
    const fn new(
        table: &'static str,
        columns: &'static [(&'static str, &'static str)],
        after: &'static str,
    ) -> Insert {
        Insert { table, columns, after, texts: OnceLock::new() }
    }

    fn text(&self, rows: usize) -> String {
        let width = self.columns.len();
        let row = |row: usize| {
            let value = |(column, (_, kind)): (usize, &(&str, &str))| match row {
                // The first row says what the others are.
                0 => format!("CAST(${} AS {kind})", column + 1),
                _ => format!("${}", row * width + column + 1),
            };
            format!("({})", self.columns.iter().enumerate().map(value).collect::<Vec<_>>().join(", "))
        };
        let values = (0..rows).map(row).collect::<Vec<_>>().join(", ");
        let names = self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let (table, after) = (self.table, self.after);
        format!(
            "INSERT INTO {table} ({names}) SELECT * FROM (VALUES {values}) AS given WHERE column1 IS NOT NULL {after}"
        )
    }

    /// Writes all of the items with as few statements as can be.
    fn write<T>(
        &self,
        tx: &mut Tx,
        items: &[T],
        mut row: impl FnMut(&T, &mut Vec<Value>),
    ) -> Result<(), DbError> {
        let texts = self.texts.get_or_init(|| std::array::from_fn(|size| self.text(1 << size)));
        for items in items.chunks(TOGETHER) {
            let rows = items.len().next_power_of_two();
            let mut values = Vec::with_capacity(rows * self.columns.len());
            items.iter().for_each(|item| row(item, &mut values));
            values.resize(rows * self.columns.len(), Value::Null);
            tx.later(&texts[rows.trailing_zeros() as usize], values)?;
        }
        Ok(())
    }
}

static INSERT: Insert = Insert::new(
    "click",
    &[
        ("id", "BIGINT"),
        ("at", "BIGINT"),
        ("partner_id", "TEXT"),
        ("repaired_from", "TEXT"),
        ("source", "TEXT"),
        ("automatic", "BIGINT"),
        ("place", "TEXT"),
    ],
    "",
);
static COUNT: Insert = Insert::new(
    "partner_day",
    &[("partner_id", "TEXT"), ("day", "BIGINT"), ("clicks", "BIGINT"), ("automatic", "BIGINT")],
    "ON CONFLICT (partner_id, day) DO UPDATE SET clicks = partner_day.clicks + excluded.clicks,
        automatic = partner_day.automatic + excluded.automatic",
);
static COUNT_PLACE: Insert = Insert::new(
    "partner_source",
    &[
        ("partner_id", "TEXT"),
        ("day", "BIGINT"),
        ("source", "TEXT"),
        ("clicks", "BIGINT"),
        ("clients", "BIGINT"),
        ("deals_won", "BIGINT"),
        ("profit", "BIGINT"),
    ],
    "ON CONFLICT (partner_id, day, source) DO UPDATE SET clicks = partner_source.clicks + excluded.clicks",
);

/// Keeps clicks and counts them for their partners' days, and for the places that they came from.
///
/// `draw` is a random number, another one for each try: two servers that write clicks of the same millisecond can draw
/// overlapping numbers, which the database refuses as [`SqlErrorKind::Unique`](crate::SqlErrorKind); then the whole is
/// tried again.
pub fn insert_many(tx: &mut Tx, clicks: &[Click], draw: u32) -> Result<(), DbError> {
    let mut apart = i64::from(draw) % APART;
    INSERT.write(tx, clicks, |click, values| {
        apart = (apart + 1) % APART;
        values.extend_from_slice(params![
            first_id(click.at) + apart,
            click.at.micros(),
            click.partner_id,
            click.repaired_from,
            click.source,
            click.automatic,
            click.place
        ]);
    })?;
    // In the order of their keys, so that two who do this at once lock the rows in the same order.
    let mut days: BTreeMap<(&str, Day), (i64, i64)> = BTreeMap::new();
    let mut places: BTreeMap<(&str, Day, &str), i64> = BTreeMap::new();
    for click in clicks {
        let (counted, automatic) = days.entry((click.partner_id, click.at.day())).or_default();
        *(if click.automatic { automatic } else { counted }) += 1;
        if !click.place.is_empty() && !click.automatic {
            *places.entry((click.partner_id, click.at.day(), click.place)).or_default() += 1;
        }
    }
    let days: Vec<_> = days.into_iter().collect();
    COUNT.write(tx, &days, |((partner_id, day), (counted, automatic)), values| {
        values.extend_from_slice(params![*partner_id, day.0, *counted, *automatic]);
    })?;
    let places: Vec<_> = places.into_iter().collect();
    COUNT_PLACE.write(tx, &places, |((partner_id, day, place), count), values| {
        values.extend_from_slice(params![*partner_id, day.0, *place, *count, 0, 0, 0]);
    })
}

const BEGIN: &str = "INSERT INTO click_writer (id, batch, seen_at) VALUES ($1, $2, $3)
     ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at
     WHERE click_writer.batch < excluded.batch";

/// Notes that a writer has brought a batch. Returns no when it was brought before (or a later one was): then it must not
/// be written again. Call it first in the transaction: whoever brings the same batch meanwhile waits for its end.
pub fn begin_batch(tx: &mut Tx, writer: &str, batch: i64, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.exec(BEGIN, params![writer, batch, now.micros()])? == 1)
}

/// The same for a batch that can't have been brought before, since its writer has just made it: nobody waits for the
/// answer.
pub fn begin_new_batch(tx: &mut Tx, writer: &str, batch: i64, now: Timestamp) -> Result<(), DbError> {
    tx.later(BEGIN, params![writer, batch, now.micros()])
}

/// Deletes the oldest clicks that are earlier than a moment, at most `limit`. Returns how many.
pub fn delete_before(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    tx.exec(
        "DELETE FROM click WHERE id IN (SELECT id FROM click WHERE id < $1 ORDER BY id LIMIT $2)",
        params![first_id(before), limit],
    )
}

/// Forgets writers that have brought nothing since a moment.
pub fn forget_writers(tx: &mut Tx, before: Timestamp) -> Result<u64, DbError> {
    tx.exec("DELETE FROM click_writer WHERE seen_at < $1", params![before.micros()])
}
