//! The company's own site sends contacts from another origin.

use axum::http::{StatusCode, header};
use domain::permission::Role;
use reqwest::Method;
use serde_json::{Value, json};
use store::{Db, both_databases};

use crate::support::{Answer, Site};

const COMPANY: &str = "https://company.example";

async fn send(site: &Site, origin: &str, lead: &Value) -> Answer {
    let browser = site.browser();
    let request = browser
        .request("/api/v1/public/leads")
        .header(header::ORIGIN, origin)
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/json")
        .body(lead.to_string());
    browser.send(request).await
}

both_databases!(the_companys_site_sends_a_client_once, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.site_url = format!("{COMPANY}/welcome")).await;
    let partner = site.partner("Mara").await;
    let lead = json!({ "name": "Aurora", "email": "a@aurora.example.com", "ref": partner.code.to_string(),
                       "submission": "one-form", "elapsed_ms": 9000 });
    let first = send(&site, COMPANY, &lead).await.expect(StatusCode::CREATED);
    assert_eq!(first.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], COMPANY);
    let told: Value = serde_json::from_str(&first.body).unwrap();
    let again = send(&site, COMPANY, &lead).await.expect(StatusCode::CREATED);
    assert_eq!(first.body, again.body);
    let number = told["number"].as_i64().unwrap();
    let client = site.read(move |tx| store::clients::by_number(tx, number)).await.unwrap();
    assert_eq!(client.partner.map(|partner| partner.id), Some(partner.id));
});

both_databases!(a_word_and_where_the_link_stood_come_from_the_companys_site, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.site_url = COMPANY.into()).await;
    let partner = site.partner("Mara").await;
    let word = [("alias", "mara-design")];
    partner.browser.post("/link/alias", &word).await.expect(StatusCode::SEE_OTHER);
    let lead = json!({ "name": "Aurora", "email": "a@aurora.example.com", "ref": "Mara-Design", "source": "Old Blog" });
    let first = send(&site, COMPANY, &lead).await.expect(StatusCode::CREATED);
    let told: Value = serde_json::from_str(&first.body).unwrap();
    let number = told["number"].as_i64().unwrap();
    let client = site.read(move |tx| store::clients::by_number(tx, number)).await.unwrap();
    assert_eq!(client.partner.map(|partner| partner.id), Some(partner.id));
    assert_eq!(client.source, "old-blog");
    site.verify().await;
});

both_databases!(further_sites_send_clients_and_are_linked_to, async |db: Db| {
    const SHOP: &str = "https://shop.example.com";
    let site = Site::start(db).await;
    let lead = json!({ "name": "Aurora", "email": "a@aurora.example.com" });
    site.set(|programme| {
        programme.site_url = COMPANY.into();
        programme.more_sites = format!("{SHOP}\nhttp://localhost:8080");
    })
    .await;
    let partner = site.partner("Mara").await;
    for origin in [COMPANY, SHOP, "http://localhost:8080"] {
        let answer = send(&site, origin, &lead).await.expect(StatusCode::CREATED);
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], origin);
    }
    send(&site, "http://shop.example.com", &lead).await.expect(StatusCode::FORBIDDEN);
    let led =
        site.browser().get(&format!("/r/{}?to={SHOP}/sale", partner.code)).await.expect(StatusCode::FOUND);
    assert_eq!(led.location(), format!("{SHOP}/sale?ref={}", partner.code));
    let led = site.browser().get(&format!("/r/{}?to=https://evil.example/", partner.code)).await;
    assert!(led.location().starts_with(COMPANY), "{}", led.location());
    // On the page where partners make such links, and in the settings.
    let page = partner.browser.get(&format!("/link?to={SHOP}/sale")).await.expect(StatusCode::OK);
    page.expect_text(&format!("/r/{}?to=https%3A//shop.example.com/sale", partner.code));
    partner.browser.get("/link?to=https://evil.example/").await.expect_text("Enter a page of our site");
    let admin = site.staff(Role::Admin).await;
    admin.get("/office/settings").await.expect_text("https://shop.example.com\nhttp://localhost:8080");
});

both_databases!(what_the_companys_site_may_not_send_is_a_problem, async |db: Db| {
    let site = Site::start(db).await;
    let lead = json!({ "name": "", "email": "a@aurora.example.com" });
    send(&site, COMPANY, &lead).await.expect(StatusCode::FORBIDDEN).expect_text("origin_not_allowed");
    site.set(|programme| programme.site_url = COMPANY.into()).await;
    send(&site, "https://evil.example", &lead).await.expect(StatusCode::FORBIDDEN);
    let refused = send(&site, COMPANY, &lead).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("\"field\":\"name\"");
    assert_eq!(refused.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], COMPANY);
    let hasty = json!({ "name": "Aurora", "email": "a@aurora.example.com", "elapsed_ms": 3 });
    send(&site, COMPANY, &hasty).await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("very quick");
    let preflight = reqwest::Client::new()
        .request(Method::OPTIONS, format!("{}/api/v1/public/leads", site.url))
        .header(header::ORIGIN, COMPANY)
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
});

both_databases!(another_origin_may_load_the_script, async |db: Db| {
    let site = Site::start(db).await;
    let script = site.browser().get("/embed/v1.js").await.expect(StatusCode::OK);
    assert_eq!(script.headers["cross-origin-resource-policy"], "cross-origin");
    let tag = script.headers[header::ETAG].clone();
    let request = reqwest::Client::new().get(format!("{}/embed/v1.js", site.url));
    let known = request.header(header::IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
});
