//! Clients, which partner each belongs to and the history of that, and notes of sales.

use crate::{DbError, Row, Tx, params, search::like};
use domain::{attribution::Method, claim::keys::Keys, clock::Timestamp, deal::DealStatus, money::Money};

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
    let search = [&client.name, &client.email, &client.phone, &client.telegram]
        .map(|text| text.to_lowercase())
        .join("\n");
    let keys = Keys::of(&client.name, &client.email, &client.phone, &client.telegram);
    let row = tx.opt(
        "INSERT INTO client (name, email, phone, telegram, message, submission, partner_id, created_at, search,
            email_key, phone_key, telegram_key, name_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
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
            search,
            keys.email,
            keys.phone,
            keys.telegram,
            keys.name
        ],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// The number of the client that a form has made.
pub fn by_submission(tx: &mut Tx, submission: &str) -> Result<Option<i64>, DbError> {
    let row = tx.opt("SELECT number FROM client WHERE submission = $1", params![submission])?;
    row.map(|row| row.get(0)).transpose()
}

pub(crate) const SELECT: &str =
    "SELECT c.number, c.name, c.email, c.phone, c.telegram, c.message, c.partner_id, a.name, c.created_at
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
    })
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

/// Gives a client to a partner, or to nobody.
pub fn set_partner(tx: &mut Tx, number: i64, partner_id: Option<&str>) -> Result<(), DbError> {
    tx.exec("UPDATE client SET partner_id = $1 WHERE number = $2", params![partner_id, number])?;
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
    /// Words in the name or a contact.
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

/// One page of clients, newest first, older than the number `before`.
pub fn list(
    tx: &mut Tx,
    filter: &ClientFilter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<ClientRow>, DbError> {
    let rows = tx.all(
        "SELECT c.number, c.name, c.email, c.phone, c.telegram, c.partner_id, a.name, c.created_at,
                d.number, d.status, d.amount
         FROM client c
         LEFT JOIN account a ON a.id = c.partner_id
         LEFT JOIN deal d ON d.number = (SELECT MAX(n.number) FROM deal n WHERE n.client_number = c.number)
         WHERE c.number < $1
           AND ($2 = '' OR c.search LIKE $3 ESCAPE '\\' OR c.number = $4
                OR c.number = (SELECT f.client_number FROM deal f WHERE f.number = $5))
           AND ($6 = '' OR d.status = $7)
           AND ($8 = '' OR c.partner_id = $9)
         ORDER BY c.number DESC LIMIT $10",
        params![
            before.unwrap_or(i64::MAX),
            filter.search.trim(),
            like(&filter.search),
            filter.number.unwrap_or(-1),
            filter.deal.unwrap_or(-1),
            filter.status.map_or("", DealStatus::as_str),
            filter.status.map_or("", DealStatus::as_str),
            filter.partner_id.as_deref().unwrap_or(""),
            filter.partner_id.as_deref().unwrap_or(""),
            limit
        ],
    )?;
    rows.iter()
        .map(|row| {
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
        })
        .collect()
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
    tx.exec(
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
    tx.exec(
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
