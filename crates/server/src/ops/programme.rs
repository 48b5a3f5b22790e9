//! Changing the programme's settings.

use store::{
    DbError, Tx,
    programme::{self, Programme},
};

use super::{
    Actor,
    audit::{self, Act, Change},
};
use crate::app::Env;

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
pub fn save(tx: &mut Tx, env: &Env, by: &Actor, changed: &Programme) -> Result<(), SettingsError> {
    let before = programme::load(tx)?;
    if before.currency != changed.currency && store::ledger::any_transfer(tx)? {
        return Err(SettingsError::CurrencyFixed(before.currency.code()));
    }
    if !programme::save(tx, changed)? {
        return Err(SettingsError::Changed);
    }
    let changes = Change::differing(
        words(&before)
            .into_iter()
            .zip(words(changed))
            .map(|((what, was), (_, is))| Change::new(what, was, is)),
    );
    let on = ("settings", "programme");
    audit::record(tx, env, by, Act { what: "settings.changed", on, changes: &changes, reason: "" })?;
    Ok(())
}

/// The settings in words, for the audit.
fn words(programme: &Programme) -> Vec<(&'static str, String)> {
    let currency = programme.currency;
    let tiers = programme.tiers.as_slice();
    let tiers: Vec<String> =
        tiers.iter().map(|tier| format!("{} from {}", tier.rate, currency.format(tier.from))).collect();
    vec![
        ("Name", programme.name.clone()),
        ("Currency", currency.code().to_owned()),
        ("Company site", programme.site_url.clone()),
        ("Further sites", programme.more_sites.replace('\n', ", ")),
        ("Support email", programme.support_email.clone()),
        ("Support on Telegram", programme.support_telegram.clone()),
        ("Minimum withdrawal", currency.format(programme.minimum_withdrawal)),
        ("Hold period, days", programme.hold_days.to_string()),
        ("Attribution window, days", programme.window_days.to_string()),
        ("Link rule", programme.link_rule.as_str().to_owned()),
        ("Clicks are kept for, days", programme.click_days.to_string()),
        ("Time for a claim, working days", programme.claim_days.to_string()),
        (
            "Two people agree from",
            programme.approval_from.map_or_else(|| "never".into(), |from| currency.format(from)),
        ),
        ("Cooling time, hours", programme.cooling_hours.to_string()),
        ("Account holder", programme.payer_name.clone()),
        ("IBAN", programme.payer_iban.clone()),
        ("BIC", programme.payer_bic.clone()),
        ("Telegram group of staff", programme.staff_chat.clone()),
        ("Tiers", tiers.join(", ")),
    ]
}
