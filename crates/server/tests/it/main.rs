//! Journeys through a real server, on both databases: what people do, over HTTP, and what must hold afterwards.

mod attribution;
mod batches;
mod concurrency;
mod crash;
mod demo;
mod desk;
mod input;
mod money;
mod permissions;
mod sessions;
mod story;
mod support;
mod wallet_safety;
