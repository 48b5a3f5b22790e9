//! Writing down what staff did and what concerns the safety of accounts, in the transaction of the act.

use serde::{Deserialize, Serialize};
use store::{
    DbError, Tx,
    audit::{self, NewRecord},
};

use super::Actor;
use crate::app::Env;

/// What an act has changed, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is: a field, as people know it.
    pub what: String,
    /// What it was; empty where there was nothing.
    pub before: String,
    /// What it is now; empty where there is nothing any more.
    pub after: String,
}

impl Change {
    /// A change from one value to another.
    pub fn new(what: &str, before: impl ToString, after: impl ToString) -> Change {
        Change { what: what.to_owned(), before: before.to_string(), after: after.to_string() }
    }

    /// Something that wasn't there before.
    pub fn set(what: &str, after: impl ToString) -> Change {
        Change::new(what, "", after)
    }

    /// Only what differs.
    pub fn differing(changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
        changes.into_iter().filter(|change| change.before != change.after).collect()
    }
}

/// What was done to what: `what` is a word such as `deal.won`, `on` the kind of thing and its number or identifier.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// A word such as `deal.won`.
    pub what: &'a str,
    /// The kind of thing it was done to and its number or identifier: `("deal", "2077")`.
    pub on: (&'a str, &'a str),
    /// What was and what is.
    pub changes: &'a [Change],
    /// Why, or empty.
    pub reason: &'a str,
}

/// Appends an act to the audit. Call it last in an operation: the chain stays locked until the transaction ends.
///
/// # Errors
/// When the database says no.
pub fn record(tx: &mut Tx, env: &Env, by: &Actor, act: Act) -> Result<(), DbError> {
    record_all(tx, env, by, &[act])
}

/// The same for several acts of one operation.
///
/// # Errors
/// When the database says no.
pub fn record_all(tx: &mut Tx, env: &Env, by: &Actor, acts: &[Act]) -> Result<(), DbError> {
    let changes: Vec<String> =
        acts.iter().map(|act| serde_json::to_string(act.changes).unwrap_or_else(|_| "[]".into())).collect();
    let records: Vec<NewRecord> = acts
        .iter()
        .zip(&changes)
        .map(|(act, changes)| NewRecord {
            id: env.ids.uuid(env.now),
            chain: env.audit_chain,
            actor_id: Some(by.id.as_str()).filter(|id| !id.is_empty()),
            actor: &by.name,
            role: by.role,
            act: act.what,
            subject: act.on.0,
            subject_id: act.on.1,
            changes,
            reason: act.reason,
        })
        .collect();
    audit::append_all(tx, &records, env.now)
}
