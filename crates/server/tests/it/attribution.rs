//! A client follows a link and sends the form: whose client is it?

use axum::http::{StatusCode, header};
use domain::{attribution::LinkRule, clock::DAY, permission::Role};
use reqwest::Method;
use store::{Db, both_databases, clients::Attribution};

use crate::support::{Browser, Site};

async fn owner(site: &Site, client: i64) -> Option<String> {
    site.read(move |tx| Ok(store::clients::by_number(tx, client)?.unwrap().partner.map(|partner| partner.id)))
        .await
}

async fn history(site: &Site, client: i64) -> Vec<Attribution> {
    site.read(move |tx| store::clients::attributions(tx, client)).await
}

/// Sends the form as the page of the browser has it.
async fn send(browser: &Browser, more: &[(&str, &str)]) -> i64 {
    let mut fields = vec![("name", "Aurora Ceramics"), ("email", "hello@aurora.example.com")];
    fields.extend_from_slice(more);
    browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number()
}

both_databases!(the_link_makes_the_client_the_partners, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let browser = site.browser();
    let code = partner.code.to_string();
    let followed = browser.get(&format!("/r/{code}")).await.expect(StatusCode::FOUND);
    assert_eq!(followed.location(), format!("/contact?ref={code}"));
    let cookie = followed.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("gw_ref=") && cookie.contains("HttpOnly") && cookie.contains("Max-Age=7776000"),
        "{cookie}"
    );
    let client = send(&browser, &[]).await;
    assert_eq!(owner(&site, client).await, Some(partner.id.clone()));
    let deal = site.deal_of(client).await;
    assert_eq!((deal.status.as_str(), deal.client_number), ("pending", client));
    let id = partner.id.clone();
    let (days, clicks) = site
        .read(move |tx| {
            Ok((store::partners::days(tx, &id, domain::clock::Day(0))?, store::partners::clicks(tx, &id)?))
        })
        .await;
    assert_eq!(clicks, 1);
    assert_eq!(days.iter().map(|day| (day.clicks, day.clients)).collect::<Vec<_>>(), [(1, 1)]);
});

both_databases!(a_link_survives_what_people_do_to_it, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let code = partner.code.to_string();
    let lower = code.to_lowercase();
    let dashed = format!("{}-{}", &lower[..4], &lower[4..]);
    for path in [
        lower.clone(),
        dashed,
        format!("{code}."),
        format!("{code}%29"),
        format!("{code}/"),
        format!("{code}?utm_source=telegram&fbclid=abc"),
        code.replace('0', "O").replace('1', "l"),
    ] {
        let browser = site.browser();
        let followed = browser.get(&format!("/r/{path}")).await.expect(StatusCode::FOUND);
        assert_eq!(followed.location(), format!("/contact?ref={code}"), "{path}");
        assert_eq!(owner(&site, send(&browser, &[]).await).await, Some(partner.id.clone()), "{path}");
    }
});

both_databases!(a_link_leads_to_a_page_of_the_companys_site_and_nowhere_else, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.site_url = "https://company.example/welcome".into()).await;
    let partner = site.partner("Mara").await;
    let code = partner.code.to_string();
    let browser = site.browser();
    for (query, led) in [
        (
            "?to=/pricing&utm_source=mail",
            format!("https://company.example/pricing?utm_source=mail&ref={code}"),
        ),
        ("?to=//evil.example/", format!("https://company.example/welcome?ref={code}")),
        ("", format!("https://company.example/welcome?ref={code}")),
    ] {
        let followed = browser.get(&format!("/r/{code}{query}")).await.expect(StatusCode::FOUND);
        assert_eq!(followed.location(), led, "{query}");
    }
    assert_eq!(owner(&site, send(&browser, &[]).await).await, Some(partner.id.clone()));
    let lost = site.browser().get("/r/not-a-code?to=/pricing").await.expect(StatusCode::FOUND);
    assert_eq!(lost.location(), "https://company.example/pricing");
});

