//! Wallets: where partners want to be paid.

use crate::{DbError, Row, Tx, params};
use domain::{clock::Timestamp, risk::address_key, wallet::WalletKind};

/// A wallet of a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Its identifier.
    pub id: String,
    /// What kind of address it has.
    pub kind: WalletKind,
    /// What the partner calls it.
    pub label: String,
    /// The checked address.
    pub address: String,
}

/// Since when a wallet has its address, and from when it may be paid to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When the address was entered.
    pub entered_at: Timestamp,
    /// From when it may be paid to; none: at once.
    pub payable_from: Option<Timestamp>,
}

pub(crate) fn kind(word: &str) -> Result<WalletKind, DbError> {
    WalletKind::from_word(word).ok_or_else(|| DbError::decode("wallet.kind", word))
}

fn read(row: &Row) -> Result<Wallet, DbError> {
    Ok(Wallet {
        id: row.get(0)?,
        kind: kind(&row.get::<String>(1)?)?,
        label: row.get(2)?,
        address: row.get(3)?,
    })
}

/// The wallets of a partner, oldest first.
pub fn of_partner(tx: &mut Tx, partner_id: &str) -> Result<Vec<Wallet>, DbError> {
    let rows = tx.all(
        "SELECT id, kind, label, address FROM wallet WHERE partner_id = $1 AND removed_at IS NULL ORDER BY id",
        params![partner_id],
    )?;
    rows.iter().map(read).collect()
}

/// A wallet of a partner; nobody else's is found.
pub fn by_id(tx: &mut Tx, partner_id: &str, id: &str) -> Result<Option<Wallet>, DbError> {
    tx.opt(
        "SELECT id, kind, label, address FROM wallet WHERE partner_id = $1 AND id = $2 AND removed_at IS NULL",
        params![partner_id, id],
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Whether a partner has or had any wallet.
pub fn any_ever(tx: &mut Tx, partner_id: &str) -> Result<bool, DbError> {
    Ok(tx.opt("SELECT id FROM wallet WHERE partner_id = $1 LIMIT 1", params![partner_id])?.is_some())
}

/// How a wallet of a partner stands.
pub fn standing(tx: &mut Tx, partner_id: &str, id: &str) -> Result<Option<Standing>, DbError> {
    let row = tx.opt(
        "SELECT entered_at, payable_from FROM wallet WHERE partner_id = $1 AND id = $2 AND removed_at IS NULL",
        params![partner_id, id],
    )?;
    row.map(|row| {
        Ok(Standing {
            entered_at: Timestamp::from_micros(row.get(0)?),
            payable_from: Some(row.get::<i64>(1)?).filter(|from| *from > 0).map(Timestamp::from_micros),
        })
    })
    .transpose()
}

/// The wallets of a partner that can't be paid to yet, and from when they can.
pub fn cooling(tx: &mut Tx, partner_id: &str, now: Timestamp) -> Result<Vec<(String, Timestamp)>, DbError> {
    let rows = tx.all(
        "SELECT id, payable_from FROM wallet
         WHERE partner_id = $1 AND removed_at IS NULL AND payable_from > $2 ORDER BY id",
        params![partner_id, now.micros()],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, Timestamp::from_micros(row.get(1)?)))).collect()
}

/// Remembers that an address was entered into a wallet now, and from when it may be paid to. `id` is a fresh
/// identifier.
pub fn set_entered(
    tx: &mut Tx,
    partner_id: &str,
    wallet: &Wallet,
    id: &str,
    payable_from: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.later(
        "UPDATE wallet SET entered_at = $1, payable_from = $2 WHERE id = $3",
        params![now.micros(), payable_from.map_or(0, Timestamp::micros), &wallet.id],
    )?;
    tx.later(
        "INSERT INTO wallet_address (id, partner_id, address_key, at) VALUES ($1, $2, $3, $4)",
        params![id, partner_id, address_key(wallet.kind, &wallet.address), now.micros()],
    )?;
    Ok(())
}

/// Adds a wallet.
pub fn insert(tx: &mut Tx, partner_id: &str, wallet: &Wallet, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO wallet (id, partner_id, kind, label, address, created_at, changed_at, removed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)",
        params![
            &wallet.id,
            partner_id,
            wallet.kind.as_str(),
            &wallet.label,
            &wallet.address,
            now.micros(),
            now.micros()
        ],
    )?;
    Ok(())
}

/// Changes a wallet of a partner. Returns whether the partner has it.
pub fn update(tx: &mut Tx, partner_id: &str, wallet: &Wallet, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE wallet SET kind = $1, label = $2, address = $3, changed_at = $4
         WHERE id = $5 AND partner_id = $6 AND removed_at IS NULL",
        params![wallet.kind.as_str(), &wallet.label, &wallet.address, now.micros(), &wallet.id, partner_id],
    )?;
    Ok(changed == 1)
}

/// Takes a wallet away; withdrawals keep their own copy. Returns whether the partner had it.
pub fn remove(tx: &mut Tx, partner_id: &str, id: &str, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE wallet SET removed_at = $1 WHERE id = $2 AND partner_id = $3 AND removed_at IS NULL",
        params![now.micros(), id, partner_id],
    )?;
    Ok(changed == 1)
}
