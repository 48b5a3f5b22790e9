//! Clicks are written down once, counted where they belong, and deleted when they are old.

use std::collections::BTreeMap;

use domain::{
    clock::{DAY, SECOND, Timestamp},
    referral_code::ReferralCode,
};
use store::{
    Db, DbError, SqlErrorKind, Tx, both_databases,
    clicks::{self, Click},
    params, partners, sources,
};

/// Noon of some day.
const NOON: i64 = 20_783 * DAY + DAY / 2;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(NOON + seconds * SECOND)
}

fn partner(tx: &mut Tx, id: &str, number: u32) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO account (id, kind, name, email, email_key, created_at) VALUES ($1, 'partner', $1, $1, $1, 0)",
        params![id],
    )?;
    assert!(partners::insert(tx, id, ReferralCode::from_number(number), id)?);
    Ok(())
}

fn click(partner_id: &str, seconds: i64, automatic: bool) -> Click<'_> {
    Click { partner_id, repaired_from: None, source: "t.me", place: "newsletter", automatic, at: at(seconds) }
}

fn days(tx: &mut Tx, id: &str) -> Result<Vec<(i64, i64, i64)>, DbError> {
    let days = partners::days(tx, id, domain::clock::Day(0))?;
    Ok(days.into_iter().map(|day| (day.day.0, day.clicks, day.automatic)).collect())
}

both_databases!(clicks_are_counted_for_their_partner_and_day, |db: Db| {
    db.write_blocking(|tx| -> Result<(), DbError> {
        partner(tx, "ann", 1)?;
        partner(tx, "bob", 2)?;
        let day = 86_400;
        let batch = [
            click("bob", 1, false),
            click("ann", 0, false),
            click("ann", 0, true),
            click("ann", day, false),
            click("ann", 0, false),
        ];
        clicks::insert_many(tx, &batch, u32::MAX)?;
        clicks::insert_many(tx, &[click("ann", day, true)], 7)?;
        let first = at(0).day().0;
        assert_eq!(days(tx, "ann")?, [(first, 2, 1), (first + 1, 1, 1)]);
        assert_eq!(days(tx, "bob")?, [(first, 1, 0)]);
        assert_eq!(partners::clicks(tx, "ann")?, 3);
        // Programs come from no place.
        let [from] = &sources::of_partner(tx, "ann", at(0).day())?[..] else { panic!("one place") };
        assert_eq!((from.source.as_str(), from.clicks, from.clients), ("newsletter", 3, 0));
        let numbers = tx.all("SELECT id, at FROM click ORDER BY id", &[])?;
        let times: Vec<i64> = numbers.iter().map(|row| row.get(1)).collect::<Result<_, _>>()?;
        assert!(times.is_sorted() && times.len() == 6, "{times:?}");
        Ok(())
    })
    .unwrap();
});

both_databases!(two_writers_of_one_millisecond_never_share_a_number, |db: Db| {
    let write = |draw: u32| {
        db.write_blocking(move |tx| -> Result<(), DbError> {
            if partners::by_id(tx, "ann")?.is_none() {
                partner(tx, "ann", 1)?;
            }
            clicks::insert_many(tx, &[click("ann", 0, false), click("ann", 0, false)], draw)
        })
    };
    write(10).unwrap();
    let refused = write(11).unwrap_err();
    assert!(matches!(refused, DbError::Sql { kind: SqlErrorKind::Unique, .. }), "{refused}");
    write(12).unwrap();
    // What was refused has counted nothing.
    assert_eq!(db.read_blocking(|tx| partners::clicks(tx, "ann")).unwrap(), 4);
});

both_databases!(a_batch_is_begun_once, |db: Db| {
    let begin = |writer: &'static str, batch: i64| {
        db.write_blocking(move |tx| clicks::begin_batch(tx, writer, batch, at(batch))).unwrap()
    };
    assert!(begin("one", 1));
    assert!(!begin("one", 1));
    assert!(begin("one", 3));
    assert!(!begin("one", 2), "an earlier one that turns up late");
    assert!(begin("two", 1));
    // One writer has been quiet since.
    let forgotten = db.write_blocking(|tx| clicks::forget_writers(tx, at(2))).unwrap();
    assert_eq!(forgotten, 1);
    assert!(!begin("one", 3));
    assert!(begin("two", 1));
});

both_databases!(a_batch_that_fails_may_come_again, |db: Db| {
    let failed = db.write_blocking(|tx| -> Result<(), DbError> {
        assert!(clicks::begin_batch(tx, "one", 1, at(0))?);
        tx.exec("SELECT nonsense", &[]).map(drop)
    });
    assert!(failed.is_err());
    assert!(db.write_blocking(|tx| clicks::begin_batch(tx, "one", 1, at(0))).unwrap());
});

both_databases!(old_clicks_go_in_small_steps_and_their_counts_stay, |db: Db| {
    db.write_blocking(|tx| -> Result<(), DbError> {
        partner(tx, "ann", 1)?;
        let batch: Vec<Click> = (0..25).map(|second| click("ann", second, false)).collect();
        clicks::insert_many(tx, &batch, 0)
    })
    .unwrap();
    let mut steps = Vec::new();
    loop {
        let gone = db.write_blocking(|tx| clicks::delete_before(tx, at(20), 8)).unwrap();
        if gone == 0 {
            break;
        }
        steps.push(gone);
    }
    assert_eq!(steps, [8, 8, 4]);
    db.read_blocking(|tx| -> Result<(), DbError> {
        let kept = tx.all("SELECT at FROM click ORDER BY id", &[])?;
        let kept: Vec<i64> = kept.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
        assert_eq!(kept, (20..25).map(|second| at(second).micros()).collect::<Vec<_>>());
        assert_eq!(partners::clicks(tx, "ann")?, 25);
        Ok(())
    })
    .unwrap();
});

both_databases!(codes_are_read_a_page_at_a_time, |db: Db| {
    db.write_blocking(|tx| -> Result<(), DbError> {
        for (id, number) in [("c", 3), ("a", 1), ("b", 2)] {
            partner(tx, id, number)?;
        }
        let mut found = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page = partners::codes_after(tx, &after, 2)?;
            let Some((_, last)) = page.last() else { break };
            after.clone_from(last);
            found.extend(page.into_iter().map(|(code, id)| (id, code.number())));
        }
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("a".into(), 1), ("b".into(), 2), ("c".into(), 3)]
        );
        Ok(())
    })
    .unwrap();
});
