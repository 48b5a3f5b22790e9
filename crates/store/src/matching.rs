//! Looking for the clients, clicks and damaged codes that a claim may mean. Everything is found by an index, or in a
//! bounded stretch of a table whose numbers grow with time: never by walking through a million clients or clicks.

use std::cmp::Reverse;

use crate::{
    DbError, Tx, Value,
    clicks::first_id,
    clients::{self, Client},
    params,
    search::like,
};
use domain::{
    claim::keys::{Clues, Keys, spell},
    clock::Timestamp,
    search,
};

/// The number of the first client who is not earlier than a moment, by halving: some thirty reads by key. Clients with
/// higher numbers are later ones; two servers may swap neighbours, which doesn't matter here.
fn first_from(tx: &mut Tx, at: Timestamp) -> Result<i64, DbError> {
    // Each end by the key: asked for together, SQLite walks the whole table.
    let lowest = tx.opt("SELECT number FROM client ORDER BY number LIMIT 1", params![])?;
    let highest = tx.opt("SELECT number FROM client ORDER BY number DESC LIMIT 1", params![])?;
    let (Some(lowest), Some(highest)) = (lowest, highest) else { return Ok(0) };
    let (mut low, mut high) = (lowest.get::<i64>(0)?, highest.get::<i64>(0)? + 1);
    let next = "SELECT number, created_at FROM client WHERE number >= $1 ORDER BY number LIMIT 1";
    while low < high {
        let middle = low + (high - low) / 2;
        match tx.opt(next, params![middle])? {
            Some(row) if row.get::<i64>(1)? < at.micros() => low = row.get::<i64>(0)? + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// How many clients with one key are looked at.
const SAME_KEY: i64 = 20;
/// How many clients whose name begins with the same word.
const SAME_WORD: i64 = 100;
/// The shortest word of a name that is looked for, and how many words are.
const SHORTEST_WORD: usize = 4;
const MOST_WORDS: usize = 2;

/// The clients whom contacts or names point to; some of them more than once.
pub fn by_keys(tx: &mut Tx, clues: &Clues, name_key: &str) -> Result<Vec<Client>, DbError> {
    let mut found = Vec::new();
    for (column, keys) in
        [("email_key", &clues.emails), ("phone_key", &clues.phones), ("telegram_key", &clues.telegrams)]
    {
        for key in keys {
            // The second condition is what makes a partial index fit.
            let which = format!("c.{column} = $1 AND c.{column} <> '' ORDER BY c.number DESC LIMIT $2");
            found.extend(select(tx, &which, params![key, SAME_KEY])?);
        }
    }
    if !name_key.is_empty() {
        let which = "c.name_key = $1 ORDER BY c.number DESC LIMIT $2";
        found.extend(select(tx, which, params![name_key, SAME_KEY])?);
    }
    if let Some(word) = name_key.split(' ').next().filter(|word| word.chars().count() >= SHORTEST_WORD) {
        let which = "c.name_key >= $1 AND c.name_key < $2 ORDER BY c.name_key LIMIT $3";
        found.extend(select(tx, which, params![word, format!("{word}\u{10ffff}"), SAME_WORD])?);
    }
    Ok(found)
}

/// How many clients' names and contacts are read through for the words of a name.
const READ_THROUGH: i64 = 20_000;

/// The clients since a moment in whose name or contacts one of the longest words of a name stands, wherever: of those
/// clients only the first ones, that many for each word. Some of them more than once.
pub fn by_words(tx: &mut Tx, name: &str, from: Timestamp) -> Result<Vec<Client>, DbError> {
    // Spelled like the words that clients are kept with.
    let spelled = spell(name);
    let mut words: Vec<&str> = spelled.split_whitespace().collect();
    words.retain(|word| word.chars().count() >= SHORTEST_WORD);
    words.sort_by_key(|word| Reverse(word.len()));
    words.truncate(MOST_WORDS);
    let first = first_from(tx, from)?;
    let mut found = Vec::new();
    for word in words {
        let which =
            "c.number >= $1 AND c.number < $2 AND c.search LIKE $3 ESCAPE '\\' ORDER BY c.number LIMIT $4";
        let values = params![first, first.saturating_add(READ_THROUGH), like(word), SAME_WORD];
        found.extend(select(tx, which, values)?);
    }
    Ok(found)
}

fn select(tx: &mut Tx, which: &str, values: &[Value]) -> Result<Vec<Client>, DbError> {
    tx.all(&format!("{} WHERE {which}", clients::SELECT), values)?.iter().map(clients::read).collect()
}

/// The clients who left their contact in a stretch of time, the earliest first, and whether these are all of them.
pub fn by_time(
    tx: &mut Tx,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<(Vec<Client>, bool), DbError> {
    let first = first_from(tx, from)?;
    let end = first.saturating_add(limit);
    let which = "c.number >= $1 AND c.number < $2 AND c.created_at < $3 ORDER BY c.number";
    let found = select(tx, which, params![first, end, to.micros()])?;
    // Numbers may have gaps: what was not looked at begins with the number, not with the count.
    let next =
        tx.opt("SELECT created_at FROM client WHERE number >= $1 ORDER BY number LIMIT 1", params![end])?;
    let all = next.map(|row| row.get::<i64>(0)).transpose()?.is_none_or(|at| at >= to.micros());
    Ok((found, all))
}

/// A visit through a partner's link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundClick {
    /// When.
    pub at: Timestamp,
    /// The host that the link stood on, or empty.
    pub source: String,
    /// The code as it was followed, where it had to be repaired.
    pub repaired_from: Option<String>,
}

/// The visits of people through a partner's link in a stretch of time, the earliest first, and whether all of it was
/// looked through: at most `budget` clicks of all partners are, which is taken off the budget.
pub fn clicks(
    tx: &mut Tx,
    partner_id: &str,
    from: Timestamp,
    to: Timestamp,
    budget: &mut i64,
    limit: i64,
) -> Result<(Vec<FoundClick>, bool), DbError> {
    let (first, end) = (first_id(from), first_id(to));
    // The first click that the budget doesn't reach any more, if there is one.
    let beyond = tx.opt(
        "SELECT id FROM click WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 1 OFFSET $3",
        params![first, end, (*budget).max(0)],
    )?;
    let beyond: Option<i64> = beyond.map(|row| row.get(0)).transpose()?;
    let stop = beyond.unwrap_or(end);
    let looked_at = match beyond {
        Some(_) => (*budget).max(0),
        None => {
            tx.one("SELECT COUNT(*) FROM click WHERE id >= $1 AND id < $2", params![first, end])?.get(0)?
        }
    };
    *budget -= looked_at;
    let rows = tx.all(
        "SELECT at, source, repaired_from FROM click
         WHERE id >= $1 AND id < $2 AND partner_id = $3 AND automatic = 0 ORDER BY id LIMIT $4",
        params![first, stop, partner_id, limit],
    )?;
    let clicks = rows
        .iter()
        .map(|row| {
            let at = Timestamp::from_micros(row.get(0)?);
            Ok(FoundClick { at, source: row.get(1)?, repaired_from: row.get(2)? })
        })
        .collect::<Result<_, DbError>>()?;
    Ok((clicks, beyond.is_none()))
}

/// A code that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedCode {
    /// When it was followed.
    pub at: Timestamp,
    /// Its letters.
    pub code: String,
    /// The host that the link stood on, or empty.
    pub source: String,
}

/// Keeps a code that could not be read.
pub fn keep_damaged(tx: &mut Tx, damaged: &DamagedCode) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO damaged_code (at, code, source) VALUES ($1, $2, $3)",
        params![damaged.at.micros(), &damaged.code, &damaged.source],
    )?;
    Ok(())
}

