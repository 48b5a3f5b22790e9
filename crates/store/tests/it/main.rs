//! The contract of the data layer: the same cases on both databases, and what only one of them can do to a program.

mod audit_damage;
mod clicks;
mod concurrency;
mod copy;
mod failover;
mod ledger;
mod ledger_concurrency;
mod ledger_damage;
mod ledger_simulation;
mod lists;
mod matching;
mod migrations;
mod news;
mod opening;
mod postgres;
mod rate_limits;
mod sqlite;
mod tls;
mod units;
mod values;
mod verify_projections;

use store::{Db, DbError, Tx};

/// Runs a unit whose errors are the layer's own.
fn write<T: Send + 'static>(
    db: &Db,
    unit: impl FnMut(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    db.write_blocking(unit)
}

/// Reads with a unit whose errors are the layer's own.
fn read<T: Send + 'static>(
    db: &Db,
    unit: impl FnMut(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    db.read_blocking(unit)
}

/// Makes the table the cases work on.
fn table(db: &Db) {
    let sql = "CREATE TABLE case_row (id BIGINT PRIMARY KEY, number BIGINT, words TEXT)";
    write(db, move |tx| tx.exec(sql, &[])).unwrap();
}

/// Inserts a row with this id and a number.
const INSERT: &str = "INSERT INTO case_row (id, number) VALUES ($1, $2)";

/// How many rows there are.
fn count(db: &Db) -> i64 {
    read(db, |tx| tx.one("SELECT COUNT(*) FROM case_row", &[])?.get(0)).unwrap()
}
