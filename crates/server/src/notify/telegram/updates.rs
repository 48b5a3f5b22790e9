//! What people write to the bot, read into what it means here.

use frankenstein::{
    types::{Chat, ChatMember, ChatMemberUpdated, ChatType, Message},
    updates::{Update, UpdateContent},
};
use serde_json::Value;

/// How much of a person's name on Telegram is kept.
const TITLE_CHARS: usize = 100;

/// Something that came to the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The chat it came from.
    pub chat: i64,
    /// What it is.
    pub what: What,
}

/// What came to the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A person opened the bot by a link of ours, or wrote `/start` alone (then the secret is empty).
    Start {
        /// What the link carried.
        secret: String,
        /// What the person is called on Telegram.
        title: String,
    },
    /// A person wants to hear nothing more.
    Stop,
    /// A person wrote something else.
    Chatter,
    /// A person has blocked the bot.
    Blocked,
    /// The bot is in a group, and its number is asked for.
    Group,
    /// The group has a new number from now on.
    GroupMoved {
        /// The new number.
        to: i64,
    },
}

/// The number of an update; every update has one.
pub fn number(update: &Value) -> Option<i64> {
    update.get("update_id").and_then(Value::as_i64)
}

/// Reads an update. None where it means nothing here: talk in groups, channels, kinds not known to this version.
/// `bot` is the bot's own name: in groups, what is said to other bots is not for it.
pub fn read(update: &Value, bot: &str) -> Option<Incoming> {
    let update: Update = serde_json::from_value(update.clone()).ok()?;
    match update.content {
        UpdateContent::Message(message) => read_message(&message, bot),
        UpdateContent::MyChatMember(changed) => read_membership(&changed),
        _ => None,
    }
}

fn read_message(message: &Message, bot: &str) -> Option<Incoming> {
    let chat = &message.chat;
    let what = |what| Some(Incoming { chat: chat.id, what });
    if let Some(to) = message.migrate_to_chat_id {
        return what(What::GroupMoved { to });
    }
    if message.from.as_ref().is_some_and(|from| from.is_bot) {
        return None;
    }
    let text = message.text.as_deref().unwrap_or_default();
    let mut words = text.split_whitespace();
    let command = command(words.next().unwrap_or_default(), bot);
    match (chat.type_field, command) {
        (ChatType::Private, Some("start")) => {
            what(What::Start { secret: words.next().unwrap_or_default().to_owned(), title: title(chat) })
        }
        (ChatType::Private, Some("stop")) => what(What::Stop),
        (ChatType::Private, _) => what(What::Chatter),
        (ChatType::Group | ChatType::Supergroup, Some("chatid" | "start")) => what(What::Group),
        _ => None,
    }
}

fn read_membership(changed: &ChatMemberUpdated) -> Option<Incoming> {
    let chat = &changed.chat;
    let is_in = |member: &ChatMember| {
        matches!(member, ChatMember::Creator(_) | ChatMember::Administrator(_) | ChatMember::Member(_))
    };
    let what = match (chat.type_field, &changed.new_chat_member) {
        (ChatType::Private, ChatMember::Kicked(_)) => What::Blocked,
        (ChatType::Group | ChatType::Supergroup, now) if is_in(now) && !is_in(&changed.old_chat_member) => {
            What::Group
        }
        _ => return None,
    };
    Some(Incoming { chat: chat.id, what })
}

/// The command of a word: `start` of `/start` and of `/start@our_bot`.
fn command<'a>(word: &'a str, bot: &str) -> Option<&'a str> {
    let command = word.strip_prefix('/')?;
    match command.split_once('@') {
        Some((command, to)) => to.eq_ignore_ascii_case(bot).then_some(command),
        None => Some(command),
    }
}

/// What a person is called on Telegram, for the person to recognise.
fn title(chat: &Chat) -> String {
    let names = [chat.first_name.as_deref(), chat.last_name.as_deref()];
    let mut title = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if let Some(username) = &chat.username {
        title = if title.is_empty() { format!("@{username}") } else { format!("{title} (@{username})") };
    }
    let title: String = title.chars().filter(|c| !is_hidden(*c)).take(TITLE_CHARS).collect();
    if title.trim().is_empty() { "A Telegram account".into() } else { title.trim().to_owned() }
}

