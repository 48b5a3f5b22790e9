//! Every address of the programming interface, with what it does and what it refuses.

use axum::http::StatusCode;
use domain::{money::Money, permission::Role};
use serde_json::{Value, json};
use server::ops::Actor;
use store::{Db, both_databases};

use crate::{programs::Program, support::Site};

const UNKNOWN: &str = "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d";

fn money(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

both_databases!(a_programme_run_by_programs, async |db: Db| {
    let site = Site::start(db).await;
    let all = site.program("admin").await;
    let made = all.post("/partners", json!({"name": "Mara Voss", "email": "Mara@example.com"})).await;
    let partner = made.expect(StatusCode::CREATED);
    let (id, code) = (partner["id"].as_str().unwrap(), partner["code"].as_str().unwrap());
    assert_eq!(partner["status"], "active");
    assert_eq!(partner["link"], format!("{}/r/{code}", site.url));
    assert_eq!(partner["balances"]["available"], money("0.00"));
    assert!(site.letters().await.iter().any(|(_, to, text)| to == "Mara@example.com" && text.contains(code)));

    let client = json!({
        "name": "Aurora Ltd", "email": "office@aurora.example", "code": code, "external_id": "crm-1"
    });
    let entered = all.post("/clients", client).await.expect(StatusCode::CREATED);
    assert_eq!((&entered["partner"], &entered["external_id"]), (&json!(id), &json!("crm-1")));
    let (number, deal) = (entered["number"].as_i64().unwrap(), entered["deal"]["number"].as_i64().unwrap());
    let amount = json!({"amount": money("12400.00")});
    let won = all.post(&format!("/deals/{deal}/win"), amount).await.expect(StatusCode::OK);
    assert_eq!(won["status"], "won");
    assert_eq!(won["won"]["amount"], money("12400.00"));
    assert_eq!(won["won"]["commission"]["amount"], money("1240.00"));

    let statement = all.get(&format!("/partners/{id}/statement")).await.expect(StatusCode::OK);
    assert_eq!(statement["items"][0]["subject_id"], deal.to_string());
    assert_eq!(statement["items"][0]["amount"], money("1240.00"));
    let found = all.get("/partners?email=mara@EXAMPLE.com").await.expect(StatusCode::OK);
    assert_eq!(found["items"][0]["id"], id);
    assert_eq!(found["items"][0]["totals"]["volume"], money("12400.00"));
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let read = all.get(&format!("/clients/{number}")).await.expect(StatusCode::OK);
    assert_eq!(read["deals"][0]["number"], deal);
    let stats = all.get("/stats").await.expect(StatusCode::OK);
    assert_eq!((&stats["partners"], &stats["deals_won"]), (&json!(1), &json!(1)));
    let events = all.get("/events?limit=1").await.expect(StatusCode::OK);
    assert_eq!(
        (&events["items"][0]["act"], &events["items"][0]["actor"]),
        (&json!("deal.won"), &json!("The CRM"))
    );
    assert!(events["next"].is_string());

    let refunded = all
        .post(&format!("/deals/{deal}/refund"), json!({"amount": "2400", "reason": "One item came back"}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(refunded["won"]["refunded"], money("2400.00"));
    assert_eq!(refunded["won"]["commission"]["reversed"], money("240.00"));
    all.post(&format!("/deals/{deal}/reopen"), json!({"reason": "Mistake"})).await.expect(StatusCode::OK);
    let lost = all.post(&format!("/deals/{deal}/lose"), json!({"reason": "No budget"})).await;
    assert_eq!(lost.expect(StatusCode::OK)["lost_reason"], "No budget");
    site.verify().await;
});

both_databases!(partners_are_added_and_changed, async |db: Db| {
    let site = Site::start(db).await;
    let (crm, mara) = (site.program("admin").await, site.partner("Mara").await);
    let email = crm.get(&format!("/partners/{}", mara.id)).await.expect(StatusCode::OK)["email"].clone();
    crm.post("/partners", json!({"name": "Again", "email": email}))
        .await
        .expect_problem(StatusCode::CONFLICT, "email_taken");
    crm.post("/partners", json!({"name": "", "email": "x@example.com"})).await.expect_field("name");
    crm.post("/partners", json!({"name": "Jo", "email": "x@"})).await.expect_field("email");
    crm.get(&format!("/partners/{UNKNOWN}")).await.expect_problem(StatusCode::NOT_FOUND, "not_found");
    crm.get(&format!("/partners/{UNKNOWN}/statement"))
        .await
        .expect_problem(StatusCode::NOT_FOUND, "not_found");
    crm.get("/partners?email=x").await.expect_field("email");
    let nobody = crm.get("/partners?email=nobody@example.com").await.expect(StatusCode::OK);
    assert_eq!(nobody, json!({"items": [], "next": null}));

    let path = format!("/partners/{}", mara.id);
    let change = json!({"status": "suspended", "agreed_rate_bp": 1450});
    let changed = crm.patch(&path, change.clone()).await.expect(StatusCode::OK);
    assert_eq!((&changed["status"], &changed["rate_bp"]), (&json!("suspended"), &json!(1450)));
    crm.patch(&path, change).await.expect(StatusCode::OK);
    // Two acts of one moment come in either order.
    let mut acts: Vec<_> = site.acts(&mara.id).await.into_iter().map(|act| act.0).collect();
    acts.sort();
    assert_eq!(acts, ["partner.rate_agreed", "partner.signed_up", "partner.suspended"], "once each");
    let changed = crm.patch(&path, json!({"agreed_rate_bp": null})).await.expect(StatusCode::OK);
    assert_eq!((&changed["status"], &changed["agreed_rate_bp"]), (&json!("suspended"), &json!(null)));
    let changed = crm.patch(&path, json!({"status": "active"})).await.expect(StatusCode::OK);
    assert_eq!(changed["status"], "active");
    crm.patch(&path, json!({"agreed_rate_bp": 10001})).await.expect_field("agreed_rate_bp");
    crm.patch(&path, json!({"status": "gone"}))
        .await
        .expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    crm.patch(&format!("/partners/{UNKNOWN}"), json!({"status": "active"}))
        .await
        .expect_problem(StatusCode::NOT_FOUND, "not_found");
});

both_databases!(a_crm_finds_its_own_again, async |db: Db| {
    let site = Site::start(db).await;
    let crm = site.program("sales").await;
    let new = |external: &str| json!({"name": "A", "email": "a@example.net", "external_id": external});
    let made = crm.post("/clients", new("crm-1")).await.expect(StatusCode::CREATED);
    crm.post("/clients", new("crm-2")).await.expect(StatusCode::CREATED);
    crm.post("/clients", new("crm-1")).await.expect_problem(StatusCode::CONFLICT, "external_id_taken");
    crm.post("/clients", new("")).await.expect_field("external_id");
    crm.post("/clients", json!({"name": "A"})).await.expect_field("email");
    crm.post("/clients", json!({"name": "A", "email": "a@example.net", "code": "12345678"}))
        .await
        .expect_field("code");
    let found = crm.get("/clients?external_id=crm-1").await.expect(StatusCode::OK);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["number"], made["number"]);
    crm.get("/clients/999999").await.expect_problem(StatusCode::NOT_FOUND, "not_found");

    let deals = format!("/clients/{}/deals", made["number"]);
    let deal = json!({"title": "Second shop", "external_id": "d-1"});
    let opened = crm.post(&deals, deal.clone()).await.expect(StatusCode::CREATED);
    assert_eq!((&opened["title"], &opened["status"]), (&json!("Second shop"), &json!("pending")));
    crm.post(&deals, deal).await.expect_problem(StatusCode::CONFLICT, "external_id_taken");
    crm.post(&deals, json!({"title": ""})).await.expect_field("title");
    crm.post("/clients/999999/deals", json!({"title": "x"}))
        .await
        .expect_problem(StatusCode::NOT_FOUND, "not_found");
    let found = crm.get("/deals?external_id=d-1").await.expect(StatusCode::OK);
    assert_eq!(found["items"][0]["number"], opened["number"]);
    let of_client = crm.get(&format!("/deals?client={}", made["number"])).await.expect(StatusCode::OK);
    assert_eq!(of_client["items"].as_array().unwrap().len(), 2);
});

both_databases!(of_many_at_once_with_one_external_id_one_is_entered, async |db: Db| {
    let site = Site::start(db).await;
    let crm = site.program("sales").await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let crm = crm.clone();
        let body = json!({"name": "A", "email": "a@example.net", "external_id": "crm-1"});
        running.spawn(async move { crm.post("/clients", body).await });
    }
    let mut made = 0;
    while let Some(reply) = running.join_next().await {
        let reply = reply.unwrap();
        if reply.status == StatusCode::CREATED {
            made += 1;
        } else {
            reply.expect_problem(StatusCode::CONFLICT, "external_id_taken");
        }
    }
    assert_eq!(made, 1);
});

both_databases!(deals_are_refused_as_in_the_office, async |db: Db| {
    let site = Site::start(db).await;
    let crm = site.program("sales").await;
    let made = crm.post("/clients", json!({"name": "A", "email": "a@example.net"})).await;
    let deal = made.expect(StatusCode::CREATED)["deal"]["number"].as_i64().unwrap();
    let act = |word: &str| format!("/deals/{deal}/{word}");
    for wrong in ["0", "-5", "1,000", "x", "1.234"] {
        crm.post(&act("win"), json!({"amount": wrong})).await.expect_field("amount");
    }
    crm.post(&act("win"), json!({"amount": {"amount": "5", "currency": "EUR"}})).await.expect_field("amount");
    crm.post(&act("win"), json!({"amount": 5}))
        .await
        .expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    crm.post(&act("refund"), json!({"amount": "5", "reason": "x"}))
        .await
        .expect_problem(StatusCode::CONFLICT, "deal_refused");
    crm.post(&act("reopen"), json!({"reason": "x"}))
        .await
        .expect_problem(StatusCode::CONFLICT, "deal_refused");
    crm.post(&act("win"), json!({"amount": "100"})).await.expect(StatusCode::OK);
    crm.post(&act("win"), json!({"amount": "100"}))
        .await
        .expect_problem(StatusCode::CONFLICT, "deal_refused");
    for word in ["lose", "reopen"] {
        crm.post(&act(word), json!({"reason": " "})).await.expect_field("reason");
    }
    crm.post(&act("refund"), json!({"amount": "5", "reason": ""})).await.expect_field("reason");
    for word in ["win", "lose", "reopen", "refund"] {
        let body = match word {
            "win" => json!({"amount": "5"}),
            "refund" => json!({"amount": "5", "reason": "x"}),
            _ => json!({"reason": "x"}),
        };
        let reply = crm.post(&format!("/deals/999999/{word}"), body).await;
        reply.expect_problem(StatusCode::NOT_FOUND, "not_found");
    }
    crm.get("/deals/999999").await.expect_problem(StatusCode::NOT_FOUND, "not_found");
    assert_eq!(crm.get(&format!("/deals/{deal}")).await.expect(StatusCode::OK)["status"], "won");
});

both_databases!(a_client_is_given_to_a_partner, async |db: Db| {
    let site = Site::start(db).await;
    let (crm, mara, jonas) =
        (site.program("sales").await, site.partner("Mara").await, site.partner("Jonas").await);
    let deal = site.won(&mara, "1000").await;
    let client = site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap().client_number)).await;
    let path = format!("/clients/{client}/attribution");
    let to = |partner: Value| json!({"partner": partner, "reason": "They met at the fair"});
    for _ in 0..2 {
        let moved = crm.put(&path, to(json!(jonas.id))).await.expect(StatusCode::OK);
        assert_eq!(moved["partner"], jonas.id);
    }
    assert_eq!(site.balances(&jonas).await.available, Money::from_minor(10_000));
    assert_eq!(site.acts(&client.to_string()).await.len(), 1, "once, however often it is asked for");
    assert_eq!(crm.put(&path, to(Value::Null)).await.expect(StatusCode::OK)["partner"], Value::Null);
    crm.put(&path, to(json!(UNKNOWN))).await.expect_field("partner");
    crm.put(&path, json!({"reason": "x"})).await.expect_field("partner");
    crm.put(&path, json!({"partner": mara.id, "reason": ""})).await.expect_field("reason");
    crm.put("/clients/999999/attribution", to(Value::Null))
        .await
        .expect_problem(StatusCode::NOT_FOUND, "not_found");
    let admin = site.program("admin").await;
    admin
        .patch(&format!("/partners/{}", mara.id), json!({"status": "suspended"}))
        .await
        .expect(StatusCode::OK);
    crm.put(&path, to(json!(mara.id))).await.expect_problem(StatusCode::CONFLICT, "assignment_refused");
    site.verify().await;
});

