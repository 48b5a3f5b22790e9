//! Who wants which notices where, and which Telegram chat is whose.

use crate::{DbError, Tx, params};
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

/// Keeps a decision.
pub fn choose(
    tx: &mut Tx,
    account_id: &str,
    notice: NoticeKind,
    channel: Channel,
    wanted: bool,
) -> Result<(), DbError> {
    tx.exec(
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
    let Some(row) = row else { return Ok(None) };
    Ok(Some(TelegramLink {
        chat_id: row.get(0)?,
        title: row.get(1)?,
        linked_at: Timestamp::from_micros(row.get(2)?),
        broken: row.get(3)?,
    }))
}

/// Connects an account with a chat; an earlier one ends.
pub fn connect_telegram(
    tx: &mut Tx,
    account_id: &str,
    chat_id: &str,
    title: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.exec(
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

/// Sends nothing to a chat any more, and remembers why.
pub fn break_telegram(tx: &mut Tx, account_id: &str, why: &str) -> Result<(), DbError> {
    tx.exec("UPDATE telegram_link SET broken = $1 WHERE account_id = $2", params![why, account_id])?;
    Ok(())
}
