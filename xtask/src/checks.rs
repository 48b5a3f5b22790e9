//! The parts of `cargo xtask test`, in the order in which they fail soonest.

use anyhow::Result;
use clap::ValueEnum;
use std::time::Instant;

use crate::step::{cargo, root, run, spoken, step};
use crate::{browser, links, system};

/// One part of the test command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Debug)]
pub enum Part {
    /// Formatting, by rustfmt.
    Fmt,
    /// Lints, denied.
    Clippy,
    /// Every Rust test, on SQLite and on PostgreSQL.
    Unit,
    /// Journeys of people in Chromium.
    Browser,
    /// The API documentation builds, and links in the guides lead somewhere.
    Docs,
}

/// Installs what the chosen parts need (all parts when none is named) and runs them in order.
///
/// # Errors
/// The first part that failed.
pub fn test(chosen: &[Part]) -> Result<()> {
    let started = Instant::now();
    let mut parts = if chosen.is_empty() { Part::value_variants().to_vec() } else { chosen.to_vec() };
    parts.sort_unstable();
    parts.dedup();

    system::provide(&parts)?;
    for part in &parts {
        match part {
            Part::Fmt => step("format check", || run(&mut cargo(&["fmt", "--all", "--check"])))?,
            Part::Clippy => step("clippy", clippy)?,
            Part::Unit => step("tests", || run(&mut cargo(&["test", "--workspace"])))?,
            Part::Browser => step("browser journeys", browser::journeys)?,
            Part::Docs => step("documentation", docs)?,
        }
    }
    println!("\n==> everything asked for passed, in {}", spoken(started.elapsed()));
    Ok(())
}

fn clippy() -> Result<()> {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn docs() -> Result<()> {
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    links::check(root())
}
