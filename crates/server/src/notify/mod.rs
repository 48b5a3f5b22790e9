//! Telling people what happened: a notice is written into the outbox in the transaction of what caused it, and sent
//! afterwards by a worker.
//!
//! `notice.rs` has the notices, `words.rs` what each says, `letter.rs` the form of a mail or a message; `worker.rs` takes
//! what is due out of the outbox and `mail.rs` hands mail in.

pub mod delivery;
pub mod letter;
pub mod mail;
pub mod notice;
#[cfg(test)]
pub mod samples;
pub mod telegram;
mod words;
pub mod worker;

use domain::{
    notice::{Channel, NoticeKind},
    permission::{Permission, Role},
};
use store::{
    DbError, Tx,
    accounts::{self, Account},
    notices,
    outbox::{self, Message, NewMessage},
    profiles,
};

pub use letter::Letter;
pub use notice::Notice;

use crate::app::Env;

/// Somebody without an account, or whose account doesn't matter for the message.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// What the person is called.
    pub name: &'a str,
    /// The person's address.
    pub email: &'a str,
}

/// Tells the person of an account, by each channel that the person has and wants.
///
/// # Errors
/// When the database says no.
pub fn tell(tx: &mut Tx, env: &Env, account_id: &str, notice: &Notice) -> Result<(), DbError> {
    if env.quiet {
        return Ok(());
    }
    let Some(person) = notices::addressee(tx, account_id)?.filter(|person| !person.disabled) else {
        return Ok(());
    };
    let letter = notice.letter(env, &person.name);
    let wants = |channel| notice.kind().comes_by(channel, &person.choices);
    let by_telegram = person.telegram.as_ref().filter(|_| wants(Channel::Telegram));
    let (reached, lost) = match by_telegram {
        Some(link) if env.reach.telegram && link.broken.is_empty() => (Some(link), false),
        other => (None, other.is_some()),
    };
    // Whoever chose Telegram alone, and can't be reached there, is told by mail.
    if wants(Channel::Mail) || lost {
        let to = Recipient { name: &person.name, email: &person.email };
        mail_as(tx, env, Some(account_id), to, person.email_confirmed, notice.kind(), &letter)?;
    }
    if let Some(link) = reached {
        telegram(tx, env, Some(account_id), &person.name, &link.chat_id, notice, &letter)?;
    }
    Ok(())
}

/// Writes by mail what should have gone by Telegram and can't any more.
///
/// # Errors
/// When the database says no.
pub fn by_mail_instead(tx: &mut Tx, env: &Env, account: &Account, message: &Message) -> Result<(), DbError> {
    let body = message.body.strip_prefix(&message.subject).unwrap_or(&message.body);
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    let letter = Letter {
        subject: message.subject.clone(),
        name: account.name.clone(),
        paragraphs: lines.map(str::to_owned).collect(),
        facts: vec![],
        quote: None,
        link: None,
        footer: "This should have come by Telegram, where we can't reach you any more.".into(),
        choices: None,
        programme: env.programme.name.clone(),
        secret: false,
    };
    let to = Recipient { name: &account.name, email: &account.email };
    mail(tx, env, Some(&account.id), to, message.notice, &letter)
}

/// Writes to an address: of somebody without an account, or another one than the account's.
///
/// # Errors
/// When the database says no.
pub fn write_to(
    tx: &mut Tx,
    env: &Env,
    account_id: Option<&str>,
    to: Recipient,
    notice: &Notice,
) -> Result<(), DbError> {
    if env.quiet {
        return Ok(());
    }
    mail(tx, env, account_id, to, notice.kind(), &notice.letter(env, to.name))
}

/// Tells staff: by mail everybody whose role has the permission, and the group on Telegram if there is one. Admins are
/// told only where nobody else has the permission: they have it for everything.
///
/// # Errors
/// When the database says no.
pub fn tell_staff(tx: &mut Tx, env: &Env, permission: Permission, notice: &Notice) -> Result<(), DbError> {
    if env.quiet {
        return Ok(());
    }
    let able: Vec<_> = accounts::staff(tx)?
        .into_iter()
        .filter(|member| member.joined && member.disabled_at.is_none() && member.role.may(permission))
        .collect();
    let only_admins = able.iter().all(|member| member.role == Role::Admin);
    for member in able.iter().filter(|member| only_admins || member.role != Role::Admin) {
        let to = Recipient { name: &member.name, email: &member.email };
        mail(tx, env, Some(&member.id), to, notice.kind(), &notice.letter(env, &member.name))?;
    }
    tell_group(tx, env, notice)
}

/// Tells the group of staff on Telegram, if there is one.
///
/// # Errors
/// When the database says no.
pub fn tell_group(tx: &mut Tx, env: &Env, notice: &Notice) -> Result<(), DbError> {
    let chat = &env.programme.staff_chat;
    if env.quiet || !env.reach.telegram || chat.is_empty() {
        return Ok(());
    }
    let letter = notice.letter(env, "");
    telegram(tx, env, None, "Group of staff", chat, notice, &letter)
}

/// Whether mail may call somebody by name: whoever has the account has shown that the address is theirs. Anybody can
/// type any address beside any words for a name, and nobody is to have this server carry words to strangers.
///
/// # Errors
/// When the database says no.
pub fn may_name(tx: &mut Tx, account_id: Option<&str>, email: &str) -> Result<bool, DbError> {
    let Some(account_id) = account_id else { return Ok(false) };
    let profile = profiles::of_account(tx, account_id)?;
    Ok(profile.is_some_and(|profile| profile.email == email && profile.email_confirmed_at.is_some()))
}

fn mail(
    tx: &mut Tx,
    env: &Env,
    account_id: Option<&str>,
    to: Recipient,
    notice: NoticeKind,
    letter: &Letter,
) -> Result<(), DbError> {
    let named = may_name(tx, account_id, to.email)?;
    mail_as(tx, env, account_id, to, named, notice, letter)
}

/// `named`: the mail may call the person by name.
fn mail_as(
    tx: &mut Tx,
    env: &Env,
    account_id: Option<&str>,
    to: Recipient,
    named: bool,
    notice: NoticeKind,
    letter: &Letter,
) -> Result<(), DbError> {
    let name = if named { to.name } else { "" };
    let letter = Letter { name: name.to_owned(), ..letter.clone() };
    let message = NewMessage {
        id: env.ids.uuid(env.now),
        channel: Channel::Mail,
        notice,
        account_id,
        recipient: to.name,
        address: to.email,
        subject: &letter.subject,
        body: &letter.text(),
        html: &letter.html(),
        secret: letter.secret,
    };
    outbox::insert(tx, &message, env.now)
}

fn telegram(
    tx: &mut Tx,
    env: &Env,
    account_id: Option<&str>,
    name: &str,
    chat: &str,
    notice: &Notice,
    letter: &Letter,
) -> Result<(), DbError> {
    let message = NewMessage {
        id: env.ids.uuid(env.now),
        channel: Channel::Telegram,
        notice: notice.kind(),
        account_id,
        recipient: name,
        address: chat,
        subject: &letter.subject,
        body: &letter.short(),
        html: "",
        secret: false,
    };
    outbox::insert(tx, &message, env.now)
}
