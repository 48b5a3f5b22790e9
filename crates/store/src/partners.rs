//! Partners: their codes, standing, totals and what happened on which day.

use crate::{
    DbError, Row, Tx, params,
    search::{NEWEST, like},
};
use domain::{
    clock::{Day, Timestamp},
    money::Money,
    rate::Rate,
    referral_code::ReferralCode,
};

/// A partner with the totals that are kept up to date.
#[derive(Debug, Clone)]
pub struct Partner {
    /// The account's identifier.
    pub id: String,
    /// What the partner is called.
    pub name: String,
    /// The partner's address.
    pub email: String,
    /// The referral code.
    pub code: ReferralCode,
    /// Since when the partner earns nothing new, and why.
    pub suspended: Option<(Timestamp, String)>,
    /// A rate of the partner's own, instead of the tiers.
    pub agreed_rate: Option<Rate>,
    /// When the partner signed up.
    pub created_at: Timestamp,
    /// How many clients belong to the partner.
    pub clients: i64,
    /// How many of their deals are closed successfully.
    pub deals_won: i64,
    /// What those came to, less refunds.
    pub volume: Money,
}

const SELECT: &str = "SELECT p.id, a.name, a.email, p.code, p.suspended_at, p.suspended_reason, p.agreed_rate_bp,
                             a.created_at, t.clients, t.deals_won, t.volume
                      FROM partner p JOIN account a ON a.id = p.id JOIN partner_totals t ON t.partner_id = p.id";

fn read(row: &Row) -> Result<Partner, DbError> {
    let code: String = row.get(3)?;
    let suspended_at: Option<i64> = row.get(4)?;
    let reason: Option<String> = row.get(5)?;
    Ok(Partner {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        code: ReferralCode::read(&code).ok_or_else(|| DbError::decode("partner.code", &code))?.code,
        suspended: suspended_at.map(|at| (Timestamp::from_micros(at), reason.unwrap_or_default())),
        agreed_rate: row.get::<Option<i64>>(6)?.and_then(Rate::from_basis_points),
        created_at: Timestamp::from_micros(row.get(7)?),
        clients: row.get(8)?,
        deals_won: row.get(9)?,
        volume: Money::from_minor(row.get(10)?),
    })
}

/// Makes a partner of an account. Returns no when the code is taken: draw another.
pub fn insert(tx: &mut Tx, id: &str, code: ReferralCode, search: &str) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO partner (id, code, search) VALUES ($1, $2, $3) ON CONFLICT (code) DO NOTHING",
        params![id, code.to_string(), search.to_lowercase()],
    )?;
    if made == 1 {
        tx.later(
            "INSERT INTO partner_totals (partner_id, clients, deals_won, volume) VALUES ($1, 0, 0, 0)",
            params![id],
        )?;
    }
    Ok(made == 1)
}

