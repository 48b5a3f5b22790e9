//! Clients, which partner each belongs to and the history of that, and notes of sales.

use std::cmp::Reverse;

use crate::{DbError, Found, Row, Tx, Value, params};
use domain::{
    attribution::Method, claim::keys::Keys, clock::Timestamp, deal::DealStatus, money::Money, search,
};

/// What a new client is made of.
#[derive(Debug, Clone, Default)]
pub struct NewClient {
    /// What the client is called.
    pub name: String,
    /// Email address, or empty.
    pub email: String,
    /// Phone number, or empty.
    pub phone: String,
    /// Telegram account with its `@`, or empty.
    pub telegram: String,
    /// What the client wrote.
    pub message: String,
    /// The random identifier of the form.
    pub submission: Option<String>,
    /// The partner the client is attributed to.
    pub partner_id: Option<String>,
    /// What the company's own system calls the client.
    pub external_id: Option<String>,
    /// Where the client came from, while that counts for the partner; or empty.
    pub source: String,
}

/// A client.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client number.
    pub number: i64,
    /// What the client is called.
    pub name: String,
    /// Email address, or empty.
    pub email: String,
    /// Phone number, or empty.
    pub phone: String,
    /// Telegram account with its `@`, or empty.
    pub telegram: String,
    /// What the client wrote.
    pub message: String,
    /// The partner the client belongs to.
    pub partner: Option<PartnerName>,
    /// When the client left the contact.
    pub created_at: Timestamp,
    /// What the company's own system calls the client.
    pub external_id: Option<String>,
    /// Where the client came from, while that counts for the partner; or empty.
    pub source: String,
}

/// A partner as lists name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerName {
    /// The account's identifier.
    pub id: String,
    /// What the partner is called.
    pub name: String,
}

pub(crate) fn partner_name(row: &Row, index: usize) -> Result<Option<PartnerName>, DbError> {
    let id: Option<String> = row.get(index)?;
    let name: Option<String> = row.get(index + 1)?;
    Ok(id.map(|id| PartnerName { id, name: name.unwrap_or_default() }))
}

/// Makes a client and returns its number; none when the same form was sent before.
pub fn insert(tx: &mut Tx, client: &NewClient, now: Timestamp) -> Result<Option<i64>, DbError> {
    let words = search::words(&client.name, &client.email, &client.phone, &client.telegram);
    let keys = Keys::of(&client.name, &client.email, &client.phone, &client.telegram);
    let row = tx.opt(
        "INSERT INTO client (name, email, phone, telegram, message, submission, partner_id, created_at, search,
            email_key, phone_key, telegram_key, name_key, external_id, source, has_words)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)
         ON CONFLICT (submission) DO NOTHING RETURNING number",
        params![
            &client.name,
            &client.email,
            &client.phone,
            &client.telegram,
            &client.message,
            client.submission.clone(),
            client.partner_id.clone(),
            now.micros(),
            search::as_text(&words),
            keys.email,
            keys.phone,
            keys.telegram,
            keys.name,
            client.external_id.clone(),
            &client.source
        ],
    )?;
    let number: Option<i64> = row.map(|row| row.get(0)).transpose()?;
    if let Some(number) = number {
        keep_words(tx, number, &words)?;
    }
    Ok(number)
}

/// Keeps the words that a client is searched by.
pub(crate) fn keep_words(tx: &mut Tx, number: i64, words: &[String]) -> Result<(), DbError> {
    let rows: Vec<Vec<Value>> = words.iter().map(|word| params![word, number].to_vec()).collect();
    tx.later_many("INSERT INTO client_word (word, number) VALUES ($1, $2) ON CONFLICT DO NOTHING", rows)?;
    Ok(())
}

/// The number of the client that a form has made.
pub fn by_submission(tx: &mut Tx, submission: &str) -> Result<Option<i64>, DbError> {
    let row = tx.opt("SELECT number FROM client WHERE submission = $1", params![submission])?;
    row.map(|row| row.get(0)).transpose()
}

pub(crate) const SELECT: &str =
    "SELECT c.number, c.name, c.email, c.phone, c.telegram, c.message, c.partner_id, a.name, c.created_at,
            c.external_id, c.source
     FROM client c LEFT JOIN account a ON a.id = c.partner_id";

