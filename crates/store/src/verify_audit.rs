//! Is the audit what was written? Every chain is walked from its first record to its head, a batch at a time, and the
//! first broken link of each is named.
//!
//! What this can't see: who can write the whole database can also write every hash in it anew. Heads that were noted
//! down elsewhere tell (see [`compare`]).

use std::fmt;

use crate::{
    DbError, Tx,
    audit::{COLUMNS, Record, read},
    ledger_verify::{Finding, Rule},
    params,
};
use domain::clock::Timestamp;

/// How many records are held in memory.
const BATCH: i64 = 500;

/// How far is looked for the place from which a record was moved away.
const MOVED_AT_MOST: i64 = 10_000;

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the chain.
    pub chain: i64,
    /// How many records it has.
    pub length: i64,
    /// The hash of its last record.
    pub hash: String,
}

/// What happened to a chain, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A record says something else than when it was written.
    Changed,
    /// Records between two others are gone.
    Missing,
    /// A record stands in another place than when it was written.
    Moved,
    /// A record was not written by this program in this place.
    Inserted,
    /// The last records are gone.
    Truncated,
    /// The head is not what the last record says.
    Head,
    /// The record of a head that was noted down is another one now.
    Rewritten,
}

impl Damage {
    /// The damage in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Damage::Changed => "was changed",
            Damage::Missing => "is missing",
            Damage::Moved => "was moved",
            Damage::Inserted => "was inserted",
            Damage::Truncated => "was cut off",
            Damage::Head => "has a head that doesn't fit",
            Damage::Rewritten => "was rewritten",
        }
    }
}

/// The first broken link of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The number of the chain.
    pub chain: i64,
    /// The place in the chain.
    pub seq: i64,
    /// What happened.
    pub damage: Damage,
    /// The record that shows it, and when that says it happened; none where it is gone.
    pub record: Option<(String, Timestamp)>,
    /// What was found, in a sentence.
    pub detail: String,
}

impl Broken {
    /// Which place in which chain.
    pub fn place(&self) -> String {
        format!("chain {} record {}", self.chain, self.seq)
    }

    /// What happened there, with the record that shows it.
    pub fn what(&self) -> String {
        let shown = self.record.as_ref().map(|(id, at)| format!(" ({id} of {})", at.rfc3339()));
        format!("{}{}: {}", self.damage.as_str(), shown.unwrap_or_default(), self.detail)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place(), self.what())
    }
}

/// What a verification of the audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Where every chain ends, as the database says.
    pub heads: Vec<Head>,
    /// The first broken link of each chain that has one. Empty: the audit is unbroken.
    pub broken: Vec<Broken>,
}

impl Audit {
    /// What is broken, beside the findings of the ledger.
    pub fn findings(&self) -> Vec<Finding> {
        let finding =
            |broken: &Broken| Finding { rule: Rule::Audit, subject: broken.place(), detail: broken.what() };
        self.broken.iter().map(finding).collect()
    }
}

/// Walks every chain. Run it in a [`read`](crate::Db::read), which sees one moment of the database.
///
/// # Errors
/// When the database fails.
pub fn verify(tx: &mut Tx) -> Result<Audit, DbError> {
    let mut audit = Audit { heads: heads(tx)?, ..Audit::default() };
    // A chain whose head was deleted has records all the same.
    let rows = tx.all(
        "SELECT DISTINCT chain FROM audit WHERE chain NOT IN (SELECT chain FROM audit_chain) ORDER BY chain",
        params![],
    )?;
    let mut chains = audit.heads.clone();
    for row in rows {
        chains.push(Head { chain: row.get(0)?, length: 0, hash: String::new() });
    }
    for head in &chains {
        audit.broken.extend(walk(tx, head)?);
    }
    Ok(audit)
}

/// Where the chains end, as the database says.
///
/// # Errors
/// When the database fails.
pub fn heads(tx: &mut Tx) -> Result<Vec<Head>, DbError> {
    let rows = tx.all("SELECT chain, length, head FROM audit_chain ORDER BY chain", params![])?;
    rows.iter().map(|row| Ok(Head { chain: row.get(0)?, length: row.get(1)?, hash: row.get(2)? })).collect()
}

