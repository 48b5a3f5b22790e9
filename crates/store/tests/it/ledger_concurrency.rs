//! Many at once: no money is reserved twice, nothing counts twice, nobody waits for ever.

use domain::commission::{self, Cause};
use domain::ledger::{LedgerError, Outcome, Transfer};
use domain::money::Money;
use domain::withdrawal;
use store::ledger::{self, ApplyError};
use store::testing::{self, block_on};
use store::{Db, DbError, both_databases};
use tokio::task::JoinSet;

use crate::ledger::{NOW, applied, balances, request, sound, winning};

/// Gives all calls at once, taking turns between the handles.
async fn all_at_once(handles: &[Db], calls: Vec<Vec<Transfer>>) -> Vec<Result<Vec<Outcome>, LedgerError>> {
    let mut tasks = JoinSet::new();
    for (index, transfers) in calls.into_iter().enumerate() {
        let db = handles[index % handles.len()].clone();
        tasks.spawn(async move { db.write(move |tx| ledger::apply(tx, NOW, &transfers)).await });
    }
    let results = tasks.join_all().await;
    results.into_iter().map(crate::ledger::refusal::<Vec<Outcome>>).collect()
}

fn count<T>(
    results: &[Result<Vec<Outcome>, LedgerError>],
    pick: impl Fn(&Result<Vec<Outcome>, LedgerError>) -> T,
) -> usize
where
    T: Into<bool>,
{
    results.iter().filter(|result| pick(result).into()).count()
}

fn is_applied(result: &Result<Vec<Outcome>, LedgerError>) -> bool {
    *result == Ok(vec![Outcome::Applied])
}

/// 1,000 available; each of the hundred asks for 30.
async fn hundred_requests(handles: &[Db]) {
    applied(&handles[0], &[commission::book(&winning(1, "ann", 10_000, 0)).unwrap()]);
    let calls = (0..100).map(|number| vec![withdrawal::hold(&request(&format!("w{number}"), "ann", 30))]);
    let results = all_at_once(handles, calls.collect()).await;
    assert_eq!(count(&results, is_applied), 33);
    let short = |result: &Result<_, _>| matches!(result, Err(LedgerError::InsufficientFunds { .. }));
    assert_eq!(count(&results, short), 67);
    let now = balances(&handles[0], "ann");
    assert_eq!((now.available, now.reserved), (Money::from_minor(10), Money::from_minor(990)));
    sound(&handles[0]);
}

both_databases!(a_hundred_requests_for_one_balance, async |db: Db| hundred_requests(&[db]).await);

#[test]
fn a_hundred_requests_through_two_servers() {
    let test = testing::postgres();
    let second = Db::open(&test.url, testing::options()).unwrap();
    block_on(hundred_requests(&[test.db.clone(), second.clone()]));
    second.close();
}

/// The same event fifty times: it counts once, and everybody is told so.
async fn one_event_many_times(handles: &[Db]) {
    let booking = commission::book(&winning(1, "ann", 10_000, 0)).unwrap();
    let results = all_at_once(handles, vec![vec![booking]; 50]).await;
    assert_eq!(count(&results, is_applied), 1);
    assert_eq!(count(&results, |result| *result == Ok(vec![Outcome::Exists])), 49);
    let hold = withdrawal::hold(&request("w1", "ann", 600));
    let results = all_at_once(handles, vec![vec![hold]; 50]).await;
    assert_eq!(count(&results, is_applied), 1);
    assert_eq!(count(&results, |result| *result == Ok(vec![Outcome::Exists])), 49);
    assert_eq!(balances(&handles[0], "ann").available, Money::from_minor(400));
    sound(&handles[0]);
}

both_databases!(the_same_request_many_times, async |db: Db| one_event_many_times(&[db]).await);

#[test]
fn the_same_request_through_two_servers() {
    let test = testing::postgres();
    let second = Db::open(&test.url, testing::options()).unwrap();
    block_on(one_event_many_times(&[test.db.clone(), second.clone()]));
    second.close();
}

