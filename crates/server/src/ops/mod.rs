//! Use cases: one function is one thing that a person (or a job) does, in one transaction. Pages, jobs and the
//! command line all come through here; nothing here knows HTTP, and nothing here has an effect but through the
//! transaction, which may run twice.

pub mod accounts;
pub mod adjustments;
pub mod aliases;
pub mod attribution;
pub mod audit;
pub mod batches;
pub mod claims;
pub mod clicks;
pub mod clients;
pub mod crm;
pub mod deals;
pub mod email_change;
pub mod erasure;
pub mod export;
pub mod feedback;
pub mod import;
pub mod outbox;
pub mod partners;
pub mod programme;
pub mod reconcile;
pub mod recovery;
pub mod sessions;
pub mod staff;
pub mod stake;
pub mod support;
pub mod telegram;
pub mod tokens;
pub mod verification;
pub mod wallets;
pub mod webhook_events;
pub mod webhooks;
pub mod withdrawals;
pub mod withdrawals_due;

/// Whoever does something, for the history and the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's identifier; empty for the server itself.
    pub id: String,
    /// What the person is called.
    pub name: String,
    /// What the person is here: a word of [`Role`](domain::permission::Role), `partner`, `token` or `server`.
    pub role: &'static str,
}

impl Actor {
    /// A partner.
    pub fn partner(id: impl Into<String>, name: impl Into<String>) -> Actor {
        Actor { id: id.into(), name: name.into(), role: "partner" }
    }

    /// A program, by its token.
    pub fn token(id: impl Into<String>, name: impl Into<String>) -> Actor {
        Actor { id: id.into(), name: name.into(), role: "token" }
    }

    /// What kind of thing the audit takes the person's own account for.
    pub fn own_subject(&self) -> &'static str {
        if self.role == "partner" { "partner" } else { "staff" }
    }

    /// The server itself: its jobs and its command line.
    pub fn server() -> Actor {
        Actor { id: String::new(), name: "The server".into(), role: "server" }
    }
}
