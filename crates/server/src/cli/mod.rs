//! The command line: `goodword serve`, `demo`, `staff add`, `token add`, `verify`, `migrate-to`.

mod demo;
mod export;
mod import;
mod migrate;
mod staff;
mod token;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    config::{Config, LogFormat, Settings},
    serve,
};

/// A partner programme server for companies whose sales are closed by people.
#[derive(Debug, Parser)]
#[command(
    name = "goodword",
    version,
    after_help = "Example: goodword --data-dir /var/lib/goodword --public-url https://partners.example.com"
)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what happens without a command)
    #[command(after_help = "Example: goodword serve --listen 127.0.0.1:8080")]
    Serve {
        /// Print the effective settings, secrets hidden, and stop
        #[arg(long)]
        print_config: bool,
    },
    /// Run a throw-away programme full of believable data and print how to sign in
    #[command(
        after_help = "Example: goodword demo --listen 127.0.0.1:9000\n\nIt lives in a temporary folder, \
                            which is removed when the demo is stopped; your own database is left alone. With \
                            --keep it stays in a folder of your choice."
    )]
    Demo(demo::DemoArgs),
    /// Add people to the office
    Staff {
        #[command(subcommand)]
        command: staff::StaffCommand,
    },
    /// Make tokens for other programs
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Check every invariant of the ledger and every link of the audit; exit code 1 and the findings when anything is off
    #[command(
        after_help = "Example: goodword verify --data-dir /var/lib/goodword > heads.txt\n\nKeep the file on another \
                      machine. Later, --heads heads.txt tells whether the audit was rewritten since."
    )]
    Verify {
        /// Compare with what an earlier `goodword verify` has printed into this file
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
    },
    /// Take partners, codes, clients, deals and open balances over from another system: everything or nothing
    Import(import::ImportArgs),
    /// Write everything into files, CSV or JSON Lines
    Export(export::ExportArgs),
    /// Move the installation from SQLite to PostgreSQL: everything or nothing, verified
    MigrateTo(migrate::MigrateArgs),
}

/// Runs the program: exit code 0 when all is well, 1 when something failed, 2 when the command was not understood.
pub fn run() -> ExitCode {
    crate::real::choose_tls();
    let cli = Cli::parse();
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("goodword: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes in one line.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = Config::load(cli.settings)?;
    match cli.command.unwrap_or(Command::Serve { print_config: false }) {
        Command::Serve { print_config: true } => {
            println!("{}", config.print());
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve { print_config: false } => {
            start_log(&config)?;
            runtime()?.block_on(async {
                let ready = serve::prepare(config).await?;
                print!("{}", ready.greeting().await?);
                ready.run().await
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(args) => {
            start_log(&config)?;
            runtime()?.block_on(demo::run(config, args))
        }
        Command::Staff { command } => staff::run(&config, command),
        Command::Token { command } => token::run(&config, command),
        Command::Export(args) => export::run(&config, &args),
        Command::Import(args) => import::run(&config, args),
        Command::MigrateTo(args) => migrate::run(&config, args),
        Command::Verify { heads } => verify::run(&config, heads.as_deref()),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn start_log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| {
        anyhow::anyhow!("GOODWORD_LOG is not a filter such as info or server=debug: {error}")
    })?;
    // Standard output is for what the person at the terminal reads: where to go, how to sign in.
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
