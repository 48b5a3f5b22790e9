//! What goes in comes out the same, or is refused in a sentence.

use store::{Db, DbError, SqlErrorKind, Value, both_databases, params};

use crate::{read, table, write};

both_databases!(numbers_come_back_to_their_limits, |db: Db| {
    table(&db);
    for (id, number) in (1_i64..).zip([i64::MIN, -1, 0, 1, i64::from(i32::MAX) + 1, i64::MAX]) {
        let back = write(&db, move |tx| {
            tx.exec("INSERT INTO case_row (id, number) VALUES ($1, $2)", params![id, number])?;
            tx.one("SELECT number FROM case_row WHERE id = $1 AND number = $2", params![id, number])?
                .get::<i64>(0)
        });
        assert_eq!(back.unwrap(), number);
    }
});

both_databases!(texts_come_back_letter_for_letter, |db: Db| {
    table(&db);
    let long = "déjà vu ".repeat(50_000);
    let texts = [
        "",
        " ",
        "O'Brien; DROP TABLE case_row --",
        "😀👩‍👩‍👧",
        "مرحبا",
        "\u{feff}a\r\n\tb\u{7f}",
        "$1 {c} ?",
        "123",
        &long,
    ];
    for (id, text) in (1_i64..).zip(texts.map(str::to_owned)) {
        let sent = text.clone();
        let back = write(&db, move |tx| {
            tx.exec("INSERT INTO case_row (id, words) VALUES ($1, $2)", params![id, &sent])?;
            tx.one("SELECT words FROM case_row WHERE words = $1", params![&sent])?.get::<String>(0)
        });
        assert_eq!(back.unwrap(), text);
    }
});

both_databases!(null_is_none_and_nothing_else, |db: Db| {
    table(&db);
    let row = write(&db, |tx| {
        let (number, words): (Option<i64>, Option<String>) = (None, None);
        tx.exec("INSERT INTO case_row (id, number, words) VALUES (1, $1, $2)", params![number, &words])?;
        tx.one("SELECT number, words FROM case_row WHERE CAST($1 AS BIGINT) IS NULL", params![number])
    })
    .unwrap();
    assert_eq!(row.get::<Option<i64>>(0).unwrap(), None);
    assert_eq!(row.get::<Option<String>>(1).unwrap(), None);
    let error = row.get::<i64>(0).unwrap_err();
    assert!(matches!(&error, DbError::Decode { column, .. } if column == "number"), "{error}");
});

both_databases!(booleans_are_nought_and_one, |db: Db| {
    table(&db);
    let row = write(&db, |tx| {
        tx.exec("INSERT INTO case_row (id, number) VALUES ($1, $2)", params![true, false])?;
        tx.one(
            "SELECT id, number, number = 0, EXISTS (SELECT 1 FROM case_row WHERE id = 7), 2 FROM case_row",
            &[],
        )
    })
    .unwrap();
    assert!(row.get::<bool>(0).unwrap());
    assert!(!row.get::<bool>(1).unwrap());
    // What a comparison answers is a boolean on one database and a number on the other.
    assert!(row.get::<bool>(2).unwrap());
    assert_eq!(row.get::<i64>(3).unwrap(), 0);
    assert!(row.get::<bool>(4).is_err(), "2 is no boolean");
});

both_databases!(a_column_read_as_the_wrong_type_is_named, |db: Db| {
    let row = read(&db, |tx| tx.one("SELECT 'a' AS name, CAST(1 AS BIGINT) AS size", &[])).unwrap();
    let named = |error: DbError, name: &str| {
        assert!(matches!(&error, DbError::Decode { column, .. } if column == name), "{error}")
    };
    named(row.get::<i64>(0).unwrap_err(), "name");
    named(row.get::<bool>(0).unwrap_err(), "name");
    named(row.get::<String>(1).unwrap_err(), "size");
    named(row.get::<i64>(2).unwrap_err(), "number 2");
    let fraction = read(&db, |tx| tx.one("SELECT 1.5 AS share", &[])).unwrap_err();
    named(fraction, "share");
});

