//! Journeys through a real server, on both databases: what people do, over HTTP, and what must hold afterwards.

mod attribution;
mod concurrency;
mod crash;
mod demo;
mod input;
mod mailbox;
mod money;
mod outbox;
mod outbox_crash;
mod permissions;
mod recovery;
mod sessions;
mod story;
mod support;
