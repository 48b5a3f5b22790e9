//! What can go wrong between the program and its database.

use thiserror::Error;

/// An error of the data layer.
///
/// The texts are for the log and for the operator; none of them carries the value of a parameter, so they can be
/// logged as they are.
#[derive(Debug, Clone, Error)]
pub enum DbError {
    /// The queue of waiting units is full, or another process holds the database. Nothing was done: try again later.
    #[error("the database is busy, try again in a moment")]
    Busy,
    /// The database cannot be reached, or the connection was lost before the commit. Nothing was saved.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The commit was not confirmed. **The outcome is unknown**: repeat with the same idempotency key.
    #[error("the database did not confirm the change, it may or may not be saved: {0}")]
    Commit(String),
    /// The database refused a statement.
    #[error("{message} [{code}] in: {sql}")]
    Sql {
        /// What kind of refusal, the same for both databases.
        kind: SqlErrorKind,
        /// The database's own code: SQLSTATE on PostgreSQL, the extended result code on SQLite.
        code: String,
        /// The database's own words, without its detail (which quotes values).
        message: String,
        /// The statement's text.
        sql: String,
    },
    /// A parameter that the statement cannot take; nothing was sent.
    #[error("parameter ${number} {reason}, in: {sql}")]
    Parameter {
        /// The parameter's number, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
        /// The statement's text.
        sql: String,
    },
    /// A column's value is not of the type that was asked for.
    #[error("column {column}: {reason}")]
    Decode {
        /// The column's name in the result.
        column: String,
        /// What was found and what was asked for.
        reason: String,
    },
    /// [`Tx::one`](crate::Tx::one) found no row. The unit is not doomed by this.
    #[error("no row, where one was expected, from: {sql}")]
    NoRow {
        /// The statement's text.
        sql: String,
    },
    /// [`Tx::one`](crate::Tx::one) or [`Tx::opt`](crate::Tx::opt) found more than one row. The unit is not doomed by
    /// this.
    #[error("several rows, where at most one was expected, from: {sql}")]
    ManyRows {
        /// The statement's text.
        sql: String,
    },
    /// The unit panicked and was rolled back; the text is the panic's message.
    #[error("a unit of work panicked and was rolled back: {0}")]
    Panicked(String),
    /// A statement of this unit failed before, so the unit is rolled back whatever it goes on to do.
    #[error("rolled back, because a statement failed: {0}")]
    Doomed(Box<DbError>),
    /// The database was written by a newer version of the program.
    #[error(
        "the database is newer than this program: it has migration {database}, and the program knows {program} as the \
         last. Start the newer program, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The last migration the database has.
        database: i64,
        /// The last migration this program knows.
        program: i64,
    },
    /// The database's migrations are not those of this program.
    #[error("{0}")]
    Migration(String),
    /// The database's address, or something about the place it names, cannot be used.
    #[error("{0}")]
    Open(String),
}

/// Why a database refused a statement, in words common to both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlErrorKind {
    /// A unique index or primary key has this value already.
    Unique,
    /// A foreign key points to nothing, or something still points here.
    ForeignKey,
    /// A CHECK constraint says no.
    Check,
    /// A NULL where none may be.
    NotNull,
    /// A write inside a read.
    ReadOnly,
    /// A deadlock or a serialization failure that several runs did not overcome.
    Conflict,
    /// The statement took longer than [`Options::statement_timeout`](crate::Options::statement_timeout).
    Timeout,
    /// Anything else.
    Other,
}

impl DbError {
    /// The kind of refusal, if a statement was refused; also of the statement that doomed the unit.
    #[must_use]
    pub fn kind(&self) -> Option<SqlErrorKind> {
        match self {
            Self::Sql { kind, .. } => Some(*kind),
            Self::Doomed(cause) => cause.kind(),
            _ => None,
        }
    }

    /// A column holds a word or number that no version of the program has written.
    pub(crate) fn decode(column: &str, found: &str) -> Self {
        Self::Decode { column: column.to_owned(), reason: format!("{found:?} is not one of its values") }
    }

    pub(crate) fn refused(sql: &str, message: impl Into<String>) -> Self {
        Self::Sql {
            kind: SqlErrorKind::Other,
            code: "layer".into(),
            message: message.into(),
            sql: sql.to_owned(),
        }
    }
}
