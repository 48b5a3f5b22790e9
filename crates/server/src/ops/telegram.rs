//! Telegram: connecting an account with a chat, ending that, and what becomes of messages that can't go there.
//!
//! A chat is one account's, so that what `/stop` ends is never in doubt. Somebody with two accounts disconnects the
//! chat from the first before connecting it with the second; nobody else can do that, whatever link they send around.

use domain::{
    clock::HOUR,
    notice::{Channel, NoticeKind},
};
use store::{
    DbError, Tx,
    accounts::{self, Account},
    notices, programme,
    sessions::{self, Purpose},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    sessions::hash,
};
use crate::{
    app::Env,
    notify::{
        self, Notice,
        telegram::updates::{Incoming, What},
    },
};

/// How long a link that connects can be used, in hours.
pub const VALID_HOURS: i64 = 1;

/// How many messages that wait are sent by mail instead when Telegram is closed.
const RESCUED: i64 = 100;

/// What the bot answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The chat is the account's from now on.
    Connected {
        /// Whose account it is.
        name: String,
    },
    /// The link was used or has run out.
    UnknownLink,
    /// The chat is another account's.
    Taken {
        /// Whose.
        name: String,
    },
    /// The chat is nobody's any more.
    Disconnected {
        /// Whose it was.
        name: String,
    },
    /// What the bot is for, and whose chat this is, if anybody's.
    Help {
        /// Whose account it is.
        connected: Option<String>,
    },
    /// The number of the group.
    GroupNumber {
        /// It is the one in the settings.
        is_ours: bool,
    },
}

/// Makes the secret of a link that connects a partner's account; an earlier one ends.
///
/// # Errors
/// When the database says no.
pub fn offer(tx: &mut Tx, env: &Env, partner_id: &str) -> Result<String, DbError> {
    let secret = env.ids.secret();
    sessions::issue(tx, &hash(&secret), Purpose::Telegram, Some(partner_id), env.now, VALID_HOURS * HOUR)?;
    Ok(secret)
}

/// Does what somebody asks the bot for. Nothing is answered in a chat that isn't talking to the bot.
///
/// # Errors
/// When the database says no.
pub fn receive(tx: &mut Tx, env: &Env, incoming: &Incoming) -> Result<Option<Answer>, DbError> {
    let chat = incoming.chat.to_string();
    let owner = match notices::owner_of_chat(tx, &chat)? {
        Some(id) => accounts::by_id(tx, &id)?,
        None => None,
    };
    Ok(match &incoming.what {
        What::Start { secret, title } if !secret.is_empty() => {
            Some(connect(tx, env, owner, secret, &chat, title)?)
        }
        What::Start { title, .. } => Some(match owner {
            Some(owner) => resume(tx, env, owner, &chat, title)?,
            None => Answer::Help { connected: None },
        }),
        What::Stop => Some(match owner {
            Some(owner) => {
                let by = Actor::partner(&owner.id, &owner.name);
                disconnect(tx, env, &by)?;
                Answer::Disconnected { name: owner.name }
            }
            None => Answer::Help { connected: None },
        }),
        What::Chatter => Some(Answer::Help { connected: owner.map(|owner| owner.name) }),
        What::Blocked => {
            if let Some(owner) = owner {
                close_channel(tx, env, &owner.id, "the bot was blocked")?;
            }
            None
        }
        What::Group => Some(Answer::GroupNumber { is_ours: env.programme.staff_chat == chat }),
        What::GroupMoved { to } => {
            move_group(tx, env, incoming.chat, *to)?;
            None
        }
    })
}

fn connect(
    tx: &mut Tx,
    env: &Env,
    owner: Option<Account>,
    secret: &str,
    chat: &str,
    title: &str,
) -> Result<Answer, DbError> {
    let token = hash(secret);
    let account_id = sessions::peek(tx, &token, env.now)?
        .filter(|one_time| one_time.purpose == Purpose::Telegram)
        .and_then(|one_time| one_time.account_id);
    let account = match account_id {
        Some(id) => accounts::by_id(tx, &id)?.filter(|account| !account.disabled),
        None => None,
    };
    let Some(account) = account else { return Ok(Answer::UnknownLink) };
    if let Some(owner) = owner.filter(|owner| owner.id != account.id) {
        // The link stays good: after /stop the same one connects.
        return Ok(Answer::Taken { name: owner.name });
    }
    if !sessions::redeem(tx, &token, env.now)? {
        return Ok(Answer::UnknownLink);
    }
    link(tx, env, &account, chat, title)?;
    Ok(Answer::Connected { name: account.name })
}

/// Goes on where the person had blocked the bot and is back.
fn resume(tx: &mut Tx, env: &Env, owner: Account, chat: &str, title: &str) -> Result<Answer, DbError> {
    let is_broken = notices::telegram(tx, &owner.id)?.is_some_and(|link| !link.broken.is_empty());
    if !is_broken || owner.disabled {
        return Ok(Answer::Help { connected: Some(owner.name) });
    }
    link(tx, env, &owner, chat, title)?;
    Ok(Answer::Connected { name: owner.name })
}

