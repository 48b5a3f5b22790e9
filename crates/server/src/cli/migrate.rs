//! `goodword migrate-to`: the whole installation from SQLite to PostgreSQL.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::bail;
use domain::clock::Clock;
use store::copy::{self, CopyError, Order, Report, Step};

use crate::{
    config::{Config, hide_password},
    real::SystemClock,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: goodword migrate-to postgres://goodword:secret@db.example.com/goodword --rehearse\n\n\
    Rehearse while the server runs: everything is copied and verified, nothing is kept, and you know how long it takes. \
    Then stop the server and run the same without --rehearse. Stopped on the way, it leaves both sides as they were: run \
    it again. With - as the address it is read from standard input, so that the password is in no list of processes.\n\n\
    Exit code 0: done; 1: nothing was copied, and why is said; 2: the command was not understood."
)]
pub struct MigrateArgs {
    /// postgres://USER:PASSWORD@HOST/DATABASE, an empty database; or - to read that from standard input
    #[arg(value_name = "URL", required_unless_present = "reopen")]
    target: Option<String>,
    /// Do everything beside a running server, and keep nothing
    #[arg(long)]
    rehearse: bool,
    /// Give up a move: let servers start again on the SQLite installation. What PostgreSQL has stays there
    #[arg(long, conflicts_with_all = ["target", "rehearse"])]
    reopen: bool,
}

/// Between two words about the progress where nobody watches them change.
const EVERY: Duration = Duration::from_secs(10);

pub fn run(config: &Config, args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let source = config.database.as_str();
    if !source.starts_with("sqlite:") {
        bail!(
            "The settings name {}, which is no SQLite installation. Say which one is to be moved with --database sqlite:FILE",
            hide_password(source)
        );
    }
    let Some(target) = args.target else {
        let moved = copy::reopen(source).map_err(said)?;
        println!(
            "{}",
            if moved { "Servers start on it again." } else { "It had not moved: servers start on it." }
        );
        return Ok(ExitCode::SUCCESS);
    };
    let target =
        if target == "-" { std::io::read_to_string(std::io::stdin())?.trim().to_owned() } else { target };
    if !["postgres://", "postgresql://"].iter().any(|scheme| target.starts_with(scheme)) {
        eprintln!(
            "goodword: the address to move to must begin with postgres://, as in postgres://goodword@localhost/goodword"
        );
        return Ok(ExitCode::from(2));
    }
    let place = hide_password(&target);
    let begun = (SystemClock.now(), Instant::now());
    let order = Order { rehearsal: args.rehearse, ..Order::new(source, &target, &place) };
    let mut progress = Progress::new();
    let copied = copy::run(&order, |step| progress.show(step));
    progress.end();
    let report = match copied {
        Ok(report) => report,
        Err(error) => {
            list(&error);
            let nothing = !matches!(error, CopyError::Moved(_) | CopyError::Unsaved(_));
            let error = said(error);
            return Err(if nothing { error.context(format!("Nothing was moved to {place}")) } else { error });
        }
    };
    print(&report);
    let seconds = begun.1.elapsed().as_secs_f32();
    let rows: u64 = report.tables.iter().map(|table| table.rows).sum();
    println!(
        "\n{rows} rows in {} tables, the same on both sides, in {seconds:.1} seconds.",
        report.tables.len()
    );
    println!("The ledger and the audit were verified there: nothing was found. The audit ends at:");
    for head in &report.heads {
        println!("{}", super::verify::written(head));
    }
    if args.rehearse {
        let written =
            if report.written_since { "The server has written since" } else { "Nothing was written since" };
        println!(
            "\nTHIS WAS A REHEARSAL of {} as it was at {}. {written}; nothing was kept in {place}.\n\
             To move, stop the server and run the same without --rehearse.",
            source,
            begun.0.rfc3339()
        );
    } else {
        println!(
            "\nDone. {source} is closed now, a server refuses to start on it. Keep the file as a backup of this moment.\n\
             Next: keep GOODWORD_DATA_DIR as it is, set GOODWORD_DATABASE={place}\n\
             (with its password), and start the server."
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The error as a sentence that says what to do.
fn said(error: CopyError) -> anyhow::Error {
    let remedy = match &error {
        CopyError::InUse => ". Stop the server and run this again, or add --rehearse to try beside it",
        CopyError::Moved(_) => {
            ". Start the server with GOODWORD_DATABASE set to that; or, to go on with the SQLite installation as it was, \
             run goodword migrate-to --reopen"
        }
        CopyError::Unsaved(_) => {
            ". Run this again, which finds out; the SQLite installation is closed until then (goodword migrate-to --reopen \
             gives the move up)"
        }
        CopyError::Unfit(_) => " (above). Mend them, and run this again",
        CopyError::Differs(_) => {
            ". Run this again; if it says the same, report it: nothing may differ, and nothing was kept"
        }
        CopyError::Findings(_) => {
            " (above), which goodword verify finds in the SQLite installation too. Keep a copy of it before anything is changed"
        }
        CopyError::Refused(_) | CopyError::Db(_) => "",
    };
    anyhow::anyhow!("{error}{remedy}")
}

/// What an error is about, a line each.
fn list(error: &CopyError) {
    match error {
        CopyError::Unfit(unfit) => unfit.iter().for_each(|unfit| println!("{unfit}")),
        CopyError::Findings(findings) => findings.iter().for_each(|finding| println!("{finding}")),
        _ => {}
    }
}

fn print(report: &Report) {
    let width = report.tables.iter().map(|table| table.table.len()).max().unwrap_or(0);
    println!("{:<width$}  {:>12}  CHECKSUM", "TABLE", "ROWS");
    for table in &report.tables {
        println!("{:<width$}  {:>12}  {}", table.table, table.rows, table.checksum);
    }
}

/// Says on standard error what is being done: on a terminal in a line that changes, elsewhere in a line now and then.
struct Progress {
    terminal: bool,
    /// What was said last, without its numbers, and when.
    last: (String, Instant),
}

impl Progress {
    fn new() -> Progress {
        Progress { terminal: std::io::stderr().is_terminal(), last: (String::new(), Instant::now()) }
    }

    fn show(&mut self, step: Step<'_>) {
        let percent = |rows: u64, of: u64| format!("{rows} of {of} rows ({} %)", rows * 100 / of.max(1));
        let (what, how_far) = match step {
            Step::Reading { table, rows } => (format!("reading {table}"), format!("{rows} rows")),
            Step::Copying { table, rows, of } => (format!("copying {table}"), percent(rows, of)),
            Step::Building { name } => (format!("building {name}"), String::new()),
            Step::Comparing { table, rows, of } => (format!("comparing {table}"), percent(rows, of)),
            Step::Proving => ("verifying the ledger and the audit".into(), String::new()),
            Step::Closing => ("closing the SQLite installation".into(), String::new()),
            Step::Saving => ("saving".into(), String::new()),
        };
        let line = format!("{what} {how_far}");
        let mut out = std::io::stderr().lock();
        // Whoever has closed the other end doesn't want to know.
        if self.terminal {
            _ = write!(out, "\r\x1b[K{}", line.trim_end());
        } else if what != self.last.0 || self.last.1.elapsed() >= EVERY {
            _ = writeln!(out, "{}", line.trim_end());
            self.last = (what, Instant::now());
        }
        _ = out.flush();
    }

    /// Leaves the line to what is said next.
    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
