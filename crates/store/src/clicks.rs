//! Clicks: visits through referral links.

use crate::{
    DbError, Tx, params,
    partners::{self, PartnerDay},
};
use domain::{clock::Timestamp, money::Money};

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

/// Keeps a click and counts it for the partner's day.
pub fn insert(tx: &mut Tx, click: &Click) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO click (at, partner_id, repaired_from, source, automatic) VALUES ($1, $2, $3, $4, $5)",
        params![click.at.micros(), click.partner_id, click.repaired_from, click.source, click.automatic],
    )?;
    if !click.automatic {
        let day = PartnerDay { day: click.at.day(), clicks: 1, clients: 0, profit: Money::ZERO };
        partners::add_to_day(tx, click.partner_id, day)?;
    }
    Ok(())
}
