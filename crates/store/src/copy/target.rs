//! The PostgreSQL side: an empty database that becomes the installation, all in one transaction.

use std::time::{Duration, Instant};

use tokio_postgres::Row;

use super::checksum::{Cell, Sum};
use super::source::{Column, Source, Table};
use super::{CopyError, OFTEN, quoted};
use crate::migrate::{self, Migration};
use crate::postgres::Transaction;
use crate::{DbError, SqlErrorKind, Tx, params};

/// How long to wait for an earlier run that was stopped and whose server side has yet to notice.
const PATIENCE: Duration = Duration::from_secs(20);

/// Memory for building indexes; what PostgreSQL has by itself makes small runs of large tables.
const MEMORY: &str = "SET LOCAL maintenance_work_mem = '128MB'";

/// What was taken off the tables while they are filled, in the words that put it back.
pub(super) struct TakenOff(Vec<(String, String)>);

/// Takes the place of every other program that would make tables here, or says who is in the way. Nothing is changed.
pub(super) fn claim(tx: &mut Transaction<'_>) -> Result<(), CopyError> {
    let mut tx = Tx::new(tx);
    let encoding: String = tx.one("SELECT CAST(current_setting('server_encoding') AS TEXT)", &[])?.get(0)?;
    if encoding != "UTF8" {
        return Err(CopyError::Refused(format!(
            "the PostgreSQL database has the encoding {encoding}, which can't hold every letter: make it with CREATE \
             DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )));
    }
    let until = Instant::now() + PATIENCE;
    let lock = crate::Dialect::Postgres.migration_lock_if_free();
    while !tx.one(lock, &[])?.get::<bool>(0)? {
        if Instant::now() > until {
            return Err(CopyError::Refused(
                "another program is making tables in that PostgreSQL database at this moment: a server that starts, or \
                 another run of this command"
                    .into(),
            ));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    is_empty(&mut tx)
}

/// What an extension brings along is nobody's data.
const ALREADY_THERE: &str = "
    SELECT CAST(c.relname AS TEXT) FROM pg_class c
    WHERE c.relnamespace = CAST(CAST(current_schema() AS TEXT) AS regnamespace)
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = CAST('pg_class' AS regclass)
            AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname LIMIT 100";

fn is_empty(tx: &mut Tx<'_>) -> Result<(), CopyError> {
    if tx.one("SELECT CAST(current_schema() AS TEXT)", &[])?.get::<Option<String>>(0)?.is_none() {
        return Err(CopyError::Refused(
            "that PostgreSQL user has no schema to make tables in: CREATE SCHEMA public, or set a search_path".into(),
        ));
    }
    let there: Vec<String> =
        tx.all(ALREADY_THERE, &[])?.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    if there.iter().any(|name| name == "schema_migration") {
        return Err(CopyError::Refused(
            "that PostgreSQL database holds an installation of Goodword already, which is left as it is. Give the copy a \
             new, empty database"
                .into(),
        ));
    }
    if let Some(first) = there.first() {
        return Err(CopyError::Refused(format!(
            "that PostgreSQL database is not empty: it has {first}{}. Nothing was changed. Give the copy a new, empty \
             database",
            if there.len() > 1 { " and more" } else { "" }
        )));
    }
    Ok(())
}

/// Makes the tables, as a server does that starts on an empty database, and empties those that a migration has put
/// something into.
pub(super) fn make_tables(
    tx: &mut Transaction<'_>,
    migrations: &'static [Migration],
) -> Result<Vec<Table>, CopyError> {
    let mut tx = Tx::new(tx);
    let made = (|| {
        while migrate::step(&mut tx, migrations)?.is_some() {}
        tx.batch(MEMORY)
    })();
    made.map_err(may_not)?;
    let tables = tables(&mut tx)?;
    tx.batch(&format!("TRUNCATE {}", names(&tables)))?;
    Ok(tables)
}

/// On PostgreSQL 15 and later nobody but a database's owner may make tables in it.
fn may_not(error: DbError) -> CopyError {
    match error {
        DbError::Sql { code, message, .. } if code == "42501" => CopyError::Refused(format!(
            "that PostgreSQL user may not make tables there ({message}): ALTER DATABASE ... OWNER TO the user"
        )),
        other => other.into(),
    }
}

fn tables(tx: &mut Tx<'_>) -> Result<Vec<Table>, CopyError> {
    let rows = tx.all(
        "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), CAST(a.atttypid AS regtype) = CAST('bigint' AS regtype)
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = CAST(CAST(current_schema() AS TEXT) AS regnamespace) AND c.relkind = 'r'
             AND c.relname <> 'schema_migration'
         ORDER BY CAST(c.relname AS TEXT) COLLATE \"C\", a.attnum",
        &[],
    )?;
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let (name, column): (String, String) = (row.get(0)?, row.get(1)?);
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table::new(name));
        }
        let number = row.get(2)?;
        tables.last_mut().expect("pushed above").columns.push(Column { name: column, number });
    }
    Ok(tables)
}

/// What slows down filling a table and is checked as well, or built faster, once it is full: references, and every
/// index but those of primary keys. References come first, since they need the others.
const IN_THE_WAY: &str = "
    SELECT 'ALTER TABLE ' || CAST(c.conrelid AS regclass) || ' DROP CONSTRAINT ' || quote_ident(c.conname),
        'ALTER TABLE ' || CAST(c.conrelid AS regclass) || ' ADD CONSTRAINT ' || quote_ident(c.conname) || ' '
            || pg_get_constraintdef(c.oid),
        CASE c.contype WHEN 'f' THEN 1 ELSE 2 END AS turn
    FROM pg_constraint c
    WHERE c.connamespace = CAST(CAST(current_schema() AS TEXT) AS regnamespace) AND c.contype IN ('f', 'u')
    UNION ALL
    SELECT 'DROP INDEX ' || CAST(i.indexrelid AS regclass), pg_get_indexdef(i.indexrelid), 3
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace = CAST(CAST(current_schema() AS TEXT) AS regnamespace)
        AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    ORDER BY turn, 1";

pub(super) fn take_off(tx: &mut Transaction<'_>) -> Result<TakenOff, CopyError> {
    let mut tx = Tx::new(tx);
    let mut back = Vec::new();
    for row in tx.all(IN_THE_WAY, &[])? {
        tx.batch(&row.get::<String>(0)?)?;
        let statement: String = row.get(1)?;
        // For people: "index client_partner", "reference deal_client_number_fkey".
        back.push((named(&statement), statement));
    }
    back.reverse();
    Ok(TakenOff(back))
}

fn named(statement: &str) -> String {
    let mut words = statement.split_whitespace();
    let name = words.by_ref().skip_while(|word| *word != "INDEX" && *word != "CONSTRAINT").nth(1);
    name.unwrap_or_default().to_owned()
}

/// Puts back what was taken off. What doesn't hold is found here.
pub(super) fn put_back(
    tx: &mut Transaction<'_>,
    taken_off: &TakenOff,
    mut about_to: impl FnMut(&str),
) -> Result<(), CopyError> {
    let mut tx = Tx::new(tx);
    for (name, statement) in &taken_off.0 {
        about_to(name);
        tx.batch(statement).map_err(|error| match error.kind() {
            Some(SqlErrorKind::ForeignKey | SqlErrorKind::Unique) => CopyError::Refused(format!(
                "the SQLite installation has rows that break a rule of its own tables ({name}: {error}). Run goodword \
                 verify on it, and keep a copy before anything is changed"
            )),
            _ => error.into(),
        })?;
    }
    Ok(())
}

/// Fills a table. `every` is told how many rows have gone so far, now and then.
pub(super) fn fill(
    tx: &mut Transaction<'_>,
    source: &Source,
    table: &Table,
    mut every: impl FnMut(u64),
) -> Result<(), CopyError> {
    // FREEZE: rows that come into being with their table need no second visit by vacuum.
    let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary, FREEZE)", quoted(&table.name), table.list());
    let mut rows = tx.copy_in(&sql)?;
    let mut count = 0;
    source.cells(table, |index, cell| {
        if index == 0 {
            if count % OFTEN == 0 {
                every(count);
            }
            count += 1;
            rows.begin(table.columns.len())?;
        }
        match cell {
            Cell::Null => rows.null(),
            Cell::Int(number) => rows.int(number),
            Cell::Text(text) => rows.text(text)?,
        }
        Ok(())
    })?;
    tx.finish(rows)?;
    Ok(())
}

/// Has numbers go on after the last one that SQLite gave, or where the migrations let them begin.
pub(super) fn continue_numbers(tx: &mut Transaction<'_>, source: &Source) -> Result<(), CopyError> {
    let mut tx = Tx::new(tx);
    let numbered = tx.all(
        "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT),
             pg_get_serial_sequence(CAST(CAST(c.oid AS regclass) AS TEXT), CAST(a.attname AS TEXT))
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = CAST(CAST(current_schema() AS TEXT) AS regnamespace) AND a.attidentity <> ''",
        &[],
    )?;
    for row in numbered {
        let (table, column, sequence): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Some(last) = source.last_number(&table, &column)? else { continue };
        let next = tx.one(&format!("SELECT last_value FROM {sequence}"), &[])?.get::<i64>(0)?;
        if last >= next {
            let sql = "SELECT setval(CAST(CAST($1 AS TEXT) AS regclass), $2, true)";
            tx.one(sql, params![sequence, last])?;
        }
    }
    Ok(())
}

/// Lets PostgreSQL look at its tables, so that it reads them sensibly from the first question on.
pub(super) fn analyze(tx: &mut Transaction<'_>, tables: &[Table]) -> Result<(), CopyError> {
    Tx::new(tx).batch(&format!("ANALYZE {}", names(tables)))?;
    Ok(())
}

fn names(tables: &[Table]) -> String {
    tables.iter().map(|table| quoted(&table.name)).collect::<Vec<_>>().join(", ")
}

/// Reads a whole table again: what its rows add up to.
pub(super) fn read(
    tx: &mut Transaction<'_>,
    table: &Table,
    mut every: impl FnMut(u64),
) -> Result<Sum, CopyError> {
    let mut sum = Sum::default();
    let sql = format!("SELECT {} FROM {}", table.list(), quoted(&table.name));
    tx.stream(&sql, |row| {
        if sum.rows % OFTEN == 0 {
            every(sum.rows);
        }
        for (index, column) in table.columns.iter().enumerate() {
            sum.cell(cell(row, index, column.number)?);
        }
        sum.end_of_row();
        Ok(())
    })?;
    Ok(sum)
}

fn cell(row: &Row, index: usize, number: bool) -> Result<Cell<'_>, DbError> {
    let cell = if number {
        row.try_get::<_, Option<i64>>(index).map(|value| value.map(Cell::Int))
    } else {
        row.try_get::<_, Option<&str>>(index).map(|value| value.map(Cell::Text))
    };
    let cell = cell.map_err(|_| DbError::Decode {
        column: row.columns()[index].name().to_owned(),
        reason: format!("is of type {}", row.columns()[index].type_()),
    })?;
    Ok(cell.unwrap_or(Cell::Null))
}
