//! What only a PostgreSQL server can do to a program: go away, come back, deadlock, take too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use store::testing;
use store::{Db, DbError, Options, SqlErrorKind, Tx, params};

use crate::{INSERT, count, read, table, write};

/// Ends every other connection to this database.
const TERMINATE: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

pub fn terminate(other: &Db) -> i64 {
    read(other, |tx| tx.one(TERMINATE, &[])?.get(0)).unwrap()
}

#[test]
fn two_units_that_deadlock_both_finish() {
    let test = testing::postgres();
    table(&test.db);
    write(&test.db, |tx| tx.many(INSERT, &[params![1, 0].to_vec(), params![2, 0].to_vec()])).unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let meet = Arc::new(Barrier::new(2));
    thread::scope(|scope| {
        for order in [[1, 2], [2, 1]] {
            let (runs, meet, db) = (Arc::clone(&runs), Arc::clone(&meet), test.db.clone());
            scope.spawn(move || {
                let mut first_run = true;
                let done = write(&db, move |tx| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    let add = "UPDATE case_row SET number = number + 1 WHERE id = $1";
                    tx.exec(add, params![order[0]])?;
                    if std::mem::take(&mut first_run) {
                        // Each holds its first row now, and wants the other's.
                        meet.wait();
                    }
                    tx.exec(add, params![order[1]])
                });
                assert_eq!(done.unwrap(), 1);
            });
        }
    });
    assert!(runs.load(Ordering::SeqCst) > 2, "there was no deadlock");
    let sum =
        read(&test.db, |tx| tx.one("SELECT CAST(SUM(number) AS BIGINT) FROM case_row", &[])?.get::<i64>(0));
    assert_eq!(sum.unwrap(), 4);
}

#[test]
fn a_locked_row_can_be_referred_to() {
    let test = testing::postgres();
    table(&test.db);
    write(&test.db, |tx| {
        tx.exec(INSERT, params![1, 0])?;
        tx.exec("CREATE TABLE reference (row_id BIGINT REFERENCES case_row (id))", &[])
    })
    .unwrap();
    let (locked, inserted) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    thread::scope(|scope| {
        let (db, at, seen) = (test.db.clone(), Arc::clone(&locked), Arc::clone(&inserted));
        let holder = scope.spawn(move || {
            write(&db, move |tx| {
                tx.one("SELECT id FROM case_row WHERE id = 1 {for_update}", &[])?;
                at.wait();
                // Held until the other is through, or for as long as nobody would wait.
                let since = Instant::now();
                while seen.load(Ordering::SeqCst) == 0 && since.elapsed() < Duration::from_secs(5) {
                    thread::sleep(Duration::from_millis(5));
                }
                Ok(seen.load(Ordering::SeqCst))
            })
        });
        locked.wait();
        write(&test.db, |tx| tx.exec("INSERT INTO reference (row_id) VALUES (1)", &[])).unwrap();
        inserted.store(1, Ordering::SeqCst);
        assert_eq!(holder.join().unwrap().unwrap(), 1, "the row that refers waited for the lock");
    });
}

#[test]
fn a_deadlock_without_end_is_its_callers() {
    let test = testing::postgres();
    table(&test.db);
    let runs = Arc::new(AtomicU32::new(0));
    let ran = Arc::clone(&runs);
    let raise = "DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''serialization_failure''; END'";
    let error = write(&test.db, move |tx| {
        ran.fetch_add(1, Ordering::SeqCst);
        tx.exec(INSERT, params![1, 1])?;
        tx.exec(raise, &[])
    })
    .unwrap_err();
    assert_eq!(error.kind(), Some(SqlErrorKind::Conflict), "{error}");
    assert_eq!(runs.load(Ordering::SeqCst), 10);
    assert_eq!(count(&test.db), 0);
}

