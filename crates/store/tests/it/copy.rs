//! Copying an installation from SQLite to PostgreSQL: everything as it was, or nothing at all.

use std::panic::{AssertUnwindSafe, catch_unwind};

use store::copy::{self, CopyError, Order, Proof, Report, Step};
use store::migrate::{MIGRATIONS, Migration};
use store::testing::{self, Place};
use store::{Db, DbError, Options, Row, Tx, Value, params};

use crate::{read, write};

const PEOPLE: Migration = Migration {
    id: 1,
    name: "people",
    text: "CREATE TABLE person (number {serial}, name TEXT {c} NOT NULL, note TEXT){strict};
        {start person number 1001}
        CREATE TABLE letter (number {serial}, words TEXT NOT NULL){strict};
        CREATE TABLE friend (
            a BIGINT NOT NULL REFERENCES person (number),
            b BIGINT NOT NULL REFERENCES person (number),
            -- Refers to its own table, so no order of rows would do.
            first BIGINT REFERENCES friend (id),
            id BIGINT PRIMARY KEY,
            UNIQUE (a, b)
        ){strict};
        CREATE UNIQUE INDEX person_name ON person (name) WHERE note IS NULL;
        -- What a migration itself writes is in the source as well.
        INSERT INTO letter (number, words) VALUES (1, 'of a migration');
        INSERT INTO person (number, name) VALUES (7, 'Of a migration');
        INSERT INTO friend (a, b, id) VALUES (7, 7, 7);",
};
const LATER: Migration = Migration {
    id: 2,
    name: "later",
    text: "CREATE TABLE later (key TEXT PRIMARY KEY, \"order\" BIGINT){strict};",
};

fn no_proof(_: &mut Tx<'_>) -> Result<Proof, DbError> {
    Ok(Proof::default())
}

fn order<'a>(source: &'a Place, target: &'a str, migrations: &'static [Migration]) -> Order<'a> {
    let source: &'static str = source.url().leak();
    Order { migrations, proof: no_proof, ..Order::new(source, target, "postgres://over.there/goodword") }
}

fn options(migrations: &'static [Migration]) -> Options {
    Options { migrations, ..testing::options() }
}

fn open(place: &Place, migrations: &'static [Migration]) -> Db {
    Db::open(&place.url(), options(migrations)).unwrap()
}

/// A source with a few people, closed.
fn people(migrations: &'static [Migration]) -> Place {
    let place = Place::empty_sqlite();
    let db = open(&place, migrations);
    write(&db, |tx| {
        for name in ["Ada", "Bob", "Cy"] {
            tx.exec("INSERT INTO person (name) VALUES ($1)", params![name])?;
        }
        tx.exec("DELETE FROM friend", &[])?;
        tx.exec("DELETE FROM person WHERE number = 7", &[])?;
        tx.exec("INSERT INTO friend VALUES (1001, 1002, NULL, 2)", &[])?;
        tx.exec("INSERT INTO friend VALUES (1001, 1003, 2, 1)", &[])
    })
    .unwrap();
    db.close();
    place
}

fn run(order: &Order<'_>) -> Result<Report, CopyError> {
    copy::run(order, |_| {})
}

