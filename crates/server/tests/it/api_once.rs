//! What a program asks for twice is done once.

use axum::http::StatusCode;
use domain::clock::DAY;
use serde_json::json;
use store::{Db, both_databases};

use crate::support::Site;

/// How many clients there are.
async fn clients(site: &Site) -> i64 {
    site.read(|tx| tx.one("SELECT COUNT(*) FROM client", &[])?.get(0)).await
}

both_databases!(the_same_key_gives_the_same_answer, async |db: Db| {
    let site = Site::start(db.clone()).await;
    let (crm, other) = (site.program("sales").await, site.program("sales").await);
    let body = json!({"name": "Aurora", "email": "a@example.net"});
    let first = crm.post_once("k1", "/clients", body.clone()).await;
    let made = first.expect(StatusCode::CREATED);
    assert!(!first.replayed());
    let again = crm.post_once("k1", "/clients", body.clone()).await;
    assert_eq!(again.expect(StatusCode::CREATED), made);
    assert!(again.replayed());
    // Another order of the fields is the same body; another value, or another address, is not.
    let turned = json!({"email": "a@example.net", "name": "Aurora"});
    assert!(crm.post_once("k1", "/clients", turned).await.replayed());
    let changed = json!({"name": "Aurora", "email": "b@example.net"});
    crm.post_once("k1", "/clients", changed)
        .await
        .expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");
    let number = made["number"].as_i64().unwrap();
    crm.post_once("k1", &format!("/clients/{number}/deals"), json!({"title": "More"}))
        .await
        .expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");
    assert_eq!(clients(&site).await, 1);
    // Keys are a token's own.
    let theirs = other.post_once("k1", "/clients", body.clone()).await;
    theirs.expect(StatusCode::CREATED);
    assert!(!theirs.replayed());
    assert_eq!(clients(&site).await, 2);
    // Another server on the same database, or the same one started again.
    let restarted = Site::start(db).await;
    let again = crm.at(&restarted).post_once("k1", "/clients", body).await;
    assert_eq!(again.expect(StatusCode::CREATED), made);
    assert!(again.replayed());
    assert_eq!(clients(&site).await, 2);
});

both_databases!(of_many_at_once_with_one_key_one_is_done, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let client = site.client_of(&partner, "A Client").await;
    let deal = site.deal_of(client).await.number;
    let crm = site.program("sales").await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let crm = crm.clone();
        let path = format!("/deals/{deal}/win");
        running.spawn(async move { crm.post_once("one", &path, json!({"amount": "1000"})).await });
    }
    let (mut done, mut bodies) = (0, Vec::new());
    while let Some(reply) = running.join_next().await {
        let reply = reply.unwrap();
        bodies.push(reply.expect(StatusCode::OK));
        done += i32::from(!reply.replayed());
    }
    assert_eq!(done, 1, "one of them was done, the others were told of it");
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(site.acts(&deal.to_string()).await.iter().filter(|act| act.0 == "deal.won").count(), 1);
    site.verify().await;
});

both_databases!(what_was_refused_can_be_tried_again, async |db: Db| {
    let site = Site::start(db).await;
    let crm = site.program("sales").await;
    let made = crm.post("/clients", json!({"name": "Aurora", "email": "a@example.net"})).await;
    let deal = made.expect(StatusCode::CREATED)["deal"]["number"].as_i64().unwrap();
    let path = format!("/deals/{deal}/lose");
    let lose = || crm.post_once("lose", &path, json!({"reason": "No budget"}));
    crm.post(&format!("/deals/{deal}/win"), json!({"amount": "10"})).await.expect(StatusCode::OK);
    lose().await.expect_problem(StatusCode::CONFLICT, "deal_refused");
    crm.post(&format!("/deals/{deal}/reopen"), json!({"reason": "Mistake"})).await.expect(StatusCode::OK);
    let done = lose().await;
    assert_eq!(done.expect(StatusCode::OK)["status"], "lost");
    assert!(!done.replayed());
});

both_databases!(answers_are_kept_for_thirty_days, async |db: Db| {
    let site = Site::start(db).await;
    let crm = site.program("sales").await;
    let body = json!({"name": "Aurora", "email": "a@example.net"});
    crm.post_once("k", "/clients", body.clone()).await.expect(StatusCode::CREATED);
    site.clock.advance(29 * DAY);
    server::jobs::sweep_once(&site.app).await.unwrap();
    assert!(crm.post_once("k", "/clients", body.clone()).await.replayed());
    site.clock.advance(2 * DAY);
    server::jobs::sweep_once(&site.app).await.unwrap();
    let new = crm.post_once("k", "/clients", body).await;
    new.expect(StatusCode::CREATED);
    assert!(!new.replayed());
    assert_eq!(clients(&site).await, 2);
});
