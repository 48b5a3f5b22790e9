//! Deals, their history, and the two lists of them: the partner's and the client's.

use crate::{
    DbError, Row, Tx, Value,
    clients::{PartnerName, partner_name},
    params,
    search::like,
};
use domain::{clock::Timestamp, deal::DealStatus, money::Money, rate::Rate};

/// A deal.
#[derive(Debug, Clone)]
pub struct Deal {
    /// The transaction number.
    pub number: i64,
    /// The client it is negotiated with.
    pub client_number: i64,
    /// What the client is called.
    pub client_name: String,
    /// What it is about, or empty.
    pub title: String,
    /// What the company's own system calls it.
    pub external_id: Option<String>,
    /// Where it stands.
    pub status: DealStatus,
    /// The partner whom the client belongs to.
    pub partner: Option<PartnerName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Why it was closed unsuccessfully.
    pub lost_reason: Option<String>,
    /// How often it has been won, or taken over by a partner while it was won: numbers its rounds in the ledger.
    pub win_round: i64,
    /// What is known while it is won.
    pub won: Option<Won>,
}

/// What winning a deal has fixed.
#[derive(Debug, Clone)]
pub struct Won {
    /// When it was won.
    pub at: Timestamp,
    /// What it came to.
    pub amount: Money,
    /// What was given back to the client so far.
    pub refunded: Money,
    /// How many refunds the deal has had in its whole life: numbers their ledger keys.
    pub refunds: i64,
    /// What the partner earned; none when nothing was booked.
    pub commission: Option<Commission>,
    /// Why the rate is what it is, or why nothing was booked.
    pub commission_reason: String,
    /// The commission that another system had settled before the deal was taken over from it: it counts towards the
    /// volume, the ledger has nothing of it, and nothing is ever booked for it.
    pub settled: Option<Money>,
}

/// A booked commission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commission {
    /// The rate, frozen by winning.
    pub rate: Rate,
    /// The partner's volume before this deal.
    pub volume_before: Money,
    /// What was booked.
    pub amount: Money,
    /// What refunds took back.
    pub reversed: Money,
    /// When it becomes available; none once it is.
    pub available_at: Option<Timestamp>,
}

impl Won {
    /// What is left of the deal's amount after refunds.
    pub fn remaining(&self) -> Money {
        self.amount - self.refunded
    }

    /// Whether it counts towards the partner's won deals and volume: a commission was booked, here or by the system before.
    pub fn counts(&self) -> bool {
        self.commission.is_some() || self.settled.is_some()
    }
}

impl Commission {
    /// What is left of the commission after refunds.
    pub fn remaining(&self) -> Money {
        self.amount - self.reversed
    }
}

pub(crate) fn status(word: &str) -> Result<DealStatus, DbError> {
    DealStatus::from_word(word).ok_or_else(|| DbError::decode("deal.status", word))
}

const COLUMNS: &str = "d.number, d.client_number, c.name, d.title, d.status, d.partner_id, a.name, d.created_at,
    d.changed_at, d.lost_reason, d.win_round, d.won_at, d.amount, d.refunded, d.refunds, d.rate_bp, d.volume_before,
    d.commission, d.commission_reversed, d.available_at, d.commission_reason, d.external_id, d.settled";

const FROM: &str = "FROM deal d JOIN client c ON c.number = d.client_number
                    LEFT JOIN account a ON a.id = d.partner_id";

