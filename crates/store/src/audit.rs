//! The record of what staff did and what concerned the safety of accounts: appended to, never changed.
//!
//! Every row holds the hash of the row before it in its chain. There are a few chains beside each other, so that acts
//! at the same moment don't wait for one row; one transaction writes to one chain.

use sha2::{Digest, Sha256};

use crate::{
    DbError, Found, Row, Tx, Value, params,
    search::{NEWEST, like},
};
use domain::clock::Timestamp;

/// How many chains there are.
pub const CHAINS: i64 = 8;

/// What a new record is made of.
#[derive(Debug, Clone)]
pub struct NewRecord<'a> {
    /// A fresh, time-ordered identifier.
    pub id: String,
    /// The chain it is appended to, from 0 below [`CHAINS`].
    pub chain: i64,
    /// Whose act it was; nobody's for what the server does by itself.
    pub actor_id: Option<&'a str>,
    /// What the person was called then.
    pub actor: &'a str,
    /// The person's role then: a word of staff's roles, `partner`, `guest` or `server`.
    pub role: &'a str,
    /// What was done, as `deal.won`.
    pub act: &'a str,
    /// What kind of thing it was done to, as `deal`.
    pub subject: &'a str,
    /// Its number or identifier.
    pub subject_id: &'a str,
    /// What was and what is, as a JSON list.
    pub changes: &'a str,
    /// Why, or empty.
    pub reason: &'a str,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its identifier.
    pub id: String,
    /// Its chain.
    pub chain: i64,
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Whose act it was.
    pub actor_id: Option<String>,
    /// What the person was called then.
    pub actor: String,
    /// The person's role then.
    pub role: String,
    /// What was done.
    pub act: String,
    /// What kind of thing it was done to.
    pub subject: String,
    /// Its number or identifier.
    pub subject_id: String,
    /// What was and what is, as a JSON list.
    pub changes: String,
    /// Why, or empty.
    pub reason: String,
    /// The hash of the record before it in the chain; empty for the first.
    pub previous: String,
    /// The hash of this record.
    pub hash: String,
}

