//! Words that stand for partners in links.

use crate::{DbError, Row, Topic, Tx, params};
use domain::{
    alias::{Alias, AliasKind},
    clock::Timestamp,
    referral_code::ReferralCode,
};

/// A word of a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerAlias {
    /// The word.
    pub alias: Alias,
    /// How the partner came by it.
    pub kind: AliasKind,
    /// When.
    pub created_at: Timestamp,
}

fn alias(row: &Row, index: usize) -> Result<Alias, DbError> {
    let word: String = row.get(index)?;
    Alias::read(&word).ok_or_else(|| DbError::decode("partner_alias.alias", &word))
}

fn code(row: &Row, index: usize) -> Result<ReferralCode, DbError> {
    let code: String = row.get(index)?;
    Ok(ReferralCode::read(&code).ok_or_else(|| DbError::decode("partner.code", &code))?.code)
}

/// Gives a partner a word, for ever. Returns no when somebody has it.
pub fn insert(
    tx: &mut Tx,
    alias: &Alias,
    partner_id: &str,
    kind: AliasKind,
    now: Timestamp,
) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO partner_alias (alias, look, partner_id, kind, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (alias) DO NOTHING",
        params![alias.as_str(), alias.look(), partner_id, kind.as_str(), now.micros()],
    )?;
    if made == 1 {
        // So that the office finds the partner by it.
        tx.later(
            "UPDATE partner SET search = search || ' ' || $1 WHERE id = $2",
            params![alias.as_str(), partner_id],
        )?;
        tx.notify(Topic::Aliases)?;
    }
    Ok(made == 1)
}

/// Whose a word is: the identifier.
pub fn owner(tx: &mut Tx, alias: &Alias) -> Result<Option<String>, DbError> {
    let row = tx.opt("SELECT partner_id FROM partner_alias WHERE alias = $1", params![alias.as_str()])?;
    row.map(|row| row.get(0)).transpose()
}

/// The code of the partner whose a word is.
pub fn code_of(tx: &mut Tx, alias: &Alias) -> Result<Option<ReferralCode>, DbError> {
    let row = tx.opt(
        "SELECT p.code FROM partner_alias w JOIN partner p ON p.id = w.partner_id WHERE w.alias = $1",
        params![alias.as_str()],
    )?;
    row.as_ref().map(|row| code(row, 0)).transpose()
}

/// Whether another partner has a word that looks the same.
pub fn is_taken_by_look(tx: &mut Tx, alias: &Alias, partner_id: &str) -> Result<bool, DbError> {
    let row = tx.opt(
        "SELECT 1 FROM partner_alias WHERE look = $1 AND partner_id <> $2 LIMIT 1",
        params![alias.look(), partner_id],
    )?;
    Ok(row.is_some())
}

/// The words of a partner, the newest first, at most `limit`.
pub fn of_partner(tx: &mut Tx, partner_id: &str, limit: i64) -> Result<Vec<PartnerAlias>, DbError> {
    let rows = tx.all(
        "SELECT alias, kind, created_at FROM partner_alias WHERE partner_id = $1
         ORDER BY created_at DESC, alias LIMIT $2",
        params![partner_id, limit],
    )?;
    rows.iter()
        .map(|row| {
            let kind: String = row.get(1)?;
            Ok(PartnerAlias {
                alias: alias(row, 0)?,
                kind: AliasKind::from_word(&kind)
                    .ok_or_else(|| DbError::decode("partner_alias.kind", &kind))?,
                created_at: Timestamp::from_micros(row.get(2)?),
            })
        })
        .collect()
}

/// The words after another, in their order, with the codes of their partners.
pub fn after(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(Alias, ReferralCode)>, DbError> {
    let rows = tx.all(
        "SELECT w.alias, p.code FROM partner_alias w JOIN partner p ON p.id = w.partner_id
         WHERE w.alias > $1 ORDER BY w.alias LIMIT $2",
        params![after, limit],
    )?;
    rows.iter().map(|row| Ok((alias(row, 0)?, code(row, 1)?))).collect()
}
