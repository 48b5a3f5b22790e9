//! Other systems that are told what happens here: real requests to a real receiver.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::{
    clock::{DAY, HOUR, SECOND},
    permission::Role,
    retry::TRIES,
    text::Line,
    webhook::{HookEvent, HookEvents},
};
use serde_json::{Value, json};
use server::{
    config::Settings,
    ops::{
        self, Actor,
        webhooks::{Given, HookError},
    },
    webhooks::worker,
};
use store::{
    Db, DbError, both_databases,
    webhook_deliveries::{self, Delivery, DeliveryStatus, Try},
    webhooks::{HookKind, Outline, Webhook},
};

use crate::{receiver::Receiver, support::Site};

const MINUTE: i64 = 60 * SECOND;

async fn start(db: Db) -> Site {
    let settings = Settings { rate_limit: Some(0), webhooks_private: Some(true), ..Settings::default() };
    Site::start_with(db, settings).await
}

fn given(url: &str, events: HookEvents) -> Given {
    Given {
        name: Line::parse("Warehouse").unwrap(),
        url: url.to_owned(),
        events,
        outline: Outline::default(),
    }
}

fn every() -> HookEvents {
    HookEvent::ALL.iter().copied().fold(HookEvents::NONE, HookEvents::with)
}

/// Adds a receiver; returns its identifier and secret.
async fn add(site: &Site, url: &str, events: HookEvents) -> (String, String) {
    let given = given(url, events);
    let (id, secret) = site
        .app
        .write(move |tx, env| ops::webhooks::add(tx, env, &Actor::server(), HookKind::Standard, &given))
        .await
        .unwrap();
    site.app.reload_programme().await.unwrap();
    (id, secret.unwrap())
}

async fn hook(site: &Site, id: &str) -> Webhook {
    let id = id.to_owned();
    site.read(move |tx| Ok(store::webhooks::by_id(tx, &id)?.unwrap())).await
}

async fn deliveries(site: &Site, id: &str) -> Vec<Delivery> {
    let id = id.to_owned();
    site.read(move |tx| webhook_deliveries::list(tx, &id, None, None, 100)).await
}

async fn tries(site: &Site, delivery: &Delivery) -> Vec<Try> {
    let id = delivery.id.clone();
    let tries = site.read(move |tx| webhook_deliveries::tries(tx, &id, 100)).await;
    tries.into_iter().map(|(_, made)| made).collect()
}

async fn send_again(site: &Site, id: &str) -> Result<(), HookError> {
    let id = id.to_owned();
    site.app.write(move |tx, env| ops::webhooks::send_again(tx, env, &Actor::server(), &id)).await
}

/// Writes a delivery that means nothing.
async fn test(site: &Site, id: &str) -> String {
    let id = id.to_owned();
    site.app.write(move |tx, env| ops::webhooks::test(tx, env, &Actor::server(), &id)).await.unwrap()
}

