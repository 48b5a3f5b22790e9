//! Forgotten passwords: a person asks, a mail brings a one-time address (or the office hands one over), the person
//! chooses a new password.

use domain::{
    clock::{HOUR, Timestamp},
    notice::NoticeKind,
};
use store::{
    DbError, Tx,
    accounts::{self, Account, Kind},
    notices, outbox, recovery,
    sessions::{self, Purpose},
};

use super::{
    Actor,
    accounts::owner,
    audit::{self, Act, Change},
    sessions::{Browser, hash, remember_device, revoke},
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// How long the one-time address can be used, in hours.
pub const VALID_HOURS: i64 = NoticeKind::Recovery.lasts().unwrap() / HOUR;

/// How many mails an account is sent in an hour, however often somebody asks: a mailbox isn't to be flooded by whoever
/// knows its address.
pub const MAILS_AN_HOUR: i64 = 3;

/// Until when a person who asked has to have an answer.
pub fn due_at(asked: Timestamp) -> Timestamp {
    asked.plus(HOUR)
}

/// Notes that the person of an address asked for a new password, and writes the mail where mail can be sent. Nothing
/// happens when nobody has the address, and the caller can't tell.
///
/// # Errors
/// When the database says no.
pub fn ask(tx: &mut Tx, env: &Env, email_key: &str) -> Result<(), DbError> {
    // Drawn and worded in either case, so that both take much the same steps.
    let (id, secret) = (env.ids.uuid(env.now), env.ids.secret());
    let Some(account) = accounts::by_email(tx, email_key)?.filter(|account| !account.disabled) else {
        let letter = Notice::Recovery { secret, hours: VALID_HOURS }.letter(env, email_key);
        std::hint::black_box((letter.text(), letter.html()));
        return Ok(());
    };
    accounts::lock(tx, &account.id)?;
    let noted = recovery::insert(tx, &id, &account.id, env.now)?;
    let mailed = env.reach.mail
        && outbox::count_since(tx, &account.id, NoticeKind::Recovery, env.now.plus(-HOUR))? < MAILS_AN_HOUR;
    if mailed {
        mail(tx, env, &account, secret)?;
    }
    if noted || mailed {
        // Whoever asks has shown nothing but that the address is known to them.
        let by = Actor { id: String::new(), name: "Somebody who is not signed in".into(), role: "guest" };
        let changes = [Change::set("Mail", if mailed { "written" } else { "none" })];
        let on = (account.kind.as_str(), account.id.as_str());
        audit::record(tx, env, &by, Act { what: "recovery.asked", on, changes: &changes, reason: "" })?;
    }
    Ok(())
}

/// Makes the one-time address and writes the mail that brings it. Earlier addresses end.
fn mail(tx: &mut Tx, env: &Env, account: &Account, secret: String) -> Result<(), DbError> {
    issue_to(tx, env, account, &secret)?;
    notify::tell(tx, env, &account.id, &Notice::Recovery { secret, hours: VALID_HOURS })
}

fn issue_to(tx: &mut Tx, env: &Env, account: &Account, secret: &str) -> Result<(), DbError> {
    let lifetime = VALID_HOURS * HOUR;
    revoke(tx, env, &account.id, Purpose::Recovery)?;
    sessions::issue(tx, &hash(secret), Purpose::Recovery, Some(&account.id), env.now, lifetime)
}

/// Why staff can't help somebody to a new password.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecoveryError {
    /// There is no such account, or its access was taken away.
    #[error("There is no such account.")]
    Unknown,
    /// The account is a colleague's.
    #[error("This account belongs to a colleague. Only an admin can let colleagues in again.")]
    OnlyAdmins,
    /// Nothing can be mailed.
    #[error("Mail is not set up, so nothing can be sent. Make the address and send it yourself.")]
    NoMail,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The account that staff may help. `may_staff`: whoever acts manages staff. Others could make themselves a way into an
/// account with more rights than their own.
fn helped(tx: &mut Tx, account_id: &str, may_staff: bool) -> Result<Account, RecoveryError> {
    let account = accounts::by_id(tx, account_id)?.filter(|account| !account.disabled);
    let account = account.ok_or(RecoveryError::Unknown)?;
    if account.kind == Kind::Staff && !may_staff {
        return Err(RecoveryError::OnlyAdmins);
    }
    accounts::lock(tx, &account.id)?;
    Ok(account)
}

/// Makes the one-time address for somebody, to be handed over by hand, and closes the request; returns the secret and
/// the email address. Earlier ones end.
///
/// # Errors
/// [`RecoveryError`], whose text can be shown.
pub fn issue(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    may_staff: bool,
    account_id: &str,
) -> Result<(String, String), RecoveryError> {
    let account = helped(tx, account_id, may_staff)?;
    let secret = env.ids.secret();
    issue_to(tx, env, &account, &secret)?;
    recovery::close(tx, account_id, Some(&by.id), env.now)?;
    record(tx, env, by, "recovery.issued", &account)?;
    Ok((secret, account.email))
}

/// Makes a new one-time address and mails it. Earlier ones end; the request stays open until the password is set.
///
/// # Errors
/// [`RecoveryError`], whose text can be shown.
pub fn send(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    may_staff: bool,
    account_id: &str,
) -> Result<(), RecoveryError> {
    if !env.reach.mail {
        return Err(RecoveryError::NoMail);
    }
    let account = helped(tx, account_id, may_staff)?;
    let secret = env.ids.secret();
    mail(tx, env, &account, secret)?;
    record(tx, env, by, "recovery.sent", &account)?;
    Ok(())
}

/// Closes a request that needs no answer.
///
/// # Errors
/// [`RecoveryError`], whose text can be shown.
pub fn close(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    may_staff: bool,
    account_id: &str,
) -> Result<(), RecoveryError> {
    let account = helped(tx, account_id, may_staff)?;
    if recovery::close(tx, account_id, Some(&by.id), env.now)? {
        record(tx, env, by, "recovery.closed", &account)?;
    }
    Ok(())
}

fn record(tx: &mut Tx, env: &Env, by: &Actor, what: &str, account: &Account) -> Result<(), DbError> {
    let changes = [Change::set("Email", &account.email)];
    let on = (account.kind.as_str(), account.id.as_str());
    audit::record(tx, env, by, Act { what, on, changes: &changes, reason: "" })
}

/// The account whose password a one-time address changes, while it can be used.
///
/// # Errors
/// When the database says no.
pub fn peek(tx: &mut Tx, env: &Env, secret: &str) -> Result<Option<Account>, DbError> {
    let one_time = sessions::peek(tx, &hash(secret), env.now)?;
    let Some(account_id) = one_time
        .filter(|one_time| one_time.purpose == Purpose::Recovery)
        .and_then(|one_time| one_time.account_id)
    else {
        return Ok(None);
    };
    Ok(accounts::by_id(tx, &account_id)?.filter(|account| !account.disabled))
}

/// Sets the new password, ends every session of the account and opens a new one, whose secret is returned. The browser
/// is known from then on. None when the address has been used or has run out.
///
/// # Errors
/// When the database says no.
pub fn reset(
    tx: &mut Tx,
    env: &Env,
    secret: &str,
    password_hash: &str,
    browser: &Browser,
) -> Result<Option<String>, DbError> {
    let Some(account) = peek(tx, env, secret)? else { return Ok(None) };
    // Before the one-time address, as whoever makes a new one does.
    accounts::lock(tx, &account.id)?;
    if !sessions::redeem(tx, &hash(secret), env.now)? {
        return Ok(None);
    }
    accounts::set_password(tx, &account.id, password_hash)?;
    sessions::close_all(tx, &account.id)?;
    // Whoever was in the account may have begun to have its notices sent to a chat of their own.
    revoke(tx, env, &account.id, Purpose::Telegram)?;
    recovery::close(tx, &account.id, None, env.now)?;
    let session =
        super::sessions::open(tx, env, &account.id, &browser.user_agent, browser.before.as_deref())?;
    remember_device(tx, env, &account.id, &browser.device)?;
    let mut what =
        "A new password was chosen with a one-time address, and every other device was signed out."
            .to_owned();
    // Whoever was in the account may have connected a chat of their own, which sessions have nothing to do with.
    if let Some(link) = notices::telegram(tx, &account.id)?.filter(|link| link.broken.is_empty()) {
        what.push_str(&format!(
            " Notices still go to the Telegram chat {}, too. If that chat isn't yours, disconnect it under Account, \
             Notices.",
            link.title
        ));
    }
    notify::tell(tx, env, &account.id, &Notice::AccountChanged { what })?;
    let by = owner(tx, &account)?;
    let on = (by.own_subject(), account.id.as_str());
    audit::record(tx, env, &by, Act { what: "password.reset", on, changes: &[], reason: "" })?;
    Ok(Some(session))
}
