//! Use cases: one function is one thing that a person (or a job) does, in one transaction. Pages, jobs and the
//! command line all come through here; nothing here knows HTTP, and nothing here has an effect but through the
//! transaction, which may run twice.

pub mod accounts;
pub mod clicks;
pub mod clients;
pub mod deals;
pub mod feedback;
pub mod partners;
pub mod programme;
pub mod recovery;
pub mod sessions;
pub mod staff;
pub mod wallets;
pub mod withdrawals;

/// A member of staff who does something, for the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's identifier.
    pub id: String,
    /// What the person is called.
    pub name: String,
}