both_databases!(every_event_is_told_with_the_shapes_of_the_interface, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (_, secret) = add(&site, &receiver.url, every()).await;
    site.set(|programme| programme.hold_days = 3).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let wallet = mara.add_wallet(&site).await;
    let sales = site.staff(Role::Sales).await;
    let finance = site.staff(Role::Finance).await;
    let see_other = StatusCode::SEE_OTHER;
    let won = site.won(&mara, "12,400.00").await;
    let lost = site.client_of(&mara, "Lost Client").await;
    let lost = site.deal_of(lost).await.number;
    sales.post(&format!("/office/deals/{lost}/lose"), &[("reason", "Too dear")]).await.expect(see_other);
    let refund = [("amount", "400"), ("reason", "Late")];
    sales.post(&format!("/office/deals/{won}/refund"), &refund).await.expect(see_other);
    site.clock.advance(4 * DAY);
    assert_eq!(site.app.write(ops::deals::release_due).await.unwrap(), 1);
    for (request, act, field) in [("r1", "pay", "reference"), ("r2", "reject", "reason")] {
        let id = mara.requested(&site, "550", &wallet, request).await;
        finance.post(&format!("/office/withdrawals/{id}/{act}"), &[(field, "X-1")]).await.expect(see_other);
    }
    let client = site.client_of(&mara, "Moving Client").await;
    let to = [("partner", &*jonas.code.to_string()), ("reason", "He brought them")];
    sales.post(&format!("/office/clients/{client}/attribution"), &to).await.expect(see_other);

    worker::run_once(&site.app).await;
    let mut hits = receiver.take();
    // Several are on their way at once; their identifiers tell what came first.
    hits.sort_by_key(|hit| hit.header("webhook-id").to_owned());
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for hit in &hits {
        assert!(hit.is_signed_by(&secret));
        assert_eq!(hit.header("content-type"), "application/json");
        let body = hit.json();
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
        told.entry(hit.event()).or_default().push(body["data"].clone());
    }
    let counts: BTreeMap<&str, usize> = told.iter().map(|(event, all)| (event.as_str(), all.len())).collect();
    let expected: BTreeMap<&str, usize> = [
        ("client.attributed", 4),
        ("client.created", 3),
        ("commission.available", 1),
        ("deal.lost", 1),
        ("deal.refunded", 1),
        ("deal.won", 1),
        ("partner.created", 2),
        ("withdrawal.paid", 1),
        ("withdrawal.rejected", 1),
        ("withdrawal.requested", 2),
    ]
    .into();
    assert_eq!(counts, expected);
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let only = |event: &str| told[event][0].clone();
    let data = only("deal.won");
    assert_eq!((&data["number"], &data["status"]), (&json!(won), &json!("won")));
    assert_eq!(data["won"]["amount"], usd("12400.00"));
    assert_eq!(data["won"]["commission"]["amount"], usd("1240.00"));
    assert_eq!(data["partner"], json!(mara.id));
    assert_eq!(only("deal.lost")["lost_reason"], "Too dear");
    let data = only("deal.refunded");
    assert_eq!(data["refund"], json!({"amount": usd("400.00"), "reason": "Late"}));
    assert_eq!(data["won"]["refunded"], usd("400.00"));
    let data = only("commission.available");
    assert_eq!((&data["number"], &data["available"]), (&json!(won), &usd("1200.00")));
    assert_eq!(data["won"]["commission"]["available_at"], Value::Null);
    let data = only("client.created");
    assert_eq!((&data["name"], &data["deal"]["number"]), (&json!("A Client"), &json!(won)));
    assert_eq!(only("withdrawal.paid")["reference"], "X-1");
    assert_eq!(only("withdrawal.rejected")["reason"], "X-1");
    let data = only("withdrawal.requested");
    assert_eq!((&data["amount"], &data["status"]), (&usd("550.00"), &json!("pending")));
    assert_ne!(data["wallet"]["address"], "pay@example.com", "where money goes is masked");
    let moved =
        told["client.attributed"].iter().find(|data| data["partner"] == json!(jonas.id)).expect("the ruling");
    assert_eq!(moved["attribution"]["previous_partner"], json!(mara.id));
    assert_eq!(moved["attribution"]["reason"], "He brought them");
    assert_eq!(only("partner.created")["name"], "Mara");
    // Nothing is told twice.
    assert_eq!(worker::run_once(&site.app).await, 0);
});

both_databases!(a_commission_without_hold_is_available_at_once, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    add(&site, &receiver.url, HookEvents::NONE.with(HookEvent::CommissionAvailable)).await;
    let mara = site.partner("Mara").await;
    site.won(&mara, "1000").await;
    worker::run_once(&site.app).await;
    let hits = receiver.take();
    assert_eq!(hits.len(), 1, "and nothing that was not asked for");
    assert_eq!(hits[0].json()["data"]["available"]["amount"], "100.00");
});

