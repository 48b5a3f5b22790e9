//! A CRM tells by webhook how deals stand: in any order, twice, malformed; what can't be applied waits in the office.

use axum::http::{StatusCode, header};
use domain::{deal::DealStatus, permission::Role};
use serde_json::{Value, json};
use store::{Db, both_databases, crm::Status};

use crate::support::{Answer, Browser, Site};

/// A CRM with its address.
pub struct Crm {
    id: String,
    path: String,
    admin: Browser,
}

impl Crm {
    pub async fn connect(site: &Site, preset: &str) -> Crm {
        let admin = site.staff(Role::Admin).await;
        let fields = [("name", "Our CRM"), ("preset", preset)];
        let made = admin.post("/office/crm/make", &fields).await.expect(StatusCode::CREATED);
        let address =
            made.body.split("id=\"new-address\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let path = address.strip_prefix(&site.app.public_url).unwrap().to_owned();
        let id = site.read(store::crm::sources).await[0].id.clone();
        Crm { id, path, admin }
    }

    async fn send(&self, site: &Site, content_type: &str, query: &str, body: &str) -> Answer {
        let browser = site.browser();
        let request = browser.request(&format!("{}{query}", self.path));
        browser.send(request.header(header::CONTENT_TYPE, content_type).body(body.to_owned())).await
    }

    /// Sends what Pipedrive would; returns how much was applied and how much waits.
    pub async fn tell(&self, site: &Site, event: &str, at: &str, data: Value) -> (u64, u64) {
        let sent = json!({ "data": data, "meta": { "id": event, "timestamp": at } });
        let answer = self.send(site, "application/json", "", &sent.to_string()).await.expect(StatusCode::OK);
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        (told["applied"].as_u64().unwrap(), told["waiting"].as_u64().unwrap())
    }

    /// The news, newest first.
    async fn news(&self, site: &Site) -> Vec<store::crm::Item> {
        let id = self.id.clone();
        site.read(move |tx| store::crm::items(tx, &id, None, None, 50)).await
    }

    async fn act(&self, rest: &str) -> Answer {
        self.admin.post(&format!("/office/crm/{rest}"), &[]).await
    }
}

fn deal(id: i64, status: &str, value: impl Into<Value>) -> Value {
    json!({ "id": id, "status": status, "value": value.into(), "currency": "USD" })
}

/// Makes a client of a partner whose deal the CRM calls 12.
async fn known_deal(site: &Site) -> i64 {
    let partner = site.partner("Mara").await;
    let client = site.client_of(&partner, "Aurora").await;
    let number = site.deal_of(client).await.number;
    site.app.write(move |tx, _| store::deals::set_external(tx, number, "12")).await.unwrap();
    number
}

async fn standing(site: &Site, number: i64) -> (DealStatus, i64) {
    let deal = site.read(move |tx| store::deals::by_number(tx, number)).await.unwrap();
    (deal.status, deal.won.map_or(0, |won| won.amount.minor()))
}

both_databases!(deals_follow_the_crm_out_of_order_and_twice, async |db: Db| {
    let site = Site::start(db).await;
    let number = known_deal(&site).await;
    let crm = Crm::connect(&site, "pipedrive").await;
    assert_eq!(crm.tell(&site, "e1", "2026-11-27T10:00:00Z", deal(12, "open", 900)).await, (1, 0));
    assert_eq!(standing(&site, number).await, (DealStatus::Pending, 0));
    // Won, told twice; the second time nothing happens.
    for _ in 0..2 {
        assert_eq!(crm.tell(&site, "e3", "2026-11-27T12:00:00Z", deal(12, "won", 1000.5)).await, (1, 0));
    }
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 100_050));
    // Older news comes too late, by whatever name.
    assert_eq!(crm.tell(&site, "e2", "2026-11-27T11:00:00Z", deal(12, "lost", 0)).await, (1, 0));
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 100_050));
    assert_eq!(crm.news(&site).await[0].status, Status::Outdated);
    // A later correction in the CRM.
    let mut lost = deal(12, "lost", 0);
    lost["lost_reason"] = json!("They chose somebody else");
    assert_eq!(crm.tell(&site, "e4", "2026-11-27T13:00:00Z", lost).await, (1, 0));
    assert_eq!(standing(&site, number).await, (DealStatus::Lost, 0));
    let acts = site.acts(&number.to_string()).await;
    assert_eq!(acts.iter().filter(|(act, ..)| act == "deal.won").count(), 1, "{acts:?}");
    assert!(acts.iter().any(|act| format!("{act:?}").contains("They chose somebody else")), "{acts:?}");
    site.verify().await;
});

