//! Journeys through a real server, on both databases: what people do, over HTTP, and what must hold afterwards.

mod account;
mod attribution;
mod attribution_moves;
mod audit;
mod bot_api;
mod claims;
mod concurrency;
mod crash;
mod demo;
mod input;
mod links;
mod mailbox;
mod money;
mod moves_at_once;
mod outbox;
mod outbox_crash;
mod permissions;
mod recovery;
mod reminders;
mod sessions;
mod story;
mod support;
mod telegram;
mod tickets;
