//! What a unit of work promises: all of it or nothing.

use store::{Db, DbError, Row, SqlErrorKind, Value, both_databases, params};

use crate::{INSERT, count, read, table, write};

/// An operation's own error, as the server's operations have.
#[derive(Debug)]
enum Refusal {
    NotEnough,
    Database(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

both_databases!(what_a_unit_refuses_is_not_saved, |db: Db| {
    table(&db);
    let refused: Result<(), Refusal> = db.write_blocking(|tx| {
        tx.exec(INSERT, params![1, 1])?;
        Err(Refusal::NotEnough)
    });
    assert!(matches!(refused, Err(Refusal::NotEnough)));
    assert_eq!(count(&db), 0);
});

both_databases!(a_unit_whose_statement_failed_is_doomed, |db: Db| {
    table(&db);
    let doomed: Result<(), Refusal> = db.write_blocking(|tx| {
        tx.exec(INSERT, params![1, 1])?;
        let twice = tx.exec(INSERT, params![1, 2]);
        assert_eq!(twice.unwrap_err().kind(), Some(SqlErrorKind::Unique));
        // Neither a write nor a read goes through any more, and nothing can mend it.
        assert!(matches!(tx.exec(INSERT, params![2, 2]), Err(DbError::Doomed(_))));
        assert!(matches!(tx.opt("SELECT 1", &[]), Err(DbError::Doomed(_))));
        Ok(())
    });
    let Err(Refusal::Database(error @ DbError::Doomed(_))) = doomed else { panic!("{doomed:?}") };
    assert_eq!(error.kind(), Some(SqlErrorKind::Unique));
    assert_eq!(count(&db), 0);
    write(&db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
});

both_databases!(a_doomed_unit_keeps_its_own_error, |db: Db| {
    table(&db);
    let refused: Result<(), Refusal> = db.write_blocking(|tx| {
        _ = tx.exec("INSERT INTO case_row (id) VALUES (NULL), (NULL), (1, 2)", &[]);
        Err(Refusal::NotEnough)
    });
    assert!(matches!(refused, Err(Refusal::NotEnough)));
});

both_databases!(a_panic_takes_only_its_own_unit, |db: Db| {
    table(&db);
    let panicked = write::<()>(&db, |tx| {
        tx.exec(INSERT, params![1, 1])?;
        panic!("out of coffee at {}", 7)
    });
    assert!(
        matches!(&panicked, Err(DbError::Panicked(message)) if message == "out of coffee at 7"),
        "{panicked:?}"
    );
    let panicked = read::<()>(&db, |_| panic!("plainly"));
    assert!(matches!(&panicked, Err(DbError::Panicked(message)) if message == "plainly"), "{panicked:?}");
    assert_eq!(count(&db), 0);
    // More of them than there are threads.
    for _ in 0..8 {
        assert!(write::<()>(&db, |_| panic!("again")).is_err());
        assert!(read::<()>(&db, |_| panic!("again")).is_err());
    }
    write(&db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
    assert_eq!(count(&db), 1);
});

both_databases!(what_is_left_for_later_is_seen_by_what_follows, |db: Db| {
    table(&db);
    let seen = write(&db, |tx| {
        // More than are ever left for later at once.
        tx.later_many(INSERT, (1..=250_i64).map(|id| params![id, 0].to_vec()).collect())?;
        let all = tx.one("SELECT COUNT(*) FROM case_row", &[])?.get::<i64>(0)?;
        tx.later("DELETE FROM case_row WHERE id > $1", params![3])?;
        tx.later("UPDATE case_row SET number = number + id", &[])?;
        tx.later("UPDATE case_row SET number = number * 10", &[])?;
        let changed = tx.exec("UPDATE case_row SET number = number + 1 WHERE id = $1", params![2])?;
        tx.later(INSERT, params![4, 9])?;
        Ok((all, changed))
    });
    assert_eq!(seen.unwrap(), (250, 1));
    let rows = read(&db, |tx| tx.all("SELECT id, number FROM case_row ORDER BY id", &[])).unwrap();
    let rows: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
    assert_eq!(rows, [(1, 10), (2, 21), (3, 30), (4, 9)]);
});

both_databases!(what_is_left_for_later_and_refused_saves_nothing, |db: Db| {
    table(&db);
    // By the commit, with nothing else in between.
    let refused = write(&db, |tx| {
        tx.later(INSERT, params![1, 1])?;
        tx.later(INSERT, params![1, 2])?;
        tx.later(INSERT, params![2, 2])
    });
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), Some(SqlErrorKind::Unique), "{error}");
    assert_eq!(count(&db), 0);
    // By a statement that follows, which is a good one.
    let refused = write(&db, |tx| {
        tx.exec(INSERT, params![1, 1])?;
        tx.later(INSERT, params![1, 2])?;
        tx.exec(INSERT, params![2, 2])
    });
    assert_eq!(refused.unwrap_err().kind(), Some(SqlErrorKind::Unique));
    assert_eq!(count(&db), 0);
    // And what a unit that is given up had left is never sent.
    let refused: Result<(), Refusal> = db.write_blocking(|tx| {
        tx.later(INSERT, params![1, 1])?;
        Err(Refusal::NotEnough)
    });
    assert!(matches!(refused, Err(Refusal::NotEnough)));
    write(&db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
    assert_eq!(count(&db), 1);
});

both_databases!(a_read_cannot_write, |db: Db| {
    table(&db);
    let error = read(&db, |tx| tx.exec(INSERT, params![1, 1])).unwrap_err();
    assert_eq!(error.kind(), Some(SqlErrorKind::ReadOnly), "{error}");
    assert_eq!(count(&db), 0);
});

both_databases!(a_read_sees_one_moment, |db: Db| {
    table(&db);
    let writer = db.clone();
    let counts = read(&db, move |tx| {
        let count = "SELECT COUNT(*) FROM case_row";
        let before = tx.one(count, &[])?.get::<i64>(0)?;
        write(&writer, |tx| tx.exec(INSERT, params![1, 1]))?;
        Ok((before, tx.one(count, &[])?.get::<i64>(0)?))
    });
    assert_eq!(counts.unwrap(), (0, 0));
    assert_eq!(count(&db), 1);
});

both_databases!(a_unit_sees_its_own_writes, |db: Db| {
    table(&db);
    let seen = write(&db, |tx| {
        tx.exec(INSERT, params![1, 5])?;
        tx.exec("UPDATE case_row SET number = number + $2 WHERE id = $1", params![1, 2])?;
        tx.one("SELECT number FROM case_row", &[])?.get::<i64>(0)
    });
    assert_eq!(seen.unwrap(), 7);
});

both_databases!(changed_rows_are_counted, |db: Db| {
    table(&db);
    let counts = write(&db, |tx| {
        let rows: Vec<Vec<Value>> = (1..=1200).map(|id| vec![Value::Int(id), Value::Int(id % 2)]).collect();
        Ok([
            tx.many(INSERT, &rows)?,
            tx.many(INSERT, &[])?,
            tx.exec("UPDATE case_row SET number = 7 WHERE number = $1", params![1])?,
            tx.exec("UPDATE case_row SET number = 7 WHERE number = $1", params![8])?,
            tx.exec("CREATE INDEX case_row_number ON case_row (number)", &[])?,
            tx.exec("INSERT INTO case_row (id) VALUES (-1) ON CONFLICT (id) DO NOTHING", &[])?,
            tx.exec("INSERT INTO case_row (id) VALUES (-1) ON CONFLICT (id) DO NOTHING", &[])?,
            tx.exec("DELETE FROM case_row WHERE id <= 10 RETURNING id", &[])?,
            tx.exec("SELECT id FROM case_row LIMIT 5", &[])?,
        ])
    });
    assert_eq!(counts.unwrap(), [1200, 0, 600, 0, 0, 1, 0, 11, 5]);
    assert_eq!(count(&db), 1190);
});

both_databases!(many_is_all_or_nothing, |db: Db| {
    table(&db);
    let rows: Vec<Vec<Value>> = (1..=800).map(|id| vec![Value::Int(id % 700), Value::Null]).collect();
    let error = write(&db, move |tx| tx.many(INSERT, &rows)).unwrap_err();
    assert_eq!(error.kind(), Some(SqlErrorKind::Unique), "{error}");
    assert_eq!(count(&db), 0);
});

both_databases!(one_and_opt_say_how_many_there_were, |db: Db| {
    table(&db);
    write(&db, |tx| {
        tx.many(INSERT, &[params![1, 1].to_vec(), params![2, 2].to_vec()])?;
        let none = "SELECT id FROM case_row WHERE id = 9";
        assert!(matches!(tx.one(none, &[]), Err(DbError::NoRow { .. })));
        assert!(tx.opt(none, &[])?.is_none());
        let two = "SELECT id FROM case_row ORDER BY id";
        assert!(matches!(tx.one(two, &[]), Err(DbError::ManyRows { .. })));
        assert!(matches!(tx.opt(two, &[]), Err(DbError::ManyRows { .. })));
        assert_eq!(tx.all(two, &[])?.len(), 2);
        Ok(())
    })
    .unwrap();
    // Asking in vain is no failure: the unit was saved.
    assert_eq!(count(&db), 2);
});

both_databases!(the_transaction_is_the_layers_own, |db: Db| {
    table(&db);
    for sql in [
        "COMMIT",
        "ROLLBACK",
        "/* quietly */ commit",
        "SAVEPOINT mine",
        "SELECT 1; COMMIT",
        "PRAGMA query_only=0",
    ] {
        let tried = write(&db, move |tx| {
            tx.exec(INSERT, params![1, 1])?;
            _ = tx.exec(sql, &[]);
            Ok(())
        });
        assert!(matches!(tried, Err(DbError::Doomed(_))), "{sql}: {tried:?}");
        assert_eq!(count(&db), 0, "{sql}");
    }
});

both_databases!(a_query_outlives_a_change_of_its_table, |db: Db| {
    table(&db);
    write(&db, |tx| tx.exec(INSERT, params![1, 1])).unwrap();
    let widths = |db: &Db| {
        let width = |row: Row| (0..).take_while(|index| row.get::<Option<i64>>(*index).is_ok()).count();
        // Often enough for every thread that reads to have prepared it.
        [(); 16].map(|()| width(read(db, |tx| tx.one("SELECT * FROM case_row", &[])).unwrap()))
    };
    assert_eq!(widths(&db), [3; 16]);
    write(&db, |tx| tx.exec("ALTER TABLE case_row ADD COLUMN more BIGINT", &[])).unwrap();
    assert_eq!(widths(&db), [4; 16]);
});

both_databases!(a_unit_of_thousands_of_statements_is_one_transaction, |db: Db| {
    table(&db);
    // In the queue among others: each keeps its own, whichever way it ends.
    let units: Vec<_> = (0..40_i64)
        .map(|place| {
            let db = db.clone();
            std::thread::spawn(move || {
                let first = place * 1_000;
                let many = move |tx: &mut store::Tx<'_>| -> Result<(), Refusal> {
                    for id in first..first + 200 {
                        tx.exec(INSERT, params![id, place])?;
                    }
                    if place % 4 == 3 { Err(Refusal::NotEnough) } else { Ok(()) }
                };
                let few = move |tx: &mut store::Tx<'_>| -> Result<(), Refusal> {
                    tx.exec(INSERT, params![first + 999, place])?;
                    Ok(())
                };
                (db.write_bulk_blocking(many).is_ok(), db.write_blocking(few).is_ok())
            })
        })
        .collect();
    for (place, unit) in units.into_iter().enumerate() {
        assert_eq!(unit.join().unwrap(), (place % 4 != 3, true));
    }
    assert_eq!(count(&db), 30 * 200 + 40);
    let panicked = db.write_bulk_blocking(|tx| -> Result<(), DbError> {
        tx.exec(INSERT, params![500_000, 1])?;
        panic!("in the middle")
    });
    assert!(matches!(panicked, Err(DbError::Panicked(_))), "{panicked:?}");
    assert_eq!(count(&db), 30 * 200 + 40);
});
