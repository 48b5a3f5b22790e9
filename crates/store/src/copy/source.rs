//! The SQLite side: one moment of an installation, its tables, and every row of them.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::checksum::{Cell, Sum};
use super::{CopyError, OFTEN, Unfit, quoted};
use crate::migrate::{self, Migration};
use crate::sqlite::{Connected, is_busy, refused};
use crate::{DbError, Tx};

/// How long to wait for a file that somebody else is about to let go of.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many values that don't fit are named: whoever mends them runs this again.
const NAMED: usize = 20;

/// A table as both sides know it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Which of them are the key.
    key: Vec<usize>,
}

/// A column: a number or a text, as everything that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) number: bool,
}

impl Table {
    pub(super) fn new(name: String) -> Self {
        Self { name, columns: Vec::new(), key: Vec::new() }
    }

    /// The columns' names, as a list in a statement.
    pub(super) fn list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }
}

/// An installation, read at one moment.
pub(super) struct Source {
    db: Connected,
    /// What SQLite counted when the moment began: another number tells that somebody has written since.
    version: i64,
}

impl Source {
    /// Opens an installation. `alone`: nobody else has it open, and nobody opens it while this lives.
    pub(super) fn open(url: &str, alone: bool) -> Result<Self, CopyError> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        if !Path::new(path).is_file() {
            return Err(CopyError::Refused(format!("there is no database at {path}")));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let begin = || {
            let conn = Connection::open_with_flags(path, flags)?;
            conn.busy_timeout(PATIENCE)?;
            if alone {
                // Said before the file is first looked at: then SQLite takes it whole, which it can't while a server has
                // it open, even one that does nothing.
                conn.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE")?;
            } else {
                conn.execute_batch("PRAGMA query_only=ON; BEGIN")?;
            }
            // The moment is that of the first look.
            conn.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))?;
            let version = conn.query_row("PRAGMA data_version", [], |row| row.get(0))?;
            Ok((conn, version))
        };
        match begin() {
            Ok((conn, version)) => Ok(Self { db: Connected::new(conn), version }),
            Err(error) if is_busy(&error) && alone => Err(CopyError::InUse),
            Err(error) if is_busy(&error) => Err(DbError::Busy.into()),
            Err(error) => Err(CopyError::Refused(format!("cannot open the database {path}: {error}"))),
        }
    }

    /// The database as the rest of the program sees one.
    pub(super) fn tx(&mut self) -> Tx<'_> {
        Tx::new(&mut self.db)
    }

    /// Makes sure that it is an installation of this version of the program.
    pub(super) fn is_current(&mut self, migrations: &[Migration]) -> Result<(), CopyError> {
        let sql = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_migration'";
        let mut tx = self.tx();
        if tx.one(sql, &[])?.get::<i64>(0)? == 0 {
            return Err(CopyError::Refused("that SQLite file is no installation of Goodword".into()));
        }
        let (has, needs) = (migrate::check(&mut tx, migrations)?, migrations.len());
        if has < needs {
            return Err(CopyError::Refused(format!(
                "the SQLite installation is of an older version ({has} of {needs} migrations). Start this version's \
                 server on it once, which brings it up to date, then run this again"
            )));
        }
        Ok(())
    }

    /// Every table that holds anything of the installation, by name.
    pub(super) fn tables(&mut self) -> Result<Vec<Table>, CopyError> {
        let mut tx = self.tx();
        let names = tx.all(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
             AND name <> 'schema_migration' ORDER BY name",
            &[],
        )?;
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            let name: String = name.get(0)?;
            let sql = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
            let (mut columns, mut key) = (Vec::new(), Vec::new());
            for (index, row) in tx.all(sql, crate::params![&name])?.iter().enumerate() {
                columns.push(Column { name: row.get(0)?, number: row.get::<String>(1)? == "INTEGER" });
                if row.get::<i64>(2)? > 0 {
                    key.push(index);
                }
            }
            tables.push(Table { name, columns, key });
        }
        Ok(tables)
    }

    /// Hands out every cell, row by row in the order of the columns; or what a cell is that the other side can't hold.
    fn each(
        &self,
        table: &Table,
        mut each: impl FnMut(&rusqlite::Row<'_>, usize, Result<Cell<'_>, &'static str>) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let sql = format!("SELECT {} FROM {}", table.list(), quoted(&table.name));
        let refuse = |error: rusqlite::Error| refused(&sql, &error);
        let mut statement = self.db.conn.prepare(&sql).map_err(refuse)?;
        let mut rows = statement.query([]).map_err(refuse)?;
        while let Some(row) = rows.next().map_err(refuse)? {
            for (index, column) in table.columns.iter().enumerate() {
                each(row, index, cell(row.get_ref(index).map_err(refuse)?, column.number))?;
            }
        }
        Ok(())
    }

    /// Reads a whole table: what its rows add up to, and into `unfit` what PostgreSQL couldn't hold.
    /// `every` is told how many rows have been read so far, now and then.
    pub(super) fn read(
        &self,
        table: &Table,
        unfit: &mut Vec<Unfit>,
        mut every: impl FnMut(u64),
    ) -> Result<Sum, DbError> {
        let mut sum = Sum::default();
        every(0);
        self.each(table, |row, index, cell| {
            match cell {
                Ok(cell) => sum.cell(cell),
                Err(_) if unfit.len() >= NAMED => {}
                Err(reason) => unfit.push(Unfit {
                    table: table.name.clone(),
                    row: described(row, table),
                    column: table.columns[index].name.clone(),
                    reason,
                }),
            }
            if index + 1 == table.columns.len() {
                sum.end_of_row();
                if sum.rows % OFTEN == 0 {
                    every(sum.rows);
                }
            }
            Ok(())
        })?;
        Ok(sum)
    }

    /// Hands out every cell of a table that [`Source::read`] has found nothing in.
    pub(super) fn cells(
        &self,
        table: &Table,
        mut each: impl FnMut(usize, Cell<'_>) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let wrong = |reason: &str| DbError::Decode { column: table.name.clone(), reason: reason.to_owned() };
        self.each(table, |_, index, cell| each(index, cell.map_err(wrong)?))
    }

    /// The highest number that a numbered table has ever given; none where it is not numbered by SQLite.
    pub(super) fn last_number(&self, table: &str, column: &str) -> Result<Option<i64>, DbError> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
        let refuse = |error: rusqlite::Error| refused(sql, &error);
        let kept = self.db.conn.query_row(sql, [table], |row| row.get::<_, i64>(0)).optional();
        let kept = kept.map_err(refuse)?;
        let highest = format!("SELECT MAX({}) FROM {}", quoted(column), quoted(table));
        let highest = self.db.conn.query_row(&highest, [], |row| row.get::<_, Option<i64>>(0));
        Ok(kept.max(highest.map_err(refuse)?))
    }

    /// Ends the moment, and says whether somebody has written since it began.
    pub(super) fn written_since(&self) -> Result<bool, DbError> {
        self.db.control("ROLLBACK")?;
        let sql = "PRAGMA data_version";
        let version: i64 =
            self.db.conn.query_row(sql, [], |row| row.get(0)).map_err(|error| refused(sql, &error))?;
        Ok(version != self.version)
    }

    /// Where the installation has moved to, if it has.
    pub(super) fn moved(&mut self) -> Result<Option<String>, DbError> {
        migrate::moved(&mut self.tx())
    }

    /// Writes down where the installation moves to, so that no server starts on the file any more.
    pub(super) fn set_moved(&mut self, place: Option<&str>) -> Result<(), DbError> {
        migrate::set_moved(&mut self.tx(), place)?;
        self.db.control("COMMIT")
    }
}