/// The partner of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Partner>, DbError> {
    tx.opt(&format!("{SELECT} WHERE p.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// The partner of an email address (as compared).
pub fn by_email(tx: &mut Tx, email_key: &str) -> Result<Option<Partner>, DbError> {
    tx.opt(&format!("{SELECT} WHERE a.email_key = $1"), params![email_key])?.as_ref().map(read).transpose()
}

/// What all partners come to together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// How many partners there are.
    pub partners: i64,
    /// How many clients belong to one of them.
    pub clients: i64,
    /// How many of their deals are closed successfully.
    pub deals_won: i64,
    /// What those came to, less refunds.
    pub volume: Money,
}

/// What all partners come to together: one row of totals each is added up, not what lies behind them.
pub fn sums(tx: &mut Tx) -> Result<Sums, DbError> {
    let row = tx.one(
        "SELECT COUNT(*), CAST(COALESCE(SUM(clients), 0) AS BIGINT), CAST(COALESCE(SUM(deals_won), 0) AS BIGINT),
                CAST(COALESCE(SUM(volume), 0) AS BIGINT) FROM partner_totals",
        params![],
    )?;
    Ok(Sums {
        partners: row.get(0)?,
        clients: row.get(1)?,
        deals_won: row.get(2)?,
        volume: Money::from_minor(row.get(3)?),
    })
}

/// The identifier of the partner with a code, and whether the partner is suspended.
pub fn by_code(tx: &mut Tx, code: ReferralCode) -> Result<Option<(String, bool)>, DbError> {
    let row = tx.opt("SELECT id, suspended_at FROM partner WHERE code = $1", params![code.to_string()])?;
    row.map(|row| Ok((row.get(0)?, row.get::<Option<i64>>(1)?.is_some()))).transpose()
}

/// Whether a partner is suspended, with the row locked, so that a suspension waits for what is being decided.
pub fn lock_suspended(tx: &mut Tx, id: &str) -> Result<bool, DbError> {
    let row = tx.one("SELECT suspended_at FROM partner WHERE id = $1 {for_update}", params![id])?;
    Ok(row.get::<Option<i64>>(0)?.is_some())
}

/// One page of partners, newest first, whose name, email or code holds every word searched for.
pub fn list(
    tx: &mut Tx,
    search: &str,
    only_suspended: bool,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Partner>, DbError> {
    let rows = tx.all(
        &format!(
            "{SELECT} WHERE ($1 = '' OR p.search LIKE $2 ESCAPE '\\')
             AND ($3 = 0 OR p.suspended_at IS NOT NULL)
             AND p.id < $4 ORDER BY p.id DESC LIMIT $5"
        ),
        params![search, like(search), only_suspended, before.unwrap_or(NEWEST), limit],
    )?;
    rows.iter().map(read).collect()
}

/// Suspends a partner. Returns no when that is so already.
pub fn suspend(tx: &mut Tx, id: &str, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE partner SET suspended_at = $1, suspended_reason = $2 WHERE id = $3 AND suspended_at IS NULL",
        params![now.micros(), reason, id],
    )?;
    Ok(changed == 1)
}

/// Lets a suspended partner earn again. Returns no when the partner was not suspended.
pub fn reinstate(tx: &mut Tx, id: &str) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE partner SET suspended_at = NULL, suspended_reason = NULL
         WHERE id = $1 AND suspended_at IS NOT NULL AND erased_at IS NULL",
        params![id],
    )?;
    Ok(changed == 1)
}

/// Sets or removes the partner's own rate.
pub fn set_agreed_rate(tx: &mut Tx, id: &str, rate: Option<Rate>) -> Result<(), DbError> {
    let basis_points = rate.map(Rate::basis_points);
    tx.later("UPDATE partner SET agreed_rate_bp = $1 WHERE id = $2", params![basis_points, id])?;
    Ok(())
}

/// The volume that decides a partner's tier, locked until the transaction ends, so that of two deals won at
/// once the second is paid at the rate that the first has reached. With it the agreed rate, if any.
pub fn lock_volume(tx: &mut Tx, id: &str) -> Result<(Money, Option<Rate>), DbError> {
    let volume = tx
        .one("SELECT volume FROM partner_totals WHERE partner_id = $1 {for_update}", params![id])?
        .get(0)?;
    let agreed: Option<i64> =
        tx.one("SELECT agreed_rate_bp FROM partner WHERE id = $1", params![id])?.get(0)?;
    Ok((Money::from_minor(volume), agreed.and_then(Rate::from_basis_points)))
}

/// Adds to the totals of a partner; what is taken away is given as a negative number.
pub fn add_totals(tx: &mut Tx, id: &str, clients: i64, deals_won: i64, volume: Money) -> Result<(), DbError> {
    tx.later(
        "UPDATE partner_totals SET clients = clients + $1, deals_won = deals_won + $2, volume = volume + $3
         WHERE partner_id = $4",
        params![clients, deals_won, volume.minor(), id],
    )?;
    Ok(())
}

/// What happened to a partner on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerDay {
    /// The UTC day.
    pub day: Day,
    /// Visits through the link.
    pub clicks: i64,
    /// Visits of programs that look at links; not among the others.
    pub automatic: i64,
    /// New clients.
    pub clients: i64,
    /// Commissions booked, less those reversed.
    pub profit: Money,
}

