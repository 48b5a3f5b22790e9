//! Forgotten passwords: a person asks, the office hands over a one-time address, the person chooses a new one.

use domain::clock::HOUR;
use store::{
    DbError, Tx, accounts, recovery,
    sessions::{self, Purpose},
};

use super::{Actor, sessions::hash};
use crate::app::Env;

/// How long the one-time address can be used, in hours.
pub const VALID_HOURS: i64 = 1;

/// Notes that the person of an address asked for a new password. Nothing happens when nobody has the address, and
/// the caller can't tell.
///
/// # Errors
/// When the database says no.
pub fn ask(tx: &mut Tx, env: &Env, email_key: &str) -> Result<(), DbError> {
    // Drawn in either case, so that both take the same steps.
    let id = env.ids.uuid(env.now);
    match accounts::by_email(tx, email_key)?.filter(|account| !account.disabled) {
        Some(account) => recovery::insert(tx, &id, &account.id, env.now),
        None => Ok(()),
    }
}

/// Makes the one-time address for somebody who asked and closes the request; returns the secret. Earlier ones end.
///
/// # Errors
/// When the database says no. None when there is no such account.
pub fn issue(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    account_id: &str,
) -> Result<Option<(String, String)>, DbError> {
    let account = accounts::by_id(tx, account_id)?.filter(|account| !account.disabled);
    let Some(account) = account else { return Ok(None) };
    let secret = env.ids.secret();
    sessions::issue(tx, &hash(&secret), Purpose::Recovery, Some(account_id), env.now, VALID_HOURS * HOUR)?;
    recovery::close(tx, account_id, Some(&by.id), env.now)?;
    Ok(Some((secret, account.email)))
}

/// Whose password a one-time address changes: name and email address, while it can be used.
///
/// # Errors
/// When the database says no.
pub fn peek(tx: &mut Tx, env: &Env, secret: &str) -> Result<Option<(String, String)>, DbError> {
    let one_time = sessions::peek(tx, &hash(secret), env.now)?;
    let Some(account_id) = one_time
        .filter(|one_time| one_time.purpose == Purpose::Recovery)
        .and_then(|one_time| one_time.account_id)
    else {
        return Ok(None);
    };
    let account = accounts::by_id(tx, &account_id)?.filter(|account| !account.disabled);
    Ok(account.map(|account| (account.name, account.email)))
}

/// Sets the new password, ends every session of the account and opens a new one, whose secret is returned. None
/// when the address has been used or has run out.
///
/// # Errors
/// When the database says no.
pub fn reset(
    tx: &mut Tx,
    env: &Env,
    secret: &str,
    password_hash: &str,
    user_agent: &str,
) -> Result<Option<String>, DbError> {
    if peek(tx, env, secret)?.is_none() {
        return Ok(None);
    }
    let account_id = sessions::peek(tx, &hash(secret), env.now)?.and_then(|one_time| one_time.account_id);
    let Some(account_id) = account_id else { return Ok(None) };
    if !sessions::redeem(tx, &hash(secret), env.now)? {
        return Ok(None);
    }
    accounts::set_password(tx, &account_id, password_hash)?;
    sessions::close_all(tx, &account_id)?;
    super::sessions::open(tx, env, &account_id, user_agent, None).map(Some)
}
