//! Signing up as a partner, and what people do with their own accounts.

use domain::{
    alias::Alias,
    clock::DAY,
    ids::Ids,
    notice::NoticeKind,
    referral_code::ReferralCode,
    text::{Email, Name},
};
use store::{
    DbError, Tx,
    accounts::{self, Account, Kind, NewAccount},
    aliases, partners, profiles,
    sessions::Purpose,
};

use super::{
    Actor,
    audit::{self, Act, Change},
    sessions, webhook_events,
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// For how many days the address that confirms an email address can be used.
const CONFIRM_DAYS: i64 = NoticeKind::ConfirmEmail.lasts().unwrap() / DAY;

/// What a person who signs up gives.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// What the partner is called.
    pub name: Name,
    /// The partner's address.
    pub email: Email,
    /// The chosen password, hashed.
    pub password_hash: String,
    /// The browser, for the list of sessions.
    pub user_agent: String,
}

/// A partner who has just signed up.
#[derive(Debug, Clone)]
pub struct SignedUp {
    /// The account's identifier.
    pub partner_id: String,
    /// The new referral code.
    pub code: ReferralCode,
    /// The secret of the new session.
    pub token: String,
}

/// Why nobody could sign up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignUpError {
    /// The address has an account already; nothing was made.
    #[error("You already have an account with this email address.")]
    Known,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes a partner with a code of its own, signs the partner in and sends the mail that welcomes them and confirms the
/// address.
///
/// # Errors
/// [`SignUpError::Known`] when the email address has an account.
pub fn sign_up(tx: &mut Tx, env: &Env, input: &SignUp) -> Result<SignedUp, SignUpError> {
    let password_hash = Some(input.password_hash.clone());
    let (account, code) = new_partner(tx, env, &input.name, &input.email, password_hash)?;
    let token = sessions::open(tx, env, &account.id, &input.user_agent, None)?;
    welcome(tx, env, &account, code)?;
    let by = Actor::partner(&account.id, &account.name);
    record_new(tx, env, &by, "partner.signed_up", &account, code)?;
    Ok(SignedUp { partner_id: account.id, code, token })
}

/// Makes a partner whom the company's own system knows and sends the mail that welcomes them. The person chooses a
/// password as one does who has forgotten it. Returns the identifier.
///
/// # Errors
/// [`SignUpError::Known`] when the email address has an account.
pub fn add_partner(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    name: &Name,
    email: &Email,
) -> Result<String, SignUpError> {
    let (account, code) = new_partner(tx, env, name, email, None)?;
    welcome(tx, env, &account, code)?;
    record_new(tx, env, by, "partner.added", &account, code)?;
    Ok(account.id)
}

fn new_partner(
    tx: &mut Tx,
    env: &Env,
    name: &Name,
    email: &Email,
    password_hash: Option<String>,
) -> Result<(NewAccount, ReferralCode), SignUpError> {
    let account = NewAccount {
        id: env.ids.uuid(env.now),
        kind: Kind::Partner,
        name: name.to_string(),
        email: email.to_string(),
        email_key: email.key(),
        password_hash,
    };
    if !store::accounts::insert(tx, &account, env.now)? {
        return Err(SignUpError::Known);
    }
    let code = free_code(tx, env.ids.as_ref(), &account)?;
    Ok((account, code))
}

fn welcome(tx: &mut Tx, env: &Env, account: &NewAccount, code: ReferralCode) -> Result<(), DbError> {
    let confirm = confirmation_secret(tx, env, &account.id, &account.email_key)?;
    notify::tell(tx, env, &account.id, &Notice::Welcome { code: code.to_string(), confirm })
}

/// Sends a partner who was taken over from another system the mail that welcomes partners.
///
/// # Errors
/// When the database says no.
pub(super) fn welcome_imported(
    tx: &mut Tx,
    env: &Env,
    id: &str,
    email_key: &str,
    code: ReferralCode,
) -> Result<(), DbError> {
    let confirm = confirmation_secret(tx, env, id, email_key)?;
    notify::tell(tx, env, id, &Notice::Welcome { code: code.to_string(), confirm })
}

fn record_new(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    what: &str,
    account: &NewAccount,
    code: ReferralCode,
) -> Result<(), DbError> {
    webhook_events::partner_created(tx, env, &account.id)?;
    let changes = [Change::set("Email", &account.email), Change::set("Code", code)];
    let on = ("partner", account.id.as_str());
    audit::record(tx, env, by, Act { what, on, changes: &changes, reason: "" })
}

/// Draws codes until one is free. With 33 million codes the first one nearly always is.
fn free_code(tx: &mut Tx, ids: &dyn Ids, account: &NewAccount) -> Result<ReferralCode, DbError> {
    loop {
        let mut bytes = [0; 4];
        ids.fill(&mut bytes);
        let code = ReferralCode::from_number(u32::from_le_bytes(bytes) % (1 << 25));
        // A code that another partner brought along as a word stays that partner's.
        let word = Alias::read(&code.to_string());
        if word.map(|word| aliases::owner(tx, &word)).transpose()?.flatten().is_some() {
            continue;
        }
        let search = format!("{}\n{}\n{code}", account.name, account.email);
        if partners::insert(tx, &account.id, code, &search)? {
            return Ok(code);
        }
    }
}

