//! People take their data away and are forgotten: nothing personal is left anywhere, and the books hold.

use axum::http::StatusCode;
use domain::{clock::HOUR, permission::Role};
use store::{Db, DbError, Dialect, both_databases};

use crate::{
    crm::Crm,
    support::{PASSWORD, Partner, Site},
};

/// Every text of every table that holds one of the words, as `table: text`; the audit apart, which is never changed.
pub async fn traces(site: &Site, words: &[&str]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let dialect = site.app.db.dialect();
    site.read(move |tx| {
        let sql = match dialect {
            Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
            Dialect::Postgres => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()"
            }
        };
        let tables: Result<Vec<String>, DbError> = tx.all(sql, &[])?.iter().map(|row| row.get(0)).collect();
        let mut found = Vec::new();
        for table in tables?.into_iter().filter(|table| table != "audit") {
            for row in tx.all(&format!("SELECT * FROM {table}"), &[])? {
                for index in 0.. {
                    match row.get::<String>(index) {
                        Ok(text) if words.iter().any(|word| text.to_lowercase().contains(word.as_str())) => {
                            found.push(format!("{table}: {text}"));
                        }
                        Err(DbError::Decode { column, .. }) if column.starts_with("number ") && column[7..].parse::<usize>().is_ok() => break,
                        _ => {}
                    }
                }
            }
        }
        Ok(found)
    })
    .await
}

async fn email_of(site: &Site, id: &str) -> String {
    let id = id.to_owned();
    site.read(move |tx| Ok(store::accounts::by_id(tx, &id)?.unwrap().email)).await
}

/// Another system is told everything, and never answers.
async fn listened_to(site: &Site) {
    let events = ["client_created", "client_attributed", "deal_won", "deal_lost", "commission_available"];
    let more = ["withdrawal_requested", "withdrawal_paid", "withdrawal_rejected", "partner_created"];
    let names: Vec<String> = events.iter().chain(&more).map(|event| format!("event_{event}")).collect();
    let mut fields = vec![("name", "Books"), ("url", "https://books.example/hook")];
    fields.extend(names.iter().map(|name| (name.as_str(), "1")));
    let admin = site.staff(Role::Admin).await;
    admin.post("/office/webhooks", &fields).await.expect(StatusCode::CREATED);
}

/// A partner who has done everything that leaves words: clients, claims, wallets, withdrawals, feedback, support.
async fn lived(site: &Site) -> (Partner, String, i64) {
    listened_to(site).await;
    let partner = site.partner("Zenobia Quill").await;
    let email = email_of(site, &partner.id).await;
    let deal = site.won(&partner, "20000").await;
    let wallet = partner.add_wallet(site).await;
    let finance = site.staff(Role::Finance).await;
    site.clock.advance(30 * HOUR);
    for (request, act) in
        [("r1", ("pay", "reference", "TX-1")), ("r2", ("reject", "reason", "Zenobia, wrong wallet"))]
    {
        let id = partner.requested(site, "600", &wallet, request).await;
        let (act, field, text) = act;
        let mut fields = vec![(field, text)];
        if act == "pay" {
            fields.push(("confirmed", "on"));
        }
        finance.post(&format!("/office/withdrawals/{id}/{act}"), &fields).await.expect(StatusCode::SEE_OTHER);
    }
    // Another program is answered, and the answer is kept with its key.
    let client = site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap().client_number)).await;
    let (program, path) = (site.program("sales").await, format!("/clients/{client}/deals"));
    let answer = program.post_once("again", &path, serde_json::json!({ "title": "More" })).await;
    let answer = answer.expect(StatusCode::CREATED);
    assert_eq!(answer["partner_name"], "Zenobia Quill");
    let browser = &partner.browser;
    browser.post("/feedback", &[("message", "Zenobia likes it"), ("page", "/link")]).await;
    let support = [
        ("name", "Zenobia Quill"),
        ("email", email.as_str()),
        ("kind", "technical"),
        ("transaction", ""),
        ("message", "Zenobia can't find it"),
        ("submission", "0193a1b2-0000-7000-8000-0000000000aa"),
    ];
    browser.post("/support", &support).await;
    let day = domain::clock::Clock::now(site.clock.as_ref()).day().iso();
    let claim = [
        ("client_name", "Otto Weber"),
        ("client_contact", "otto@weber.example"),
        ("sent_on", day.as_str()),
        ("how", "Zenobia phoned him"),
        ("evidence", "A letter to zenobia"),
        ("submission", "0193a1b2-0000-7000-8000-0000000000bb"),
    ];
    browser.post("/claims", &claim).await;
    (partner, email, deal)
}