pub(crate) fn read(row: &Row) -> Result<Client, DbError> {
    Ok(Client {
        number: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        phone: row.get(3)?,
        telegram: row.get(4)?,
        message: row.get(5)?,
        partner: partner_name(row, 6)?,
        created_at: Timestamp::from_micros(row.get(8)?),
        external_id: row.get(9)?,
        source: row.get(10)?,
    })
}

/// The number of the client whom the company's own system calls so.
pub fn by_external(tx: &mut Tx, external_id: &str) -> Result<Option<i64>, DbError> {
    let row = tx.opt("SELECT number FROM client WHERE external_id = $1", params![external_id])?;
    row.map(|row| row.get(0)).transpose()
}

/// Which clients a program asks for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only the client whom the company's own system calls so.
    pub external_id: Option<String>,
    /// Only clients of this partner.
    pub partner_id: Option<String>,
}

/// One page of clients for a program, newest first, older than the number `before`.
pub fn page(tx: &mut Tx, asked: &Asked, before: Option<i64>, limit: i64) -> Result<Vec<Client>, DbError> {
    let mut which = Which::new(before.unwrap_or(i64::MAX));
    if let Some(external_id) = &asked.external_id {
        which.and("c.external_id = ?", external_id.into());
    }
    if let Some(partner_id) = &asked.partner_id {
        which.and("c.partner_id = ?", partner_id.into());
    }
    let sql = format!(
        "{SELECT} WHERE {} ORDER BY c.number DESC LIMIT ${}",
        which.conditions,
        which.values.len() + 1
    );
    which.values.push(limit.into());
    tx.all(&sql, &which.values)?.iter().map(read).collect()
}

/// The client of a number.
pub fn by_number(tx: &mut Tx, number: i64) -> Result<Option<Client>, DbError> {
    tx.opt(&format!("{SELECT} WHERE c.number = $1"), params![number])?.as_ref().map(read).transpose()
}

/// The client of a number, locked until the transaction ends: of two who decide whose the client is, or open a deal
/// with the client, the second sees what the first has done.
pub fn lock(tx: &mut Tx, number: i64) -> Result<Option<Client>, DbError> {
    if tx.opt("SELECT number FROM client WHERE number = $1 {for_update}", params![number])?.is_none() {
        return Ok(None);
    }
    by_number(tx, number)
}

/// Gives a client to a partner, or to nobody. Where the client came from counted for the partner before.
pub fn set_partner(tx: &mut Tx, number: i64, partner_id: Option<&str>) -> Result<(), DbError> {
    tx.later(
        "UPDATE client SET partner_id = $1, source = '' WHERE number = $2",
        params![partner_id, number],
    )?;
    Ok(())
}

/// A client in the office's list, with the newest deal.
#[derive(Debug, Clone)]
pub struct ClientRow {
    /// The client number.
    pub number: i64,
    /// What the client is called.
    pub name: String,
    /// The first contact there is.
    pub contact: String,
    /// The partner the client belongs to.
    pub partner: Option<PartnerName>,
    /// When the client left the contact.
    pub created_at: Timestamp,
    /// The newest deal: number, status, amount when won.
    pub deal: Option<(i64, DealStatus, Option<Money>)>,
}

/// What the office's list of clients is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// Beginnings of words in the name or a contact.
    pub search: String,
    /// A client number (found whatever the words are).
    pub number: Option<i64>,
    /// The number of a deal (found whatever the words are).
    pub deal: Option<i64>,
    /// Only clients whose newest deal has this status.
    pub status: Option<DealStatus>,
    /// Only clients of this partner.
    pub partner_id: Option<String>,
}

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// A word that so many clients have is no way to find one: they are looked through, newest first.
    common: i64,
    /// How many clients are looked through for words that are common, or for a status.
    through: i64,
}

const BOUNDS: Bounds = Bounds { common: 20_000, through: 50_000 };

/// One page of clients, newest first, older than the number `before`. The rarest word leads to those who have it; where
/// none is rare, the newest clients are looked through.
pub fn list(
    tx: &mut Tx,
    filter: &ClientFilter,
    before: Option<i64>,
    limit: i64,
) -> Result<Found<ClientRow, i64>, DbError> {
    list_within(tx, filter, before, limit, BOUNDS)
}

