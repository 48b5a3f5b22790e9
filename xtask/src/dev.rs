//! `cargo xtask dev`: the server on a data directory that may be thrown away.

use anyhow::{Context, Result};
use clap::Args;

use crate::step::{cargo, root, run};

/// How the server is started for development.
#[derive(Args)]
pub struct Options {
    /// Start with an empty data directory.
    #[arg(long)]
    fresh: bool,
    /// Passed on to `goodword`, after `--`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Runs the server until it is interrupted. Its data is kept in `target/dev-data`.
///
/// # Errors
/// When the data directory can't be emptied, or the server ends with a failure.
pub fn run_server(options: &Options) -> Result<()> {
    let data = root().join("target/dev-data");
    if options.fresh && data.exists() {
        std::fs::remove_dir_all(&data).with_context(|| format!("{} can't be emptied", data.display()))?;
    }
    let mut server = cargo(&["run", "--package", "server", "--bin", "goodword", "--"]);
    server.args(&options.rest).env("GOODWORD_DATA_DIR", &data).env("GOODWORD_RATE_LIMIT", "0");
    run(&mut server)
}
