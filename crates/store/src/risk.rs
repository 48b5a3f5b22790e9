//! The facts behind the risk signs of a withdrawal. Each statement is answered by an index that begins with the partner,
//! the address or the key, and reads no more than it names or counts: however long the history is, and whatever other
//! partners do.

use crate::{
    DbError, Tx, ledger, params,
    withdrawals::{self, Withdrawal},
};
use domain::{
    claim::keys::{Keys, email_key},
    clock::Timestamp,
    money::{Currency, Money},
    risk::{self, Common, Facts, Likeness, Sign, TakenBack, address_key},
    wallet::WalletKind,
};

/// How many of each kind are named.
const NAMED: i64 = 5;

/// How many of the latest payments to a partner tell what is usual.
const LATEST: i64 = 10;

/// What is known about a withdrawal.
///
/// # Errors
/// When the database can't be read.
pub fn facts(tx: &mut Tx, withdrawal: &Withdrawal, currency: Currency) -> Result<Facts, DbError> {
    let partner = &withdrawal.partner.id;
    let (paid, paid_here, came_back_here) = payments(tx, withdrawal)?;
    let suspended: Option<i64> =
        tx.one("SELECT suspended_at FROM partner WHERE id = $1", params![partner])?.get(0)?;
    Ok(Facts {
        amount: withdrawal.amount,
        requested_at: Some(withdrawal.requested_at),
        entered_at: withdrawal.wallet_entered_at,
        changed_since: changed_since(tx, withdrawal)?,
        paid,
        paid_here,
        came_back_here,
        largest: largest(tx, withdrawal)?,
        shared_with: shared_with(tx, withdrawal)?,
        likenesses: likenesses(tx, withdrawal)?,
        taken_back: taken_back(tx, withdrawal)?,
        available: ledger::balances(tx, partner, currency)?.available,
        suspended: suspended.map(Timestamp::from_micros),
    })
}

/// Whether another withdrawal of the partner was paid, whether one was to this address, and how many payments to this
/// address came back.
fn payments(tx: &mut Tx, withdrawal: &Withdrawal) -> Result<(bool, bool, i64), DbError> {
    let row = tx.one(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM withdrawal
                WHERE partner_id = $1 AND id <> $2 AND status = 'paid') THEN CAST(1 AS BIGINT) ELSE 0 END,
            CASE WHEN EXISTS (SELECT 1 FROM withdrawal
                WHERE partner_id = $1 AND id <> $2 AND status = 'paid' AND wallet_address = $3)
                THEN CAST(1 AS BIGINT) ELSE 0 END,
            (SELECT COUNT(*) FROM withdrawal
                WHERE partner_id = $1 AND id <> $2 AND returned_at IS NOT NULL AND wallet_address = $3)",
        params![&withdrawal.partner.id, &withdrawal.id, &withdrawal.wallet_address],
    )?;
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn largest(tx: &mut Tx, withdrawal: &Withdrawal) -> Result<Option<Money>, DbError> {
    let row = tx.one(
        "SELECT MAX(l.amount) FROM (SELECT amount FROM withdrawal
            WHERE partner_id = $1 AND id <> $2 AND status = 'paid' ORDER BY id DESC LIMIT $3) l",
        params![&withdrawal.partner.id, &withdrawal.id, LATEST],
    )?;
    Ok(row.get::<Option<i64>>(0)?.map(Money::from_minor))
}

