//! Migrations: once, in order, whole or not at all, and never other than they were.

use std::thread;

use store::migrate::{MIGRATIONS, Migration, Status};
use store::testing::{self, Place};
use store::{Db, DbError, Options, SqlErrorKind, params};

use crate::{read, write};

const FIRST: Migration = Migration {
    id: 1,
    name: "notes",
    text: "-- A note's number is said aloud; {this} is a comment.
        CREATE TABLE note (number {serial}, words TEXT{c} NOT NULL, size BIGINT NOT NULL DEFAULT 0){strict};
        CREATE INDEX note_words ON note (words);
        {start note number 1001}",
};
const SECOND: Migration = Migration {
    id: 2,
    name: "a first note",
    text: "INSERT INTO note (words) VALUES ('it''s; {c} BIGINT $1'); ALTER TABLE note ADD COLUMN author TEXT;",
};
const BROKEN: Migration = Migration {
    id: 2,
    name: "broken",
    text: "INSERT INTO note (words) VALUES ('half'); INSERT INTO nowhere VALUES (1);",
};

fn options(migrations: &'static [Migration]) -> Options {
    Options { migrations, ..testing::options() }
}

fn places() -> [Place; 2] {
    [Place::empty_sqlite(), Place::empty_postgres()]
}

fn words(db: &Db) -> Vec<String> {
    let sql = "SELECT words FROM note ORDER BY number";
    read(db, move |tx| tx.all(sql, &[])?.iter().map(|row| row.get(0)).collect()).unwrap()
}

#[test]
fn they_run_once_and_in_order() {
    for place in places() {
        for _ in 0..2 {
            let db = Db::open(&place.url(), options(&[FIRST, SECOND])).unwrap();
            assert_eq!(words(&db), ["it's; {c} BIGINT $1"]);
            let status = testing::block_on(db.schema()).unwrap();
            assert_eq!(status, Status { current: 2, newest: 2, pending: 0 });
            db.close();
        }
    }
}

#[test]
fn a_later_program_adds_what_is_missing() {
    for place in places() {
        let old = Db::open(&place.url(), options(&[FIRST])).unwrap();
        assert_eq!(testing::block_on(old.schema()).unwrap(), Status { current: 1, newest: 1, pending: 0 });
        let new = Db::open(&place.url(), options(&[FIRST, SECOND])).unwrap();
        // The old program, still running while the new one starts, goes on.
        write(&old, |tx| tx.exec("INSERT INTO note (words) VALUES ('old')", &[])).unwrap();
        assert_eq!(words(&new).len(), 2);
        assert_eq!(testing::block_on(old.schema()).unwrap(), Status { current: 2, newest: 1, pending: 0 });
        old.close();
        new.close();
    }
}

#[test]
fn a_newer_database_is_refused() {
    for place in places() {
        Db::open(&place.url(), options(&[FIRST, SECOND])).unwrap().close();
        let error = Db::open(&place.url(), options(&[FIRST])).unwrap_err();
        assert!(matches!(error, DbError::Newer { database: 2, program: 1 }), "{error}");
        assert!(error.to_string().contains("Start the newer program"), "{error}");
    }
}

#[test]
fn an_edited_migration_is_refused() {
    const EDITED: Migration = Migration { text: "CREATE TABLE note (number {serial})", ..FIRST };
    for place in places() {
        Db::open(&place.url(), options(&[FIRST])).unwrap().close();
        let error = Db::open(&place.url(), options(&[EDITED, SECOND])).unwrap_err();
        assert!(
            matches!(&error, DbError::Migration(why) if why.contains("migration 1 (notes) was changed")),
            "{error}"
        );
        // It was refused before anything ran.
        let db = Db::open(&place.url(), options(&[FIRST])).unwrap();
        assert_eq!(words(&db).len(), 0);
        db.close();
    }
}

#[test]
fn a_migration_out_of_its_place_is_refused() {
    const LATER: Migration = Migration { id: 3, ..SECOND };
    for place in places() {
        Db::open(&place.url(), options(&[FIRST, LATER])).unwrap().close();
        let error = Db::open(&place.url(), options(&[FIRST, SECOND, LATER])).unwrap_err();
        assert!(matches!(&error, DbError::Migration(why) if why.contains("migration 3")), "{error}");
    }
}

