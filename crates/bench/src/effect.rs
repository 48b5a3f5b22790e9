//! What one thing that a person does writes into the database, found by looking before and after: the floor then writes just
//! these rows, whatever the server's tables come to be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, types::ValueRef};

/// A value as it stands in a column of one of the two kinds that there are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// BIGINT
    Int(Option<i64>),
    /// TEXT
    Text(Option<String>),
}

/// A value that may be another each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Always the same.
    Fixed(Value),
    /// Another number each time.
    Number(Counter),
    /// Text in which something is another each time.
    Text(Vec<Piece>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Always the same.
    Plain(String),
    /// The identifier of the partner whose turn it is.
    Partner,
    /// A number.
    Number(Counter),
    /// A number of twelve digits, at the end of an identifier: as those of the server, each sorts after the one before.
    Serial(Counter),
}

/// The number of the nth time: `first + n * step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// The first one.
    pub first: i64,
    /// How far it is to the next.
    pub step: i64,
}

/// A statement of the effect. Its parameters are `?1`, `?2`, ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The table that it writes.
    pub table: String,
    /// The statement.
    pub sql: String,
    /// What the parameters are.
    pub parts: Vec<Part>,
}

/// Whom and what it was done to, so that it can be done to others.
#[derive(Debug, Clone, Default)]
pub struct About<'a> {
    /// The partner's identifier.
    pub partner: &'a str,
    /// Rows that it was done to: table, and number as its primary key. The next time it is the next row.
    pub subjects: Vec<(&'a str, i64)>,
}

type Row = Vec<Value>;

struct Table {
    name: String,
    columns: Vec<String>,
    key: Vec<usize>,
    /// Sets of columns that are unique together, the key among them.
    unique: Vec<Vec<usize>>,
    /// Column, and the table and column that it refers to.
    foreign: Vec<(usize, String, String)>,
    rows: BTreeMap<Row, Row>,
}

/// A SQLite database at one moment. It is read whole: for small ones.
pub struct Snapshot(Vec<Table>);

impl Snapshot {
    /// Reads the database.
    pub fn take(file: &Path) -> Result<Snapshot> {
        let connection = Connection::open(file)?;
        let names =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
        let names = list(&connection, names, |row| row.get::<_, String>(0))?;
        names.iter().map(|name| table(&connection, name)).collect::<Result<_>>().map(Snapshot)
    }

    /// The statements that lead from this moment to a later one.
    pub fn until(&self, later: &Snapshot, about: &About) -> Result<Vec<Statement>> {
        let mut changes = Changes { about, keys: BTreeMap::new() };
        for (table, number) in &about.subjects {
            let next = Part::Number(Counter { first: *number, step: 1 });
            changes.keys.insert((*table).to_owned(), BTreeMap::from([(Value::Int(Some(*number)), next)]));
        }
        let (mut inserts, mut updates) = (Vec::new(), Vec::new());
        for after in &later.0 {
            let before = self.0.iter().find(|table| table.name == after.name).context("a table is new")?;
            let new: Vec<_> = after.rows.iter().filter(|(key, _)| !before.rows.contains_key(*key)).collect();
            if !new.is_empty() {
                inserts.push((after, new.into_iter().map(|(_, row)| row).collect::<Vec<_>>()));
            }
            for (key, row) in &after.rows {
                if let Some(old) = before.rows.get(key).filter(|old| *old != row) {
                    updates.push((after, key, old, row));
                }
            }
        }
        let mut statements = Vec::new();
        for (table, rows) in in_order(inserts)? {
            statements.extend(changes.inserts(table, &rows));
        }
        statements
            .extend(updates.into_iter().map(|(table, key, old, new)| changes.update(table, key, old, new)));
        Ok(statements)
    }
}

fn list<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    Ok(connection.prepare(sql)?.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
}

