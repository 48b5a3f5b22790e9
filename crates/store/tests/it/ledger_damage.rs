//! `verify` finds each kind of deliberate damage and names the rule that it broke.

use domain::commission::{self, Cause};
use domain::withdrawal;
use store::ledger::{self, ApplyError};
use store::ledger_verify::{Finding, Rule, verify};
use store::{Db, DbError, both_databases};

use crate::ledger::{applied, request, sound, winning};

/// Some of everything: commissions at once, on hold and released, a reversal below zero, withdrawals in every
/// state.
fn history(db: &Db) {
    applied(db, &[commission::book(&winning(1, "ann", 100_000, 0)).unwrap()]);
    applied(db, &[commission::book(&winning(2, "ann", 50_000, 14)).unwrap()]);
    applied(db, &[commission::book(&winning(3, "ann", 30_000, 14)).unwrap()]);
    applied(db, &[commission::book(&winning(4, "bob", 100_000, 0)).unwrap()]);
    let held = db.read_blocking::<_, _, DbError>(|tx| ledger::standing(tx, 3, 1)).unwrap().unwrap();
    applied(db, &[commission::release(&held).unwrap()]);
    applied(db, &[withdrawal::hold(&request("w1", "ann", 2_000))]);
    applied(db, &[withdrawal::pay(&request("w1", "ann", 2_000))]);
    applied(db, &[withdrawal::hold(&request("w2", "ann", 3_000))]);
    applied(db, &[withdrawal::reject(&request("w2", "ann", 3_000), "wrong address")]);
    applied(db, &[withdrawal::hold(&request("w3", "bob", 6_000))]);
    let standing = db.read_blocking::<_, _, DbError>(|tx| ledger::standing(tx, 4, 1)).unwrap().unwrap();
    applied(db, &commission::reverse(&standing, Cause::Reopening));
}

/// Not an error: what was found, on the way out of a unit that is to be rolled back.
enum Undo {
    Found(Vec<Finding>),
    Db(DbError),
}

impl From<DbError> for Undo {
    fn from(error: DbError) -> Self {
        Undo::Db(error)
    }
}

/// What `verify` says after these statements, which are then undone.
fn found_after(db: &Db, damage: &'static [&'static str]) -> Vec<Finding> {
    let undone = db.write_blocking(move |tx| -> Result<(), Undo> {
        for sql in damage {
            assert_eq!(tx.exec(sql, &[])?, 1, "{sql}");
        }
        Err(Undo::Found(verify(tx)?))
    });
    match undone {
        Err(Undo::Found(findings)) => findings,
        Err(Undo::Db(error)) => panic!("{damage:?}: {error}"),
        Ok(()) => unreachable!("the unit never ends well"),
    }
}