/// Says something to the target without the data layer, which would make a table of its own there.
fn say(target: &Place, sql: &str) -> Vec<tokio_postgres::Row> {
    testing::block_on(async {
        let (client, connection) =
            tokio_postgres::connect(&target.url(), tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let rows = client.query(sql, &[]).await.unwrap();
        drop(client);
        _ = connection.await;
        rows
    })
}

/// How many tables and indexes the target has.
fn relations(target: &Place) -> i64 {
    let sql = "SELECT COUNT(*) FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace)";
    say(target, sql)[0].get(0)
}

fn names(db: &Db) -> Vec<String> {
    let sql = "SELECT name FROM person ORDER BY number";
    read(db, move |tx| tx.all(sql, &[])?.iter().map(|row| row.get(0)).collect()).unwrap()
}

#[test]
fn rows_numbers_and_rules_arrive() {
    const LIST: &[Migration] = &[PEOPLE, LATER];
    let (source, target) = (people(LIST), Place::empty_postgres());
    let before = open(&source, LIST);
    write(&before, |tx| {
        // The numbers of these have been given, and must not be given again.
        tx.exec("INSERT INTO letter (number, words) VALUES (70, 'gone')", &[])?;
        tx.exec("DELETE FROM letter", &[])?;
        tx.exec("INSERT INTO later (key, \"order\") VALUES ('a', NULL)", &[])
    })
    .unwrap();
    before.close();

    let url = target.url();
    let report = run(&order(&source, &url, LIST)).unwrap();
    let counted: Vec<(&str, u64)> =
        report.tables.iter().map(|table| (table.table.as_str(), table.rows)).collect();
    assert_eq!(counted, [("friend", 2), ("later", 1), ("letter", 0), ("person", 3)]);

    let db = open(&target, LIST);
    assert_eq!(names(&db), ["Ada", "Bob", "Cy"]);
    let number = |sql: &'static str| write(&db, move |tx| tx.one(sql, &[])?.get::<i64>(0)).unwrap();
    assert_eq!(number("INSERT INTO person (name) VALUES ('Di') RETURNING number"), 1004);
    assert_eq!(number("INSERT INTO letter (words) VALUES ('new') RETURNING number"), 71);
    // The rules of the tables are in force again.
    for sql in [
        "INSERT INTO friend VALUES (1, 2, NULL, 9)",
        "INSERT INTO friend VALUES (1001, 1002, NULL, 9)",
        "INSERT INTO friend VALUES (1002, 1003, 8, 9)",
        "INSERT INTO person (name) VALUES ('Ada')",
    ] {
        assert!(write(&db, move |tx| tx.exec(sql, &[])).is_err(), "{sql}");
    }
    db.close();
}

#[test]
fn numbers_begin_where_the_migrations_say_when_none_was_given() {
    let (source, target) = (Place::empty_sqlite(), Place::empty_postgres());
    open(&source, &[PEOPLE]).close();
    let url = target.url();
    run(&order(&source, &url, &[PEOPLE])).unwrap();
    let db = open(&target, &[PEOPLE]);
    let sql = "INSERT INTO person (name) VALUES ('first') RETURNING number";
    assert_eq!(write(&db, move |tx| tx.one(sql, &[])?.get::<i64>(0)).unwrap(), 1001);
    db.close();
}

/// The migrations with every rule off that would keep awkward values out.
fn relaxed() -> &'static [Migration] {
    let relax = |text: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("CHECK (") {
            out.push_str(&rest[..at]);
            out.push_str("CHECK (1 = 1)");
            let mut depth = 0;
            let inside = &rest[at..];
            let end = inside.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                c == ')' && depth == 0
            });
            rest = &inside[end.expect("a closing parenthesis") + 1..];
        }
        out.push_str(rest);
        while let Some(at) = out.find(" REFERENCES ") {
            let end = at + out[at..].find(')').expect("a closing parenthesis");
            out.replace_range(at..=end, "");
        }
        out
    };
    let list = MIGRATIONS.iter().map(|one| Migration { text: relax(one.text).leak(), ..*one });
    list.collect::<Vec<_>>().leak()
}

/// Numbers and texts that a copy is easily wrong about.
const NUMBERS: [i64; 6] = [i64::MIN, i64::MAX, 0, -1, 1, 1 << 53];
const TEXTS: [&str; 12] = [
    "",
    "\\N",
    "NULL",
    " space ",
    "tab\there, line\nthere, \r\n both",
    "it's \"quoted\" `so` \\'",
    "\u{feff}\u{1}\u{7f}\u{85}",
    "Zoë Ñandú ß İ 東京 👩‍👩‍👧",
    "e\u{301} is not \u{e9}",
    "\u{10ffff}\u{e000}",
    "\\x00 \\\\ \\.",
    "{a,b,\"c\"} (1,2) $1 {for_update}",
];

