//! Many rows at once in one long transaction: COPY in, and out again as a stream.

use std::pin::Pin;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{CopyInSink, Row};

use super::connection::Connection;
use super::servers::Servers;
use super::transaction::Transaction;
use crate::DbError;
use crate::unit::Access;

/// How long to wait for the server when connecting.
const PATIENCE: Duration = Duration::from_secs(10);
/// A statement over all there is takes as long as it takes; this is only for ever.
const LIMIT: Duration = Duration::from_secs(24 * 3600);
/// How much is sent at once.
const CHUNK: usize = 256 * 1024;

/// A server notices that its client is gone while it builds an index, where it can (PostgreSQL 14 on): otherwise a
/// program that was stopped would keep its lock until then.
const NOTICE: &str = "SELECT set_config('client_connection_check_interval', '1s', false) FROM pg_settings
    WHERE name = 'client_connection_check_interval'";

/// A connection with a transaction of its own pace.
pub(crate) struct Bulk {
    /// Another thread drives the connection, so that sending goes on while this one reads.
    runtime: Runtime,
    connection: Connection,
}

impl Bulk {
    pub(crate) fn open(url: &str) -> Result<Self, DbError> {
        let servers = Servers::read(url, PATIENCE)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| DbError::Open(format!("no runtime: {error}")))?;
        let connection = Connection::open(&runtime, &servers, PATIENCE, LIMIT)
            .map_err(|refusal| DbError::Unavailable(refusal.reason))?;
        // While the other side is read through, nothing is said here.
        let settings = "SET idle_in_transaction_session_timeout = '1h'";
        let set = runtime.block_on(connection.client.batch_execute(settings));
        set.map_err(|error| lost(&error))?;
        // A server that can't do this is no worse off.
        _ = runtime.block_on(connection.client.batch_execute(NOTICE));
        Ok(Self { runtime, connection })
    }

    /// A transaction. What isn't committed is rolled back, at the latest when the connection is dropped.
    pub(crate) fn begin(&mut self) -> Transaction<'_> {
        Transaction::new(&self.runtime, &mut self.connection, Access::Write, LIMIT)
    }

    /// Says goodbye.
    pub(crate) fn close(self) {
        self.connection.close(&self.runtime);
    }
}

impl<'a> Transaction<'a> {
    /// Begins to send rows to `COPY ... FROM STDIN (FORMAT binary)`.
    pub(crate) fn copy_in(&mut self, sql: &str) -> Result<Rows<'a>, DbError> {
        let sink = self.send(sql, None, async |client| client.copy_in::<_, Bytes>(sql).await)?;
        let mut rows = Rows {
            runtime: self.runtime,
            sink: Box::pin(sink),
            buffer: BytesMut::new(),
            sql: sql.to_owned(),
        };
        // PostgreSQL's documentation of COPY, "Binary Format": signature, flags, length of the header's extension.
        rows.buffer.put_slice(b"PGCOPY\n\xff\r\n\0");
        rows.buffer.put_i32(0);
        rows.buffer.put_i32(0);
        Ok(rows)
    }

    /// Ends it and answers how many rows the server has taken. What the server had to say against one is told here.
    pub(crate) fn finish(&mut self, mut rows: Rows<'a>) -> Result<u64, DbError> {
        rows.buffer.put_i16(-1);
        let last = rows.buffer.split().freeze();
        let ended = self.runtime.block_on(async {
            rows.sink.send(last).await?;
            rows.sink.as_mut().finish().await
        });
        ended.map_err(|error| self.failed(&rows.sql, &error))
    }

    /// Hands out the rows of a query as they come.
    pub(crate) fn stream(
        &mut self,
        sql: &str,
        mut each: impl FnMut(&Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let nothing = std::iter::empty::<i64>();
        let rows = self.send(sql, None, async |client| client.query_raw(sql, nothing).await)?;
        let ended = self.runtime.block_on(async {
            let mut rows = std::pin::pin!(rows);
            loop {
                match rows.try_next().await {
                    Ok(Some(row)) => each(&row).map_err(Ok)?,
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(Err(error)),
                }
            }
        });
        ended.map_err(|error: Result<DbError, tokio_postgres::Error>| match error {
            Ok(own) => own,
            Err(error) => self.failed(sql, &error),
        })
    }
}

/// Rows on their way in.
pub(crate) struct Rows<'a> {
    runtime: &'a Runtime,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    buffer: BytesMut,
    sql: String,
}

impl Rows<'_> {
    /// Begins a row of so many columns; each of them follows.
    pub(crate) fn begin(&mut self, columns: usize) -> Result<(), DbError> {
        if self.buffer.len() >= CHUNK {
            let chunk = self.buffer.split().freeze();
            let sent = self.runtime.block_on(self.sink.send(chunk));
            sent.map_err(|error| lost(&error))?;
        }
        let columns = i16::try_from(columns).map_err(|_| DbError::refused(&self.sql, "too many columns"))?;
        self.buffer.put_i16(columns);
        Ok(())
    }

    pub(crate) fn null(&mut self) {
        self.buffer.put_i32(-1);
    }

    pub(crate) fn int(&mut self, number: i64) {
        self.buffer.put_i32(8);
        self.buffer.put_i64(number);
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<(), DbError> {
        let length = i32::try_from(text.len());
        self.buffer.put_i32(length.map_err(|_| DbError::refused(&self.sql, "a text of more than 2 GB"))?);
        self.buffer.put_slice(text.as_bytes());
        Ok(())
    }
}

fn lost(error: &tokio_postgres::Error) -> DbError {
    DbError::Unavailable(format!("the connection was lost: {}", super::connection::chain(error)))
}