#[test]
fn line_ends_are_no_edit() {
    const WINDOWS: Migration =
        Migration { text: "CREATE TABLE a (b TEXT);\r\nCREATE TABLE c (d TEXT);\r\n", ..FIRST };
    const UNIX: Migration =
        Migration { text: "CREATE TABLE a (b TEXT);\nCREATE TABLE c (d TEXT);\n", ..FIRST };
    for place in places() {
        Db::open(&place.url(), options(&[WINDOWS])).unwrap().close();
        Db::open(&place.url(), options(&[UNIX])).unwrap().close();
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    for place in places() {
        let error = Db::open(&place.url(), options(&[FIRST, BROKEN])).unwrap_err();
        assert_eq!(error.kind(), Some(SqlErrorKind::Other), "{error}");
        assert!(error.to_string().ends_with("in: migration 2 (broken)"), "{error}");
        let db = Db::open(&place.url(), options(&[FIRST])).unwrap();
        assert_eq!(words(&db).len(), 0);
        db.close();
        Db::open(&place.url(), options(&[FIRST, SECOND])).unwrap().close();
    }
}

#[test]
fn programs_that_start_at_once_take_turns() {
    for place in places() {
        let url = place.url();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| Db::open(&url, options(&[FIRST, SECOND])).unwrap().close());
            }
        });
        let db = Db::open(&url, options(&[FIRST, SECOND])).unwrap();
        assert_eq!(words(&db).len(), 1);
        db.close();
    }
}

#[test]
fn tokens_mean_the_same_on_both() {
    for place in places() {
        let db = Db::open(&place.url(), options(&[FIRST])).unwrap();
        let rows = write(&db, |tx| {
            for words in ["b", "É", "a", "B", "~", "a b", "ab", "😀", "10", "9"] {
                tx.exec("INSERT INTO note (words, size) VALUES ($1, $2)", params![words, i64::MAX])?;
            }
            tx.exec("INSERT INTO note (number, words) VALUES (5, 'its own number')", &[])?;
            tx.all("SELECT number, words, size FROM note WHERE size > 0 ORDER BY words", &[])
        })
        .unwrap();
        let words: Vec<String> = rows.iter().map(|row| row.get(1).unwrap()).collect();
        assert_eq!(words, ["10", "9", "B", "a", "a b", "ab", "b", "~", "É", "😀"], "by bytes");
        let numbers: Vec<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        assert_eq!((numbers.iter().min(), numbers.iter().max()), (Some(&1001), Some(&1010)));
        assert!(rows.iter().all(|row| row.get::<i64>(2).unwrap() == i64::MAX));
        db.close();
    }
}

#[test]
fn the_programs_own_list_is_in_order_and_defers_nothing() {
    for (index, migration) in MIGRATIONS.iter().enumerate() {
        assert_eq!(usize::try_from(migration.id).unwrap(), index + 1, "{}", migration.name);
        // A constraint that is only checked at the commit would fail every unit of a group for one's mistake.
        assert!(!migration.text.to_uppercase().contains("DEFERR"), "{} defers a constraint", migration.name);
    }
    for test in [testing::sqlite(), testing::postgres()] {
        let newest = i64::try_from(MIGRATIONS.len()).unwrap();
        let status = testing::block_on(test.db.schema()).unwrap();
        assert_eq!(status, Status { current: newest, newest, pending: 0 });
    }
}

#[test]
fn sessions_from_before_can_be_told_apart() {
    let this = MIGRATIONS.iter().position(|migration| migration.name == "account").unwrap();
    for place in places() {
        let old = Db::open(&place.url(), options(&MIGRATIONS[..this])).unwrap();
        write(&old, |tx| {
            tx.exec(
                "INSERT INTO account (id, kind, name, email, email_key, created_at)
                 VALUES ('a', 'partner', 'Mara', 'mara@example.com', 'mara@example.com', 0)",
                &[],
            )?;
            for hash in ["h1", "h2", "h3"] {
                tx.exec(
                    "INSERT INTO session (token_hash, account_id, created_at, seen_at, expires_at, user_agent)
                     VALUES ($1, 'a', 0, 0, 9, '')",
                    params![hash],
                )?;
            }
            Ok(())
        })
        .unwrap();
        old.close();
        let db = Db::open(&place.url(), options(MIGRATIONS)).unwrap();
        let now = domain::clock::Timestamp::from_micros(1);
        let list = move |tx: &mut store::Tx| store::sessions::of_account(tx, "a", "h2", now, 10);
        let sessions = read(&db, list).unwrap();
        assert_eq!(sessions.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["2", "1", "3"]);
        assert!(sessions[0].current && !sessions[1].current);
        assert!(write(&db, |tx| store::sessions::close_one(tx, "a", "3")).unwrap().is_some());
        assert_eq!(read(&db, list).unwrap().len(), 2);
        db.close();
    }
}

