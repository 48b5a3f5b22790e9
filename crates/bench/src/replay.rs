//! An effect done again and again, each time to another partner: as fast as plain code can.

use anyhow::Result;
use rusqlite::types::ToSqlOutput;
use rusqlite::{CachedStatement, Connection, ToSql};

use crate::effect::{Counter, Part, Piece, Statement, Value};

/// An effect and the partners that it is done to in turn.
#[derive(Debug, Clone)]
pub struct Replay {
    /// What is written.
    pub statements: Vec<Statement>,
    partners: Vec<String>,
}

impl Counter {
    fn at(self, nth: i64) -> i64 {
        self.first + nth * self.step
    }
}

impl Replay {
    /// An effect for these partners.
    pub fn new(statements: Vec<Statement>, partners: Vec<String>) -> Replay {
        Replay { statements, partners }
    }

    /// What stands for a part of a statement at the nth time.
    pub fn value(&self, part: &Part, nth: i64) -> Value {
        match part {
            Part::Fixed(value) => value.clone(),
            Part::Number(counter) => Value::Int(Some(counter.at(nth))),
            Part::Text(pieces) => {
                let mut text = String::with_capacity(64);
                for piece in pieces {
                    match piece {
                        Piece::Plain(plain) => text.push_str(plain),
                        Piece::Partner => text.push_str(self.partner(nth)),
                        Piece::Number(counter) => text.push_str(&counter.at(nth).to_string()),
                        Piece::Serial(counter) => text.push_str(&format!("{:012}", counter.at(nth))),
                    }
                }
                Value::Text(Some(text))
            }
        }
    }

    fn partner(&self, nth: i64) -> &str {
        let at = usize::try_from(nth).unwrap_or(0) % self.partners.len().max(1);
        self.partners.get(at).map_or("", String::as_str)
    }

    /// The statements prepared on a connection.
    pub fn on<'c>(&self, connection: &'c Connection) -> Result<Prepared<'c, '_>> {
        connection.set_prepared_statement_cache_capacity(64);
        let statements = self.statements.iter().map(|statement| connection.prepare_cached(&statement.sql));
        Ok(Prepared { replay: self, statements: statements.collect::<rusqlite::Result<_>>()? })
    }
}

/// The statements of a replay, prepared.
pub struct Prepared<'c, 'r> {
    replay: &'r Replay,
    statements: Vec<CachedStatement<'c>>,
}

impl Prepared<'_, '_> {
    /// Writes what the nth time writes.
    pub fn play(&mut self, nth: i64) -> Result<()> {
        for (prepared, statement) in self.statements.iter_mut().zip(&self.replay.statements) {
            for (number, part) in statement.parts.iter().enumerate() {
                match part {
                    // Bound from where it lies.
                    Part::Fixed(value) => prepared.raw_bind_parameter(number + 1, value)?,
                    part => prepared.raw_bind_parameter(number + 1, self.replay.value(part, nth))?,
                }
            }
            prepared.raw_execute()?;
        }
        Ok(())
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Value::Int(number) => number.to_sql(),
            Value::Text(text) => text.to_sql(),
        }
    }
}
