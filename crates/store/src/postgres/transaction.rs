//! One transaction on a connection.

use std::time::Duration;

use futures_util::future::{join3, try_join_all};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::connection::{Connection, Prepared, chain};
use super::deferred::{Deferred, send_deferred};
use super::listener::is_unknown;
use super::types::{Bound, decode, fits};
use crate::news::{CHANNEL, Topic};
use crate::tx::Session;
use crate::unit::Access;
use crate::{DbError, Dialect, Row, SqlErrorKind, Value};

/// Statements of [`Session::many`] on their way at once.
const PIPELINE: usize = 500;
/// How many statements are left for later at most.
const MOST_DEFERRED: usize = 100;
/// How much longer than the server's own limit the program waits for an answer, before it takes the server for gone.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Transaction<'a> {
    pub(super) runtime: &'a Runtime,
    connection: &'a mut Connection,
    access: Access,
    /// BEGIN has been sent. It goes out with the first statement, which saves a trip to the server.
    begun: bool,
    committed: bool,
    limit: Duration,
    failure: Option<Failure>,
    /// What goes along with the next statement.
    deferred: Vec<Deferred>,
}

/// Why a transaction will not be committed, as far as it matters for what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A statement was refused.
    Statement,
    /// A deadlock or a serialization failure.
    Conflict,
    /// A prepared statement no longer fits its tables.
    StalePlan,
    /// The connection was lost before the commit.
    Lost,
    /// The server did not answer a statement in time.
    Silent,
    /// The connection was lost during the commit.
    Unconfirmed,
}

/// What the server said to what was sent to it at once.
struct Answers<T> {
    begin: Result<(), Error>,
    /// The first of the deferred statements that it refused.
    deferred: Option<(String, Error)>,
    last: Result<T, Error>,
}