/// A partner's withdrawal of an amount, that waits.
async fn requested(site: &Site, amount: &str, request: &'static str) -> String {
    let mara = site.partner("Mara").await;
    let wallet = mara.add_wallet(site).await;
    site.won(&mara, "1000000").await;
    site.app.write(server::ops::deals::release_due).await.unwrap();
    mara.requested(site, amount, &wallet, request).await
}

both_databases!(withdrawals_are_paid_and_rejected, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.hold_days = 0).await;
    let (bank, reader) = (site.program("finance").await, site.program("read").await);
    let id = requested(&site, "600", "0193a1b2-0000-7000-8000-0000000000c1").await;
    let other = requested(&site, "700", "0193a1b2-0000-7000-8000-0000000000c2").await;
    let path = format!("/withdrawals/{id}");
    let seen = bank.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&seen["status"], &seen["amount"]), (&json!("pending"), &money("600.00")));
    assert_eq!(seen["wallet"]["address"], "pay@example.com");
    let masked = reader.get(&path).await.expect(StatusCode::OK);
    assert_ne!(masked["wallet"]["address"], "pay@example.com", "who may not pay need not know where to");

    bank.post(&format!("{path}/pay"), json!({"reference": ""})).await.expect_field("reference");
    bank.post(&format!("{path}/reject"), json!({"reason": ""})).await.expect_field("reason");
    let paid = bank.post(&format!("{path}/pay"), json!({"reference": "TX-1"})).await.expect(StatusCode::OK);
    assert_eq!((&paid["status"], &paid["reference"]), (&json!("paid"), &json!("TX-1")));
    assert_eq!(paid["decided_by"], "The CRM");
    bank.post(&format!("{path}/pay"), json!({"reference": "TX-2"}))
        .await
        .expect_problem(StatusCode::CONFLICT, "withdrawal_refused");
    bank.post(&format!("/withdrawals/{other}/reject"), json!({"reason": "Ask again"}))
        .await
        .expect(StatusCode::OK);
    for status in ["paid", "rejected"] {
        let list = bank.get(&format!("/withdrawals?status={status}")).await.expect(StatusCode::OK);
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{status}");
        assert_eq!(list["items"][0]["status"], status);
    }
    bank.get("/withdrawals?status=x").await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    assert_eq!(bank.get("/withdrawals").await.expect(StatusCode::OK)["items"].as_array().unwrap().len(), 2);
    let unknown = format!("/withdrawals/{UNKNOWN}");
    bank.get(&unknown).await.expect_problem(StatusCode::NOT_FOUND, "not_found");
    for (word, body) in [("pay", json!({"reference": "x"})), ("reject", json!({"reason": "x"}))] {
        let reply = bank.post(&format!("{unknown}/{word}"), body).await;
        reply.expect_problem(StatusCode::NOT_FOUND, "not_found");
    }
    site.verify().await;
});