/// The owner of an account as whoever does something.
pub(super) fn owner(tx: &mut Tx, account: &Account) -> Result<Actor, DbError> {
    let role = match account.kind {
        Kind::Partner => None,
        Kind::Staff => accounts::staff(tx)?.into_iter().find(|member| member.id == account.id),
    };
    let role = role.map_or("partner", |member| member.role.as_str());
    Ok(Actor { id: account.id.clone(), name: account.name.clone(), role })
}

/// Changes what somebody is called and which language the person would like.
///
/// # Errors
/// When the database says no.
pub fn change_profile(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    name: &Name,
    language: &'static str,
) -> Result<(), DbError> {
    let Some(before) = profiles::of_account(tx, &by.id)? else { return Ok(()) };
    let changes = Change::differing([
        Change::new("Name", before.name, name),
        Change::new("Language", before.language, language),
    ]);
    if changes.is_empty() {
        return Ok(());
    }
    profiles::set(tx, &by.id, name.as_str(), language)?;
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, by, Act { what: "profile.changed", on, changes: &changes, reason: "" })
}

/// Sets a new password: every other session ends, and so do a one-time address for a new password, one that connects
/// Telegram and a change of the email address under way, which somebody else may have begun. `keep` is the hash of the secret of the session
/// that goes on; `proven` the one that fitted the old password as it was typed. Returns no where that isn't the old
/// password any more.
///
/// # Errors
/// When the database says no.
pub fn change_password(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    proven: &str,
    password_hash: &str,
    keep: &str,
) -> Result<bool, DbError> {
    if !accounts::lock_with_password(tx, &by.id, proven)? {
        return Ok(false);
    }
    accounts::set_password(tx, &by.id, password_hash)?;
    store::sessions::close_others(tx, &by.id, keep)?;
    for purpose in [Purpose::Recovery, Purpose::Telegram] {
        sessions::revoke(tx, env, &by.id, purpose)?;
    }
    let what = "The password of your account was changed, and every other device was signed out.".into();
    notify::tell(tx, env, &by.id, &Notice::AccountChanged { what })?;
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, by, Act { what: "password.changed", on, changes: &[], reason: "" })?;
    Ok(true)
}

/// Makes the one-time address that confirms an email address; an earlier one ends.
fn confirmation_secret(tx: &mut Tx, env: &Env, account_id: &str, email_key: &str) -> Result<String, DbError> {
    let secret = env.ids.secret();
    let token_hash = sessions::hash(&secret);
    sessions::revoke(tx, env, account_id, Purpose::ConfirmEmail)?;
    let lifetime = CONFIRM_DAYS * DAY;
    store::sessions::issue_about(
        tx,
        &token_hash,
        Purpose::ConfirmEmail,
        Some(account_id),
        email_key,
        env.now,
        lifetime,
    )?;
    Ok(secret)
}

/// Sends the mail again that confirms an email address. Nothing happens when it is confirmed already.
///
/// # Errors
/// When the database says no.
pub fn send_confirmation(tx: &mut Tx, env: &Env, account_id: &str) -> Result<(), DbError> {
    let profile = profiles::of_account(tx, account_id)?;
    let Some(profile) = profile.filter(|profile| profile.email_confirmed_at.is_none()) else {
        return Ok(());
    };
    let secret = confirmation_secret(tx, env, account_id, &profile.email_key)?;
    notify::tell(tx, env, account_id, &Notice::ConfirmEmail { secret })
}

/// The account and the email address that a one-time address confirms, while it can be used and the account still has
/// that email address.
///
/// # Errors
/// When the database says no.
pub fn peek_confirmation(tx: &mut Tx, env: &Env, secret: &str) -> Result<Option<Account>, DbError> {
    let one_time = store::sessions::peek(tx, &sessions::hash(secret), env.now)?;
    let Some(one_time) = one_time.filter(|one_time| one_time.purpose == Purpose::ConfirmEmail) else {
        return Ok(None);
    };
    let Some(account_id) = one_time.account_id else { return Ok(None) };
    let profile = profiles::of_account(tx, &account_id)?;
    if profile.is_none_or(|profile| profile.email_key != one_time.detail) {
        return Ok(None);
    }
    Ok(accounts::by_id(tx, &account_id)?.filter(|account| !account.disabled))
}

/// Confirms an email address. Returns whether the one-time address could still be used.
///
/// # Errors
/// When the database says no.
pub fn confirm_email(tx: &mut Tx, env: &Env, secret: &str) -> Result<bool, DbError> {
    let Some(account) = peek_confirmation(tx, env, secret)? else { return Ok(false) };
    accounts::lock(tx, &account.id)?;
    let Some(profile) = profiles::of_account(tx, &account.id)? else { return Ok(false) };
    if !store::sessions::redeem(tx, &sessions::hash(secret), env.now)?
        || !profiles::confirm_email(tx, &account.id, &profile.email_key, env.now)?
    {
        return Ok(false);
    }
    let by = owner(tx, &account)?;
    let changes = [Change::set("Confirmed", &account.email)];
    let on = (by.own_subject(), by.id.as_str());
    audit::record(tx, env, &by, Act { what: "email.confirmed", on, changes: &changes, reason: "" })?;
    Ok(true)
}