both_databases!(a_partner_is_forgotten_and_the_books_hold, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, email, deal) = lived(&site).await;
    let path = format!("/office/partners/{}", partner.id);
    let erase = format!("{path}/erase");
    let admin = site.staff(Role::Admin).await;

    // The partner asks; the office sees it.
    partner.browser.post("/account/erasure", &[("wanted", "yes")]).await.expect(StatusCode::SEE_OTHER);
    partner.browser.get("/account").await.expect(StatusCode::OK).expect_text("that your data be erased");
    admin.get(&path).await.expect_text("that personal data be erased");

    // A word and a reason are needed, and nothing may be owed.
    let fields = [("reason", "Asked for it"), ("confirmation", "erase")];
    let slip = admin.post(&erase, &[("reason", "Asked for it"), ("confirmation", "eras")]).await;
    slip.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("Type erase here.");
    let refused = admin.post(&erase, &fields).await.expect(StatusCode::CONFLICT);
    refused.expect_text("is available to the partner. Pay it out first");
    assert_eq!(email_of(&site, &partner.id).await, email);
    let balance = site.balances(&partner).await.available;
    let amount = format!("-{}", site.app.env().programme.currency.format_plain(balance));
    let correction = [
        ("kind", "correction"),
        ("amount", amount.as_str()),
        ("reason", "Paid in cash"),
        ("request", "erasure-test-1"),
    ];
    admin.post(&format!("{path}/adjust"), &correction).await.expect(StatusCode::SEE_OTHER);
    let before = site.balances(&partner).await;
    site.staff(Role::Finance).await.post(&erase, &fields).await.expect(StatusCode::FORBIDDEN);
    admin.post(&erase, &fields).await.expect(StatusCode::SEE_OTHER);

    assert_eq!(
        traces(&site, &["zenobia", "quill", &email, "pay@example.com", "weber"]).await,
        [] as [String; 0]
    );
    site.verify().await;
    // Every figure is what it was.
    assert_eq!(site.balances(&partner).await, before);
    assert_eq!(before.paid.minor(), 60_000);
    let won = site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap())).await;
    assert_eq!(won.partner.map(|partner| partner.name).as_deref(), Some("Erased partner"));
    assert_eq!(won.won.and_then(|won| won.commission).map(|booked| booked.amount.minor()), Some(200_000));
    // The office's pages still open, and it can't be done twice, nor taken back.
    for page in [
        path.as_str(),
        "/office/partners",
        "/office/withdrawals",
        "/office/claims",
        "/office/support",
        "/office/feedback",
        "/office/outbox",
    ] {
        admin.get(page).await.expect(StatusCode::OK);
    }
    admin.get(&path).await.expect_text("Personal data was erased on");
    admin.post(&erase, &fields).await.expect(StatusCode::CONFLICT).expect_text("done already");
    admin.post(&format!("{path}/reinstate"), &[]).await.expect(StatusCode::CONFLICT);

    // The session has ended and the password is gone; the link leads on and earns nothing.
    partner.browser.get("/link").await.expect(StatusCode::SEE_OTHER);
    let sign_in = [("email", email.as_str()), ("password", PASSWORD)];
    site.browser().post("/sign-in", &sign_in).await.expect(StatusCode::UNAUTHORIZED);
    let client = site.client_of(&partner, "Late Client").await;
    let deal = site.deal_of(client).await;
    assert_eq!(deal.partner, None);
    // Somebody with the same address signs up as somebody new.
    let again =
        [("name", "Zenobia Quill"), ("email", email.as_str()), ("password", "another quiet harbour 7")];
    let browser = site.browser();
    browser.post("/sign-up", &again).await.expect(StatusCode::SEE_OTHER);
    let page = browser.get("/statistics").await.expect(StatusCode::OK);
    assert!(!page.body.contains("20,000"), "the new account has nothing of the old one");
    site.verify().await;
});

