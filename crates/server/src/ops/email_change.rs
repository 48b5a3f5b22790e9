//! A new email address: the old and the new mailbox both agree, in either order, or it stays as it is.

use domain::{
    clock::{HOUR, Timestamp},
    notice::NoticeKind,
    text::Email,
};
use store::{
    DbError, Tx, accounts,
    accounts::Account,
    email_changes::{self, EmailChange, Side},
    outbox, profiles,
    sessions::{self, Purpose},
};

use super::{
    Actor,
    accounts::owner,
    audit::{self, Act, Change},
    sessions::{hash, revoke},
};
use crate::{
    app::Env,
    notify::{self, Notice, Recipient},
};

/// Within how many hours both must have agreed.
pub const VALID_HOURS: i64 = NoticeKind::AdoptEmail.lasts().unwrap() / HOUR;

/// Why a change doesn't begin.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// It is the account's already.
    #[error("This is your email address already.")]
    Same,
    /// The password is another one by now.
    #[error("This is not your password.")]
    WrongPassword,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Begins a change; one that was under way ends. Both addresses are sent a one-time address. Who asks can't tell
/// whether the new address has an account here: if it does, its owner is told so in place of being asked, and nothing
/// will come of the change. `proven` is the hash that fitted the password as it was typed.
///
/// # Errors
/// [`AskError::Same`] when there is nothing to change, [`AskError::WrongPassword`] when the password was changed
/// meanwhile.
pub fn ask(tx: &mut Tx, env: &Env, by: &Actor, proven: &str, email: &Email) -> Result<(), AskError> {
    if !accounts::lock_with_password(tx, &by.id, proven)? {
        return Err(AskError::WrongPassword);
    }
    let Some(profile) = profiles::of_account(tx, &by.id)? else { return Ok(()) };
    // Another spelling of the same address is a change: the person wants to be written to in that way.
    if profile.email == email.as_str() {
        return Err(AskError::Same);
    }
    let lifetime = VALID_HOURS * HOUR;
    email_changes::begin(tx, &by.id, email.as_str(), &email.key(), env.now, lifetime)?;
    revoke_both(tx, env, &by.id)?;
    let known = accounts::by_email(tx, &email.key())?.filter(|account| account.id != by.id);
    let issue = |tx: &mut Tx, purpose| -> Result<String, DbError> {
        let secret = env.ids.secret();
        let about = email.key();
        sessions::issue_about(tx, &hash(&secret), purpose, Some(&by.id), &about, env.now, lifetime)?;
        Ok(secret)
    };
    let (release, adopt) = (issue(tx, Purpose::ReleaseEmail)?, issue(tx, Purpose::AdoptEmail)?);
    let notice = Notice::ReleaseEmail { secret: release, email: email.to_string(), hours: VALID_HOURS };
    notify::tell(tx, env, &by.id, &notice)?;
    match known {
        Some(owner) => notify::tell(tx, env, &owner.id, &Notice::EmailKnown)?,
        None => {
            let to = Recipient { name: &profile.name, email: email.as_str() };
            let notice = Notice::AdoptEmail { secret: adopt, email: email.to_string(), hours: VALID_HOURS };
            notify::write_to(tx, env, Some(&by.id), to, &notice)?;
        }
    }
    let changes = [Change::new("Email", &profile.email, email)];
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, by, Act { what: "email.change_requested", on, changes: &changes, reason: "" })?;
    Ok(())
}

/// Ends the change that is under way and its one-time addresses. Returns whether there was one.
fn forget(tx: &mut Tx, env: &Env, account_id: &str) -> Result<bool, DbError> {
    let was_under_way = email_changes::end(tx, account_id)?;
    revoke_both(tx, env, account_id)?;
    Ok(was_under_way)
}

fn revoke_both(tx: &mut Tx, env: &Env, account_id: &str) -> Result<(), DbError> {
    for purpose in [Purpose::ReleaseEmail, Purpose::AdoptEmail] {
        revoke(tx, env, account_id, purpose)?;
    }
    Ok(())
}

/// Ends the change that is under way.
///
/// # Errors
/// When the database says no.
pub fn cancel(tx: &mut Tx, env: &Env, by: &Actor) -> Result<(), DbError> {
    accounts::lock(tx, &by.id)?;
    if !forget(tx, env, &by.id)? {
        return Ok(());
    }
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, by, Act { what: "email.change_cancelled", on, changes: &[], reason: "" })
}

