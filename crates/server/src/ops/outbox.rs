//! What becomes of messages: the worker's findings, and what staff decide about them.

use domain::{notice::Channel, retry};
use store::{
    DbError, Tx, accounts, notices,
    outbox::{self, Message, Status},
};

use super::{
    Actor,
    audit::{self, Act, Change},
};
use crate::{
    app::Env,
    notify::{self, delivery::Outcome},
};

/// Writes down what became of one try of the worker that claimed the message as `holder`.
///
/// # Errors
/// When the database says no.
pub fn settle(
    tx: &mut Tx,
    env: &Env,
    message: &Message,
    holder: &str,
    outcome: &Outcome,
) -> Result<(), DbError> {
    let id = &message.id;
    match outcome {
        Outcome::Sent => outbox::mark_sent(tx, id, env.now)?,
        Outcome::Refused { why } => outbox::mark_parked(tx, id, holder, why, env.now)?,
        Outcome::Failed { why, retry_after } => {
            let mut chance = [0];
            env.ids.fill(&mut chance);
            let asked = retry_after.map(|asked| i64::try_from(asked.as_micros()).unwrap_or(i64::MAX));
            match retry::pause(message.attempts, asked, chance[0]) {
                Some(pause) => outbox::mark_failed(tx, id, holder, why, env.now.plus(pause))?,
                None => outbox::mark_parked(tx, id, holder, why, env.now)?,
            }
        }
        // A group of staff that doesn't take messages any more is for staff to look at.
        Outcome::Closed { why } if message.account_id.is_none() => {
            outbox::mark_parked(tx, id, holder, why, env.now)?
        }
        Outcome::Closed { why } => {
            let dropped = outbox::mark_closed(tx, id, holder, why, env.now)?;
            if dropped && message.channel == Channel::Telegram {
                telegram_closed(tx, env, message, why)?;
            }
            dropped
        }
    };
    Ok(())
}

/// Telegram doesn't reach the person any more: it is switched off, the person is told by mail, and so is what the
/// message said unless it came by mail anyway.
fn telegram_closed(tx: &mut Tx, env: &Env, message: &Message, why: &str) -> Result<(), DbError> {
    let Some(account_id) = &message.account_id else { return Ok(()) };
    let Some(account) = accounts::by_id(tx, account_id)?.filter(|account| !account.disabled) else {
        return Ok(());
    };
    let link = notices::telegram(tx, account_id)?;
    // Another message may have found out before; or the person has connected another chat since.
    if link.is_some_and(|link| link.broken.is_empty() && link.chat_id == message.address) {
        super::telegram::close_channel(tx, env, account_id, why)?;
    }
    let choices = notices::choices(tx, account_id)?;
    if !message.notice.comes_by(Channel::Mail, &choices) {
        notify::by_mail_instead(tx, env, &account, message)?;
    }
    Ok(())
}

/// Why nothing can be done about a message.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutboxError {
    /// There is no such message.
    #[error("There is no such message.")]
    Unknown,
    /// It will be sent anyway.
    #[error("This message is waiting to be sent already.")]
    Waiting,
    /// Its one-time address isn't kept after it was sent.
    #[error("The one-time address in this message is not kept any more. Make a new one instead.")]
    Forgotten,
    /// Its one-time address has run out.
    #[error("{0}")]
    RunOut(&'static str),
    /// The chat may be somebody else's by now.
    #[error("The person has no Telegram connected any more, so this can't be sent there again.")]
    Disconnected,
    /// No number is known.
    #[error("No Telegram group of staff is entered in Settings.")]
    NoGroup,
    /// A worker has it, or it is done with.
    #[error("This message is being sent at this moment, or is done with already.")]
    TooLate,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn by_id(tx: &mut Tx, id: &str) -> Result<Message, OutboxError> {
    outbox::by_id(tx, id)?.ok_or(OutboxError::Unknown)
}

/// Whether a message can be sent again.
///
/// # Errors
/// Why it can't.
pub fn can_send_again(message: &Message, env: &Env) -> Result<(), OutboxError> {
    if message.status == Status::Waiting {
        return Err(OutboxError::Waiting);
    }
    if message.secret && (message.status == Status::Sent || message.body.is_empty()) {
        return Err(OutboxError::Forgotten);
    }
    match retry::run_out(message.notice, message.created_at, env.now) {
        Some(why) => Err(OutboxError::RunOut(why)),
        None => Ok(()),
    }
}

/// The chat that a message belongs to today: the person may have connected another one, the group may have another
/// number, and the old chat may be somebody else's.
fn chat_now(tx: &mut Tx, env: &Env, message: &Message) -> Result<String, OutboxError> {
    let Some(account_id) = &message.account_id else {
        let group = env.programme.staff_chat.clone();
        return if group.is_empty() { Err(OutboxError::NoGroup) } else { Ok(group) };
    };
    let link = notices::telegram(tx, account_id)?.filter(|link| link.broken.is_empty());
    Ok(link.ok_or(OutboxError::Disconnected)?.chat_id)
}

/// The address that a mail belongs to today: the account may have another one, and the old mailbox be somebody else's.
fn mailbox_now(tx: &mut Tx, message: &Message) -> Result<String, DbError> {
    let account = match &message.account_id {
        Some(id) if message.notice.follows_account() => accounts::by_id(tx, id)?,
        _ => None,
    };
    Ok(account.map_or_else(|| message.address.clone(), |account| account.email))
}

/// Has a message tried anew; one that was sent is written once more. Returns the identifier of what waits now.
///
/// # Errors
/// [`OutboxError`], whose text can be shown.
pub fn send_again(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<String, OutboxError> {
    let message = by_id(tx, id)?;
    can_send_again(&message, env)?;
    let address = match message.channel {
        Channel::Mail => mailbox_now(tx, &message)?,
        Channel::Telegram => chat_now(tx, env, &message)?,
    };
    let (waiting, done) = if message.status == Status::Sent {
        let copy = env.ids.uuid(env.now);
        let copied = outbox::copy(tx, id, &copy, env.now)?;
        (copy, copied)
    } else {
        (id.to_owned(), outbox::retry(tx, id, env.now)?)
    };
    if !done {
        return Err(OutboxError::TooLate);
    }
    outbox::readdress(tx, &waiting, &address)?;
    let message = Message { address, ..message };
    record(tx, env, by, "message.sent_again", &message, Status::Waiting)?;
    Ok(waiting)
}

/// Makes sure that a message isn't sent.
///
/// # Errors
/// [`OutboxError`], whose text can be shown.
pub fn stop(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), OutboxError> {
    let message = by_id(tx, id)?;
    if !outbox::stop(tx, id, env.now)? {
        return Err(OutboxError::TooLate);
    }
    record(tx, env, by, "message.dropped", &message, Status::Dropped)?;
    Ok(())
}

fn record(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    what: &str,
    message: &Message,
    after: Status,
) -> Result<(), DbError> {
    let changes = [
        Change::set("Subject", &message.subject),
        Change::set("To", &message.address),
        Change::new("Status", message.status.label(), after.label()),
    ];
    audit::record(tx, env, by, Act { what, on: ("message", &message.id), changes: &changes, reason: "" })
}
