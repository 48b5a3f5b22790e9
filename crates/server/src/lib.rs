//! The program `goodword`: web pages, redirect, jobs and command line.
//!
//! The natural way of one request: route, page handler (parse, permission), one operation (one transaction), store,
//! and back to a template.

pub mod app;
pub mod cell;
pub mod cli;
pub mod config;
pub mod crm;
pub mod daily;
pub mod demo;
pub mod device;
pub mod health;
pub mod jobs;
pub mod limits;
pub mod notify;
pub mod ops;
pub mod password;
#[cfg(feature = "pdf")]
pub mod pdf;
pub mod qr;
pub mod real;
pub mod redirect;
pub mod serve;
pub mod shapes;
pub mod sites;
pub mod web;
pub mod webhooks;
