//! Every new client posted to a CRM as a template says.

use axum::http::{Method, StatusCode};
use domain::permission::Role;
use serde_json::json;
use server::{config::Settings, webhooks::worker};
use store::{Db, both_databases};

use crate::{receiver::Receiver, support::Site};

const TEMPLATE: &str = r#"{"title": "C-{{client.number}} {{client.name}}", "phones": [{"value": "{{client.phone}}"}],
    "email": "{{client.email}}", "partner": "{{partner.name}}", "code": "{{code}}", "deal": "{{deal.number}}"}"#;

both_databases!(a_new_client_is_posted_to_the_crm_and_its_name_there_is_kept, async |db: Db| {
    let settings = Settings { rate_limit: Some(0), webhooks_private: Some(true), ..Settings::default() };
    let (site, crm) = (Site::start_with(db, settings).await, Receiver::start().await);
    let admin = site.staff(Role::Admin).await;
    let mara = site.partner("Mara").await;
    let page = admin.get("/office/webhooks/requests?preset=hubspot").await.expect(StatusCode::OK);
    page.expect_text("https://api.hubapi.com/crm/v3/objects/contacts");

    let url = crm.url.replace("/hooks", "/rest/1/s3cret-path/lead.add.json");
    let with = |template: &'static str, more: &[(&'static str, &'static str)]| {
        let mut fields: Vec<(&str, String)> = [
            ("name", "CRM"),
            ("url", &url),
            ("method", "PUT"),
            ("headers", "Authorization: Bearer s3cret-token\r\nX-Source: Goodword"),
            ("template", template),
            ("answer_id", "/data/id"),
            ("answer_of", "client"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        fields
    };
    async fn post(
        admin: &crate::support::Browser,
        path: &str,
        fields: &[(&str, String)],
    ) -> crate::support::Answer {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        admin.post(path, &fields).await
    }
    let path = "/office/webhooks/requests";
    // Tried out before it is saved: what is wrong is said, and nothing is sent.
    let wrong = post(&admin, path, &with("{\"a\": \"{{client.nmae}}\"}", &[("try", "1")])).await;
    let wrong = wrong.expect(StatusCode::UNPROCESSABLE_ENTITY);
    wrong.expect_text("There is no field client.nmae.");
    wrong.expect_text("{{client.nmae}}");
    let tried = post(&admin, path, &with(TEMPLATE, &[("try", "1")])).await.expect(StatusCode::OK);
    tried.expect_text("C-1042 Test Client");
    assert!(site.read(store::webhooks::all).await.is_empty());
    let saved = post(&admin, path, &with(TEMPLATE, &[])).await.expect(StatusCode::SEE_OTHER);
    let page = saved.location().split('?').next().unwrap().to_owned();

    crm.next(201, &[], r#"{"success": true, "data": {"id": 4711}}"#);
    let client = site.client_of(&mara, "Ann \"},{\" Smith").await;
    let deal = site.deal_of(client).await.number;
    assert_eq!(worker::run_once(&site.app).await, 1);
    let hit = crm.take().remove(0);
    assert_eq!((&hit.method, hit.path.as_str()), (&Method::PUT, "/rest/1/s3cret-path/lead.add.json"));
    assert_eq!(hit.header("authorization"), "Bearer s3cret-token");
    assert_eq!(
        hit.json(),
        json!({
            "title": format!("C-{client} Ann \"}},{{\" Smith"), "email": "client@example.net",
            "partner": "Mara", "code": mara.code.to_string(), "deal": deal,
        })
    );
    let known = site.read(move |tx| store::clients::by_external(tx, "4711")).await;
    assert_eq!(known, Some(client));
    let acts: Vec<String> = site.acts(&client.to_string()).await.into_iter().map(|act| act.0).collect();
    assert!(acts.contains(&"client.external_set".to_owned()), "{acts:?}");

    // An identifier that is another client's already is not taken twice; the client stays as it is.
    crm.next(201, &[], r#"{"data": {"id": 4711}}"#);
    let second = site.client_of(&mara, "Ben").await;
    worker::run_once(&site.app).await;
    crm.take();
    let of_second =
        site.read(move |tx| Ok(store::clients::by_number(tx, second)?.unwrap().external_id)).await;
    assert_eq!(of_second, None);

    // Neither the page nor the log shows a secret, and saving again keeps them.
    let delivery = site
        .read(|tx| {
            let hook = store::webhooks::all(tx)?.remove(0);
            Ok(store::webhook_deliveries::list(tx, &hook.id, None, None, 1)?.remove(0).id)
        })
        .await;
    let hidden = server::webhooks::send::HIDDEN;
    for address in
        [page.clone(), format!("/office/webhooks/deliveries/{delivery}"), "/office/webhooks".into()]
    {
        let shown = admin.get(&address).await.expect(StatusCode::OK);
        assert!(!shown.body.contains("s3cret"), "{address}");
    }
    let kept = [
        ("name", "CRM".to_owned()),
        ("url", String::new()),
        ("method", "POST".into()),
        ("headers", format!("Authorization: {hidden}")),
        ("template", "{\"name\": \"{{client.name}}\"}".into()),
        ("answer_id", String::new()),
        ("answer_of", String::new()),
    ];
    post(&admin, &format!("{page}/change"), &kept).await.expect(StatusCode::SEE_OTHER);
    site.client_of(&mara, "Cleo").await;
    worker::run_once(&site.app).await;
    let hit = crm.take().remove(0);
    assert_eq!((hit.header("authorization"), hit.header("x-source")), ("Bearer s3cret-token", ""));
    assert_eq!((&hit.method, hit.json()), (&Method::POST, json!({"name": "Cleo"})));
    assert_eq!(hit.path, "/rest/1/s3cret-path/lead.add.json");
});

both_databases!(whom_the_crm_has_named_is_not_posted_back, async |db: Db| {
    let settings = Settings { rate_limit: Some(0), webhooks_private: Some(true), ..Settings::default() };
    let (site, crm) = (Site::start_with(db, settings).await, Receiver::start().await);
    let admin = site.staff(Role::Admin).await;
    let fields = [
        ("name", "CRM"),
        ("url", crm.url.as_str()),
        ("method", "POST"),
        ("headers", ""),
        ("template", TEMPLATE),
        ("answer_id", "/id"),
        ("answer_of", "deal"),
    ];
    admin.post("/office/webhooks/requests", &fields).await.expect(StatusCode::SEE_OTHER);
    let enter = |client: Option<&str>, deal: Option<&str>| server::ops::clients::Contact {
        name: "Known".into(),
        email: "known@example.com".into(),
        external_id: client.map(str::to_owned),
        deal_external_id: deal.map(str::to_owned),
        ..Default::default()
    };
    let id = site.read(store::accounts::staff).await[0].id.clone();
    for contact in [enter(Some("crm-7"), None), enter(None, Some("deal-7")), enter(None, None)] {
        let by = server::ops::Actor { id: id.clone(), name: "Admin".into(), role: "admin" };
        site.app.write(move |tx, env| server::ops::clients::enter(tx, env, &by, &contact)).await.unwrap();
    }
    crm.next(200, &[], r#"{"id": "lead-9"}"#);
    assert_eq!(worker::run_once(&site.app).await, 1);
    let known = site.read(|tx| store::deals::by_external(tx, "lead-9")).await;
    assert!(known.is_some(), "the identifier is the deal's");
});