// The migration of claims rebuilds a table and adds columns: what was there stays.
#[test]
fn deals_keep_their_history_and_old_clients_are_given_keys() {
    // By name: the number is given when branches come together.
    let claims = MIGRATIONS.iter().position(|migration| migration.name == "claims").unwrap();
    for place in places() {
        let old = Db::open(&place.url(), options(&MIGRATIONS[..claims])).unwrap();
        write(&old, |tx| {
            tx.exec(
                "INSERT INTO client (name, email, phone, telegram, message, created_at, search)
                 VALUES ('Aurora Ltd', 'A+1@Aurora.example', '+351 912 000 114', '@Aurora', '', 0, '')",
                &[],
            )?;
            tx.exec(
                "INSERT INTO deal (client_number, title, status, created_at, changed_at, client_search)
                 VALUES (1001, '', 'pending', 0, 0, '')",
                &[],
            )?;
            tx.exec(
                "INSERT INTO deal_event (id, deal_number, at, kind, amount, reason)
                 VALUES ('e1', 2001, 7, 'created', 5, 'why')",
                &[],
            )
        })
        .unwrap();
        old.close();
        let new = Db::open(&place.url(), options(MIGRATIONS)).unwrap();
        let events = read(&new, |tx| store::deals::events(tx, 2001)).unwrap();
        let event = &events[0];
        assert_eq!((event.kind.as_str(), event.reason.as_deref()), ("created", Some("why")));
        assert_eq!(event.amount.map(domain::money::Money::minor), Some(5));
        assert_eq!(write(&new, |tx| store::matching::fill_keys(tx, 10)).unwrap(), 1);
        let keys = read(&new, |tx| {
            let row = tx.one("SELECT email_key, phone_key, telegram_key, name_key FROM client", &[])?;
            Ok::<_, DbError>([row.get::<String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })
        .unwrap();
        assert_eq!(keys, ["a@aurora.example", "12000114", "aurora", "aurora"]);
        new.close();
    }
}

#[test]
fn clicks_of_an_older_version_come_along() {
    for place in places() {
        let db = Db::open(&place.url(), options(&MIGRATIONS[..9])).unwrap();
        write(&db, |tx| {
            tx.exec(
                "INSERT INTO account (id, kind, name, email, email_key, created_at) VALUES ('ann', 'partner', '', '', '', 0)",
                &[],
            )?;
            tx.exec("INSERT INTO partner (id, code, search) VALUES ('ann', '', '')", &[])?;
            tx.exec("INSERT INTO partner_day (partner_id, day, clicks) VALUES ('ann', 20783, 2)", &[])?;
            for (at, automatic) in [(20_783, 0), (20_783, 1), (20_783, 0), (20_784, 1)] {
                tx.exec(
                    "INSERT INTO click (at, partner_id, source, automatic) VALUES ($1, 'ann', 't.me', $2)",
                    params![at * domain::clock::DAY + 5_123, automatic],
                )?;
            }
            Ok(())
        })
        .unwrap();
        db.close();

        let db = Db::open(&place.url(), options(MIGRATIONS)).unwrap();
        let (days, ids) = read(&db, |tx| {
            let days = store::partners::days(tx, "ann", domain::clock::Day(0))?;
            let days: Vec<_> = days.iter().map(|day| (day.day.0, day.clicks, day.automatic)).collect();
            let ids = tx.all("SELECT id, at FROM click ORDER BY id", &[])?;
            let ids: Vec<(i64, i64)> =
                ids.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, DbError>>()?;
            Ok((days, ids))
        })
        .unwrap();
        assert_eq!(days, [(20_783, 2, 1), (20_784, 0, 1)]);
        assert_eq!(ids.len(), 4);
        for (id, at) in ids {
            let first = store::clicks::first_id(domain::clock::Timestamp::from_micros(at));
            assert!((first..first + (1 << 21)).contains(&id), "{id} is not of {at}");
        }
        db.close();
    }
}
