//! Which partner's code does a text mean: a code as it is, a word that stands for one, or a code that can be repaired?

use std::time::Duration;

use domain::{
    alias::Alias,
    referral_code::{Reading, ReferralCode},
};
use store::{DbError, aliases};
use tokio::time::timeout;

use crate::app::App;

/// How long the redirect waits for the database to know a word: a client is sent on in any case. Words that a server has heard
/// of it has in memory, and it hears of each within a moment.
pub const MOMENT: Duration = Duration::from_millis(30);
/// A form needs the database in any case.
const FORM: Duration = Duration::from_secs(10);

/// The code that a text in a form means: a link, a code as people write it, or a word. None where it means nobody for certain.
pub async fn code_meant(app: &App, text: &str) -> Option<Reading> {
    code_meant_within(app, text, FORM).await
}

/// The same, for those who don't wait longer than that.
pub async fn code_meant_within(app: &App, text: &str, patience: Duration) -> Option<Reading> {
    let read = ReferralCode::read(text);
    // As it is, it is nobody's word: see ops::aliases.
    if read.as_ref().is_some_and(|reading| reading.repaired_from.is_none()) {
        return read;
    }
    // Before a repair, which could make another partner's code of it.
    match word_meant_within(app, text, patience).await {
        Some(code) => Some(Reading { code, repaired_from: None }),
        None => read,
    }
}

/// The code of the partner whose word a text in a form is.
pub async fn word_meant(app: &App, text: &str) -> Option<ReferralCode> {
    word_meant_within(app, text, FORM).await
}

/// The same, for those who don't wait longer than that.
pub async fn word_meant_within(app: &App, text: &str, patience: Duration) -> Option<ReferralCode> {
    let word = text.rsplit_once("/r/").map_or(text, |(_, word)| word);
    let word = word.split(['?', '#']).next().unwrap_or_default();
    let alias = Alias::read(word)?;
    let directory = app.clicks.directory();
    if let Some(code) = directory.alias(&alias) {
        return Some(code);
    }
    let asked = alias.clone();
    let found = app.read(move |tx, _| -> Result<_, DbError> { aliases::code_of(tx, &asked) });
    let code = timeout(patience, found).await.ok()?.ok()??;
    directory.remember_alias(alias, code);
    Some(code)
}