/// Puts rows into a table: every awkward value into every column, NULL where it may be, and a number of the row where
/// values must differ.
fn fill(tx: &mut Tx<'_>, table: &str) -> Result<(), DbError> {
    let columns = tx.all(
        "SELECT name, type, \"notnull\" OR pk > 0, pk > 0 OR name IN (
             SELECT i.name FROM pragma_index_list($1) l, pragma_index_info(l.name) i WHERE l.\"unique\" = 1)
         FROM pragma_table_info($1) ORDER BY cid",
        params![table],
    )?;
    for row in 0..13_usize {
        let mut values = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let (kind, needed, unique): (String, bool, bool) =
                (column.get(1)?, column.get(2)?, column.get(3)?);
            let number = i64::try_from(row).unwrap();
            values.push(match (kind.as_str(), unique) {
                _ if !needed && (row + index) % 5 == 0 => Value::Null,
                ("INTEGER", false) => Value::Int(NUMBERS[(row + index) % NUMBERS.len()]),
                ("INTEGER", true) => Value::Int([i64::MIN, i64::MAX, 0].get(row).copied().unwrap_or(number)),
                (_, false) => Value::from(TEXTS[(row + index) % TEXTS.len()]),
                (_, true) if row == 0 => Value::from(""),
                (_, true) => Value::from(format!("{}{row}", TEXTS[(row + index) % TEXTS.len()])),
            });
        }
        let places: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
        tx.exec(&format!("INSERT INTO \"{table}\" VALUES ({})", places.join(", ")), &values)?;
    }
    Ok(())
}

/// Every row of a table, in one order on both databases.
fn all_rows(db: &Db, table: &str) -> Vec<Vec<Value>> {
    let sql = format!("SELECT * FROM \"{table}\"");
    let value = |row: &Row, index| -> Option<Value> {
        match row.get::<Option<i64>>(index) {
            Ok(number) => Some(Value::from(number)),
            Err(_) => row.get::<String>(index).ok().map(Value::from),
        }
    };
    let rows = read(db, move |tx| tx.all(&sql, &[])).unwrap();
    let columns = |row: &Row| (0..).map_while(|index| value(row, index)).collect();
    let mut rows: Vec<Vec<Value>> = rows.iter().map(columns).collect();
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

/// Indexes and constraints by the catalog.
fn rules(db: &Db) -> Vec<String> {
    let sql = "SELECT pg_get_indexdef(i.indexrelid) AS rule FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relnamespace = CAST('public' AS regnamespace)
        UNION ALL
        SELECT CAST(k.conrelid AS regclass) || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid) FROM pg_constraint k
            WHERE k.connamespace = CAST('public' AS regnamespace)
        ORDER BY rule";
    read(db, move |tx| tx.all(sql, &[])?.iter().map(|row| row.get(0)).collect()).unwrap()
}

#[test]
fn every_table_of_an_installation_arrives_as_it_was() {
    let list = relaxed();
    let (source, target) = (Place::empty_sqlite(), Place::empty_postgres());
    let old = open(&source, list);
    // Read from the database: a table of a later migration is in it by itself.
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'
        AND name <> 'schema_migration' ORDER BY name";
    let tables: Vec<String> =
        read(&old, move |tx| tx.all(sql, &[])?.iter().map(|row| row.get(0)).collect()).unwrap();
    assert!(tables.len() > 40, "{tables:?}");
    let filled = tables.clone();
    write(&old, move |tx| {
        for table in &filled {
            tx.exec(&format!("DELETE FROM \"{table}\""), &[])?;
            fill(tx, table)?;
        }
        Ok(())
    })
    .unwrap();
    let before: Vec<_> = tables.iter().map(|table| all_rows(&old, table)).collect();
    old.close();

    let url = target.url();
    let report = run(&order(&source, &url, list)).unwrap();
    let new = open(&target, list);
    for (table, before) in tables.iter().zip(before) {
        assert!(before.len() == 13 && !before[0].is_empty(), "{table}");
        assert_eq!(all_rows(&new, table), before, "{table}");
    }
    assert_eq!(
        report.tables.iter().map(|copied| &copied.table).collect::<Vec<_>>(),
        tables.iter().collect::<Vec<_>>()
    );
    new.close();
}

