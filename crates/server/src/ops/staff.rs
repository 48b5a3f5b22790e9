//! Who works in the office: the first admin, invitations, taking access away.

use domain::{
    clock::DAY,
    notice::NoticeKind,
    permission::Role,
    text::{Email, Name},
};
use store::{
    DbError, Tx,
    accounts::{self, Kind, NewAccount},
    sessions::{self, Purpose},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    sessions::{hash, open, revoke},
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// How long an invitation can be used.
pub const INVITATION_DAYS: i64 = NoticeKind::Invitation.lasts().unwrap() / DAY;

/// Makes the address under which the first admin is made, when nobody works here yet. An earlier one ends.
/// Returns the secret of the address.
///
/// # Errors
/// When the database says no.
pub fn first_admin_secret(tx: &mut Tx, env: &Env) -> Result<Option<String>, DbError> {
    if accounts::any_staff(tx)? {
        return Ok(None);
    }
    let secret = env.ids.secret();
    sessions::issue(tx, &hash(&secret), Purpose::FirstAdmin, None, env.now, INVITATION_DAYS * DAY)?;
    Ok(Some(secret))
}

/// Why somebody can't be added or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StaffError {
    /// The email address has an account.
    #[error("This email address already has an account here.")]
    Known,
    /// The one-time address was used or has run out.
    #[error("This invitation has been used or has run out. Ask an admin for a new one.")]
    Gone,
    /// Without an admin nobody could let anybody in again.
    #[error("This is the last admin. Make somebody else an admin first.")]
    LastAdmin,
    /// There is no such member of staff.
    #[error("There is no such member of staff.")]
    Unknown,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds a member of staff; without a password hash the person is invited and chooses one.
///
/// # Errors
/// [`StaffError::Known`] when the email address has an account.
pub fn add(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    name: &Name,
    email: &Email,
    role: Role,
    password_hash: Option<&str>,
) -> Result<String, StaffError> {
    let id = make(tx, env, name, email, role, password_hash)?;
    let changes = [Change::set("Name", name), Change::set("Email", email), Change::set("Role", role.label())];
    let what = if password_hash.is_some() { "staff.added" } else { "staff.invited" };
    audit::record(tx, env, by, Act { what, on: ("staff", &id), changes: &changes, reason: "" })?;
    Ok(id)
}

fn make(
    tx: &mut Tx,
    env: &Env,
    name: &Name,
    email: &Email,
    role: Role,
    password_hash: Option<&str>,
) -> Result<String, StaffError> {
    let id = env.ids.uuid(env.now);
    let account = NewAccount {
        id: id.clone(),
        kind: Kind::Staff,
        name: name.to_string(),
        email: email.to_string(),
        email_key: email.key(),
        password_hash: password_hash.map(str::to_owned),
    };
    if !accounts::insert(tx, &account, env.now)? {
        return Err(StaffError::Known);
    }
    accounts::insert_staff(tx, &id, role)?;
    Ok(id)
}

/// Makes a one-time address with which a member of staff chooses a password, and mails it where mail can be sent; an
/// earlier one ends.
///
/// # Errors
/// When the database says no.
pub fn invitation_secret(tx: &mut Tx, env: &Env, id: &str) -> Result<String, DbError> {
    let secret = env.ids.secret();
    revoke(tx, env, id, Purpose::Invitation)?;
    sessions::issue(tx, &hash(&secret), Purpose::Invitation, Some(id), env.now, INVITATION_DAYS * DAY)?;
    let member = accounts::staff(tx)?.into_iter().find(|member| member.id == id);
    if let Some(member) = member.filter(|_| env.reach.mail) {
        let role = member.role.label();
        let notice = Notice::Invitation { secret: secret.clone(), days: INVITATION_DAYS, role };
        notify::tell(tx, env, id, &notice)?;
    }
    Ok(secret)
}

/// Makes a new invitation for somebody who hasn't joined yet; the earlier one ends. Returns whom it is for, and the
/// secret; none when the person has joined already or has no access.
///
/// # Errors
/// [`StaffError::Unknown`] when there is no such person.
pub fn invite_again(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    id: &str,
) -> Result<(accounts::Member, Option<String>), StaffError> {
    let member = member(tx, id)?;
    if member.joined || member.disabled_at.is_some() {
        return Ok((member, None));
    }
    let secret = invitation_secret(tx, env, id)?;
    audit::record(
        tx,
        env,
        by,
        Act { what: "staff.invited_again", on: ("staff", id), changes: &[], reason: "" },
    )?;
    Ok((member, Some(secret)))
}

/// Somebody who has just come into the office for the first time.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The account's identifier.
    pub id: String,
    /// The secret of the new session.
    pub token: String,
}

/// An invitation that can still be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invitation {
    /// Makes the first admin.
    FirstAdmin,
    /// Lets somebody known choose a password.
    Member {
        /// What the person is called.
        name: String,
        /// The person's address.
        email: String,
    },
}

