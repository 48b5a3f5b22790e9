//! Rulings at the same moment as each other and as everything else that happens to a deal: every cent once.

use std::hash::{BuildHasher, RandomState};

use axum::http::StatusCode;
use domain::{clock::DAY, permission::Role};
use server::ops;
use store::{Db, Options, both_databases, testing};

use crate::{
    attribution_moves::{assign, history, money},
    support::{Browser, Partner, Site},
};

/// What is left of all commissions, whoever has them now.
async fn together(site: &Site, partners: &[&Partner]) -> i64 {
    let mut total = 0;
    for partner in partners {
        let (available, on_hold) = money(site, partner).await;
        total += available + on_hold;
    }
    total
}

/// Everything at once: rulings to two partners, a withdrawal, a refund, a reopening, another deal, another client.
async fn storm(site: &Site, browsers: Vec<Browser>, hold_days: i64) {
    site.set(move |programme| programme.hold_days = hold_days).await;
    let (mara, jonas, ines) =
        (site.partner("Mara").await, site.partner("Jonas").await, site.partner("Ines").await);
    let client = site.client_of(&mara, "Aurora").await;
    let deal = site.deal_of(client).await.number;
    let won = browsers[0].post(&format!("/office/deals/{deal}/win"), &[("amount", "10000")]).await;
    won.expect(StatusCode::SEE_OTHER);
    let wallet = mara.add_wallet(site).await;
    let mut tasks = tokio::task::JoinSet::new();
    for round in 0..8_usize {
        for (index, partner) in [&jonas, &ines, &mara].into_iter().enumerate() {
            let browser = browsers[(round + index) % browsers.len()].clone();
            let code = partner.code.to_string();
            tasks.spawn(async move {
                let fields = [("partner", code.as_str()), ("reason", "Claimed")];
                browser.post(&format!("/office/clients/{client}/attribution"), &fields).await.status
            });
        }
        let browser = browsers[round % browsers.len()].clone();
        tasks.spawn(async move {
            let fields = [("amount", "100"), ("reason", "Part")];
            browser.post(&format!("/office/deals/{deal}/refund"), &fields).await.status
        });
        let browser = browsers[(round + 1) % browsers.len()].clone();
        tasks.spawn(async move {
            let fields = [("title", "Another")];
            browser.post(&format!("/office/clients/{client}/deals"), &fields).await.status
        });
        let (browser, wallet) = (mara.browser.clone(), wallet.clone());
        tasks.spawn(async move {
            let request = format!("r{round}");
            let fields = [("amount", "500"), ("wallet", wallet.as_str()), ("request", request.as_str())];
            browser.post("/withdrawals", &fields).await.status
        });
        if round % 4 == 3 {
            let browser = browsers[round % browsers.len()].clone();
            tasks.spawn(async move {
                let path = format!("/office/deals/{deal}");
                browser.post(&format!("{path}/reopen"), &[("reason", "Wrong")]).await;
                browser.post(&format!("{path}/win"), &[("amount", "10000")]).await.status
            });
        }
        let browser = site.browser();
        let code = mara.code.to_string();
        tasks.spawn(async move {
            browser.get(&format!("/r/{code}")).await;
            browser.post("/contact", &[("name", "Other"), ("email", "o@example.net")]).await.status
        });
    }
    let statuses = tasks.join_all().await;
    assert!(statuses.iter().all(|status| !status.is_server_error()), "{statuses:?}");
    site.verify().await;
    // Whoever has it now has all of it, and nobody else a cent (but for what was requested to be paid).
    let found = site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap())).await;
    let left =
        found.won.and_then(|won| won.commission).map_or(0, |commission| commission.remaining().minor());
    let reserved = site.balances(&mara).await.reserved.minor();
    assert_eq!(together(site, &[&mara, &jonas, &ines]).await + reserved, left);
    // Hold periods end, and then all is one partner's.
    site.clock.advance(40 * DAY);
    site.app.write(ops::deals::release_due).await.unwrap();
    site.verify().await;
}

