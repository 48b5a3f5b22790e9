//! What repeats the ledger agrees with it, and `verify` names what does not.

use domain::adjustment::{self, Adjustment};
use domain::commission::{self, Cause, Winning};
use domain::ledger::{Transfer, TransferCode};
use domain::money::Money;
use domain::rate::Rate;
use domain::withdrawal;
use store::ledger;
use store::ledger_verify::{Finding, Rule};
use store::verify_projections::{verify_all, verify_projections};
use store::{Db, DbError, Tx, both_databases};

use crate::ledger::{NOW, USD, applied, request, sound};

fn sql(db: &Db, statements: &'static [&'static str]) {
    let unit = move |tx: &mut Tx<'_>| {
        for sql in statements {
            assert_eq!(tx.exec(sql, &[])?, 1, "{sql}");
        }
        Ok::<_, DbError>(())
    };
    db.write_blocking(unit).unwrap();
}

fn findings(db: &Db) -> Vec<Finding> {
    db.read_blocking::<_, _, DbError>(verify_all).unwrap()
}

fn win(db: &Db, deal: i64, round: i64, amount: i64, hold_days: i64) {
    let rate = Rate::from_basis_points(1_250).unwrap();
    let amount = Money::from_minor(amount);
    let partner = "ann";
    let won = Winning { deal, round, partner, currency: USD, amount, rate, won_at: NOW, hold_days };
    applied(db, commission::book(&won).as_slice());
}

fn take_back(db: &Db, deal: i64, round: i64, cause: Cause) {
    let standing = db.read_blocking::<_, _, DbError>(move |tx| ledger::standing(tx, deal, round)).unwrap();
    applied(db, &commission::reverse(&standing.unwrap(), cause));
}

