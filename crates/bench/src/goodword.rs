//! The server under measurement: the release program, started as an operator starts it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Plan;
use crate::clean::Process;
use crate::machine::first_number;
use crate::postgres::Database;

/// How long a server has to say that it runs, and to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a server keeps its data.
pub enum Data {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(Database),
}

impl Data {
    /// As `GOODWORD_DATABASE` and [`store::Db::open`] take it.
    pub fn url(&self) -> String {
        match self {
            Data::Sqlite(file) => format!("sqlite:{}", file.display()),
            Data::Postgres(database) => database.url(),
        }
    }

    /// How many clicks are in it, asked beside the server.
    pub fn clicks(&self) -> Result<i64> {
        self.number("SELECT COUNT(*) FROM click")
    }

    /// Asks for one number.
    pub fn number(&self, sql: &str) -> Result<i64> {
        match self {
            Data::Sqlite(file) => Ok(rusqlite::Connection::open(file)?.query_row(sql, [], |row| row.get(0))?),
            Data::Postgres(database) => database.number(sql),
        }
    }

    /// How many bytes it takes on disk; the server must have been stopped.
    pub fn bytes(&self) -> Result<i64> {
        match self {
            Data::Sqlite(file) => {
                let connection = rusqlite::Connection::open(file)?;
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
                Ok(i64::try_from(file.metadata()?.len())?)
            }
            Data::Postgres(database) => database.bytes(),
        }
    }
}

/// A running server.
pub struct Goodword {
    process: Process,
    /// Where it answers.
    pub url: String,
    /// From the start of the process to the first answer.
    pub first_answer: Duration,
    /// Kept open, since a program may have more to say.
    _said: BufReader<ChildStdout>,
}

impl Goodword {
    /// Starts the server and waits for its first answer. `folder` is its working directory and data folder.
    pub fn start(plan: &Plan, folder: &Path, database: &str) -> Result<Goodword> {
        std::fs::create_dir_all(folder)?;
        let log = folder.join("log");
        let mut command = Command::new(&plan.goodword);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--database", database])
            .arg("--data-dir")
            .arg(folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(File::create(&log)?);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GOODWORD_") {
                command.env_remove(name);
            }
        }
        command.env("GOODWORD_RATE_LIMIT", "0");
        Self::run(&mut command).with_context(|| {
            format!("goodword did not start: {}", std::fs::read_to_string(&log).unwrap_or_default())
        })
    }

    /// Starts any program that says where it answers and has `/healthz`.
    pub fn run(command: &mut Command) -> Result<Goodword> {
        let began = Instant::now();
        let (process, said) = Process::start(command.stdout(Stdio::piped()))?;
        let mut said = BufReader::new(said.context("the program's words")?);
        let mut line = String::new();
        // Ends when the program does, or says something.
        said.read_line(&mut line)?;
        let url = line.trim_end().rsplit(' ').next().filter(|word| word.starts_with("http://"));
        let Some(url) = url.map(str::to_owned) else { bail!("it said {line:?}, which is no address") };
        let until = Instant::now() + PATIENCE;
        while let Err(error) = crate::http::get(&url, "/healthz", &[]) {
            if Instant::now() > until {
                return Err(error);
            }
        }
        Ok(Goodword { process, url, first_answer: began.elapsed(), _said: said })
    }

    /// Bytes of memory that are its own: its proportional set (smaps_rollup, proc(5)).
    pub fn memory(&self) -> Result<i64> {
        let path = format!("/proc/{}/smaps_rollup", self.process.id);
        let text = std::fs::read_to_string(&path)?;
        let kib = text.lines().find_map(|line| line.strip_prefix("Pss:")).and_then(first_number);
        Ok(kib.with_context(|| format!("{path} says no Pss"))? * 1024)
    }

    /// Ends it without a word.
    pub fn kill(&self) -> Result<()> {
        self.process.kill()
    }

    /// Lets it finish what it has begun.
    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

/// Has the ledger and the audit proved by the program's own command.
pub fn verify(plan: &Plan, folder: &Path, database: &str) -> Result<bool> {
    let mut command = Command::new(&plan.goodword);
    command.args(["verify", "--database", database]).current_dir(folder).stdout(Stdio::null());
    Ok(command.status()?.success())
}