both_databases!(what_is_rolled_back_tells_nothing, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (id, _) = add(&site, &receiver.url, every()).await;
    let mara = site.partner("Mara").await;
    let deal = site.deal_of(site.client_of(&mara, "A Client").await).await.number;
    worker::run_once(&site.app).await;
    receiver.take();
    let before = deliveries(&site, &id).await.len();
    let failed: Result<(), ops::deals::DealError> = site
        .app
        .write(move |tx, env| {
            ops::deals::win(tx, env, &Actor::server(), deal, domain::money::Money::from_minor(100_000))?;
            Err(DbError::Busy.into())
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(deliveries(&site, &id).await.len(), before);
    assert_eq!(worker::run_once(&site.app).await, 0);
});

both_databases!(nothing_is_written_where_nobody_wants_it, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (id, _) = add(&site, &receiver.url, every()).await;
    let off = id.clone();
    site.app
        .write(move |tx, env| ops::webhooks::switch(tx, env, &Actor::server(), &off, false))
        .await
        .unwrap();
    site.app.reload_programme().await.unwrap();
    assert!(site.app.programme().hook_events.is_empty());
    let mara = site.partner("Mara").await;
    site.won(&mara, "1000").await;
    assert!(deliveries(&site, &id).await.is_empty());
});

both_databases!(two_secrets_sign_while_one_follows_the_other, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (id, old) = add(&site, &receiver.url, every()).await;
    let rotate = async || {
        let id = id.clone();
        site.app
            .write(move |tx, env| ops::webhooks::rotate(tx, env, &Actor::server(), &id, 24))
            .await
            .unwrap()
    };
    let new = rotate().await;
    test(&site, &id).await;
    worker::run_once(&site.app).await;
    let hit = receiver.take().remove(0);
    assert!(hit.is_signed_by(&old) && hit.is_signed_by(&new));
    assert_eq!(hit.header("webhook-signature").split(' ').count(), 2);
    site.clock.advance(24 * HOUR);
    test(&site, &id).await;
    worker::run_once(&site.app).await;
    let hit = receiver.take().remove(0);
    assert!(!hit.is_signed_by(&old) && hit.is_signed_by(&new));
    // A third one ends the first at once: two sign, never three.
    let (third, fourth) = (rotate().await, rotate().await);
    test(&site, &id).await;
    worker::run_once(&site.app).await;
    let hit = receiver.take().remove(0);
    assert!(!hit.is_signed_by(&new) && hit.is_signed_by(&third) && hit.is_signed_by(&fourth));
});

both_databases!(what_fails_is_tried_for_a_day_and_then_given_up, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (id, _) = add(&site, &receiver.url, every()).await;
    receiver.always(500);
    receiver.next(503, &[("retry-after", "3600")], "busy \u{0} now");
    let delivery = test(&site, &id).await;
    let began = site.app.clock.now();
    let mut pauses = Vec::new();
    for number in 1..=TRIES {
        assert_eq!(worker::run_once(&site.app).await, 1, "try {number}");
        let now = deliveries(&site, &id).await.remove(0);
        assert_eq!((now.attempts, now.id.as_str()), (number, delivery.as_str()));
        if number < TRIES {
            assert_eq!(now.status, DeliveryStatus::Waiting);
            assert_eq!(worker::run_once(&site.app).await, 0, "not before its time");
            let pause = now.next_at.since(site.app.clock.now());
            pauses.push(pause);
            site.clock.advance(pause + SECOND);
        }
    }
    assert!(pauses[0] > 59 * MINUTE, "it asked to be left alone for an hour");
    // Between the try and the look at the clock some time goes by.
    assert!(pauses[1..].is_sorted_by(|a, b| *a <= b + 30 * SECOND), "{pauses:?}");
    let took = site.app.clock.now().since(began);
    assert!((18 * HOUR..30 * HOUR).contains(&took), "{} h", took / HOUR);
    let given_up = deliveries(&site, &id).await.remove(0);
    assert_eq!(given_up.status, DeliveryStatus::Parked);
    site.clock.advance(2 * DAY);
    assert_eq!(worker::run_once(&site.app).await, 0);
    let hits = receiver.take();
    assert_eq!(hits.len(), usize::try_from(TRIES).unwrap());
    assert!(hits.iter().all(|hit| hit.header("webhook-id") == delivery));
    let all = tries(&site, &given_up).await;
    assert_eq!(all.len(), hits.len());
    let first = all.last().unwrap();
    assert_eq!((first.status, first.answer.as_str()), (Some(503), "busy \u{fffd} now"));
    assert_eq!(first.error, "It answered 503.");
    // Somebody has mended it and has it sent again.
    receiver.always(200);
    send_again(&site, &delivery).await.unwrap();
    assert_eq!(worker::run_once(&site.app).await, 1);
    assert_eq!(receiver.take()[0].header("webhook-id"), delivery);
    let done = deliveries(&site, &id).await.remove(0);
    assert_eq!((done.status, done.tries), (DeliveryStatus::Done, TRIES + 1));
    assert_eq!(hook(&site, &id).await.given_up, 0);
});

