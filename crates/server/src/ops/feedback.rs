//! Feedback: what partners write from any page, and what the office makes of it.

use domain::text::Message;
use store::{DbError, Tx, feedback};

use super::Actor;
use crate::app::Env;

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
    feedback::set_done(tx, id, done.then_some((env.now, by.id.as_str())))
}
