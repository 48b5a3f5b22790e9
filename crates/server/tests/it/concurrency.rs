//! The same money asked for at the same moment.

use axum::http::StatusCode;
use store::{Db, Options, both_databases, testing};

use crate::{
    attribution::futures,
    support::{Browser, Partner, Site},
};

/// How many of 100 requests for $500 each succeed.
async fn storm(browsers: Vec<Browser>, wallet: String) -> usize {
    let tasks: Vec<_> = (0..100)
        .map(|index| {
            let browser = browsers[index % browsers.len()].clone();
            let wallet = wallet.clone();
            tokio::spawn(async move {
                let request = format!("request-{index}");
                let fields =
                    [("amount", "500.00"), ("wallet", wallet.as_str()), ("request", request.as_str())];
                browser.post("/withdrawals", &fields).await
            })
        })
        .collect();
    let mut succeeded = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status {
            StatusCode::SEE_OTHER => succeeded += 1,
            StatusCode::UNPROCESSABLE_ENTITY => {}
            status => panic!("{status}: {}", answer.body),
        }
    }
    succeeded
}

/// Commission of $3,700 makes room for exactly seven times $500.
async fn with_balance(site: &Site) -> (Partner, String) {
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    site.won(&partner, "17000").await;
    let wallet = partner.add_wallet(site).await;
    (partner, wallet)
}

async fn seven_and_no_more(site: &Site, partner: &Partner, succeeded: usize) {
    let balances = site.balances(partner).await;
    assert_eq!(succeeded, 7);
    assert_eq!((balances.available.minor(), balances.reserved.minor()), (20_000, 350_000));
    site.verify().await;
}

both_databases!(a_hundred_requests_get_what_the_balance_covers, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_balance(&site).await;
    let succeeded = storm(vec![partner.browser.clone()], wallet).await;
    seven_and_no_more(&site, &partner, succeeded).await;
});

#[test]
fn two_servers_on_one_postgresql_reserve_nothing_twice() {
    let first = testing::postgres();
    let second = Db::open(&first.url, Options { connections: 8, ..testing::options() }).unwrap();
    testing::block_on(async {
        let (one, two) = (Site::start(first.db.clone()).await, Site::start(second.clone()).await);
        let (partner, wallet) = with_balance(&one).await;
        let elsewhere = partner.browser.at(&two.url);
        let succeeded = storm(vec![partner.browser.clone(), elsewhere], wallet).await;
        seven_and_no_more(&two, &partner, succeeded).await;
    });
    second.close();
}

both_databases!(a_form_sent_many_times_is_one_withdrawal, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_balance(&site).await;
    let sent = futures(30, || {
        let (browser, wallet) = (partner.browser.clone(), wallet.clone());
        async move {
            let fields = [("amount", "500"), ("wallet", wallet.as_str()), ("request", "one")];
            browser.post("/withdrawals", &fields).await.status
        }
    })
    .await;
    assert!(sent.iter().all(|status| *status == StatusCode::SEE_OTHER), "{sent:?}");
    assert_eq!(site.balances(&partner).await.reserved.minor(), 50_000);
    site.verify().await;
});

both_databases!(of_two_decisions_at_once_one_counts, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_balance(&site).await;
    partner.withdraw("500", &wallet, "one").await.expect(StatusCode::SEE_OTHER);
    let finance = site.staff(domain::permission::Role::Finance).await;
    let queue = finance.get("/office/withdrawals").await;
    let id = queue.body.split("/office/withdrawals/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let tasks: Vec<_> = (0..20)
        .map(|index| {
            let (finance, id) = (finance.clone(), id.clone());
            tokio::spawn(async move {
                let (act, field) = if index % 2 == 0 { ("pay", "reference") } else { ("reject", "reason") };
                finance.post(&format!("/office/withdrawals/{id}/{act}"), &[(field, "decided")]).await.status
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        let status = task.await.unwrap();
        assert!(matches!(status, StatusCode::SEE_OTHER | StatusCode::CONFLICT), "{status}");
        accepted += usize::from(status == StatusCode::SEE_OTHER);
    }
    assert_eq!(accepted, 1);
    site.verify().await;
});
