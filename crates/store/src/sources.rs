//! Where a partner's visits, clients and sales came from, counted by day. What came from nowhere in particular is not here:
//! it is what the partner's days have besides.

use crate::{DbError, Row, Tx, params};
use domain::{clock::Day, money::Money};

/// What came from one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerSource {
    /// The place that the link named, or the site that it stood on.
    pub source: String,
    /// Visits of people.
    pub clicks: i64,
    /// Clients.
    pub clients: i64,
    /// Deals of theirs that are closed successfully.
    pub deals_won: i64,
    /// Commissions booked for those, less what was taken back.
    pub profit: Money,
}

const COUNT: &str = "ON CONFLICT (partner_id, day, source) DO UPDATE SET clicks = partner_source.clicks + excluded.clicks,
    clients = partner_source.clients + excluded.clients, deals_won = partner_source.deals_won + excluded.deals_won,
    profit = partner_source.profit + excluded.profit";

/// Adds to one place on one day; what is taken away is given as a negative number. After the partner's day, like everybody
/// who counts both.
pub fn add(tx: &mut Tx, partner_id: &str, day: Day, add: &PartnerSource) -> Result<(), DbError> {
    tx.later(
        &format!(
            "INSERT INTO partner_source (partner_id, day, source, clicks, clients, deals_won, profit)
             VALUES ($1, $2, $3, $4, $5, $6, $7) {COUNT}"
        ),
        params![partner_id, day.0, &add.source, add.clicks, add.clients, add.deals_won, add.profit.minor()],
    )
}

/// Adds to the place where a client came from, if that is known.
pub fn add_of_client(
    tx: &mut Tx,
    partner_id: &str,
    client_number: i64,
    day: Day,
    deals_won: i64,
    profit: Money,
) -> Result<(), DbError> {
    tx.later(
        &format!(
            "INSERT INTO partner_source (partner_id, day, source, clicks, clients, deals_won, profit)
             SELECT $1, CAST($2 AS BIGINT), c.source, 0, 0, CAST($3 AS BIGINT), CAST($4 AS BIGINT)
             FROM client c WHERE c.number = $5 AND c.source <> '' {COUNT}"
        ),
        params![partner_id, day.0, deals_won, profit.minor(), client_number],
    )
}

/// How many places are shown.
pub const SHOWN: i64 = 12;

/// What came from each place from a day on: the places with the most clients, then clicks, first.
pub fn of_partner(tx: &mut Tx, partner_id: &str, from: Day) -> Result<Vec<PartnerSource>, DbError> {
    let rows = tx.all(
        "SELECT source, CAST(SUM(clicks) AS BIGINT), CAST(SUM(clients) AS BIGINT), CAST(SUM(deals_won) AS BIGINT),
                CAST(SUM(profit) AS BIGINT)
         FROM partner_source WHERE partner_id = $1 AND day >= $2 GROUP BY source
         HAVING SUM(clicks) <> 0 OR SUM(clients) <> 0 OR SUM(deals_won) <> 0 OR SUM(profit) <> 0
         ORDER BY SUM(clients) DESC, SUM(clicks) DESC, source LIMIT $3",
        params![partner_id, from.0, SHOWN],
    )?;
    rows.iter().map(|row| read(row, 0)).collect()
}

fn read(row: &Row, first: usize) -> Result<PartnerSource, DbError> {
    Ok(PartnerSource {
        source: row.get(first)?,
        clicks: row.get(first + 1)?,
        clients: row.get(first + 2)?,
        deals_won: row.get(first + 3)?,
        profit: Money::from_minor(row.get(first + 4)?),
    })
}

/// What came from all places together from a day on.
pub fn total(tx: &mut Tx, partner_id: &str, from: Day) -> Result<PartnerSource, DbError> {
    let row = tx.one(
        "SELECT '', CAST(COALESCE(SUM(clicks), 0) AS BIGINT), CAST(COALESCE(SUM(clients), 0) AS BIGINT),
                CAST(COALESCE(SUM(deals_won), 0) AS BIGINT), CAST(COALESCE(SUM(profit), 0) AS BIGINT)
         FROM partner_source WHERE partner_id = $1 AND day >= $2",
        params![partner_id, from.0],
    )?;
    read(&row, 0)
}

/// The rows after a day and place, in their order.
pub fn by_day(
    tx: &mut Tx,
    partner_id: &str,
    after: &(Day, String),
    limit: i64,
) -> Result<Vec<(Day, PartnerSource)>, DbError> {
    let rows = tx.all(
        "SELECT day, source, clicks, clients, deals_won, profit FROM partner_source
         WHERE partner_id = $1 AND (day, source) > ($2, $3) ORDER BY day, source LIMIT $4",
        params![partner_id, after.0.0, &after.1, limit],
    )?;
    rows.iter().map(|row| Ok((Day(row.get(0)?), read(row, 1)?))).collect()
}
