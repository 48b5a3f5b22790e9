//! Words that stand for partners in links. A word is nobody else's ever after: a link already in the world goes on earning,
//! and no server needs to forget anything.

use domain::{
    alias::{Alias, AliasKind, MOST_CHOSEN},
    referral_code::ReferralCode,
};
use store::{DbError, Tx, aliases, partners};

use super::{
    Actor,
    audit::{self, Act, Change},
};
use crate::app::Env;

/// Why a partner was not given a word.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AliasError {
    /// Somebody has it, or one that looks the same.
    #[error("Somebody else has this word, or one that looks like it. Choose another one.")]
    Taken,
    /// It is the code of another partner.
    #[error("This is the referral code of another partner.")]
    IsCode,
    /// The partner has chosen as often as one can.
    #[error("You have chosen {MOST_CHOSEN} words already. All of them go on working.")]
    TooMany,
    /// A suspended partner shares nothing new.
    #[error("Your account is suspended, so no new word can be chosen.")]
    Suspended,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Gives a partner the word that the partner has chosen. Chosen twice, it is the partner's all the same.
///
/// # Errors
/// [`AliasError`], whose text can be shown to the partner.
pub fn choose(tx: &mut Tx, env: &Env, by: &Actor, alias: &Alias) -> Result<(), AliasError> {
    // Locked, so that nobody chooses more often than one can by doing it at once.
    if partners::lock_suspended(tx, &by.id)? {
        return Err(AliasError::Suspended);
    }
    if aliases::owner(tx, alias)?.is_some_and(|owner| owner == by.id) {
        return Ok(());
    }
    let chosen = aliases::of_partner(tx, &by.id, i64::MAX)?;
    let chosen = chosen.iter().filter(|word| word.kind == AliasKind::Vanity).count();
    if i64::try_from(chosen).is_ok_and(|chosen| chosen >= MOST_CHOSEN) {
        return Err(AliasError::TooMany);
    }
    if aliases::is_taken_by_look(tx, alias, &by.id)? {
        return Err(AliasError::Taken);
    }
    give(tx, env, &by.id, alias, AliasKind::Vanity)?;
    let changes = [Change::set("Word in the link", alias)];
    let act = Act { what: "partner.alias_chosen", on: ("partner", &by.id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Gives a partner a word, if it is nobody's. Given twice, it is the partner's all the same.
///
/// # Errors
/// [`AliasError::Taken`], [`AliasError::IsCode`].
pub fn give(
    tx: &mut Tx,
    env: &Env,
    partner_id: &str,
    alias: &Alias,
    kind: AliasKind,
) -> Result<(), AliasError> {
    let reading = ReferralCode::read(alias.as_str()).filter(|reading| reading.repaired_from.is_none());
    if let Some(reading) = reading
        && partners::by_code(tx, reading.code)?.is_some_and(|(owner, _)| owner != partner_id)
    {
        return Err(AliasError::IsCode);
    }
    if aliases::insert(tx, alias, partner_id, kind, env.now)? {
        return Ok(());
    }
    if aliases::owner(tx, alias)?.is_some_and(|owner| owner == partner_id) {
        return Ok(());
    }
    Err(AliasError::Taken)
}