fn read(row: &Row) -> Result<Deal, DbError> {
    let won_at: Option<i64> = row.get(11)?;
    let amount: Option<i64> = row.get(12)?;
    let rate = row.get::<Option<i64>>(15)?.and_then(Rate::from_basis_points);
    let booked: Option<i64> = row.get(17)?;
    let commission = match (rate, booked) {
        (Some(rate), Some(booked)) => Some(Commission {
            rate,
            volume_before: Money::from_minor(row.get::<Option<i64>>(16)?.unwrap_or(0)),
            amount: Money::from_minor(booked),
            reversed: Money::from_minor(row.get(18)?),
            available_at: row.get::<Option<i64>>(19)?.map(Timestamp::from_micros),
        }),
        _ => None,
    };
    let won = match (won_at, amount) {
        (Some(at), Some(amount)) => Some(Won {
            at: Timestamp::from_micros(at),
            amount: Money::from_minor(amount),
            refunded: Money::from_minor(row.get(13)?),
            refunds: row.get(14)?,
            commission,
            commission_reason: row.get::<Option<String>>(20)?.unwrap_or_default(),
            settled: row.get::<Option<i64>>(22)?.map(Money::from_minor),
        }),
        _ => None,
    };
    Ok(Deal {
        number: row.get(0)?,
        client_number: row.get(1)?,
        client_name: row.get(2)?,
        title: row.get(3)?,
        external_id: row.get(21)?,
        status: status(&row.get::<String>(4)?)?,
        partner: partner_name(row, 5)?,
        created_at: Timestamp::from_micros(row.get(7)?),
        changed_at: Timestamp::from_micros(row.get(8)?),
        lost_reason: row.get(9)?,
        win_round: row.get(10)?,
        won,
    })
}

/// Makes a pending deal and returns its transaction number.
pub fn insert(
    tx: &mut Tx,
    client_number: i64,
    client_name: &str,
    title: &str,
    partner_id: Option<&str>,
    now: Timestamp,
) -> Result<i64, DbError> {
    tx.one(
        "INSERT INTO deal (client_number, title, status, partner_id, created_at, changed_at, client_search)
         VALUES ($1, $2, 'pending', $3, $4, $5, $6) RETURNING number",
        params![client_number, title, partner_id, now.micros(), now.micros(), client_name.to_lowercase()],
    )?
    .get(0)
}

/// The deal of a transaction number.
pub fn by_number(tx: &mut Tx, number: i64) -> Result<Option<Deal>, DbError> {
    tx.opt(&format!("SELECT {COLUMNS} {FROM} WHERE d.number = $1"), params![number])?
        .as_ref()
        .map(read)
        .transpose()
}

/// The deals that a condition holds for.
pub(crate) fn which(tx: &mut Tx, condition: &str, values: &[Value]) -> Result<Vec<Deal>, DbError> {
    tx.all(&format!("SELECT {COLUMNS} {FROM} WHERE {condition}"), values)?.iter().map(read).collect()
}

/// Notes what the company's own system calls a deal.
pub fn set_external(tx: &mut Tx, number: i64, external_id: &str) -> Result<(), DbError> {
    tx.exec("UPDATE deal SET external_id = $1 WHERE number = $2", params![external_id, number])?;
    Ok(())
}

/// The number of the deal that the company's own system calls so.
pub fn by_external(tx: &mut Tx, external_id: &str) -> Result<Option<i64>, DbError> {
    let row = tx.opt("SELECT number FROM deal WHERE external_id = $1", params![external_id])?;
    row.map(|row| row.get(0)).transpose()
}

/// Keeps what another system calls a deal, unless the deal has such an identifier, or another deal has this one. Returns
/// whether it was kept.
pub fn adopt_external(tx: &mut Tx, number: i64, external_id: &str) -> Result<bool, DbError> {
    let kept = tx.exec(
        "UPDATE deal SET external_id = $1 WHERE number = $2 AND external_id IS NULL
             AND NOT EXISTS (SELECT 1 FROM deal WHERE external_id = $3)",
        params![external_id, number, external_id],
    )?;
    Ok(kept == 1)
}

/// Which deals a program asks for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only the deal that the company's own system calls so.
    pub external_id: Option<String>,
    /// Only deals of this client.
    pub client: Option<i64>,
    /// Only deals of this partner.
    pub partner_id: Option<String>,
}

