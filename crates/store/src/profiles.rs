//! What people say about themselves: name, language, email address and whether that is confirmed.

use crate::{DbError, Tx, aliases, params};
use domain::clock::Timestamp;

/// What an account's owner can look at and change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What the person is called.
    pub name: String,
    /// The address as the person wrote it.
    pub email: String,
    /// The address as compared.
    pub email_key: String,
    /// When the person has shown that the mailbox is theirs.
    pub email_confirmed_at: Option<Timestamp>,
    /// The language that the person would like, as ISO 639-1 writes it.
    pub language: String,
}

/// The profile of an account.
pub fn of_account(tx: &mut Tx, id: &str) -> Result<Option<Profile>, DbError> {
    let row = tx.opt(
        "SELECT name, email, email_key, email_confirmed_at, language FROM account WHERE id = $1",
        params![id],
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Profile {
        name: row.get(0)?,
        email: row.get(1)?,
        email_key: row.get(2)?,
        email_confirmed_at: row.get::<Option<i64>>(3)?.map(Timestamp::from_micros),
        language: row.get(4)?,
    }))
}

/// Sets name and language.
pub fn set(tx: &mut Tx, id: &str, name: &str, language: &str) -> Result<(), DbError> {
    tx.later("UPDATE account SET name = $1, language = $2 WHERE id = $3", params![name, language, id])?;
    find_anew(tx, id)
}

/// Sets a new email address, which is confirmed. Returns whether it was set: no when another account has it.
pub fn set_email(
    tx: &mut Tx,
    id: &str,
    email: &str,
    email_key: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let set = tx.exec(
        "UPDATE account SET email = $1, email_key = $2, email_confirmed_at = $3 WHERE id = $4
         AND NOT EXISTS (SELECT 1 FROM account other WHERE other.email_key = $5 AND other.id <> $6)",
        params![email, email_key, now.micros(), id, email_key, id],
    )?;
    if set == 1 {
        find_anew(tx, id)?;
    }
    Ok(set == 1)
}

/// Notes that the email address is the person's, if it still is the one that was asked about. Returns whether it is.
pub fn confirm_email(tx: &mut Tx, id: &str, email_key: &str, now: Timestamp) -> Result<bool, DbError> {
    let confirmed = tx.exec(
        "UPDATE account SET email_confirmed_at = COALESCE(email_confirmed_at, $1) WHERE id = $2 AND email_key = $3",
        params![now.micros(), id, email_key],
    )?;
    Ok(confirmed == 1)
}

/// What searches for partners look through.
fn find_anew(tx: &mut Tx, id: &str) -> Result<(), DbError> {
    let row = tx.opt(
        "SELECT a.name, a.email, p.code FROM partner p JOIN account a ON a.id = p.id WHERE p.id = $1",
        params![id],
    )?;
    let Some(row) = row else { return Ok(()) };
    let (name, email, code): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let words = aliases::of_partner(tx, id, i64::MAX)?;
    // In lower case as everything in that column, whatever the alphabet; SQLite's lower() knows ASCII alone.
    let mut search = format!("{name}\n{email}\n{code}").to_lowercase();
    for word in words {
        search.push(' ');
        search.push_str(word.alias.as_str());
    }
    tx.later("UPDATE partner SET search = $1 WHERE id = $2", params![search, id])?;
    Ok(())
}
