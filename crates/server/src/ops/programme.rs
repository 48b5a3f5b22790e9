//! Changing the programme's settings.

use domain::money::Currency;
use store::{
    DbError, Tx,
    programme::{self, Programme},
};

/// Why the settings were not saved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SettingsError {
    /// Somebody else has saved in the meantime.
    #[error(
        "Somebody else has changed the settings since you opened this page. Look at them and save again."
    )]
    Changed,
    /// Every amount booked so far is in the old currency.
    #[error("The currency can't be changed once deals have been won: every amount so far is in {0}.")]
    CurrencyFixed(&'static str),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Saves the settings, unless they have changed since the given version.
///
/// # Errors
/// [`SettingsError`], whose text can be shown to the admin.
pub fn save(tx: &mut Tx, changed: &Programme) -> Result<(), SettingsError> {
    let current: Currency = programme::load(tx)?.currency;
    if current != changed.currency && store::ledger::any_transfer(tx)? {
        return Err(SettingsError::CurrencyFixed(current.code()));
    }
    if programme::save(tx, changed)? { Ok(()) } else { Err(SettingsError::Changed) }
}