/// Characters that can't be stored or that turn the direction of the text around them. A name that has them isn't
/// refused as in a form: nobody is there to type it again.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn person() -> Value {
        json!({"id": 7, "type": "private", "first_name": "Mara", "last_name": "Lind", "username": "mara"})
    }

    fn message(chat: Value, text: &str) -> Value {
        json!({"update_id": 1, "message": {
            "message_id": 1, "date": 1, "chat": chat, "text": text,
            "from": {"id": 7, "is_bot": false, "first_name": "Mara"},
        }})
    }

    fn what(update: Value) -> Option<What> {
        read(&update, "our_bot").map(|incoming| incoming.what)
    }

    #[test]
    fn what_a_person_writes() {
        let title = "Mara Lind (@mara)".to_owned();
        let start = |secret: &str| Some(What::Start { secret: secret.into(), title: title.clone() });
        assert_eq!(what(message(person(), "/start abc")), start("abc"));
        assert_eq!(what(message(person(), "/start@Our_Bot abc d")), start("abc"));
        assert_eq!(what(message(person(), "/start")), start(""));
        assert_eq!(what(message(person(), "/stop")), Some(What::Stop));
        for other in ["Hello", "", "/start@other_bot abc", "/unknown", " "] {
            assert_eq!(what(message(person(), other)), Some(What::Chatter), "{other:?}");
        }
    }

    #[test]
    fn talk_in_groups_is_left_alone() {
        let group = || json!({"id": -5, "type": "supergroup", "title": "Finance"});
        assert_eq!(what(message(group(), "/chatid")), Some(What::Group));
        assert_eq!(what(message(group(), "/chatid@our_bot")), Some(What::Group));
        // A token that somebody opened in a group connects nothing.
        assert_eq!(what(message(group(), "/start abc")), Some(What::Group));
        for talk in ["Hello", "/chatid@other_bot", "/stop"] {
            assert_eq!(what(message(group(), talk)), None, "{talk}");
        }
        assert_eq!(what(message(json!({"id": -6, "type": "channel"}), "/chatid")), None);
        let moved = json!({"update_id": 1, "message": {
            "message_id": 1, "date": 1, "chat": {"id": -5, "type": "group"}, "migrate_to_chat_id": -1005,
        }});
        assert_eq!(what(moved), Some(What::GroupMoved { to: -1005 }));
    }

    #[test]
    fn joining_and_blocking() {
        let bot = json!({"id": 1, "is_bot": true, "first_name": "Bot"});
        let member = |status: &str| match status {
            "kicked" => json!({"status": "kicked", "user": bot, "until_date": 0}),
            status => json!({"status": status, "user": bot}),
        };
        let changed = |chat: Value, before: &str, after: &str| {
            json!({"update_id": 1, "my_chat_member": {
                "chat": chat, "from": {"id": 7, "is_bot": false, "first_name": "Mara"}, "date": 1,
                "old_chat_member": member(before), "new_chat_member": member(after),
            }})
        };
        let group = || json!({"id": -5, "type": "group", "title": "Finance"});
        assert_eq!(what(changed(person(), "member", "kicked")), Some(What::Blocked));
        assert_eq!(what(changed(person(), "kicked", "member")), None);
        assert_eq!(what(changed(group(), "left", "member")), Some(What::Group));
        assert_eq!(what(changed(group(), "member", "left")), None);
    }

    #[test]
    fn what_is_not_known_means_nothing() {
        assert_eq!(what(json!({"update_id": 9, "something_new": {"a": 1}})), None);
        assert_eq!(what(json!("?")), None);
        assert_eq!(number(&json!({"update_id": 9, "something_new": {"a": 1}})), Some(9));
        assert_eq!(number(&json!([])), None);
    }

    #[test]
    fn a_title_is_short_and_without_control_characters() {
        let chat = |name: &str| json!({"id": 7, "type": "private", "first_name": name});
        let titled = |name: &str| match what(message(chat(name), "/start")) {
            Some(What::Start { title, .. }) => title,
            other => panic!("{other:?}"),
        };
        assert_eq!(titled("a\0b\n\u{202e}c"), "abc");
        assert_eq!(titled(&"n".repeat(500)).chars().count(), TITLE_CHARS);
        assert_eq!(titled(" "), "A Telegram account");
    }
}
