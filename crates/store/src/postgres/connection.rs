//! One connection to a PostgreSQL server, with its prepared statements.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, Statement};

use super::servers::{Refusal, Servers};

/// Statements kept prepared on each connection.
const STATEMENTS: usize = 512;
/// How long a unit's closure may sit between two statements while its locks are held.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(60);

pub(super) struct Connection {
    pub(super) client: Client,
    driver: JoinHandle<()>,
    statements: HashMap<String, Prepared>,
    /// Counts uses, to find the statement that was used longest ago.
    uses: u64,
}

#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) statement: Statement,
    pub(super) columns: Arc<[String]>,
    used: u64,
}

impl Connection {
    pub(super) fn open(
        runtime: &Runtime,
        servers: &Servers,
        limit: Duration,
        statement_timeout: Duration,
    ) -> Result<Self, Refusal> {
        let refused = |error: Error| Refusal { reason: chain(&error), lasting: false };
        let open = async {
            let (client, connection) = servers.connect(limit).await?;
            let driver = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(reason = chain(&error), "a connection to the database ended");
                }
            });
            let settings = format!(
                "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
                statement_timeout.as_millis(),
                IDLE_IN_TRANSACTION.as_millis()
            );
            client.batch_execute(&settings).await.map_err(refused)?;
            Ok::<_, Refusal>(Self { client, driver, statements: HashMap::new(), uses: 0 })
        };
        // A timer is made inside its runtime.
        let opened = runtime.block_on(async { timeout(limit, open).await });
        opened.unwrap_or_else(|_| {
            Err(Refusal { reason: "the server did not answer in time".into(), lasting: false })
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Says goodbye, so that the server doesn't log a lost client.
    pub(super) fn close(self, runtime: &Runtime) {
        drop((self.client, self.statements));
        _ = runtime.block_on(async { timeout(Duration::from_secs(1), self.driver).await });
    }

    pub(super) fn prepared(&mut self, sql: &str) -> Option<Prepared> {
        self.uses += 1;
        let prepared = self.statements.get_mut(sql)?;
        prepared.used = self.uses;
        Some(prepared.clone())
    }

    /// Keeps a prepared statement, in place of the one used longest ago where there are many.
    pub(super) fn keep(&mut self, sql: &str, statement: Statement) -> Prepared {
        if self.statements.len() >= STATEMENTS {
            let oldest = self.statements.iter().min_by_key(|(_, prepared)| prepared.used);
            if let Some(oldest) = oldest.map(|(sql, _)| sql.clone()) {
                self.statements.remove(&oldest);
            }
        }
        let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let prepared = Prepared { statement, columns, used: self.uses };
        self.statements.insert(sql.to_owned(), prepared.clone());
        prepared
    }

    /// Drops every prepared statement: the tables they were made for have changed.
    pub(super) fn forget_statements(&mut self) {
        self.statements.clear();
    }
}

/// An error in the server's or the driver's words, with its cause, without the detail that quotes values.
pub(super) fn chain(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.message().to_owned();
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        // Some errors' own words end with their cause's.
        let next_words = next.to_string();
        if !words.ends_with(&next_words) {
            words = format!("{words}: {next_words}");
        }
        cause = next.source();
    }
    words
}
