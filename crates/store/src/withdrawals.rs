//! Withdrawals: requests of partners to be paid, and what finance decided.

use crate::{DbError, Row, Tx, clients::PartnerName, params, search::like, wallets};
use domain::{clock::Timestamp, money::Money, wallet::WalletKind, withdrawal::WithdrawalStatus};

/// A withdrawal.
#[derive(Debug, Clone)]
pub struct Withdrawal {
    /// Its identifier.
    pub id: String,
    /// Who asked for it.
    pub partner: PartnerName,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: WithdrawalStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The wallet that was chosen; it may have changed since.
    pub wallet_id: String,
    /// What kind of wallet it goes to.
    pub wallet_kind: WalletKind,
    /// What the partner called the wallet when asking.
    pub wallet_label: String,
    /// The wallet's address when the partner asked.
    pub wallet_address: String,
    /// When finance decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// The payment reference, once paid.
    pub reference: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
}

/// What a new withdrawal is made of.
#[derive(Debug, Clone)]
pub struct NewWithdrawal<'a> {
    /// A fresh, time-ordered identifier.
    pub id: String,
    /// Who asks.
    pub partner_id: &'a str,
    /// The random identifier of the form.
    pub request: &'a str,
    /// How much.
    pub amount: Money,
    /// Where to, copied as it is now.
    pub wallet: &'a wallets::Wallet,
}

const SELECT: &str = "SELECT w.id, w.partner_id, a.name, w.amount, w.status, w.requested_at, w.wallet_kind,
    w.wallet_label, w.wallet_address, w.decided_at, s.name, w.reference, w.reason, w.wallet_id
    FROM withdrawal w JOIN account a ON a.id = w.partner_id LEFT JOIN account s ON s.id = w.decided_by";

fn read(row: &Row) -> Result<Withdrawal, DbError> {
    let status: String = row.get(4)?;
    Ok(Withdrawal {
        id: row.get(0)?,
        partner: PartnerName { id: row.get(1)?, name: row.get(2)? },
        amount: Money::from_minor(row.get(3)?),
        status: WithdrawalStatus::from_word(&status)
            .ok_or_else(|| DbError::decode("withdrawal.status", &status))?,
        requested_at: Timestamp::from_micros(row.get(5)?),
        wallet_id: row.get(13)?,
        wallet_kind: wallets::kind(&row.get::<String>(6)?)?,
        wallet_label: row.get(7)?,
        wallet_address: row.get(8)?,
        decided_at: row.get::<Option<i64>>(9)?.map(Timestamp::from_micros),
        decided_by: row.get(10)?,
        reference: row.get(11)?,
        reason: row.get(12)?,
    })
}

/// Makes a pending withdrawal. Returns no when the same form was sent before.
pub fn insert(tx: &mut Tx, new: &NewWithdrawal, now: Timestamp) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO withdrawal (id, partner_id, request, amount, status, requested_at, wallet_id, wallet_kind,
                                 wallet_label, wallet_address)
         VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9) ON CONFLICT (partner_id, request) DO NOTHING",
        params![
            &new.id,
            new.partner_id,
            new.request,
            new.amount.minor(),
            now.micros(),
            &new.wallet.id,
            new.wallet.kind.as_str(),
            &new.wallet.label,
            &new.wallet.address
        ],
    )?;
    Ok(made == 1)
}

/// The withdrawal that a form has made.
pub fn by_request(tx: &mut Tx, partner_id: &str, request: &str) -> Result<Option<Withdrawal>, DbError> {
    tx.opt(&format!("{SELECT} WHERE w.partner_id = $1 AND w.request = $2"), params![partner_id, request])?
        .as_ref()
        .map(read)
        .transpose()
}

