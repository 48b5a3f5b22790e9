//! `goodword verify`: proves the ledger from the first transfer on, and the audit from the first record on.

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use domain::clock::Clock;
use store::verify_audit::{self, Audit, Head};

use crate::{
    app::Env,
    config::Config,
    ops::verification,
    real::{SystemClock, SystemIds},
    serve,
};

pub fn run(config: &Config, heads: Option<&Path>) -> anyhow::Result<ExitCode> {
    let noted = heads.map(read_heads).transpose()?;
    let db = serve::open_existing_database(config)?;
    let mut found = db.report_blocking(verification::run)?;
    if let Some(noted) = noted.clone() {
        let broken = db.read_blocking(move |tx| verify_audit::compare(tx, &noted))?;
        found.findings.extend(Audit { broken, ..Audit::default() }.findings());
    }
    // The office shows admins what was found, and that it is mended.
    let programme = Arc::new(db.write_blocking(store::programme::load_or_create)?);
    let env = Env::alone(SystemClock.now(), Arc::new(SystemIds), programme, &config.public_address());
    let findings = found.findings.clone();
    db.write_blocking(move |tx| verification::save(tx, &env, &findings))?;
    db.close();
    for finding in &found.findings {
        println!("{finding}");
    }
    let count = found.findings.len();
    if count > 0 {
        println!("{count} findings. Keep a copy of the database before anything is changed.");
        return Ok(ExitCode::FAILURE);
    }
    println!("The ledger is sound: every balance follows from its transfers, every status from the ledger.");
    println!("The audit is unbroken: every record holds on to the one before it.");
    for head in &found.heads {
        println!("{}", written(head));
    }
    if let Some(noted) = noted {
        println!("All {} heads that were noted down are still in their chains.", noted.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// A head as it is printed and read again.
pub fn written(head: &Head) -> String {
    format!("audit chain {} records {} head {}", head.chain, head.length, head.hash)
}

/// A line as [`written`] writes it; anything else is no head.
fn head_in(line: &str) -> Option<Head> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["audit", "chain", chain, "records", length, "head", hash] => {
            Some(Head { chain: chain.parse().ok()?, length: length.parse().ok()?, hash: (*hash).to_owned() })
        }
        _ => None,
    }
}

fn read_heads(file: &Path) -> anyhow::Result<Vec<Head>> {
    let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let heads: Vec<Head> = text.lines().filter_map(head_in).collect();
    if heads.is_empty() {
        bail!("{} has no heads in it. Give it what an earlier goodword verify has printed", file.display());
    }
    Ok(heads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_printed() {
        let head = Head { chain: 3, length: 128, hash: "ab01".into() };
        assert_eq!(head_in(&written(&head)), Some(head));
        for line in
            ["", "The audit is unbroken", "audit chain x records 1 head ab", "audit chain 1 records 1"]
        {
            assert_eq!(head_in(line), None, "{line}");
        }
    }
}