/// Walks one chain up to its head.
fn walk(tx: &mut Tx, head: &Head) -> Result<Option<Broken>, DbError> {
    let mut last = (0, String::new());
    // From below every number: what stands before the first record was not written by this program.
    let mut after = i64::MIN;
    loop {
        let rows = tx.all(
            &format!(
                "SELECT {COLUMNS}, search FROM audit WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3"
            ),
            params![head.chain, after, BATCH],
        )?;
        for row in &rows {
            let (record, search) = (read(row)?, row.get::<String>(14)?);
            if let Some(broken) = examine(&record, &search, &last, head) {
                return Ok(Some(broken));
            }
            after = record.seq;
            last = (record.seq, record.hash);
        }
        if rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(at_the_end(head, &last));
        }
    }
}

/// Holds a record against the one before it, given as place and hash.
fn examine(record: &Record, search: &str, last: &(i64, String), head: &Head) -> Option<Broken> {
    let broken = |damage, detail: String| {
        let shown = Some((record.id.clone(), record.at));
        Some(Broken { chain: record.chain, seq: record.seq, damage, record: shown, detail })
    };
    let expected = last.0 + 1;
    if record.seq < expected {
        return broken(Damage::Inserted, "places are counted from 1".into());
    }
    let is_whole = record.expected_hash() == record.hash;
    if !is_whole && let Some(from) = moved_from(record, head) {
        let why = if from < record.seq { "one was put in before it" } else { "one before it is gone" };
        return broken(
            Damage::Moved,
            format!("it was written as record {from}; {why}, or two changed places"),
        );
    }
    if record.seq > expected {
        let gone = record.seq - expected;
        let detail = match gone {
            1 => format!("the next one is {} ({})", record.seq, record.id),
            _ => format!("{gone} in all; the next one is {} ({})", record.seq, record.id),
        };
        return Some(Broken {
            chain: record.chain,
            seq: expected,
            damage: Damage::Missing,
            record: None,
            detail,
        });
    }
    if !is_whole {
        return broken(
            Damage::Changed,
            format!("{:?} by {:?} does not have the hash that it was written with", record.act, record.actor),
        );
    }
    if record.previous != last.1 {
        return broken(Damage::Inserted, "it does not follow the record before it".into());
    }
    if search != record.search() {
        return broken(Damage::Changed, "searches look through another text than it has".into());
    }
    None
}

/// The place that a record was written for, if it fits another one than where it stands.
fn moved_from(record: &Record, head: &Head) -> Option<i64> {
    let mut elsewhere = record.clone();
    let length = head.length.max(record.seq).saturating_add(1);
    let first = record.seq.saturating_sub(MOVED_AT_MOST).max(1);
    (first..=length.min(record.seq.saturating_add(MOVED_AT_MOST))).find(|seq| {
        elsewhere.seq = *seq;
        elsewhere.expected_hash() == record.hash
    })
}

/// Holds the head of a chain against its last record, given as place and hash.
fn at_the_end(head: &Head, last: &(i64, String)) -> Option<Broken> {
    let (damage, seq, detail) = if last.0 < head.length {
        let gone = head.length - last.0;
        (Damage::Truncated, last.0 + 1, format!("{gone} of {} records at the end are gone", head.length))
    } else if last.0 > head.length {
        (Damage::Inserted, head.length + 1, format!("the chain's head counts {} records", head.length))
    } else if last.1 != head.hash {
        (Damage::Head, last.0, "the head of the chain names another hash than its last record".into())
    } else {
        return None;
    };
    Some(Broken { chain: head.chain, seq, damage, record: None, detail })
}

/// Holds heads that were noted down earlier against the chains as they are now: the record that was the last one then
/// must still be there with its hash. Finds what [`verify`] can't: a chain that was written anew from some record on.
///
/// # Errors
/// When the database fails.
pub fn compare(tx: &mut Tx, noted: &[Head]) -> Result<Vec<Broken>, DbError> {
    let mut broken = Vec::new();
    for head in noted.iter().filter(|head| head.length > 0) {
        let row = tx.opt(
            &format!("SELECT {COLUMNS} FROM audit WHERE chain = $1 AND seq = $2"),
            params![head.chain, head.length],
        )?;
        let record = row.as_ref().map(read).transpose()?;
        let (damage, detail) = match &record {
            Some(record) if record.hash == head.hash => continue,
            Some(_) => (Damage::Rewritten, "it had another hash when the head was noted down".to_owned()),
            None => (Damage::Truncated, "it was there when the head was noted down".to_owned()),
        };
        let shown = record.map(|record| (record.id, record.at));
        broken.push(Broken { chain: head.chain, seq: head.length, damage, record: shown, detail });
    }
    Ok(broken)
}