both_databases!(rulings_and_everything_else_at_once, async |db: Db| {
    let site = Site::start(db).await;
    for hold_days in [0, 14] {
        let browsers = vec![site.staff(Role::Sales).await, site.staff(Role::Admin).await];
        storm(&site, browsers, hold_days).await;
    }
});

#[test]
fn two_servers_on_one_postgresql_move_nothing_twice() {
    let first = testing::postgres();
    let second = Db::open(&first.url, Options { connections: 8, ..testing::options() }).unwrap();
    testing::block_on(async {
        let (one, two) = (Site::start(first.db.clone()).await, Site::start(second.clone()).await);
        let sales = one.staff(Role::Sales).await;
        storm(&one, vec![sales.clone(), sales.at(&two.url)], 0).await;
    });
    second.close();
}

both_databases!(of_many_equal_rulings_one_counts, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let deal = site.won(&mara, "10000").await;
    let client = site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap().client_number)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (sales, code) = (sales.clone(), jonas.code.to_string());
        tasks.spawn(async move {
            let fields = [("partner", code.as_str()), ("reason", "Claimed")];
            sales.post(&format!("/office/clients/{client}/attribution"), &fields).await.status
        });
    }
    let statuses = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    assert_eq!(history(&site, client).await.len(), 2);
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((0, 0), (100_000, 0)));
    site.verify().await;
});

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

// Whatever is done to clients and deals in whatever order: after each act all invariants hold. A failure names the seed.
both_databases!(a_random_life_of_clients_keeps_every_rule, async |db: Db| {
    let seed = std::env::var("GOODWORD_SIMULATION_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("seed {seed}");
    let mut random = Random(seed);
    let site = Site::start(db).await;
    let sales = site.staff(Role::Sales).await;
    let finance = site.staff(Role::Finance).await;
    let partners = [site.partner("Ann").await, site.partner("Bob").await, site.partner("Cid").await];
    let mut clients = Vec::new();
    for partner in &partners {
        clients.push(site.client_of(partner, "Client").await);
    }
    for step in 0..120 {
        let client = clients[random.below(clients.len())];
        let deals = site.read(move |tx| store::deals::of_client(tx, client)).await;
        let deal = deals[random.below(deals.len())].number;
        let partner = &partners[random.below(partners.len())];
        let amount = ["0.03", "99.99", "10000", "31415.92"][random.below(4)];
        let of_deal = |act: &str| format!("/office/deals/{deal}/{act}");
        let of_client = |act: &str| format!("/office/clients/{client}/{act}");
        let of_partner = |act: &str| format!("/office/partners/{}/{act}", partner.id);
        let status = match random.below(14) {
            0..=2 => sales.post(&of_deal("win"), &[("amount", amount)]).await.status,
            3..=6 => assign(&sales, client, partner, "Because").await.status,
            7 => sales.post(&of_client("attribution/none"), &[("reason", "No")]).await.status,
            8 => sales.post(&of_deal("refund"), &[("amount", "33.33"), ("reason", "Part")]).await.status,
            9 => sales.post(&of_deal("reopen"), &[("reason", "Oops")]).await.status,
            10 => sales.post(&of_client("deals"), &[("title", "More")]).await.status,
            11 => {
                let days = [0, 14][random.below(2)];
                site.set(move |programme| programme.hold_days = days).await;
                StatusCode::SEE_OTHER
            }
            12 => {
                site.clock.advance(5 * DAY);
                site.app.write(ops::deals::release_due).await.unwrap();
                StatusCode::SEE_OTHER
            }
            _ => {
                let act = ["suspend", "reinstate"][random.below(2)];
                finance.post(&of_partner(act), &[("reason", "Review")]).await.status
            }
        };
        assert!(!status.is_server_error(), "seed {seed}, step {step}: {status}");
        let findings = site.read(store::verify_projections::verify_all).await;
        assert!(findings.is_empty(), "seed {seed}, step {step}: {findings:#?}");
    }
});
