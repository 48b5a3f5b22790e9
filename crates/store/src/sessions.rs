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

/// Opens a session. `id` names it on pages.
pub fn open(
    tx: &mut Tx,
    id: &str,
    token_hash: &str,
    account_id: &str,
    user_agent: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO session (id, token_hash, account_id, created_at, seen_at, expires_at, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![id, token_hash, account_id, now.micros(), now.micros(), now.plus(IDLE).micros(), user_agent],
    )?;
    Ok(())
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Names it on pages; not the token's hash.
    pub id: String,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the hour.
    pub seen_at: Timestamp,
    /// What the browser called itself.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The sessions of an account that have not run out: the one that asks first, then those used last. `current` is
/// the hash of the token that asks.
pub fn of_account(
    tx: &mut Tx,
    account_id: &str,
    current: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<OpenSession>, DbError> {
    let rows = tx.all(
        "SELECT id, created_at, seen_at, user_agent, CASE WHEN token_hash = $1 THEN 1 ELSE 0 END AS is_current
         FROM session WHERE account_id = $2 AND expires_at > $3
         ORDER BY is_current DESC, seen_at DESC, id LIMIT $4",
        params![current, account_id, now.micros(), limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(OpenSession {
                id: row.get(0)?,
                created_at: Timestamp::from_micros(row.get(1)?),
                seen_at: Timestamp::from_micros(row.get(2)?),
                user_agent: row.get(3)?,
                current: row.get(4)?,
            })
        })
        .collect()
}

/// Ends the session of an account that pages call `id`. Returns what its browser called itself; none when there is
/// no such session.
pub fn close_one(tx: &mut Tx, account_id: &str, id: &str) -> Result<Option<String>, DbError> {
    let found = tx.opt(
        "SELECT user_agent FROM session WHERE account_id = $1 AND id = $2 {for_update}",
        params![account_id, id],
    )?;
    let Some(row) = found else { return Ok(None) };
    tx.later("DELETE FROM session WHERE account_id = $1 AND id = $2", params![account_id, id])?;
    row.get(0).map(Some)
}

/// Ends every session of an account but the one whose token has this hash. Returns how many ended.
pub fn close_others(tx: &mut Tx, account_id: &str, keep: &str) -> Result<u64, DbError> {
    tx.exec("DELETE FROM session WHERE account_id = $1 AND token_hash <> $2", params![account_id, keep])
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
    tx.later(
        "UPDATE session SET seen_at = $1, expires_at = $2 WHERE token_hash = $3",
        params![now.micros(), now.plus(IDLE).micros(), token_hash],
    )?;
    Ok(())
}

/// Ends one session.
pub fn close(tx: &mut Tx, token_hash: &str) -> Result<(), DbError> {
    tx.later("DELETE FROM session WHERE token_hash = $1", params![token_hash])?;
    Ok(())
}

/// Ends every session of an account.
pub fn close_all(tx: &mut Tx, account_id: &str) -> Result<(), DbError> {
    tx.later("DELETE FROM session WHERE account_id = $1", params![account_id])?;
    Ok(())
}

/// How long a one-time address is remembered after it has run out.
const REMEMBERED: i64 = 30 * DAY;

/// Deletes sessions and changes of email addresses that have run out, and one-time addresses that ran out long ago.
/// Returns how many sessions.
pub fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.later("DELETE FROM one_time WHERE expires_at <= $1", params![now.plus(-REMEMBERED).micros()])?;
    tx.later("DELETE FROM email_change WHERE expires_at <= $1", params![now.micros()])?;
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
    tx.later(
        "DELETE FROM one_time WHERE purpose = $1 AND used_at IS NULL
         AND COALESCE(account_id, '') = COALESCE(CAST($2 AS TEXT), '')",
        params![purpose.as_str(), account_id],
    )?;
    tx.later(
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

/// Ends the one-time addresses of an account for a purpose that have not been used.
pub fn revoke(tx: &mut Tx, account_id: &str, purpose: Purpose) -> Result<(), DbError> {
    tx.later(
        "DELETE FROM one_time WHERE account_id = $1 AND purpose = $2 AND used_at IS NULL",
        params![account_id, purpose.as_str()],
    )?;
    Ok(())
}

/// Uses a one-time address up. Returns whether it still could be used: of two at once, one can.
pub fn redeem(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<bool, DbError> {
    let used = tx.exec(
        "UPDATE one_time SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $3",
        params![now.micros(), token_hash, now.micros()],
    )?;
    Ok(used == 1)
}
