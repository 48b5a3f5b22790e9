//! SQLite: one thread writes, a few read, and two read what takes long.
//!
//! The writer takes every unit that waits into one commit, because the disk's sync is what a commit costs: units that
//! arrive during one sync form the next group, without timers. Each unit stands in a savepoint of its own, so that one
//! failing takes nothing from the others, and all are answered after the commit.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, never};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, ffi};

use crate::db::{Options, Queues};
use crate::news::Topic;
use crate::tx::Session;
use crate::unit::{Access, Job};
use crate::{DbError, Dialect, Row, SqlErrorKind, Tx, Value};

/// The most units in one commit: a bound on how long the first of them waits for the others.
const GROUP: usize = 256;
/// Threads for what reads long: one for the verification, which may take minutes, one for files that are exported.
const REPORTERS: usize = 2;
/// Statements kept prepared on each connection.
const STATEMENTS: usize = 512;

/// Opens the file and starts the threads.
pub(crate) fn start(path: &str, options: &Options) -> Result<(Queues, Vec<JoinHandle<()>>), DbError> {
    let path = Path::new(path);
    if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
        return Err(DbError::Open("sqlite: needs a file, as in sqlite:/var/lib/goodword/goodword.db".into()));
    }
    create(path)?;
    let writer = connect(path, options, true)?;
    let (write, waiting) = bounded(options.queue);
    let mut threads = vec![spawn("db-write", move || write_loop(writer, &waiting))?];
    let (read, waiting) = bounded(options.queue);
    for _ in 0..options.readers.max(2) {
        let (reader, waiting) = (connect(path, options, false)?, waiting.clone());
        threads.push(spawn("db-read", move || read_loop(reader, &waiting))?);
    }
    let (report, waiting) = bounded(options.queue);
    for _ in 0..REPORTERS {
        let (reader, waiting) = (connect(path, options, false)?, waiting.clone());
        // What is sorted for a report may be more than there is memory, and what is read for it is read once.
        reader
            .conn
            .execute_batch("PRAGMA temp_store=FILE; PRAGMA cache_size=-16384")
            .map_err(|error| DbError::Open(error.to_string()))?;
        threads.push(spawn("db-report", move || read_loop(reader, &waiting))?);
    }
    Ok((Queues { write, read, report }, threads))
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, DbError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(body)
        .map_err(|error| DbError::Open(format!("no thread for the database: {error}")))
}

/// Makes the file where it is missing, for its owner alone: it holds people's data.
fn create(path: &Path) -> Result<(), DbError> {
    let mut file = OpenOptions::new();
    file.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    match file.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(DbError::Open(format!("cannot create the database {}: {error}", path.display()))),
    }
}

fn connect(path: &Path, options: &Options, writes: bool) -> Result<Connected, DbError> {
    let failed = |error: rusqlite::Error| {
        if is_busy(&error) {
            DbError::Busy
        } else {
            DbError::Open(format!("cannot open the database {}: {error}", path.display()))
        }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.busy_timeout(options.patience).map_err(failed)?;
    // Two programs that switch a new file to WAL at once don't wait for each other, so this one tries again.
    let until = Instant::now() + options.patience;
    let mode = loop {
        match conn.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0)) {
            Err(error) if is_busy(&error) && Instant::now() < until => {
                thread::sleep(Duration::from_millis(10))
            }
            mode => break mode.map_err(failed)?,
        }
    };
    if mode != "wal" {
        return Err(DbError::Open(format!(
            "the database {} cannot keep a write-ahead log ({mode}): it must lie on a local disk, not a network share",
            path.display()
        )));
    }
    conn.execute_batch(
        "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY",
    )
    .map_err(failed)?;
    // Without, a statement that compares with LIKE is prepared anew each time it is given another pattern, in case an index
    // would serve that one. None would: patterns begin with %.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    if !writes {
        conn.execute_batch("PRAGMA query_only=ON").map_err(failed)?;
    }
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(Connected::new(conn))
}