both_databases!(a_place_that_takes_nothing_is_switched_off_and_admins_are_told, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    site.staff(Role::Admin).await;
    site.staff(Role::Sales).await;
    let (id, _) = add(&site, &receiver.url, every()).await;
    receiver.always(500);
    for _ in 0..3 {
        test(&site, &id).await;
    }
    while worker::run_once(&site.app).await > 0 {
        site.clock.advance(12 * HOUR);
    }
    let off = hook(&site, &id).await;
    assert!(!off.active && off.off_why.contains("3 deliveries in a row"), "{off:?}");
    assert!(site.app.programme().hook_events.is_empty(), "this server knows at once");
    let told: Vec<_> =
        site.letters().await.into_iter().filter(|(notice, ..)| notice == "office_webhook").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1.starts_with("admin") && told[0].2.contains(&format!("/office/webhooks/{id}")));
    let acts = site.acts(&id).await;
    assert_eq!(
        acts.last().map(|act| (act.0.as_str(), act.1.as_str())),
        Some(("webhook.switched_off", "The server"))
    );
    let parked = deliveries(&site, &id).await.remove(0);
    assert!(matches!(send_again(&site, &parked.id).await, Err(HookError::Off)));
    // Switched on again it counts anew.
    let on = id.clone();
    site.app.write(move |tx, env| ops::webhooks::switch(tx, env, &Actor::server(), &on, true)).await.unwrap();
    let on = hook(&site, &id).await;
    assert!(on.active && on.off_why.is_empty() && on.given_up == 0);
});

both_databases!(gone_switches_off_and_redirects_are_not_followed, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let elsewhere = Receiver::start().await;
    let (id, _) = add(&site, &receiver.url, every()).await;
    receiver.next(307, &[("location", &elsewhere.url)], "");
    test(&site, &id).await;
    worker::run_once(&site.app).await;
    assert!(elsewhere.take().is_empty());
    let delivery = deliveries(&site, &id).await.remove(0);
    assert!(delivery.last_error.contains("redirects are not followed"), "{}", delivery.last_error);
    receiver.next(410, &[], "");
    site.clock.advance(HOUR);
    worker::run_once(&site.app).await;
    let off = hook(&site, &id).await;
    assert!(!off.active && off.off_why.contains("410"), "{off:?}");
    assert_eq!(deliveries(&site, &id).await.remove(0).status, DeliveryStatus::Parked);
});