both_databases!(a_token_and_its_maker_are_one_person, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.hold_days = 0).await;
    let maker = site.staff(Role::Admin).await;
    let id = site.read(store::accounts::staff).await[0].id.clone();
    let by = Actor { id, name: "Admin".into(), role: Role::Admin.as_str() };
    let bank = site.program_of(&by, "finance", None).await;
    let withdrawal = requested(&site, "20000", "0193a1b2-0000-7000-8000-0000000000c3").await;
    let pay = format!("/withdrawals/{withdrawal}/pay");
    let reference = json!({"reference": "TX-1"});
    bank.post(&pay, reference.clone()).await.expect_problem(StatusCode::CONFLICT, "withdrawal_held");
    let approve = format!("/office/withdrawals/{withdrawal}/approve");
    maker.post(&approve, &[]).await.expect(StatusCode::SEE_OTHER);
    bank.post(&pay, reference.clone()).await.expect_problem(StatusCode::CONFLICT, "withdrawal_held");
    site.staff(Role::Finance).await.post(&approve, &[]).await.expect(StatusCode::SEE_OTHER);
    bank.post(&pay, reference).await.expect(StatusCode::OK);
    site.verify().await;
});

both_databases!(nothing_is_paid_to_a_wallet_that_cools, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.hold_days = 0).await;
    let (bank, mara) = (site.program("finance").await, site.partner("Mara").await);
    mara.add_wallet(&site).await;
    let wallet = mara.add_another(&site, "paypal", "other@example.com").await;
    site.won(&mara, "10000").await;
    site.app.write(server::ops::deals::release_due).await.unwrap();
    let id = mara.requested(&site, "600", &wallet, "0193a1b2-0000-7000-8000-0000000000c4").await;
    bank.post(&format!("/withdrawals/{id}/pay"), json!({"reference": "TX-1"}))
        .await
        .expect_problem(StatusCode::CONFLICT, "withdrawal_held");
});

