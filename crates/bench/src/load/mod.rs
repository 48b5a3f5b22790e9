//! Load, made by generators of others: wrk as fast as 64 connections get answers (a closed loop, for requests a second),
//! oha at a fixed rate (an open loop, for latencies).
//!
//! wrk takes the least of the cores that server and generator share, and makes every request from a script, so that no form
//! is sent twice; but a server that stalls also stalls it, which hides what waiting clients would have seen. oha sends by the
//! clock and counts from the moment a request was due (`--latency-correction`), so that a stall shows.

mod oha;
mod wrk;

use crate::http::Header;

pub use oha::at_rate;
pub use wrk::{flat_out, start};

/// The connections of all loads.
pub const CONNECTIONS: u32 = 64;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path; `#` stands for the request's number, `@` for one of the words.
    pub path: String,
    /// The body; `#` and `@` as in the path.
    pub body: String,
    /// The headers.
    pub headers: Vec<Header>,
    /// What `@` stands for, in turn.
    pub words: Vec<String>,
    /// The first number and the last one.
    pub numbers: (i64, i64),
}

impl Asked {
    /// One page.
    pub fn page(path: &str, headers: Vec<Header>) -> Asked {
        Asked {
            method: "GET",
            path: path.to_owned(),
            headers,
            numbers: (1, i64::from(u32::MAX)),
            ..Asked::default()
        }
    }
}

/// What came of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Answers with a status below 400.
    pub answers: i64,
    /// For how long, in microseconds.
    pub micros: i64,
    /// Answers with a status from 400 on.
    pub refused: i64,
    /// Connections that could not be made or broke.
    pub broken: i64,
    /// Latencies in microseconds.
    pub latency: Latency,
}

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Half of the answers came within.
    pub p50: i64,
    /// 99 of 100 came within.
    pub p99: i64,
    /// 999 of 1000 came within.
    pub p999: i64,
}

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> i64 {
        self.answers * 1_000_000 / self.micros.max(1)
    }

    /// An error where not everything was answered well: such a load measures something else.
    pub fn flawless(self) -> anyhow::Result<Outcome> {
        anyhow::ensure!(
            self.refused == 0 && self.broken == 0 && self.answers > 0,
            "the load was not answered well: {} answers, {} refused, {} broken connections",
            self.answers,
            self.refused,
            self.broken
        );
        Ok(self)
    }
}
