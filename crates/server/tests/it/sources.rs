//! Links that carry more: words that stand for a partner, and where a link stood, from the click to the profit.

use axum::http::StatusCode;
use domain::{alias::Alias, alias::AliasKind, attribution::LinkRule, clock::Day, permission::Role};
use store::{Db, aliases, both_databases, sources::PartnerSource};

use crate::support::{Browser, Partner, Site};

/// What is counted by source, by name: clicks, clients, sales, profit in cents.
async fn counted(site: &Site, partner: &Partner) -> Vec<(String, i64, i64, i64, i64)> {
    let id = partner.id.clone();
    let mut rows: Vec<PartnerSource> = site.read(move |tx| store::sources::of_partner(tx, &id, Day(0))).await;
    rows.sort_by(|one, other| one.source.cmp(&other.source));
    let row = |row: PartnerSource| (row.source, row.clicks, row.clients, row.deals_won, row.profit.minor());
    rows.into_iter().map(row).collect()
}

async fn owner(site: &Site, client: i64) -> Option<String> {
    let client = site.read(move |tx| store::clients::by_number(tx, client)).await.unwrap();
    client.partner.map(|partner| partner.id)
}

async fn send(browser: &Browser, name: &str, more: &[(&str, &str)]) -> i64 {
    let mut fields = vec![("name", name), ("email", "hello@aurora.example.com")];
    fields.extend_from_slice(more);
    browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number()
}

async fn follow(browser: &Browser, path: &str, from: &str) -> String {
    browser.get_with(path, "referer", from).await.expect(StatusCode::FOUND).location().to_owned()
}

async fn act(site: &Site, deal: i64, act: &str, fields: &[(&str, &str)]) {
    let sales = site.staff(Role::Sales).await;
    sales.post(&format!("/office/deals/{deal}/{act}"), fields).await.expect(StatusCode::SEE_OTHER);
}

fn row(name: &str, clicks: i64, clients: i64, sales: i64, profit: i64) -> (String, i64, i64, i64, i64) {
    (name.to_owned(), clicks, clients, sales, profit)
}

both_databases!(a_place_named_in_the_link_is_credited_from_click_to_profit, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let code = partner.code.to_string();
    let browser = site.browser();
    let led = follow(&browser, &format!("/r/{code}?s=Spring%20Fair"), "https://blog.example/post").await;
    assert_eq!(led, format!("/contact?ref={code}&ref_source=spring-fair"));
    let client = send(&browser, "Aurora", &[]).await;
    follow(&site.browser(), &format!("/r/{code}"), "https://www.blog.example/post").await;
    follow(&site.browser(), &format!("/r/{code}"), "").await;
    let deal = site.deal_of(client).await.number;
    act(&site, deal, "win", &[("amount", "1000")]).await;
    let fair = |clients, sales, profit| row("spring-fair", 1, clients, sales, profit);
    let blog = row("blog.example", 1, 0, 0, 0);
    assert_eq!(counted(&site, &partner).await, [blog.clone(), fair(1, 1, 10_000)]);
    act(&site, deal, "refund", &[("amount", "500"), ("reason", "Less")]).await;
    assert_eq!(counted(&site, &partner).await, [blog.clone(), fair(1, 1, 5_000)]);
    site.verify().await;
    let page = partner.browser.get("/statistics").await.expect(StatusCode::OK);
    for text in ["spring-fair", "blog.example", "Direct or unknown", "/statistics/sources.csv"] {
        page.expect_text(text);
    }
    let file = partner.browser.get("/statistics/sources.csv").await.expect(StatusCode::OK);
    assert_eq!(file.body.lines().count(), 3, "{}", file.body);
    file.expect_text(",spring-fair,1,1,1,50.00,USD");
    // Taken back, and given to somebody else: the other partner's links stood nowhere.
    let other = site.partner("Ben").await;
    let admin = site.staff(Role::Admin).await;
    let fields = [("partner", &*other.code.to_string()), ("reason", "He brought her")];
    let path = format!("/office/clients/{client}/attribution");
    let asked = admin.post(&path, &fields).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
    assert_eq!(counted(&site, &partner).await, [blog, fair(0, 0, 0)]);
    assert_eq!(counted(&site, &other).await, []);
    act(&site, deal, "reopen", &[("reason", "Not signed yet")]).await;
    site.verify().await;
});

both_databases!(where_the_first_link_stood_counts_where_the_first_link_counts, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.link_rule = LinkRule::First).await;
    let partner = site.partner("Mara").await;
    let code = partner.code.to_string();
    let browser = site.browser();
    follow(&browser, &format!("/r/{code}?s=first"), "").await;
    follow(&browser, &format!("/r/{code}?s=second"), "").await;
    let client = send(&browser, "Aurora", &[]).await;
    assert_eq!(owner(&site, client).await, Some(partner.id.clone()));
    assert_eq!(counted(&site, &partner).await, [row("first", 1, 1, 0, 0), row("second", 1, 0, 0, 0)]);
});

