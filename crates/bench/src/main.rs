//! `cargo xtask bench`: the release server beside its limit, on this machine.
//!
//! Every figure is a ratio of two sides measured in turn (A B A B) in one run: on another machine the requests a second are
//! others, the ratio hardly. A scenario starts what it needs, measures, and renews its table in docs/performance.md.

mod clean;
mod compare;
mod document;
mod effect;
mod floor;
mod goodword;
mod http;
mod load;
mod machine;
mod postgres;
mod replay;
mod scenarios;
mod seed;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::clean::Folder;
use crate::document::Document;
use crate::scenarios::Scenario;

/// Measures the release server beside the limit and renews docs/performance.md
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Cli {
    /// Only these; all of them when none is named
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// How often the two sides are measured in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each side is loaded in each round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// One short round on small data, to see that everything runs; nothing is written to the document
    #[arg(long)]
    quick: bool,
    /// An existing PostgreSQL in place of a temporary one: the address of a database from which others can be created
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// The repository, where docs/performance.md is
    #[arg(long, hide = true)]
    repository: PathBuf,
    /// Where oha is
    #[arg(long, hide = true)]
    oha: PathBuf,
}

/// How a scenario is to measure.
#[derive(Debug)]
pub struct Plan {
    /// How often the two sides are measured in turn.
    pub rounds: u32,
    /// How long each side is loaded in each round.
    pub time: Duration,
    /// Small data.
    pub quick: bool,
    /// An existing PostgreSQL.
    pub postgres: Option<String>,
    /// The server's program.
    pub goodword: PathBuf,
    /// The empty program.
    pub empty: PathBuf,
    /// The generator with a fixed rate.
    pub oha: PathBuf,
    /// For everything that is written meanwhile.
    pub folder: PathBuf,
}

impl Plan {
    /// A number of things that is smaller when it has to go quickly.
    pub fn scaled(&self, full: i64, quick: i64) -> i64 {
        if self.quick { quick } else { full }
    }
}

fn main() -> ExitCode {
    server::real::choose_tls();
    clean::on_interrupt();
    let outcome = run(Cli::parse());
    clean::all();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let started = Instant::now();
    let programs = std::env::current_exe()?.parent().context("the bench has no folder")?.to_owned();
    let folder = Folder::make()?;
    let plan = Plan {
        rounds: if cli.quick { 1 } else { cli.rounds },
        time: Duration::from_secs(if cli.quick { 1 } else { cli.seconds.into() }),
        quick: cli.quick,
        postgres: cli.postgres,
        goodword: programs.join("goodword"),
        empty: programs.join("empty"),
        oha: cli.oha,
        folder: folder.path().to_owned(),
    };
    let document = Document::in_repository(&cli.repository);
    let chosen = if cli.scenarios.is_empty() { Scenario::value_variants().to_vec() } else { cli.scenarios };
    let machine = machine::look(&cli.repository, &plan.folder)?;
    println!("{machine}");
    let mut missed = Vec::new();
    for (done, scenario) in chosen.iter().enumerate() {
        println!("\n==> {} ({} of {}): {}", scenario.name(), done + 1, chosen.len(), scenario.what());
        let (began, others) = (Instant::now(), machine::used_by_others());
        let report = scenario.measure(&plan).with_context(|| format!("the scenario {}", scenario.name()))?;
        let took = began.elapsed().as_secs();
        println!("\n{}\n==> {}: done in {took} s", report.text(), scenario.name());
        missed.extend(report.missed().map(|aim| format!("{}: {aim}", scenario.name())));
        if plan.quick {
            continue;
        }
        let provenance = machine.provenance(&plan, others);
        document.renew(scenario.name(), &format!("{provenance}\n\n{}", report.markdown()))?;
    }
    println!("\n==> everything measured in {} s", started.elapsed().as_secs());
    for aim in &missed {
        println!("aim not reached: {aim}");
    }
    if plan.quick {
        println!(
            "A quick run shows that everything works; its figures mean nothing and were not written down."
        );
    } else {
        println!("Renewed: docs/performance.md");
    }
    Ok(())
}
