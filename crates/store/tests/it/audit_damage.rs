//! Walking the audit finds each kind of deliberate damage, names the first broken link, and says what happened to it.

use domain::clock::Timestamp;
use store::audit::{self, Filter, NewRecord, Record};
use store::verify_audit::{self, Audit, Damage, Head};
use store::{Db, DbError, Tx, both_databases, params};

/// The chain that is damaged.
const SHORT: i64 = 3;
/// A chain longer than what is held in memory at a time.
const LONG: i64 = 5;
const LONG_RECORDS: i64 = 1_100;

fn at(chain: i64, number: i64) -> Timestamp {
    Timestamp::from_micros(1_795_421_400_000_000 + chain * 1_000 + number)
}

fn append(tx: &mut Tx, chain: i64, number: i64) -> Result<(), DbError> {
    let record = NewRecord {
        id: format!("{number:04}-{chain}"),
        chain,
        actor_id: (number % 2 == 0).then_some("ines"),
        actor: "Ines Duarte",
        role: "sales",
        act: "deal.won",
        subject: "deal",
        subject_id: &number.to_string(),
        changes: r#"[{"what":"Status","before":"pending","after":"won"}]"#,
        reason: "Über alles geredet",
    };
    audit::append(tx, &record, at(chain, number))
}

/// Five records in one chain, very many in another, one in a third.
fn history(db: &Db) {
    crate::write(db, |tx| {
        (1..=5).try_for_each(|number| append(tx, SHORT, number))?;
        (1..=LONG_RECORDS).try_for_each(|number| append(tx, LONG, number))?;
        append(tx, 0, 1)
    })
    .unwrap();
}

fn verify(db: &Db) -> Audit {
    crate::read(db, verify_audit::verify).unwrap()
}

/// Not an error: what was found, on the way out of a unit that is to be rolled back.
enum Undo {
    Found(Audit),
    Db(DbError),
}

impl From<DbError> for Undo {
    fn from(error: DbError) -> Self {
        Undo::Db(error)
    }
}

/// What is found after some damage, which is then undone.
fn found_after(db: &Db, damage: impl Fn(&mut Tx) -> Result<(), DbError> + Send + 'static) -> Audit {
    let undone = db.write_blocking(move |tx| -> Result<(), Undo> {
        damage(tx)?;
        Err(Undo::Found(verify_audit::verify(tx)?))
    });
    match undone {
        Err(Undo::Found(audit)) => audit,
        Err(Undo::Db(error)) => panic!("{error}"),
        Ok(()) => unreachable!("the unit never ends well"),
    }
}

const SWAP: &[&str] = &[
    "UPDATE audit SET seq = -1 WHERE chain = 3 AND seq = 2",
    "UPDATE audit SET seq = 2 WHERE chain = 3 AND seq = 4",
    "UPDATE audit SET seq = 4 WHERE chain = 3 AND seq = -1",
];

