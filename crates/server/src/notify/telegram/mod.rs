//! Telegram: the bot (`client.rs`), what people write to it (`updates.rs`), what it answers (`answers.rs`), and the one
//! server that listens for it (`poller.rs`). Here is how a message of the outbox is delivered.

mod answers;
pub mod client;
pub mod poller;
pub mod updates;

use store::{DbError, outbox::Message};

use super::delivery::Outcome;
use crate::{app::App, ops};

pub use client::{Bot, Trouble};

/// Tries to deliver a message of the outbox, once.
pub async fn deliver(app: &App, message: &Message) -> Outcome {
    let Some(bot) = &app.bot else {
        return failed("no bot is set up on this server: GOODWORD_TELEGRAM_TOKEN");
    };
    let Ok(chat) = message.address.parse::<i64>() else {
        return Outcome::Refused { why: "The address is not the number of a Telegram chat.".into() };
    };
    let is_group = message.account_id.is_none();
    let trouble = match bot.send(chat, &message.body).await {
        Ok(()) => return Outcome::Sent,
        Err(trouble) => trouble,
    };
    if let Trouble::Answer { moved_to: Some(to), .. } = trouble
        && is_group
    {
        follow_group(app, chat, to).await;
        return match bot.send(to, &message.body).await {
            Ok(()) => Outcome::Sent,
            Err(trouble) => judge(&trouble, is_group),
        };
    }
    judge(&trouble, is_group)
}

/// Keeps the new number of the group of staff. Where that fails the message arrives all the same, and the next one tries
/// again.
async fn follow_group(app: &App, from: i64, to: i64) {
    let moved: Result<bool, DbError> =
        app.write(move |tx, env| ops::telegram::move_group(tx, env, from, to)).await;
    let done = match moved {
        Ok(true) => app.reload_programme().await,
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "the new number of the Telegram group of staff could not be kept");
    }
}

fn failed(why: impl ToString) -> Outcome {
    Outcome::Failed { why: why.to_string(), retry_after: None }
}

/// What a refusal means for the message.
fn judge(trouble: &Trouble, is_group: bool) -> Outcome {
    let Trouble::Answer { status, said, retry_after, .. } = trouble else { return failed(trouble) };
    let closed = closed(*status, said);
    match status {
        429 => Outcome::Failed { why: trouble.to_string(), retry_after: *retry_after },
        // The token is wrong or withdrawn: nothing is the matter with the message, which waits for a right one.
        401 | 404 => failed(format!("{trouble}. Check GOODWORD_TELEGRAM_TOKEN")),
        _ if closed.is_some() && is_group => Outcome::Refused {
            why: format!(
                "{trouble}. Add the bot to the group of staff again, or correct the number in Settings (the bot answers \
                 /chatid with it)."
            ),
        },
        400..=499 => match closed {
            Some(why) => Outcome::Closed { why: why.into() },
            None => Outcome::Refused { why: trouble.to_string() },
        },
        _ => failed(trouble),
    }
}

/// Whether an answer means that the person can't be written to any more; then why, in words for the person.
fn closed(status: u16, said: &str) -> Option<&'static str> {
    let said = said.to_lowercase();
    match status {
        403 if said.contains("deactivated") => Some("the Telegram account no longer exists"),
        403 if said.contains("blocked") => Some("the bot was blocked"),
        403 => Some("Telegram doesn't let the bot write to you"),
        400 if said.contains("chat not found") => Some("the chat no longer exists"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, said: &str) -> Trouble {
        Trouble::Answer { status, said: said.into(), retry_after: None, moved_to: None }
    }

    #[test]
    fn each_refusal_means_something() {
        let judged = |status, said| judge(&answer(status, said), false);
        for (status, said, why) in [
            (403, "Forbidden: bot was blocked by the user", "the bot was blocked"),
            (403, "Forbidden: user is deactivated", "the Telegram account no longer exists"),
            (403, "Forbidden: bot can't initiate conversation with a user", "Telegram doesn't let"),
            (400, "Bad Request: chat not found", "the chat no longer exists"),
        ] {
            let outcome = judged(status, said);
            assert!(
                matches!(&outcome, Outcome::Closed { why: told } if told.starts_with(why)),
                "{said}: {outcome:?}"
            );
        }
        let refused = judged(400, "Bad Request: message text is empty");
        assert!(matches!(refused, Outcome::Refused { .. }), "{refused:?}");
        for (status, said) in [(500, "Internal Server Error"), (502, "nothing"), (401, "Unauthorized")] {
            let outcome = judged(status, said);
            assert!(matches!(outcome, Outcome::Failed { retry_after: None, .. }), "{outcome:?}");
        }
        let network = judge(&Trouble::Network("connection refused".into()), false);
        assert!(matches!(network, Outcome::Failed { .. }));
    }

    #[test]
    fn a_group_is_nobodys_to_close() {
        let outcome = judge(&answer(403, "Forbidden: bot was kicked from the group chat"), true);
        assert!(matches!(&outcome, Outcome::Refused { why } if why.contains("Settings")), "{outcome:?}");
    }

    #[test]
    fn telegram_is_left_alone_as_long_as_it_asks() {
        let wait = Some(Duration::from_secs(17));
        let busy = Trouble::Answer {
            status: 429,
            said: "Too Many Requests".into(),
            retry_after: wait,
            moved_to: None,
        };
        let outcome = judge(&busy, false);
        assert!(matches!(outcome, Outcome::Failed { retry_after, .. } if retry_after == wait), "{outcome:?}");
    }
}
