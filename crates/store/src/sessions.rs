//! Sessions and one-time addresses. The database holds only hashes of their secrets.

use crate::{
    DbError, Tx,
    accounts::{self, Kind},
    params,
};
use domain::{
    clock::{DAY, HOUR, Timestamp},
    permission::Role,
};

/// How long a session lasts after it was last used.
pub const IDLE: i64 = 30 * DAY;

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The account's identifier.
    pub account_id: String,
    /// What the person is called.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// Partner, or staff with a role.
    pub standing: Standing,
}

/// What a signed-in person is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A partner, perhaps suspended.
    Partner {
        /// Earns nothing new and withdraws nothing.
        suspended: bool,
    },
    /// A member of staff.
    Staff(Role),
}

/// Opens a session.
pub fn open(
    tx: &mut Tx,
    token_hash: &str,
    account_id: &str,
    user_agent: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO session (token_hash, account_id, created_at, seen_at, expires_at, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6)",
        params![token_hash, account_id, now.micros(), now.micros(), now.plus(IDLE).micros(), user_agent],
    )?;
    Ok(())
}

/// Who has the session of a token, and whether it should be prolonged by [`touch`].
pub fn visitor(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<Option<(Visitor, bool)>, DbError> {
    let row = tx.opt(
        "SELECT a.id, a.name, a.email, a.kind, p.suspended_at, s.role, e.seen_at
         FROM session e JOIN account a ON a.id = e.account_id
         LEFT JOIN partner p ON p.id = a.id
         LEFT JOIN staff s ON s.id = a.id
         WHERE e.token_hash = $1 AND e.expires_at > $2 AND s.disabled_at IS NULL",
        params![token_hash, now.micros()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let standing = match Kind::from_row(&row, 3)? {
        Kind::Partner => Standing::Partner { suspended: row.get::<Option<i64>>(4)?.is_some() },
        Kind::Staff => Standing::Staff(accounts::role(&row.get::<Option<String>>(5)?.unwrap_or_default())?),
    };
    let seen = Timestamp::from_micros(row.get(6)?);
    let visitor = Visitor { account_id: row.get(0)?, name: row.get(1)?, email: row.get(2)?, standing };
    Ok(Some((visitor, now.since(seen) > HOUR)))
}

/// Prolongs a session that is in use.
pub fn touch(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "UPDATE session SET seen_at = $1, expires_at = $2 WHERE token_hash = $3",
        params![now.micros(), now.plus(IDLE).micros(), token_hash],
    )?;
    Ok(())
}

/// Ends one session.
pub fn close(tx: &mut Tx, token_hash: &str) -> Result<(), DbError> {
    tx.exec("DELETE FROM session WHERE token_hash = $1", params![token_hash])?;
    Ok(())
}

/// Ends every session of an account.
pub fn close_all(tx: &mut Tx, account_id: &str) -> Result<(), DbError> {
    tx.exec("DELETE FROM session WHERE account_id = $1", params![account_id])?;
    Ok(())
}

/// Deletes sessions that have run out. Returns how many.
pub fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.exec("DELETE FROM session WHERE expires_at <= $1", params![now.micros()])
}

/// What a one-time address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Makes the first admin of a new installation.
    FirstAdmin,
    /// Lets an invited member of staff choose a password.
    Invitation,
    /// Lets a person who forgot the password choose a new one.
    Recovery,
    /// Confirms an email address.
    ConfirmEmail,
    /// Agrees, from the old address, to a new email address.
    ReleaseEmail,
    /// Confirms, from the new address, a new email address.
    AdoptEmail,
    /// Connects a Telegram account.
    Telegram,
}

impl Purpose {
    const ALL: [Purpose; 7] = [
        Purpose::FirstAdmin,
        Purpose::Invitation,
        Purpose::Recovery,
        Purpose::ConfirmEmail,
        Purpose::ReleaseEmail,
        Purpose::AdoptEmail,
        Purpose::Telegram,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Purpose::FirstAdmin => "first_admin",
            Purpose::Invitation => "invitation",
            Purpose::Recovery => "recovery",
            Purpose::ConfirmEmail => "confirm_email",
            Purpose::ReleaseEmail => "release_email",
            Purpose::AdoptEmail => "adopt_email",
            Purpose::Telegram => "telegram",
        }
    }
}

/// Makes a one-time address for an account (or for nobody yet); earlier ones of the same purpose end.
pub fn issue(
    tx: &mut Tx,
    token_hash: &str,
    purpose: Purpose,
    account_id: Option<&str>,
    now: Timestamp,
    lifetime: i64,
) -> Result<(), DbError> {
    issue_about(tx, token_hash, purpose, account_id, "", now, lifetime)
}

/// Makes a one-time address as [`issue`] does, with what it is about.
pub fn issue_about(
    tx: &mut Tx,
    token_hash: &str,
    purpose: Purpose,
    account_id: Option<&str>,
    detail: &str,
    now: Timestamp,
    lifetime: i64,
) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM one_time WHERE purpose = $1 AND used_at IS NULL
         AND COALESCE(account_id, '') = COALESCE(CAST($2 AS TEXT), '')",
        params![purpose.as_str(), account_id],
    )?;
    tx.exec(
        "INSERT INTO one_time (token_hash, purpose, account_id, detail, created_at, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, NULL)",
        params![token_hash, purpose.as_str(), account_id, detail, now.micros(), now.plus(lifetime).micros()],
    )?;
    Ok(())
}

/// A one-time address that can still be used.
#[derive(Debug, Clone)]
pub struct OneTime {
    /// What it is for.
    pub purpose: Purpose,
    /// Whom it is for; nobody yet for the first admin.
    pub account_id: Option<String>,
    /// What it is about: a new email address, for example; or empty.
    pub detail: String,
}

/// The address of a token, if it has neither been used nor run out.
pub fn peek(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<Option<OneTime>, DbError> {
    let row = tx.opt(
        "SELECT purpose, account_id, detail FROM one_time
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        params![token_hash, now.micros()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let word: String = row.get(0)?;
    let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == word);
    let purpose = purpose.ok_or_else(|| DbError::decode("one_time.purpose", &word))?;
    Ok(Some(OneTime { purpose, account_id: row.get(1)?, detail: row.get(2)? }))
}

/// Uses a one-time address up. Returns whether it still could be used: of two at once, one can.
pub fn redeem(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<bool, DbError> {
    let used = tx.exec(
        "UPDATE one_time SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $3",
        params![now.micros(), token_hash, now.micros()],
    )?;
    Ok(used == 1)
}