both_databases!(paid_and_rejected_at_once, async |db: Db| {
    let db = [db];
    applied(&db[0], &[commission::book(&winning(1, "ann", 10_000, 0)).unwrap()]);
    for round in 0..10 {
        let id = format!("w{round}");
        let asked = request(&id, "ann", 10);
        applied(&db[0], &[withdrawal::hold(&asked)]);
        let calls = vec![vec![withdrawal::pay(&asked)], vec![withdrawal::reject(&asked, "no")]];
        let results = all_at_once(&db, calls).await;
        assert_eq!(count(&results, is_applied), 1);
        let late = |result: &Result<_, _>| matches!(result, Err(LedgerError::AlreadyResolved { .. }));
        assert_eq!(count(&results, late), 1);
    }
    let now = balances(&db[0], "ann");
    assert_eq!(now.available + now.paid, Money::from_minor(1_000));
    sound(&db[0]);
});

both_databases!(taken_back_many_times_at_once, async |db: Db| {
    let db = [db];
    let booking = commission::book(&winning(1, "ann", 10_000, 0)).unwrap();
    applied(&db[0], std::slice::from_ref(&booking));
    let standing = db[0].read::<_, _, DbError>(|tx| ledger::standing(tx, 1, 1)).await.unwrap().unwrap();
    let whole = commission::reverse(&standing, Cause::Reopening).remove(0);
    let part = |number: i64| Transfer {
        key: format!("deal:1:refund:{number}"),
        amount: Money::from_minor(60),
        ..whole.clone()
    };
    let results = all_at_once(&db, (0..40).map(|number| vec![part(number)]).collect()).await;
    // 1,000 holds sixteen parts of 60.
    assert_eq!(count(&results, is_applied), 16);
    let too_much = |result: &Result<_, _>| matches!(result, Err(LedgerError::ReversalTooLarge { .. }));
    assert_eq!(count(&results, too_much), 24);
    assert_eq!(balances(&db[0], "ann").available, Money::from_minor(40));
    sound(&db[0]);
});

both_databases!(many_partners_in_any_order, async |db: Db| {
    let db = [db];
    let partners = ["ann", "bob", "cid", "dan"];
    let mut calls = Vec::new();
    for number in 0..60_usize {
        // Each call touches three partners, begun at another one, some backwards.
        let mut call: Vec<Transfer> = (0..3)
            .map(|step| {
                let partner = partners[(number + step) % partners.len()];
                let deal = i64::try_from(number * 10 + step).unwrap() + 1;
                commission::book(&winning(deal, partner, 1_000, 0)).unwrap()
            })
            .collect();
        if number % 2 == 1 {
            call.reverse();
        }
        calls.push(call);
    }
    let results = all_at_once(&db, calls).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let total: Money = partners.iter().map(|partner| balances(&db[0], partner).available).sum();
    assert_eq!(total, Money::from_minor(60 * 3 * 100));
    sound(&db[0]);
});

both_databases!(a_dropped_request_is_whole_or_not_there, async |db: Db| {
    applied(&db, &[commission::book(&winning(1, "ann", 100_000, 0)).unwrap()]);
    // Callers that stop waiting at any point: whatever became of each, the ledger is whole.
    let mut tasks = JoinSet::new();
    for number in 0..40_u64 {
        let db = db.clone();
        tasks.spawn(async move {
            let hold = withdrawal::hold(&request(&format!("w{number}"), "ann", 10));
            let write = db.write(move |tx| -> Result<_, ApplyError> {
                ledger::apply(tx, NOW, std::slice::from_ref(&hold))
            });
            let limit = std::time::Duration::from_micros(number * 100);
            tokio::time::timeout(limit, write).await.is_ok_and(|result| result.is_ok())
        });
    }
    let answered = tasks.join_all().await.into_iter().filter(|saved| *saved).count();
    // Queued behind everything above on SQLite; PostgreSQL's last units may still be running.
    db.ping(std::time::Duration::from_secs(5)).await.unwrap();
    sound(&db);
    let reserved = balances(&db, "ann").reserved.minor() / 10;
    assert!(usize::try_from(reserved).unwrap() >= answered, "{reserved} reserved, {answered} answered");
});