/// What is done by hand, and where it is found as what.
const DAMAGES: &[(&[&str], i64, i64, Damage)] = &[
    (&["UPDATE audit SET reason = 'Nothing' WHERE chain = 3 AND seq = 3"], 3, 3, Damage::Changed),
    (&["UPDATE audit SET changes = '[]' WHERE chain = 3 AND seq = 1"], 3, 1, Damage::Changed),
    (&["UPDATE audit SET actor = 'Eve' WHERE chain = 3 AND seq = 5"], 3, 5, Damage::Changed),
    (&["UPDATE audit SET actor_id = 'eve' WHERE chain = 3 AND seq = 2"], 3, 2, Damage::Changed),
    (&["UPDATE audit SET role = 'admin' WHERE chain = 3 AND seq = 2"], 3, 2, Damage::Changed),
    (&["UPDATE audit SET act = 'deal.lost' WHERE chain = 3 AND seq = 2"], 3, 2, Damage::Changed),
    (&["UPDATE audit SET subject = 'client' WHERE chain = 3 AND seq = 2"], 3, 2, Damage::Changed),
    (&["UPDATE audit SET subject_id = '9' WHERE chain = 3 AND seq = 2"], 3, 2, Damage::Changed),
    (&["UPDATE audit SET at = at + 1 WHERE chain = 3 AND seq = 4"], 3, 4, Damage::Changed),
    (&["UPDATE audit SET id = 'zzz' WHERE chain = 3 AND seq = 4"], 3, 4, Damage::Changed),
    (&["UPDATE audit SET hash = '00' WHERE chain = 3 AND seq = 2"], 3, 2, Damage::Changed),
    (&["UPDATE audit SET previous = '00' WHERE chain = 3 AND seq = 2"], 3, 2, Damage::Changed),
    // Hidden from searches.
    (&["UPDATE audit SET search = '' WHERE chain = 3 AND seq = 3"], 3, 3, Damage::Changed),
    (SWAP, 3, 2, Damage::Moved),
    (&["DELETE FROM audit WHERE chain = 3 AND seq = 3"], 3, 3, Damage::Missing),
    (&["DELETE FROM audit WHERE chain = 3 AND seq = 1"], 3, 1, Damage::Missing),
    // The gap closed by hand.
    (
        &[
            "DELETE FROM audit WHERE chain = 3 AND seq = 3",
            "UPDATE audit SET seq = 3 WHERE chain = 3 AND seq = 4",
            "UPDATE audit SET seq = 4 WHERE chain = 3 AND seq = 5",
            "UPDATE audit_chain SET length = 4 WHERE chain = 3",
        ],
        3,
        3,
        Damage::Moved,
    ),
    (&["DELETE FROM audit WHERE chain = 3 AND seq = 5"], 3, 5, Damage::Truncated),
    (
        &[
            "DELETE FROM audit WHERE chain = 3 AND seq = 5",
            "UPDATE audit_chain SET length = 4 WHERE chain = 3",
        ],
        3,
        4,
        Damage::Head,
    ),
    (&["UPDATE audit_chain SET head = '00' WHERE chain = 3"], 3, 5, Damage::Head),
    (&["UPDATE audit_chain SET length = 4 WHERE chain = 3"], 3, 5, Damage::Inserted),
    (&["UPDATE audit_chain SET length = 9 WHERE chain = 3"], 3, 6, Damage::Truncated),
    (&["DELETE FROM audit_chain WHERE chain = 3"], 3, 1, Damage::Inserted),
    (&["DELETE FROM audit WHERE chain = 0"], 0, 1, Damage::Truncated),
    (&["UPDATE audit SET chain = 0 WHERE chain = 3 AND seq = 5"], 0, 2, Damage::Missing),
    // A copy of a record, at the end and before the beginning.
    (
        &["INSERT INTO audit SELECT 'forged', chain, 6, at, actor_id, actor, role, act, subject, subject_id, changes,
            reason, search, previous, hash FROM audit WHERE chain = 3 AND seq = 5"],
        3,
        6,
        Damage::Changed,
    ),
    (
        &["INSERT INTO audit SELECT 'forged', chain, 0, at, actor_id, actor, role, act, subject, subject_id, changes,
            reason, search, previous, hash FROM audit WHERE chain = 3 AND seq = 5"],
        3,
        0,
        Damage::Inserted,
    ),
    // Beyond what is held in memory at a time.
    (&["UPDATE audit SET reason = 'Nothing' WHERE chain = 5 AND seq = 1001"], 5, 1001, Damage::Changed),
    (&["DELETE FROM audit WHERE chain = 5 AND seq = 501"], 5, 501, Damage::Missing),
    (&["DELETE FROM audit WHERE chain = 5 AND seq = 1100"], 5, 1100, Damage::Truncated),
];

both_databases!(each_kind_of_damage_is_found_and_the_first_broken_link_named, |db: Db| {
    history(&db);
    assert_eq!(verify(&db).broken, []);
    for (damage, chain, seq, what) in DAMAGES {
        let statements = *damage;
        let audit = found_after(&db, move |tx| {
            for sql in statements {
                let changed = tx.exec(sql, params![])?;
                assert_eq!(changed, 1, "{sql}");
            }
            Ok(())
        });
        let found = audit.broken.iter().find(|broken| broken.chain == *chain);
        let found = found.unwrap_or_else(|| panic!("{damage:?} is not found: {audit:#?}"));
        assert_eq!((found.seq, found.damage), (*seq, *what), "{damage:?}: {found}");
        assert!(!audit.findings().is_empty());
    }
    assert_eq!(verify(&db).broken, []);
});

both_databases!(a_broken_link_is_named_with_its_record_and_time, |db: Db| {
    history(&db);
    let audit = found_after(&db, |tx| {
        tx.exec("UPDATE audit SET reason = 'Nothing' WHERE chain = 3 AND seq = 3", params![])?;
        Ok(())
    });
    let said = audit.broken[0].to_string();
    assert!(said.starts_with("chain 3 record 3 was changed (0003-3 of 2026-"), "{said}");
    let audit = found_after(&db, |tx| {
        tx.exec("DELETE FROM audit WHERE chain = 3 AND seq IN (2, 3)", params![])?;
        Ok(())
    });
    assert_eq!(
        audit.broken[0].to_string(),
        "chain 3 record 2 is missing: 2 in all; the next one is 4 (0004-3)"
    );
});

/// The records of a chain, first to last.
fn records(tx: &mut Tx, chain: i64) -> Result<Vec<Record>, DbError> {
    let mut records = audit::list(tx, &Filter::default(), None, 10_000)?;
    records.retain(|record| record.chain == chain);
    records.sort_by_key(|record| record.seq);
    Ok(records)
}

/// Writes a record past the program, as somebody with the database's password would.
fn forge(tx: &mut Tx, record: &Record) -> Result<(), DbError> {
    let search = [&record.actor, &record.act, &record.subject_id, &record.changes, &record.reason];
    tx.exec(
        "INSERT INTO audit (id, chain, seq, at, actor_id, actor, role, act, subject, subject_id, changes, reason,
                            search, previous, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        params![
            &record.id,
            record.chain,
            record.seq,
            record.at.micros(),
            &record.actor_id,
            &record.actor,
            &record.role,
            &record.act,
            &record.subject,
            &record.subject_id,
            &record.changes,
            &record.reason,
            search.map(|text| text.to_lowercase()).join("\n"),
            &record.previous,
            &record.hash
        ],
    )?;
    Ok(())
}

/// A record with a hash that is right for what it says.
fn forged(like: &Record, seq: i64, previous: &str) -> Record {
    let mut record = Record {
        id: "forged".into(),
        seq,
        actor: "Eve".into(),
        previous: previous.to_owned(),
        ..like.clone()
    };
    record.hash = record.expected_hash();
    record
}

both_databases!(a_forged_record_with_the_right_hash_is_found, |db: Db| {
    history(&db);
    // At the end, well made, but the head doesn't count it.
    let audit = found_after(&db, |tx| {
        let last = records(tx, SHORT)?.pop().unwrap();
        forge(tx, &forged(&last, 6, &last.hash))
    });
    assert_eq!((audit.broken[0].seq, audit.broken[0].damage), (6, Damage::Inserted), "{audit:#?}");
    // The head counts it, but it holds on to another record than the last one.
    let audit = found_after(&db, |tx| {
        let all = records(tx, SHORT)?;
        let record = forged(&all[4], 6, &all[1].hash);
        forge(tx, &record)?;
        tx.exec("UPDATE audit_chain SET length = 6, head = $1 WHERE chain = 3", params![&record.hash])?;
        Ok(())
    });
    assert_eq!((audit.broken[0].seq, audit.broken[0].damage), (6, Damage::Inserted), "{audit:#?}");
    // In the middle, the ones after it moved on: the first of those doesn't fit its place.
    let audit = found_after(&db, |tx| {
        let all = records(tx, SHORT)?;
        for seq in [5, 4, 3] {
            tx.exec("UPDATE audit SET seq = $1 WHERE chain = 3 AND seq = $2", params![seq + 1, seq])?;
        }
        forge(tx, &forged(&all[1], 3, &all[1].hash))?;
        tx.exec("UPDATE audit_chain SET length = 6 WHERE chain = 3", params![])?;
        Ok(())
    });
    assert_eq!((audit.broken[0].seq, audit.broken[0].damage), (4, Damage::Moved), "{audit:#?}");
    // One record replaced by another.
    let audit = found_after(&db, |tx| {
        let all = records(tx, SHORT)?;
        tx.exec("DELETE FROM audit WHERE chain = 3 AND seq = 3", params![])?;
        forge(tx, &forged(&all[2], 3, &all[1].hash))
    });
    assert_eq!((audit.broken[0].seq, audit.broken[0].damage), (4, Damage::Inserted), "{audit:#?}");
    assert_eq!(verify(&db).broken, []);
});

both_databases!(a_chain_written_anew_is_found_by_the_heads_that_were_noted_down, |db: Db| {
    history(&db);
    let noted = verify(&db).heads;
    assert_eq!(
        noted.iter().map(|head| (head.chain, head.length)).collect::<Vec<_>>(),
        [(0, 1), (SHORT, 5), (LONG, LONG_RECORDS)]
    );
    let compare = {
        let noted = noted.clone();
        move |db: &Db| {
            let noted = noted.clone();
            crate::read(db, move |tx| verify_audit::compare(tx, &noted)).unwrap()
        }
    };
    // Going on is fine.
    crate::write(&db, |tx| append(tx, SHORT, 6)).unwrap();
    assert_eq!(compare(&db), []);
    // Everything from record 3 on written anew, every hash right.
    crate::write(&db, |tx| {
        let all = records(tx, SHORT)?;
        tx.exec("DELETE FROM audit WHERE chain = 3 AND seq >= 3", params![])?;
        let mut previous = all[1].hash.clone();
        for old in &all[2..] {
            let mut record = Record { reason: "Eve was never here".into(), previous, ..old.clone() };
            record.hash = record.expected_hash();
            forge(tx, &record)?;
            previous = record.hash;
        }
        tx.exec("UPDATE audit_chain SET head = $1 WHERE chain = 3", params![&previous])?;
        Ok(())
    })
    .unwrap();
    assert_eq!(verify(&db).broken, [], "the database alone can't tell");
    let broken = compare(&db);
    assert_eq!((broken[0].chain, broken[0].seq, broken[0].damage), (SHORT, 5, Damage::Rewritten));
    assert_eq!(broken.len(), 1);
    // Cut off, and the head set to match.
    crate::write(&db, |tx| {
        tx.exec("DELETE FROM audit WHERE chain = 3 AND seq >= 3", params![])?;
        let last = records(tx, SHORT)?.pop().unwrap();
        tx.exec("UPDATE audit_chain SET length = 2, head = $1 WHERE chain = 3", params![&last.hash])?;
        Ok(())
    })
    .unwrap();
    assert_eq!(verify(&db).broken, []);
    assert_eq!(compare(&db)[0].damage, Damage::Truncated);
});

both_databases!(an_empty_audit_is_unbroken, |db: Db| {
    assert_eq!(verify(&db), Audit::default());
    let heads: Vec<Head> = Vec::new();
    assert_eq!(crate::read(&db, move |tx| verify_audit::compare(tx, &heads)).unwrap(), []);
});

both_databases!(records_are_found_by_person_thing_and_words, |db: Db| {
    history(&db);
    let list = |filter: Filter, before: Option<&'static str>| {
        crate::read(&db, move |tx| audit::list(tx, &filter, before, 3)).unwrap()
    };
    let of = |subject_id: &str| Filter {
        subject: Some("deal".into()),
        subject_id: Some(subject_id.into()),
        ..Filter::default()
    };
    let ids = |records: Vec<Record>| records.into_iter().map(|record| record.id).collect::<Vec<_>>();
    assert_eq!(ids(list(Filter::default(), None)), ["1100-5", "1099-5", "1098-5"]);
    assert_eq!(ids(list(Filter::default(), Some("0002"))), ["0001-5", "0001-3", "0001-0"]);
    assert_eq!(ids(list(of("4"), None)), ["0004-5", "0004-3"]);
    assert_eq!(ids(list(of("x"), None)), [""; 0]);
    let ines = Filter { actor_id: Some("ines".into()), ..of("4") };
    assert_eq!(ids(list(ines, Some("0004-5"))), ["0004-3"]);
    let nobody = Filter { actor_id: Some("ines".into()), ..of("3") };
    assert_eq!(ids(list(nobody, None)), [""; 0]);
    let words = Filter { search: "ÜBER alles".into(), ..of("5") };
    assert_eq!(ids(list(words, None)), ["0005-5", "0005-3"]);
    let literal = Filter { search: "100%".into(), ..Filter::default() };
    assert_eq!(ids(list(literal, None)), [""; 0]);
});
