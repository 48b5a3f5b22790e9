//! PostgreSQL: some threads, each of which owns a connection and drives it on a runtime of its own.
//!
//! A thread takes a unit, runs it, commits and answers, then takes the next. A unit that met a deadlock or lost its
//! connection before the commit is run again; a commit that was not confirmed never is.

mod bulk;
mod connection;
mod deferred;
mod listener;
mod servers;
mod tls;
mod transaction;
mod types;

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use tokio::runtime::{Builder, Runtime};

pub(crate) use self::listener::Listener;

pub(crate) use self::bulk::Bulk;
use self::connection::Connection;
use self::servers::Servers;
use self::transaction::Failure;
pub(crate) use self::transaction::Transaction;
use crate::db::{Options, Queues};
use crate::unit::{Access, Job};
use crate::{DbError, Tx};

/// How often a unit is run in all before its deadlock, or its lost connection, is its caller's.
const RUNS: u32 = 10;
/// How long a statement of a report may take: the verification reads everything there is.
const REPORT: Duration = Duration::from_secs(3600);
/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Starts the threads. Each connects with its first unit. The listener has no thread before somebody wants to hear.
pub(crate) fn start(
    url: &str,
    options: &Options,
) -> Result<(Queues, Vec<JoinHandle<()>>, Listener), DbError> {
    let servers = Servers::read(url, options.patience)?;
    let (queue, waiting) = bounded(options.queue);
    let mut threads = Vec::new();
    for number in 0..options.connections.max(1) {
        let (servers, options, waiting) = (servers.clone(), options.clone(), waiting.clone());
        let body = move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => Worker { runtime, servers, options, number, connection: None }.serve_all(&waiting),
            Err(error) => tracing::error!(%error, "no runtime for a database thread"),
        };
        let thread = thread::Builder::new().name(format!("db-{number}")).spawn(body);
        threads.push(thread.map_err(|error| DbError::Open(format!("no thread for the database: {error}")))?);
    }
    let listener = Listener { servers, patience: options.patience };
    Ok((Queues { write: queue.clone(), read: queue.clone(), report: queue }, threads, listener))
}

struct Worker {
    runtime: Runtime,
    servers: Servers,
    options: Options,
    number: usize,
    connection: Option<Connection>,
}

impl Worker {
    fn serve_all(mut self, waiting: &Receiver<Job>) {
        while let Ok(job) = waiting.recv() {
            if !job.unit.abandoned() {
                self.serve(job);
            }
        }
        if let Some(connection) = self.connection.take() {
            connection.close(&self.runtime);
        }
    }

    /// Runs a unit until it is committed, refused, or has had its turns.
    fn serve(&mut self, mut job: Job) {
        let mut until = job.queued + self.options.patience;
        for run in 1.. {
            if let Err(error) = self.connect(until) {
                return job.unit.fail(error);
            }
            let Some(connection) = &mut self.connection else { return };
            let limit = match job.access {
                Access::Report => REPORT,
                _ => self.options.statement_timeout,
            };
            let mut transaction = Transaction::new(&self.runtime, connection, job.access, limit);
            let good = job.unit.run(&mut Tx::new(&mut transaction));
            if good && matches!(job.access, Access::Read | Access::Report) {
                // What was read is in hand; how its transaction ends changes nothing for the caller.
                job.unit.answer();
                if !transaction.end() {
                    self.connection = None;
                }
                return;
            }
            let committed = if good { transaction.commit() } else { Ok(()) };
            let failure = transaction.failure();
            if !transaction.end() {
                self.connection = None;
            }
            if run < RUNS && failure.is_some_and(Failure::may_run_again) {
                tracing::debug!(?failure, run, "a unit is run again");
                self.pause(run);
                until = Instant::now() + self.options.patience;
                continue;
            }
            return match committed {
                Ok(()) => job.unit.answer(),
                Err(error) => job.unit.fail(error),
            };
        }
    }

    /// Makes sure there is a connection, trying until the given moment.
    fn connect(&mut self, until: Instant) -> Result<(), DbError> {
        let mut pause = Duration::from_millis(20);
        let mut reason = "no connection".to_owned();
        while self.connection.as_ref().is_none_or(Connection::is_closed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DbError::Unavailable(reason));
            }
            match Connection::open(&self.runtime, &self.servers, left, self.options.statement_timeout) {
                Ok(connection) => self.connection = Some(connection),
                Err(refusal) if refusal.lasting => return Err(DbError::Unavailable(refusal.reason)),
                Err(refusal) => {
                    if reason != refusal.reason {
                        tracing::warn!(reason = refusal.reason, "no connection to the database");
                        reason = refusal.reason;
                    }
                    thread::sleep(pause.min(left));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        Ok(())
    }

    /// Waits a little before a unit is run again: each time longer, and no two threads alike, so that two units that
    /// collided don't do so for ever.
    fn pause(&self, run: u32) {
        let share = 1 + (self.number as u64 + u64::from(run)) % 4;
        thread::sleep(Duration::from_millis(share << run.min(6)));
    }
}
