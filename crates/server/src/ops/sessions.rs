//! Signing in and out: sessions whose secret only the browser has.

use sha2::{Digest, Sha256};
use store::{DbError, Tx, sessions};

use crate::app::Env;

/// How much of a browser's name is kept.
const USER_AGENT_CHARS: usize = 200;

/// The hash under which a secret is kept: SHA-256, in hexadecimal. The secrets have 256 random bits, so nobody
/// can guess one from its hash however fast the hash is.
pub fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a session and returns its secret. The session that the browser had before, if any, ends.
///
/// # Errors
/// When the database says no.
pub fn open(
    tx: &mut Tx,
    env: &Env,
    account_id: &str,
    user_agent: &str,
    before: Option<&str>,
) -> Result<String, DbError> {
    if let Some(before) = before {
        sessions::close(tx, &hash(before))?;
    }
    let secret = env.ids.secret();
    let user_agent: String = user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect();
    sessions::open(tx, &hash(&secret), account_id, &user_agent, env.now)?;
    Ok(secret)
}

/// Ends the session of a secret.
///
/// # Errors
/// When the database says no.
pub fn close(tx: &mut Tx, secret: &str) -> Result<(), DbError> {
    sessions::close(tx, &hash(secret))
}
