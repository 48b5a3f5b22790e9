//! What the bot answers, in words.

use crate::{
    app::App,
    ops::telegram::{Answer, VALID_HOURS},
    web::paths,
};

/// The words of an answer in a chat.
pub(super) fn words(app: &App, chat: i64, answer: &Answer) -> String {
    let programme = &app.programme().name;
    let page = format!("{}{}", app.public_url, paths::ACCOUNT_NOTICES);
    match answer {
        Answer::Connected { name } => format!(
            "Connected to {programme} as {name}. You get your notices here from now on.\n\nChoose which ones:\n{page}\n\n\
             Write /stop to disconnect."
        ),
        Answer::UnknownLink => format!(
            "This link was used before, or it is older than {VALID_HOURS} hour, so nothing is connected. Make a new \
             one and press Start again:\n{page}"
        ),
        Answer::Taken { name } => format!(
            "This chat belongs to another account at {programme}: {name}. Write /stop to disconnect it, then open your \
             link again."
        ),
        Answer::Disconnected { name } => format!(
            "Disconnected: {name} gets nothing here any more. It comes by email from now on.\n\nConnect again \
             whenever you like:\n{page}"
        ),
        Answer::Help { connected: Some(name) } => format!(
            "This bot only brings the notices of {programme} to {name}; nobody reads what is written here.\n\nChoose \
             your notices:\n{page}\n\nWrite /stop to disconnect."
        ),
        Answer::Help { connected: None } => format!(
            "This bot brings partners of {programme} their notices. To connect your account, sign in and press Connect \
             Telegram:\n{page}"
        ),
        Answer::GroupNumber { is_ours: true } => format!(
            "This is the group in which staff of {programme} are told what waits. Its number is {chat}."
        ),
        Answer::GroupNumber { is_ours: false } => format!(
            "The number of this group is {chat}.\n\nTo have staff of {programme} told here what waits, an admin enters \
             it in the office under Settings, Telegram group of staff."
        ),
    }
}
