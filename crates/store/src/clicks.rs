//! Clicks: visits through referral links.

use crate::{
    DbError, Tx, Value, params,
    partners::{self, PartnerDay},
};
use domain::{
    clock::{Day, Timestamp},
    money::Money,
};
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

const INSERT: &str =
    "INSERT INTO click (at, partner_id, repaired_from, source, automatic) VALUES ($1, $2, $3, $4, $5)";

/// Keeps a click and counts it for the partner's day.
pub fn insert(tx: &mut Tx, click: &Click) -> Result<(), DbError> {
    tx.exec(
        INSERT,
        params![click.at.micros(), click.partner_id, click.repaired_from, click.source, click.automatic],
    )?;
    if !click.automatic {
        let day = PartnerDay { day: click.at.day(), clicks: 1, clients: 0, profit: Money::ZERO };
        partners::add_to_day(tx, click.partner_id, day)?;
    }
    Ok(())
}

/// Keeps many clicks at once and counts them for their partners' days.
pub fn insert_many(tx: &mut Tx, clicks: &[Click]) -> Result<(), DbError> {
    let rows: Vec<Vec<Value>> = clicks
        .iter()
        .map(|click| {
            params![click.at.micros(), click.partner_id, click.repaired_from, click.source, click.automatic]
                .to_vec()
        })
        .collect();
    tx.many(INSERT, &rows)?;
    // In the order of their keys, so that two who do this at once lock the rows in the same order.
    let mut days: BTreeMap<(&str, Day), i64> = BTreeMap::new();
    for click in clicks.iter().filter(|click| !click.automatic) {
        *days.entry((click.partner_id, click.at.day())).or_default() += 1;
    }
    for ((partner_id, day), clicks) in days {
        partners::add_to_day(tx, partner_id, PartnerDay { day, clicks, clients: 0, profit: Money::ZERO })?;
    }
    Ok(())
}