/// Deals and withdrawals in every state, as the office's tables and the ledger know them.
fn programme(db: &Db) {
    sql(
        db,
        &[
            "INSERT INTO programme (id, name, currency, site_url, support_email, support_telegram,
                minimum_withdrawal, hold_days, window_days, link_rule, version)
             VALUES (1, 'P', 'USD', '', '', '', 50000, 0, 90, 'last', 1)",
            "INSERT INTO account (id, kind, name, email, email_key, created_at)
             VALUES ('ann', 'partner', 'Ann', 'ann@example.org', 'ann@example.org', 0)",
            "INSERT INTO account (id, kind, name, email, email_key, created_at)
             VALUES ('bob', 'partner', 'Bob', 'bob@example.org', 'bob@example.org', 0)",
            "INSERT INTO partner (id, code, search) VALUES ('ann', 'A', 'ann')",
            "INSERT INTO partner (id, code, search) VALUES ('bob', 'B', 'bob')",
            "INSERT INTO wallet (id, partner_id, kind, label, address, created_at, changed_at)
             VALUES ('wallet', 'ann', 'other', '', '', 0, 0)",
            "INSERT INTO client (number, name, email, phone, telegram, message, partner_id, created_at, search)
             VALUES (1001, 'C', '', '', '', '', 'ann', 0, 'c')",
            "INSERT INTO client (number, name, email, phone, telegram, message, created_at, search)
             VALUES (1002, 'D', '', '', '', '', 0, 'd')",
            "INSERT INTO attribution (id, client_number, at, partner_id, method)
             VALUES ('a1', 1001, 0, 'bob', 'link')",
            "INSERT INTO attribution (id, client_number, at, partner_id, method, reason)
             VALUES ('a2', 1001, 1, 'ann', 'staff', 'why')",
        ],
    );
    // Won, partly refunded, on hold, won again after a reopening, reopened, lost, suspended, nobody's, too small.
    win(db, 1, 1, 1_000_000, 0);
    win(db, 2, 1, 333_333, 0);
    let refund = |number, total| Cause::Refund {
        number,
        deal_amount: Money::from_minor(333_333),
        refunded_total: Money::from_minor(total),
    };
    take_back(db, 2, 1, refund(1, 100_000));
    take_back(db, 2, 1, refund(2, 150_000));
    win(db, 3, 1, 200_000, 14);
    win(db, 4, 1, 500_000, 0);
    take_back(db, 4, 1, Cause::Reopening);
    win(db, 4, 2, 600_000, 0);
    win(db, 5, 1, 500_000, 14);
    take_back(db, 5, 1, Cause::Reopening);
    sql(
        db,
        &[
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                won_at, amount, refunded, rate_bp, commission, commission_reversed, commission_reason, client_search)
             VALUES (1, 1001, '', 'won', 'ann', 0, 0, 1, 0, 1000000, 0, 1250, 125000, 0, 'why', '')",
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                won_at, amount, refunded, rate_bp, commission, commission_reversed, commission_reason, client_search)
             VALUES (2, 1001, '', 'won', 'ann', 0, 0, 1, 0, 333333, 150000, 1250, 41667, 18750, 'why', '')",
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                won_at, amount, rate_bp, commission, available_at, commission_reason, client_search)
             VALUES (3, 1001, '', 'won', 'ann', 0, 0, 1, 0, 200000, 1250, 25000, 1796631000000000, 'why', '')",
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                won_at, amount, rate_bp, commission, commission_reason, client_search)
             VALUES (4, 1001, '', 'won', 'ann', 0, 0, 2, 0, 600000, 1250, 75000, 'why', '')",
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                client_search)
             VALUES (5, 1001, '', 'pending', 'ann', 0, 0, 1, '')",
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                client_search)
             VALUES (6, 1001, '', 'lost', 'ann', 0, 0, 0, '')",
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                won_at, amount, commission_reason, client_search)
             VALUES (7, 1001, '', 'won', 'ann', 0, 0, 1, 0, 9000, 'Suspended.', '')",
            "INSERT INTO deal (number, client_number, title, status, created_at, changed_at, win_round,
                won_at, amount, commission_reason, client_search)
             VALUES (8, 1002, '', 'won', 0, 0, 1, 0, 9000, 'Nobody''s.', '')",
            "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, win_round,
                won_at, amount, rate_bp, commission, commission_reason, client_search)
             VALUES (9, 1001, '', 'won', 'ann', 0, 0, 1, 0, 3, 1250, 0, 'why', '')",
            "INSERT INTO partner_totals (partner_id, clients, deals_won, volume)
             VALUES ('ann', 1, 5, 1983336)",
            "INSERT INTO partner_totals (partner_id, clients, deals_won, volume) VALUES ('bob', 0, 0, 0)",
        ],
    );
    let asked = |id| request(id, "ann", 10_000);
    for id in ["w1", "w2", "w3", "w4"] {
        applied(db, &[withdrawal::hold(&asked(id))]);
    }
    applied(db, &[withdrawal::pay(&asked("w2"))]);
    applied(db, &[withdrawal::reject(&asked("w3"), "no")]);
    applied(db, &[withdrawal::pay(&asked("w4"))]);
    applied(db, &[withdrawal::came_back(&asked("w4"), "closed")]);
    sql(
        db,
        &[
            "INSERT INTO withdrawal (id, partner_id, request, amount, status, requested_at, wallet_id, wallet_kind,
                wallet_label, wallet_address)
             VALUES ('w1', 'ann', '1', 10000, 'pending', 0, 'wallet', 'other', '', '')",
            "INSERT INTO withdrawal (id, partner_id, request, amount, status, requested_at, wallet_id, wallet_kind,
                wallet_label, wallet_address, two_people, payable_from, decided_at, decided_by, reference)
             VALUES ('w2', 'ann', '2', 10000, 'paid', 0, 'wallet', 'other', '', '', 1, 5, 5, 'bob', 'R')",
            "INSERT INTO withdrawal (id, partner_id, request, amount, status, requested_at, wallet_id, wallet_kind,
                wallet_label, wallet_address)
             VALUES ('w3', 'ann', '3', 10000, 'rejected', 0, 'wallet', 'other', '', '')",
            "INSERT INTO withdrawal (id, partner_id, request, amount, status, requested_at, wallet_id, wallet_kind,
                wallet_label, wallet_address, reference, returned_at)
             VALUES ('w4', 'ann', '4', 10000, 'rejected', 0, 'wallet', 'other', '', '', 'R', 9)",
        ],
    );
    desk(db);
}

