//! Adjustments: bonuses and corrections by finance, proposed, booked or declined.

use crate::{DbError, Row, Tx, clients::PartnerName, params};
use domain::{adjustment::AdjustmentStatus, clock::Timestamp, ledger::TransferCode, money::Money};

/// An adjustment.
#[derive(Debug, Clone)]
pub struct Adjustment {
    /// Its identifier.
    pub id: String,
    /// Whose balance it is.
    pub partner: PartnerName,
    /// Above zero gives to the partner, below zero takes from the partner.
    pub amount: Money,
    /// Bonus or correction.
    pub code: TransferCode,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub status: AdjustmentStatus,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// The identifier of whoever proposed it.
    pub proposer_id: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// When it was booked or declined, and by whom.
    pub decided: Option<(Timestamp, String)>,
    /// Whether it needed two people.
    pub two_people: bool,
}

/// What a new adjustment is made of.
#[derive(Debug, Clone)]
pub struct NewAdjustment<'a> {
    /// A fresh, time-ordered identifier.
    pub id: &'a str,
    /// The random identifier of the form.
    pub request: &'a str,
    /// Whose balance it is.
    pub partner_id: &'a str,
    /// Above zero gives to the partner, below zero takes from the partner.
    pub amount: Money,
    /// Bonus or correction.
    pub code: TransferCode,
    /// Why.
    pub reason: &'a str,
    /// Whether it needs two people.
    pub two_people: bool,
}

const SELECT: &str = "SELECT j.id, j.partner_id, a.name, j.amount, j.kind, j.reason, j.status, j.proposed_at,
        j.proposed_by, p.name, j.decided_at, d.name, j.two_people
    FROM adjustment j JOIN account a ON a.id = j.partner_id JOIN account p ON p.id = j.proposed_by
    LEFT JOIN account d ON d.id = j.decided_by";

fn read(row: &Row) -> Result<Adjustment, DbError> {
    let (kind, status): (String, String) = (row.get(4)?, row.get(6)?);
    let decided_by: Option<String> = row.get(11)?;
    Ok(Adjustment {
        id: row.get(0)?,
        partner: PartnerName { id: row.get(1)?, name: row.get(2)? },
        amount: Money::from_minor(row.get(3)?),
        code: TransferCode::from_word(&kind).ok_or_else(|| DbError::decode("adjustment.kind", &kind))?,
        reason: row.get(5)?,
        status: AdjustmentStatus::from_word(&status)
            .ok_or_else(|| DbError::decode("adjustment.status", &status))?,
        proposed_at: Timestamp::from_micros(row.get(7)?),
        proposer_id: row.get(8)?,
        proposed_by: row.get(9)?,
        decided: row
            .get::<Option<i64>>(10)?
            .map(|at| (Timestamp::from_micros(at), decided_by.unwrap_or_default())),
        two_people: row.get(12)?,
    })
}

/// Proposes an adjustment. Returns no when the same form was sent before.
pub fn insert(tx: &mut Tx, new: &NewAdjustment, by: &str, now: Timestamp) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO adjustment (id, request, partner_id, amount, kind, reason, status, proposed_at, proposed_by,
                                 two_people)
         VALUES ($1, $2, $3, $4, $5, $6, 'proposed', $7, $8, $9) ON CONFLICT (request) DO NOTHING",
        params![
            new.id,
            new.request,
            new.partner_id,
            new.amount.minor(),
            new.code.as_str(),
            new.reason,
            now.micros(),
            by,
            new.two_people
        ],
    )?;
    Ok(made == 1)
}

/// The adjustment that a form has made.
pub fn by_request(tx: &mut Tx, request: &str) -> Result<Option<Adjustment>, DbError> {
    tx.opt(&format!("{SELECT} WHERE j.request = $1"), params![request])?.as_ref().map(read).transpose()
}

/// The adjustment of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Adjustment>, DbError> {
    tx.opt(&format!("{SELECT} WHERE j.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// Books or declines a proposed adjustment. Returns no when it was decided already; one that needs two people is
/// never booked by whoever proposed it.
pub fn decide(
    tx: &mut Tx,
    id: &str,
    status: AdjustmentStatus,
    by: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE adjustment SET status = $1, decided_at = $2, decided_by = $3
         WHERE id = $4 AND status = 'proposed' AND ($5 = 'declined' OR two_people = 0 OR proposed_by <> $6)",
        params![status.as_str(), now.micros(), by, id, status.as_str(), by],
    )?;
    Ok(changed == 1)
}

/// The newest adjustments of a partner.
pub fn of_partner(tx: &mut Tx, partner_id: &str, limit: i64) -> Result<Vec<Adjustment>, DbError> {
    let rows = tx.all(
        &format!("{SELECT} WHERE j.partner_id = $1 ORDER BY j.id DESC LIMIT $2"),
        params![partner_id, limit],
    )?;
    rows.iter().map(read).collect()
}

/// The oldest adjustments that wait for a second person.
pub fn proposed(tx: &mut Tx, limit: i64) -> Result<Vec<Adjustment>, DbError> {
    let rows =
        tx.all(&format!("{SELECT} WHERE j.status = 'proposed' ORDER BY j.id LIMIT $1"), params![limit])?;
    rows.iter().map(read).collect()
}
