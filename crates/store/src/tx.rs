//! A transaction, as the closure given to [`Db::write`](crate::Db::write) or [`Db::read`](crate::Db::read) sees it.

use crate::news::Topic;
use crate::{DbError, Dialect, Row, Value};

/// What a database's connection does for a transaction; one implementation for each database.
pub(crate) trait Session {
    fn dialect(&self) -> Dialect;
    fn exec(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError>;
    fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError>;
    fn many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, DbError>;
    /// Runs a statement for each of the rows, at the latest before the next one that is answered.
    fn later(&mut self, sql: &str, rows: Vec<Vec<Value>>) -> Result<(), DbError>;
    /// Tells the other servers once this is committed.
    fn notify(&mut self, topic: Topic) -> Result<(), DbError>;
    /// Several statements in the database's own words, without parameters: migrations only.
    fn batch(&mut self, sql: &str) -> Result<(), DbError>;
}

/// A transaction under way.
///
/// After a statement has failed, the unit is doomed: every further statement answers [`DbError::Doomed`], and nothing
/// of the unit is saved whatever its closure returns. (PostgreSQL works this way; SQLite would let it go on.)
pub struct Tx<'a> {
    session: &'a mut dyn Session,
    doom: Option<DbError>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(session: &'a mut dyn Session) -> Self {
        Self { session, doom: None }
    }

    /// Runs a statement and answers how many rows it changed (or, if it returns rows, how many those were).
    ///
    /// # Errors
    /// What the database refused; the unit is then doomed.
    pub fn exec(&mut self, sql: &str, params: &[Value]) -> Result<u64, DbError> {
        self.guard(|session| {
            refuse_nul(sql, params)?;
            session.exec(sql, params)
        })
    }

    /// Runs the same statement for each of the rows and answers how many rows it changed in all. Much faster than
    /// single calls where each would be a trip to a server.
    ///
    /// # Errors
    /// What the database refused; the unit is then doomed.
    pub fn many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, DbError> {
        self.guard(|session| {
            for params in rows {
                refuse_nul(sql, params)?;
            }
            session.many(sql, rows)
        })
    }

    /// Runs a statement whose answer nobody needs. Where each answer would be a trip to a server, it goes there together
    /// with the next statement that is answered, or with the commit: everything that follows sees what it wrote, and rows
    /// that many want are locked for a shorter time.
    ///
    /// # Errors
    /// What the database refused, here or from a later statement, or from the commit; the unit is then doomed. Whoever
    /// asks what was refused, to say something about it, uses [`Tx::exec`].
    pub fn later(&mut self, sql: &str, params: impl Into<Vec<Value>>) -> Result<(), DbError> {
        self.later_many(sql, vec![params.into()])
    }

    /// The same for each of the rows.
    ///
    /// # Errors
    /// As with [`Tx::later`].
    pub fn later_many(&mut self, sql: &str, rows: Vec<Vec<Value>>) -> Result<(), DbError> {
        self.guard(|session| {
            for params in &rows {
                refuse_nul(sql, params)?;
            }
            session.later(sql, rows)
        })
    }

    /// The one row of a query.
    ///
    /// # Errors
    /// What the database refused; or [`DbError::NoRow`] or [`DbError::ManyRows`], which do not doom the unit.
    pub fn one(&mut self, sql: &str, params: &[Value]) -> Result<Row, DbError> {
        self.opt(sql, params)?.ok_or_else(|| DbError::NoRow { sql: sql.to_owned() })
    }

    /// The row of a query that has one or none.
    ///
    /// # Errors
    /// What the database refused; or [`DbError::ManyRows`], which does not doom the unit.
    pub fn opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, DbError> {
        let mut rows = self.all(sql, params)?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            _ => Err(DbError::ManyRows { sql: sql.to_owned() }),
        }
    }

    /// All rows of a query. They are held in memory: say LIMIT.
    ///
    /// # Errors
    /// What the database refused; the unit is then doomed.
    pub fn all(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.guard(|session| {
            refuse_nul(sql, params)?;
            session.rows(sql, params)
        })
    }

    /// Tells every server on this database that something has changed, once this is committed: see [`news`](crate::news).
    ///
    /// # Errors
    /// When the connection is lost; the unit is then doomed.
    pub fn notify(&mut self, topic: Topic) -> Result<(), DbError> {
        self.guard(|session| session.notify(topic))
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        self.guard(|session| session.batch(sql))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.session.dialect()
    }

    /// The failure that doomed this unit, if one did.
    pub(crate) fn doom(&self) -> Option<&DbError> {
        self.doom.as_ref()
    }

    /// Makes sure that nothing of this unit is saved, whatever its closure returns: for a function that has
    /// written a part and then found that the whole is refused.
    pub(crate) fn give_up(&mut self, what: &str, why: impl Into<String>) {
        self.doom.get_or_insert_with(|| DbError::refused(what, why));
    }

    fn guard<T>(&mut self, run: impl FnOnce(&mut dyn Session) -> Result<T, DbError>) -> Result<T, DbError> {
        if let Some(cause) = &self.doom {
            return Err(DbError::Doomed(Box::new(cause.clone())));
        }
        run(self.session).inspect_err(|error| self.doom = Some(error.clone()))
    }
}

fn refuse_nul(sql: &str, params: &[Value]) -> Result<(), DbError> {
    let nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
    match params.iter().position(nul) {
        None => Ok(()),
        Some(index) => Err(DbError::Parameter {
            number: index + 1,
            reason: "holds a NUL character, which cannot be stored".into(),
            sql: sql.to_owned(),
        }),
    }
}
