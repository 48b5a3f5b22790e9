//! Journeys through a real server, on both databases: what people do, over HTTP, and what must hold afterwards.

mod attribution;
mod attribution_moves;
mod claims;
mod concurrency;
mod crash;
mod demo;
mod input;
mod money;
mod moves_at_once;
mod permissions;
mod sessions;
mod story;
mod support;
