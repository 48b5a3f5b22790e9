//! The browser journeys in `e2e/`: npm packages, the server's program, node's own test runner.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::{cargo, command, root, run};
use crate::system;

/// Runs every journey in `e2e/journeys`.
///
/// # Errors
/// When a package can't be had, the server doesn't build, or a journey fails.
pub fn journeys() -> Result<()> {
    prepare()?;
    let mut files = test_files(&e2e().join("journeys"))?;
    if files.is_empty() {
        bail!("e2e/journeys holds no *.test.mjs");
    }
    files.sort();
    // Files are named one by one: versions of node differ in what they make of a directory.
    run(node()?.args(["--test", "--test-reporter=spec"]).args(files))
}

/// Takes the pictures of all pages.
///
/// # Errors
/// As [`journeys`].
pub fn screenshots() -> Result<()> {
    prepare()?;
    run(node()?.arg("screenshots.mjs"))
}

fn prepare() -> Result<()> {
    if !packages_are_fresh() {
        // No package needs a script of its own to be installed; none is run.
        run(command("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(e2e()))?;
    }
    run(&mut cargo(&["build", "--package", "server", "--bin", "goodword"]))
}

fn node() -> Result<Command> {
    let mut node = command("node", &[]);
    node.current_dir(e2e()).env("GOODWORD_BIN", program()).env("CHROMIUM", system::chromium()?);
    Ok(node)
}

fn e2e() -> PathBuf {
    root().join("e2e")
}

/// Where `cargo build` leaves the server.
fn program() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join("debug/goodword")
}

/// npm leaves a copy of the lock file when it is done; a newer lock file means another set of packages.
fn packages_are_fresh() -> bool {
    let modified = |path: &str| e2e().join(path).metadata().and_then(|it| it.modified()).ok();
    match (modified("node_modules/.package-lock.json"), modified("package-lock.json")) {
        (Some(installed), Some(wanted)) => installed >= wanted,
        _ => false,
    }
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("{} can't be read", folder.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    Ok(files)
}
