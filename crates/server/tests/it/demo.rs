//! The demo's data: what it promises is there, on both databases, whatever day it is started on.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::{
    clock::{DAY, HOUR, Timestamp},
    ids::Ids,
    money::Currency,
};
use server::{
    demo::{self, Built, Plan, Progress, Size, cast},
    real::SystemIds,
};
use store::{Db, DbError, both_databases, params, testing};

/// Monday, 23 November 2026, 08:10 UTC.
const NOW: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

fn build(db: &Db, now: Timestamp, seed: u64) -> Built {
    build_sized(db, now, seed, None)
}

fn build_sized(db: &Db, now: Timestamp, seed: u64, size: Option<Size>) -> Built {
    let plan = Plan { now, seed, password_hash: "not a hash", size };
    demo::build(db, &plan, &AtomicBool::new(false), |_| {}).unwrap().expect("nobody has stopped it")
}

fn count(db: &Db, what: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {what}");
    db.read_blocking(move |tx| tx.one(&sql, params![])?.get::<i64>(0)).unwrap()
}

fn promises(db: &Db, now: Timestamp) {
    let built = build(db, now, 1);
    let at_least = |what: &str, least: i64| {
        let found = count(db, what);
        assert!(found >= least, "{what}: {found}, expected {least} or more");
    };
    assert_eq!((built.partners, built.clients), (40, 600));
    assert_eq!(count(db, "partner"), 40);
    assert_eq!(count(db, "client"), 600);
    assert_eq!(count(db, "deal"), i64::try_from(built.deals).unwrap());
    assert_eq!(count(db, "click WHERE automatic = 0"), built.clicks);
    at_least("deal WHERE status = 'pending'", 30);
    at_least("deal WHERE status = 'won'", 200);
    at_least("deal WHERE status = 'lost'", 200);
    at_least("deal WHERE refunded > 0 AND refunded < amount", 8);
    at_least("deal WHERE refunded = amount", 3);
    at_least("deal WHERE status = 'won' AND win_round = 2", 4);
    at_least("deal WHERE status = 'won' AND available_at IS NOT NULL", 1);
    at_least("deal WHERE status = 'won' AND partner_id IS NOT NULL AND rate_bp IS NULL", 1);
    at_least("deal WHERE rate_bp = 1500", 5);
    at_least("deal WHERE rate_bp = 1800", 5);
    at_least("deal WHERE title <> ''", 10);
    assert_eq!(count(db, "deal WHERE amount < 30000 OR amount > 6000000"), 0);
    at_least("attribution WHERE method = 'code'", 50);
    at_least("attribution WHERE method = 'link'", 300);
    at_least("attribution WHERE repaired_from IS NOT NULL", 5);
    at_least("attribution WHERE partner_id IS NULL", 1);
    at_least("client WHERE partner_id IS NULL", 15);
    at_least("withdrawal WHERE status = 'paid'", 40);
    at_least("withdrawal WHERE status = 'rejected'", 2);
    let overdue = now.plus(-48 * HOUR).micros();
    assert_eq!(count(db, &format!("withdrawal WHERE status = 'pending' AND requested_at < {overdue}")), 2);
    assert_eq!(count(db, &format!("withdrawal WHERE status = 'pending' AND requested_at > {overdue}")), 2);
    desk(db, now);
    for kind in domain::wallet::WalletKind::ALL {
        at_least(&format!("wallet WHERE kind = '{}'", kind.as_str()), 1);
    }
    at_least("feedback WHERE done_at IS NOT NULL", 30);
    assert_eq!(count(db, "feedback WHERE done_at IS NULL"), 7);
    for mood in ["good", "mixed", "bad", ""] {
        at_least(&format!("feedback WHERE mood = '{mood}'"), 3);
    }
    assert_eq!(count(db, "support_ticket WHERE status = 'open'"), 3);
    assert_eq!(count(db, "support_ticket WHERE status = 'open' AND partner_id IS NULL"), 1);
    assert_eq!(count(db, "support_ticket WHERE status = 'answered' AND answered_by IS NOT NULL"), 1);
    assert_eq!(count(db, "support_ticket WHERE status = 'closed'"), 5);
    assert_eq!(count(db, "support_key"), 0, "nobody who knows the seed may read a guest's conversation");
    claims(db, now);
    at_least("client_note", 150);
    assert_eq!(count(db, "partner WHERE suspended_at IS NOT NULL"), 1);
    assert_eq!(count(db, "partner WHERE agreed_rate_bp IS NOT NULL"), 1);
    assert_eq!(count(db, "recovery_request WHERE closed_at IS NULL"), 2);
    assert_eq!(count(db, "recovery_request WHERE closed_at IS NOT NULL"), 1);
    let lately = now.plus(-2 * DAY).micros();
    assert_eq!(count(db, &format!("outbox WHERE status = 'waiting' AND created_at < {lately}")), 0);
    assert_eq!(count(db, "session"), 0, "nobody who knows the seed may have a session");
    at_least("click", 25_000);
    let year = now.plus(-364 * DAY).day().0;
    at_least("(SELECT day FROM partner_day WHERE clicks > 0 GROUP BY day) AS days", 355);
    assert_eq!(count(db, &format!("partner_day WHERE day < {year} OR day > {}", now.day().0)), 0);
    assert_eq!(count(db, &format!("deal_event WHERE at > {}", now.micros())), 0);
    balances(db);
    let findings = db.read_blocking(store::verify_projections::verify_all).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

/// A claim in each state, with what each has changed and what speaks for those that wait.
fn claims(db: &Db, now: Timestamp) {
    for (status, claims) in [("open", 2), ("accepted", 1), ("rejected", 1), ("withdrawn", 1)] {
        assert_eq!(count(db, &format!("claim WHERE status = '{status}'")), claims, "{status}");
    }
    assert_eq!(count(db, &format!("claim WHERE status = 'open' AND due_on < {}", now.day().0)), 1);
    let moved = "attribution WHERE method = 'claim' AND claim_number IS NOT NULL AND evidence <> ''";
    assert_eq!(count(db, moved), 1);
    assert_eq!(count(db, "deal_event WHERE kind = 'moved'"), 3);
    assert_eq!(count(db, "ledger_transfers WHERE key LIKE 'deal:%:move:%'"), 1);
    assert_eq!(count(db, "attribution WHERE method = 'staff'"), 1);
    assert_eq!(count(db, "attribution WHERE method = 'code' AND decided_by IS NOT NULL"), 1);
    assert_eq!(count(db, "damaged_code"), 1);
    db.read_blocking(move |tx| {
        for claim in store::claims::open(tx, None, 10)? {
            let around = server::ops::claims::around(tx, &claim)?;
            let likeliest = server::ops::claims::proposals(tx, &claim, &around)?.remove(0);
            assert!(likeliest.points() >= 60, "K-{}: {:?}", claim.number, likeliest.reasons);
            if claim.due_on < now.day() {
                assert_eq!(around.damaged.len(), 1);
                let damaged = likeliest.reasons.iter().any(|reason| reason.words().contains("damaged code"));
                assert!(damaged, "{:?}", likeliest.reasons);
            }
        }
        Ok::<_, DbError>(())
    })
    .unwrap();
}

/// A visitor finds the withdrawal desk at work.
fn desk(db: &Db, now: Timestamp) {
    let now = now.micros();
    for (what, expected) in [
        ("payout_batch WHERE status = 'paid'", 1),
        ("audit WHERE act = 'batch.exported'", 1),
        ("withdrawal WHERE returned_at IS NOT NULL", 1),
        ("adjustment WHERE status = 'booked'", 1),
        ("adjustment WHERE status = 'proposed'", 1),
        (&format!("withdrawal WHERE status = 'pending' AND payable_from > {now}"), 1),
        (
            "withdrawal_approval v JOIN withdrawal w ON w.id = v.withdrawal_id AND w.status = 'pending'
             AND w.amount >= 100000",
            1,
        ),
    ] {
        assert_eq!(count(db, what), expected, "{what}");
    }
    for (what, least) in [
        ("payout_line WHERE status = 'paid'", 3),
        ("withdrawal WHERE two_people = 1", 20),
        ("withdrawal WHERE status = 'paid' AND two_people = 0", 20),
    ] {
        let found = count(db, what);
        assert!(found >= least, "{what}: {found}, expected {least} or more");
    }
}

/// Several partners can withdraw at once, one owes, the new one has nothing, and the followed ones are as told.
fn balances(db: &Db) {
    let partners = db.read_blocking(|tx| store::partners::list(tx, "", false, None, 1_000)).unwrap();
    let mut enough = 0;
    for partner in partners {
        let of_story = cast::partners().iter().position(|who| who.email == partner.email);
        let Some(place) = of_story else { continue };
        let id = partner.id.clone();
        let balances = db.read_blocking(move |tx| store::ledger::balances(tx, &id, Currency::USD)).unwrap();
        let (available, reserved) = (balances.available.minor(), balances.reserved.minor());
        enough += usize::from(available >= 50_000);
        match place {
            cast::MARA => assert!(available >= 50_000 && reserved > 0 && balances.on_hold.minor() > 0),
            cast::KENJI | cast::LUCAS | cast::HANNAH => assert!(reserved >= 50_000),
            cast::SOFIA => assert_eq!((available, partner.deals_won), (-94_000, 1)),
            cast::ELIF => assert_eq!(available, 36_000),
            _ if partner.name == "Noor Haddad" => assert_eq!((available, partner.clients), (0, 0)),
            _ => {}
        }
    }
    assert!(enough >= 5, "only {enough} partners can withdraw");
}

both_databases!(what_is_promised_is_there, |db: Db| promises(&db, NOW));

/// A crowd around the people of the story: as many as were asked for, and everything holds.
fn crowd(db: &Db) {
    let size = Size { partners: 120, clients: 3_000, deals: 3_600, clicks: 40_000 };
    let built = build_sized(db, NOW, 1, Some(size));
    assert_eq!((built.partners, built.clients, built.deals), (120, 3_000, 3_600));
    assert_eq!(count(db, "partner"), 120);
    assert_eq!(count(db, "client"), 3_000);
    assert_eq!(count(db, "deal"), 3_600);
    assert_eq!(built.clicks, 40_000);
    assert_eq!(count(db, "click WHERE automatic = 0"), 40_000);
    let [days, totals] = ["SELECT SUM(clicks) FROM partner_day", "SELECT SUM(clients) FROM partner_totals"]
        .map(|sql| {
            let sql = sql
                .replace("SUM(clicks)", "CAST(SUM(clicks) AS BIGINT)")
                .replace("SUM(clients)", "CAST(SUM(clients) AS BIGINT)");
            db.read_blocking(move |tx| tx.one(&sql, params![])?.get::<i64>(0)).unwrap()
        });
    assert_eq!(days, 40_000);
    assert_eq!(totals, count(db, "client WHERE partner_id IS NOT NULL"));
    // The people of the story are as they always are.
    balances(db);
    desk(db, NOW);
    // The first member brings most, and signs in like everybody.
    let largest = built.largest.expect("there is a crowd");
    let own = format!("client c JOIN account a ON a.id = c.partner_id WHERE a.email = '{largest}'");
    assert!(count(db, &own) > 150, "{largest} has {} clients", count(db, &own));
    for (what, least) in [
        ("deal WHERE status = 'pending'", 60),
        ("deal WHERE status = 'won'", 1_200),
        ("deal WHERE status = 'lost'", 1_300),
        ("deal WHERE refunded > 0", 12),
        ("deal WHERE available_at IS NOT NULL", 10),
        ("deal WHERE rate_bp = 1200", 10),
        ("withdrawal WHERE status = 'paid'", 100),
        ("attribution WHERE repaired_from IS NOT NULL", 10),
        ("client WHERE partner_id IS NULL", 100),
    ] {
        let found = count(db, what);
        assert!(found >= least, "{what}: {found}, expected {least} or more");
    }
    // Numbers follow time, which is how clients are found by it.
    let out_of_order = "client c JOIN client n ON n.number = c.number + 1 WHERE n.created_at < c.created_at";
    assert_eq!(count(db, out_of_order), 0);
    assert_eq!(count(db, &format!("client WHERE created_at > {}", NOW.micros())), 0);
    let findings = db.read_blocking(store::verify_projections::verify_all).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

both_databases!(a_crowd_fills_it_up_to_a_size, |db: Db| crowd(&db));

/// Everything that the demo writes, in the words that pages show.
fn told(db: &Db) -> Vec<String> {
    let tables = [
        "SELECT 'client ' || CAST(number AS TEXT) || name || email || CAST(created_at AS TEXT) FROM client ORDER BY number",
        "SELECT 'deal ' || CAST(number AS TEXT) || status || COALESCE(CAST(amount AS TEXT), '-') FROM deal ORDER BY number",
        "SELECT 'transfer ' || key || CAST(amount AS TEXT) FROM ledger_transfers ORDER BY key",
        "SELECT 'partner ' || id || code FROM partner ORDER BY id",
        "SELECT 'claim ' || CAST(number AS TEXT) || client_name || client_contact FROM claim ORDER BY number",
        "SELECT 'withdrawal ' || id || status || wallet_address FROM withdrawal ORDER BY id",
        "SELECT 'adjustment ' || id || status || reason FROM adjustment ORDER BY id",
    ];
    let mut lines = Vec::new();
    for sql in tables {
        let rows: Vec<String> = db
            .read_blocking(move |tx| {
                let rows = tx.all(sql, params![])?;
                rows.iter().map(|row| row.get(0)).collect::<Result<_, DbError>>()
            })
            .unwrap();
        assert!(!rows.is_empty(), "{sql}");
        lines.extend(rows);
    }
    lines
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let stories: Vec<Vec<String>> = [7, 7, 8]
        .map(|seed| {
            let test = testing::sqlite();
            build(&test.db, NOW, seed);
            told(&test.db)
        })
        .into();
    assert_eq!(stories[0], stories[1]);
    assert_ne!(stories[0], stories[2]);
}

/// Other weekdays, the first and the last minutes of a day, and any seed.
#[test]
fn it_can_be_started_at_any_moment() {
    for (moment, seed) in [(NOW.day().start().plus(5 * 60_000_000), 1), (NOW.plus(5 * DAY + 15 * HOUR), 1)] {
        let test = testing::sqlite();
        let built = build(&test.db, moment, seed);
        assert_eq!((built.partners, built.clients), (40, 600));
        assert_eq!(count(&test.db, "withdrawal WHERE status = 'pending'"), 4);
    }
    let mut random = [0; 8];
    SystemIds.fill(&mut random);
    let seed = u64::from_le_bytes(random);
    println!("seed {seed}");
    let test = testing::sqlite();
    assert_eq!(build(&test.db, NOW, seed).clients, 600);
}

#[test]
fn it_stops_when_asked() {
    let test = testing::sqlite();
    let plan = Plan { now: NOW, seed: 1, password_hash: "not a hash", size: None };
    let built = demo::build(&test.db, &plan, &AtomicBool::new(true), |_| {}).unwrap();
    assert_eq!(built, None);
    let stopped = AtomicBool::new(false);
    let stop = |progress| {
        if let Progress::Day { lived: 3, .. } = progress {
            stopped.store(true, Ordering::Relaxed);
        }
    };
    let test = testing::sqlite();
    assert_eq!(demo::build(&test.db, &plan, &stopped, stop).unwrap(), None);
}