both_databases!(one_wrong_letter_is_repaired_and_two_are_nobodys, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let code = partner.code.to_string();
    let other = |letter: u8| if letter == b'7' { b'8' } else { b'7' };
    let mut one = code.clone().into_bytes();
    one[2] = other(one[2]);
    let mut two = one.clone();
    two[5] = other(two[5]);
    let (one, two) = (String::from_utf8(one).unwrap(), String::from_utf8(two).unwrap());

    // Typed into the form: the history says from what it was repaired.
    let client = send(&site.browser(), &[("code", &one)]).await;
    assert_eq!(owner(&site, client).await, Some(partner.id.clone()));
    let decided = &history(&site, client).await[0];
    assert_eq!((decided.method.as_str(), decided.repaired_from.as_deref()), ("code", Some(one.as_str())));

    let browser = site.browser();
    assert_eq!(browser.get(&format!("/r/{one}")).await.location(), format!("/contact?ref={code}"));

    // Beyond repair: the client is led on all the same, and the form asks.
    let browser = site.browser();
    let followed = browser.get(&format!("/r/{two}")).await.expect(StatusCode::FOUND);
    assert_eq!(followed.location(), "/contact");
    browser.get("/contact").await.expect_text("Who recommended us?");
    assert_eq!(owner(&site, send(&browser, &[]).await).await, None);
    let refused =
        browser.post("/contact", &[("name", "A"), ("email", "a@example.com"), ("code", &two)]).await;
    let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("This is not a code of ours");
    refused.expect_text(&two);
});

both_databases!(the_redirect_answers_whatever_it_is_asked, async |db: Db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    for path in
        ["/r", "/r/", "/r/x", "/r/%00%ff%fe", "/r/🦀🦀🦀🦀🦀🦀🦀🦀", "/r/0000000000000000000000000000"]
    {
        let answer = browser.get(path).await.expect(StatusCode::FOUND);
        assert_eq!(answer.location(), "/contact", "{path}");
    }
    site.set(|programme| programme.site_url = "https://studio.example/start?lang=en".into()).await;
    let partner = site.partner("Mara").await;
    let to = browser.get(&format!("/r/{}", partner.code)).await;
    assert_eq!(to.location(), format!("https://studio.example/start?lang=en&ref={}", partner.code));
    assert_eq!(browser.get("/r/nonsense").await.location(), "https://studio.example/start?lang=en");
});

both_databases!(the_last_link_counts_or_the_first_as_the_office_has_set, async |db: Db| {
    let site = Site::start(db).await;
    let (early, late) = (site.partner("Early").await, site.partner("Late").await);
    let visit = async || {
        let browser = site.browser();
        browser.get(&format!("/r/{}", early.code)).await;
        browser.get(&format!("/r/{}", late.code)).await;
        browser
    };
    assert_eq!(owner(&site, send(&visit().await, &[]).await).await, Some(late.id.clone()));
    site.set(|programme| programme.link_rule = LinkRule::First).await;
    let browser = visit().await;
    assert_eq!(owner(&site, send(&browser, &[]).await).await, Some(early.id.clone()));
    // The page that the second link leads to carries the first one's code.
    let page = browser.get(&format!("/contact?ref={}", late.code)).await;
    page.expect_text(&format!("name=\"code\" value=\"{}\"", early.code));
});

both_databases!(a_link_counts_within_its_window_only, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let browser = site.browser();
    browser.get(&format!("/r/{}", partner.code)).await;
    site.clock.advance(89 * DAY);
    assert_eq!(owner(&site, send(&browser, &[]).await).await, Some(partner.id.clone()));
    site.clock.advance(2 * DAY);
    assert_eq!(owner(&site, send(&browser, &[]).await).await, None);
});

both_databases!(a_form_sent_twice_makes_one_client, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let browser = site.browser();
    browser.get(&format!("/r/{}", partner.code)).await;
    let fields = [("name", "Twice"), ("phone", "+351 912 000 114"), ("submission", "the-same-form")];
    let sent = futures(12, || {
        let browser = browser.clone();
        async move { browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number() }
    })
    .await;
    assert!(sent.iter().all(|number| *number == sent[0]), "{sent:?}");
    let first = sent[0];
    // A form that comes again later uses up no number.
    let send = async |name: &str| {
        let fields = [("name", name), ("phone", "+351 912 000 115"), ("submission", name)];
        browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number()
    };
    let one = send("one").await;
    assert_eq!([send("one").await, send("one").await, send("two").await], [one, one, one + 1]);
    let deals = site.read(move |tx| store::deals::of_client(tx, first)).await;
    assert_eq!(deals.len(), 1);
    let id = partner.id.clone();
    let counted = site.read(move |tx| Ok(store::partners::by_id(tx, &id)?.unwrap().clients)).await;
    assert_eq!(counted, 3);
});

