//! Clicks: visits through referral links, written down in batches.

use crate::{
    DbError, Tx, params,
    partners::{self, PartnerDay},
};
use domain::clock::{Day, Timestamp};
use std::collections::BTreeMap;

/// A visit through a partner's link.
#[derive(Debug, Clone)]
pub struct Click<'a> {
    /// Whose link it was.
    pub partner_id: &'a str,
    /// The code as it was followed, where it had to be repaired.
    pub repaired_from: Option<&'a str>,
    /// The host that the link stood on, or empty.
    pub source: &'a str,
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

/// How many rows one statement inserts: as many as there are of the large ones, then smaller ones. Each is a trip to a
/// server, and a few sizes are a few texts that are kept prepared.
const TOGETHER: [usize; 3] = [64, 8, 1];
const COLUMNS: usize = 6;

fn insert(rows: usize) -> String {
    let mut sql =
        "INSERT INTO click (id, at, partner_id, repaired_from, source, automatic) VALUES ".to_owned();
    for row in 0..rows {
        let first = row * COLUMNS + 1;
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for number in first..first + COLUMNS {
            sql.push_str(if number == first { "$" } else { ", $" });
            sql.push_str(&number.to_string());
        }
        sql.push(')');
    }
    sql
}

/// Keeps clicks and counts them for their partners' days.
///
/// `draw` is a random number, another one for each try: two servers that write clicks of the same millisecond can draw
/// overlapping numbers, which the database refuses as [`SqlErrorKind::Unique`](crate::SqlErrorKind); then the whole is
/// tried again.
pub fn insert_many(tx: &mut Tx, clicks: &[Click], draw: u32) -> Result<(), DbError> {
    let mut apart = i64::from(draw) % APART;
    let mut rest = clicks;
    for rows in TOGETHER {
        while rest.len() >= rows {
            let (now, later) = rest.split_at(rows);
            let mut values = Vec::with_capacity(rows * COLUMNS);
            for click in now {
                apart = (apart + 1) % APART;
                let (id, at) = (first_id(click.at) + apart, click.at.micros());
                values.extend_from_slice(params![
                    id,
                    at,
                    click.partner_id,
                    click.repaired_from,
                    click.source,
                    click.automatic
                ]);
            }
            tx.exec(&insert(rows), &values)?;
            rest = later;
        }
    }
    // In the order of their keys, so that two who do this at once lock the rows in the same order.
    let mut days: BTreeMap<(&str, Day), PartnerDay> = BTreeMap::new();
    for click in clicks {
        let day = click.at.day();
        let counted = days.entry((click.partner_id, day)).or_insert_with(|| PartnerDay::empty(day));
        if click.automatic {
            counted.automatic += 1;
        } else {
            counted.clicks += 1;
        }
    }
    let days: Vec<_> = days.into_iter().map(|((partner_id, _), day)| (partner_id, day)).collect();
    partners::add_to_days(tx, &days)
}

/// Notes that a writer has brought a batch. Returns no when it was brought before (or a later one was): then it must not
/// be written again. Call it first in the transaction: whoever brings the same batch meanwhile waits for its end.
pub fn begin_batch(tx: &mut Tx, writer: &str, batch: i64, now: Timestamp) -> Result<bool, DbError> {
    let begun = tx.exec(
        "INSERT INTO click_writer (id, batch, seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at
         WHERE click_writer.batch < excluded.batch",
        params![writer, batch, now.micros()],
    )?;
    Ok(begun == 1)
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
