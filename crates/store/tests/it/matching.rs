//! Finding what a claim may mean in tables that grow: the right rows, in bounded stretches.

use domain::clock::{HOUR, Timestamp};
use store::{Db, DbError, both_databases, clicks::first_id, matching, params};

const START: i64 = 1_795_421_400_000_000;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_micros(START + hour * HOUR)
}

/// A click of each of three partners an hour, for a hundred hours, with gaps in the numbers.
fn clicks(db: &Db) {
    db.write_blocking(|tx| -> Result<u64, DbError> {
        let rows: Vec<_> = (0..300_i64)
            .map(|index| {
                let partner = ["ann", "bob", "cid"][usize::try_from(index % 3).unwrap()];
                let id = first_id(at(index / 3)) + index * 7;
                params![id, at(index / 3).micros(), partner, "t.me", i64::from(index % 30 == 0)].to_vec()
            })
            .collect();
        tx.many(
            "INSERT INTO click (id, at, partner_id, source, automatic) VALUES ($1, $2, $3, $4, $5)",
            &rows,
        )
    })
    .unwrap();
}

fn found(db: &Db, from: i64, to: i64, budget: i64, limit: i64) -> (Vec<i64>, bool, i64) {
    db.read_blocking(move |tx| -> Result<_, DbError> {
        let mut left = budget;
        let (clicks, complete) = matching::clicks(tx, "ann", at(from), at(to), &mut left, limit)?;
        let hours = clicks.iter().map(|click| click.at.since(at(0)) / HOUR).collect();
        Ok((hours, complete, budget - left))
    })
    .unwrap()
}

both_databases!(clicks_of_a_stretch_of_time_are_found_within_the_budget, |db: Db| {
    assert_eq!(found(&db, 0, 10, 1_000, 100), (vec![], true, 0));
    clicks(&db);
    // Of ann, by people: every tenth hour is a program's.
    assert_eq!(found(&db, 8, 13, 100_000, 100).0, [8, 9, 11, 12]);
    assert_eq!(found(&db, -50, 2, 100_000, 100).0, [1]);
    assert_eq!(found(&db, 98, 500, 100_000, 100).0, [98, 99]);
    assert_eq!(found(&db, 500, 600, 100_000, 100), (vec![], true, 0));
    assert_eq!(found(&db, 13, 8, 100_000, 100), (vec![], true, 0));
    assert_eq!(found(&db, 0, 100, 100_000, 3).0, [1, 2, 3]);
    // Too many to walk through: some are found, and it is said that not all were looked at.
    let (hours, complete, walked) = found(&db, 1, 100, 50, 100);
    assert!(!complete && walked == 50 && hours.first() == Some(&1) && hours.len() < 20, "{hours:?}");
});

both_databases!(clients_of_a_stretch_of_time_are_found, |db: Db| {
    db.write_blocking(|tx| -> Result<(), DbError> {
        for hour in 0..50_i64 {
            tx.exec(
                "INSERT INTO client (name, email, phone, telegram, message, created_at, search)
                 VALUES ('A', '', '', '', '', $1, 'a')",
                params![at(hour).micros()],
            )?;
        }
        Ok(())
    })
    .unwrap();
    let found = |from, to, limit| {
        let (clients, all) =
            db.read_blocking(move |tx| matching::by_time(tx, at(from), at(to), limit)).unwrap();
        (clients.iter().map(|client| client.number).collect::<Vec<_>>(), all)
    };
    assert_eq!(found(10, 13, 100), (vec![1011, 1012, 1013], true));
    assert_eq!(found(10, 13, 3), (vec![1011, 1012, 1013], true));
    assert_eq!(found(48, 90, 100), (vec![1049, 1050], true));
    assert_eq!(found(48, 90, 2), (vec![1049, 1050], true));
    assert_eq!(found(10, 40, 2), (vec![1011, 1012], false));
    assert_eq!(found(60, 70, 100), (vec![], true));
});