fn link(tx: &mut Tx, env: &Env, account: &Account, chat: &str, title: &str) -> Result<(), DbError> {
    let before = notices::telegram(tx, &account.id)?.map(|link| link.title).unwrap_or_default();
    // Told before: by mail, and to the chat that was connected until now.
    let what = format!("Telegram is connected: from now on notices also come to {title}.");
    notify::tell(tx, env, &account.id, &Notice::AccountChanged { what })?;
    notices::connect_telegram(tx, &account.id, chat, title, env.now)?;
    notices::readdress_telegram(tx, &account.id, chat)?;
    record(
        tx,
        env,
        account,
        &Actor::partner(&account.id, &account.name),
        "telegram.connected",
        &before,
        title,
    )
}

/// Ends the connection of the partner who asks. Returns whether there was one.
///
/// # Errors
/// When the database says no.
pub fn disconnect(tx: &mut Tx, env: &Env, by: &Actor) -> Result<bool, DbError> {
    let Some(account) = accounts::by_id(tx, &by.id)? else { return Ok(false) };
    let Some(link) = notices::telegram(tx, &account.id)? else { return Ok(false) };
    if !notices::disconnect_telegram(tx, &account.id)? {
        return Ok(false);
    }
    by_mail_instead(tx, env, &account, "disconnected")?;
    mail_takes_over(tx, &account.id)?;
    let what = format!("Telegram is disconnected: nothing comes to {} any more.", link.title);
    notify::tell(tx, env, &account.id, &Notice::AccountChanged { what })?;
    record(tx, env, &account, by, "telegram.disconnected", &link.title, "")?;
    Ok(true)
}

/// Switches Telegram off for an account, because the person has closed it: the bot is blocked, or the account there is
/// gone. The person is told by mail, once; what waited comes by mail where it doesn't anyway. A worker calls this when
/// a try ends in [`Outcome::Closed`](notify::delivery::Outcome::Closed), in the transaction that drops the message.
///
/// # Errors
/// When the database says no.
pub fn close_channel(tx: &mut Tx, env: &Env, account_id: &str, why: &str) -> Result<(), DbError> {
    let Some(account) = accounts::by_id(tx, account_id)? else { return Ok(()) };
    let Some(link) = notices::telegram(tx, account_id)? else { return Ok(()) };
    if !notices::break_telegram(tx, account_id, why)? {
        return Ok(());
    }
    by_mail_instead(tx, env, &account, why)?;
    notify::tell(tx, env, account_id, &Notice::TelegramBroken { why: why.to_owned() })?;
    let after = format!("closed: {why}");
    record(tx, env, &account, &Actor::server(), "telegram.closed", &link.title, &after)
}

/// What waits to go by Telegram goes by mail, where the same isn't written by mail anyway.
fn by_mail_instead(tx: &mut Tx, env: &Env, account: &Account, why: &str) -> Result<(), DbError> {
    let choices = notices::choices(tx, &account.id)?;
    for message in notices::waiting_by_telegram(tx, &account.id, RESCUED)? {
        if !message.notice.comes_by(Channel::Mail, &choices) {
            notify::by_mail_instead(tx, env, account, &message)?;
        }
    }
    notices::drop_telegram(tx, &account.id, why, env.now)
}

/// What came by Telegram alone comes by mail from now on: whoever disconnects wants to be told elsewhere, not less.
fn mail_takes_over(tx: &mut Tx, account_id: &str) -> Result<(), DbError> {
    let choices = notices::choices(tx, account_id)?;
    let comes = |kind: &NoticeKind, channel| kind.comes_by(channel, &choices);
    for kind in NoticeKind::ALL {
        if comes(kind, Channel::Telegram) && !comes(kind, Channel::Mail) {
            notices::choose(tx, account_id, *kind, Channel::Mail, true)?;
        }
    }
    Ok(())
}

fn record(
    tx: &mut Tx,
    env: &Env,
    account: &Account,
    by: &Actor,
    what: &str,
    before: &str,
    after: &str,
) -> Result<(), DbError> {
    let on = (account.kind.as_str(), account.id.as_str());
    let changes = [Change::new("Telegram", before, after)];
    audit::record(tx, env, by, Act { what, on, changes: &changes, reason: "" })
}

/// Follows the group of staff to its new number: Telegram gives it one when it becomes a supergroup. Returns whether it
/// was the group of staff.
///
/// # Errors
/// When the database says no.
pub fn move_group(tx: &mut Tx, env: &Env, from: i64, to: i64) -> Result<bool, DbError> {
    let mut settings = programme::load(tx)?;
    if settings.staff_chat != from.to_string() {
        return Ok(false);
    }
    settings.staff_chat = to.to_string();
    if !programme::save(tx, &settings)? {
        // An admin saved at the same moment. Telegram says it again with the next message.
        return Ok(false);
    }
    let changes = [Change::new("Telegram group of staff", from, to)];
    let act = Act {
        what: "settings.changed",
        on: ("settings", "programme"),
        changes: &changes,
        reason: "The group has become a supergroup, which has another number.",
    };
    audit::record(tx, env, &Actor::server(), act)?;
    Ok(true)
}

/// What a partner decides about notices.
pub type Choice = (NoticeKind, Channel, bool);

/// Keeps what a partner decided otherwise than it was; what is as it was isn't written down, so that it follows the
/// standard.
///
/// # Errors
/// When the database says no.
pub fn choose(tx: &mut Tx, partner_id: &str, chosen: &[Choice]) -> Result<(), DbError> {
    let before = notices::choices(tx, partner_id)?;
    for (kind, channel, wanted) in chosen {
        if kind.comes_by(*channel, &before) != *wanted {
            notices::choose(tx, partner_id, *kind, *channel, *wanted)?;
        }
    }
    Ok(())
}
