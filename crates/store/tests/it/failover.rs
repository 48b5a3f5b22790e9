//! A primary that is killed, and a standby that takes over: the program goes on by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use store::testing::{self, Pair};
use store::{Db, DbError, Options, Topic, params};

use crate::{INSERT, read, table, write};

/// Long enough for everything that happens here, on a busy machine.
const NEVER: Duration = Duration::from_secs(60);

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + NEVER;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Inserts rows from some threads, each numbered from its own start, while the body runs; returns which were answered as
/// saved. What was not is tried again with the next number.
fn under_load(db: &Db, body: impl FnOnce(&dyn Fn() -> usize)) -> Vec<i64> {
    let (stop, saved) = (AtomicBool::new(false), std::sync::Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for start in 0..4_i64 {
            let (stop, saved) = (&stop, &saved);
            scope.spawn(move || {
                for number in start * 1_000_000.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    match write(db, move |tx| tx.exec(INSERT, params![number, start])) {
                        Ok(_) => saved.lock().unwrap().push(number),
                        Err(DbError::Unavailable(_) | DbError::Commit(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        body(&|| saved.lock().unwrap().len());
        stop.store(true, Ordering::SeqCst);
    });
    saved.into_inner().unwrap()
}

#[test]
fn nothing_answered_is_lost_when_the_standby_takes_over() {
    let pair = Pair::start();
    let patience = Duration::from_millis(500);
    let db = Db::open(&pair.url(), Options { patience, ..testing::options() }).unwrap();
    table(&db);
    let heard = db.heard(Topic::Programme);
    until("the primary is listened to", || *heard.borrow() > 0);
    let saved = under_load(&db, |saved| {
        until("rows are saved", || saved() > 200);
        pair.kill_primary();
        // Nobody takes writes now, and the standby is not taken for one who does.
        until("the database is missed", || {
            matches!(
                write(&db, |tx| tx.exec("UPDATE case_row SET number = 0 WHERE id = -1", &[])),
                Err(DbError::Unavailable(_))
            )
        });
        let before = (saved(), *heard.borrow());
        pair.promote_standby();
        until("rows are saved again", || saved() > before.0 + 200);
        until("the new primary is listened to", || *heard.borrow() > before.1);
    });
    // Each of them is heard: no reconnecting could count so far.
    for _ in 0..10 {
        let before = *heard.borrow();
        write(&db, |tx| tx.notify(Topic::Programme)).unwrap();
        until("what is said there is heard", || *heard.borrow() > before);
    }
    let rows = read(&db, |tx| {
        let rows = tx.all("SELECT id FROM case_row", &[])?;
        rows.iter().map(|row| row.get::<i64>(0)).collect::<Result<std::collections::HashSet<_>, _>>()
    })
    .unwrap();
    let lost: Vec<_> = saved.iter().filter(|number| !rows.contains(number)).collect();
    assert!(lost.is_empty(), "answered as saved, and gone: {lost:?}");
    db.close();
}

#[test]
fn a_primary_that_hangs_keeps_nobody_from_the_new_one() {
    let pair = Pair::start();
    let db = Db::open(&pair.url(), testing::options()).unwrap();
    table(&db);
    db.close();
    pair.freeze_primary();
    pair.promote_standby();
    // A server that starts now asks the one that hangs first: it takes connections and says nothing.
    let db = Db::open(&pair.url(), testing::options()).unwrap();
    write(&db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
    db.close();
}

/// The server's own limit on statements must not end the wait for the standby: it would answer "saved" then.
#[test]
fn what_the_standby_does_not_have_is_not_answered_as_saved() {
    let pair = Pair::start();
    let statement_timeout = Duration::from_millis(300);
    let db = Db::open(&pair.url(), Options { statement_timeout, ..testing::options() }).unwrap();
    table(&db);
    pair.freeze_standby();
    let unknown = write(&db, |tx| tx.exec(INSERT, params![1, 1]));
    assert!(matches!(unknown, Err(DbError::Commit(_))), "{unknown:?}");
    // Reading needs no standby.
    read(&db, |tx| tx.one("SELECT COUNT(*) FROM case_row", &[])).unwrap();
    db.close();
}

#[test]
fn a_server_that_takes_no_writes_is_not_written_to() {
    let pair = Pair::start();
    let db = Db::open(&pair.url(), testing::options()).unwrap();
    table(&db);
    let one = Options { connections: 1, patience: Duration::from_millis(500), ..testing::options() };
    // Whoever names only the standby, or a door behind which it stands, is told so, and in words that say why.
    let refused = Db::open(&pair.standby_url(), one).map(|db| db.close());
    let Err(DbError::Unavailable(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("recovery") || reason.contains("read-only"), "{reason}");
    db.close();
}
