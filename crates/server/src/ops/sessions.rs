//! Signing in and out: sessions whose secret only the browser has, and browsers that an account was used from.

use domain::notice::NoticeKind;
use sha2::{Digest, Sha256};
use store::{
    DbError, Tx,
    accounts::{self, Account, Kind},
    devices::{self, Acquaintance},
    outbox,
    sessions::{self, Purpose},
};

use super::{
    Actor,
    accounts::owner,
    audit::{self, Act, Change},
};
use crate::{
    app::Env,
    device,
    notify::{self, Notice},
};

/// How much of a browser's name is kept.
const USER_AGENT_CHARS: usize = 200;

/// The hash under which a secret is kept: SHA-256, in hexadecimal. The secrets have 256 random bits, so nobody
/// can guess one from its hash however fast the hash is.
pub fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The browser that somebody signs in with.
#[derive(Debug, Clone)]
pub struct Browser {
    /// What it calls itself.
    pub user_agent: String,
    /// The secret by which it is recognised.
    pub device: String,
    /// The secret of the session that it had before.
    pub before: Option<String>,
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
    let id = env.ids.uuid(env.now);
    let user_agent: String = user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect();
    sessions::open(tx, &id, &hash(&secret), account_id, &user_agent, env.now)?;
    Ok(secret)
}

/// Remembers that an account is used from a browser, without telling anybody: at sign-up, and wherever somebody comes
/// by a one-time address. `device` is the browser's secret.
///
/// # Errors
/// When the database says no.
pub fn remember_device(
    tx: &mut Tx,
    env: &Env,
    account_id: &str,
    device: &str,
) -> Result<Acquaintance, DbError> {
    devices::remember(tx, account_id, &hash(&format!("{account_id}:{device}")), env.now)
}

/// Signs somebody in whose password fitted the hash of the account as it was read; returns the session's secret, or
/// none where the account has another password by now. A browser that the account was not used from before is told to
/// the owner by mail and recorded; of staff, every sign-in is recorded.
///
/// # Errors
/// When the database says no.
pub fn sign_in(
    tx: &mut Tx,
    env: &Env,
    account: &Account,
    browser: &Browser,
) -> Result<Option<String>, DbError> {
    let hash = account.password_hash.as_deref().unwrap_or_default();
    if !accounts::lock_with_password(tx, &account.id, hash)? {
        return Ok(None);
    }
    let secret = open(tx, env, &account.id, &browser.user_agent, browser.before.as_deref())?;
    let is_new = remember_device(tx, env, &account.id, &browser.device)? == Acquaintance::New;
    let device = device::in_words(&browser.user_agent);
    if is_new {
        let notice = Notice::NewSignIn { device: device.clone(), at: env.now };
        notify::tell(tx, env, &account.id, &notice)?;
    }
    if is_new || account.kind == Kind::Staff {
        let by = owner(tx, account)?;
        let known = if is_new { "new" } else { "known" };
        let changes = [Change::set("Device", format!("{device}, {known}"))];
        let on = (by.own_subject(), account.id.as_str());
        audit::record(tx, env, &by, Act { what: "session.opened", on, changes: &changes, reason: "" })?;
    }
    Ok(Some(secret))
}

/// Records that an account was tried more often than an owner would, without what was typed. The caller sees to it
/// that this is rare. `from_within`: by somebody who is signed in to it.
///
/// # Errors
/// When the database says no.
pub fn note_failures(tx: &mut Tx, env: &Env, account: &Account, from_within: bool) -> Result<(), DbError> {
    let name = if from_within { "Somebody signed in to it" } else { "Somebody not signed in" };
    let nobody = Actor { id: String::new(), name: name.into(), role: "guest" };
    let on = (account.kind.as_str(), account.id.as_str());
    let reason = "Many wrong passwords in a short time";
    audit::record(tx, env, &nobody, Act { what: "sign_in.failed", on, changes: &[], reason })
}

/// The notice that brings the one-time address for a purpose.
const fn brought_by(purpose: Purpose) -> Option<NoticeKind> {
    match purpose {
        Purpose::Recovery => Some(NoticeKind::Recovery),
        Purpose::Invitation => Some(NoticeKind::Invitation),
        Purpose::ConfirmEmail => Some(NoticeKind::ConfirmEmail),
        Purpose::ReleaseEmail => Some(NoticeKind::ReleaseEmail),
        Purpose::AdoptEmail => Some(NoticeKind::AdoptEmail),
        Purpose::FirstAdmin | Purpose::Telegram => None,
    }
}

/// Ends the one-time addresses of an account for a purpose. Mail that has not been sent yet and would bring one isn't
/// sent: nobody is to open an address that no longer works.
///
/// # Errors
/// When the database says no.
pub fn revoke(tx: &mut Tx, env: &Env, account_id: &str, purpose: Purpose) -> Result<(), DbError> {
    sessions::revoke(tx, account_id, purpose)?;
    if let Some(notice) = brought_by(purpose) {
        let why = "The one-time address in it was ended or replaced by a newer one before it could be sent.";
        outbox::withdraw(tx, account_id, notice, why, env.now)?;
    }
    Ok(())
}

/// Ends the session of a secret.
///
/// # Errors
/// When the database says no.
pub fn close(tx: &mut Tx, secret: &str) -> Result<(), DbError> {
    sessions::close(tx, &hash(secret))
}

/// Ends one session of somebody, by the name it has on pages. Returns whether there was one.
///
/// # Errors
/// When the database says no.
pub fn end(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<bool, DbError> {
    let Some(user_agent) = sessions::close_one(tx, &by.id, id)? else { return Ok(false) };
    let changes = [Change::new("Device", device::in_words(&user_agent), "")];
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, by, Act { what: "session.ended", on, changes: &changes, reason: "" })?;
    Ok(true)
}

/// Ends every session of somebody but the one whose secret has the hash `keep`.
///
/// # Errors
/// When the database says no.
pub fn end_others(tx: &mut Tx, env: &Env, by: &Actor, keep: &str) -> Result<(), DbError> {
    let ended = sessions::close_others(tx, &by.id, keep)?;
    if ended == 0 {
        return Ok(());
    }
    let changes = [Change::new("Open sessions", ended + 1, 1)];
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, by, Act { what: "sessions.ended", on, changes: &changes, reason: "" })
}