fn changed_since(tx: &mut Tx, withdrawal: &Withdrawal) -> Result<Option<Timestamp>, DbError> {
    let row = tx.opt(
        "SELECT CASE WHEN address <> $1 OR kind <> $2 THEN entered_at END, removed_at FROM wallet WHERE id = $3",
        params![&withdrawal.wallet_address, withdrawal.wallet_kind.as_str(), &withdrawal.wallet_id],
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(later(row.get(0)?, row.get(1)?, withdrawal))
}

/// The later of two moments, if it is after the request.
fn later(changed: Option<i64>, removed: Option<i64>, withdrawal: &Withdrawal) -> Option<Timestamp> {
    removed.max(changed).map(Timestamp::from_micros).filter(|at| *at > withdrawal.requested_at)
}

/// The signs of the withdrawals of a batch that can be seen at a glance, by one statement for all of them: what was paid
/// before, and what became of the wallet. All signs stand on the page of the withdrawal.
///
/// # Errors
/// When the database can't be read.
pub fn at_a_glance(tx: &mut Tx, batch_id: &str) -> Result<Vec<(String, Vec<Sign>)>, DbError> {
    const PAID: &str = "SELECT 1 FROM withdrawal p WHERE p.partner_id = w.partner_id AND p.status = 'paid'";
    let rows = tx.all(
        &format!(
            "SELECT {}, CASE WHEN EXISTS ({PAID}) THEN CAST(1 AS BIGINT) ELSE 0 END,
                CASE WHEN EXISTS ({PAID} AND p.wallet_address = w.wallet_address) THEN CAST(1 AS BIGINT) ELSE 0 END,
                CASE WHEN x.address <> w.wallet_address OR x.kind <> w.wallet_kind THEN x.entered_at END, x.removed_at
             {} JOIN payout_line l ON l.withdrawal_id = w.id LEFT JOIN wallet x ON x.id = w.wallet_id
             WHERE l.batch_id = $1 AND l.status = 'open' AND w.status = 'pending' ORDER BY w.id",
            withdrawals::COLUMNS,
            withdrawals::FROM
        ),
        params![batch_id],
    )?;
    rows.iter()
        .map(|row| {
            let withdrawal = withdrawals::read(row)?;
            let facts = Facts {
                requested_at: Some(withdrawal.requested_at),
                entered_at: withdrawal.wallet_entered_at,
                paid: row.get(19)?,
                paid_here: row.get(20)?,
                changed_since: later(row.get(21)?, row.get(22)?, &withdrawal),
                ..Facts::default()
            };
            Ok((withdrawal.id, risk::signs(&facts)))
        })
        .collect()
}

fn shared_with(tx: &mut Tx, withdrawal: &Withdrawal) -> Result<Vec<(String, String)>, DbError> {
    let rows = tx.all(
        "SELECT DISTINCT w.partner_id, a.name FROM wallet_address w JOIN account a ON a.id = w.partner_id
         WHERE w.address_key = $1 AND w.partner_id <> $2 ORDER BY w.partner_id LIMIT $3",
        params![
            address_key(withdrawal.wallet_kind, &withdrawal.wallet_address),
            &withdrawal.partner.id,
            NAMED
        ],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Clients of the partner with the partner's own email address, name or Telegram account, or with the email address of
/// the PayPal account: compared as claims compare them, whatever the spelling.
fn likenesses(tx: &mut Tx, withdrawal: &Withdrawal) -> Result<Vec<Likeness>, DbError> {
    let partner = &withdrawal.partner.id;
    let own = tx.one(
        "SELECT a.email, a.name, t.title FROM account a LEFT JOIN telegram_link t ON t.account_id = a.id
         WHERE a.id = $1",
        params![partner],
    )?;
    let telegram: Option<String> = own.get(2)?;
    let paypal = (withdrawal.wallet_kind == WalletKind::Paypal).then(|| withdrawal.wallet_address.clone());
    let mut found: Vec<Likeness> = Vec::new();
    let telegram = telegram.filter(|title| title.starts_with('@')).unwrap_or_default();
    let keys = Keys::of(&own.get::<String>(1)?, &own.get::<String>(0)?, "", &telegram);
    for (column, common, key) in [
        ("email_key", Common::Email, keys.email),
        ("name_key", Common::Name, keys.name),
        ("telegram_key", Common::Telegram, keys.telegram),
        ("email_key", Common::Paypal, email_key(&paypal.unwrap_or_default())),
    ] {
        // An empty key is nobody's.
        if key.is_empty() {
            continue;
        }
        let rows = tx.all(
            &format!(
                "SELECT number, name FROM client WHERE partner_id = $1 AND {column} = $2
                 ORDER BY number DESC LIMIT $3"
            ),
            params![partner, key, NAMED],
        )?;
        for row in &rows {
            let likeness = Likeness { client: row.get(0)?, name: row.get(1)?, common };
            if found.iter().all(|before| before.client != likeness.client) {
                found.push(likeness);
            }
        }
    }
    Ok(found)
}

/// Every refund and reopening changes the deal, so only deals of the partner that changed since are looked at.
fn taken_back(tx: &mut Tx, withdrawal: &Withdrawal) -> Result<Vec<TakenBack>, DbError> {
    let rows = tx.all(
        "SELECT e.deal_number, e.at, e.kind FROM deal_event e JOIN deal d ON d.number = e.deal_number
         WHERE d.partner_id = $2 AND d.changed_at > $1 AND e.kind IN ('refunded', 'reopened') AND e.at > $1
         ORDER BY e.at DESC LIMIT $3",
        params![withdrawal.requested_at.micros(), &withdrawal.partner.id, NAMED],
    )?;
    rows.iter()
        .map(|row| {
            Ok(TakenBack {
                deal: row.get(0)?,
                at: Timestamp::from_micros(row.get(1)?),
                reopened: row.get::<String>(2)? == "reopened",
            })
        })
        .collect()
}