/// Every row of a list, a few at a time.
async fn walked(program: &Program, path: &str, key: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = program.get(&format!("{path}?limit=2{cursor}")).await.expect(StatusCode::OK);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2, "{path}");
        rows.extend(items.iter().map(|item| item[key].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
        assert!(rows.len() < 100, "{path} never ends");
    }
}

both_databases!(lists_are_walked_by_their_cursors, async |db: Db| {
    let site = Site::start(db).await;
    let all = site.program("admin").await;
    let mara = site.partner("Mara").await;
    for name in ["Jonas", "Lea", "Tom"] {
        site.partner(name).await;
    }
    for _ in 0..4 {
        site.won(&mara, "100").await;
    }
    let statement = format!("/partners/{}/statement", mara.id);
    for (path, key, expected) in [
        ("/partners", "id", 4),
        ("/clients", "number", 4),
        ("/deals", "number", 4),
        (statement.as_str(), "seq", 4),
    ] {
        let rows = walked(&all, path, key).await;
        let whole = all.get(&format!("{path}?limit=200")).await.expect(StatusCode::OK);
        let whole: Vec<_> = whole["items"].as_array().unwrap().iter().map(|item| item[key].clone()).collect();
        assert_eq!(rows, whole, "{path}");
        assert_eq!(rows.len(), expected, "{path}");
        for wrong in ["limit=0", "limit=201"] {
            all.get(&format!("{path}?{wrong}")).await.expect_field("limit");
        }
        all.get(&format!("{path}?cursor=nothing!")).await.expect_field("cursor");
    }
    let events = walked(&all, "/events", "id").await;
    let sorted = events.windows(2).all(|pair| pair[0].as_str() > pair[1].as_str());
    assert!(sorted && events.len() > 8, "{events:?}");
    assert_eq!(walked(&all, "/withdrawals", "id").await, Vec::<Value>::new());
});
