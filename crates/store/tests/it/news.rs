//! What servers on one database tell each other.

use std::time::Duration;

use store::testing;
use store::{Db, DbError, Options, Topic, both_databases, programme};
use tokio::sync::watch;

use crate::postgres::terminate;
use crate::{read, write};

/// Longer than anything takes: whoever waits this long is told nothing.
const NEVER: Duration = Duration::from_secs(30);

fn notify(db: &Db) {
    write(db, |tx| tx.notify(Topic::Programme)).unwrap();
}

/// Waits until the count has grown, and returns it.
async fn next(heard: &mut watch::Receiver<u64>) -> u64 {
    tokio::time::timeout(NEVER, heard.changed()).await.expect("something is heard").unwrap();
    *heard.borrow_and_update()
}

#[test]
fn what_one_server_says_is_heard_by_the_other_once_it_is_committed() {
    let test = testing::postgres();
    let other = Db::open(&test.url, testing::options()).unwrap();
    testing::block_on(async {
        let mut heard = other.heard(Topic::Programme);
        // It counts as news that it listens.
        let first = next(&mut heard).await;
        let taken_back: Result<(), DbError> = test
            .db
            .write(|tx| {
                tx.notify(Topic::Programme)?;
                Err(DbError::Busy)
            })
            .await;
        assert!(taken_back.is_err());
        tokio::task::block_in_place(|| notify(&test.db));
        assert_eq!(next(&mut heard).await, first + 1, "what was rolled back was said, too");
        // The server hears itself, too, like every other.
        let mut own = test.db.heard(Topic::Programme);
        next(&mut own).await;
        tokio::task::block_in_place(|| notify(&test.db));
        next(&mut own).await;
        next(&mut heard).await;
    });
    other.close();
}

#[test]
fn after_a_lost_connection_everything_counts_as_changed() {
    let test = testing::postgres();
    let other = Db::open(&test.url, testing::options()).unwrap();
    testing::block_on(async {
        let mut heard = other.heard(Topic::Programme);
        for _ in 0..3 {
            next(&mut heard).await;
            assert!(tokio::task::block_in_place(|| terminate(&test.db)) > 0);
        }
        let again = next(&mut heard).await;
        tokio::task::block_in_place(|| notify(&test.db));
        assert_eq!(next(&mut heard).await, again + 1);
    });
    other.close();
}

#[test]
fn an_engine_that_cannot_tell_saves_all_the_same() {
    let test = testing::postgres();
    for sql in [
        "CREATE FUNCTION pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION USING ERRCODE = ''feature_not_supported''; END'",
        "CREATE TABLE said (id BIGINT)",
    ] {
        write(&test.db, move |tx| tx.exec(sql, &[])).unwrap();
    }
    let poorer = format!("{}&options=-csearch_path%3Dpublic,pg_catalog", test.url);
    let poorer = Db::open(&poorer, Options { connections: 1, ..testing::options() }).unwrap();
    write(&poorer, |tx| {
        // Before the first statement, and between two.
        tx.notify(Topic::Programme)?;
        tx.exec("INSERT INTO said (id) VALUES (1)", &[])?;
        tx.notify(Topic::Programme)?;
        tx.exec("INSERT INTO said (id) VALUES (2)", &[])
    })
    .unwrap();
    assert_eq!(read(&test.db, |tx| tx.one("SELECT COUNT(*) FROM said", &[])?.get::<i64>(0)).unwrap(), 2);
    poorer.close();
}

both_databases!(settings_are_saved_wherever_they_are_told, |db: Db| {
    let standard = write(&db, programme::load_or_create).unwrap();
    let changed = programme::Programme { hold_days: 7, ..standard };
    assert!(write(&db, move |tx| programme::save(tx, &changed)).unwrap());
    assert_eq!(read(&db, programme::load).unwrap().hold_days, 7);
});

#[test]
fn whoever_listens_lets_the_database_be_closed() {
    let test = testing::postgres();
    let other = Db::open(&test.url, testing::options()).unwrap();
    let heard = other.heard(Topic::Programme);
    other.close();
    // Nobody will say anything any more, and asking does no harm.
    drop(heard);
    drop(other.heard(Topic::Programme));
}
