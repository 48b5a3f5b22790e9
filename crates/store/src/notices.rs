//! Who wants which notices where, and which Telegram chat is whose.

use crate::{
    DbError, Row, Tx,
    outbox::{self, Message},
    params,
};
use domain::{
    clock::Timestamp,
    notice::{Channel, NoticeKind},
};

/// Where somebody decided otherwise than the standard.
pub fn choices(tx: &mut Tx, account_id: &str) -> Result<Vec<(NoticeKind, Channel, bool)>, DbError> {
    let rows = tx.all(
        "SELECT notice, channel, wanted FROM notice_choice WHERE account_id = $1",
        params![account_id],
    )?;
    read_choices(rows.iter())
}

/// The choices that are in the first three columns of rows.
fn read_choices<'a>(
    rows: impl Iterator<Item = &'a Row>,
) -> Result<Vec<(NoticeKind, Channel, bool)>, DbError> {
    let mut choices = Vec::new();
    for row in rows {
        let (notice, channel): (String, String) = (row.get(0)?, row.get(1)?);
        // A word of a newer version says nothing to this one.
        if let (Some(notice), Some(channel)) = (NoticeKind::from_word(&notice), Channel::from_word(&channel))
        {
            choices.push((notice, channel, row.get(2)?));
        }
    }
    Ok(choices)
}

/// Somebody who is told something.
#[derive(Debug, Clone)]
pub struct Addressee {
    /// What the person is called.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// Whether the person has shown that the address is theirs.
    pub email_confirmed: bool,
    /// Whether the account can't be used any more.
    pub disabled: bool,
    /// Where the person decided otherwise than the standard.
    pub choices: Vec<(NoticeKind, Channel, bool)>,
    /// The person's Telegram chat.
    pub telegram: Option<TelegramLink>,
}

/// All that telling somebody takes, in one question.
pub fn addressee(tx: &mut Tx, account_id: &str) -> Result<Option<Addressee>, DbError> {
    let rows = tx.all(
        "SELECT c.notice, c.channel, c.wanted, t.chat_id, t.title, t.linked_at, t.broken,
                a.name, a.email, a.email_confirmed_at, s.disabled_at
         FROM account a LEFT JOIN staff s ON s.id = a.id LEFT JOIN telegram_link t ON t.account_id = a.id
             LEFT JOIN notice_choice c ON c.account_id = a.id
         WHERE a.id = $1",
        params![account_id],
    )?;
    let Some(first) = rows.first() else { return Ok(None) };
    let chosen = rows.iter().filter(|row| !matches!(row.get::<Option<String>>(0), Ok(None)));
    Ok(Some(Addressee {
        name: first.get(7)?,
        email: first.get(8)?,
        email_confirmed: first.get::<Option<i64>>(9)?.is_some(),
        disabled: first.get::<Option<i64>>(10)?.is_some(),
        choices: read_choices(chosen)?,
        telegram: match first.get::<Option<String>>(3)? {
            Some(_) => Some(read_telegram(first, 3)?),
            None => None,
        },
    }))
}

/// Keeps a decision.
pub fn choose(
    tx: &mut Tx,
    account_id: &str,
    notice: NoticeKind,
    channel: Channel,
    wanted: bool,
) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO notice_choice (account_id, notice, channel, wanted) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, notice, channel) DO UPDATE SET wanted = excluded.wanted",
        params![account_id, notice.as_str(), channel.as_str(), i64::from(wanted)],
    )?;
    Ok(())
}

/// A Telegram chat that an account is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelegramLink {
    /// The number of the chat.
    pub chat_id: String,
    /// What the account is called on Telegram.
    pub title: String,
    /// Since when.
    pub linked_at: Timestamp,
    /// Why nothing is sent there any more, or empty.
    pub broken: String,
}

/// The Telegram chat of an account.
pub fn telegram(tx: &mut Tx, account_id: &str) -> Result<Option<TelegramLink>, DbError> {
    let row = tx.opt(
        "SELECT chat_id, title, linked_at, broken FROM telegram_link WHERE account_id = $1",
        params![account_id],
    )?;
    row.map(|row| read_telegram(&row, 0)).transpose()
}

fn read_telegram(row: &Row, first: usize) -> Result<TelegramLink, DbError> {
    Ok(TelegramLink {
        chat_id: row.get(first)?,
        title: row.get(first + 1)?,
        linked_at: Timestamp::from_micros(row.get(first + 2)?),
        broken: row.get(first + 3)?,
    })
}

/// Connects an account with a chat; an earlier one ends.
pub fn connect_telegram(
    tx: &mut Tx,
    account_id: &str,
    chat_id: &str,
    title: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO telegram_link (account_id, chat_id, title, linked_at, broken) VALUES ($1, $2, $3, $4, '')
         ON CONFLICT (account_id) DO UPDATE
         SET chat_id = excluded.chat_id, title = excluded.title, linked_at = excluded.linked_at, broken = ''",
        params![account_id, chat_id, title, now.micros()],
    )?;
    Ok(())
}

/// Disconnects an account. Returns whether it was connected.
pub fn disconnect_telegram(tx: &mut Tx, account_id: &str) -> Result<bool, DbError> {
    Ok(tx.exec("DELETE FROM telegram_link WHERE account_id = $1", params![account_id])? == 1)
}

/// Sends nothing to a chat any more, and remembers why. Returns no when nothing was sent there before either: of two
/// messages refused at once, one tells the person.
pub fn break_telegram(tx: &mut Tx, account_id: &str, why: &str) -> Result<bool, DbError> {
    let broken = tx.exec(
        "UPDATE telegram_link SET broken = $1 WHERE account_id = $2 AND broken = ''",
        params![why, account_id],
    )?;
    Ok(broken == 1)
}

/// Whose chat it is.
pub fn owner_of_chat(tx: &mut Tx, chat_id: &str) -> Result<Option<String>, DbError> {
    let row = tx.opt("SELECT account_id FROM telegram_link WHERE chat_id = $1", params![chat_id])?;
    row.map(|row| row.get(0)).transpose()
}

/// The messages that still wait to be sent by Telegram to somebody, oldest first, but for what a worker has in its hands.
pub fn waiting_by_telegram(tx: &mut Tx, account_id: &str, limit: i64) -> Result<Vec<Message>, DbError> {
    let rows = tx.all(
        "SELECT id FROM outbox WHERE account_id = $1 AND channel = 'telegram' AND status = 'waiting'
             AND claimed_by IS NULL ORDER BY id LIMIT $2",
        params![account_id, limit],
    )?;
    let mut messages = Vec::new();
    for row in rows {
        messages.extend(outbox::by_id(tx, &row.get::<String>(0)?)?);
    }
    Ok(messages)
}

/// Sends nothing of what waits to go to somebody by Telegram, but for what a worker has in its hands.
pub fn drop_telegram(tx: &mut Tx, account_id: &str, why: &str, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "UPDATE outbox SET status = 'dropped', done_at = $1, last_error = $2
         WHERE account_id = $3 AND channel = 'telegram' AND status = 'waiting' AND claimed_by IS NULL",
        params![now.micros(), why, account_id],
    )?;
    Ok(())
}

/// Sends what waits to go to somebody by Telegram to another chat.
pub fn readdress_telegram(tx: &mut Tx, account_id: &str, chat_id: &str) -> Result<(), DbError> {
    tx.later(
        "UPDATE outbox SET address = $1 WHERE account_id = $2 AND channel = 'telegram' AND status = 'waiting'",
        params![chat_id, account_id],
    )?;
    Ok(())
}