/// What the desk knows: w2 was approved by somebody else and paid in a batch; a bonus is booked, another proposed.
fn desk(db: &Db) {
    let amount = Money::from_minor(-500);
    let code = TransferCode::Correction;
    let booked = Adjustment { id: "j1", partner: "ann", currency: USD, amount, code, reason: "why" };
    applied(db, adjustment::book(&booked).as_slice());
    sql(
        db,
        &[
            "INSERT INTO withdrawal_approval (withdrawal_id, by_id, at, note, amount, wallet_address)
             VALUES ('w2', 'ann', 1, '', 10000, '')",
            "INSERT INTO payout_batch (id, made_at, made_by, status) VALUES ('b1', 0, 'ann', 'paid')",
            "INSERT INTO payout_line (batch_id, withdrawal_id, status) VALUES ('b1', 'w2', 'paid')",
            "INSERT INTO payout_line (batch_id, withdrawal_id, status) VALUES ('b1', 'w3', 'off')",
            "INSERT INTO adjustment (id, request, partner_id, amount, kind, reason, status, proposed_at, proposed_by,
                decided_at, decided_by, two_people)
             VALUES ('j1', '1', 'ann', -500, 'correction', 'why', 'booked', 0, 'ann', 1, 'bob', 1)",
            "INSERT INTO adjustment (id, request, partner_id, amount, kind, reason, status, proposed_at, proposed_by,
                two_people)
             VALUES ('j2', '2', 'ann', 500, 'bonus', 'why', 'proposed', 0, 'ann', 1)",
        ],
    );
}

/// What is changed, the rule that this breaks, and the subject of the finding.
const DAMAGES: &[(&str, Rule, &str)] = &[
    ("UPDATE withdrawal SET status = 'paid' WHERE id = 'w1'", Rule::Withdrawals, "withdrawal w1"),
    ("UPDATE withdrawal SET status = 'pending' WHERE id = 'w2'", Rule::Withdrawals, "withdrawal w2"),
    ("UPDATE withdrawal SET status = 'paid' WHERE id = 'w3'", Rule::Withdrawals, "withdrawal w3"),
    ("UPDATE withdrawal SET status = 'paid' WHERE id = 'w4'", Rule::Withdrawals, "withdrawal w4"),
    ("UPDATE withdrawal SET amount = 10001 WHERE id = 'w2'", Rule::Withdrawals, "withdrawal w2"),
    ("UPDATE withdrawal SET partner_id = 'bob' WHERE id = 'w1'", Rule::Withdrawals, "withdrawal w1"),
    ("UPDATE withdrawal SET id = 'w9' WHERE id = 'w1'", Rule::Withdrawals, "withdrawal w9"),
    ("UPDATE withdrawal SET returned_at = 9 WHERE id = 'w3'", Rule::Withdrawals, "withdrawal w3"),
    ("UPDATE withdrawal SET returned_at = NULL WHERE id = 'w4'", Rule::Withdrawals, "withdrawal w4"),
    ("DELETE FROM withdrawal WHERE id = 'w1'", Rule::Withdrawals, "withdrawal:w1:hold"),
    ("DELETE FROM withdrawal_approval", Rule::Desk, "withdrawal w2"),
    ("UPDATE withdrawal_approval SET by_id = 'bob'", Rule::Desk, "withdrawal w2"),
    ("UPDATE withdrawal_approval SET amount = 9999", Rule::Desk, "withdrawal w2"),
    ("UPDATE withdrawal_approval SET wallet_address = 'x'", Rule::Desk, "withdrawal w2"),
    ("UPDATE withdrawal SET payable_from = 6 WHERE id = 'w2'", Rule::Desk, "withdrawal w2"),
    ("UPDATE withdrawal SET reference = NULL WHERE id = 'w2'", Rule::Desk, "batch b1"),
    ("UPDATE payout_batch SET status = 'dissolved'", Rule::Desk, "batch b1"),
    ("UPDATE payout_line SET status = 'open' WHERE withdrawal_id = 'w2'", Rule::Desk, "batch b1"),
    ("UPDATE payout_line SET status = 'paid' WHERE withdrawal_id = 'w3'", Rule::Desk, "batch b1"),
    ("UPDATE adjustment SET amount = -501 WHERE id = 'j1'", Rule::Adjustments, "adjustment j1"),
    ("UPDATE adjustment SET amount = 500 WHERE id = 'j1'", Rule::Adjustments, "adjustment j1"),
    ("UPDATE adjustment SET kind = 'bonus' WHERE id = 'j1'", Rule::Adjustments, "adjustment j1"),
    ("UPDATE adjustment SET partner_id = 'bob' WHERE id = 'j1'", Rule::Adjustments, "adjustment j1"),
    ("UPDATE adjustment SET status = 'declined' WHERE id = 'j1'", Rule::Adjustments, "adjustment j1"),
    ("UPDATE adjustment SET decided_by = 'ann' WHERE id = 'j1'", Rule::Adjustments, "adjustment j1"),
    ("UPDATE adjustment SET status = 'booked' WHERE id = 'j2'", Rule::Adjustments, "adjustment j2"),
    ("DELETE FROM adjustment WHERE id = 'j1'", Rule::Adjustments, "adjustment:j1"),
    ("UPDATE deal SET status = 'pending' WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET commission = 125001 WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET commission_reversed = 1 WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET amount = 2000000 WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET rate_bp = 1000 WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET partner_id = 'bob' WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET win_round = 2 WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET refunded = 150001 WHERE number = 2", Rule::PartnerTotals, "partner ann"),
    ("UPDATE deal SET refunded = 0 WHERE number = 2", Rule::Commissions, "T-2"),
    ("UPDATE deal SET available_at = NULL WHERE number = 3", Rule::Commissions, "T-3"),
    ("UPDATE deal SET available_at = 5 WHERE number = 3", Rule::Commissions, "T-3"),
    ("UPDATE deal SET available_at = 5 WHERE number = 1", Rule::Commissions, "T-1"),
    ("UPDATE deal SET win_round = 1 WHERE number = 4", Rule::Commissions, "T-4"),
    (
        "UPDATE deal SET status = 'won', amount = 500000, rate_bp = 1250, commission = 62500 WHERE number = 5",
        Rule::Commissions,
        "T-5",
    ),
    ("UPDATE deal SET commission_reason = '' WHERE number = 7", Rule::Commissions, "T-7"),
    ("DELETE FROM deal WHERE number = 3", Rule::Commissions, "T-3"),
    (
        "UPDATE partner_totals SET volume = volume + 1 WHERE partner_id = 'ann'",
        Rule::PartnerTotals,
        "partner ann",
    ),
    ("UPDATE partner_totals SET deals_won = 9 WHERE partner_id = 'ann'", Rule::PartnerTotals, "partner ann"),
    ("UPDATE partner_totals SET clients = 1 WHERE partner_id = 'bob'", Rule::PartnerTotals, "partner bob"),
    ("UPDATE deal SET partner_id = 'bob' WHERE number = 6", Rule::Attribution, "T-6"),
    ("UPDATE deal SET partner_id = 'ann' WHERE number = 8", Rule::Attribution, "T-8"),
    ("UPDATE client SET partner_id = 'bob' WHERE number = 1001", Rule::Attribution, "C-1001"),
    ("UPDATE attribution SET partner_id = NULL WHERE id = 'a2'", Rule::Attribution, "C-1001"),
];

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