both_databases!(private_addresses_are_refused_when_they_are_looked_up, async |db: Db| {
    let site = Site::start_with(db, Settings { rate_limit: Some(0), ..Settings::default() }).await;
    let receiver = Receiver::start().await;
    // A name is resolved to this machine only when it is asked for; the others say it themselves.
    let urls = [
        format!("http://127.0.0.1:{}/x", receiver.port),
        format!("http://[::ffff:127.0.0.1]:{}/x", receiver.port),
        format!("http://localhost:{}/x", receiver.port),
    ];
    for url in &urls {
        let (id, _) = add(&site, url, every()).await;
        test(&site, &id).await;
        worker::run_once(&site.app).await;
        let delivery = deliveries(&site, &id).await.remove(0);
        assert!(delivery.last_error.contains("private network"), "{url}: {}", delivery.last_error);
        assert_eq!(delivery.status, DeliveryStatus::Waiting, "the operator may allow it within the day");
    }
    assert!(receiver.take().is_empty());
});

both_databases!(two_servers_make_each_delivery_once, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (id, _) = add(&site, &receiver.url, every()).await;
    let mut all = Vec::new();
    for _ in 0..12 {
        all.push(test(&site, &id).await);
    }
    let config =
        server::config::Config::new(Settings { webhooks_private: Some(true), ..Settings::default() });
    let second = server::app::App::new(
        config.unwrap(),
        site.url.clone(),
        site.app.db.clone(),
        site.clock.clone(),
        std::sync::Arc::new(server::real::SystemIds),
    );
    let second = second.await.unwrap();
    let (a, b) = tokio::join!(worker::run_once(&site.app), worker::run_once(&second));
    assert_eq!(a + b, 12);
    let mut came: Vec<String> =
        receiver.take().iter().map(|hit| hit.header("webhook-id").to_owned()).collect();
    came.sort();
    all.sort();
    assert_eq!(came, all);
});

both_databases!(a_server_that_dies_at_it_leaves_it_to_another, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (id, _) = add(&site, &receiver.url, every()).await;
    let delivery = test(&site, &id).await;
    receiver.hold(true);
    let app = site.app.clone();
    let dying = tokio::spawn(async move { worker::run_once(&app).await });
    receiver.wait_for(1).await;
    assert!(matches!(send_again(&site, &delivery).await, Err(HookError::UnderWay)));
    dying.abort();
    _ = dying.await;
    receiver.hold(false);
    assert_eq!(worker::run_once(&site.app).await, 0, "it is believed to be at work");
    site.clock.advance(10 * MINUTE);
    assert_eq!(worker::run_once(&site.app).await, 1);
    let hits = receiver.take();
    assert_eq!(hits.len(), 2);
    assert!(hits.iter().all(|hit| hit.header("webhook-id") == delivery));
});

both_databases!(old_deliveries_are_deleted, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let (id, _) = add(&site, &receiver.url, every()).await;
    test(&site, &id).await;
    worker::run_once(&site.app).await;
    site.clock.advance(29 * DAY);
    test(&site, &id).await;
    assert_eq!(site.app.write(ops::webhooks::sweep).await.unwrap(), 0);
    site.clock.advance(2 * DAY);
    assert_eq!(site.app.write(ops::webhooks::sweep).await.unwrap(), 1);
    assert_eq!(deliveries(&site, &id).await.len(), 1);
});

