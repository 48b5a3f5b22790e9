//! `goodword import`: partners, codes, clients, deals and open balances from another system.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use domain::{
    clock::Clock,
    import::{self, Kind, Preset},
};

use crate::{
    app::Env,
    config::Config,
    ops::{
        Actor,
        import::{self as taking, File, ImportError, Order, Report, Step},
    },
    real::{SystemClock, SystemIds},
    serve,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: goodword import ./export --preset rewardful --dry-run\n\n\
    The folder holds partners.csv, clients.csv, deals.csv and balances.csv, or some of them; each can be named by an option \
    instead. With --dry-run everything is done and taken back, and the report is true. Without, everything is imported or \
    nothing: a single line that is wrong keeps all of it out. The same files again change nothing, longer ones add what is \
    new. Nobody is sent mail, unless --invite says so. On SQLite the server can't write meanwhile: import at a quiet hour.\n\n\
    Exit code 0: done, or would do; 1: nothing was imported, and why is said; 2: the command was not understood.")]
pub struct ImportArgs {
    /// A folder with partners.csv, clients.csv, deals.csv, balances.csv
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Partners and their codes
    #[arg(long, value_name = "FILE")]
    partners: Option<PathBuf>,
    /// Clients, and whose they are
    #[arg(long, value_name = "FILE")]
    clients: Option<PathBuf>,
    /// Deals, won ones as the old system settled them
    #[arg(long, value_name = "FILE")]
    deals: Option<PathBuf>,
    /// What is still owed to partners
    #[arg(long, value_name = "FILE")]
    balances: Option<PathBuf>,
    /// The system whose columns the files have: rewardful, firstpromoter, tapfiliate or refferq
    #[arg(long)]
    preset: Option<String>,
    /// What the old system is called; keeps the identifiers of two systems apart. Without: the preset, or csv, as long as
    /// nothing was imported under another name
    #[arg(long)]
    source: Option<String>,
    /// The email address of the admin in whose name open balances are booked
    #[arg(long, value_name = "EMAIL")]
    by: Option<String>,
    /// Do everything and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Send each new partner the mail that welcomes partners
    #[arg(long)]
    invite: bool,
    /// Write the whole report into a file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Say on standard error how far it is, also where that is no terminal
    #[arg(long)]
    progress: bool,
}

/// How many problems are printed; the rest is counted.
const SHOWN: usize = 1_000;

/// Between two words about the progress where nobody watches them change.
const EVERY: Duration = Duration::from_secs(5);

pub fn run(config: &Config, args: ImportArgs) -> anyhow::Result<ExitCode> {
    let Some(order) = order(&args)? else { return Ok(ExitCode::from(2)) };
    let db = serve::open_database(config)?;
    let programme = Arc::new(db.write_blocking(store::programme::load_or_create)?);
    let now = SystemClock.now();
    let env = Env::alone(now, Arc::new(SystemIds), programme, &config.public_address());
    let by = match &args.by {
        Some(email) => {
            let email = email.clone();
            db.read_blocking(move |tx| taking::admin(tx, &email))?
        }
        None => Actor::server(),
    };
    let parsed = Arc::new(taking::read(&order, env.programme.currency, now));
    let shown = args.progress || std::io::stderr().is_terminal();
    let progress = shown.then(|| Arc::new(Mutex::new(Progress::new())));
    let begun = Instant::now();
    let done = {
        let (order, progress) = (order.clone(), progress.clone());
        db.write_bulk_blocking(move |tx| {
            taking::import(tx, &env, &by, &order, &parsed, |step| {
                if let Some(mut progress) = progress.as_ref().and_then(|progress| progress.lock().ok()) {
                    progress.show(step);
                }
            })
        })
    };
    db.close();
    if let Some(progress) = progress.as_ref().and_then(|progress| progress.lock().ok()) {
        progress.end();
    }
    let seconds = begun.elapsed().as_secs_f32();
    let (report, code, end) = match done {
        Ok(report) => (report, ExitCode::SUCCESS, format!("Imported, in {seconds:.1} seconds.")),
        Err(ImportError::Tried(report)) => {
            let end = format!(
                "THIS WAS A DRY RUN, in {seconds:.1} seconds: nothing was kept. Import with the same command without --dry-run."
            );
            (*report, ExitCode::SUCCESS, end)
        }
        Err(ImportError::Problems(report)) => {
            let count = report.problem_count();
            let what = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
            (
                *report,
                ExitCode::FAILURE,
                format!("Nothing was imported: {what} (above). Mend the files and run this again."),
            )
        }
        Err(error @ ImportError::Nobody(_)) => bail!("{error}. Add --by EMAIL"),
        Err(error) => return Err(error.into()),
    };
    if let Some(path) = &args.report {
        write_report(path, &report)?;
    }
    print(&report, args.report.as_deref());
    println!("{end}");
    Ok(code)
}

/// What is asked for; none where it can't be understood, which was said.
fn order(args: &ImportArgs) -> anyhow::Result<Option<Order>> {
    let misunderstood = |what: &str| {
        eprintln!("goodword: {what}");
        Ok(None)
    };
    let preset = match &args.preset {
        None => None,
        Some(word) => match Preset::from_word(&word.to_lowercase()) {
            Some(preset) => Some(preset),
            None => {
                return misunderstood(&format!(
                    "--preset must be rewardful, firstpromoter, tapfiliate or refferq, not {word}; leave it out for files with Goodword's own columns"
                ));
            }
        },
    };
    let source_given = args.source.is_some();
    let typed = args.source.clone().unwrap_or_else(|| preset.map_or("csv", Preset::as_str).to_owned());
    let Some(source) = import::source(&typed) else {
        return misunderstood("--source is a word of letters, digits and hyphens, at most 40 of them");
    };
    let mut files = Vec::new();
    for kind in Kind::ALL {
        let named = match kind {
            Kind::Partners => &args.partners,
            Kind::Clients => &args.clients,
            Kind::Deals => &args.deals,
            Kind::Balances => &args.balances,
        };
        let in_folder = args.folder.as_ref().map(|folder| folder.join(format!("{}.csv", kind.as_str())));
        let path = named.clone().or_else(|| in_folder.filter(|path| path.is_file()));
        if let Some(path) = path {
            let bytes = std::fs::read(&path).with_context(|| format!("{} can't be read", path.display()))?;
            let name = path
                .file_name()
                .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
            files.push(File { kind, name, bytes });
        }
    }
    if files.is_empty() {
        return misunderstood(&match &args.folder {
            Some(folder) => format!(
                "{} holds none of partners.csv, clients.csv, deals.csv and balances.csv",
                folder.display()
            ),
            None => "name a folder, or files with --partners, --clients, --deals and --balances. See goodword import --help".into(),
        });
    }
    Ok(Some(Order { files, preset, source, source_given, dry_run: args.dry_run, invite: args.invite }))
}

fn print(report: &Report, whole: Option<&Path>) {
    for problem in report.shortened(SHOWN).problems {
        println!("{}{problem}", if problem.stops { "" } else { "note: " });
    }
    let left = report.problems.len().saturating_sub(SHOWN);
    if left > 0 {
        let place = whole.map_or("--report FILE writes all of them".into(), |path| {
            format!("all are in {}", path.display())
        });
        println!("and {left} more; {place}");
    }
    for sum in report.sums() {
        println!("{sum}");
    }
}

fn write_report(path: &Path, report: &Report) -> anyhow::Result<()> {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(if problem.stops { "" } else { "note: " });
        text.push_str(&format!("{problem}\n"));
    }
    for sum in report.sums() {
        text.push_str(&format!("{sum}\n"));
    }
    std::fs::write(path, text).with_context(|| format!("The report can't be written to {}", path.display()))
}

/// Says on standard error how far it is: on a terminal in a line that changes, elsewhere in a line now and then.
struct Progress {
    terminal: bool,
    last: (&'static str, Instant),
}

impl Progress {
    fn new() -> Progress {
        Progress { terminal: std::io::stderr().is_terminal(), last: ("", Instant::now()) }
    }

    fn show(&mut self, step: Step) {
        let Step { what, done, of } = step;
        let line = format!("{what}: {done} of {of} ({} %)", done * 100 / of.max(1));
        let mut out = std::io::stderr().lock();
        // Whoever has closed the other end doesn't want to know.
        if self.terminal {
            _ = write!(out, "\r\x1b[K{line}");
        } else if what != self.last.0 || self.last.1.elapsed() >= EVERY {
            _ = writeln!(out, "{line}");
            self.last = (what, Instant::now());
        }
        _ = out.flush();
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
