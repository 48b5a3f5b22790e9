//! Rates, holds, refunds and reopenings, as sales does them.

use axum::http::StatusCode;
use domain::{clock::DAY, money::Money, permission::Role, rate::Rate};
use server::ops;
use store::{Db, both_databases, deals::Commission};

use crate::support::Site;

async fn commission(site: &Site, deal: i64) -> Commission {
    site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap().won.unwrap().commission.unwrap()))
        .await
}

both_databases!(a_deal_is_paid_at_the_rate_reached_before_it, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    for (amount, rate_bp, earned) in
        [("24,999.99", 1000, 250_000), ("0.01", 1000, 0), ("100,000", 1200, 1_200_000), ("10.50", 1500, 158)]
    {
        let deal = site.won(&partner, amount).await;
        let booked = commission(&site, deal).await;
        assert_eq!((booked.rate.basis_points(), booked.amount.minor()), (rate_bp, earned), "{amount}");
    }
    let id = partner.id.clone();
    site.app
        .write(move |tx, env| {
            let by = ops::Actor::server();
            ops::partners::agree_rate(tx, env, &by, &id, Rate::from_basis_points(2000))
        })
        .await
        .unwrap();
    let deal = site.won(&partner, "100").await;
    assert_eq!(commission(&site, deal).await.amount.minor(), 2_000);
    let profit = site.balances(&partner).await.profit;
    assert_eq!(profit.minor(), 250_000 + 1_200_000 + 158 + 2_000);
    site.verify().await;
});