both_databases!(an_admin_adds_turns_and_mends_a_webhook_by_the_pages, async |db: Db| {
    let (site, receiver) = (start(db).await, Receiver::start().await);
    let admin = site.staff(Role::Admin).await;
    let refused = admin.post("/office/webhooks", &[("name", "Books"), ("url", "books.example")]).await;
    let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("value=\"books.example\"");
    refused.expect_text("Choose at least one.");
    let fields = [("name", "Books"), ("url", receiver.url.as_str()), ("event_deal_won", "1")];
    let made = admin.post("/office/webhooks", &fields).await.expect(StatusCode::CREATED);
    let secret = secret_in(&made.body);
    let list = admin.get("/office/webhooks").await.expect(StatusCode::OK);
    assert!(!list.body.contains(&secret), "it is shown once");
    let id = site.read(|tx| Ok(store::webhooks::all(tx)?.remove(0).id)).await;
    let page = format!("/office/webhooks/{id}");

    // The event that was chosen comes, and no other.
    let mara = site.partner("Mara").await;
    let deal = site.won(&mara, "1000").await;
    receiver.next(500, &[], "not <yet>");
    worker::run_once(&site.app).await;
    let hits = receiver.take();
    assert_eq!(hits.iter().map(|hit| hit.event()).collect::<Vec<_>>(), ["deal.won"]);
    let log = admin.get(&format!("{page}?status=waiting")).await.expect(StatusCode::OK);
    log.expect_text(&format!("T-{deal}"));
    log.expect_text("It answered 500.");
    admin.get(&format!("{page}?status=done")).await.expect(StatusCode::OK).expect_text("No such delivery");
    let delivery = format!("/office/webhooks/deliveries/{}", hits[0].header("webhook-id"));
    admin.get(&delivery).await.expect(StatusCode::OK).expect_text("not &#60;yet&#62;");
    admin.post(&format!("{delivery}/send"), &[]).await.expect(StatusCode::SEE_OTHER);
    worker::run_once(&site.app).await;
    assert_eq!(receiver.take()[0].header("webhook-id"), hits[0].header("webhook-id"));
    let shown = admin.get(&delivery).await.expect(StatusCode::OK);
    shown.expect_text("Try 2");
    shown.expect_text(hits[0].header("webhook-signature"));

    // Another secret, a test, off, on.
    let refused = admin.post(&format!("{page}/secret"), &[("hours", "999")]).await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("from 0 to 168");
    let made = admin.post(&format!("{page}/secret"), &[("hours", "2")]).await.expect(StatusCode::CREATED);
    let second = secret_in(&made.body);
    made.expect_text("goes on signing until");
    let tested = admin.post(&format!("{page}/test"), &[]).await.expect(StatusCode::SEE_OTHER);
    assert!(tested.location().starts_with("/office/webhooks/deliveries/"));
    worker::run_once(&site.app).await;
    let hit = receiver.take().remove(0);
    assert!(hit.event() == "webhook.test" && hit.is_signed_by(&secret) && hit.is_signed_by(&second));
    admin.post(&format!("{page}/off"), &[]).await.expect(StatusCode::SEE_OTHER);
    admin.post(&format!("{page}/off"), &[]).await.expect(StatusCode::CONFLICT);
    admin.post(&format!("{page}/test"), &[]).await.expect(StatusCode::CONFLICT).expect_text("switched off");
    admin.post(&format!("{delivery}/send"), &[]).await.expect(StatusCode::CONFLICT);
    admin.post(&format!("{page}/on"), &[]).await.expect(StatusCode::SEE_OTHER);
    let fields = [("name", "Books 2"), ("url", receiver.url.as_str()), ("event_deal_lost", "1")];
    admin.post(&format!("{page}/change"), &fields).await.expect(StatusCode::SEE_OTHER);
    site.won(&mara, "1000").await;
    assert_eq!(worker::run_once(&site.app).await, 0);
    admin.post(&format!("{page}/remove"), &[]).await.expect(StatusCode::SEE_OTHER);
    admin.get(&page).await.expect(StatusCode::NOT_FOUND);
    admin.get(&delivery).await.expect(StatusCode::NOT_FOUND);

    let acts: Vec<String> = site.acts(&id).await.into_iter().map(|act| act.0).collect();
    let expected = [
        "webhook.added",
        "webhook.sent_again",
        "webhook.secret_made",
        "webhook.tested",
        "webhook.switched_off",
        "webhook.switched_on",
        "webhook.changed",
        "webhook.removed",
    ];
    assert_eq!(acts, expected);
    let written = format!("{:?}", site.acts(&id).await);
    assert!(!written.contains(&secret) && !written.contains(&second) && !written.contains("/hooks"));
});

/// The secret that a page shows.
fn secret_in(page: &str) -> String {
    let from = page.find("whsec_").expect("a secret");
    // A page writes some signs as numbers.
    let end = page[from..].find('<').expect("the end of it");
    page[from..from + end].replace("&#43;", "+").replace("&#61;", "=")
}
