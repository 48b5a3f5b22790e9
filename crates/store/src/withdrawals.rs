//! Withdrawals: requests of partners to be paid, and what finance decided.

use crate::{
    DbError, Row, Tx, approvals,
    clients::PartnerName,
    params,
    search::{NEWEST, like},
    wallets,
};
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
    /// When the address had been entered into the wallet.
    pub wallet_entered_at: Option<Timestamp>,
    /// From when it may be paid, where the wallet was cooling.
    pub payable_from: Option<Timestamp>,
    /// Why finance paid before that.
    pub override_reason: Option<String>,
    /// When the payment came back, and who said so.
    pub returned: Option<(Timestamp, String)>,
}

impl Withdrawal {
    /// What there is to say about the decision: the reference of what is paid, the reason of what is rejected.
    pub fn note(&self) -> &str {
        let note = match self.status {
            WithdrawalStatus::Paid => &self.reference,
            WithdrawalStatus::Pending | WithdrawalStatus::Rejected => &self.reason,
        };
        note.as_deref().unwrap_or_default()
    }
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
    /// When the address was entered, and from when it may be paid to.
    pub standing: wallets::Standing,
}

pub(crate) const COLUMNS: &str = "w.id, w.partner_id, a.name, w.amount, w.status, w.requested_at, w.wallet_kind,
    w.wallet_label, w.wallet_address, w.decided_at, s.name, w.reference, w.reason, w.wallet_id, w.wallet_entered_at,
    w.payable_from, w.override_reason, w.returned_at, r.name";

pub(crate) const FROM: &str = "FROM withdrawal w JOIN account a ON a.id = w.partner_id
    LEFT JOIN account s ON s.id = w.decided_by LEFT JOIN account r ON r.id = w.returned_by";

pub(crate) fn read(row: &Row) -> Result<Withdrawal, DbError> {
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
        wallet_entered_at: row.get::<Option<i64>>(14)?.map(Timestamp::from_micros),
        payable_from: row.get::<Option<i64>>(15)?.map(Timestamp::from_micros),
        override_reason: row.get(16)?,
        returned: row
            .get::<Option<i64>>(17)?
            .map(|at| {
                Ok::<_, DbError>((
                    Timestamp::from_micros(at),
                    row.get::<Option<String>>(18)?.unwrap_or_default(),
                ))
            })
            .transpose()?,
    })
}

/// Makes a pending withdrawal. Returns no when the same form was sent before.
pub fn insert(tx: &mut Tx, new: &NewWithdrawal, now: Timestamp) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO withdrawal (id, partner_id, request, amount, status, requested_at, wallet_id, wallet_kind,
                                 wallet_label, wallet_address, wallet_entered_at, payable_from)
         VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (partner_id, request) DO NOTHING",
        params![
            &new.id,
            new.partner_id,
            new.request,
            new.amount.minor(),
            now.micros(),
            &new.wallet.id,
            new.wallet.kind.as_str(),
            &new.wallet.label,
            &new.wallet.address,
            new.standing.entered_at.micros(),
            new.standing.payable_from.filter(|from| *from > now).map(Timestamp::micros)
        ],
    )?;
    Ok(made == 1)
}

