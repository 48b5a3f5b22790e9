//! Feedback: what partners write from any page, and what the office makes of it.

use domain::text::Message;
use store::{DbError, Tx, feedback};

use super::{
    Actor,
    audit::{self, Act},
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// How the partner feels, as the form asks it.
pub const MOODS: [&str; 3] = ["good", "mixed", "bad"];

/// Keeps a message of a partner.
///
/// # Errors
/// When the database says no.
pub fn send(
    tx: &mut Tx,
    env: &Env,
    partner_id: &str,
    message: &Message,
    page: &str,
    mood: &str,
) -> Result<(), DbError> {
    let id = env.ids.uuid(env.now);
    feedback::insert(tx, &id, partner_id, &message.to_string(), page, mood, env.now)
}

/// Marks a message as dealt with, or opens it again. Returns whether there is such a message.
///
/// # Errors
/// When the database says no.
pub fn set_done(tx: &mut Tx, env: &Env, by: &Actor, id: &str, done: bool) -> Result<bool, DbError> {
    let Some(before) = feedback::by_id(tx, id)? else { return Ok(false) };
    feedback::set_done(tx, id, done.then_some((env.now, by.id.as_str())))?;
    if before.done.is_some() != done {
        let what = if done { "feedback.done" } else { "feedback.reopened" };
        audit::record(tx, env, by, Act { what, on: ("feedback", id), changes: &[], reason: "" })?;
    }
    Ok(true)
}

/// Why feedback wasn't answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AnswerError {
    /// There is no such message.
    #[error("There is no such message.")]
    Unknown,
    /// It has an answer.
    #[error("{0} has already answered this message; your answer was not sent. What you typed is kept below.")]
    Answered(String),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Answers a message by mail and marks it as dealt with. The same answer of the same person again is one answer.
///
/// # Errors
/// [`AnswerError::Answered`] when a colleague was faster.
pub fn answer(tx: &mut Tx, env: &Env, by: &Actor, id: &str, answer: &Message) -> Result<(), AnswerError> {
    if !feedback::set_answer(tx, id, &by.id, answer.as_str(), env.now)? {
        let before =
            feedback::by_id(tx, id)?.and_then(|message| message.answer).ok_or(AnswerError::Unknown)?;
        let same = before.message == answer.as_str() && before.by == by.name;
        return if same { Ok(()) } else { Err(AnswerError::Answered(before.by)) };
    }
    let message = feedback::by_id(tx, id)?.ok_or(AnswerError::Unknown)?;
    if message.done.is_none() {
        feedback::set_done(tx, id, Some((env.now, &by.id)))?;
    }
    let notice = Notice::FeedbackAnswered { message: message.message, answer: answer.to_string() };
    notify::tell(tx, env, &message.partner.id, &notice)?;
    let act = Act { what: "feedback.answered", on: ("feedback", id), changes: &[], reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}