fn list_within(
    tx: &mut Tx,
    filter: &ClientFilter,
    before: Option<i64>,
    limit: i64,
    bounds: Bounds,
) -> Result<Found<ClientRow, i64>, DbError> {
    let mut which = Which::new(before.unwrap_or(i64::MAX));
    if let Some(partner_id) = &filter.partner_id {
        which.and("c.partner_id = ?", partner_id.into());
    }
    if let Some(status) = filter.status {
        which.and("d.status = ?", status.as_str().into());
    }
    let mut numbers = Vec::new();
    for (condition, number) in [
        ("c.number = ?", filter.number),
        ("c.number = (SELECT f.client_number FROM deal f WHERE f.number = ?)", filter.deal),
    ] {
        if let Some(number) = number {
            let mut exact = which.clone();
            exact.and(condition, number.into());
            numbers.extend(exact.numbers(tx, limit)?);
        }
    }
    let exact = if before.is_none() { numbers.clone() } else { Vec::new() };
    let words = search::asked(&filter.search);
    let mut end = None;
    // What was typed and has no letters or digits in it is nobody's.
    if !words.is_empty() || filter.search.trim().is_empty() {
        let rarest = rarest(tx, &words, bounds.common)?;
        if let Some(word) = &rarest {
            let condition =
                "c.number IN (SELECT w.number FROM client_word w WHERE w.word >= ? AND w.word < ??)";
            which.and_both(condition, word.as_str().into(), format!("{word}\u{10ffff}").into());
        }
        for word in words.iter().filter(|word| Some(*word) != rarest.as_ref()) {
            which.and("c.search LIKE ?", format!("% {word}%").into());
        }
        // A partner's own clients are looked through whole: there is an index to them.
        let through = rarest.is_none() && filter.partner_id.is_none();
        if through && (!words.is_empty() || filter.status.is_some()) {
            end = stretch(tx, before, bounds.through)?;
            which.and("c.number >= ?", end.unwrap_or(0).into());
        }
        let mut fitting = which.numbers(tx, limit)?;
        let narrowed = filter.partner_id.is_some() || filter.status.is_some();
        if let Some(number) = search::asked_whole(&filter.search).filter(|_| fitting.is_empty() && !narrowed)
        {
            fitting = with_word(tx, &number, before, limit)?;
        }
        numbers.extend(fitting);
    }
    // Who is meant by a number stands first, however many others fit.
    numbers.sort_unstable_by_key(|number| (!exact.contains(number), Reverse(*number)));
    numbers.dedup();
    numbers.truncate(usize::try_from(limit).unwrap_or(0));
    let mut found = rows(tx, &numbers)?;
    found.sort_by_key(|row| (!exact.contains(&row.number), Reverse(row.number)));
    Ok(Found::in_stretch(found, limit, end))
}

