//! The temporary PostgreSQL server of a test process.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio_postgres::NoTls;

struct Server {
    /// Of its socket.
    directory: String,
    /// The shell that watches over it. It ends the server when its standard input closes, which even a killed test
    /// process does.
    _watch: Child,
}

/// The address of one of the server's databases.
pub(super) fn url(database: &str) -> String {
    format!("postgres:///{database}?user=postgres&host={}", server().directory)
}

/// Runs a statement of administration, one at a time.
pub(super) fn run(sql: &str) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let url = url("postgres");
    // On a thread of its own, since the test may be inside a runtime.
    let done = std::thread::scope(|scope| {
        let body = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime for the test server").block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
                let connection = tokio::spawn(connection);
                let done = client.batch_execute(sql).await;
                drop(client);
                _ = connection.await;
                done
            })
        };
        scope.spawn(body).join().expect("the thread of administration")
    });
    done.unwrap_or_else(|error| panic!("the temporary PostgreSQL server: {sql}: {error:?}"));
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let programs = programs();
    let mut watch = Command::new("sh")
        .args(["-c", include_str!("server.sh"), "goodword-test-server"])
        .arg(&programs)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // An interrupt at the terminal is for the test process; the server follows it.
        .process_group(0)
        .spawn()
        .expect("a shell for the temporary PostgreSQL server");
    let mut said = BufReader::new(watch.stdout.take().expect("piped above"));
    let mut line = String::new();
    said.read_line(&mut line).expect("what the temporary PostgreSQL server says");
    match line.trim_end().strip_prefix("ready ") {
        Some(directory) => Server { directory: directory.to_owned(), _watch: watch },
        None => {
            _ = said.read_to_string(&mut line);
            panic!("no temporary PostgreSQL server could be started from {}:\n{line}", programs.display())
        }
    }
}

/// The directory of the server's programs.
pub(super) fn programs() -> PathBuf {
    find_programs().unwrap_or_else(|| {
        panic!(
            "the tests need the programs of a PostgreSQL server (initdb, pg_ctl, postgres), in the PATH or in \
             /usr/lib/postgresql: install the package postgresql"
        )
    })
}

/// In the PATH, or the newest where Debian keeps them.
fn find_programs() -> Option<PathBuf> {
    let has =
        |directory: &Path| ["initdb", "pg_ctl", "postgres"].iter().all(|name| directory.join(name).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(directory) = std::env::split_paths(&path).find(|directory| has(directory)) {
        return Some(directory);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let versions = versions.filter_map(|entry| {
        let version: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Some((version, PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))))
    });
    versions.filter(|(_, directory)| has(directory)).max().map(|(_, directory)| directory)
}