/// One page of deals for a program, newest first, older than the number `before`. Only what is asked for stands in the
/// statement, so that both databases take the index for it.
pub fn page(tx: &mut Tx, asked: &Asked, before: Option<i64>, limit: i64) -> Result<Vec<Deal>, DbError> {
    let mut values = params![before.unwrap_or(i64::MAX), limit].to_vec();
    let mut which = "d.number < $1".to_owned();
    for (column, value) in [
        ("external_id", asked.external_id.as_ref().map(Value::from)),
        ("client_number", asked.client.map(Value::from)),
        ("partner_id", asked.partner_id.as_ref().map(Value::from)),
    ] {
        if let Some(value) = value {
            values.push(value);
            which.push_str(&format!(" AND d.{column} = ${}", values.len()));
        }
    }
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE {which} ORDER BY d.number DESC LIMIT $2");
    tx.all(&sql, &values)?.iter().map(read).collect()
}

/// The deal of a transaction number, locked until the transaction ends: whoever comes second sees what the
/// first has done.
pub fn lock(tx: &mut Tx, number: i64) -> Result<Option<Deal>, DbError> {
    if tx.opt("SELECT number FROM deal WHERE number = $1 {for_update}", params![number])?.is_none() {
        return Ok(None);
    }
    by_number(tx, number)
}

/// The deals of a client, newest first.
pub fn of_client(tx: &mut Tx, client_number: i64) -> Result<Vec<Deal>, DbError> {
    let rows = tx.all(
        &format!("SELECT {COLUMNS} {FROM} WHERE d.client_number = $1 ORDER BY d.number DESC"),
        params![client_number],
    )?;
    rows.iter().map(read).collect()
}

/// The deals of a client, locked until the transaction ends, in the order of their numbers.
pub fn lock_of_client(tx: &mut Tx, client_number: i64) -> Result<Vec<Deal>, DbError> {
    tx.all(
        "SELECT number FROM deal WHERE client_number = $1 ORDER BY number {for_update}",
        params![client_number],
    )?;
    let mut deals = of_client(tx, client_number)?;
    deals.reverse();
    Ok(deals)
}

/// Gives a deal to another partner, or to nobody. Of a won deal with what is booked for that partner now; the amount
/// and what was refunded of it stay.
pub fn set_partner(
    tx: &mut Tx,
    deal: &Deal,
    partner_id: Option<&str>,
    round: i64,
    won: Option<&Won>,
    now: Timestamp,
) -> Result<(), DbError> {
    let commission = won.and_then(|won| won.commission);
    tx.later(
        "UPDATE deal SET changed_at = $1, partner_id = $2, win_round = $3, rate_bp = $4, volume_before = $5,
                commission = $6, commission_reversed = $7, commission_reason = $8, available_at = $9
         WHERE number = $10",
        params![
            now.micros(),
            partner_id,
            round,
            commission.map(|commission| commission.rate.basis_points()),
            commission.map(|commission| commission.volume_before.minor()),
            commission.map(|commission| commission.amount.minor()),
            commission.map_or(0, |commission| commission.reversed.minor()),
            won.map(|won| won.commission_reason.as_str()),
            commission.and_then(|commission| commission.available_at).map(Timestamp::micros),
            deal.number
        ],
    )?;
    Ok(())
}

/// Writes what winning fixes.
pub fn set_won(tx: &mut Tx, number: i64, round: i64, won: &Won) -> Result<(), DbError> {
    let commission = won.commission;
    tx.later(
        "UPDATE deal SET status = 'won', changed_at = $1, lost_reason = NULL, win_round = $2, won_at = $3, amount = $4,
                refunded = 0, rate_bp = $5, volume_before = $6, commission = $7,
                commission_reversed = 0, commission_reason = $8, available_at = $9, settled = NULL
         WHERE number = $10",
        params![
            won.at.micros(),
            round,
            won.at.micros(),
            won.amount.minor(),
            commission.map(|commission| commission.rate.basis_points()),
            commission.map(|commission| commission.volume_before.minor()),
            commission.map(|commission| commission.amount.minor()),
            &won.commission_reason,
            commission.and_then(|commission| commission.available_at).map(Timestamp::micros),
            number
        ],
    )?;
    Ok(())
}