/// The withdrawal that a form has made.
pub fn by_request(tx: &mut Tx, partner_id: &str, request: &str) -> Result<Option<Withdrawal>, DbError> {
    tx.opt(
        &format!("SELECT {COLUMNS} {FROM} WHERE w.partner_id = $1 AND w.request = $2"),
        params![partner_id, request],
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// The withdrawal of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Withdrawal>, DbError> {
    tx.opt(&format!("SELECT {COLUMNS} {FROM} WHERE w.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// The withdrawal of an identifier, locked until the transaction ends: of two decisions at once the second sees what
/// the first has done.
pub fn lock(tx: &mut Tx, id: &str) -> Result<Option<Withdrawal>, DbError> {
    if tx.opt("SELECT id FROM withdrawal WHERE id = $1 {for_update}", params![id])?.is_none() {
        return Ok(None);
    }
    by_id(tx, id)
}

/// Which of the withdrawals with a status are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// All of them.
    #[default]
    All,
    /// Pending ones that can be paid now.
    Ready,
    /// Pending ones that lack the approval of somebody.
    Unapproved,
    /// Pending ones whose wallet is cooling.
    Cooling,
    /// Pending ones in an open batch.
    InBatch,
}

/// A withdrawal in the queue, with what the desk marks it by.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The withdrawal.
    pub withdrawal: Withdrawal,
    /// How many people have approved it as it is.
    pub approvals: i64,
    /// The open batch that it is in.
    pub batch_id: Option<String>,
}

/// One page of withdrawals with a status: pending ones oldest first, decided ones newest first. `approval_from` is the
/// amount from which two people decide.
pub fn list(
    tx: &mut Tx,
    status: WithdrawalStatus,
    show: Show,
    approval_from: Option<Money>,
    now: Timestamp,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Queued>, DbError> {
    let (compare, order, start) =
        if status == WithdrawalStatus::Pending { (">", "ASC", "") } else { ("<", "DESC", NEWEST) };
    let approvals = format!("(SELECT COUNT(*) FROM withdrawal_approval v WHERE {})", approvals::COUNTS);
    let unapproved = format!("w.amount >= CAST($5 AS BIGINT) AND {approvals} = 0");
    let cooling = "(w.payable_from IS NOT NULL AND w.payable_from > CAST($4 AS BIGINT))";
    let filter = match show {
        Show::All => "CAST($4 AS BIGINT) = $4 AND CAST($5 AS BIGINT) = $5".to_owned(),
        Show::Ready => format!("l.batch_id IS NULL AND NOT {cooling} AND NOT ({unapproved})"),
        Show::Unapproved => format!("CAST($4 AS BIGINT) = $4 AND {unapproved}"),
        Show::Cooling => format!("CAST($5 AS BIGINT) = $5 AND {cooling}"),
        Show::InBatch => {
            "CAST($4 AS BIGINT) = $4 AND CAST($5 AS BIGINT) = $5 AND l.batch_id IS NOT NULL".into()
        }
    };
    let rows = tx.all(
        &format!(
            "SELECT {COLUMNS}, {approvals}, l.batch_id {FROM}
             LEFT JOIN payout_line l ON l.withdrawal_id = w.id AND l.status = 'open'
             WHERE w.status = $1 AND w.id {compare} $2 AND {filter}
             ORDER BY w.id {order} LIMIT $3"
        ),
        params![
            status.as_str(),
            after.unwrap_or(start),
            limit,
            now.micros(),
            approval_from.map_or(i64::MAX, Money::minor)
        ],
    )?;
    rows.iter()
        .map(|row| Ok(Queued { withdrawal: read(row)?, approvals: row.get(19)?, batch_id: row.get(20)? }))
        .collect()
}

/// One page of withdrawals for a program, newest first, older than the identifier `before`.
pub fn page(
    tx: &mut Tx,
    status: Option<WithdrawalStatus>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Withdrawal>, DbError> {
    let mut values = params![before.unwrap_or(NEWEST), limit].to_vec();
    let mut which = "w.id < $1".to_owned();
    if let Some(status) = status {
        values.push(status.as_str().into());
        which.push_str(" AND w.status = $3");
    }
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE {which} ORDER BY w.id DESC LIMIT $2");
    tx.all(&sql, &values)?.iter().map(read).collect()
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
            "SELECT {COLUMNS} {FROM} WHERE w.partner_id = $1 AND ($2 = '' OR w.status = $2) AND ($3 = '' OR {words})
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

/// How a withdrawal was paid.
#[derive(Debug, Clone, Copy)]
pub struct Paid<'a> {
    /// Who paid.
    pub by: &'a str,
    /// The payment reference.
    pub reference: &'a str,
    /// Why it was paid to a wallet that was still cooling.
    pub override_reason: Option<&'a str>,
    /// The amount needs two people: somebody else must have approved it.
    pub two_people: bool,
}

/// Marks a pending withdrawal paid. Returns no when it was decided already, when an approval by somebody else is needed
/// and lacking, or when its wallet cools and no reason is given: the same rules as before, once more in the UPDATE.
pub fn set_paid(tx: &mut Tx, id: &str, paid: &Paid, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        &format!(
            "UPDATE withdrawal AS w SET status = 'paid', decided_at = $1, decided_by = $2, reference = $3,
                override_reason = $4, two_people = $5
             WHERE w.id = $6 AND w.status = 'pending'
                AND ($7 = 0 OR EXISTS (SELECT 1 FROM withdrawal_approval v WHERE {} AND v.by_id <> $8))
                AND (w.payable_from IS NULL OR w.payable_from <= $9 OR $10 = 1)",
            approvals::COUNTS
        ),
        params![
            now.micros(),
            paid.by,
            paid.reference,
            paid.override_reason.map(str::to_owned),
            paid.two_people,
            id,
            paid.two_people,
            paid.by,
            now.micros(),
            paid.override_reason.is_some()
        ],
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

/// Says that the payment of a paid withdrawal came back; who paid it, when and with which reference stays. Returns no
/// when it is not paid.
pub fn set_returned(tx: &mut Tx, id: &str, by: &str, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE withdrawal SET status = 'rejected', returned_at = $1, returned_by = $2, reason = $3
         WHERE id = $4 AND status = 'paid'",
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