#[test]
fn the_copy_has_the_rules_that_a_new_database_has() {
    let (source, target, fresh) = (testing::sqlite(), Place::empty_postgres(), testing::postgres());
    source.db.close();
    let url = target.url();
    run(&Order::new(&source.url, &url, "there")).unwrap();
    let copied = open(&target, MIGRATIONS);
    let rules = rules(&copied);
    assert!(rules.len() > 100);
    assert_eq!(rules, self::rules(&fresh.db));
    copied.close();
}

#[test]
fn what_postgresql_cannot_hold_is_named_before_anything_is_copied() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let db = open(&source, &[PEOPLE]);
    write(&db, |tx| {
        tx.exec("UPDATE person SET note = CAST(x'610062' AS TEXT) WHERE number = 1002", &[])?;
        tx.exec("UPDATE person SET name = CAST(x'61ff' AS TEXT) WHERE number = 1003", &[])
    })
    .unwrap();
    db.close();
    let url = target.url();
    let mut copying = false;
    let error =
        copy::run(&order(&source, &url, &[PEOPLE]), |step| copying |= matches!(step, Step::Copying { .. }));
    let Err(CopyError::Unfit(unfit)) = error else { panic!("{error:?}") };
    let said: Vec<String> = unfit.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "person, number 1002: note holds a NUL character, which PostgreSQL can't store",
            "person, number 1003: name is not UTF-8, which PostgreSQL insists on",
        ]
    );
    assert!(!copying);
    assert_eq!(relations(&target), 0);
    open(&source, &[PEOPLE]).close();
}

#[test]
fn a_target_that_holds_anything_is_left_as_it_is() {
    let source = people(&[PEOPLE]);
    let installed = Place::empty_postgres();
    open(&installed, &[PEOPLE]).close();
    let foreign = Place::empty_postgres();
    say(&foreign, "CREATE TABLE invoices (id BIGINT)");
    for (target, words) in [(&installed, "holds an installation"), (&foreign, "it has invoices")] {
        let (url, before) = (target.url(), relations(target));
        for rehearsal in [false, true] {
            let error = run(&Order { rehearsal, ..order(&source, &url, &[PEOPLE]) }).unwrap_err();
            assert!(matches!(&error, CopyError::Refused(said) if said.contains(words)), "{error}");
        }
        assert_eq!(relations(target), before);
    }
    // The old installation goes on.
    open(&source, &[PEOPLE]).close();
}

#[test]
fn while_somebody_has_the_installation_open_only_a_rehearsal_is_made() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let (db, url) = (open(&source, &[PEOPLE]), target.url());
    let order = order(&source, &url, &[PEOPLE]);
    let error = run(&order).unwrap_err();
    assert!(matches!(error, CopyError::InUse), "{error}");

    let rehearsal = Order { rehearsal: true, ..order.clone() };
    assert!(!run(&rehearsal).unwrap().written_since);
    // Somebody writes in the middle of it: the copy is of the moment before.
    let mut written = false;
    let report = copy::run(&rehearsal, |step| {
        if matches!(step, Step::Copying { .. }) && !written {
            written = true;
            write(&db, |tx| tx.exec("INSERT INTO person (name) VALUES ('Late')", &[])).unwrap();
        }
    });
    let report = report.unwrap();
    assert!(written && report.written_since);
    assert_eq!(report.tables.last().map(|table| (table.table.as_str(), table.rows)), Some(("person", 3)));
    assert_eq!(relations(&target), 0, "a rehearsal keeps nothing");
    db.close();
    assert_eq!(run(&order).unwrap().tables.last().unwrap().rows, 4);
}

