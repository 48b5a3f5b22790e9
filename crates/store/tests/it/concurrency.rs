//! Many callers at once: none loses a change, none waits without end.

use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use store::testing::{self, TestDb};
use store::{Db, DbError, Options, Tx, both_databases, params};

use crate::{INSERT, count, read, table, write};

/// A unit that says when it has begun, and goes on when it is told to.
struct Gate {
    begun: Receiver<()>,
    go: SyncSender<()>,
}

fn gate<T: Send + 'static>(
    mut then: impl FnMut(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
) -> (Gate, impl FnMut(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static) {
    let (say, begun) = sync_channel(1);
    let (go, told) = sync_channel(1);
    let told = Mutex::new(told);
    let unit = move |tx: &mut Tx<'_>| {
        say.send(()).expect("the test waits");
        told.lock().unwrap().recv().expect("the test says go");
        then(tx)
    };
    (Gate { begun, go }, unit)
}

both_databases!(a_counter_loses_nothing, async |db: Db| {
    write(&db, |tx| tx.exec("CREATE TABLE counter (id BIGINT PRIMARY KEY, number BIGINT NOT NULL)", &[]))
        .unwrap();
    write(&db, |tx| tx.exec("INSERT INTO counter (id, number) VALUES (1, 0)", &[])).unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    // Half of them in the statement, half by reading under a lock.
                    let done: Result<(), DbError> = db
                        .write(move |tx| {
                            if task % 2 == 0 {
                                tx.exec("UPDATE counter SET number = number + 1 WHERE id = 1", &[])?;
                                return Ok(());
                            }
                            let row =
                                tx.one("SELECT number FROM counter WHERE id = $1 {for_update}", params![1])?;
                            let next = row.get::<i64>(0)? + 1;
                            tx.exec("UPDATE counter SET number = $1 WHERE id = 1", params![next])?;
                            Ok(())
                        })
                        .await;
                    done.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let number: Result<i64, DbError> = db.read(|tx| tx.one("SELECT number FROM counter", &[])?.get(0)).await;
    assert_eq!(number.unwrap(), 200);
});