/// Closes a deal unsuccessfully.
pub fn set_lost(tx: &mut Tx, number: i64, reason: &str, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "UPDATE deal SET status = 'lost', changed_at = $1, lost_reason = $2 WHERE number = $3",
        params![now.micros(), reason, number],
    )?;
    Ok(())
}

/// Makes a closed deal pending again; what winning had fixed is gone from the deal (not from the ledger).
pub fn set_pending(tx: &mut Tx, number: i64, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "UPDATE deal SET status = 'pending', changed_at = $1, lost_reason = NULL, won_at = NULL, amount = NULL,
                refunded = 0, rate_bp = NULL, volume_before = NULL, commission = NULL,
                commission_reversed = 0, commission_reason = NULL, available_at = NULL, settled = NULL
         WHERE number = $2",
        params![now.micros(), number],
    )?;
    Ok(())
}

/// Writes the totals after a refund.
pub fn set_refunded(
    tx: &mut Tx,
    number: i64,
    refunded: Money,
    refunds: i64,
    commission_reversed: Money,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.later(
        "UPDATE deal SET changed_at = $1, refunded = $2, refunds = $3, commission_reversed = $4,
                available_at = CASE WHEN commission = $5 THEN NULL ELSE available_at END
         WHERE number = $6",
        params![
            now.micros(),
            refunded.minor(),
            refunds,
            commission_reversed.minor(),
            commission_reversed.minor(),
            number
        ],
    )?;
    Ok(())
}

/// The deals whose commission becomes available by now, in that order: the one that an index has, since this is asked every
/// few seconds.
pub fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<i64>, DbError> {
    let rows = tx.all(
        "SELECT number FROM deal WHERE available_at IS NOT NULL AND available_at <= $1 ORDER BY available_at, number LIMIT $2",
        params![now.micros(), limit],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Notes that the commission has become available. Returns no when that was noted already.
pub fn set_available(tx: &mut Tx, number: i64) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE deal SET available_at = NULL WHERE number = $1 AND available_at IS NOT NULL",
        params![number],
    )?;
    Ok(changed == 1)
}

/// Something that happened to a deal.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What: created, won, lost, reopened, refunded, available, moved.
    pub kind: String,
    /// Who did it; none for the client or the server itself.
    pub actor: Option<String>,
    /// The amount of a win or refund.
    pub amount: Option<Money>,
    /// The reason given.
    pub reason: Option<String>,
}

/// What a new event is made of.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// A fresh, time-ordered identifier.
    pub id: String,
    /// The deal it happened to.
    pub deal_number: i64,
    /// What: created, won, lost, reopened, refunded, available, moved.
    pub kind: &'a str,
    /// Who did it; none for the client or the server itself.
    pub actor_id: Option<&'a str>,
    /// The amount of a win or refund.
    pub amount: Option<Money>,
    /// The reason given.
    pub reason: Option<&'a str>,
}

/// Keeps an event in the deal's history.
pub fn insert_event(tx: &mut Tx, event: &NewEvent, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO deal_event (id, deal_number, at, actor_id, kind, amount, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            &event.id,
            event.deal_number,
            now.micros(),
            event.actor_id,
            event.kind,
            event.amount.map(Money::minor),
            event.reason
        ],
    )?;
    Ok(())
}

/// The history of a deal, newest first.
pub fn events(tx: &mut Tx, deal_number: i64) -> Result<Vec<Event>, DbError> {
    let rows = tx.all(
        "SELECT e.at, e.kind, a.name, e.amount, e.reason FROM deal_event e LEFT JOIN account a ON a.id = e.actor_id
         WHERE e.deal_number = $1 ORDER BY e.id DESC",
        params![deal_number],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Event {
                at: Timestamp::from_micros(row.get(0)?),
                kind: row.get(1)?,
                actor: row.get(2)?,
                amount: row.get::<Option<i64>>(3)?.map(Money::from_minor),
                reason: row.get(4)?,
            })
        })
        .collect()
}