impl Failure {
    pub(super) fn may_run_again(self) -> bool {
        matches!(self, Self::Conflict | Self::StalePlan | Self::Lost)
    }
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        connection: &'a mut Connection,
        access: Access,
        statement_timeout: Duration,
    ) -> Self {
        let limit = statement_timeout + GRACE;
        let deferred = Vec::new();
        Self { runtime, connection, access, begun: false, committed: false, limit, failure: None, deferred }
    }

    /// The first failure.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Commits, together with what was left for later.
    pub(crate) fn commit(&mut self) -> Result<(), DbError> {
        if !self.begun && self.deferred.is_empty() {
            return Ok(());
        }
        // A transaction in which something failed answers COMMIT with ROLLBACK, and that is no error. SELECT 1 is one
        // there, so nobody is told "saved" even if a failure had slipped past this program.
        let sql = "SELECT 1; COMMIT";
        let answers = self.send_all(Some(self.limit), async |client| client.batch_execute(sql).await);
        match answers {
            None => Err(self.unconfirmed("the server did not answer in time".into())),
            Some(Answers { begin: Ok(()), deferred: None, last: Ok(()) }) => {
                self.committed = true;
                Ok(())
            }
            Some(Answers { begin: Err(error), last, .. }) => {
                Err(self.refused_to_begin(&error, last.is_err()))
            }
            // The server refuses what comes behind a refusal, the commit as well. An end that it announces before the commit
            // is one, too; without a word of it, nobody knows how far it came.
            Some(Answers { deferred: Some((sql, error)), last: Err(_), .. })
                if error.as_db_error().is_some() =>
            {
                Err(self.failed(&sql, &error))
            }
            Some(Answers { deferred: Some((_, error)), .. }) => Err(self.unconfirmed(chain(&error))),
            Some(Answers { last: Err(error), .. }) if error.as_db_error().is_some_and(is_plain) => {
                Err(self.failed(sql, &error))
            }
            Some(Answers { last: Err(error), .. }) => Err(self.unconfirmed(chain(&error))),
        }
    }

    /// Rolls back what is still open. False: the connection cannot be used any more.
    pub(crate) fn end(mut self) -> bool {
        if self.failure == Some(Failure::StalePlan) {
            self.connection.forget_statements();
        }
        if matches!(self.failure, Some(Failure::Lost | Failure::Silent | Failure::Unconfirmed)) {
            return false;
        }
        if !self.begun || self.committed {
            return true;
        }
        self.begun = false;
        let client = &self.connection.client;
        let ended = self.runtime.block_on(async { timeout(GRACE, client.batch_execute("ROLLBACK")).await });
        matches!(ended, Ok(Ok(())))
    }

    fn unconfirmed(&mut self, reason: String) -> DbError {
        tracing::error!(reason, "a commit was not confirmed");
        self.failure = Some(Failure::Unconfirmed);
        DbError::Commit(reason)
    }

    /// Sends something, behind BEGIN where that has not been sent and what was left for later, and waits for the answer.
    pub(super) fn send<T>(
        &mut self,
        sql: &str,
        limit: Option<Duration>,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, DbError> {
        match self.send_all(limit, work) {
            Some(Answers { begin: Ok(()), deferred: None, last: Ok(answer) }) => Ok(answer),
            Some(Answers { begin: Err(error), last, .. }) => {
                Err(self.refused_to_begin(&error, last.is_err()))
            }
            // What was sent behind it was refused as well, because of it.
            Some(Answers { deferred: Some((sql, error)), .. }) => Err(self.failed(&sql, &error)),
            Some(Answers { last: Err(error), .. }) => Err(self.failed(sql, &error)),
            None => {
                self.failure = Some(Failure::Silent);
                Err(DbError::Unavailable("the server did not answer in time".into()))
            }
        }
    }

    /// Sends all of it before any of it is answered, in this order. None: the server did not answer in time.
    fn send_all<T>(
        &mut self,
        limit: Option<Duration>,
        last: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Option<Answers<T>> {
        let begun = std::mem::replace(&mut self.begun, true);
        let deferred = std::mem::take(&mut self.deferred);
        let begin = match self.access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            // What is read whole takes as long as it takes, within reason.
            Access::Report => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '1h'"
            }
            Access::Write | Access::Bulk => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        };
        let client = &self.connection.client;
        let beginning = async { if begun { Ok(()) } else { client.batch_execute(begin).await } };
        let all = async {
            let (begin, deferred, last) =
                join3(beginning, send_deferred(client, deferred), last(client)).await;
            Answers { begin, deferred, last }
        };
        self.runtime.block_on(async {
            match limit {
                Some(limit) => timeout(limit, all).await.ok(),
                None => Some(all.await),
            }
        })
    }

    /// A server that takes no writes, such as a standby, refuses to begin. It is left for one that does. (What was sent
    /// behind can have saved nothing there, whatever it says.)
    fn refused_to_begin(&mut self, error: &Error, nothing_ran: bool) -> DbError {
        let said = format!("the server refused to begin: {}", chain(error));
        if nothing_ran || self.takes_no_writes() {
            self.failure.get_or_insert(Failure::Lost);
            return DbError::Unavailable(said);
        }
        // Never seen; but a statement that ran without its transaction has been saved.
        self.unconfirmed(said)
    }

    /// Whether the server is one that takes no writes: then nothing that was sent to it has been saved.
    fn takes_no_writes(&self) -> bool {
        let client = &self.connection.client;
        let asking = client.simple_query("SHOW transaction_read_only");
        let Ok(Ok(answer)) = self.runtime.block_on(async { timeout(GRACE, asking).await }) else {
            return false;
        };
        answer.iter().any(|line| matches!(line, SimpleQueryMessage::Row(row) if row.get(0) == Some("on")))
    }

    pub(super) fn failed(&mut self, sql: &str, error: &Error) -> DbError {
        let (mut failure, kind) = classify(error, self.connection.is_closed());
        if kind == SqlErrorKind::ReadOnly && self.access == Access::Write {
            // The server has become one that takes no writes.
            failure = Failure::Lost;
        }
        self.failure.get_or_insert(failure);
        if failure == Failure::Lost {
            return DbError::Unavailable(format!("the connection was lost: {}", chain(error)));
        }
        DbError::Sql {
            kind,
            code: error.code().map_or("driver", SqlState::code).to_owned(),
            message: chain(error),
            sql: sql.to_owned(),
        }
    }

    fn prepare(&mut self, sql: &str) -> Result<Prepared, DbError> {
        if let Some(prepared) = self.connection.prepared(sql) {
            return Ok(prepared);
        }
        let text = Dialect::Postgres.statement(sql)?;
        let statement = self.send(sql, Some(self.limit), async |client| client.prepare(&text).await)?;
        Ok(self.connection.keep(sql, statement))
    }
}