both_databases!(those_who_fail_take_nothing_from_those_beside_them, async |db: Db| {
    table(&db);
    // All of these wait behind the first, so that on SQLite they are one commit.
    let (gate, first) = gate(|tx| tx.exec(INSERT, params![0, 0]));
    let first = tokio::spawn({
        let db = db.clone();
        async move { db.write(first).await }
    });
    gate.begun.recv().unwrap();
    let tasks: Vec<_> = (1..=60)
        .map(|id: i64| {
            let db = db.clone();
            tokio::spawn(async move {
                db.write(move |tx| {
                    tx.exec(INSERT, params![id, id])?;
                    match id % 6 {
                        0 => Err(DbError::Busy),
                        1 => panic!("number {id}"),
                        2 => tx.exec(INSERT, params![id, id]),
                        3 => tx.exec(INSERT, params![id, id]).or(Ok(0)),
                        _ => Ok(1),
                    }
                })
                .await
            })
        })
        .collect();
    gate.go.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 1);
    for (id, task) in (1..).zip(tasks) {
        let answer = task.await.unwrap();
        match (id % 6, &answer) {
            (0, Err(DbError::Busy))
            | (1, Err(DbError::Panicked(_)))
            | (2, Err(DbError::Sql { .. }))
            | (3, Err(DbError::Doomed(_)))
            | (4 | 5, Ok(1)) => {}
            _ => panic!("{id}: {answer:?}"),
        }
    }
    let saved = read(&db, |tx| {
        let rows = tx.all("SELECT id FROM case_row ORDER BY id", &[])?;
        rows.iter().map(|row| row.get::<i64>(0)).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(saved.unwrap(), (0..=60).filter(|id| *id == 0 || id % 6 > 3).collect::<Vec<_>>());
});

/// One database thread of each kind and room for one in its queue.
const NARROW: fn() -> Options = || Options { connections: 1, readers: 2, queue: 1, ..testing::options() };

fn a_full_queue_refuses(test: &TestDb) {
    let db = &test.db;
    table(db);
    let (gate, first) = gate(|tx| tx.exec(INSERT, params![1, 1]));
    let first = thread::spawn({
        let db = db.clone();
        move || write(&db, first)
    });
    gate.begun.recv().unwrap();
    // The first runs, the second waits, and there is no room for the third.
    let second = thread::spawn({
        let db = db.clone();
        move || loop {
            match write(&db, |tx| tx.exec(INSERT, params![2, 2])) {
                Err(DbError::Busy) => thread::sleep(Duration::from_millis(1)),
                done => return done,
            }
        }
    });
    let mut tries = 0;
    while !matches!(testing::block_on(db.ping(Duration::from_millis(20))), Err(DbError::Busy)) {
        tries += 1;
        assert!(tries < 200, "the queue never filled");
    }
    gate.go.send(()).unwrap();
    assert_eq!(first.join().unwrap().unwrap(), 1);
    assert_eq!(second.join().unwrap().unwrap(), 1);
    assert_eq!(count(db), 2);
}

#[test]
fn a_full_queue_refuses_on_sqlite() {
    a_full_queue_refuses(&testing::sqlite_with(NARROW()));
}

#[test]
fn a_full_queue_refuses_on_postgres() {
    a_full_queue_refuses(&testing::postgres_with(NARROW()));
}

fn who_leaves_before_the_unit_begins_takes_it_back(test: &TestDb) {
    let db = &test.db;
    table(db);
    testing::block_on(async {
        let (gate, first) = gate(|tx| tx.exec(INSERT, params![1, 1]));
        let first = tokio::spawn({
            let db = db.clone();
            async move { db.write(first).await }
        });
        gate.begun.recv().unwrap();
        let second = db.write(|tx| tx.exec(INSERT, params![2, 2]));
        assert!(tokio::time::timeout(Duration::from_millis(20), second).await.is_err());
        gate.go.send(()).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
    });
    db.close();
    let again = Db::open(&test.url, testing::options()).unwrap();
    assert_eq!(count(&again), 1);
    again.close();
}

#[test]
fn who_leaves_before_the_unit_begins_takes_it_back_on_sqlite() {
    who_leaves_before_the_unit_begins_takes_it_back(&testing::sqlite());
}

#[test]
fn who_leaves_before_the_unit_begins_takes_it_back_on_postgres() {
    who_leaves_before_the_unit_begins_takes_it_back(&testing::postgres_with(NARROW()));
}

fn closing_finishes_what_waits(test: &TestDb) {
    let db = &test.db;
    table(db);
    testing::block_on(async {
        let (gate, first) = gate(|tx| tx.exec(INSERT, params![0, 0]));
        let first = tokio::spawn({
            let db = db.clone();
            async move { db.write(first).await }
        });
        gate.begun.recv().unwrap();
        let mut waiting: Vec<_> =
            (1..=20).map(|id| Box::pin(db.write(move |tx| tx.exec(INSERT, params![id, id])))).collect();
        for unit in &mut waiting {
            // A unit is queued when its future is first asked.
            let queued = poll_fn(|context| Poll::Ready(unit.as_mut().poll(context).is_pending())).await;
            assert!(queued);
        }
        let closing = tokio::task::spawn_blocking({
            let db = db.clone();
            move || db.close()
        });
        gate.go.send(()).unwrap();
        closing.await.unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
        for unit in waiting {
            assert_eq!(unit.await.unwrap(), 1);
        }
        assert!(matches!(db.ping(Duration::from_secs(1)).await, Err(DbError::Unavailable(_))));
    });
    assert!(matches!(write(db, |tx| tx.exec(INSERT, params![99, 1])), Err(DbError::Unavailable(_))));
    assert!(matches!(read(db, |tx| tx.opt("SELECT 1", &[])), Err(DbError::Unavailable(_))));
}

#[test]
fn closing_finishes_what_waits_on_sqlite() {
    closing_finishes_what_waits(&testing::sqlite_with(SINGLE()));
}

#[test]
fn closing_finishes_what_waits_on_postgres() {
    closing_finishes_what_waits(&testing::postgres_with(SINGLE()));
}

fn two_programs_share_a_database(test: &TestDb) {
    let other = Db::open(&test.url, testing::options()).unwrap();
    table(&test.db);
    write(&test.db, |tx| tx.exec(INSERT, params![1, 0])).unwrap();
    thread::scope(|scope| {
        for db in [&test.db, &other] {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let sql = "UPDATE case_row SET number = number + 1 WHERE id = 1";
                        assert_eq!(write(db, move |tx| tx.exec(sql, &[])).unwrap(), 1);
                    }
                });
            }
        }
    });
    for db in [&test.db, &other] {
        let number = read(db, |tx| tx.one("SELECT number FROM case_row", &[])?.get::<i64>(0));
        assert_eq!(number.unwrap(), 160);
    }
    other.close();
}

#[test]
fn two_programs_share_a_database_on_sqlite() {
    two_programs_share_a_database(&testing::sqlite());
}

#[test]
fn two_programs_share_a_database_on_postgres() {
    two_programs_share_a_database(&testing::postgres());
}

/// One thread that writes, and room to wait for it.
const SINGLE: fn() -> Options = || Options { connections: 1, ..testing::options() };

fn a_ping_is_answered_or_times_out(test: &TestDb) {
    let db = &test.db;
    let (gate, first) = gate(|_| Ok(()));
    testing::block_on(async {
        db.ping(Duration::from_secs(10)).await.unwrap();
        let first = tokio::spawn({
            let db = db.clone();
            async move { db.write(first).await }
        });
        gate.begun.recv().unwrap();
        let late = db.ping(Duration::from_millis(20)).await;
        assert!(matches!(late, Err(DbError::Unavailable(_))), "{late:?}");
        gate.go.send(()).unwrap();
        first.await.unwrap().unwrap();
        db.ping(Duration::from_secs(10)).await.unwrap();
    });
}

#[test]
fn a_ping_is_answered_or_times_out_on_sqlite() {
    a_ping_is_answered_or_times_out(&testing::sqlite_with(SINGLE()));
}

#[test]
fn a_ping_is_answered_or_times_out_on_postgres() {
    a_ping_is_answered_or_times_out(&testing::postgres_with(SINGLE()));
}
