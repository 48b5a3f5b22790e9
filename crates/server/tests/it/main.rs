//! Journeys through a real server, on both databases: what people do, over HTTP, and what must hold afterwards.

mod account;
mod attribution;
mod audit;
mod concurrency;
mod crash;
mod demo;
mod input;
mod money;
mod permissions;
mod sessions;
mod story;
mod support;
