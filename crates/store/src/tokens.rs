//! Tokens with which other programs work. Each is an account of its own, so that histories and records name it.

use crate::{DbError, Row, Tx, params};
use domain::{clock::Timestamp, permission::Scopes};

/// A token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its account's identifier.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// How it begins.
    pub hint: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Who made it: identifier and name; none for the command line.
    pub made_by: Option<(String, String)>,
    /// Whether whoever made it is an admin still. True for the command line.
    pub maker_stands: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whether a token can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStanding {
    /// It can.
    Active,
    /// Somebody has revoked it.
    Revoked,
    /// Its time is over.
    Expired,
    /// Whoever made it is no admin any more.
    Orphaned,
}

impl Token {
    /// Whether it can be used now.
    pub fn standing(&self, now: Timestamp) -> TokenStanding {
        if self.revoked_at.is_some() {
            TokenStanding::Revoked
        } else if self.expires_at.is_some_and(|until| until <= now) {
            TokenStanding::Expired
        } else if !self.maker_stands {
            TokenStanding::Orphaned
        } else {
            TokenStanding::Active
        }
    }
}

/// What a new token is made of.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// Its account's identifier.
    pub id: &'a str,
    /// The hash of the token.
    pub token_hash: &'a str,
    /// How it begins.
    pub hint: &'a str,
    /// What it may do.
    pub scopes: Scopes,
    /// Who made it; none for the command line.
    pub made_by: Option<&'a str>,
    /// Until when it can be used.
    pub expires_at: Option<Timestamp>,
}

/// Makes a token of an account.
pub fn insert(tx: &mut Tx, new: &NewToken, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO api_token (id, token_hash, hint, scopes, made_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            new.id,
            new.token_hash,
            new.hint,
            new.scopes.to_string(),
            new.made_by,
            now.micros(),
            new.expires_at.map(Timestamp::micros)
        ],
    )?;
    Ok(())
}

const SELECT: &str = "SELECT t.id, a.name, t.hint, t.scopes, t.made_by, m.name, t.created_at, t.expires_at,
        t.last_used_at, t.revoked_at,
        CASE WHEN t.made_by IS NULL OR (s.role = 'admin' AND s.disabled_at IS NULL) THEN 1 ELSE 0 END
    FROM api_token t JOIN account a ON a.id = t.id LEFT JOIN account m ON m.id = t.made_by
    LEFT JOIN staff s ON s.id = t.made_by";

fn read(row: &Row) -> Result<Token, DbError> {
    let scopes: String = row.get(3)?;
    let maker: Option<String> = row.get(4)?;
    let maker_name: Option<String> = row.get(5)?;
    let stands: i64 = row.get(10)?;
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        hint: row.get(2)?,
        scopes: Scopes::from_words(&scopes).ok_or_else(|| DbError::decode("api_token.scopes", &scopes))?,
        made_by: maker.map(|id| (id, maker_name.unwrap_or_default())),
        maker_stands: stands == 1,
        created_at: Timestamp::from_micros(row.get(6)?),
        expires_at: row.get::<Option<i64>>(7)?.map(Timestamp::from_micros),
        last_used_at: row.get::<Option<i64>>(8)?.map(Timestamp::from_micros),
        revoked_at: row.get::<Option<i64>>(9)?.map(Timestamp::from_micros),
    })
}

/// The token of a hash, whether or not it can be used.
pub fn by_hash(tx: &mut Tx, token_hash: &str) -> Result<Option<Token>, DbError> {
    tx.opt(&format!("{SELECT} WHERE t.token_hash = $1"), params![token_hash])?.as_ref().map(read).transpose()
}

/// The token of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Token>, DbError> {
    tx.opt(&format!("{SELECT} WHERE t.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// Every token that there ever was, newest first. A company has tens of them, not thousands.
pub fn all(tx: &mut Tx) -> Result<Vec<Token>, DbError> {
    tx.all(&format!("{SELECT} ORDER BY t.id DESC"), params![])?.iter().map(read).collect()
}

/// Notes that a token was used.
pub fn touch(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), DbError> {
    tx.exec(
        "UPDATE api_token SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
        params![now.micros(), id],
    )?;
    Ok(())
}

/// Ends a token. Returns no when that was so already.
pub fn revoke(tx: &mut Tx, id: &str, by: Option<&str>, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE api_token SET revoked_at = $1, revoked_by = $2 WHERE id = $3 AND revoked_at IS NULL",
        params![now.micros(), by, id],
    )?;
    Ok(changed == 1)
}