/// What a partner's list of deals is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The client number: newest clients first.
    #[default]
    Number,
    /// The client's name.
    Name,
    /// The amount; deals that are not won have none and count as zero.
    Amount,
    /// The status.
    Status,
}

/// Which deals of a partner are asked for, and in which order.
#[derive(Debug, Clone, Default)]
pub struct PartnerDeals {
    /// Words in the client's name.
    pub search: String,
    /// The number of a client or deal (found whatever the words are).
    pub number: Option<i64>,
    /// Only deals with this status.
    pub status: Option<DealStatus>,
    /// What the list is sorted by.
    pub sort: Sort,
    /// Ascending, or else descending.
    pub ascending: bool,
}

/// Where one page of a sorted list ended: the sorted value and the deal number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The sorted value, as text for names and statuses and in digits for numbers.
    pub value: String,
    /// The deal's number, which decides between equal values.
    pub number: i64,
}

/// One page of a partner's deals. With each deal comes the place to go on after it.
///
/// The numbers are found first, from an index of the order alone; then only the deals of the page are read. A name is
/// searched in an index as well, by reading through the partner's own.
pub fn of_partner(
    tx: &mut Tx,
    partner_id: &str,
    ask: &PartnerDeals,
    after: Option<&After>,
    limit: i64,
) -> Result<Vec<(Deal, After)>, DbError> {
    let (key, textual) = match ask.sort {
        Sort::Number => ("d.client_number", false),
        Sort::Amount => ("COALESCE(d.amount, 0)", false),
        Sort::Name => ("d.client_search", true),
        Sort::Status => ("d.status", true),
    };
    let (order, compare) = if ask.ascending { ("ASC", ">") } else { ("DESC", "<") };
    let mut values = params![partner_id, limit].to_vec();
    let mut which = "d.partner_id = $1".to_owned();
    let mut bind = |value: Value| {
        values.push(value);
        values.len()
    };
    if let Some(status) = ask.status {
        which.push_str(&format!(" AND d.status = ${}", bind(status.as_str().into())));
    }
    if !ask.search.trim().is_empty() {
        let (words, number) = (bind(like(&ask.search).into()), bind(ask.number.unwrap_or(-1).into()));
        which.push_str(&format!(
            " AND d.number IN (
                SELECT s.number FROM deal s WHERE s.partner_id = $1 AND s.client_search LIKE ${words} ESCAPE '\\'
                UNION ALL SELECT s.number FROM deal s WHERE s.partner_id = $1 AND s.client_number = ${number}
                UNION ALL SELECT s.number FROM deal s WHERE s.partner_id = $1 AND s.number = ${number})"
        ));
    }
    if let Some(after) = after {
        let value = if textual {
            bind(after.value.as_str().into())
        } else {
            bind(after.value.parse::<i64>().unwrap_or(0).into())
        };
        let number = bind(after.number.into());
        // The first condition is what an index begins at, whether or not the database sees that in the second.
        which.push_str(&format!(
            " AND {key} {compare}= ${value} AND ({key}, d.number) {compare} (${value}, ${number})"
        ));
    }
    let rows = tx.all(
        &format!(
            "WITH page AS (
                SELECT d.number, {key} AS sorted FROM deal d WHERE {which}
                ORDER BY {key} {order}, d.number {order} LIMIT $2
             )
             SELECT {COLUMNS}, page.sorted FROM page JOIN deal d ON d.number = page.number
             JOIN client c ON c.number = d.client_number LEFT JOIN account a ON a.id = d.partner_id
             ORDER BY page.sorted {order}, d.number {order}"
        ),
        &values,
    )?;
    rows.iter()
        .map(|row| {
            let value = if textual { row.get(23)? } else { row.get::<i64>(23)?.to_string() };
            let deal = read(row)?;
            let number = deal.number;
            Ok((deal, After { value, number }))
        })
        .collect()
}
