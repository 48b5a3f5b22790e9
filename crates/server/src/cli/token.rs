//! `goodword token add`: tokens for other programs, from the command line.

use std::{process::ExitCode, sync::Arc};

use anyhow::bail;
use clap::Subcommand;
use domain::{clock::Clock, permission::Scopes};

use crate::{
    app::Env,
    config::Config,
    ops::{
        Actor,
        tokens::{self, MAX_DAYS, TokenName},
    },
    real::{SystemClock, SystemIds},
    serve,
};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token for another program and print it; it is shown only this once
    #[command(after_help = "Example: goodword token add --name CRM --scope sales --scope read --days 365")]
    Add {
        /// What the program is called, for histories and the audit
        #[arg(long)]
        name: String,
        /// What it may do: sales, finance, read or admin; several times for several
        #[arg(long, required = true)]
        scope: Vec<String>,
        /// After how many days it is refused; without, it can be used until it is revoked
        #[arg(long)]
        days: Option<i64>,
    },
}

pub fn run(config: &Config, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let TokenCommand::Add { name, scope, days } = command;
    let name = TokenName::parse_as("name", &name)?;
    let Some(scopes) = Scopes::from_words(&scope.join(" ")) else {
        bail!("--scope must be sales, finance, read or admin, not {}", scope.join(" "));
    };
    if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        bail!("--days must be from 1 to {MAX_DAYS}");
    }
    let db = serve::open_database(config)?;
    let programme = Arc::new(db.write_blocking(store::programme::load_or_create)?);
    let env = Env::alone(SystemClock.now(), Arc::new(SystemIds), programme, &config.public_address());
    let called = name.clone();
    let (_, token) =
        db.write_blocking(move |tx| tokens::make(tx, &env, &Actor::server(), &name, scopes, days))?;
    db.close();
    println!("{called} works with this token, which is shown only now:");
    println!("{token}");
    Ok(ExitCode::SUCCESS)
}