/// The clients with a word that begins so, newest first.
fn with_word(tx: &mut Tx, word: &str, before: Option<i64>, limit: i64) -> Result<Vec<i64>, DbError> {
    let rows = tx.all(
        "SELECT DISTINCT number FROM client_word WHERE word >= $1 AND word < $2 AND number < $3
         ORDER BY number DESC LIMIT $4",
        params![word, format!("{word}\u{10ffff}"), before.unwrap_or(i64::MAX), limit],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// The lowest number of the stretch of clients before a number that is looked through; none where all are in it.
fn stretch(tx: &mut Tx, before: Option<i64>, through: i64) -> Result<Option<i64>, DbError> {
    let row = tx.opt(
        "SELECT number FROM client WHERE number < $1 ORDER BY number DESC LIMIT 1 OFFSET $2",
        params![before.unwrap_or(i64::MAX), through - 1],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// The word of a search that fewest clients have, if they are few enough.
fn rarest(tx: &mut Tx, words: &[String], common: i64) -> Result<Option<String>, DbError> {
    let mut rarest: Option<(i64, &String)> = None;
    for word in words {
        // Counting stops at the most that is of use.
        let most = rarest.map_or(common, |(count, _)| count);
        let row = tx.one(
            "SELECT COUNT(*) FROM
                (SELECT number FROM client_word WHERE word >= $1 AND word < $2 LIMIT $3) AS counted",
            params![word, format!("{word}\u{10ffff}"), most],
        )?;
        let count: i64 = row.get(0)?;
        if count < most {
            rarest = Some((count, word));
        }
    }
    Ok(rarest.map(|(_, word)| word.clone()))
}

/// Conditions on clients `c`, and on the newest deal `d` of each where its status is asked for. Only what is asked for
/// stands in the statement, so that both databases take the index for it.
#[derive(Debug, Clone)]
struct Which {
    conditions: String,
    values: Vec<Value>,
}

impl Which {
    /// Numbers below one.
    fn new(before: i64) -> Which {
        Which { conditions: "c.number < $1".into(), values: vec![before.into()] }
    }

    /// And a condition, whose value is `?` in it.
    fn and(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        let condition = condition.replace('?', &format!("${}", self.values.len()));
        self.conditions.push_str(&format!(" AND {condition}"));
    }

    /// And a condition with two values, `?` and `??`.
    fn and_both(&mut self, condition: &str, first: Value, second: Value) {
        self.values.push(second);
        let condition = condition.replace("??", &format!("${}", self.values.len()));
        self.and(&condition, first);
    }

    fn numbers(&self, tx: &mut Tx, limit: i64) -> Result<Vec<i64>, DbError> {
        let deal = match self.conditions.contains("d.status") {
            true => {
                "JOIN deal d ON d.number = (SELECT MAX(n.number) FROM deal n WHERE n.client_number = c.number)"
            }
            false => "",
        };
        let mut values = self.values.clone();
        values.push(limit.into());
        let sql = format!(
            "SELECT c.number FROM client c {deal} WHERE {} ORDER BY c.number DESC LIMIT ${}",
            self.conditions,
            values.len()
        );
        tx.all(&sql, &values)?.iter().map(|row| row.get(0)).collect()
    }
}

/// How many clients are read at once.
const AT_ONCE: usize = 32;

/// The clients of some numbers, the highest number first.
fn rows(tx: &mut Tx, numbers: &[i64]) -> Result<Vec<ClientRow>, DbError> {
    // As many parameters for any number of clients, so that there is one statement.
    let places: Vec<String> = (1..=AT_ONCE).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT c.number, c.name, c.email, c.phone, c.telegram, c.partner_id, a.name, c.created_at,
                d.number, d.status, d.amount
         FROM client c
         LEFT JOIN account a ON a.id = c.partner_id
         LEFT JOIN deal d ON d.number = (SELECT MAX(n.number) FROM deal n WHERE n.client_number = c.number)
         WHERE c.number IN ({}) ORDER BY c.number DESC",
        places.join(", ")
    );
    let mut found = Vec::with_capacity(numbers.len());
    for numbers in numbers.chunks(AT_ONCE) {
        let filled = numbers.iter().copied().chain(std::iter::repeat(-1)).take(AT_ONCE);
        let values: Vec<Value> = filled.map(Value::from).collect();
        for row in &tx.all(&sql, &values)? {
            found.push(read_row(row)?);
        }
    }
    Ok(found)
}

fn read_row(row: &Row) -> Result<ClientRow, DbError> {
    let contacts: [String; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
    let deal = match row.get::<Option<i64>>(8)? {
        Some(number) => Some((
            number,
            crate::deals::status(&row.get::<String>(9)?)?,
            row.get::<Option<i64>>(10)?.map(Money::from_minor),
        )),
        None => None,
    };
    Ok(ClientRow {
        number: row.get(0)?,
        name: row.get(1)?,
        contact: contacts.into_iter().find(|contact| !contact.is_empty()).unwrap_or_default(),
        partner: partner_name(row, 5)?,
        created_at: Timestamp::from_micros(row.get(7)?),
        deal,
    })
}

/// One decision on which partner a client belongs to.
#[derive(Debug, Clone)]
pub struct Attribution {
    /// When it was decided.
    pub at: Timestamp,
    /// The partner, or nobody.
    pub partner: Option<PartnerName>,
    /// How it was decided.
    pub method: Method,
    /// The code that decided it.
    pub code: Option<String>,
    /// The code as it was given, where it had to be repaired.
    pub repaired_from: Option<String>,
    /// Who decided, where a person did.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The claim that it was decided on.
    pub claim: Option<i64>,
    /// What spoke for it when it was decided, or empty.
    pub evidence: String,
}

/// What a new decision is made of.
#[derive(Debug, Clone)]
pub struct NewAttribution<'a> {
    /// A fresh, time-ordered identifier.
    pub id: String,
    /// The client decided on.
    pub client_number: i64,
    /// The partner, or nobody.
    pub partner_id: Option<&'a str>,
    /// How it was decided.
    pub method: Method,
    /// The code that decided it.
    pub code: Option<String>,
    /// The code as it was given, where it had to be repaired.
    pub repaired_from: Option<String>,
    /// The member of staff who decided.
    pub decided_by: Option<&'a str>,
    /// Why.
    pub reason: Option<String>,
    /// The claim that it was decided on.
    pub claim: Option<i64>,
    /// What spoke for it, or empty.
    pub evidence: &'a str,
}

/// Keeps a decision in the client's history.
pub fn insert_attribution(tx: &mut Tx, new: &NewAttribution, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO attribution (id, client_number, at, partner_id, method, code, repaired_from, decided_by, reason,
            claim_number, evidence)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            &new.id,
            new.client_number,
            now.micros(),
            new.partner_id,
            new.method.as_str(),
            new.code.clone(),
            new.repaired_from.clone(),
            new.decided_by,
            new.reason.clone(),
            new.claim,
            new.evidence
        ],
    )?;
    Ok(())
}

/// The history of a client's attribution, newest first.
pub fn attributions(tx: &mut Tx, client_number: i64) -> Result<Vec<Attribution>, DbError> {
    let rows = tx.all(
        "SELECT t.at, t.partner_id, p.name, t.method, t.code, t.repaired_from, s.name, t.reason, t.claim_number,
                t.evidence
         FROM attribution t LEFT JOIN account p ON p.id = t.partner_id LEFT JOIN account s ON s.id = t.decided_by
         WHERE t.client_number = $1 ORDER BY t.id DESC",
        params![client_number],
    )?;
    rows.iter()
        .map(|row| {
            let word: String = row.get(3)?;
            Ok(Attribution {
                at: Timestamp::from_micros(row.get(0)?),
                partner: partner_name(row, 1)?,
                method: Method::from_word(&word)
                    .ok_or_else(|| DbError::decode("attribution.method", &word))?,
                code: row.get(4)?,
                repaired_from: row.get(5)?,
                decided_by: row.get(6)?,
                reason: row.get(7)?,
                claim: row.get(8)?,
                evidence: row.get(9)?,
            })
        })
        .collect()
}

/// A note that sales wrote about a client.
#[derive(Debug, Clone)]
pub struct Note {
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: String,
    /// What was written.
    pub message: String,
}

/// Keeps a note.
pub fn insert_note(
    tx: &mut Tx,
    id: &str,
    client_number: i64,
    author_id: &str,
    message: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO client_note (id, client_number, at, author_id, message) VALUES ($1, $2, $3, $4, $5)",
        params![id, client_number, now.micros(), author_id, message],
    )?;
    Ok(())
}

