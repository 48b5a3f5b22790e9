//! Signing up, in and out, and what a session opens.

use std::{sync::mpsc, thread, time::Duration};

use axum::http::{StatusCode, header};
use domain::{permission::Role, text::Email};
use server::{
    config::Settings,
    ops::{
        self, Actor,
        email_change::AskError,
        wallets::{Change, WalletsError},
    },
};
use store::{Db, DbError, accounts, both_databases};

use crate::support::{Browser, Site};

const PASSWORD: &str = "quiet harbour lantern 42";

async fn sign_up(browser: &Browser, email: &str) {
    let fields = [("name", "Mara Lindqvist"), ("email", email), ("password", PASSWORD)];
    let answer = browser.post("/sign-up", &fields).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), "/link");
}

both_databases!(a_partner_signs_up_out_and_in_again, async |db: Db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    sign_up(&browser, "Mara@Example.com").await;
    browser.get("/link").await.expect(StatusCode::OK).expect_text("/r/");
    assert_eq!(browser.get("/").await.location(), "/link");
    assert_eq!(browser.post("/sign-out", &[]).await.location(), "/sign-in");
    assert_eq!(browser.get("/link").await.expect(StatusCode::SEE_OTHER).location(), "/sign-in?next=%2Flink");

    // Another spelling of the address is the same account; a wrong password says both ways on.
    let wrong = browser.post("/sign-in", &[("email", "mara@example.com"), ("password", "wrong")]).await;
    let wrong = wrong.expect(StatusCode::UNAUTHORIZED);
    wrong.expect_text("href=\"/recover");
    wrong.expect_text("href=\"/sign-up\"");
    wrong.expect_text("value=\"mara@example.com\"");
    let fields = [("email", "mara@example.com"), ("password", PASSWORD), ("next", "/wallets")];
    let back = browser.post("/sign-in", &fields).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(back.location(), "/wallets");
    let cookie = back.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
});

both_databases!(a_known_address_makes_no_second_account, async |db: Db| {
    let site = Site::start(db).await;
    sign_up(&site.browser(), "mara@example.com").await;
    let other = site.browser();
    let fields = [("name", "Else"), ("email", "MARA@example.com"), ("password", PASSWORD)];
    let refused = other.post("/sign-up", &fields).await.expect(StatusCode::CONFLICT);
    refused.expect_text("You already have an account");
    refused.expect_text("/sign-in?email=MARA%40example.com");
    assert!(!refused.headers.contains_key(header::SET_COOKIE));
    assert!(!refused.body.contains(PASSWORD));
    other.get("/sign-in?email=MARA%40example.com").await.expect_text("value=\"MARA@example.com\"");
});

both_databases!(a_browser_is_never_led_to_another_site, async |db: Db| {
    let site = Site::start(db).await;
    sign_up(&site.browser(), "mara@example.com").await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let fields = [("email", "mara@example.com"), ("password", PASSWORD), ("next", next)];
        let answer = site.browser().post("/sign-in", &fields).await.expect(StatusCode::SEE_OTHER);
        assert_eq!(answer.location(), "/link", "{next}");
    }
});

both_databases!(an_ended_session_opens_nothing, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    partner.browser.get("/statistics").await.expect(StatusCode::OK);
    let id = partner.id.clone();
    site.app.write(move |tx, _| store::sessions::close_all(tx, &id)).await.unwrap();
    for path in ["/link", "/link/qr.svg", "/statistics", "/statistics/clients.csv", "/wallets"] {
        let answer = partner.browser.get(path).await.expect(StatusCode::SEE_OTHER);
        assert!(answer.location().starts_with("/sign-in?next="), "{path}");
    }
    for path in ["/withdrawals", "/wallets", "/feedback"] {
        partner.browser.post(path, &[("message", "x")]).await.expect(StatusCode::UNAUTHORIZED);
    }
});

both_databases!(a_session_runs_out_when_it_is_not_used, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.clock.advance(29 * domain::clock::DAY);
    partner.browser.get("/link").await.expect(StatusCode::OK);
    site.clock.advance(29 * domain::clock::DAY);
    partner.browser.get("/link").await.expect(StatusCode::OK);
    site.clock.advance(31 * domain::clock::DAY);
    partner.browser.get("/link").await.expect(StatusCode::SEE_OTHER);
});

both_databases!(forms_of_other_sites_are_refused, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let form = || partner.browser.form("/feedback", &[("message", "hello"), ("page", "/link")]);
    let foreign = partner.browser.send(form().header(header::ORIGIN, "https://evil.example")).await;
    foreign.expect(StatusCode::FORBIDDEN);
    let foreign = partner.browser.send(form().header("sec-fetch-site", "cross-site")).await;
    foreign.expect(StatusCode::FORBIDDEN);
    // Neither header, with a session: no browser of today sends that.
    partner.browser.send(form()).await.expect(StatusCode::FORBIDDEN);
    let own = partner.browser.send(form().header("sec-fetch-site", "same-origin")).await;
    own.expect(StatusCode::SEE_OTHER);
    // Without a session there is nothing to misuse.
    let guest = site.browser();
    let sent = guest.send(guest.form("/contact", &[("name", "A"), ("email", "a@example.com")])).await;
    sent.expect(StatusCode::CREATED);
});