/// What PostgreSQL will be given, or why it can't be.
fn cell(value: ValueRef<'_>, number: bool) -> Result<Cell<'_>, &'static str> {
    match value {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(value) if number => Ok(Cell::Int(value)),
        ValueRef::Integer(_) => Err("is a number where a text belongs"),
        ValueRef::Text(_) if number => Err("is a text where a number belongs"),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.contains('\0') => Err("holds a NUL character, which PostgreSQL can't store"),
            Ok(text) => Ok(Cell::Text(text)),
            Err(_) => Err("is not UTF-8, which PostgreSQL insists on"),
        },
        ValueRef::Real(_) => Err("is a fraction where a whole number or a text belongs"),
        ValueRef::Blob(_) => Err("is a blob, which no version of the program writes"),
    }
}

/// A row by its key, for whoever has to find it.
fn described(row: &rusqlite::Row<'_>, table: &Table) -> String {
    let part = |index: &usize| {
        let value = match row.get_ref(*index) {
            Ok(ValueRef::Integer(number)) => number.to_string(),
            Ok(ValueRef::Text(text)) => format!("{:?}", String::from_utf8_lossy(text)),
            _ => "unknown".into(),
        };
        format!("{} {value}", table.columns[*index].name)
    };
    table.key.iter().map(part).collect::<Vec<_>>().join(", ")
}
