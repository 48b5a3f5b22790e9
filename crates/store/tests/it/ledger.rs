//! The ledger on both databases: the table of operations, and what partners and jobs read from it.

use domain::clock::Timestamp;
use domain::commission::{self, Winning};
use domain::ledger::table::{Act, Step, TABLE, parse};
use domain::ledger::{Account, Entry, LedgerError, Outcome, Transfer};
use domain::money::{Currency, Money};
use domain::rate::Rate;
use domain::withdrawal::{self, Request};
use store::ledger::{self, ApplyError, Balances, Lines};
use store::{Db, DbError, both_databases, ledger_verify};

pub const NOW: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);
pub const USD: Currency = Currency::USD;

pub fn apply(db: &Db, transfers: &[Transfer]) -> Result<Vec<Outcome>, LedgerError> {
    let transfers = transfers.to_vec();
    refusal(db.write_blocking(move |tx| ledger::apply(tx, NOW, &transfers)))
}

pub fn refusal<T>(result: Result<T, ApplyError>) -> Result<T, LedgerError> {
    result.map_err(|error| match error {
        ApplyError::Refused(refusal) => refusal,
        ApplyError::Db(error) => panic!("{error}"),
    })
}

pub fn applied(db: &Db, transfers: &[Transfer]) {
    assert_eq!(apply(db, transfers), Ok(vec![Outcome::Applied; transfers.len()]), "{transfers:?}");
}

/// Every test that moves money ends here.
pub fn sound(db: &Db) {
    let findings = db.read_blocking::<_, _, DbError>(ledger_verify::verify).unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
}

pub fn winning(deal: i64, partner: &str, amount: i64, hold_days: i64) -> Winning<'_> {
    let rate = Rate::from_basis_points(1_000).unwrap();
    let amount = Money::from_minor(amount);
    Winning { deal, round: 1, partner, currency: USD, amount, rate, won_at: NOW, hold_days }
}

pub fn request<'a>(id: &'a str, partner: &'a str, amount: i64) -> Request<'a> {
    Request { id, partner, currency: USD, amount: Money::from_minor(amount) }
}

pub fn balances(db: &Db, partner: &str) -> Balances {
    let partner = partner.to_owned();
    db.read_blocking::<_, _, DbError>(move |tx| ledger::balances(tx, &partner, USD)).unwrap()
}

pub fn entries(db: &Db, account: &Account) -> Vec<Entry> {
    let account = account.clone();
    let lines =
        db.read_blocking::<_, _, DbError>(move |tx| ledger::statement(tx, &account, None, i64::MAX)).unwrap();
    lines.into_iter().rev().map(|line| line.entry).collect()
}

both_databases!(the_ledger_answers_as_the_table_says, |db: Db| {
    for Step { line, act } in parse(TABLE) {
        match act {
            Act::Apply(transfers, expected) => {
                let said = match apply(&db, &transfers) {
                    Ok(outcomes) => outcomes.iter().map(|outcome| outcome.word()).collect(),
                    Err(error) => vec![error.word()],
                };
                let mut expected: Vec<&str> = expected.split_whitespace().collect();
                if expected == ["applied"] {
                    expected = vec!["applied"; said.len()];
                }
                assert_eq!(said, expected, "line {line}");
            }
            Act::Balance(account, expected) => {
                let normal = account.kind.normal_side();
                let counters =
                    db.read_blocking::<_, _, DbError>(move |tx| ledger::counters(tx, &account)).unwrap();
                let said = [counters.balance(normal), counters.credits_pending, counters.debits_pending];
                assert_eq!(said, expected, "line {line}");
            }
            Act::Entries(account, expected) => {
                let said: Vec<Money> =
                    entries(&db, &account).into_iter().map(|entry| entry.balance_after).collect();
                assert_eq!(said, expected, "line {line}");
            }
        }
    }
    sound(&db);
});

both_databases!(balances_follow_the_money, |db: Db| {
    assert_eq!(balances(&db, "ann"), Balances::default());
    let money = Money::from_minor;
    applied(&db, &[commission::book(&winning(1, "ann", 1_000_000, 0)).unwrap()]);
    applied(&db, &[commission::book(&winning(2, "ann", 50_000, 14)).unwrap()]);
    applied(&db, &[withdrawal::hold(&request("w1", "ann", 60_000))]);
    let expected = Balances {
        on_hold: money(5_000),
        available: money(40_000),
        reserved: money(60_000),
        paid: money(0),
        profit: money(100_000),
    };
    assert_eq!(balances(&db, "ann"), expected);
    applied(&db, &[withdrawal::pay(&request("w1", "ann", 60_000))]);
    let standing = db.read_blocking::<_, _, DbError>(|tx| ledger::standing(tx, 1, 1)).unwrap().unwrap();
    applied(&db, &commission::reverse(&standing, commission::Cause::Reopening));
    let expected = Balances {
        available: money(-60_000),
        reserved: money(0),
        paid: money(60_000),
        profit: money(0),
        ..expected
    };
    assert_eq!(balances(&db, "ann"), expected);
    applied(&db, &[withdrawal::came_back(&request("w1", "ann", 60_000), "account closed")]);
    assert_eq!(balances(&db, "ann"), Balances { available: money(0), paid: money(0), ..expected });
    sound(&db);
});

