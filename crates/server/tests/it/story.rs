//! The whole story over HTTP: partner, client, sales, finance; the ledger proves every cent.

use axum::http::StatusCode;
use domain::permission::Role;
use store::{Db, both_databases};

use crate::support::Site;

both_databases!(from_sign_up_to_a_paid_withdrawal, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara Lindqvist").await;
    let client = site.client_of(&partner, "Aurora Ceramics").await;

    // Sales finds the client by name and wins the deal.
    let sales = site.staff(Role::Sales).await;
    let found = sales.get("/office/clients?q=aurora").await.expect(StatusCode::OK);
    found.expect_text(&format!("/office/clients/{client}"));
    let deal = site.deal_of(client).await.number;
    sales.get(&format!("/office/clients/{client}")).await.expect_text(&format!("/office/deals/{deal}"));
    let won = sales.post(&format!("/office/deals/{deal}/win"), &[("amount", "12,400.00")]).await;
    assert!(won.expect(StatusCode::SEE_OTHER).location().starts_with(&format!("/office/deals/{deal}")));

    // The partner sees client, amount, profit and balance.
    let statistics = partner.browser.get("/statistics").await.expect(StatusCode::OK);
    for text in [&format!("C-{client}"), "Aurora Ceramics", "12,400.00", "1,240.00", "Closed successfully"] {
        statistics.expect_text(text);
    }
    let clients = partner.browser.get("/statistics/clients.csv").await.expect(StatusCode::OK);
    clients.expect_text(&format!("C-{client}"));

    // The partner adds a wallet and asks to be paid.
    let wallet = partner.add_wallet(&site).await;
    partner
        .withdraw("499.99", &wallet, "r0")
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("499.99");
    partner.withdraw("1240.01", &wallet, "r1").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let asked = partner.withdraw("500", &wallet, "r2").await.expect(StatusCode::SEE_OTHER);
    assert!(asked.location().starts_with("/statistics"));
    partner.withdraw("500", &wallet, "r2").await.expect(StatusCode::SEE_OTHER);
    partner.withdraw("600", &wallet, "r2").await.expect(StatusCode::CONFLICT);
    let balances = site.balances(&partner).await;
    assert_eq!((balances.available.minor(), balances.reserved.minor()), (74_000, 50_000));

    // Finance pays.
    let finance = site.staff(Role::Finance).await;
    let queue = finance.get("/office/withdrawals").await.expect(StatusCode::OK);
    let id = queue.body.split("/office/withdrawals/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = finance.get(&format!("/office/withdrawals/{id}")).await.expect(StatusCode::OK);
    page.expect_text("pay@example.com");
    finance
        .post(&format!("/office/withdrawals/{id}/pay"), &[("reference", "")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    finance
        .post(&format!("/office/withdrawals/{id}/pay"), &[("reference", "TX-77")])
        .await
        .expect(StatusCode::SEE_OTHER);
    finance
        .post(&format!("/office/withdrawals/{id}/pay"), &[("reference", "TX-78")])
        .await
        .expect(StatusCode::CONFLICT);
    finance
        .post(&format!("/office/withdrawals/{id}/reject"), &[("reason", "late")])
        .await
        .expect(StatusCode::CONFLICT);

    let statistics = partner.browser.get("/statistics").await.expect(StatusCode::OK);
    statistics.expect_text("TX-77");
    statistics.expect_text("740.00");
    partner.browser.get("/statistics/withdrawals.csv").await.expect(StatusCode::OK).expect_text("TX-77");
    partner.browser.get("/statistics/entries").await.expect(StatusCode::OK).expect_text(&format!("T-{deal}"));
    let balances = site.balances(&partner).await;
    assert_eq!(
        (
            balances.available.minor(),
            balances.reserved.minor(),
            balances.paid.minor(),
            balances.profit.minor()
        ),
        (74_000, 0, 50_000, 124_000)
    );
    site.verify().await;
});

both_databases!(a_rejected_withdrawal_is_available_again, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "6000").await;
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("600", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
    let finance = site.staff(Role::Finance).await;
    let queue = finance.get("/office/withdrawals").await;
    let id = queue.body.split("/office/withdrawals/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    finance
        .post(&format!("/office/withdrawals/{id}/reject"), &[("reason", "The address is closed")])
        .await
        .expect(StatusCode::SEE_OTHER);
    partner.browser.get("/statistics").await.expect_text("The address is closed");
    assert_eq!(site.balances(&partner).await.available.minor(), 60_000);
    partner.withdraw("600", &wallet, "r2").await.expect(StatusCode::SEE_OTHER);
    site.verify().await;
});

both_databases!(a_changed_wallet_never_redirects_money_already_requested, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "6000").await;
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("500", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
    let change = [
        ("wallet[0].id", wallet.as_str()),
        ("wallet[0].kind", "paypal"),
        ("wallet[0].label", "New"),
        ("wallet[0].address", "other@example.com"),
        ("password", crate::support::PASSWORD),
    ];
    partner.browser.post("/wallets", &change).await.expect(StatusCode::SEE_OTHER);
    let finance = site.staff(Role::Finance).await;
    let queue = finance.get("/office/withdrawals").await;
    let id = queue.body.split("/office/withdrawals/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = finance.get(&format!("/office/withdrawals/{id}")).await;
    page.expect_text("pay@example.com");
});