impl Session for Transaction<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn exec(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        let Prepared { statement, .. } = self.prepare(sql)?;
        fits(sql, statement.params(), params)?;
        self.send(sql, Some(self.limit), async |client| {
            client.execute_raw(&statement, params.iter().map(Bound)).await
        })
    }

    fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let Prepared { statement, columns, .. } = self.prepare(sql)?;
        fits(sql, statement.params(), params)?;
        let bound: Vec<Bound<'_>> = params.iter().map(Bound).collect();
        let bound: Vec<&(dyn ToSql + Sync)> =
            bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let rows = self.send(sql, Some(self.limit), async |client| client.query(&statement, &bound).await)?;
        rows.iter().map(|row| decode(row, &columns)).collect()
    }

    fn many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, DbError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let Prepared { statement, .. } = self.prepare(sql)?;
        for params in rows {
            fits(sql, statement.params(), params)?;
        }
        let mut sum = 0;
        for rows in rows.chunks(PIPELINE) {
            let counts = self.send(sql, Some(self.limit), async |client| {
                let sent = rows.iter().map(|params| client.execute_raw(&statement, params.iter().map(Bound)));
                try_join_all(sent).await
            })?;
            sum += counts.iter().sum::<u64>();
        }
        Ok(sum)
    }

    fn later(&mut self, sql: &str, rows: Vec<Vec<Value>>) -> Result<(), DbError> {
        let Prepared { statement, .. } = self.prepare(sql)?;
        for params in rows {
            fits(sql, statement.params(), &params)?;
            self.deferred.push(Deferred { sql: sql.to_owned(), statement: statement.clone(), params });
            if self.deferred.len() >= MOST_DEFERRED {
                self.send(sql, Some(self.limit), async |_| Ok(()))?;
            }
        }
        Ok(())
    }

    fn notify(&mut self, topic: Topic) -> Result<(), DbError> {
        let sql = format!(
            "SAVEPOINT told; SELECT pg_notify('{CHANNEL}', '{}'); RELEASE SAVEPOINT told",
            topic.word()
        );
        self.send(&sql, Some(self.limit), async |client| match client.batch_execute(&sql).await {
            // An engine that can't is no reason not to save: the others look from time to time.
            Err(error) if error.code().is_some_and(is_unknown) => {
                client.batch_execute("ROLLBACK TO SAVEPOINT told").await
            }
            told => told,
        })
    }

    fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        // A migration takes as long as it takes.
        self.send(sql, None, async |client| client.batch_execute(sql).await)
    }
}

/// A refusal after which the connection lives on.
fn is_plain(error: &tokio_postgres::error::DbError) -> bool {
    !matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic) | None)
}

fn classify(error: &Error, closed: bool) -> (Failure, SqlErrorKind) {
    let Some(refusal) = error.as_db_error() else {
        return (if closed { Failure::Lost } else { Failure::Statement }, SqlErrorKind::Other);
    };
    if !is_plain(refusal) {
        return (Failure::Lost, SqlErrorKind::Other);
    }
    let code = refusal.code();
    // The message would be "cached plan must not change result type", but servers speak many languages.
    let stale = *code == SqlState::INVALID_SQL_STATEMENT_NAME
        || (*code == SqlState::FEATURE_NOT_SUPPORTED && refusal.routine() == Some("RevalidateCachedQuery"));
    if stale {
        return (Failure::StalePlan, SqlErrorKind::Other);
    }
    if [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code) {
        return (Failure::Conflict, SqlErrorKind::Conflict);
    }
    let kind = if *code == SqlState::UNIQUE_VIOLATION {
        SqlErrorKind::Unique
    } else if *code == SqlState::FOREIGN_KEY_VIOLATION {
        SqlErrorKind::ForeignKey
    } else if *code == SqlState::CHECK_VIOLATION {
        SqlErrorKind::Check
    } else if *code == SqlState::NOT_NULL_VIOLATION {
        SqlErrorKind::NotNull
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        SqlErrorKind::ReadOnly
    } else if *code == SqlState::QUERY_CANCELED {
        SqlErrorKind::Timeout
    } else {
        SqlErrorKind::Other
    };
    (Failure::Statement, kind)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use tokio::runtime::Builder;

    use super::*;
    use crate::postgres::servers::Servers;
    use crate::testing::Place;

    #[test]
    fn a_commit_that_the_server_answers_with_rollback_is_an_error() {
        let place = Place::empty_postgres();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let limit = Duration::from_secs(10);
        let servers = Servers::read(&place.url(), limit).unwrap();
        let connection = Connection::open(&runtime, &servers, limit, limit);
        let Ok(mut connection) = connection else { panic!("no connection") };

        let mut transaction = Transaction::new(&runtime, &mut connection, Access::Write, limit);
        transaction.exec("CREATE TABLE lost (id BIGINT)", &[]).unwrap();
        // A failure that the layer knows nothing of.
        let unseen = runtime.block_on(transaction.connection.client.batch_execute("SELECT 1 / 0"));
        assert!(unseen.is_err());
        let error = transaction.commit().unwrap_err();
        assert!(matches!(&error, DbError::Sql { code, .. } if code == "25P02"), "{error}");
        assert_eq!(transaction.failure(), Some(Failure::Statement));
        assert!(transaction.end(), "the connection lives on");

        let mut transaction = Transaction::new(&runtime, &mut connection, Access::Write, limit);
        let found = transaction.rows("SELECT CAST(to_regclass('lost') AS TEXT)", &[]).unwrap();
        assert_eq!(found[0].get::<Option<String>>(0).unwrap(), None);
        transaction.commit().unwrap();
        assert!(transaction.end());
        connection.close(&runtime);
    }
}