#[test]
fn a_connection_that_ended_is_made_anew() {
    let test = testing::postgres();
    let other = Db::open(&test.url, Options { connections: 1, ..testing::options() }).unwrap();
    table(&test.db);
    for round in 1..=5 {
        assert!(terminate(&other) > 0);
        // More of them than there are connections, reads among them.
        thread::scope(|scope| {
            for number in 0..6 {
                let db = &test.db;
                scope.spawn(move || {
                    write(db, move |tx| tx.exec(INSERT, params![round * 10 + number, 0])).unwrap();
                    read(db, |tx| tx.all("SELECT id FROM case_row", &[])).unwrap();
                });
            }
        });
        assert_eq!(count(&test.db), 6 * round);
    }
    other.close();
}

#[test]
fn a_database_that_goes_away_is_unavailable_until_it_comes_back() {
    let patience = Duration::from_millis(400);
    let test = testing::postgres_with(Options { patience, ..testing::options() });
    let other = testing::postgres();
    table(&test.db);
    let name = read(&test.db, |tx| tx.one("SELECT current_database()", &[])?.get::<String>(0)).unwrap();
    let allow = |whether: bool| {
        let sql = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {whether}");
        write(&other.db, move |tx| tx.exec(&sql, &[])).unwrap();
    };
    allow(false);
    let end = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
    let ended = name.clone();
    assert!(write(&other.db, move |tx| tx.one(end, params![&ended])?.get::<i64>(0)).unwrap() > 0);
    let begun = Instant::now();
    thread::scope(|scope| {
        // Many more than there are connections: those behind don't wait for those before them.
        for _ in 0..200 {
            scope.spawn(|| {
                let refused = write(&test.db, |tx| tx.exec(INSERT, params![1, 1]));
                assert!(matches!(&refused, Err(DbError::Unavailable(_))), "{refused:?}");
            });
        }
    });
    // One patience to find each connection lost, and one more to find no other.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    allow(true);
    write(&test.db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
    assert_eq!(count(&test.db), 1);
}

#[test]
fn a_unit_that_loses_its_connection_is_run_again_as_a_whole() {
    let test = testing::postgres();
    let other = Db::open(&test.url, Options { connections: 1, ..testing::options() }).unwrap();
    table(&test.db);
    let mut runs = 0;
    let ended = other.clone();
    let ran = write(&test.db, move |tx| {
        runs += 1;
        tx.exec(
            "INSERT INTO case_row (id, number) SELECT COALESCE(MAX(id), 0) + 1, $1 FROM case_row",
            params![runs],
        )?;
        if runs < 3 {
            assert!(terminate(&ended) > 0);
        }
        tx.exec("UPDATE case_row SET words = 'whole' WHERE id = 1", &[])?;
        Ok(runs)
    });
    assert_eq!(ran.unwrap(), 3);
    let row = read(&test.db, |tx| tx.one("SELECT number, words FROM case_row", &[])).unwrap();
    assert_eq!((row.get::<i64>(0).unwrap(), row.get::<String>(1).unwrap()), (3, "whole".into()));
    other.close();
}

#[test]
fn a_connection_lost_in_the_commit_is_an_unknown_outcome() {
    let test = testing::postgres();
    table(&test.db);
    for sql in [
        "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER leave AFTER INSERT ON case_row DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION leave()",
    ] {
        write(&test.db, move |tx| tx.exec(sql, &[])).unwrap();
    }
    let runs = Arc::new(AtomicU32::new(0));
    let ran = Arc::clone(&runs);
    let unknown = write(&test.db, move |tx| {
        ran.fetch_add(1, Ordering::SeqCst);
        tx.exec(INSERT, params![1, 1])
    });
    assert!(matches!(unknown, Err(DbError::Commit(_))), "{unknown:?}");
    assert_eq!(runs.load(Ordering::SeqCst), 1, "a unit that may have been saved is not run again");
    assert_eq!(count(&test.db), 0);
}

#[test]
fn a_commit_that_is_refused_is_no_unknown_outcome() {
    let test = testing::postgres();
    table(&test.db);
    let sql = "CREATE TABLE late (parent BIGINT REFERENCES case_row (id) DEFERRABLE INITIALLY DEFERRED)";
    write(&test.db, move |tx| tx.exec(sql, &[])).unwrap();
    let refused = write(&test.db, |tx| tx.exec("INSERT INTO late (parent) VALUES (404)", &[])).unwrap_err();
    assert_eq!(refused.kind(), Some(SqlErrorKind::ForeignKey), "{refused}");
    assert!(matches!(refused, DbError::Sql { .. }), "{refused:?}");
    write(&test.db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
}

#[test]
fn a_statement_that_takes_too_long_is_stopped() {
    let timeout = Duration::from_millis(200);
    let test = testing::postgres_with(Options { statement_timeout: timeout, ..testing::options() });
    let begun = Instant::now();
    let error = write(&test.db, |tx| tx.opt("SELECT 1 WHERE pg_sleep(30) IS NULL", &[])).unwrap_err();
    assert_eq!(error.kind(), Some(SqlErrorKind::Timeout), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    read(&test.db, |tx| tx.one("SELECT 1", &[])).unwrap();
}

#[test]
fn a_statement_that_is_no_longer_prepared_is_prepared_again() {
    let test = testing::postgres_with(Options { connections: 1, ..testing::options() });
    let unit = |tx: &mut Tx<'_>| tx.one("SELECT CAST($1 AS BIGINT) + 1", params![41])?.get::<i64>(0);
    assert_eq!(read(&test.db, unit).unwrap(), 42);
    // What a connection pool between the program and the server may do. A unit's text can't say it, a function can.
    write(&test.db, |tx| tx.exec("DO 'BEGIN EXECUTE ''DEALLOCATE ALL''; END'", &[])).unwrap();
    assert_eq!(read(&test.db, unit).unwrap(), 42);
}

#[test]
fn many_different_statements_do_not_pile_up() {
    let test = testing::postgres_with(Options { connections: 1, ..testing::options() });
    let prepared = read(&test.db, |tx| {
        for number in 0..700 {
            tx.one(&format!("SELECT {number}"), &[])?;
        }
        tx.one("SELECT COUNT(*) FROM pg_prepared_statements", &[])?.get::<i64>(0)
    });
    assert!((400..=513).contains(&prepared.unwrap()));
}

#[test]
fn numbers_that_do_not_fit_the_statement_are_refused() {
    let test = testing::postgres();
    // The server takes a bare $1 beside an int4 for an int4.
    let sum = |number: i64| read(&test.db, move |tx| tx.one("SELECT 1 + $1", params![number])?.get::<i64>(0));
    assert_eq!(sum(41).unwrap(), 42);
    let error = sum(i64::from(i32::MAX) + 1).unwrap_err();
    assert!(matches!(error, DbError::Parameter { number: 1, .. }), "{error}");
    let error = read(&test.db, |tx| tx.one("SELECT 1 + $1", params!["41"])).unwrap_err();
    assert!(matches!(error, DbError::Parameter { number: 1, .. }), "{error}");
    let error = read(&test.db, |tx| tx.one("SELECT CAST($1 AS NUMERIC)", params![1])).unwrap_err();
    assert!(matches!(error, DbError::Parameter { number: 1, .. }), "{error}");
}

#[test]
fn units_run_beside_each_other() {
    let test = testing::postgres();
    let (ready, go) = (Barrier::new(4), Mutex::new(0));
    let ready = Arc::new(ready);
    thread::scope(|scope| {
        for _ in 0..4 {
            let (db, ready, go) = (test.db.clone(), Arc::clone(&ready), &go);
            scope.spawn(move || {
                let unit = move |_: &mut Tx<'_>| {
                    // None passes until all four are inside.
                    ready.wait();
                    Ok(())
                };
                write(&db, unit).unwrap();
                *go.lock().unwrap() += 1;
            });
        }
    });
    assert_eq!(*go.lock().unwrap(), 4);
}