fn table(connection: &Connection, name: &str) -> Result<Table> {
    let about = format!("SELECT name, type, pk FROM pragma_table_info('{name}') ORDER BY cid");
    let described = list(connection, &about, |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    })?;
    let columns: Vec<String> = described.iter().map(|(name, ..)| name.clone()).collect();
    let at = |column: &str| columns.iter().position(|other| other == column).context("a column of the table");
    let mut key: Vec<usize> = (0..columns.len()).filter(|at| described[*at].2 > 0).collect();
    key.sort_by_key(|at| described[*at].2);
    let mut unique = vec![key.clone()];
    let indexes =
        format!("SELECT name FROM pragma_index_list('{name}') WHERE \"unique\" = 1 AND partial = 0");
    for index in list(connection, &indexes, |row| row.get::<_, String>(0))? {
        let parts = format!("SELECT name FROM pragma_index_info('{index}') ORDER BY seqno");
        let parts = list(connection, &parts, |row| row.get::<_, String>(0))?;
        unique.push(parts.iter().map(|column| at(column)).collect::<Result<_>>()?);
    }
    let references = format!("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list('{name}')");
    let references = list(connection, &references, |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    let foreign = references
        .into_iter()
        .map(|(from, table, to)| Ok((at(&from)?, table, to.unwrap_or_default())))
        .collect::<Result<_>>()?;
    let mut rows = BTreeMap::new();
    for row in list(connection, &format!("SELECT * FROM \"{name}\""), |row| {
        let value = |at: usize| {
            Ok(match (row.get_ref(at)?, described[at].1.as_str()) {
                (ValueRef::Integer(number), _) => Value::Int(Some(number)),
                (ValueRef::Text(text), _) => Value::Text(Some(String::from_utf8_lossy(text).into_owned())),
                (_, "TEXT") => Value::Text(None),
                _ => Value::Int(None),
            })
        };
        (0..described.len()).map(value).collect::<rusqlite::Result<Row>>()
    })? {
        rows.insert(key.iter().map(|at| row[*at].clone()).collect(), row);
    }
    Ok(Table { name: name.to_owned(), columns, key, unique, foreign, rows })
}

type New<'a> = (&'a Table, Vec<&'a Row>);

/// Tables that others refer to come first.
fn in_order(mut waiting: Vec<New<'_>>) -> Result<Vec<New<'_>>> {
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let names: BTreeSet<_> = waiting.iter().map(|(table, _)| table.name.clone()).collect();
        let waits = |table: &Table| {
            table.foreign.iter().any(|(_, other, _)| *other != table.name && names.contains(other))
        };
        let (later, now): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(table, _)| waits(table));
        if now.is_empty() {
            bail!("tables that refer to each other in a ring: {names:?}");
        }
        ordered.extend(now);
        waiting = later;
    }
    Ok(ordered)
}

struct Changes<'a> {
    about: &'a About<'a>,
    /// By table: what stands for a value of its key, where that is one column.
    keys: BTreeMap<String, BTreeMap<Value, Part>>,
}

impl Changes<'_> {
    fn inserts(&mut self, table: &Table, rows: &[&Row]) -> Vec<Statement> {
        let step = i64::try_from(rows.len()).unwrap_or(1);
        let mut statements = Vec::new();
        for (nth, row) in (0_i64..).zip(rows) {
            let mut parts: Vec<Part> =
                (0..row.len()).map(|column| self.part(table, column, &row[column])).collect();
            for columns in &table.unique {
                // Of several columns the last one tells rows apart that have the others in common.
                let Some(last) = columns.last().copied() else { continue };
                if columns
                    .iter()
                    .any(|column| matches!(parts[*column], Part::Number(_)) || is_serial(&parts[*column]))
                {
                    continue;
                }
                parts[last] = match &row[last] {
                    Value::Int(Some(first)) => Part::Number(Counter { first: *first, step }),
                    Value::Text(Some(text)) => Part::Text(self.fresh(text, Counter { first: nth, step })),
                    empty => Part::Fixed(empty.clone()),
                };
            }
            if let [key] = table.key.as_slice() {
                let known = self.keys.entry(table.name.clone()).or_default();
                known.insert(row[*key].clone(), parts[*key].clone());
            }
            let places: Vec<String> = (1..=parts.len()).map(|number| format!("?{number}")).collect();
            let sql = format!(
                "INSERT INTO {} ({}) VALUES ({})",
                table.name,
                table.columns.join(", "),
                places.join(", ")
            );
            statements.push(Statement { table: table.name.clone(), sql, parts });
        }
        statements
    }

    fn update(&self, table: &Table, key: &Row, old: &Row, new: &Row) -> Statement {
        let (mut set, mut parts) = (Vec::new(), Vec::new());
        for (column, name) in table.columns.iter().enumerate().filter(|(at, _)| old[*at] != new[*at]) {
            let number = parts.len() + 1;
            match (&old[column], &new[column]) {
                (Value::Int(Some(old)), Value::Int(Some(new))) => {
                    set.push(format!("{name} = {name} + ?{number}"));
                    parts.push(Part::Fixed(Value::Int(Some(new - old))));
                }
                (_, value) => {
                    set.push(format!("{name} = ?{number}"));
                    parts.push(self.part(table, column, value));
                }
            }
        }
        let mut found = Vec::new();
        for (column, value) in table.key.iter().zip(key) {
            parts.push(self.part(table, *column, value));
            found.push(format!("{} = ?{}", table.columns[*column], parts.len()));
        }
        let sql = format!("UPDATE {} SET {} WHERE {}", table.name, set.join(", "), found.join(" AND "));
        Statement { table: table.name.clone(), sql, parts }
    }

    /// What stands for a value that needs not be another each time by itself.
    fn part(&self, table: &Table, column: usize, value: &Value) -> Part {
        let own = (table.key == [column]).then_some(&table.name);
        let referred = table.foreign.iter().filter(|(from, ..)| *from == column).map(|(_, other, _)| other);
        let known = own.into_iter().chain(referred).find_map(|name| self.keys.get(name)?.get(value));
        match (known, value) {
            (Some(part), _) => part.clone(),
            (None, Value::Text(Some(text))) if text.contains(self.partner()) => Part::Text(self.pieces(text)),
            _ => Part::Fixed(value.clone()),
        }
    }

    fn partner(&self) -> &str {
        // Nothing holds what can't be in a text.
        if self.about.partner.is_empty() { "\0" } else { self.about.partner }
    }

    fn pieces(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (nth, plain) in text.split(self.partner()).enumerate() {
            if nth > 0 {
                pieces.push(Piece::Partner);
            }
            if !plain.is_empty() {
                pieces.push(Piece::Plain(plain.to_owned()));
            }
        }
        pieces
    }

    /// A text that is another each time: by the number of what it is about, or else by its end.
    fn fresh(&self, text: &str, serial: Counter) -> Vec<Piece> {
        for (_, number) in &self.about.subjects {
            let parts: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).collect();
            if let Some((before, after)) = text.split_once(&number.to_string())
                && parts.contains(&number.to_string().as_str())
            {
                let mut pieces = self.pieces(before);
                pieces.push(Piece::Number(Counter { first: *number, step: 1 }));
                pieces.extend(self.pieces(after));
                return pieces;
            }
        }
        let kept = if text.len() >= 36 && text.is_ascii() { &text[..text.len() - 12] } else { text };
        let mut pieces = self.pieces(kept);
        pieces.push(Piece::Serial(serial));
        pieces
    }
}