/// The invitation of a secret, if it can still be accepted.
///
/// # Errors
/// When the database says no.
pub fn invitation(tx: &mut Tx, env: &Env, secret: &str) -> Result<Option<Invitation>, DbError> {
    let Some(one_time) = sessions::peek(tx, &hash(secret), env.now)? else { return Ok(None) };
    match (one_time.purpose, one_time.account_id) {
        (Purpose::FirstAdmin, _) if !accounts::any_staff(tx)? => Ok(Some(Invitation::FirstAdmin)),
        (Purpose::Invitation, Some(id)) => {
            let account = accounts::by_id(tx, &id)?.filter(|account| !account.disabled);
            Ok(account.map(|account| Invitation::Member { name: account.name, email: account.email }))
        }
        _ => Ok(None),
    }
}

/// Accepts the invitation of the first admin and signs the admin in.
///
/// # Errors
/// [`StaffError::Gone`] when somebody was faster, [`StaffError::Known`] when the address has an account.
pub fn accept_first_admin(
    tx: &mut Tx,
    env: &Env,
    secret: &str,
    name: &Name,
    email: &Email,
    password_hash: &str,
    user_agent: &str,
) -> Result<Joined, StaffError> {
    if invitation(tx, env, secret)? != Some(Invitation::FirstAdmin)
        || !sessions::redeem(tx, &hash(secret), env.now)?
    {
        return Err(StaffError::Gone);
    }
    let id = make(tx, env, name, email, Role::Admin, Some(password_hash))?;
    let token = open(tx, env, &id, user_agent, None)?;
    let by = Actor { id: id.clone(), name: name.to_string(), role: Role::Admin.as_str() };
    let changes = [Change::set("Name", name), Change::set("Email", email)];
    let act = Act { what: "staff.first_admin", on: ("staff", &id), changes: &changes, reason: "" };
    audit::record(tx, env, &by, act)?;
    Ok(Joined { id, token })
}

/// Accepts an invitation and signs the person in.
///
/// # Errors
/// [`StaffError::Gone`] when the invitation can't be used any more.
pub fn accept_invitation(
    tx: &mut Tx,
    env: &Env,
    secret: &str,
    password_hash: &str,
    user_agent: &str,
) -> Result<Joined, StaffError> {
    let one_time = sessions::peek(tx, &hash(secret), env.now)?;
    let id = match one_time {
        Some(one_time) if one_time.purpose == Purpose::Invitation => one_time.account_id,
        _ => None,
    };
    let Some(id) = id else { return Err(StaffError::Gone) };
    accounts::lock(tx, &id)?;
    let active = accounts::by_id(tx, &id)?.is_some_and(|account| !account.disabled);
    if !active || !sessions::redeem(tx, &hash(secret), env.now)? {
        return Err(StaffError::Gone);
    }
    accounts::set_password(tx, &id, password_hash)?;
    sessions::close_all(tx, &id)?;
    let token = open(tx, env, &id, user_agent, None)?;
    let member = member(tx, &id)?;
    let by = Actor { id: id.clone(), name: member.name, role: member.role.as_str() };
    audit::record(tx, env, &by, Act { what: "staff.joined", on: ("staff", &id), changes: &[], reason: "" })?;
    Ok(Joined { id, token })
}

/// Changes what a member of staff may do. Signed-in sessions have the new role at once.
///
/// # Errors
/// [`StaffError::LastAdmin`] when nobody would be left to let anybody in.
pub fn set_role(tx: &mut Tx, env: &Env, by: &Actor, id: &str, role: Role) -> Result<(), StaffError> {
    let member = member(tx, id)?;
    if member.role == role {
        return Ok(());
    }
    if member.role == Role::Admin && role != Role::Admin {
        keep_an_admin(tx, &member)?;
    }
    accounts::set_role(tx, id, role)?;
    let changes = [Change::new("Role", member.role.label(), role.label())];
    let act = Act { what: "staff.role_changed", on: ("staff", id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Takes the access of a member of staff away and ends the person's sessions and ways in.
///
/// # Errors
/// [`StaffError::LastAdmin`] when nobody would be left to let anybody in.
pub fn disable(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), StaffError> {
    let member = member(tx, id)?;
    if member.disabled_at.is_some() {
        return Ok(());
    }
    if member.role == Role::Admin {
        keep_an_admin(tx, &member)?;
    }
    accounts::set_disabled(tx, id, Some(env.now))?;
    sessions::close_all(tx, id)?;
    for purpose in [Purpose::Invitation, Purpose::Recovery] {
        revoke(tx, env, id, purpose)?;
    }
    let changes = [Change::new("Access", "yes", "no")];
    let act = Act { what: "staff.disabled", on: ("staff", id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Gives the access of a member of staff back.
///
/// # Errors
/// [`StaffError::Unknown`] when there is no such person.
pub fn enable(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), StaffError> {
    if member(tx, id)?.disabled_at.is_none() {
        return Ok(());
    }
    accounts::set_disabled(tx, id, None)?;
    let changes = [Change::new("Access", "no", "yes")];
    let act = Act { what: "staff.enabled", on: ("staff", id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

fn member(tx: &mut Tx, id: &str) -> Result<accounts::Member, StaffError> {
    accounts::staff(tx)?.into_iter().find(|member| member.id == id).ok_or(StaffError::Unknown)
}

fn keep_an_admin(tx: &mut Tx, leaving: &accounts::Member) -> Result<(), StaffError> {
    let counts = leaving.joined && leaving.disabled_at.is_none();
    if counts && accounts::active_admins(tx)? <= 1 { Err(StaffError::LastAdmin) } else { Ok(()) }
}