both_databases!(who_recommended_us_may_be_said_by_name, async |db: Db| {
    let site = Site::start(db).await;
    let sales = site.staff(Role::Sales).await;
    for (typed, kept) in
        [("my friend Pia <3", true), ("Jonas", true), ("K7XM49Q", false), ("ABCDEFGH", false)]
    {
        let fields =
            [("name", "Aurora"), ("phone", "+351 912 000 114"), ("message", "A shop"), ("code", typed)];
        let answer = site.browser().post("/contact", &fields).await;
        if !kept {
            let refused = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
            refused.expect_text("the name of the person");
            refused.expect_text(typed);
            continue;
        }
        let client = answer.expect(StatusCode::CREATED).client_number();
        let page = sales.get(&format!("/office/clients/{client}")).await.expect(StatusCode::OK);
        page.expect_text("A shop");
        page.expect_text(&format!("Recommended by: {}", typed.replace('<', "&#60;")));
        assert!(site.deal_of(client).await.partner.is_none());
    }
});

both_databases!(a_suspended_partner_earns_no_new_client, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let id = partner.id.clone();
    let by = server::ops::Actor::server();
    site.app.write(move |tx, env| server::ops::partners::suspend(tx, env, &by, &id, "Spam")).await.unwrap();
    let browser = site.browser();
    let followed = browser.get(&format!("/r/{}", partner.code)).await.expect(StatusCode::FOUND);
    assert!(followed.location().starts_with("/contact"));
    let client = send(&browser, &[]).await;
    assert_eq!(owner(&site, client).await, None);
    // Nothing is lost: the history says whose link it was, and why it counts for nobody.
    let decided = &history(&site, client).await[0];
    assert_eq!(decided.code.as_deref(), Some(partner.code.to_string().as_str()));
    assert!(decided.reason.as_deref().unwrap().contains("suspended"));
});

both_databases!(programs_that_look_at_links_are_not_counted, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let address = format!("{}/r/{}", site.url, partner.code);
    let bot =
        http.get(&address).header(header::USER_AGENT, "TelegramBot (like TwitterBot)").send().await.unwrap();
    assert_eq!(bot.status(), StatusCode::FOUND);
    let head = http.request(Method::HEAD, &address).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::FOUND);
    let id = partner.id.clone();
    assert_eq!(site.read(move |tx| store::partners::visits(tx, &id)).await, (0, 2));
    partner.browser.get("/statistics").await.expect_text("No clicks yet");
    let office = site.staff(Role::Support).await;
    office.get(&format!("/office/partners/{}", partner.id)).await.expect_text("and 2 of programs");
});

/// The same thing many times at once.
pub async fn futures<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: usize,
    make: impl Fn() -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(make())).collect();
    let mut done = Vec::with_capacity(count);
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

both_databases!(a_form_filled_in_by_a_program_is_not_lost_silently, async |db: Db| {
    let site = Site::start(db).await;
    let browser = site.browser();
    let fields =
        [("name", "Aurora Ceramics"), ("email", "a@example.com"), ("leave_empty", "https://spam.example")];
    let refused = browser.post("/contact", &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("press Send once more");
    refused.expect_text("value=\"Aurora Ceramics\"");
    assert!(!refused.body.contains("spam.example"));
});

both_databases!(the_contact_page_reads_any_address, async |db: Db| {
    let site = Site::start(db).await;
    for query in ["?ref=A&ref=B", "?ref=%ff%00", "?=&&&", "?ref"] {
        site.browser().get(&format!("/contact{query}")).await.expect(StatusCode::OK);
    }
});