/// The codes that could not be read in a stretch of time, the earliest first.
pub fn damaged(tx: &mut Tx, from: Timestamp, to: Timestamp, limit: i64) -> Result<Vec<DamagedCode>, DbError> {
    let rows = tx.all(
        "SELECT at, code, source FROM damaged_code WHERE at >= $1 AND at < $2 ORDER BY at LIMIT $3",
        params![from.micros(), to.micros(), limit],
    )?;
    rows.iter()
        .map(|row| {
            let at = Timestamp::from_micros(row.get(0)?);
            Ok(DamagedCode { at, code: row.get(1)?, source: row.get(2)? })
        })
        .collect()
}

/// Forgets codes followed before a moment, and of the others all but the newest `most`.
pub fn sweep_damaged(tx: &mut Tx, before: Timestamp, most: i64) -> Result<(), DbError> {
    tx.later("DELETE FROM damaged_code WHERE at < $1", params![before.micros()])?;
    tx.later("DELETE FROM damaged_code WHERE id <= (SELECT MAX(id) FROM damaged_code) - $1", params![most])?;
    Ok(())
}

/// Fills in what clients from before this was kept are found by. Returns how many; the caller comes again until none
/// is left.
pub fn fill_keys(tx: &mut Tx, limit: i64) -> Result<usize, DbError> {
    let rows = tx.all(
        "SELECT number, name, email, phone, telegram FROM client WHERE name_key IS NULL ORDER BY number LIMIT $1",
        params![limit],
    )?;
    for row in &rows {
        let [name, email, phone, telegram]: [String; 4] =
            [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
        let keys = Keys::of(&name, &email, &phone, &telegram);
        tx.later(
            "UPDATE client SET email_key = $1, phone_key = $2, telegram_key = $3, name_key = $4
             WHERE number = $5 AND name_key IS NULL",
            params![keys.email, keys.phone, keys.telegram, keys.name, row.get::<i64>(0)?],
        )?;
    }
    Ok(rows.len())
}

/// Keeps the words of clients from before they were kept. Returns how many clients; the caller comes again until none is
/// left.
pub fn fill_words(tx: &mut Tx, limit: i64) -> Result<usize, DbError> {
    let rows = tx.all(
        "SELECT number, name, email, phone, telegram FROM client WHERE has_words IS NULL ORDER BY number LIMIT $1",
        params![limit],
    )?;
    for row in &rows {
        let [name, email, phone, telegram]: [String; 4] =
            [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
        let (number, words) = (row.get(0)?, search::words(&name, &email, &phone, &telegram));
        tx.later(
            "UPDATE client SET search = $1, has_words = 1 WHERE number = $2",
            params![search::as_text(&words), number],
        )?;
        clients::keep_words(tx, number, &words)?;
    }
    Ok(rows.len())
}
