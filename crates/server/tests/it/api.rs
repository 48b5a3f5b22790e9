//! Who may use the programming interface: the permission table, walked whole; tokens that end; limits; how things that
//! are refused are said.

use std::process::Command;

use axum::http::{Method, StatusCode, header};
use domain::{
    clock::{DAY, SECOND},
    permission::{Role, Scope},
};
use serde_json::json;
use server::{
    config::Settings,
    ops::Actor,
    web::api::{self, document::METHODS},
};
use store::{Db, both_databases};

use crate::{
    crash::PROGRAM,
    support::{Folder, Site},
};

both_databases!(every_address_is_allowed_by_scope, async |db: Db| {
    let site = Site::start(db).await;
    let mut walked = 0;
    let mut programs = Vec::new();
    for scope in Scope::ALL {
        programs.push((scope, site.program(scope.as_str()).await));
    }
    for route in api::table() {
        let paths = serde_json::to_value(&route.handler.1).unwrap();
        for (path, item) in paths.as_object().unwrap() {
            let id = "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d";
            let path = path.replace("{number}", "999999").replace("{id}", id);
            let path = path.strip_prefix("/api/v1").expect("an address of the interface");
            assert!(!path.contains('{'), "{path} has a parameter that this test does not know");
            for method in METHODS.into_iter().filter(|method| item.get(method).is_some()) {
                let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                for (scope, program) in &programs {
                    let reply = program.send(program.request(verb.clone(), path)).await;
                    assert!(!reply.status.is_server_error(), "{method} {path}: {}", reply.text);
                    if scope.may(route.permission) {
                        assert_ne!(reply.status, StatusCode::FORBIDDEN, "{scope:?} {method} {path}");
                    } else {
                        reply.expect_problem(StatusCode::FORBIDDEN, "forbidden");
                    }
                    walked += 1;
                }
                let stranger = programs[0].1.with_token("gw_nothing");
                let reply = stranger.send(stranger.request(verb, path)).await;
                reply.expect_problem(StatusCode::UNAUTHORIZED, "unauthorized");
                assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
            }
        }
    }
    assert_eq!(walked, api::table().len() * Scope::ALL.len());
});

both_databases!(a_token_that_has_ended_opens_nothing, async |db: Db| {
    let site = Site::start(db).await;
    let admin = site.staff(Role::Admin).await;
    let reads = |program: crate::programs::Program| async move { program.get("/stats").await.status };
    let days = site.program_of(&Actor::server(), "read", Some(1)).await;
    let revoked = site.program("read").await;
    assert_eq!(reads(days.clone()).await, StatusCode::OK);
    assert_eq!(reads(revoked.clone()).await, StatusCode::OK);

    let revoke = format!("/office/tokens/{}/revoke", revoked.id);
    admin.post(&revoke, &[]).await.expect(StatusCode::SEE_OTHER);
    admin.post(&revoke, &[]).await.expect(StatusCode::CONFLICT);
    assert_eq!(reads(revoked).await, StatusCode::UNAUTHORIZED);

    site.clock.advance(DAY - 60 * SECOND);
    assert_eq!(reads(days.clone()).await, StatusCode::OK);
    site.clock.advance(120 * SECOND);
    assert_eq!(reads(days).await, StatusCode::UNAUTHORIZED);
});