both_databases!(a_refund_takes_the_commission_back_in_proportion, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let deal = site.won(&partner, "1000").await;
    let sales = site.staff(Role::Sales).await;
    let refund = format!("/office/deals/{deal}/refund");
    sales
        .post(&refund, &[("amount", "333.33"), ("reason", "Part was not done")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.available.minor(), 10_000 - 3_333);
    sales
        .post(&refund, &[("amount", "666.68"), ("reason", "x")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    sales.post(&refund, &[("amount", "666.67"), ("reason", "All of it")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.available.minor(), 0);
    assert_eq!(site.balances(&partner).await.profit, Money::ZERO);
    sales
        .post(&refund, &[("amount", "0.01"), ("reason", "x")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    site.verify().await;
});

both_databases!(money_that_was_paid_out_is_netted_off_later, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let deal = site.won(&partner, "6000").await;
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("600", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
    let sales = site.staff(Role::Sales).await;
    let path = format!("/office/deals/{deal}/refund");
    sales.post(&path, &[("amount", "6000"), ("reason", "Cancelled")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.available.minor(), -60_000);
    partner.browser.get("/statistics").await.expect(StatusCode::OK);
    partner.withdraw("500", &wallet, "r2").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    site.won(&partner, "20000").await;
    assert_eq!(site.balances(&partner).await.available.minor(), 140_000);
    site.verify().await;
});

both_databases!(a_commission_waits_for_the_end_of_its_hold, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.hold_days = 14).await;
    let partner = site.partner("Mara").await;
    let (kept, refunded) = (site.won(&partner, "1000").await, site.won(&partner, "500").await);
    let sales = site.staff(Role::Sales).await;
    let path = format!("/office/deals/{refunded}/refund");
    sales.post(&path, &[("amount", "200"), ("reason", "Part")]).await.expect(StatusCode::SEE_OTHER);
    let balances = site.balances(&partner).await;
    assert_eq!((balances.on_hold.minor(), balances.available.minor()), (13_000, 0));
    site.clock.advance(13 * DAY);
    site.app.write(ops::deals::release_due).await.unwrap();
    assert_eq!(site.balances(&partner).await.available.minor(), 0);
    site.clock.advance(DAY);
    site.app.write(ops::deals::release_due).await.unwrap();
    site.app.write(ops::deals::release_due).await.unwrap();
    let balances = site.balances(&partner).await;
    assert_eq!((balances.on_hold.minor(), balances.available.minor()), (0, 13_000));
    assert_eq!(commission(&site, kept).await.available_at, None);
    site.verify().await;
});

both_databases!(a_reopened_deal_gives_its_commission_back_and_can_be_won_again, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let deal = site.won(&partner, "30000").await;
    let sales = site.staff(Role::Sales).await;
    let act = |act: &str| format!("/office/deals/{deal}/{act}");
    sales.post(&act("win"), &[("amount", "1")]).await.expect(StatusCode::CONFLICT);
    sales.post(&act("reopen"), &[("reason", "Wrong amount")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.profit, Money::ZERO);
    sales.post(&act("win"), &[("amount", "20000")]).await.expect(StatusCode::SEE_OTHER);
    // The first winning no longer counts for the tier.
    assert_eq!(commission(&site, deal).await.rate.basis_points(), 1000);
    assert_eq!(site.balances(&partner).await.available.minor(), 200_000);
    sales.post(&act("refund"), &[("amount", "5000"), ("reason", "x")]).await.expect(StatusCode::SEE_OTHER);
    sales.post(&act("reopen"), &[("reason", "Once more")]).await.expect(StatusCode::SEE_OTHER);
    sales.post(&act("lose"), &[("reason", "Gone")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.available.minor(), 0);
    let id = partner.id.clone();
    let totals = site.read(move |tx| Ok(store::partners::by_id(tx, &id)?.unwrap())).await;
    assert_eq!((totals.deals_won, totals.volume), (0, Money::ZERO));
    site.verify().await;
});

both_databases!(a_suspended_partner_earns_and_withdraws_nothing, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "6000").await;
    let wallet = partner.add_wallet(&site).await;
    let client = site.client_of(&partner, "Waiting").await;
    let finance = site.staff(Role::Finance).await;
    let page = format!("/office/partners/{}", partner.id);
    finance
        .post(&format!("{page}/suspend"), &[("reason", "Under review")])
        .await
        .expect(StatusCode::SEE_OTHER);
    let refused = partner.withdraw("500", &wallet, "r1").await;
    assert!(refused.status.is_client_error(), "{}", refused.body);
    refused.expect_text("suspended");
    let deal = site.deal_of(client).await.number;
    let sales = site.staff(Role::Sales).await;
    sales
        .post(&format!("/office/deals/{deal}/win"), &[("amount", "1000")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.profit.minor(), 60_000);
    assert_eq!(site.balances(&partner).await.reserved, Money::ZERO);
    site.verify().await;
});

both_databases!(settings_change_what_comes_and_never_what_was_booked, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let before = site.won(&partner, "1000").await;
    site.set(|programme| {
        let tier = domain::tier::Tier { from: Money::ZERO, rate: Rate::from_basis_points(500).unwrap() };
        programme.tiers = domain::tier::Tiers::new(vec![tier]).unwrap();
    })
    .await;
    let after = site.won(&partner, "1000").await;
    assert_eq!(commission(&site, before).await.amount.minor(), 10_000);
    assert_eq!(commission(&site, after).await.amount.minor(), 5_000);
    site.verify().await;
});

// The example of `docs/money.md`, line by line: when this changes, the page has to.
both_databases!(the_example_in_the_documentation_is_true, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.hold_days = 14).await;
    let partner = site.partner("Mara").await;
    let deal = site.won(&partner, "12400").await;
    let sales = site.staff(Role::Sales).await;
    let refund = format!("/office/deals/{deal}/refund");
    sales
        .post(&refund, &[("amount", "2400"), ("reason", "A smaller scope")])
        .await
        .expect(StatusCode::SEE_OTHER);
    site.clock.advance(14 * DAY);
    site.app.write(ops::deals::release_due).await.unwrap();
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("600", &wallet, "r").await.expect(StatusCode::SEE_OTHER);
    let id = partner.id.clone();
    let withdrawal = site.read(move |tx| Ok(store::withdrawals::by_request(tx, &id, "r")?.unwrap().id)).await;
    let finance = site.staff(Role::Finance).await;
    let pay = format!("/office/withdrawals/{withdrawal}/pay");
    finance.post(&pay, &[("reference", "NW-0081")]).await.expect(StatusCode::SEE_OTHER);
    sales.post(&refund, &[("amount", "1000"), ("reason", "A day less")]).await.expect(StatusCode::SEE_OTHER);

    let currency = site.app.programme().currency;
    let account = domain::ledger::Account::payable(&partner.id, currency);
    let mut lines = site.read(move |tx| store::ledger::statement(tx, &account, None, 100)).await;
    lines.reverse();
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let key = line
                .entry
                .transfer
                .replace(&withdrawal, "<id>")
                .replace(&format!("deal:{deal}"), "deal:2077");
            let phase = line.transfer.phase.as_str();
            let [amount, change, after] = [line.entry.amount, line.change, line.entry.balance_after]
                .map(|amount| currency.format(amount));
            format!("| `{key}` | {phase} | {amount} | {change} | {after} |")
        })
        .collect();
    let page = include_str!("../../../../docs/money.md");
    for line in &lines {
        assert!(page.contains(line.as_str()), "docs/money.md lacks\n{}", lines.join("\n"));
    }
    let told = |line: &&str| line.starts_with("| `deal:") || line.starts_with("| `withdrawal:");
    assert_eq!(lines.len(), page.lines().filter(told).count(), "{}", lines.join("\n"));
    site.verify().await;
});