both_databases!(each_disagreement_is_found_and_named, |db: Db| {
    programme(&db);
    sound(&db);
    assert_eq!(findings(&db), []);
    for (damage, rule, subject) in DAMAGES {
        let undone = db.write_blocking(move |tx| -> Result<(), Undo> {
            assert_eq!(tx.exec(damage, &[])?, 1, "{damage}");
            Err(Undo::Found(verify_projections(tx)?))
        });
        let findings = match undone {
            Err(Undo::Found(findings)) => findings,
            Err(Undo::Db(error)) => panic!("{damage}: {error}"),
            Ok(()) => unreachable!("the unit never ends well"),
        };
        assert!(
            findings.iter().any(|finding| finding.rule == *rule && finding.subject == *subject),
            "{damage} should break \"{}\" of {subject}; found {findings:#?}",
            rule.as_str()
        );
    }
    assert_eq!(findings(&db), []);
});

both_databases!(what_is_booked_behind_the_office_is_found, |db: Db| {
    programme(&db);
    let again = |deal, key: &str| {
        let transfers = db.read_blocking::<_, _, DbError>(move |tx| ledger::of_deal(tx, deal)).unwrap();
        Transfer { key: key.to_owned(), ..transfers[0].clone() }
    };
    // A second commission for the same winning, at once and on hold: the books balance, the deal does not.
    applied(&db, &[again(1, "deal:1:commission:again")]);
    applied(&db, &[again(3, "deal:3:commission:again")]);
    applied(&db, &[withdrawal::hold(&request("nobody's", "ann", 100))]);
    sound(&db);
    let found = findings(&db);
    for (rule, subject) in [
        (Rule::Commissions, "T-1"),
        (Rule::Commissions, "T-3"),
        (Rule::Withdrawals, "withdrawal:nobody's:hold"),
    ] {
        assert!(found.iter().any(|finding| finding.rule == rule && finding.subject == subject), "{found:#?}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
});
