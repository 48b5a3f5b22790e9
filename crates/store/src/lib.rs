//! The only crate that knows SQL: SQLite and PostgreSQL behind one synchronous transaction type.
//!
//! One SQL text serves both databases (see [`dialect`] for the few tokens in it). A caller hands a closure over a
//! [`Tx`] to [`Db::write`] or [`Db::read`]; it runs on a database thread, and the answer comes when it is saved.

pub mod accounts;
pub mod adjustments;
pub mod aliases;
pub mod approvals;
pub mod audit;
pub mod batches;
pub mod claims;
pub mod clicks;
pub mod clients;
pub mod copy;
pub mod crm;
pub mod db;
pub mod deals;
pub mod devices;
pub mod dialect;
pub mod email_changes;
pub mod erasure;
mod error;
pub mod exports;
pub mod feedback;
pub mod idempotency;
pub mod imports;
pub mod lease;
pub mod ledger;
pub mod ledger_verify;
pub mod matching;
pub mod migrate;
mod names;
pub mod news;
pub mod notices;
pub mod outbox;
pub mod own_data;
pub mod partners;
mod postgres;
pub mod profiles;
pub mod programme;
pub mod rate_limits;
pub mod reconciliations;
pub mod recovery;
pub mod risk;
mod search;
pub mod sessions;
pub mod sources;
mod sqlite;
pub mod support;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tokens;
mod tx;
mod unit;
mod value;
pub mod verification;
pub mod verify_audit;
pub mod verify_projections;
pub mod wallets;
pub mod webhook_deliveries;
pub mod webhooks;
pub mod withdrawal_reminders;
pub mod withdrawals;

pub use db::{Db, Options};
pub use dialect::Dialect;
pub use error::{DbError, SqlErrorKind};
pub use news::Topic;
pub use search::Found;
pub use tx::Tx;
pub use value::{FromValue, Row, Value};