#[test]
fn what_the_new_database_lacks_is_said() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let refused = |url: &str| match run(&order(&source, url, &[PEOPLE])).unwrap_err() {
        CopyError::Refused(said) => said,
        error => panic!("{error}"),
    };
    let url = target.url();
    let name = url.split("///").nth(1).and_then(|rest| rest.split('?').next()).unwrap();
    say(
        &target,
        &format!(
            "CREATE DATABASE {name}_ascii TEMPLATE template0 ENCODING 'SQL_ASCII'
             LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
        ),
    );
    let ascii = url.replacen(name, &format!("{name}_ascii"), 1);
    assert!(refused(&ascii).contains("has the encoding SQL_ASCII"));
    say(&target, &format!("CREATE USER {name}_stranger"));
    let stranger = url.replacen("user=postgres", &format!("user={name}_stranger"), 1);
    // Before PostgreSQL 15 everybody might.
    say(&target, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    assert!(refused(&stranger).contains("may not make tables there"));
    say(&target, "DROP SCHEMA public");
    assert!(refused(&url).contains("no schema"));
    say(&target, "CREATE SCHEMA public");
    run(&order(&source, &url, &[PEOPLE])).unwrap();
}

#[test]
fn a_server_that_starts_on_the_new_database_meanwhile_waits_and_finds_everything() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let url = target.url();
    let mut server = None;
    copy::run(&order(&source, &url, &[PEOPLE]), |step| {
        if matches!(step, Step::Reading { .. }) && server.is_none() {
            let url = url.clone();
            server = Some(std::thread::spawn(move || {
                let db = Db::open(&url, options(&[PEOPLE])).unwrap();
                let names = names(&db);
                db.close();
                names
            }));
        }
    })
    .unwrap();
    assert_eq!(server.unwrap().join().unwrap(), ["Ada", "Bob", "Cy"]);
}

#[test]
fn while_it_is_copied_nobody_opens_the_installation() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let url = target.url();
    let mut asked = false;
    let options = Options { patience: std::time::Duration::from_millis(50), ..options(&[PEOPLE]) };
    copy::run(&order(&source, &url, &[PEOPLE]), |step| {
        if step == Step::Closing {
            asked = true;
            assert!(matches!(Db::open(&source.url(), options.clone()), Err(DbError::Busy)));
        }
    })
    .unwrap();
    assert!(asked);
}

#[test]
fn a_copy_that_is_stopped_anywhere_leaves_nothing_and_is_begun_again() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let url = target.url();
    let order = order(&source, &url, &[PEOPLE]);
    let stopped_at = |stop: usize| {
        let mut calls = 0;
        let mut last = String::new();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            copy::run(&order, |step| {
                calls += 1;
                last = format!("{step:?}");
                assert!(calls <= stop, "stopped by the test");
            })
        }));
        (ended, last)
    };
    let mut stops = Vec::new();
    for stop in 0.. {
        let (ended, last) = stopped_at(stop);
        if let Ok(copied) = ended {
            copied.unwrap();
            break;
        }
        if last == "Saving" {
            // The old one was closed, the new one was not saved: no server starts on the one, the other is empty.
            let error = Db::open(&source.url(), options(&[PEOPLE])).unwrap_err();
            assert!(error.to_string().contains("run it again"), "{error}");
        } else {
            open(&source, &[PEOPLE]).close();
        }
        stops.push(last);
        assert_eq!(relations(&target), 0, "{stops:?}");
    }
    for step in ["Reading", "Copying", "Building", "Comparing", "Proving", "Closing", "Saving"] {
        assert!(stops.iter().any(|stop| stop.starts_with(step)), "{step} in {stops:?}");
    }
    let db = open(&target, &[PEOPLE]);
    assert_eq!(names(&db), ["Ada", "Bob", "Cy"]);
    db.close();
}

#[test]
fn an_installation_that_has_moved_is_closed_until_it_is_reopened() {
    let source = testing::sqlite();
    write(&source.db, audit).unwrap();
    source.db.close();
    let target = Place::empty_postgres();
    let url = target.url();
    let order = Order::new(&source.url, &url, "postgres://over.there/goodword");
    run(&order).unwrap();
    let open = || Db::open(&source.url, testing::options());
    let said = open().unwrap_err().to_string();
    assert!(said.contains("has moved to postgres://over.there/goodword"), "{said}");

    // Once more: what is there goes on where this ended, also after more has happened there.
    let there = self::open(&target, MIGRATIONS);
    write(&there, audit).unwrap();
    there.close();
    let error = run(&order).unwrap_err();
    assert!(
        matches!(&error, CopyError::Moved(place) if place == "postgres://over.there/goodword"),
        "{error}"
    );
    // To another place it doesn't move as well, be that empty or not: there would be two of it.
    let (other, empty) = (testing::postgres(), Place::empty_postgres());
    for url in [&other.url, &empty.url()] {
        let error = run(&Order::new(&source.url, url, "elsewhere")).unwrap_err();
        assert!(
            matches!(&error, CopyError::Moved(place) if place == "postgres://over.there/goodword"),
            "{error}"
        );
    }

    assert!(copy::reopen(&source.url).unwrap());
    assert!(!copy::reopen(&source.url).unwrap());
    open().unwrap().close();
}