both_databases!(a_client_is_forgotten_and_the_books_hold, async |db: Db| {
    let site = Site::start(db).await;
    listened_to(&site).await;
    let partner = site.partner("Mara").await;
    let browser = site.browser();
    browser.get(&format!("/r/{}", partner.code)).await.expect(StatusCode::FOUND);
    let fields = [
        ("name", "Otto Xaver"),
        ("email", "otto@xaver.example"),
        ("phone", "+49 30 555 0199"),
        ("message", "Otto needs a shop"),
    ];
    let client = browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number();
    let sales = site.staff(Role::Sales).await;
    sales.post(&format!("/office/clients/{client}/notes"), &[("message", "Otto is nice")]).await;
    sales.post(&format!("/office/clients/{client}/deals"), &[("title", "Shop for Xaver")]).await;
    let deal = site.deal_of(client).await.number;
    sales
        .post(&format!("/office/deals/{deal}/win"), &[("amount", "1000")])
        .await
        .expect(StatusCode::SEE_OTHER);
    site.app.write(move |tx, _| store::deals::set_external(tx, deal, "12")).await.unwrap();
    let crm = Crm::connect(&site, "pipedrive").await;
    let news = serde_json::json!({ "id": 12, "status": "won", "value": 1000, "title": "Shop of Otto Xaver" });
    assert_eq!(crm.tell(&site, "e1", "2026-11-27T10:00:00Z", news).await, (1, 0));
    assert!(traces(&site, &["xaver"]).await.iter().any(|trace| trace.starts_with("webhook_delivery")));
    // What other programs were answered is kept with its key, so that they may ask again.
    let (program, path) = (site.program("sales").await, format!("/clients/{client}/deals"));
    let again = || program.post_once("second", &path, serde_json::json!({ "title": "Xaver's second shop" }));
    again().await.expect(StatusCode::CREATED);
    assert!(again().await.replayed());
    let before = site.balances(&partner).await;
    let erase = format!("/office/clients/{client}/erase");
    let fields = [("reason", "Asked for it"), ("confirmation", "ERASE")];
    sales.post(&erase, &fields).await.expect(StatusCode::FORBIDDEN);
    let admin = site.staff(Role::Admin).await;
    admin
        .post(&erase, &[("reason", ""), ("confirmation", "erase")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    admin.post(&erase, &fields).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(traces(&site, &["xaver", "otto", "5550199", "555 0199"]).await, [] as [String; 0]);
    site.verify().await;
    assert_eq!(site.balances(&partner).await, before);
    let page = admin.get(&format!("/office/clients/{client}")).await.expect(StatusCode::OK);
    page.expect_text("Erased client");
    partner.browser.get("/statistics").await.expect(StatusCode::OK).expect_text("Erased client");
    // Asked again it is done no second time, and nothing is told of the person.
    again().await.expect_problem(StatusCode::GONE, "erased");
    let found = admin.get("/office/clients?q=otto").await.expect(StatusCode::OK);
    assert!(!found.body.contains(&format!("C-{client}")), "searches don't find the client by the old name");
});

both_databases!(a_partner_takes_everything_away, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, email, deal) = lived(&site).await;
    let other = site.partner("Somebody Else").await;
    site.client_of(&other, "Not Mine").await;
    let answer = partner.browser.get("/account/data.json").await.expect(StatusCode::OK);
    let data: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(data["account"][0]["email"], email.as_str());
    assert_eq!(data["partner"][0]["code"], partner.code.to_string());
    assert_eq!(data["wallets"][0]["address"], "pay@example.com");
    assert_eq!(data["withdrawals"].as_array().unwrap().len(), 2);
    assert_eq!(data["withdrawals"][0]["amount"], "600.00");
    assert_eq!(data["deals"][0]["number"], deal);
    assert_eq!(data["deals"][0]["amount"], "20000.00");
    assert_eq!(data["feedback"][0]["message"], "Zenobia likes it");
    assert_eq!(data["support_entries"][0]["message"], "Zenobia can't find it");
    assert_eq!(data["claims"][0]["client_name"], "Otto Weber");
    assert_eq!(data["statement"][0]["balance_after"], "2000.00");
    assert!(data["sessions"][0]["created_at"].as_str().unwrap().ends_with('Z'));
    for secret in ["Not Mine", "Somebody Else", "password_hash", "token_hash", "$argon2"] {
        assert!(!answer.body.contains(secret), "{secret}");
    }
    // Nobody else's: staff have none, guests are asked to sign in.
    site.browser().get("/account/data.json").await.expect(StatusCode::SEE_OTHER);
    let staff = site.staff(Role::Admin).await.get("/account/data.json").await;
    assert!(!staff.body.contains("Zenobia"));
    // The wish can be taken back.
    partner.browser.post("/account/erasure", &[("wanted", "yes")]).await.expect(StatusCode::SEE_OTHER);
    partner.browser.post("/account/erasure", &[("wanted", "no")]).await.expect(StatusCode::SEE_OTHER);
    partner.browser.get("/account").await.expect(StatusCode::OK).expect_text("Ask for erasure");
});
