//! A PostgreSQL server that syncs everything, and databases on it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use tokio_postgres::{Client, NoTls};

use crate::Plan;

/// The keepers of servers: each ends its server once its standard input is closed.
static KEEPERS: Mutex<Vec<(Child, ChildStdin)>> = Mutex::new(Vec::new());

/// Ends the servers that were started and waits for it.
pub fn stop_all() {
    stop(|_| true);
}

fn stop(which: impl Fn(&Child) -> bool) {
    let mut keepers = KEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
    let (ending, going_on): (Vec<_>, Vec<_>) = keepers.drain(..).partition(|(keeper, _)| which(keeper));
    *keepers = going_on;
    drop(keepers);
    for (mut keeper, input) in ending {
        drop(input);
        _ = keeper.wait();
    }
}

/// A database, dropped with its server.
#[derive(Debug, Clone)]
pub struct Database {
    address: Address,
    name: String,
}

#[derive(Debug, Clone)]
enum Address {
    /// The directory of a temporary server's socket.
    Socket(PathBuf),
    /// An address of an existing server.
    Url(String),
}

impl Address {
    fn url(&self, database: &str) -> String {
        match self {
            Address::Socket(folder) => {
                format!("postgres:///{database}?user=postgres&host={}", folder.display())
            }
            Address::Url(url) => with_database(url, database),
        }
    }
}

/// An address with another database in it.
fn with_database(url: &str, database: &str) -> String {
    let (place, options) = url.split_once('?').map_or((url, ""), |(place, options)| (place, options));
    let after_scheme = place.find("://").map_or(0, |at| at + 3);
    let server = place[after_scheme..].find('/').map_or(place, |at| &place[..after_scheme + at]);
    let mark = if options.is_empty() { "" } else { "?" };
    format!("{server}/{database}{mark}{options}")
}

/// A server on which databases can be made.
pub struct Server {
    address: Address,
    /// The database from which others are made, where the server isn't ours.
    home: String,
    /// The process number of a temporary server's keeper.
    keeper: u32,
    made: Mutex<Vec<String>>,
}

impl Server {
    /// Starts a temporary server, or takes the one that was given.
    pub fn start(plan: &Plan) -> Result<Server> {
        if let Some(url) = &plan.postgres {
            let home = url.split('?').next().and_then(|place| place.rsplit('/').next()).unwrap_or("postgres");
            return Ok(Server {
                address: Address::Url(url.clone()),
                home: home.to_owned(),
                keeper: 0,
                made: Mutex::default(),
            });
        }
        let folder = plan.folder.join(format!("postgres-{}", number()));
        let programs = programs().context(
            "the programs of a PostgreSQL server (initdb, pg_ctl, postgres) are missing: install the package postgresql",
        )?;
        let mut keeper = Command::new("sh")
            .args(["-c", include_str!("postgres.sh"), "goodword-bench-postgres"])
            .arg(&programs)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("sh can't be started")?;
        let input = keeper.stdin.take().context("the keeper's input")?;
        let id = keeper.id();
        let mut said = BufReader::new(keeper.stdout.take().context("the keeper's words")?);
        KEEPERS.lock().unwrap_or_else(PoisonError::into_inner).push((keeper, input));
        let mut line = String::new();
        said.read_line(&mut line)?;
        if line.trim_end() != "ready" {
            _ = said.read_to_string(&mut line);
            bail!("no PostgreSQL server could be started from {}:\n{line}", programs.display());
        }
        Ok(Server {
            address: Address::Socket(folder),
            home: "postgres".to_owned(),
            keeper: id,
            made: Mutex::default(),
        })
    }

    /// A new, empty database.
    pub fn create(&self) -> Result<Database> {
        self.make("")
    }

    /// A copy of a database that nobody has open.
    pub fn copy(&self, of: &Database) -> Result<Database> {
        self.make(&format!("TEMPLATE {}", of.name))
    }

    fn make(&self, how: &str) -> Result<Database> {
        let name = format!("goodword_bench_{}_{}", std::process::id(), number());
        execute(&self.address.url(&self.home), &format!("CREATE DATABASE {name} {how}"))?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        Ok(Database { address: self.address.clone(), name })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.address {
            Address::Socket(_) => stop(|keeper| keeper.id() == self.keeper),
            Address::Url(_) => {
                for name in self.made.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
                    if let Err(error) = execute(&self.address.url(&self.home), &drop) {
                        eprintln!("warning: the database {name} could not be removed: {error:#}");
                    }
                }
            }
        }
    }
}

impl Database {
    /// Its address.
    pub fn url(&self) -> String {
        self.address.url(&self.name)
    }

    /// Asks for one number.
    pub fn number(&self, sql: &str) -> Result<i64> {
        with_client(&self.url(), async |client| Ok(client.query_one(sql, &[]).await?.get(0)))
    }

    /// How many bytes it takes, after what updates left behind has been cleared away.
    pub fn bytes(&self) -> Result<i64> {
        execute(&self.url(), "VACUUM")?;
        self.number("SELECT pg_database_size(current_database())")
    }
}

fn execute(url: &str, sql: &str) -> Result<()> {
    with_client(url, async |client| Ok(client.batch_execute(sql).await?))
}

/// Runs one thing on a connection of its own.
pub fn with_client<T>(url: &str, work: impl AsyncFnOnce(&mut Client) -> Result<T>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (mut client, connection) =
            tokio_postgres::connect(url, NoTls).await.context("no connection to PostgreSQL")?;
        let driver = tokio::spawn(connection);
        let done = work(&mut client).await;
        drop(client);
        _ = driver.await;
        done
    })
}

fn number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The directory of the server's programs: the newest where Debian keeps them, or in the PATH.
fn programs() -> Option<PathBuf> {
    let has = |folder: &Path| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file());
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| has(folder))
        .max();
    newest
        .map(|(_, folder)| folder)
        .or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).find(|folder| has(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_in_an_address_is_changed() {
        for (url, expected) in [
            ("postgres://u:p@host:5432/home?sslmode=disable", "postgres://u:p@host:5432/x?sslmode=disable"),
            ("postgres://host/home", "postgres://host/x"),
            ("postgres://host", "postgres://host/x"),
            ("postgres:///home?host=/run", "postgres:///x?host=/run"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }
}