fn write_loop(mut db: Connected, waiting: &Receiver<Job>) {
    while let Ok(mut first) = waiting.recv() {
        while let Some(next) = write_next(&mut db, first, waiting) {
            first = next;
        }
    }
}

/// Runs a unit that writes much, or else a group. The answer is a unit that was taken from the queue and not yet run.
fn write_next(db: &mut Connected, first: Job, waiting: &Receiver<Job>) -> Option<Job> {
    if first.access == Access::Bulk {
        write_alone(db, first);
        return None;
    }
    write_group(db, first, waiting)
}

/// Runs a unit in a transaction of its own, without a savepoint: SQLite keeps what a savepoint has changed in a list, and
/// walks it at each statement.
fn write_alone(db: &mut Connected, mut job: Job) {
    if job.unit.abandoned() {
        return;
    }
    if let Err(error) = db.control("BEGIN IMMEDIATE") {
        return job.unit.fail(error);
    }
    let good = job.unit.run(&mut Tx::new(db));
    // After a failure of its own SQLite may have given the transaction up.
    if !good || db.conn.is_autocommit() {
        _ = db.control("ROLLBACK");
        return match good {
            true => job.unit.fail(DbError::Commit("SQLite gave the transaction up".into())),
            false => job.unit.answer(),
        };
    }
    match db.control("COMMIT") {
        Ok(()) => job.unit.answer(),
        Err(error) => {
            _ = db.control("ROLLBACK");
            fail(vec![job], &DbError::Commit(error.to_string()));
        }
    }
}

fn write_group(db: &mut Connected, first: Job, waiting: &Receiver<Job>) -> Option<Job> {
    let mut next = Some(first);
    if let Err(error) = db.control("BEGIN IMMEDIATE") {
        // Another process holds the lock, or the disk has gone. Those who wait have waited as long: they are told too.
        for job in next.into_iter().chain(waiting.try_iter().take(GROUP)) {
            job.unit.fail(error.clone());
        }
        return None;
    }
    let mut group = Vec::new();
    while let Some(mut job) = next.take_if(|job| job.access != Access::Bulk) {
        if !job.unit.abandoned() {
            match write_unit(db, &mut job) {
                Ok(()) => group.push(job),
                // The transaction itself is gone (a full disk does that), and with it the units before this one.
                Err(error) => {
                    group.push(job);
                    _ = db.control("ROLLBACK");
                    apart(db, group, &error);
                    return None;
                }
            }
        }
        if group.len() < GROUP {
            next = waiting.try_recv().ok();
        }
    }
    match db.control("COMMIT") {
        Ok(()) => group.into_iter().for_each(|job| job.unit.answer()),
        Err(error) => {
            _ = db.control("ROLLBACK");
            fail(group, &DbError::Commit(error.to_string()));
        }
    }
    next
}

/// After one unit has taken the whole transaction down with it, runs each alone, so that only that one fails.
fn apart(db: &mut Connected, group: Vec<Job>, error: &DbError) {
    if group.len() == 1 {
        return fail(group, error);
    }
    for job in group {
        _ = write_group(db, job, &never());
    }
}

fn fail(group: Vec<Job>, error: &DbError) {
    tracing::error!(%error, units = group.len(), "a group of units was not committed");
    group.into_iter().for_each(|job| job.unit.fail(error.clone()));
}

/// Runs one unit in a savepoint. The error is that of the whole transaction.
fn write_unit(db: &mut Connected, job: &mut Job) -> Result<(), DbError> {
    db.control("SAVEPOINT unit")?;
    let mut tx = Tx::new(db);
    let commit = job.unit.run(&mut tx);
    let cause = tx.doom().cloned();
    if db.conn.is_autocommit() {
        let cause = cause.map_or_else(|| "a unit ended it".into(), |cause| cause.to_string());
        return Err(DbError::Unavailable(format!("SQLite gave the transaction up: {cause}")));
    }
    if !commit {
        db.control("ROLLBACK TO unit")?;
    }
    db.control("RELEASE unit")
}