both_databases!(what_cannot_be_applied_waits_and_is_applied_once_the_mapping_is_mended, async |db: Db| {
    let site = Site::start(db).await;
    let number = known_deal(&site).await;
    let crm = Crm::connect(&site, "pipedrive").await;
    let at = "2026-11-27T10:00:00Z";
    for (event, data, why) in [
        ("a", deal(12, "contract-sent", 1), "doesn't say what the stage"),
        ("b", deal(99, "won", 1000), "No deal here is known as 99"),
        ("c", json!({ "id": 12, "status": "won" }), "none was sent"),
        ("d", deal(12, "won", "12.345"), "12.345"),
        ("e", json!({ "id": 12 }), "No stage stands at /data/status"),
    ] {
        assert_eq!(crm.tell(&site, event, at, data).await, (0, 1), "{why}");
        let last = crm.news(&site).await.remove(0);
        assert!(last.status == Status::Waiting && last.why.contains(why), "{last:?}");
        crm.admin.get(&format!("/office/crm/news/{}", last.id)).await.expect(StatusCode::OK);
    }
    assert_eq!(standing(&site, number).await, (DealStatus::Pending, 0));
    let broken = crm.send(&site, "application/json", "", "{\"data\": \u{0}").await.expect(StatusCode::OK);
    broken.expect_text("\"waiting\":1");
    let list = crm.admin.get(&format!("/office/crm/{}", crm.id)).await.expect(StatusCode::OK);
    for text in ["neither JSON nor a form", "No deal here is known as 99", "Try everything that waits"] {
        list.expect_text(&text.replace('\'', "&#39;"));
    }
    crm.admin.get("/office/crm").await.expect_text("6 waiting");
    // The stage gets its meaning, and what waited is tried once more.
    let form = [
        ("deal", "/data/id"),
        ("stage", "/data/status"),
        ("amount", "/data/value"),
        ("stages", "contract-sent = won"),
    ];
    let path = format!("/office/crm/{}/mapping", crm.id);
    crm.admin.post(&path, &form).await.expect(StatusCode::SEE_OTHER);
    crm.act(&format!("{}/again", crm.id)).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 100));
    let waiting: Vec<_> =
        crm.news(&site).await.into_iter().filter(|item| item.status == Status::Waiting).collect();
    assert_eq!(waiting.len(), 5);
    let aside = &waiting[0].id;
    crm.act(&format!("news/{aside}/ignore")).await.expect(StatusCode::SEE_OTHER);
    crm.act(&format!("news/{aside}/ignore")).await.expect(StatusCode::CONFLICT);
    let wrong = [("deal", "data.id"), ("stages", "won")];
    let refused = crm.admin.post(&path, &wrong).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("Begin with a slash");
    refused.expect_text("value=\"data.id\"");
    site.verify().await;
});

both_databases!(what_is_booked_is_never_changed_behind_anybodys_back, async |db: Db| {
    let site = Site::start(db).await;
    let number = known_deal(&site).await;
    let crm = Crm::connect(&site, "pipedrive").await;
    crm.tell(&site, "a", "2026-11-27T10:00:00Z", deal(12, "won", 1000)).await;
    assert_eq!(crm.tell(&site, "b", "2026-11-27T11:00:00Z", deal(12, "won", 1200)).await, (0, 1));
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 100_000));
    let item = crm.news(&site).await.remove(0);
    assert!(item.why.contains("is won with 1,000.00, the CRM says 1,200.00"), "{}", item.why);
    let sales = site.staff(Role::Sales).await;
    let reason = [("reason", "The amount has changed")];
    sales.post(&format!("/office/deals/{number}/reopen"), &reason).await.expect(StatusCode::SEE_OTHER);
    sales.post(&format!("/office/crm/news/{}/apply", item.id), &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 120_000));
    site.verify().await;
});

both_databases!(what_was_given_back_is_no_difference, async |db: Db| {
    let site = Site::start(db).await;
    let number = known_deal(&site).await;
    let crm = Crm::connect(&site, "pipedrive").await;
    crm.tell(&site, "a", "2026-11-27T10:00:00Z", deal(12, "won", 1000)).await;
    let sales = site.staff(Role::Sales).await;
    let refund = [("amount", "300"), ("reason", "Returned")];
    sales.post(&format!("/office/deals/{number}/refund"), &refund).await.expect(StatusCode::SEE_OTHER);
    for (hour, value, told) in [(11, 1000, (1, 0)), (12, 700, (1, 0)), (13, 300, (0, 1))] {
        let at = format!("2026-11-27T{hour}:00:00Z");
        let event = hour.to_string();
        assert_eq!(crm.tell(&site, &event, &at, deal(12, "won", value)).await, told, "{value}");
    }
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 100_000));
});