fn is_serial(part: &Part) -> bool {
    let counted = |piece: &Piece| matches!(piece, Piece::Number(_) | Piece::Serial(_));
    matches!(part, Part::Text(pieces) if pieces.iter().any(counted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;

    const TABLES: &str = "
        CREATE TABLE partner (id TEXT PRIMARY KEY, clients INTEGER NOT NULL) STRICT;
        CREATE TABLE client (number INTEGER PRIMARY KEY, form TEXT UNIQUE, partner_id TEXT REFERENCES partner (id)) STRICT;
        CREATE TABLE entry (account TEXT, seq INTEGER, client INTEGER REFERENCES client (number), PRIMARY KEY (account, seq)) STRICT;
        INSERT INTO partner VALUES ('anna', 3), ('bert', 3);
        INSERT INTO client VALUES (1000, NULL, 'anna');";

    #[test]
    fn what_was_written_once_can_be_written_again_and_again() {
        let folder = std::env::temp_dir().join(format!("goodword-effect-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("effect.db");
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch(TABLES).unwrap();
        let before = Snapshot::take(&file).unwrap();
        connection
            .execute_batch(
                "INSERT INTO client VALUES (1001, 'form-of-1001', 'anna');
                 INSERT INTO entry VALUES ('of:anna', 1, 1001);
                 UPDATE partner SET clients = 4 WHERE id = 'anna';",
            )
            .unwrap();
        let about = About { partner: "anna", subjects: vec![] };
        let effect = before.until(&Snapshot::take(&file).unwrap(), &about).unwrap();
        let tables: Vec<_> = effect.iter().map(|statement| statement.table.as_str()).collect();
        assert_eq!(tables, ["client", "entry", "partner"], "in the order of their references");

        let replay = Replay::new(effect, vec!["anna".into(), "bert".into()]);
        let mut statements = replay.on(&connection).unwrap();
        for nth in 1..=5 {
            statements.play(nth).unwrap();
        }
        drop(statements);
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(number("SELECT COUNT(*) FROM client WHERE number BETWEEN 1002 AND 1006"), 5);
        assert_eq!(number("SELECT COUNT(*) FROM entry e JOIN client c ON c.number = e.client"), 6);
        assert_eq!(number("SELECT COUNT(*) FROM entry WHERE account = 'of:bert'"), 3);
        assert_eq!(number("SELECT clients FROM partner WHERE id = 'anna'"), 6);
        assert_eq!(number("SELECT clients FROM partner WHERE id = 'bert'"), 6);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_it_was_done_to_is_the_next_one_the_next_time() {
        let about = About { partner: "anna", subjects: vec![("deal", 2001)] };
        let changes = Changes { about: &about, keys: BTreeMap::new() };
        let key = changes.fresh("deal:2001:commission", Counter { first: 0, step: 1 });
        let number = Piece::Number(Counter { first: 2001, step: 1 });
        assert_eq!(key, [Piece::Plain("deal:".into()), number, Piece::Plain(":commission".into())]);
        let other = changes.fresh("deal:12001", Counter { first: 0, step: 1 });
        assert!(matches!(other.as_slice(), [Piece::Plain(_), Piece::Serial(_)]), "{other:?}");
    }
}