/// What a one-time address asks its reader.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whose address is to change.
    pub account: Account,
    /// The change under way.
    pub change: EmailChange,
    /// Which of the two addresses is asked.
    pub side: Side,
}

/// The question of a secret, while it can be answered.
///
/// # Errors
/// When the database says no.
pub fn peek(tx: &mut Tx, env: &Env, secret: &str) -> Result<Option<Question>, DbError> {
    find(tx, env, secret, email_changes::pending)
}

/// How the change under way is read: locked or not.
type Read = fn(&mut Tx, &str, Timestamp) -> Result<Option<EmailChange>, DbError>;

fn find(tx: &mut Tx, env: &Env, secret: &str, read: Read) -> Result<Option<Question>, DbError> {
    let Some(one_time) = sessions::peek(tx, &hash(secret), env.now)? else { return Ok(None) };
    let side = match one_time.purpose {
        Purpose::ReleaseEmail => Side::Old,
        Purpose::AdoptEmail => Side::New,
        _ => return Ok(None),
    };
    let Some(account_id) = one_time.account_id else { return Ok(None) };
    let Some(account) = accounts::by_id(tx, &account_id)?.filter(|account| !account.disabled) else {
        return Ok(None);
    };
    let change = read(tx, &account_id, env.now)?;
    let change = change.filter(|change| change.email_key == one_time.detail);
    Ok(change.map(|change| Question { account, change, side }))
}

/// What has become of the change after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The other address has to agree, too.
    Halfway {
        /// Which one that is.
        waiting: Side,
    },
    /// The account has the new address.
    Changed {
        /// The new address.
        email: String,
    },
    /// It stays as it is.
    Cancelled,
    /// Somebody else has got an account with the new address in the meantime; it stays as it is.
    Taken,
    /// The one-time address can't be used any more.
    Gone,
}

/// Answers the question of a secret. `keep` is the hash of the secret of the session that goes on when the address
/// changes: the reader's own, if the reader is signed in to this account.
///
/// # Errors
/// When the database says no.
pub fn answer(
    tx: &mut Tx,
    env: &Env,
    secret: &str,
    agree: bool,
    keep: Option<&str>,
) -> Result<Answered, DbError> {
    if let Some(question) = peek(tx, env, secret)? {
        accounts::lock(tx, &question.account.id)?;
    }
    let question = find(tx, env, secret, email_changes::lock)?;
    let Some(Question { account, change, side }) = question else {
        return Ok(Answered::Gone);
    };
    if !sessions::redeem(tx, &hash(secret), env.now)? {
        return Ok(Answered::Gone);
    }
    let by = owner(tx, &account)?;
    if !agree {
        cancel(tx, env, &by)?;
        return Ok(Answered::Cancelled);
    }
    email_changes::agree(tx, &account.id, side, env.now)?;
    let waiting = match side {
        Side::Old if !change.adopted => Some(Side::New),
        Side::New if !change.released => Some(Side::Old),
        _ => None,
    };
    match waiting {
        Some(waiting) => Ok(Answered::Halfway { waiting }),
        None => change_now(tx, env, &by, &account, &change, keep),
    }
}

/// Both have agreed.
fn change_now(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    account: &Account,
    change: &EmailChange,
    keep: Option<&str>,
) -> Result<Answered, DbError> {
    forget(tx, env, &account.id)?;
    if !profiles::set_email(tx, &account.id, &change.email, &change.email_key, env.now)? {
        return Ok(Answered::Taken);
    }
    // What was sent to the old address opens nothing any more.
    for purpose in [Purpose::Recovery, Purpose::ConfirmEmail] {
        revoke(tx, env, &account.id, purpose)?;
    }
    outbox::readdress_mail(tx, &account.id, &account.email, &change.email)?;
    sessions::close_others(tx, &account.id, keep.unwrap_or_default())?;
    let old = Recipient { name: &account.name, email: &account.email };
    let notice = Notice::EmailChanged { email: change.email.clone() };
    notify::write_to(tx, env, Some(&account.id), old, &notice)?;
    let changes = [Change::new("Email", &account.email, &change.email)];
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, by, Act { what: "email.changed", on, changes: &changes, reason: "" })?;
    Ok(Answered::Changed { email: change.email.clone() })
}
