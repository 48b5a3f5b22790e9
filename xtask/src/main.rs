//! What a developer runs: `cargo xtask test`, `cargo xtask dev`, `cargo xtask bench`, `cargo xtask screenshots`.

mod bench;
mod browser;
mod checks;
mod dev;
mod links;
mod step;
mod system;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::checks::Part;

/// Developer tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need, then check everything; stops at the first failure.
    Test {
        /// Only these parts, in the order fmt, clippy, unit, browser, docs.
        #[arg(value_enum)]
        parts: Vec<Part>,
    },
    /// Run the server on a scratch data directory, without rate limits.
    Dev(dev::Options),
    /// Measure the release server beside the limit and renew docs/performance.md.
    Bench(bench::Options),
    /// Take a picture of every page in both widths and both themes; renew the pictures in docs/images.
    Screenshots,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Test { parts } => checks::test(&parts),
        Task::Dev(options) => dev::run_server(&options),
        Task::Bench(options) => bench::measure(&options),
        Task::Screenshots => screenshots(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn screenshots() -> Result<()> {
    system::provide(&[Part::Browser])?;
    browser::screenshots()
}
