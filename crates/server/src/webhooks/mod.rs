//! Telling other systems of the company what happens here, by the convention Standard Webhooks
//! (<https://www.standardwebhooks.com>) or by a request as a template says.
//!
//! `ops/webhook_events.rs` writes deliveries in the transaction of what they tell; `worker.rs` here takes what is due,
//! `send.rs` makes one try, `guard.rs` keeps it out of the network that this server stands in, `sign.rs` signs it.

pub mod guard;
pub mod presets;
pub mod send;
pub mod sign;
pub mod template;
pub mod worker;

pub use send::Sender;