both_databases!(a_token_works_while_its_maker_is_an_admin, async |db: Db| {
    let site = Site::start(db).await;
    let chief = site.staff(Role::Admin).await;
    let maker = site.staff(Role::Admin).await;
    let members = site.read(store::accounts::staff).await;
    let id = members.last().unwrap().id.clone();
    let made = maker
        .post("/office/tokens", &[("name", "Shop"), ("scope_read", "1"), ("days", "30")])
        .await
        .expect(StatusCode::CREATED);
    let token = made.body.split("id=\"new-token\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(token.starts_with("gw_"), "{token}");
    let again = maker.get("/office/tokens").await.expect(StatusCode::OK);
    assert!(!again.body.contains(&token), "it is shown once");
    let kept = site
        .read(|tx| {
            let rows = tx.all("SELECT token_hash FROM api_token", &[])?;
            rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>, _>>()
        })
        .await;
    assert!(!kept.contains(&token), "and kept nowhere");
    let shop = site.program("read").await.with_token(&token);
    shop.get("/stats").await.expect(StatusCode::OK);

    chief.post(&format!("/office/staff/{id}/role"), &[("role", "sales")]).await.expect(StatusCode::SEE_OTHER);
    shop.get("/stats").await.expect_problem(StatusCode::UNAUTHORIZED, "unauthorized");
    chief.get("/office/tokens").await.expect(StatusCode::OK).expect_text("is no admin any more");
    chief.post(&format!("/office/staff/{id}/role"), &[("role", "admin")]).await.expect(StatusCode::SEE_OTHER);
    shop.get("/stats").await.expect(StatusCode::OK);
    chief.post(&format!("/office/staff/{id}/disable"), &[]).await.expect(StatusCode::SEE_OTHER);
    shop.get("/stats").await.expect_problem(StatusCode::UNAUTHORIZED, "unauthorized");
});

both_databases!(what_a_token_does_names_it, async |db: Db| {
    let site = Site::start(db).await;
    let (crm, admin) = (site.program("sales").await, site.staff(Role::Admin).await);
    let made = crm.post("/clients", json!({"name": "Aurora", "email": "a@example.net"})).await;
    let deal = made.expect(StatusCode::CREATED)["deal"]["number"].as_i64().unwrap();
    crm.post(&format!("/deals/{deal}/win"), json!({"amount": "100"})).await.expect(StatusCode::OK);
    admin.get(&format!("/office/deals/{deal}")).await.expect(StatusCode::OK).expect_text("The CRM");
    let acts = site.acts(&deal.to_string()).await;
    assert_eq!(acts.len(), 1);
    assert_eq!((acts[0].0.as_str(), acts[0].1.as_str()), ("deal.won", "The CRM"));
    admin.get("/office/audit").await.expect(StatusCode::OK).expect_text("The CRM");
    // The account behind a token is nobody who can sign in or be written to.
    let staff = site.read(store::accounts::staff).await;
    assert!(staff.iter().all(|member| member.id != crm.id));
});

both_databases!(the_last_use_is_written_once_a_minute, async |db: Db| {
    let site = Site::start(db).await;
    let crm = site.program("read").await;
    let used = || {
        let id = crm.id.clone();
        site.read(move |tx| Ok(store::tokens::by_id(tx, &id)?.unwrap().last_used_at))
    };
    assert_eq!(used().await, None);
    crm.get("/stats").await.expect(StatusCode::OK);
    let first = used().await.expect("a first use");
    crm.get("/stats").await.expect(StatusCode::OK);
    assert_eq!(used().await, Some(first));
    site.clock.advance(61 * SECOND);
    crm.get("/stats").await.expect(StatusCode::OK);
    assert!(used().await > Some(first));
});

both_databases!(a_token_that_asks_too_often_is_told_when_to_come_back, async |db: Db| {
    let site = Site::start_with(db, Settings::default()).await;
    let (crm, other) = (site.program("read").await, site.program("read").await);
    let mut last = crm.get("/stats").await;
    last.expect(StatusCode::OK);
    assert_eq!(last.headers["ratelimit-limit"], "120");
    assert!(last.headers["ratelimit-remaining"].to_str().unwrap().parse::<u32>().unwrap() < 120);
    // However slow the machine: more at once than one burst and what comes back meanwhile.
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..600 {
        let crm = crm.clone();
        running.spawn(async move { crm.get("/stats").await });
    }
    while let Some(reply) = running.join_next().await {
        let reply = reply.unwrap();
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            last = reply;
        }
    }
    last.expect_problem(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    assert!(last.headers[header::RETRY_AFTER].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(last.headers["ratelimit-remaining"], "0");
    other.get("/stats").await.expect(StatusCode::OK);
});

both_databases!(what_no_handler_sees_is_a_problem_too, async |db: Db| {
    let site = Site::start(db).await;
    let crm = site.program("sales").await;
    crm.get("/nothing").await.expect_problem(StatusCode::NOT_FOUND, "not_found");
    crm.get("/deals/x").await.expect_problem(StatusCode::NOT_FOUND, "not_found");
    let wrong = crm.send(crm.request(Method::DELETE, "/deals")).await;
    wrong.expect_problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    assert!(wrong.headers.contains_key(header::ALLOW));
    let post = || crm.request(Method::POST, "/clients");
    crm.send(post().body("{}"))
        .await
        .expect_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    let json = |body: String| post().header(header::CONTENT_TYPE, "application/json").body(body);
    crm.send(json("{".into())).await.expect_problem(StatusCode::BAD_REQUEST, "not_json");
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(api::BODY_LIMIT));
    crm.send(json(large)).await.expect_problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    crm.send(json("{\"name\": 5}".into()))
        .await
        .expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    crm.send(json("{}".into())).await.expect_field("name");
    crm.get("/deals?limit=x").await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    // A word mistyped must not read as "all of them".
    crm.get("/deals?extrenal_id=1").await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    let key = post().header("Idempotency-Key", "").json(&json!({"name": "A", "email": "a@example.net"}));
    crm.send(key).await.expect_problem(StatusCode::BAD_REQUEST, "bad_idempotency_key");
    let blank =
        post().header("Idempotency-Key", "two words").json(&json!({"name": "A", "email": "a@example.net"}));
    crm.send(blank).await.expect_problem(StatusCode::BAD_REQUEST, "bad_idempotency_key");
});

both_databases!(the_documentation_is_there_for_everybody, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    let document = guest.get("/api/v1/openapi.json").await.expect(StatusCode::OK);
    let document: serde_json::Value = serde_json::from_str(&document.body).unwrap();
    assert!(document["paths"]["/api/v1/deals/{number}/win"]["post"].is_object());
    let page = guest.get("/docs/api").await.expect(StatusCode::OK);
    for text in ["/api/v1/deals/{number}/win", "Idempotency-Key", "items[].balances.on_hold"] {
        page.expect_text(text);
    }
    let others = page.body.split("http").filter(|rest| rest.starts_with("://") || rest.starts_with("s://"));
    let own = site.url.trim_start_matches("http").to_owned();
    assert!(others.into_iter().all(|rest| rest.starts_with(&own)), "no other host is named");
});

#[test]
fn the_command_line_makes_tokens() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["token", "add"]).args(arguments).env("GOODWORD_DATA_DIR", folder.path());
        command.output().unwrap()
    };
    let made = run(&["--name", "CRM", "--scope", "sales", "--scope", "read", "--days", "30"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let printed = String::from_utf8(made.stdout).unwrap();
    assert!(printed.lines().any(|line| line.starts_with("gw_") && line.len() == 46), "{printed}");
    for wrong in [["--scope", "root"], ["--days", "0"]] {
        let mut arguments = vec!["--name", "CRM", "--scope", "read"];
        arguments.extend(wrong);
        let refused = run(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{wrong:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(wrong[0]));
    }
}