/// The withdrawal of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Withdrawal>, DbError> {
    tx.opt(&format!("{SELECT} WHERE w.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// One page of withdrawals with a status: pending ones oldest first, decided ones newest first.
pub fn list(
    tx: &mut Tx,
    status: WithdrawalStatus,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Withdrawal>, DbError> {
    let (compare, order) = if status == WithdrawalStatus::Pending { (">", "ASC") } else { ("<", "DESC") };
    let rows = tx.all(
        &format!(
            "{SELECT} WHERE w.status = $1 AND ($2 = '' OR w.id {compare} $2) ORDER BY w.id {order} LIMIT $3"
        ),
        params![status.as_str(), after.unwrap_or(""), limit],
    )?;
    rows.iter().map(read).collect()
}

/// What a partner's list of withdrawals is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The day of the request: newest first.
    #[default]
    Date,
    /// The amount.
    Amount,
    /// The status.
    Status,
}

/// Which withdrawals of a partner are asked for, and in which order.
#[derive(Debug, Clone, Default)]
pub struct PartnerWithdrawals {
    /// Only those with this status.
    pub status: Option<WithdrawalStatus>,
    /// Words in the wallet's label, the reference or the reason.
    pub search: String,
    /// What the list is sorted by.
    pub sort: Sort,
    /// Ascending, or else descending.
    pub ascending: bool,
}

/// Where one page of a sorted list ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The sorted value: the status, or an amount in digits; empty when sorted by date.
    pub value: String,
    /// The withdrawal's identifier, which decides between equal values.
    pub id: String,
}

/// One page of a partner's withdrawals. With each comes the place to go on after it.
pub fn of_partner(
    tx: &mut Tx,
    partner_id: &str,
    ask: &PartnerWithdrawals,
    after: Option<&After>,
    limit: i64,
) -> Result<Vec<(Withdrawal, After)>, DbError> {
    let (key, value) = match ask.sort {
        Sort::Date => ("w.id", "$5"),
        Sort::Amount => ("w.amount", "$7"),
        Sort::Status => ("w.status", "$6"),
    };
    let (order, compare) = if ask.ascending { ("ASC", ">") } else { ("DESC", "<") };
    let digits = after.and_then(|after| after.value.parse::<i64>().ok()).unwrap_or(0);
    let words =
        "(lower(w.wallet_label) LIKE $4 ESCAPE '\\' OR lower(COALESCE(w.reference, '')) LIKE $4 ESCAPE '\\'
          OR lower(COALESCE(w.reason, '')) LIKE $4 ESCAPE '\\')";
    let rows = tx.all(
        &format!(
            "{SELECT} WHERE w.partner_id = $1 AND ($2 = '' OR w.status = $2) AND ($3 = '' OR {words})
             AND ($5 = '' OR ({key}, w.id) {compare} ({value}, $5))
             AND CAST($6 AS TEXT) IS NOT NULL AND CAST($7 AS BIGINT) IS NOT NULL
             ORDER BY {key} {order}, w.id {order} LIMIT $8"
        ),
        params![
            partner_id,
            ask.status.map_or("", WithdrawalStatus::as_str),
            ask.search.trim(),
            like(&ask.search),
            after.map_or("", |after| after.id.as_str()),
            after.map_or("", |after| after.value.as_str()),
            digits,
            limit
        ],
    )?;
    rows.iter()
        .map(|row| {
            let withdrawal = read(row)?;
            let value = match ask.sort {
                Sort::Date => String::new(),
                Sort::Amount => withdrawal.amount.minor().to_string(),
                Sort::Status => withdrawal.status.as_str().to_owned(),
            };
            let id = withdrawal.id.clone();
            Ok((withdrawal, After { value, id }))
        })
        .collect()
}

/// Marks a pending withdrawal paid. Returns no when it was decided already: of two decisions at once, one counts.
pub fn set_paid(tx: &mut Tx, id: &str, by: &str, reference: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE withdrawal SET status = 'paid', decided_at = $1, decided_by = $2, reference = $3
         WHERE id = $4 AND status = 'pending'",
        params![now.micros(), by, reference, id],
    )?;
    Ok(changed == 1)
}

/// Rejects a pending withdrawal. Returns no when it was decided already.
pub fn set_rejected(tx: &mut Tx, id: &str, by: &str, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE withdrawal SET status = 'rejected', decided_at = $1, decided_by = $2, reason = $3
         WHERE id = $4 AND status = 'pending'",
        params![now.micros(), by, reason, id],
    )?;
    Ok(changed == 1)
}

/// How many withdrawals wait for finance, and since when the oldest one does.
pub fn waiting(tx: &mut Tx) -> Result<(i64, Option<Timestamp>), DbError> {
    let row =
        tx.one("SELECT COUNT(*), MIN(requested_at) FROM withdrawal WHERE status = 'pending'", params![])?;
    Ok((row.get(0)?, row.get::<Option<i64>>(1)?.map(Timestamp::from_micros)))
}