both_databases!(the_first_admin_is_made_once, async |db: Db| {
    let site = Site::start(db).await;
    let secret = site.app.write(server::ops::staff::first_admin_secret).await.unwrap().unwrap();
    let path = format!("/invitation/{secret}");
    let browser = site.browser();
    browser.get(&path).await.expect(StatusCode::OK).expect_text("first admin");
    let refused = browser.post(&path, &[("name", ""), ("email", "nonsense"), ("password", "short")]).await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("value=\"nonsense\"");
    let fields = [("name", "Ines"), ("email", "ines@example.com"), ("password", PASSWORD)];
    assert_eq!(browser.post(&path, &fields).await.expect(StatusCode::SEE_OTHER).location(), "/office");
    browser.get("/office/settings").await.expect(StatusCode::OK);
    site.browser().get(&path).await.expect(StatusCode::GONE);
    site.browser().post(&path, &fields).await.expect(StatusCode::GONE);
    assert_eq!(site.app.write(server::ops::staff::first_admin_secret).await.unwrap(), None);
});

both_databases!(a_forgotten_password_is_replaced_by_a_link_that_works_once, async |db: Db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    sign_up(&browser, "mara@example.com").await;
    let known =
        site.browser().post("/recover", &[("email", "mara@example.com")]).await.expect(StatusCode::OK);
    let unknown =
        site.browser().post("/recover", &[("email", "nobody@example.com")]).await.expect(StatusCode::OK);
    assert_eq!(known.body, unknown.body);
    let open = site.read(|tx| store::recovery::open(tx, 10)).await;
    assert_eq!(open.iter().map(|request| request.email.as_str()).collect::<Vec<_>>(), ["mara@example.com"]);
    let account = open[0].account_id.clone();
    let support = site.staff(Role::Support).await;
    let issued = support.post(&format!("/office/recovery/{account}/issue"), &[]).await;
    let secret = issued
        .body
        .split("/reset/")
        .nth(1)
        .expect("the link is shown")
        .split(['"', '<', '&', '%'])
        .next()
        .unwrap();
    let path = format!("/reset/{secret}");
    let other = site.browser();
    other.post(&path, &[("password", "short")]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    other.post(&path, &[("password", "another quiet harbour 7")]).await.expect(StatusCode::SEE_OTHER);
    other.get("/link").await.expect(StatusCode::OK);
    // The sessions from before have ended, and the link has been used.
    browser.get("/link").await.expect(StatusCode::SEE_OTHER);
    other.get(&path).await.expect(StatusCode::GONE);
    let old = [("email", "mara@example.com"), ("password", PASSWORD)];
    site.browser().post("/sign-in", &old).await.expect(StatusCode::UNAUTHORIZED);
});

both_databases!(too_many_tries_are_told_to_wait, async |db: Db| {
    let site = Site::start_with(db, Settings::default()).await;
    let browser = site.browser();
    let mut statuses = Vec::new();
    for _ in 0..35 {
        let answer = browser.post("/contact", &[("name", "A"), ("email", "a@example.com")]).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() >= 1);
            answer.expect_text("A short pause");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses[0], StatusCode::CREATED);
    assert_eq!(statuses[34], StatusCode::TOO_MANY_REQUESTS);
});

both_databases!(a_password_that_is_changed_while_it_is_checked_opens_nothing, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    partner.add_wallet(&site).await;
    let id = partner.id.clone();
    // As whoever has just typed the old password has read it.
    let before = site.read(move |tx| accounts::by_id(tx, &id)).await.unwrap();
    let (old, by) = (before.password_hash.clone().unwrap(), Actor::partner(&before.id, "Mara"));
    let browser = || ops::sessions::Browser { user_agent: "thief".into(), device: "d".into(), before: None };

    // The owner resets it at this moment.
    let (began, has_begun) = mpsc::channel();
    let (app, account) = (site.app.clone(), before.clone());
    let resetting = tokio::spawn(async move {
        app.write(move |tx, _| {
            accounts::lock(tx, &account.id)?;
            accounts::set_password(tx, &account.id, "another hash")?;
            store::sessions::close_all(tx, &account.id)?;
            began.send(()).unwrap();
            thread::sleep(Duration::from_millis(300));
            Ok::<_, DbError>(())
        })
        .await
    });
    tokio::task::spawn_blocking(move || has_begun.recv()).await.unwrap().unwrap();
    let thief = browser();
    let opened = site.app.write(move |tx, env| ops::sessions::sign_in(tx, env, &before, &thief)).await;
    assert_eq!(opened.unwrap(), None);
    resetting.await.unwrap().unwrap();

    let address = "thief@example.com".to_owned();
    let added = Change::Add { kind: domain::wallet::WalletKind::Paypal, label: "Mine".into(), address };
    let (hash, who) = (old.clone(), by.clone());
    let saved = site
        .app
        .write(move |tx, env| ops::wallets::save(tx, env, &who, std::slice::from_ref(&added), Some(&hash)))
        .await;
    assert!(matches!(saved, Err(WalletsError::WrongPassword)), "{saved:?}");
    let (hash, who, email) = (old.clone(), by.clone(), Email::parse("thief@example.com").unwrap());
    let asked = site.app.write(move |tx, env| ops::email_change::ask(tx, env, &who, &hash, &email)).await;
    assert!(matches!(asked, Err(AskError::WrongPassword)), "{asked:?}");
    let changed = site
        .app
        .write(move |tx, env| ops::accounts::change_password(tx, env, &by, &old, "the thief's hash", ""))
        .await;
    assert!(!changed.unwrap());
    let id = partner.id.clone();
    let left = site
        .read(move |tx| {
            let open = tx.all("SELECT id FROM session WHERE account_id = $1", &[id.as_str().into()])?;
            let account = accounts::by_id(tx, &id)?.and_then(|account| account.password_hash);
            let wallets = store::wallets::of_partner(tx, &id)?.len();
            Ok((open.len(), account, wallets))
        })
        .await;
    assert_eq!(left, (0, Some("another hash".to_owned()), 1));
});
