//! Claims of partners to clients whose link was lost.

use crate::{DbError, Row, Tx, clients::PartnerName, params};
use domain::{
    claim::ClaimStatus,
    clock::{Day, Timestamp},
};

/// A claim.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its number, shown as `K-4001`.
    pub number: i64,
    /// Who claims.
    pub partner: PartnerName,
    /// What the client is called, as the partner says.
    pub client_name: String,
    /// How the client can be reached, as the partner says.
    pub client_contact: String,
    /// When the partner sent the client.
    pub sent_on: Day,
    /// How the client was sent.
    pub how: String,
    /// What shows it.
    pub evidence: String,
    /// When it was filed.
    pub filed_at: Timestamp,
    /// The last day for the ruling.
    pub due_on: Day,
    /// Where it stands.
    pub status: ClaimStatus,
    /// When it was ruled on or withdrawn, and by whom where that was staff.
    pub decided: Option<(Timestamp, Option<String>)>,
    /// Why, as the partner reads it.
    pub reason: String,
    /// The client that an accepted claim was about.
    pub client_number: Option<i64>,
}

/// What a new claim is made of.
#[derive(Debug, Clone)]
pub struct NewClaim {
    /// Who claims.
    pub partner_id: String,
    /// The random identifier of the form.
    pub submission: String,
    /// What the client is called.
    pub client_name: String,
    /// How the client can be reached.
    pub client_contact: String,
    /// When the partner sent the client.
    pub sent_on: Day,
    /// How the client was sent.
    pub how: String,
    /// What shows it.
    pub evidence: String,
}

const SELECT: &str =
    "SELECT c.number, c.partner_id, p.name, c.client_name, c.client_contact, c.sent_on, c.how,
        c.evidence, c.filed_at, c.due_on, c.status, c.decided_at, s.name, c.reason, c.client_number
    FROM claim c JOIN account p ON p.id = c.partner_id LEFT JOIN account s ON s.id = c.decided_by";

fn read(row: &Row) -> Result<Claim, DbError> {
    let status: String = row.get(10)?;
    let by: Option<String> = row.get(12)?;
    Ok(Claim {
        number: row.get(0)?,
        partner: PartnerName { id: row.get(1)?, name: row.get(2)? },
        client_name: row.get(3)?,
        client_contact: row.get(4)?,
        sent_on: Day(row.get(5)?),
        how: row.get(6)?,
        evidence: row.get(7)?,
        filed_at: Timestamp::from_micros(row.get(8)?),
        due_on: Day(row.get(9)?),
        status: ClaimStatus::from_word(&status).ok_or_else(|| DbError::decode("claim.status", &status))?,
        decided: row.get::<Option<i64>>(11)?.map(|at| (Timestamp::from_micros(at), by)),
        reason: row.get(13)?,
        client_number: row.get(14)?,
    })
}