impl PartnerDay {
    /// A day on which nothing has happened yet.
    pub const fn empty(day: Day) -> PartnerDay {
        PartnerDay { day, clicks: 0, automatic: 0, clients: 0, profit: Money::ZERO }
    }

    /// Whether something happened that is counted.
    pub fn counts(&self) -> bool {
        self.clicks != 0 || self.clients != 0 || self.profit != Money::ZERO
    }
}

/// Adds to one day of a partner.
pub fn add_to_day(tx: &mut Tx, id: &str, add: PartnerDay) -> Result<(), DbError> {
    add_to_days(tx, &[(id, add)])
}

/// Adds to days of several partners. They must be in the order of partner and day, and each there once: so two who do
/// this at once never wait for each other crosswise.
pub fn add_to_days(tx: &mut Tx, days: &[(&str, PartnerDay)]) -> Result<(), DbError> {
    let rows: Vec<_> = days
        .iter()
        .map(|(id, add)| {
            let profit = add.profit.minor();
            params![*id, add.day.0, add.clicks, add.automatic, add.clients, profit].to_vec()
        })
        .collect();
    tx.later_many(
        "INSERT INTO partner_day (partner_id, day, clicks, automatic, clients, profit) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (partner_id, day) DO UPDATE SET clicks = partner_day.clicks + excluded.clicks,
            automatic = partner_day.automatic + excluded.automatic,
            clients = partner_day.clients + excluded.clients, profit = partner_day.profit + excluded.profit",
        rows,
    )?;
    Ok(())
}

/// The days of a partner on which something happened, from a day on, ascending.
pub fn days(tx: &mut Tx, id: &str, from: Day) -> Result<Vec<PartnerDay>, DbError> {
    let rows = tx.all(
        "SELECT day, clicks, automatic, clients, profit FROM partner_day
         WHERE partner_id = $1 AND day >= $2 ORDER BY day",
        params![id, from.0],
    )?;
    rows.iter()
        .map(|row| {
            Ok(PartnerDay {
                day: Day(row.get(0)?),
                clicks: row.get(1)?,
                automatic: row.get(2)?,
                clients: row.get(3)?,
                profit: Money::from_minor(row.get(4)?),
            })
        })
        .collect()
}

/// Whether anything that counts has happened to a partner on any day.
pub fn any_day(tx: &mut Tx, id: &str) -> Result<bool, DbError> {
    let found = tx.opt(
        "SELECT day FROM partner_day WHERE partner_id = $1 AND (clicks <> 0 OR clients <> 0 OR profit <> 0) LIMIT 1",
        params![id],
    )?;
    Ok(found.is_some())
}

/// The codes of the partners whose identifier comes after another, in their order.
pub fn codes_after(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(ReferralCode, String)>, DbError> {
    let rows =
        tx.all("SELECT code, id FROM partner WHERE id > $1 ORDER BY id LIMIT $2", params![after, limit])?;
    rows.iter()
        .map(|row| {
            let code: String = row.get(0)?;
            let read = ReferralCode::read(&code).ok_or_else(|| DbError::decode("partner.code", &code))?;
            Ok((read.code, row.get(1)?))
        })
        .collect()
}

/// All visits of people through a partner's link so far.
pub fn clicks(tx: &mut Tx, id: &str) -> Result<i64, DbError> {
    Ok(visits(tx, id)?.0)
}

/// All visits through a partner's link so far: those of people, and those of programs that look at links.
pub fn visits(tx: &mut Tx, id: &str) -> Result<(i64, i64), DbError> {
    let row = tx.one(
        "SELECT CAST(COALESCE(SUM(clicks), 0) AS BIGINT), CAST(COALESCE(SUM(automatic), 0) AS BIGINT)
         FROM partner_day WHERE partner_id = $1",
        params![id],
    )?;
    Ok((row.get(0)?, row.get(1)?))
}
