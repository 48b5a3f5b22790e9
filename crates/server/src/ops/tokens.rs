//! Tokens for other programs: made, revoked, and recognised when one is used.

use domain::{
    clock::{DAY, SECOND, Timestamp},
    permission::Scopes,
    text::Line,
};
use store::{
    DbError, Tx,
    accounts::{self, Kind, NewAccount},
    idempotency,
    tokens::{self, NewToken, Token, TokenStanding},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    sessions::hash,
};
use crate::app::Env;

/// What every token begins with, so that scanners for leaked secrets recognise one.
pub const PREFIX: &str = "gw_";

/// What a token can be called.
pub type TokenName = Line<60>;

/// The most days that can be set for a token.
pub const MAX_DAYS: i64 = 3650;

/// How many signs of a token are kept readable.
const HINT_CHARS: usize = 9;

/// The last use is written once in this time (microseconds) at most.
const TOUCH_EVERY: i64 = 60 * SECOND;

/// How long answers to requests with a key are kept, in microseconds.
pub const ANSWERS_KEPT: i64 = 30 * DAY;

/// How many of them are deleted in one transaction.
const SWEEP_BATCH: i64 = 500;

/// Why a token is not there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// There is no such token.
    #[error("There is no such token.")]
    Unknown,
    /// It is so already.
    #[error("This token is revoked already.")]
    Revoked,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes a token and returns its account's identifier and the token itself, which is kept nowhere.
///
/// # Errors
/// When the database says no.
pub fn make(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    name: &TokenName,
    scopes: Scopes,
    days: Option<i64>,
) -> Result<(String, String), DbError> {
    let id = env.ids.uuid(env.now);
    let secret = format!("{PREFIX}{}", env.ids.secret());
    // No address has a blank in it, so nobody's sign-in or recovery ever finds this account.
    let account = NewAccount {
        id: id.clone(),
        kind: Kind::Staff,
        name: name.to_string(),
        email: String::new(),
        email_key: format!("token {id}"),
        password_hash: None,
    };
    accounts::insert(tx, &account, env.now)?;
    let expires_at = days.map(|days| env.now.plus(days * DAY));
    let new = NewToken {
        id: &id,
        token_hash: &hash(&secret),
        hint: &secret[..HINT_CHARS],
        scopes,
        made_by: Some(by.id.as_str()).filter(|id| !id.is_empty()),
        expires_at,
    };
    tokens::insert(tx, &new, env.now)?;
    let until = expires_at.map_or_else(|| "unlimited".to_owned(), Timestamp::date);
    let changes =
        [Change::set("Name", name), Change::set("Scopes", scopes), Change::set("Can be used until", until)];
    audit::record(
        tx,
        env,
        by,
        Act { what: "token.made", on: ("token", &id), changes: &changes, reason: "" },
    )?;
    Ok((id, secret))
}

/// Ends a token at once.
///
/// # Errors
/// [`TokenError::Revoked`] when that is so already.
pub fn revoke(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), TokenError> {
    let token = tokens::by_id(tx, id)?.ok_or(TokenError::Unknown)?;
    let who = Some(by.id.as_str()).filter(|id| !id.is_empty());
    if !tokens::revoke(tx, id, who, env.now)? {
        return Err(TokenError::Revoked);
    }
    let changes = [Change::set("Name", token.name), Change::new("Usable", "yes", "no")];
    let act = Act { what: "token.revoked", on: ("token", id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// The token that a program has sent, if it can be used, and whether its last use is to be written.
///
/// # Errors
/// When the database says no.
pub fn recognise(tx: &mut Tx, env: &Env, secret: &str) -> Result<Option<(Token, bool)>, DbError> {
    let found = tokens::by_hash(tx, &hash(secret))?;
    Ok(found.filter(|token| token.standing(env.now) == TokenStanding::Active).map(|token| {
        let stale = token.last_used_at.is_none_or(|at| at.plus(TOUCH_EVERY) <= env.now);
        (token, stale)
    }))
}

/// Forgets old answers to requests with a key, one batch; returns how many those were.
///
/// # Errors
/// When the database says no.
pub fn sweep_answers(tx: &mut Tx, env: &Env) -> Result<u64, DbError> {
    idempotency::sweep(tx, env.now.plus(-ANSWERS_KEPT), SWEEP_BATCH)
}