/// Something that stands in the audit.
fn audit(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let count = tx.one("SELECT COUNT(*) FROM audit", &[])?.get::<i64>(0)?;
    let record = store::audit::NewRecord {
        id: format!("record-{count}"),
        chain: 0,
        actor_id: None,
        actor: "Ada",
        role: "admin",
        act: "programme.changed",
        subject: "programme",
        subject_id: "1",
        changes: "[]",
        reason: "",
    };
    store::audit::append(tx, &record, domain::clock::Timestamp::from_micros(1 + count))
}

#[test]
fn an_installation_of_another_version_is_refused() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let url = target.url();
    let error = run(&order(&source, &url, &[PEOPLE, LATER])).unwrap_err();
    assert!(matches!(&error, CopyError::Refused(said) if said.contains("older version (1 of 2")), "{error}");
    let (newer, list): (_, &[Migration]) = (people(&[PEOPLE, LATER]), &[PEOPLE]);
    let error = run(&order(&newer, &url, list)).unwrap_err();
    assert!(matches!(error, CopyError::Db(DbError::Newer { .. })), "{error}");
    let missing = Order::new("sqlite:/nowhere/goodword.db", &url, "");
    assert!(matches!(run(&missing), Err(CopyError::Refused(_))));
    assert_eq!(relations(&target), 0);
}

#[test]
fn nothing_is_left_out_and_no_broken_rule_is_carried_over() {
    let (source, target) = (people(&[PEOPLE]), Place::empty_postgres());
    let url = target.url();
    let order = order(&source, &url, &[PEOPLE]);
    let change = |sql: &str| {
        let conn = rusqlite::Connection::open(source.url().strip_prefix("sqlite:").unwrap()).unwrap();
        conn.execute_batch("PRAGMA foreign_keys=OFF").unwrap();
        conn.execute_batch(sql).unwrap();
    };
    for (change_to, back, words) in [
        ("CREATE TABLE notes_of_ours (a TEXT)", "DROP TABLE notes_of_ours", "notes_of_ours"),
        ("ALTER TABLE person ADD COLUMN ours TEXT", "ALTER TABLE person DROP COLUMN ours", "table person"),
        (
            "DELETE FROM person WHERE number = 1003",
            "INSERT INTO person VALUES (1003, 'Cy', NULL)",
            "friend_b_fkey",
        ),
    ] {
        change(change_to);
        let error = run(&order).unwrap_err();
        assert!(matches!(&error, CopyError::Refused(said) if said.contains(words)), "{error}");
        assert_eq!(relations(&target), 0);
        change(back);
    }
    run(&order).unwrap();
}

#[test]
fn books_that_do_not_hold_are_not_moved() {
    let source = testing::sqlite();
    write(&source.db, |tx| {
        tx.exec(
            "INSERT INTO ledger_accounts (key, kind, owner, currency, debits_posted)
             VALUES ('payouts:USD', 'payouts', NULL, 'USD', 5)",
            &[],
        )
    })
    .unwrap();
    source.db.close();
    let target = Place::empty_postgres();
    let url = target.url();
    let error = run(&Order::new(&source.url, &url, "there")).unwrap_err();
    let CopyError::Findings(findings) = error else { panic!("{error}") };
    assert!(
        findings.iter().any(|finding| finding.to_string().contains("debits 5, credits 0")),
        "{findings:?}"
    );
    assert_eq!(relations(&target), 0);
}