both_databases!(small_literals_read_as_numbers, |db: Db| {
    let numbers = read(&db, |tx| {
        let row = tx.one(
            "SELECT 1, CASE WHEN 1 = 1 THEN 2 END, COUNT(*), CAST(SUM(3) AS BIGINT) FROM (SELECT 1) AS one",
            &[],
        )?;
        (0..4).map(|index| row.get::<i64>(index)).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(numbers.unwrap(), [1, 2, 1, 3]);
});

both_databases!(nul_is_refused_and_dooms_the_unit, |db: Db| {
    table(&db);
    let error = write(&db, |tx| {
        tx.exec("INSERT INTO case_row (id) VALUES (1)", &[])?;
        let refused = tx.exec("INSERT INTO case_row (id, words) VALUES ($1, $2)", params![2, "a\0b"]);
        assert!(matches!(refused, Err(DbError::Parameter { number: 2, .. })), "{refused:?}");
        Ok(())
    });
    assert!(matches!(error, Err(DbError::Doomed(_))), "{error:?}");
    let many = write(&db, |tx| {
        tx.many("INSERT INTO case_row (words, id) VALUES ($1, 3)", &[vec![Value::from("\0")]])
    });
    assert!(matches!(many, Err(DbError::Parameter { number: 1, .. })), "{many:?}");
    assert_eq!(crate::count(&db), 0);
});

both_databases!(parameters_are_counted, |db: Db| {
    table(&db);
    for given in [&[][..], params![1], params![1, 2, 3]] {
        let given = given.to_vec();
        assert!(write(&db, move |tx| tx.exec(crate::INSERT, &given)).is_err());
    }
    assert_eq!(write(&db, |tx| tx.exec(crate::INSERT, params![1, 2])).unwrap(), 1);
});

both_databases!(parameters_stand_in_the_order_of_their_numbers, |db: Db| {
    let row = read(&db, |tx| {
        tx.one("SELECT CAST($2 AS TEXT), CAST($1 AS TEXT), CAST($2 AS TEXT)", params!["first", "second"])
    })
    .unwrap();
    assert_eq!([0, 1, 2].map(|index| row.get::<String>(index).unwrap()), ["second", "first", "second"]);
});

both_databases!(text_in_the_place_of_a_number_is_refused, |db: Db| {
    // As the migrations declare tables: STRICT on SQLite.
    let strict = if db.dialect() == store::Dialect::Sqlite { " STRICT" } else { "" };
    let kind = if strict.is_empty() { "BIGINT" } else { "INTEGER" };
    let sql = format!("CREATE TABLE strict_row (id {kind} PRIMARY KEY){strict}");
    write(&db, move |tx| tx.exec(&sql, &[])).unwrap();
    assert!(write(&db, |tx| tx.exec("INSERT INTO strict_row (id) VALUES ($1)", params!["many"])).is_err());
});

both_databases!(constraints_are_told_apart_alike, |db: Db| {
    for sql in [
        "CREATE TABLE owner (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, age BIGINT CHECK (age > 0))",
        "CREATE TABLE pet (owner BIGINT NOT NULL REFERENCES owner (id))",
        "INSERT INTO owner (id, name) VALUES (1, 'Ada')",
        "INSERT INTO pet (owner) VALUES (1)",
    ] {
        write(&db, move |tx| tx.exec(sql, &[])).unwrap();
    }
    for (sql, kind) in [
        ("INSERT INTO owner (id, name) VALUES (1, 'Eve')", SqlErrorKind::Unique),
        ("INSERT INTO owner (id, name) VALUES (2, 'Ada')", SqlErrorKind::Unique),
        ("INSERT INTO owner (id) VALUES (2)", SqlErrorKind::NotNull),
        ("INSERT INTO owner (id, name, age) VALUES (2, 'Eve', 0)", SqlErrorKind::Check),
        ("INSERT INTO pet (owner) VALUES (9)", SqlErrorKind::ForeignKey),
        ("DELETE FROM owner WHERE id = 1", SqlErrorKind::ForeignKey),
        ("SELECT nothing FROM nowhere", SqlErrorKind::Other),
    ] {
        let error = write(&db, move |tx| tx.exec(sql, &[])).unwrap_err();
        assert_eq!(error.kind(), Some(kind), "{error}");
        assert!(!error.to_string().contains("Eve)"), "a value is quoted: {error}");
    }
});
