//! What only SQLite can do to a program: a foreign lock, a crash in the middle, a group whose commit fails.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use store::testing::{self, Place, TestDb};
use store::{Db, DbError, Options, params};

use crate::{INSERT, count, table, write};

fn file(test: &TestDb) -> PathBuf {
    test.url.strip_prefix("sqlite:").unwrap().into()
}

#[test]
fn a_foreign_lock_is_busy_and_then_gone() {
    let test = testing::sqlite_with(Options { patience: Duration::from_millis(200), ..testing::options() });
    table(&test.db);
    let other = Connection::open(file(&test)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; INSERT INTO case_row (id) VALUES (1)").unwrap();
    let begun = Instant::now();
    let refused = write(&test.db, |tx| tx.exec(INSERT, params![2, 2]));
    assert!(matches!(refused, Err(DbError::Busy)), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // Reading goes on meanwhile, and sees nothing of it.
    assert_eq!(count(&test.db), 0);
    other.execute_batch("COMMIT").unwrap();
    write(&test.db, |tx| tx.exec(INSERT, params![2, 2])).unwrap();
    assert_eq!(count(&test.db), 2);
}

#[test]
fn what_was_answered_is_in_the_files() {
    let test = testing::sqlite();
    table(&test.db);
    for id in 1..=20 {
        write(&test.db, move |tx| tx.exec(INSERT, params![id, id])).unwrap();
        // The files as a crash at this moment would leave them.
        let crashed = Place::empty_sqlite();
        let copy = crashed.url().strip_prefix("sqlite:").unwrap().to_owned();
        for suffix in ["", "-wal"] {
            std::fs::copy(format!("{}{suffix}", file(&test).display()), format!("{copy}{suffix}")).unwrap();
        }
        let again = Db::open(&crashed.url(), testing::options()).unwrap();
        assert_eq!(count(&again), id);
        again.close();
    }
}

#[test]
fn a_group_whose_commit_fails_is_told_so_to_the_last() {
    let test = testing::sqlite();
    table(&test.db);
    // Checked at the commit only, which no migration does: the way to make a commit fail.
    let sql = "CREATE TABLE late (parent BIGINT REFERENCES case_row (id) DEFERRABLE INITIALLY DEFERRED)";
    write(&test.db, move |tx| tx.exec(sql, &[])).unwrap();
    let (say, begun) = sync_channel(1);
    let (go, told) = sync_channel::<()>(1);
    let told = std::sync::Mutex::new(told);
    testing::block_on(async {
        let db = test.db.clone();
        let bad = tokio::spawn(async move {
            db.write(move |tx| {
                say.send(()).unwrap();
                told.lock().unwrap().recv().unwrap();
                tx.exec("INSERT INTO late (parent) VALUES (404)", &[])
            })
            .await
        });
        begun.recv().unwrap();
        let beside = test.db.write(|tx| tx.exec(INSERT, params![1, 1]));
        let refusing = test.db.write(|tx| {
            tx.exec(INSERT, params![2, 2])?;
            Err::<(), _>(DbError::Busy)
        });
        let both = async {
            let (beside, refusing, ()) = tokio::join!(beside, refusing, async { go.send(()).unwrap() });
            (beside, refusing)
        };
        let (beside, refusing) = both.await;
        let bad = bad.await.unwrap();
        assert!(matches!(bad, Err(DbError::Commit(_))), "{bad:?}");
        assert!(matches!(beside, Err(DbError::Commit(_))), "{beside:?}");
        // What it refused may have rested on what was not saved.
        assert!(matches!(refusing, Err(DbError::Commit(_))), "{refusing:?}");
    });
    assert_eq!(count(&test.db), 0);
    write(&test.db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
    assert_eq!(count(&test.db), 1);
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::empty_sqlite();
    let db = Db::open(&place.url(), testing::options()).unwrap();
    let path = place.url().strip_prefix("sqlite:").unwrap().to_owned();
    for suffix in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{path}{suffix}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
    db.close();
}

#[test]
fn the_settings_that_keep_data_are_on() {
    let test = testing::sqlite();
    let asked = |db: &Db, name: &'static str| {
        let sql = format!("SELECT * FROM pragma_{name}");
        write(db, move |tx| tx.one(&sql, &[])?.get::<i64>(0)).unwrap()
    };
    assert_eq!(asked(&test.db, "synchronous"), 2, "FULL");
    assert_eq!(asked(&test.db, "foreign_keys"), 1);
}