both_databases!(without_cookies_the_form_carries_where_the_link_stood, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let code = partner.code.to_string();
    let led = follow(&site.browser(), &format!("/r/{code}?s=card"), "").await;
    let other = site.browser();
    let form = other.get(&led).await.expect(StatusCode::OK);
    form.expect_text("name=\"source\" value=\"card\"");
    send(&other, "Aurora", &[("code", &code), ("via", "link"), ("source", "card")]).await;
    assert_eq!(counted(&site, &partner).await, [row("card", 1, 1, 0, 0)]);
    // Programs that look at links are not counted for a place either.
    other.get_with(&format!("/r/{code}?s=card"), "user-agent", "curl/8.5").await.expect(StatusCode::FOUND);
    assert_eq!(counted(&site, &partner).await, [row("card", 1, 1, 0, 0)]);
    site.verify().await;
});

both_databases!(a_partner_chooses_a_word_and_it_leads_on_for_good, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, ben) = (site.partner("Mara").await, site.partner("Ben").await);
    let choose =
        async |partner: &Partner, word: &str| partner.browser.post("/link/alias", &[("alias", word)]).await;
    let done = choose(&mara, "Mara-Design").await.expect(StatusCode::SEE_OTHER);
    assert_eq!(done.location(), "/link?done=alias");
    mara.browser.get("/link").await.expect_text("/r/mara-design");
    // Again changes nothing; others can't have it, nor what looks like it.
    choose(&mara, "mara-design").await.expect(StatusCode::SEE_OTHER);
    for word in ["MARA-design", "rnara-des1gn"] {
        choose(&ben, word).await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("Somebody else");
    }
    choose(&ben, "admin").await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("value=\"admin\"");
    let browser = site.browser();
    let led = follow(&browser, "/r/MARA-Design.?s=talk", "").await;
    assert_eq!(led, format!("/contact?ref={}&ref_source=talk", mara.code));
    let client = send(&browser, "Aurora", &[]).await;
    assert_eq!(owner(&site, client).await, Some(mara.id.clone()));
    // Typed, a word counts that can't be a name, and so does a link.
    for typed in ["mara-design", "https://partners.example/r/Mara-Design?s=x"] {
        let client = send(&site.browser(), "Borealis", &[("code", typed)]).await;
        assert_eq!(owner(&site, client).await, Some(mara.id.clone()), "{typed}");
    }
    choose(&ben, "bennie").await.expect(StatusCode::SEE_OTHER);
    let client = send(&site.browser(), "Cirrus", &[("code", "Bennie")]).await;
    assert_eq!(owner(&site, client).await, None, "any Bennie may have been meant");
    let led = follow(&site.browser(), "/r/bennie", "").await;
    assert_eq!(led, format!("/contact?ref={}", ben.code));
    for word in ["mara-two", "mara-three"] {
        choose(&mara, word).await.expect(StatusCode::SEE_OTHER);
    }
    choose(&mara, "mara-four").await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("3 words");
    let acts = site.acts(&mara.id).await;
    assert_eq!(acts.iter().filter(|(act, ..)| act == "partner.alias_chosen").count(), 3);
    let found = site.staff(Role::Admin).await.get("/office/partners?q=mara-three").await;
    found.expect_text("Mara");
});

both_databases!(a_code_of_another_system_is_its_partners_before_any_repair, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, ben) = (site.partner("Mara").await, site.partner("Ben").await);
    // What would be repaired to Ben's code was Mara's in the old system.
    let mut old: Vec<char> = ben.code.to_string().chars().collect();
    old[2] = if old[2] == 'A' { 'B' } else { 'A' };
    let old: String = old.into_iter().collect();
    let led = follow(&site.browser(), &format!("/r/{old}"), "").await;
    assert_eq!(led, format!("/contact?ref={}", ben.code));
    let (id, word) = (mara.id.clone(), Alias::read(&old).unwrap());
    let given =
        site.app.write(move |tx, env| aliases::insert(tx, &word, &id, AliasKind::Imported, env.now)).await;
    assert!(given.unwrap());
    let led = follow(&site.browser(), &format!("/r/{old}"), "").await;
    assert_eq!(led, format!("/contact?ref={}", mara.code));
    let client = send(&site.browser(), "Aurora", &[("code", &old)]).await;
    assert_eq!(owner(&site, client).await, Some(mara.id.clone()));
    // And one that is exactly Ben's code is not given to anybody else.
    let (id, word) = (mara.id.clone(), Alias::read(&ben.code.to_string()).unwrap());
    let refused = site
        .app
        .write(move |tx, env| server::ops::aliases::give(tx, env, &id, &word, AliasKind::Imported))
        .await;
    assert!(matches!(refused, Err(server::ops::aliases::AliasError::IsCode)), "{refused:?}");
});

both_databases!(a_link_for_one_place_is_made_on_the_page, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let get = async |path: &str| partner.browser.get(path).await;
    let page = get("/link?s=Spring+Fair").await.expect(StatusCode::OK);
    page.expect_text(&format!("/r/{}?s=spring-fair", partner.code));
    page.expect_text("/link/qr.svg?s=spring-fair");
    let file = get("/link/qr.svg?s=spring-fair").await.expect(StatusCode::OK);
    let name = file.headers["content-disposition"].to_str().unwrap().to_owned();
    assert!(name.contains(&format!("referral-{}-spring-fair.svg", partner.code)), "{name}");
    assert_ne!(file.body, get("/link/qr.svg").await.body);
    site.set(|programme| programme.site_url = "https://company.example".into()).await;
    let page = get("/link?to=/pricing&s=x").await.expect(StatusCode::OK);
    page.expect_text(&format!("/r/{}?s=x&#38;to=/pricing", partner.code));
    get("/link?to=https://evil.example").await.expect(StatusCode::OK).expect_text("first slash");
});