both_databases!(a_deal_that_is_not_known_comes_with_its_client, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let crm = Crm::connect(&site, "bitrix24").await;
    let form = "application/x-www-form-urlencoded";
    let query = format!(
        "?deal=41&stage=WON&amount=1500.00&currency=USD&name=Borealis&email=b%40borealis.example.com&ref={}",
        partner.code
    );
    // Twice, at once: one client, one deal.
    let (one, two) = tokio::join!(
        crm.send(&site, form, &query, "document_id%5B2%5D=DEAL_41"),
        crm.send(&site, form, &query, "document_id%5B2%5D=DEAL_41")
    );
    for answer in [one, two] {
        answer.expect(StatusCode::OK).expect_text("\"applied\":1");
    }
    let number = site.read(|tx| store::deals::by_external(tx, "41")).await.unwrap();
    let deal = site.read(move |tx| store::deals::by_number(tx, number)).await.unwrap();
    assert_eq!(
        (deal.client_name.as_str(), deal.partner.map(|partner| partner.id)),
        ("Borealis", Some(partner.id.clone()))
    );
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 150_000));
    let count = site.read(|tx| tx.one("SELECT COUNT(*) FROM client", &[])?.get::<i64>(0)).await;
    assert_eq!(count, 1);
    // News without a time that would open a closed deal may be late; a number that can't be read enters nobody.
    for query in
        ["?deal=41&stage=NEW", "?deal=43&number=T-x&stage=WON&amount=1&name=Nobody&email=n%40example.com"]
    {
        crm.send(&site, form, query, "").await.expect(StatusCode::OK).expect_text("\"waiting\":1");
    }
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 150_000));
    assert_eq!(site.read(|tx| tx.one("SELECT COUNT(*) FROM client", &[])?.get::<i64>(0)).await, 1);
    // By a number of ours, which gives the deal its name in the CRM.
    let client = site.client_of(&partner, "Aurora").await;
    let other = site.deal_of(client).await.number;
    let query = format!("?deal=42&number=T-{other}&stage=LOSE");
    crm.send(&site, form, &query, "").await.expect(StatusCode::OK).expect_text("\"applied\":1");
    assert_eq!(standing(&site, other).await, (DealStatus::Lost, 0));
    assert_eq!(site.read(|tx| store::deals::by_external(tx, "42")).await, Some(other));
    site.verify().await;
});

both_databases!(several_pieces_of_news_come_at_once, async |db: Db| {
    let site = Site::start(db).await;
    let number = known_deal(&site).await;
    let crm = Crm::connect(&site, "amocrm").await;
    let sent = "leads[status][0][id]=12&leads[status][0][status_id]=142&leads[status][0][price]=700&leads[status][0][last_modified]=1529007000\
                &leads[status][1][id]=13&leads[status][1][status_id]=142&leads[status][1][price]=5";
    let answer = crm.send(&site, "application/x-www-form-urlencoded", "", sent).await.expect(StatusCode::OK);
    answer.expect_text("{\"applied\":1,\"waiting\":1}");
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 70_000));
});

both_databases!(an_address_that_is_closed_or_made_up_takes_nothing, async |db: Db| {
    let site = Site::start(db).await;
    let crm = Crm::connect(&site, "other").await;
    let made_up =
        Crm { path: "/hooks/nonsense".into(), id: crm.id.clone(), admin: site.staff(Role::Admin).await };
    made_up.send(&site, "", "", "{}").await.expect(StatusCode::NOT_FOUND);
    let large = "x".repeat(1024 * 1024 + 1);
    crm.send(&site, "", "", &large).await.expect(StatusCode::PAYLOAD_TOO_LARGE);
    crm.act(&format!("{}/close", crm.id)).await.expect(StatusCode::SEE_OTHER);
    crm.send(&site, "", "", "{}").await.expect(StatusCode::NOT_FOUND);
    crm.act(&format!("{}/close", crm.id)).await.expect(StatusCode::CONFLICT);
    assert!(crm.news(&site).await.is_empty());
    let page = crm.admin.get(&format!("/office/crm/{}", crm.id)).await.expect(StatusCode::OK);
    page.expect_text("Closed");
    // What was left behind by a server that ended is applied by another.
    let tried = server::crm::apply_all(&site.app, vec!["0190a0b4-0000-7000-8000-000000000000".into()]).await;
    assert_eq!(tried, server::crm::Applied { done: 0, waiting: 1 });
});