/// The notes on a client, newest first.
pub fn notes(tx: &mut Tx, client_number: i64) -> Result<Vec<Note>, DbError> {
    let rows = tx.all(
        "SELECT n.at, a.name, n.message FROM client_note n JOIN account a ON a.id = n.author_id
         WHERE n.client_number = $1 ORDER BY n.id DESC",
        params![client_number],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Note { at: Timestamp::from_micros(row.get(0)?), author: row.get(1)?, message: row.get(2)? })
        })
        .collect()
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::{Db, both_databases};

    both_databases!(common_words_are_looked_for_in_stretches, |db: Db| {
        db.write_blocking(|tx| {
            for place in 0..50 {
                let name = if place % 10 == 0 { "Ada Rare" } else { "Ada Obi" };
                insert(
                    tx,
                    &NewClient { name: name.into(), ..NewClient::default() },
                    Timestamp::from_micros(0),
                )?;
            }
            Ok::<_, DbError>(())
        })
        .unwrap();
        let look = |search: &str, common: i64, before: Option<i64>| {
            let filter = ClientFilter { search: search.into(), ..ClientFilter::default() };
            let bounds = Bounds { common, through: 20 };
            let found = db.read_blocking(move |tx| list_within(tx, &filter, before, 4, bounds)).unwrap();
            (found.rows.iter().map(|row| row.number).collect::<Vec<_>>(), found.further)
        };
        // One word is rare enough to lead to all who have it.
        assert_eq!(look("ada rare", 6, None), (vec![1041, 1031, 1021, 1011], None));
        // None is: a stretch after the other, until the list ends.
        assert_eq!(look("ada rare", 5, None), (vec![1041, 1031], Some(1031)));
        assert_eq!(look("ada rare", 5, Some(1031)), (vec![1021, 1011], Some(1011)));
        assert_eq!(look("ada rare", 5, Some(1011)), (vec![1001], None));
        // A full page goes on after its last row, as every list does.
        assert_eq!(look("obi", 5, None), (vec![1050, 1049, 1048, 1047], None));
    });
}