impl Record {
    /// The hash that the record must have: SHA-256 over every field, each after its length in bytes, so that no two
    /// records are written alike.
    pub fn expected_hash(&self) -> String {
        let mut digest = Sha256::new();
        let numbers = [self.chain, self.seq, self.at.micros()].map(|number| number.to_string());
        let texts: [&str; 12] = [
            &self.previous,
            &self.id,
            &numbers[0],
            &numbers[1],
            &numbers[2],
            self.actor_id.as_deref().unwrap_or(""),
            &self.actor,
            &self.role,
            &self.act,
            &self.subject,
            &self.subject_id,
            &self.changes,
        ];
        for text in texts.into_iter().chain([self.reason.as_str()]) {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What searches look through.
    pub(crate) fn search(&self) -> String {
        [&self.actor, &self.act, &self.subject_id, &self.changes, &self.reason]
            .map(|text| text.to_lowercase())
            .join("\n")
    }
}

pub(crate) const COLUMNS: &str =
    "id, chain, seq, at, actor_id, actor, role, act, subject, subject_id, changes, reason, previous,
    hash";

pub(crate) fn read(row: &Row) -> Result<Record, DbError> {
    Ok(Record {
        id: row.get(0)?,
        chain: row.get(1)?,
        seq: row.get(2)?,
        at: Timestamp::from_micros(row.get(3)?),
        actor_id: row.get(4)?,
        actor: row.get(5)?,
        role: row.get(6)?,
        act: row.get(7)?,
        subject: row.get(8)?,
        subject_id: row.get(9)?,
        changes: row.get(10)?,
        reason: row.get(11)?,
        previous: row.get(12)?,
        hash: row.get(13)?,
    })
}

/// Appends a record to its chain. The chain stays locked until the transaction ends, so this comes last in it.
pub fn append(tx: &mut Tx, new: &NewRecord, now: Timestamp) -> Result<(), DbError> {
    append_all(tx, std::slice::from_ref(new), now)
}

/// Appends records to the chain of the first of them, as [`append`] does one: the chain is read and written once.
pub fn append_all(tx: &mut Tx, records: &[NewRecord], now: Timestamp) -> Result<(), DbError> {
    let Some(number) = records.first().map(|first| first.chain) else { return Ok(()) };
    tx.later(
        "INSERT INTO audit_chain (chain, length, head) VALUES ($1, 0, '') ON CONFLICT (chain) DO NOTHING",
        params![number],
    )?;
    let chain =
        tx.one("SELECT length, head FROM audit_chain WHERE chain = $1 {for_update}", params![number])?;
    let (mut seq, mut head) = (chain.get::<i64>(0)?, chain.get::<String>(1)?);
    for new in records {
        seq += 1;
        let mut record = Record {
            id: new.id.clone(),
            chain: number,
            seq,
            at: now,
            actor_id: new.actor_id.map(str::to_owned),
            actor: new.actor.to_owned(),
            role: new.role.to_owned(),
            act: new.act.to_owned(),
            subject: new.subject.to_owned(),
            subject_id: new.subject_id.to_owned(),
            changes: new.changes.to_owned(),
            reason: new.reason.to_owned(),
            previous: head,
            hash: String::new(),
        };
        record.hash = record.expected_hash();
        let search = record.search();
        tx.later(
            "INSERT INTO audit (id, chain, seq, at, actor_id, actor, role, act, subject, subject_id, changes, reason,
                                search, previous, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            params![
                &record.id,
                record.chain,
                record.seq,
                record.at.micros(),
                new.actor_id,
                &record.actor,
                &record.role,
                &record.act,
                &record.subject,
                &record.subject_id,
                &record.changes,
                &record.reason,
                search,
                &record.previous,
                &record.hash
            ],
        )?;
        head = record.hash;
    }
    tx.later("UPDATE audit_chain SET length = $1, head = $2 WHERE chain = $3", params![seq, head, number])?;
    Ok(())
}

/// Which records are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words in the actor, the act, the changes or the reason.
    pub search: String,
    /// Only acts of this account.
    pub actor_id: Option<String>,
    /// Only acts on this kind of thing.
    pub subject: Option<String>,
    /// Only acts on the thing of this number or identifier.
    pub subject_id: Option<String>,
}

/// How many records are read through for words.
pub const LOOKED_THROUGH: i64 = 20_000;

/// One page of records as [`look`] finds them, for whoever asks for no words.
pub fn list(tx: &mut Tx, filter: &Filter, before: Option<&str>, limit: i64) -> Result<Vec<Record>, DbError> {
    Ok(look(tx, filter, before, limit)?.rows)
}

/// One page of records, newest first, older than `before`. For words the newest [`LOOKED_THROUGH`] of them are read.
///
/// Only what is asked for stands in the statement, so that both databases take the index of a person or a thing.
pub fn look(
    tx: &mut Tx,
    filter: &Filter,
    before: Option<&str>,
    limit: i64,
) -> Result<Found<Record, String>, DbError> {
    look_through(tx, filter, before, limit, LOOKED_THROUGH)
}

fn look_through(
    tx: &mut Tx,
    filter: &Filter,
    before: Option<&str>,
    limit: i64,
    through: i64,
) -> Result<Found<Record, String>, DbError> {
    let mut conditions = Vec::new();
    let mut values = vec![Value::from(limit)];
    let mut ask = |condition: &str, value: Value| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("${}", values.len())));
    };
    if let Some(actor_id) = &filter.actor_id {
        ask("actor_id = ?", actor_id.into());
    }
    if let Some(subject) = &filter.subject {
        ask("subject = ?", subject.into());
    }
    if let Some(subject_id) = &filter.subject_id {
        ask("subject_id = ?", subject_id.into());
    }
    ask("id < ?", before.unwrap_or(NEWEST).into());
    let mut end: Option<String> = None;
    if !filter.search.trim().is_empty() {
        let which = conditions.join(" AND ");
        let sql = format!("SELECT id FROM audit WHERE {which} ORDER BY id DESC LIMIT 1 OFFSET $1");
        values[0] = (through - 1).into();
        end = tx.opt(&sql, &values)?.map(|row| row.get(0)).transpose()?;
        values[0] = limit.into();
        for (condition, value) in [
            ("id >= ?", Value::from(end.as_deref().unwrap_or(""))),
            ("search LIKE ? ESCAPE '\\'", like(&filter.search).into()),
        ] {
            values.push(value);
            conditions.push(condition.replace('?', &format!("${}", values.len())));
        }
    }
    let which = conditions.join(" AND ");
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE {which} ORDER BY id DESC LIMIT $1");
    let rows = tx.all(&sql, &values)?.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Found::in_stretch(rows, limit, end))
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::{Db, both_databases};

    both_databases!(words_are_looked_for_in_stretches, |db: Db| {
        db.write_blocking(|tx| {
            for place in 0..30 {
                let new = NewRecord {
                    id: format!("id-{place:02}"),
                    chain: 0,
                    actor_id: Some("ann"),
                    actor: "Ann",
                    role: "sales",
                    act: "deal.won",
                    subject: if place % 2 == 0 { "deal" } else { "client" },
                    subject_id: "1",
                    changes: "[]",
                    reason: if place % 10 == 0 { "Tenth" } else { "" },
                };
                append(tx, &new, Timestamp::from_micros(place))?;
            }
            Ok::<_, DbError>(())
        })
        .unwrap();
        let look = |subject: Option<&str>, before: Option<&'static str>| {
            let subject = subject.map(str::to_owned);
            let filter = Filter { search: "TENTH".into(), subject, ..Filter::default() };
            let found = db.read_blocking(move |tx| look_through(tx, &filter, before, 5, 12)).unwrap();
            (found.rows.into_iter().map(|record| record.id).collect::<Vec<_>>(), found.further)
        };
        assert_eq!(look(None, None), (vec!["id-20".to_owned()], Some("id-18".into())));
        assert_eq!(look(None, Some("id-18")), (vec!["id-10".to_owned()], Some("id-06".into())));
        assert_eq!(look(None, Some("id-06")), (vec!["id-00".to_owned()], None));
        let tens = vec!["id-20".to_owned(), "id-10".to_owned()];
        assert_eq!(look(Some("deal"), None), (tens, Some("id-06".into())));
    });
}