fn read_loop(mut db: Connected, waiting: &Receiver<Job>) {
    while let Ok(mut job) = waiting.recv() {
        if job.unit.abandoned() {
            continue;
        }
        if let Err(error) = db.control("BEGIN") {
            job.unit.fail(error);
            continue;
        }
        job.unit.run(&mut Tx::new(&mut db));
        if !db.conn.is_autocommit() && db.control("COMMIT").is_err() {
            _ = db.control("ROLLBACK");
        }
        job.unit.answer();
    }
}

/// A connection with its statements.
pub(crate) struct Connected {
    pub(crate) conn: Connection,
    /// By the text as the program wrote it.
    texts: HashMap<String, Text>,
}

struct Text {
    sql: Arc<str>,
    columns: Arc<[String]>,
    /// It changes rows, so the connection's count of changes is its own.
    changes: bool,
}

impl Connected {
    pub(crate) fn new(conn: Connection) -> Self {
        Self { conn, texts: HashMap::new() }
    }

    /// A statement of the layer itself.
    pub(crate) fn control(&self, sql: &str) -> Result<(), DbError> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.raw_execute()).map(drop).map_err(
            |error| {
                if is_busy(&error) { DbError::Busy } else { refused(sql, &error) }
            },
        )
    }

    /// Runs a statement once for each set of parameters; answers how many rows it changed, or returned.
    fn run<P: AsRef<[Value]>>(
        &mut self,
        sql: &str,
        sets: &[P],
        mut each: impl FnMut(Row),
    ) -> Result<u64, DbError> {
        if !self.texts.contains_key(sql) {
            // Texts are few and constant; one that isn't must not fill the memory.
            if self.texts.len() >= 2 * STATEMENTS {
                self.texts.clear();
            }
            let text = Dialect::Sqlite.statement(sql)?;
            let first: String = text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
            let changes = !["CREATE", "DROP", "ALTER"].iter().any(|word| first.eq_ignore_ascii_case(word));
            self.texts.insert(sql.to_owned(), Text { sql: text.into(), columns: Arc::from([]), changes });
        }
        let text = self.texts.get_mut(sql).expect("inserted above");
        let refuse = |error| refused(sql, &error);
        let mut statement = self.conn.prepare_cached(&text.sql).map_err(refuse)?;
        let mut count = 0;
        for params in sets {
            let params = params.as_ref();
            if statement.parameter_count() != params.len() {
                let (given, needed) = (params.len(), statement.parameter_count());
                return Err(DbError::refused(sql, format!("{given} parameters given, {needed} needed")));
            }
            for (index, value) in params.iter().enumerate() {
                statement.raw_bind_parameter(index + 1, value).map_err(refuse)?;
            }
            let returns = statement.column_count() > 0;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().map_err(refuse)? {
                count += 1;
                // Asked of the row, since the first step prepares a statement anew whose tables have changed.
                let described = row.as_ref();
                if text.columns.len() != described.column_count() {
                    text.columns = described.column_names().map(str::to_owned).collect();
                }
                let mut values = Vec::with_capacity(text.columns.len());
                for (index, column) in text.columns.iter().enumerate() {
                    values.push(decode(column, row.get_ref(index).map_err(refuse)?)?);
                }
                each(Row { columns: Arc::clone(&text.columns), values });
            }
            drop(rows);
            if !returns && text.changes {
                count += self.conn.changes();
            }
        }
        Ok(count)
    }
}

impl Session for Connected {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn exec(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.run(sql, &[params], drop)
    }

    fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::new();
        self.run(sql, &[params], |row| rows.push(row))?;
        Ok(rows)
    }

    fn many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, DbError> {
        self.run(sql, rows, drop)
    }

    fn later(&mut self, sql: &str, rows: Vec<Vec<Value>>) -> Result<(), DbError> {
        // There is no trip to save.
        self.run(sql, &rows, drop).map(drop)
    }

    fn notify(&mut self, _: Topic) -> Result<(), DbError> {
        // One process has the database, and it knows.
        Ok(())
    }

    fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.conn.execute_batch(sql).map_err(|error| refused(sql, &error))
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn decode(column: &str, value: ValueRef<'_>) -> Result<Value, DbError> {
    let wrong = |reason: &str| DbError::Decode { column: column.to_owned(), reason: reason.to_owned() };
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::Text(text.to_owned())),
            Err(_) => Err(wrong("is text that isn't UTF-8")),
        },
        ValueRef::Real(_) => Err(wrong("is a floating-point number; CAST it to BIGINT or TEXT")),
        ValueRef::Blob(_) => Err(wrong("is a blob; only BIGINT and TEXT are read")),
    }
}

pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(crate) fn refused(sql: &str, error: &rusqlite::Error) -> DbError {
    let code = error.sqlite_error().map_or(0, |error| error.extended_code);
    let kind = match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            SqlErrorKind::Unique
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => SqlErrorKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_CHECK => SqlErrorKind::Check,
        ffi::SQLITE_CONSTRAINT_NOTNULL => SqlErrorKind::NotNull,
        ffi::SQLITE_READONLY => SqlErrorKind::ReadOnly,
        _ => SqlErrorKind::Other,
    };
    // rusqlite's own words repeat the statement where the failure has a place in it.
    let message = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, offset, .. } => format!("{msg} at byte {offset}"),
        other => other.to_string(),
    };
    DbError::Sql { kind, code: code.to_string(), message, sql: sql.to_owned() }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::params;
    use crate::testing::{Place, options};
    use crate::unit::{Reply, Work};

    #[test]
    fn a_search_is_prepared_once_whatever_is_searched_for() {
        let place = Place::empty_sqlite();
        let url = place.url();
        let path = Path::new(url.strip_prefix("sqlite:").unwrap());
        create(path).unwrap();
        let db = connect(path, &options(), true).unwrap();
        db.conn
            .execute_batch("CREATE TABLE person (name TEXT) STRICT; CREATE INDEX named ON person (name)")
            .unwrap();
        let mut statement =
            db.conn.prepare("SELECT name FROM person WHERE name LIKE ?1 ESCAPE '\\'").unwrap();
        for pattern in ["%anna%", "%bert%", "%carla%"] {
            statement.query_row([pattern], |_| Ok(())).unwrap_err();
        }
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn on_a_full_disk_what_is_told_is_what_is_saved() {
        let place = Place::empty_sqlite();
        let url = place.url();
        let path = Path::new(url.strip_prefix("sqlite:").unwrap());
        create(path).unwrap();
        let mut db = connect(path, &options(), true).unwrap();
        db.conn.execute_batch("CREATE TABLE full (id INTEGER PRIMARY KEY, words TEXT)").unwrap();
        // A disk with room for a hundred pages.
        db.conn.execute_batch("PRAGMA max_page_count=100").unwrap();
        let (queue, waiting) = bounded(64);
        let mut answers = Vec::new();
        for id in 0..30_i64 {
            // Every third unit needs more room than there is.
            let words = "x".repeat(if id % 3 == 2 { 1_000_000 } else { 1000 });
            let (sender, answer) = sync_channel(1);
            let unit =
                move |tx: &mut Tx<'_>| tx.exec("INSERT INTO full VALUES ($1, $2)", params![id, &words]);
            queue.send(Work::<_, u64, DbError>::job(unit, Access::Write, Reply::Blocking(sender))).unwrap();
            answers.push((id, answer));
        }
        drop(queue);
        while let Ok(first) = waiting.recv() {
            assert!(write_group(&mut db, first, &waiting).is_none());
        }
        let told: Vec<i64> = answers
            .into_iter()
            .filter(|(_, answer)| answer.recv().expect("every unit is answered").is_ok())
            .map(|(id, _)| id)
            .collect();
        assert_eq!(told, (0..30).filter(|id| id % 3 != 2).collect::<Vec<_>>());
        let again = connect(path, &options(), false).unwrap();
        let mut saved = again.conn.prepare("SELECT id FROM full ORDER BY id").unwrap();
        let saved: Vec<i64> = saved.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(told, saved);
    }
}