/// Files a claim and returns its number; none when the same form was sent before.
pub fn insert(tx: &mut Tx, claim: &NewClaim, due_on: Day, now: Timestamp) -> Result<Option<i64>, DbError> {
    let row = tx.opt(
        "INSERT INTO claim (partner_id, submission, client_name, client_contact, sent_on, how, evidence, filed_at,
            due_on, status)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open')
         ON CONFLICT (partner_id, submission) DO NOTHING RETURNING number",
        params![
            &claim.partner_id,
            &claim.submission,
            &claim.client_name,
            &claim.client_contact,
            claim.sent_on.0,
            &claim.how,
            &claim.evidence,
            now.micros(),
            due_on.0
        ],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// The number of the claim that a form of a partner has made.
pub fn by_submission(tx: &mut Tx, partner_id: &str, submission: &str) -> Result<Option<i64>, DbError> {
    let row = tx.opt(
        "SELECT number FROM claim WHERE partner_id = $1 AND submission = $2",
        params![partner_id, submission],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// The claim of a number.
pub fn by_number(tx: &mut Tx, number: i64) -> Result<Option<Claim>, DbError> {
    tx.opt(&format!("{SELECT} WHERE c.number = $1"), params![number])?.as_ref().map(read).transpose()
}

/// The claim of a number, locked until the transaction ends.
pub fn lock(tx: &mut Tx, number: i64) -> Result<Option<Claim>, DbError> {
    if tx.opt("SELECT number FROM claim WHERE number = $1 {for_update}", params![number])?.is_none() {
        return Ok(None);
    }
    by_number(tx, number)
}

/// One page of a partner's claims, newest first, older than the number `before`.
pub fn of_partner(
    tx: &mut Tx,
    partner_id: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Claim>, DbError> {
    let rows = tx.all(
        &format!("{SELECT} WHERE c.partner_id = $1 AND c.number < $2 ORDER BY c.number DESC LIMIT $3"),
        params![partner_id, before.unwrap_or(i64::MAX), limit],
    )?;
    rows.iter().map(read).collect()
}

/// The open claims of a partner, the oldest first.
pub fn open_by(tx: &mut Tx, partner_id: &str, limit: i64) -> Result<Vec<Claim>, DbError> {
    let rows = tx.all(
        &format!("{SELECT} WHERE c.partner_id = $1 AND c.status = 'open' ORDER BY c.number LIMIT $2"),
        params![partner_id, limit],
    )?;
    rows.iter().map(read).collect()
}

/// How many claims of a partner are open; counting stops at the limit.
pub fn open_of(tx: &mut Tx, partner_id: &str, limit: i64) -> Result<i64, DbError> {
    tx.one(
        "SELECT COUNT(*) FROM (SELECT number FROM claim WHERE partner_id = $1 AND status = 'open' LIMIT $2) o",
        params![partner_id, limit],
    )?
    .get(0)
}

/// One page of open claims, those due first at the top, after the given day and number.
pub fn open(tx: &mut Tx, after: Option<(Day, i64)>, limit: i64) -> Result<Vec<Claim>, DbError> {
    let (day, number) = after.map_or((i64::MIN, 0), |(day, number)| (day.0, number));
    let rows = tx.all(
        &format!(
            "{SELECT} WHERE c.status = 'open' AND (c.due_on, c.number) > ($1, $2)
             ORDER BY c.due_on, c.number LIMIT $3"
        ),
        params![day, number, limit],
    )?;
    rows.iter().map(read).collect()
}

/// One page of claims that are no longer open, newest first, older than the number `before`.
pub fn decided(
    tx: &mut Tx,
    status: ClaimStatus,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Claim>, DbError> {
    let rows = tx.all(
        &format!("{SELECT} WHERE c.status = $1 AND c.number < $2 ORDER BY c.number DESC LIMIT $3"),
        params![status.as_str(), before.unwrap_or(i64::MAX), limit],
    )?;
    rows.iter().map(read).collect()
}

/// How many claims are open, and the earliest day on which one is due.
pub fn waiting(tx: &mut Tx) -> Result<(i64, Option<Day>), DbError> {
    let row = tx.one("SELECT COUNT(*), MIN(due_on) FROM claim WHERE status = 'open'", params![])?;
    Ok((row.get(0)?, row.get::<Option<i64>>(1)?.map(Day)))
}

/// Rules on an open claim, or withdraws it. Returns no when that was done already.
pub fn decide(
    tx: &mut Tx,
    number: i64,
    status: ClaimStatus,
    by: Option<&str>,
    reason: &str,
    client_number: Option<i64>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE claim SET status = $1, decided_at = $2, decided_by = $3, reason = $4, client_number = $5
         WHERE number = $6 AND status = 'open'",
        params![status.as_str(), now.micros(), by, reason, client_number, number],
    )?;
    Ok(changed == 1)
}

/// Open claims that were due before a day and about which staff were not told yet, the oldest first.
pub fn overdue(tx: &mut Tx, today: Day, limit: i64) -> Result<Vec<Claim>, DbError> {
    let rows = tx.all(
        &format!(
            "{SELECT} WHERE c.status = 'open' AND c.due_on < $1 AND c.told_at IS NULL
             ORDER BY c.due_on, c.number LIMIT $2"
        ),
        params![today.0, limit],
    )?;
    rows.iter().map(read).collect()
}

/// Notes that staff are told about an overdue claim. Returns no when they were, or when it is no longer open.
pub fn set_told(tx: &mut Tx, number: i64, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE claim SET told_at = $1 WHERE number = $2 AND told_at IS NULL AND status = 'open'",
        params![now.micros(), number],
    )?;
    Ok(changed == 1)
}
