//! `goodword verify`: proves the ledger from the first transfer on.

use std::process::ExitCode;

use crate::{config::Config, serve};

pub fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let db = serve::open_database(config)?;
    let findings = db.read_blocking(store::verify_projections::verify_all)?;
    db.close();
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!(
            "The ledger is sound: every balance follows from its transfers, every status from the ledger."
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} findings. Keep a copy of the database before anything is changed.", findings.len());
    Ok(ExitCode::FAILURE)
}