const DAMAGES: &[(&[&str], Rule, &str)] = &[
    (
        &["UPDATE ledger_accounts SET credits_posted = credits_posted + 1 WHERE key = 'partner_payable:ann:USD'"],
        Rule::DebitsEqualCredits,
        "posted",
    ),
    (
        &["UPDATE ledger_accounts SET credits_pending = credits_pending + 1 WHERE key = 'payouts:bob:USD'"],
        Rule::DebitsEqualCredits,
        "pending",
    ),
    // Both sides raised alike: the sums still agree.
    (
        &[
            "UPDATE ledger_accounts SET credits_posted = credits_posted + 7 WHERE key = 'partner_payable:ann:USD'",
            "UPDATE ledger_accounts SET debits_posted = debits_posted + 7 WHERE key = 'programme_expense:ann:USD'",
        ],
        Rule::Counters,
        "partner_payable:ann:USD",
    ),
    (
        &[
            "UPDATE ledger_accounts SET credits_posted = credits_posted + 7 WHERE key = 'partner_payable:ann:USD'",
            "UPDATE ledger_accounts SET debits_posted = debits_posted + 7 WHERE key = 'programme_expense:ann:USD'",
        ],
        Rule::RunningBalance,
        "programme_expense:ann:USD",
    ),
    (
        &["UPDATE ledger_accounts SET entry_count = entry_count + 1 WHERE key = 'partner_payable:ann:USD'"],
        Rule::Counters,
        "partner_payable:ann:USD",
    ),
    (
        &["DELETE FROM ledger_accounts WHERE key = 'payouts:bob:USD'"],
        Rule::Counters,
        "payouts:bob:USD",
    ),
    (
        &["UPDATE ledger_accounts SET owner = 'eve' WHERE key = 'payouts:bob:USD'"],
        Rule::Accounts,
        "payouts:bob:USD",
    ),
    (
        &["UPDATE ledger_transfers SET amount = amount + 1 WHERE key = 'deal:1:commission'"],
        Rule::Counters,
        "partner_payable:ann:USD",
    ),
    (
        &["UPDATE ledger_transfers SET amount = amount + 1 WHERE key = 'deal:1:commission'"],
        Rule::RunningBalance,
        "entry 1",
    ),
    (
        &["UPDATE ledger_transfers SET credit = 'partner_payable:eve:USD' WHERE key = 'deal:1:commission'"],
        Rule::Entries,
        "deal:1:commission",
    ),
    (
        &["UPDATE ledger_transfers SET credit = 'partner_payable:ann:EUR' WHERE key = 'deal:1:commission'"],
        Rule::Counters,
        "partner_payable:ann:EUR",
    ),
    (
        &["UPDATE ledger_transfers SET phase = 'void' WHERE key = 'withdrawal:w1:paid'"],
        Rule::Counters,
        "partner_payable:ann:USD",
    ),
    (
        &["INSERT INTO ledger_transfers SELECT 'forged', debit, credit, amount, code, phase, pending, reverses,
            may_overdraw, subject, subject_id, reason, available_at, at
            FROM ledger_transfers WHERE key = 'deal:1:commission'"],
        Rule::Entries,
        "forged",
    ),
    (
        &["DELETE FROM ledger_entries WHERE account = 'partner_payable:ann:USD' AND seq = 2"],
        Rule::Entries,
        "deal:2:commission",
    ),
    (
        &["DELETE FROM ledger_entries WHERE account = 'partner_payable:ann:USD' AND seq = 2"],
        Rule::RunningBalance,
        "partner_payable:ann:USD entry 3",
    ),
    (
        &["DELETE FROM ledger_entries WHERE account = 'partner_payable:bob:USD' AND seq = 3"],
        Rule::RunningBalance,
        "partner_payable:bob:USD",
    ),
    (
        &["UPDATE ledger_entries SET amount = 1 WHERE account = 'partner_payable:ann:USD' AND seq = 1"],
        Rule::RunningBalance,
        "partner_payable:ann:USD entry 1",
    ),
    (
        &["UPDATE ledger_entries SET balance_after = 1 WHERE account = 'partner_payable:ann:USD' AND seq = 5"],
        Rule::RunningBalance,
        "partner_payable:ann:USD entry 5",
    ),
    (
        &["UPDATE ledger_entries SET side = 'debit' WHERE account = 'partner_payable:ann:USD' AND seq = 1"],
        Rule::Entries,
        "deal:1:commission",
    ),
    (
        &["UPDATE ledger_transfers SET may_overdraw = 0 WHERE key = 'deal:4:reopening:1'"],
        Rule::BelowZero,
        "partner_payable:bob:USD entry 3",
    ),
    (
        &["UPDATE ledger_transfers SET amount = amount + 1 WHERE key = 'deal:4:reopening:1'"],
        Rule::Reversals,
        "deal:4:commission",
    ),
    (
        &["UPDATE ledger_transfers SET reverses = 'deal:1:commission' WHERE key = 'deal:4:reopening:1'"],
        Rule::Reversals,
        "deal:1:commission",
    ),
    (
        &["UPDATE ledger_transfers SET amount = amount + 1 WHERE key = 'withdrawal:w1:paid'"],
        Rule::Resolutions,
        "withdrawal:w1:paid",
    ),
    (
        &["UPDATE ledger_transfers SET pending = 'deal:1:commission' WHERE key = 'withdrawal:w2:rejected'"],
        Rule::Resolutions,
        "withdrawal:w2:rejected",
    ),
];

both_databases!(each_kind_of_damage_is_found_and_named, |db: Db| {
    history(&db);
    sound(&db);
    for (damage, rule, subject) in DAMAGES {
        let findings = found_after(&db, damage);
        assert!(
            findings.iter().any(|finding| finding.rule == *rule && finding.subject.contains(subject)),
            "{damage:?} should break \"{}\" of {subject}; found {findings:#?}",
            rule.as_str()
        );
    }
    sound(&db);
});

#[test]
fn every_rule_is_broken_by_some_damage() {
    let rules = [
        Rule::DebitsEqualCredits,
        Rule::Counters,
        Rule::Accounts,
        Rule::Entries,
        Rule::RunningBalance,
        Rule::BelowZero,
        Rule::Reversals,
        Rule::Resolutions,
    ];
    for rule in rules {
        assert!(DAMAGES.iter().any(|(_, broken, _)| *broken == rule), "{rule:?}");
    }
}

both_databases!(what_the_tables_refuse_can_not_be_written_at_all, |db: Db| {
    history(&db);
    for sql in [
        // Below zero, beyond bounds, resolved twice, a deleted transfer.
        "UPDATE ledger_accounts SET debits_posted = -1",
        "UPDATE ledger_accounts SET credits_posted = 9000000000000000000",
        "UPDATE ledger_transfers SET amount = 0",
        "UPDATE ledger_transfers SET pending = 'withdrawal:w1:hold' WHERE key = 'withdrawal:w2:rejected'",
        "UPDATE ledger_transfers SET may_overdraw = 1 WHERE key = 'withdrawal:w1:hold'",
        "DELETE FROM ledger_transfers WHERE key = 'deal:1:commission'",
    ] {
        let refused = db.write_blocking(move |tx| -> Result<u64, ApplyError> { Ok(tx.exec(sql, &[])?) });
        assert!(refused.is_err(), "{sql}");
    }
    sound(&db);
});
