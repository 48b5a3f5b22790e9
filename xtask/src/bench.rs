//! `cargo xtask bench`: builds the release server and the bench, sees to the generators of load, and hands over.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::step::{cargo, root, run, step};
use crate::system;

/// The version whose options and JSON the bench knows.
const OHA: &str = "1.16.0";

/// What is measured, and how.
#[derive(Args)]
pub struct Options {
    /// Scenarios (click, click-postgres, contact, contact-postgres, win, win-postgres, statistics, pages, lean, two-servers;
    /// all of them when none is named), then --rounds N, --seconds S, --quick, --postgres URL
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Measures; the document is renewed by the bench itself.
///
/// # Errors
/// When something can't be had or built. What the bench says is its own.
pub fn measure(options: &Options) -> Result<()> {
    system::provide_for_bench()?;
    let oha = oha()?;
    // Apart, so that the server is built with the features that a release has.
    step("release build of the server", || {
        run(&mut cargo(&["build", "--release", "--package", "server", "--bin", "goodword"]))
    })?;
    step("release build of the bench", || run(&mut cargo(&["build", "--release", "--package", "bench"])))?;
    let mut bench = Command::new(target().join("release/bench"));
    bench.arg("--repository").arg(root()).arg("--oha").arg(oha).args(&options.rest);
    // In place of this program, so that Ctrl-C is for the bench alone, which stops what it has started.
    Err(bench.exec()).context("the bench could not be started")
}

/// Where oha is; it is built when it is missing.
fn oha() -> Result<PathBuf> {
    let folder = target().join("bench-tools");
    let program = folder.join("bin/oha");
    let version = Command::new(&program).arg("--version").stderr(Stdio::null()).output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(OHA)) {
        return Ok(program);
    }
    step(
        &format!("oha {OHA}, which sends at a fixed rate, is missing and is built once (some minutes)"),
        || {
            let name = format!("oha@{OHA}");
            run(cargo(&["install", "--locked", &name, "--root"]).arg(&folder))
        },
    )?;
    if !program.is_file() {
        bail!("oha was installed but is not at {}", program.display());
    }
    Ok(program)
}

/// Where cargo builds.
fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target)
}
