//! Saving the wallets of a partner: all of them, or none.

use domain::wallet::WalletKind;
use store::{DbError, Tx, wallets};

use crate::app::Env;

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
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Saves every change or none.
///
/// # Errors
/// [`WalletsError`], whose text can be shown to the partner.
pub fn save(tx: &mut Tx, env: &Env, partner_id: &str, changes: &[Change]) -> Result<(), WalletsError> {
    for change in changes {
        let found = match change {
            Change::Add { kind, label, address } => {
                let wallet = wallets::Wallet {
                    id: env.ids.uuid(env.now),
                    kind: *kind,
                    label: label.clone(),
                    address: address.clone(),
                };
                wallets::insert(tx, partner_id, &wallet, env.now)?;
                true
            }
            Change::Update(wallet) => match wallets::by_id(tx, partner_id, &wallet.id)? {
                Some(before) if before == *wallet => true,
                _ => wallets::update(tx, partner_id, wallet, env.now)?,
            },
            Change::Remove { id } => wallets::remove(tx, partner_id, id, env.now)?,
        };
        if !found {
            return Err(WalletsError::Gone);
        }
    }
    if wallets::of_partner(tx, partner_id)?.len() > MAX_WALLETS { Err(WalletsError::TooMany) } else { Ok(()) }
}