both_databases!(a_statement_is_paged_newest_first, |db: Db| {
    for deal in 1..=7 {
        applied(&db, &[commission::book(&winning(deal, "ann", 1_000 * deal, 0)).unwrap()]);
    }
    applied(&db, &[withdrawal::hold(&request("w1", "ann", 500))]);
    applied(&db, &[withdrawal::reject(&request("w1", "ann", 500), "wrong address")]);
    let account = Account::payable("ann", USD);
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let account = account.clone();
        let page =
            db.read_blocking::<_, _, DbError>(move |tx| ledger::statement(tx, &account, before, 4)).unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 4);
        before = Some(last.entry.seq);
        seen.extend(page);
    }
    assert_eq!(seen.iter().map(|line| line.entry.seq).collect::<Vec<_>>(), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(seen[0].transfer.reason.as_deref(), Some("wrong address"));
    assert_eq!(seen[0].at, NOW);
    assert_eq!((seen[0].change, seen[1].change), (Money::from_minor(500), Money::from_minor(-500)));
    // Each line's change leads from the balance below it to its own.
    for pair in seen.windows(2) {
        assert_eq!(pair[0].entry.balance_after - pair[1].entry.balance_after, pair[0].change);
    }
    sound(&db);
});

/// What the lines of a statement are about, as the operations would have written it: deals of ann's, of which the first
/// one's hold period is over, and a withdrawal.
const ABOUT: [&str; 5] = [
    "INSERT INTO account (id, kind, name, email, email_key, created_at) VALUES ('ann', 'partner', 'Ann', '', '', 0)",
    "INSERT INTO partner (id, code, search) VALUES ('ann', 'x', '')",
    "INSERT INTO client (number, name, email, phone, telegram, message, created_at, search)
     VALUES (1, '', '', '', '', '', 0, '')",
    "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at, available_at, client_search)
     VALUES (1, 1, '', 'won', 'ann', 0, 0, NULL, ''), (2, 1, '', 'won', 'ann', 0, 0, 9, ''),
            (11, 1, '', 'won', 'ann', 0, 0, 9, '')",
    "INSERT INTO wallet (id, partner_id, kind, label, address, created_at, changed_at)
     VALUES ('w', 'ann', 'other', '', '', 0, 0)",
];
const WITHDRAWAL: &str =
    "INSERT INTO withdrawal (id, partner_id, request, amount, status, requested_at, wallet_id,
        wallet_kind, wallet_label, wallet_address)
     VALUES ('w1', 'ann', '', 60, 'pending', 0, 'w', 'other', '', '')";

both_databases!(a_statement_tells_some_lines_alone, |db: Db| {
    db.write_blocking::<_, _, DbError>(|tx| {
        for sql in ABOUT.into_iter().chain([WITHDRAWAL]) {
            tx.exec(sql, &[])?;
        }
        Ok(())
    })
    .unwrap();
    for deal in [1, 2, 11] {
        applied(&db, &[commission::book(&winning(deal, "ann", 1_000 * deal, 14)).unwrap()]);
    }
    let standing = db.read_blocking::<_, _, DbError>(|tx| ledger::standing(tx, 1, 1)).unwrap().unwrap();
    applied(&db, &[commission::release(&standing).unwrap()]);
    applied(&db, &[withdrawal::hold(&request("w1", "ann", 60))]);
    let keys = |lines: Lines, before: Option<i64>| -> Vec<String> {
        let account = Account::payable("ann", USD);
        let found = db
            .read_blocking::<_, _, DbError>(move |tx| ledger::statement_of(tx, &account, lines, before, 10))
            .unwrap();
        found.into_iter().map(|line| line.entry.transfer).collect()
    };
    let [one, two, eleven] = ["deal:1:commission", "deal:2:commission", "deal:11:commission"];
    let (released, held) = ("deal:1:commission:release", "withdrawal:w1:hold");
    assert_eq!(keys(Lines::All, None), [held, released, eleven, two, one]);
    assert_eq!(keys(Lines::Deals, None), [released, eleven, two, one]);
    assert_eq!(keys(Lines::Deals, Some(4)), [eleven, two, one]);
    assert_eq!(keys(Lines::Deal(1), None), [released, one]);
    assert_eq!(keys(Lines::Deal(7), None), [""; 0]);
    // What is released is no longer on hold, and a reserved withdrawal never was.
    assert_eq!(keys(Lines::OnHold, None), [eleven, two]);
    assert_eq!(keys(Lines::Withdrawals, None), [held]);
});

both_databases!(a_refusal_can_not_be_swallowed, |db: Db| {
    applied(&db, &[commission::book(&winning(1, "ann", 10_000, 0)).unwrap()]);
    let swallowed = db.write_blocking(|tx| -> Result<(), DbError> {
        let refused = ledger::apply(tx, NOW, &[withdrawal::hold(&request("w1", "ann", 1_001))]);
        assert!(matches!(refused, Err(ApplyError::Refused(LedgerError::InsufficientFunds { .. }))));
        Ok(())
    });
    assert!(matches!(swallowed, Err(DbError::Doomed(_))), "{swallowed:?}");
    let left = db.read_blocking::<_, _, DbError>(|tx| ledger::by_key(tx, "withdrawal:w1:hold")).unwrap();
    assert_eq!(left, None);
    sound(&db);
});

both_databases!(a_transfer_reads_back_as_it_was_given, |db: Db| {
    let transfer = Transfer {
        reason: Some("it's \"quoted\", ünïcode, 🙂".into()),
        ..commission::book(&winning(1, "ann", 10_000, 14)).unwrap()
    };
    applied(&db, std::slice::from_ref(&transfer));
    let read = db.read_blocking::<_, _, DbError>(|tx| ledger::by_key(tx, "deal:1:commission")).unwrap();
    assert_eq!(read, Some(transfer));
    sound(&db);
});
