//! Saving the wallets of a partner: all of them, or none. Adding one, or changing where money goes, asks for the
//! password again, tells the partner, and cools: nothing is paid to it for some hours.

use domain::{
    clock::HOUR,
    wallet::{self, WalletKind},
};
use store::{
    DbError, Tx, accounts, partners,
    wallets::{self, Wallet},
};

use super::{
    Actor,
    audit::{self, Act, Change as Changed},
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// How many wallets a partner may have.
pub const MAX_WALLETS: usize = 20;

/// One change of the wallets, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Add a wallet.
    Add {
        /// The kind of address.
        kind: WalletKind,
        /// What the partner calls it.
        label: String,
        /// The checked address.
        address: String,
    },
    /// Write a wallet anew.
    Update(wallets::Wallet),
    /// Take a wallet away.
    Remove {
        /// The wallet's identifier.
        id: String,
    },
}

/// Why nothing was saved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WalletsError {
    /// A wallet that the partner doesn't have (any more).
    #[error(
        "One of these wallets no longer exists. What you typed is kept below as a new one; please look at it and save again."
    )]
    Gone,
    /// More than [`MAX_WALLETS`].
    #[error("You can have at most {MAX_WALLETS} wallets. Remove one first.")]
    TooMany,
    /// Money would go elsewhere, and nobody has shown to be the owner.
    #[error("Enter your password: you are adding a wallet, or changing where one leads.")]
    PasswordNeeded,
    /// It isn't the password, or not any more.
    #[error("This is not your password, so nothing was saved. Try again, or sign out and ask for a new one.")]
    WrongPassword,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Whether these changes would send money elsewhere, so that the password is asked for: a wallet is added, or its kind
/// or address changes. The very first wallets of a partner need none.
///
/// # Errors
/// When the database says no.
pub fn needs_password(tx: &mut Tx, partner_id: &str, changes: &[Change]) -> Result<bool, DbError> {
    if !wallets::any_ever(tx, partner_id)? {
        return Ok(false);
    }
    for change in changes {
        let redirects = match change {
            Change::Add { .. } => true,
            Change::Update(wallet) => {
                let before = wallets::by_id(tx, partner_id, &wallet.id)?;
                before.is_some_and(|before| leads_elsewhere(&before, wallet))
            }
            Change::Remove { .. } => false,
        };
        if redirects {
            return Ok(true);
        }
    }
    Ok(false)
}

fn leads_elsewhere(before: &Wallet, now: &Wallet) -> bool {
    (before.kind, &before.address) != (now.kind, &now.address)
}

/// Saves every change or none. `proven` is the hash that fitted the password that the partner has just given.
///
/// # Errors
/// [`WalletsError`], whose text can be shown to the partner.
pub fn save(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    changes: &[Change],
    proven: Option<&str>,
) -> Result<(), WalletsError> {
    let partner_id = by.id.as_str();
    // Before the partner: rows are locked in one order.
    if let Some(hash) = proven
        && !accounts::lock_with_password(tx, partner_id, hash)?
    {
        return Err(WalletsError::WrongPassword);
    }
    // Locked, so that of two first savings at once the second is no first any more.
    partners::lock_suspended(tx, partner_id)?;
    if proven.is_none() && needs_password(tx, partner_id, changes)? {
        return Err(WalletsError::PasswordNeeded);
    }
    let is_first = !wallets::any_ever(tx, partner_id)?;
    let hours = env.programme.cooling_hours;
    let payable_from = (!is_first && hours > 0).then(|| env.now.plus(hours * HOUR));
    let mut told = Told::default();
    for change in changes {
        match change {
            Change::Add { kind, label, address } => {
                let wallet = Wallet {
                    id: env.ids.uuid(env.now),
                    kind: *kind,
                    label: label.clone(),
                    address: address.clone(),
                };
                wallets::insert(tx, partner_id, &wallet, env.now)?;
                let id = env.ids.uuid(env.now);
                wallets::set_entered(tx, partner_id, &wallet, &id, payable_from, env.now)?;
                told.add(None, Some(&wallet));
            }
            Change::Update(wallet) => {
                let before = wallets::by_id(tx, partner_id, &wallet.id)?.ok_or(WalletsError::Gone)?;
                if before == *wallet {
                    continue;
                }
                if !wallets::update(tx, partner_id, wallet, env.now)? {
                    return Err(WalletsError::Gone);
                }
                if leads_elsewhere(&before, wallet) {
                    let id = env.ids.uuid(env.now);
                    wallets::set_entered(tx, partner_id, wallet, &id, payable_from, env.now)?;
                }
                told.add(Some(&before), Some(wallet));
            }
            Change::Remove { id } => {
                let before = wallets::by_id(tx, partner_id, id)?.ok_or(WalletsError::Gone)?;
                if !wallets::remove(tx, partner_id, id, env.now)? {
                    return Err(WalletsError::Gone);
                }
                told.add(Some(&before), None);
            }
        }
    }
    if wallets::of_partner(tx, partner_id)?.len() > MAX_WALLETS {
        return Err(WalletsError::TooMany);
    }
    if told.changes.is_empty() {
        return Ok(());
    }
    let cooling_hours = payable_from.filter(|_| told.redirects).map(|_| hours);
    notify::tell(tx, env, partner_id, &Notice::WalletChanged { what: told.sentences, cooling_hours })?;
    let on = ("partner", partner_id);
    audit::record(tx, env, by, Act { what: "wallet.changed", on, changes: &told.changes, reason: "" })?;
    Ok(())
}

/// What has changed, for the partner and for the audit.
#[derive(Default)]
struct Told {
    sentences: Vec<String>,
    changes: Vec<Changed>,
    /// Money goes elsewhere than before.
    redirects: bool,
}

impl Told {
    fn add(&mut self, before: Option<&Wallet>, now: Option<&Wallet>) {
        let words = |wallet: Option<&Wallet>| {
            wallet.map_or_else(String::new, |wallet| {
                let address = wallet::masked(wallet.kind, &wallet.address);
                format!("{} ({}, {address})", wallet.label, wallet.kind.label())
            })
        };
        let (was, is) = (words(before), words(now));
        self.sentences.push(match (before, now) {
            (None, _) => format!("The wallet {is} was added."),
            (Some(_), None) => format!("The wallet {was} was removed."),
            (Some(before), Some(now)) if leads_elsewhere(before, now) => {
                format!("The wallet {was} was changed: it is {is} now.")
            }
            (Some(before), Some(now)) => format!("The wallet {} is called {} now.", before.label, now.label),
        });
        self.redirects |= match (before, now) {
            (None, Some(_)) => true,
            (Some(before), Some(now)) => leads_elsewhere(before, now),
            (_, None) => false,
        };
        self.changes.push(Changed::new("Wallet", was, is));
    }
}
