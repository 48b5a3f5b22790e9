//! A partner claims a client whose link was lost; sales looks at what speaks for it and rules.

use axum::http::StatusCode;
use domain::{
    clock::{DAY, Day},
    permission::Role,
};
use server::{config::Settings, ops};
use store::{Db, both_databases, claims::Claim};

use crate::{
    attribution::futures,
    attribution_moves::{audited, history, money, told},
    support::{Answer, Browser, Partner, Site},
};

/// The fields of a claim to Aurora Ceramics.
pub fn fields<'a>(day: &'a str, submission: &'a str) -> [(&'static str, &'a str); 6] {
    [
        ("client_name", "Aurora Ceramics"),
        ("client_contact", "Hello+shop@Aurora.example"),
        ("sent_on", day),
        ("how", "By Telegram"),
        ("evidence", "She wrote: Jonas sent me."),
        ("submission", submission),
    ]
}

pub fn today(site: &Site) -> String {
    site.app.env().now.day().iso()
}

pub async fn file(site: &Site, partner: &Partner, submission: &str) -> Answer {
    let day = today(site);
    partner.browser.post("/claims", &fields(&day, submission)).await
}

pub async fn newest(site: &Site, partner: &Partner) -> Claim {
    let id = partner.id.clone();
    site.read(move |tx| Ok(store::claims::of_partner(tx, &id, None, 1)?.remove(0))).await
}

/// A client who came by somebody else's link.
pub async fn client_with(browser: &Browser, name: &str, email: &str) -> i64 {
    let fields = [("name", name), ("email", email)];
    browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number()
}

both_databases!(an_accepted_claim_moves_what_was_booked_to_another, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    // Aurora was sent by Jonas, but came through Mara's link.
    let browser = site.browser();
    browser.get(&format!("/r/{}", mara.code)).await;
    let client = client_with(&browser, "Aurora Ceramics Ltd", "hello@aurora.example").await;
    let deal = site.deal_of(client).await.number;
    sales
        .post(&format!("/office/deals/{deal}/win"), &[("amount", "10000")])
        .await
        .expect(StatusCode::SEE_OTHER);

    let answer = file(&site, &jonas, "s1").await.expect(StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), "/claims?done=claim");
    let claim = newest(&site, &jonas).await;
    assert!(claim.number >= 4001);
    let page = jonas.browser.get("/claims?done=claim").await.expect(StatusCode::OK);
    page.expect_text(&format!("K-{}", claim.number));
    page.expect_text("Open, we answer by");
    assert!(!page.body.contains("Mara") && !page.body.contains(&format!("C-{client}")));

    let inbox = sales.get("/office/claims").await.expect(StatusCode::OK);
    inbox.expect_text(&format!("/office/claims/{}", claim.number));
    let path = format!("/office/claims/{}", claim.number);
    let page = sales.get(&path).await.expect(StatusCode::OK);
    for text in [
        "Strong",
        "The same email address.",
        "The same name.",
        "Left the contact on the stated day.",
        "Belongs to Mara.",
        "Followed the link, ",
        "Moves 1 won deal; takes $1,000.00 of commission from Mara.",
        &format!("name=\"client\" value=\"{client}\""),
        "She wrote: Jonas sent me.",
    ] {
        page.expect_text(text);
    }
    // A ruling has a client and a reason.
    let accept = format!("{path}/accept");
    sales.post(&accept, &[("client", ""), ("reason", "x")]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let number = client.to_string();
    sales
        .post(&accept, &[("client", &number), ("reason", "")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    let refused = sales.post(&accept, &[("client", "999999"), ("reason", "x")]).await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("no client with this number");
    let answer = sales.post(&accept, &[("client", &number), ("reason", "The address is hers")]).await;
    assert_eq!(answer.expect(StatusCode::SEE_OTHER).location(), format!("{path}?done=accepted"));

    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((0, 0), (100_000, 0)));
    // Both read how the commission came about, who lost it and who has it now.
    for partner in [&mara, &jonas] {
        let entries = partner.browser.get(&format!("/statistics/entries?deal={deal}")).await;
        entries.expect_text("10,000.00 × 10 % = 1,000.00. 10 %");
    }
    let decided = history(&site, client).await.remove(0);
    assert_eq!((decided.method.as_str(), decided.claim), ("claim", Some(claim.number)));
    assert!(decided.evidence.contains("The same email address."), "{}", decided.evidence);
    let letters = told(&site, &jonas).await;
    assert!(letters.iter().any(|letter| letter.starts_with("Your claim is accepted")), "{letters:?}");
    assert!(letters.iter().any(|letter| letter.starts_with("Aurora Ceramics Ltd is now your client")));
    assert!(told(&site, &mara).await[0].starts_with("Aurora Ceramics Ltd is no longer your client"));
    let (act, changes, reason) = audited(&site, "claim", claim.number).await;
    assert_eq!((act.as_str(), reason.as_str()), ("claim.accepted", "The address is hers"));
    assert!(changes.contains("The same email address."), "{changes}");
    assert_eq!(audited(&site, "client", client).await.0, "client.attributed");
    let page = jonas.browser.get("/claims").await.expect(StatusCode::OK);
    page.expect_text("Accepted");
    page.expect_text("The address is hers");
    page.expect_text(&format!("C-{client}"));
    let page = sales.get(&format!("/office/clients/{client}")).await.expect(StatusCode::OK);
    page.expect_text(&path);

    // Once is enough.
    sales.post(&accept, &[("client", &number), ("reason", "Again")]).await.expect(StatusCode::CONFLICT);
    sales.post(&format!("{path}/reject"), &[("reason", "No")]).await.expect(StatusCode::CONFLICT);
    sales.post(&format!("{path}/reject"), &[("reason", "")]).await.expect(StatusCode::CONFLICT);
    let late = jonas.browser.post(&format!("/claims/{}/withdraw", claim.number), &[]).await;
    late.expect(StatusCode::CONFLICT).expect_text("answered or withdrawn already");
    site.verify().await;
});

both_databases!(a_claim_to_the_partners_own_client_moves_nothing_and_says_so, async |db: Db| {
    let site = Site::start(db).await;
    let (jonas, sales) = (site.partner("Jonas").await, site.staff(Role::Sales).await);
    let browser = site.browser();
    browser.get(&format!("/r/{}", jonas.code)).await;
    let client = client_with(&browser, "Aurora Ceramics Ltd", "hello@aurora.example").await;
    file(&site, &jonas, "s1").await.expect(StatusCode::SEE_OTHER);
    let first = newest(&site, &jonas).await.number;
    file(&site, &jonas, "s2").await.expect(StatusCode::SEE_OTHER);
    let second = newest(&site, &jonas).await.number;
    let path = format!("/office/claims/{first}");
    let page = sales.get(&path).await.expect(StatusCode::OK);
    page.expect_text("Already belongs to this partner.");
    page.expect_text("Accepting moves nothing");
    page.expect_text(&format!("<a href=\"/office/claims/{second}\">K-{second}</a>"));
    let fields = [("client", client.to_string()), ("reason", "It is so already".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = sales.post(&format!("{path}/accept"), &fields).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), format!("{path}?done=accepted-same"));
    sales.get(answer.location()).await.expect_text("nothing has moved");
    assert_eq!(history(&site, client).await.len(), 1);
    // Only open claims are named.
    let page = sales.get(&format!("/office/claims/{second}")).await.expect(StatusCode::OK);
    assert!(!page.body.contains("Also claimed"));
    // Nobody loses a client who was nobody's.
    let nobodys = client_with(&site.browser(), "Aurora Ceramics", "hello@aurora.example").await;
    let fields = [("client", nobodys.to_string()), ("reason", "It is theirs".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = sales.post(&format!("/office/claims/{second}/accept"), &fields).await;
    assert!(answer.location().ends_with("?done=accepted-first"), "{}", answer.location());
    site.verify().await;
});

both_databases!(a_rejected_claim_gives_its_reason_and_tells_nothing_else, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let browser = site.browser();
    browser.get(&format!("/r/{}", mara.code)).await;
    client_with(&browser, "Aurora Ceramics", "hello@aurora.example").await;
    // The answer is the same, whether anybody knows the client or not.
    let known = file(&site, &jonas, "s1").await.expect(StatusCode::SEE_OTHER);
    let day = today(&site);
    let mut unknown = fields(&day, "s2");
    unknown[0].1 = "Nobody Knows";
    unknown[1].1 = "nobody@nowhere.example";
    let other = jonas.browser.post("/claims", &unknown).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(known.location(), other.location());
    let claim = newest(&site, &jonas).await;
    let path = format!("/office/claims/{}", claim.number);
    sales.get(&path).await.expect_text("Nobody who left a contact matches");
    sales.post(&format!("{path}/reject"), &[("reason", "")]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    sales.post(&format!("{path}/reject"), &[("reason", "No trace")]).await.expect(StatusCode::SEE_OTHER);
    let page = jonas.browser.get("/claims").await.expect(StatusCode::OK);
    page.expect_text("Not accepted");
    page.expect_text("No trace");
    assert!(!page.body.contains("Mara") && !page.body.contains("Sales"), "{}", page.body);
    assert!(told(&site, &jonas).await[0].contains("No trace"));
    assert_eq!(audited(&site, "claim", claim.number).await.0, "claim.rejected");
    for status in ["open", "accepted", "rejected", "withdrawn", "nonsense"] {
        sales.get(&format!("/office/claims?status={status}")).await.expect(StatusCode::OK);
    }
    // Another partner's claim is nobody else's.
    mara.browser
        .post(&format!("/claims/{}/withdraw", claim.number - 1), &[])
        .await
        .expect(StatusCode::NOT_FOUND);
    jonas
        .browser
        .post(&format!("/claims/{}/withdraw", claim.number - 1), &[])
        .await
        .expect(StatusCode::SEE_OTHER);
    jonas.browser.get("/claims").await.expect_text("Withdrawn");
    for path in ["/claims/abc/withdraw", "/claims/999999/withdraw"] {
        assert!(jonas.browser.post(path, &[]).await.status.is_client_error(), "{path}");
    }
    site.verify().await;
});

both_databases!(a_claim_is_accepted_after_part_of_the_commission_was_withdrawn, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let deal = site.won(&mara, "10000").await;
    let client = site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap().client_number)).await;
    let wallet = mara.add_wallet(&site).await;
    mara.withdraw("600", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
    let number = client.to_string();
    for (submission, moved) in [("s1", true), ("s2", false)] {
        file(&site, &jonas, submission).await.expect(StatusCode::SEE_OTHER);
        let path = format!("/office/claims/{}", newest(&site, &jonas).await.number);
        let fields = [("client", "other"), ("other", &*number), ("reason", "It is")];
        sales.post(&format!("{path}/accept"), &fields).await.expect(StatusCode::SEE_OTHER);
        // The second time the client is the claimant's already: the claim is right, and nothing moves.
        assert_eq!(history(&site, client).await.len(), 2, "{submission}");
        assert_eq!(newest(&site, &jonas).await.status.as_str(), "accepted");
        assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((-60_000, 0), (100_000, 0)));
        let lost = told(&site, &mara).await.iter().filter(|letter| letter.contains("no longer")).count();
        assert_eq!(lost, 1, "moved: {moved}");
    }
    mara.withdraw("500", &wallet, "r2").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let refund = [("amount", "5000"), ("reason", "Half of it was cancelled")];
    sales.post(&format!("/office/deals/{deal}/refund"), &refund).await.expect(StatusCode::SEE_OTHER);
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((-60_000, 0), (50_000, 0)));
    // The next commission nets off what is owed.
    site.won(&mara, "7000").await;
    assert_eq!(money(&site, &mara).await, (10_000, 0));
    site.verify().await;
});

both_databases!(a_form_sent_twice_is_one_claim, async |db: Db| {
    let site = Site::start(db).await;
    let jonas = site.partner("Jonas").await;
    let day = today(&site);
    let sent = futures(10, || {
        let (browser, day) = (jonas.browser.clone(), day.clone());
        async move { browser.post("/claims", &fields(&day, "one")).await.status }
    })
    .await;
    assert!(sent.iter().all(|status| *status == StatusCode::SEE_OTHER), "{sent:?}");
    let id = jonas.id.clone();
    assert_eq!(site.read(move |tx| store::claims::of_partner(tx, &id, None, 50)).await.len(), 1);
    // No more than a person can mean at once.
    for index in 0..ops::claims::MOST_OPEN - 1 {
        file(&site, &jonas, &format!("s{index}")).await.expect(StatusCode::SEE_OTHER);
    }
    let full = file(&site, &jonas, "one too many").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    full.expect_text("still open");
    full.expect_text("She wrote: Jonas sent me.");
    jonas.browser.get("/claims").await.expect_text("Older claims");
    let number = newest(&site, &jonas).await.number;
    jonas.browser.get(&format!("/claims?before={}", number - 19)).await.expect_text("First page");
    let sales = site.staff(Role::Sales).await;
    let inbox = sales.get("/office/claims").await.expect(StatusCode::OK);
    let next = inbox.body.split("/office/claims?status=open&#38;after=").nth(1).expect("a next page");
    let after = next.split('"').next().unwrap();
    let page = sales.get(&format!("/office/claims?status=open&after={after}")).await.expect(StatusCode::OK);
    page.expect_text(&format!("K-{number}"));
    // A suspended partner gets no new clients.
    let id = jonas.id.clone();
    site.app
        .write(move |tx, env| ops::partners::suspend(tx, env, &ops::Actor::server(), &id, "Spam"))
        .await
        .unwrap();
    file(&site, &jonas, "later").await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("suspended");
    let client = client_with(&site.browser(), "Aurora Ceramics", "hello@aurora.example").await;
    let fields = [("client", &*client.to_string()), ("reason", "x")];
    let refused = sales.post(&format!("/office/claims/{number}/accept"), &fields).await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("Jonas is suspended");
    // Refused as a whole: the claim is still open.
    assert_eq!(newest(&site, &jonas).await.status.as_str(), "open");
});

both_databases!(of_two_rulings_at_once_one_counts, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let deal = site.won(&mara, "10000").await;
    let client = site.read(move |tx| Ok(store::deals::by_number(tx, deal)?.unwrap().client_number)).await;
    file(&site, &jonas, "s1").await.expect(StatusCode::SEE_OTHER);
    let claim = newest(&site, &jonas).await.number;
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..12 {
        let (sales, jonas) = (sales.clone(), jonas.browser.clone());
        tasks.spawn(async move {
            let (number, path) = (client.to_string(), format!("/office/claims/{claim}"));
            match index % 3 {
                0 => {
                    sales
                        .post(&format!("{path}/accept"), &[("client", &number), ("reason", "Yes")])
                        .await
                        .status
                }
                1 => sales.post(&format!("{path}/reject"), &[("reason", "No")]).await.status,
                _ => jonas.post(&format!("/claims/{claim}/withdraw"), &[]).await.status,
            }
        });
    }
    let statuses = tasks.join_all().await;
    assert!(
        statuses.iter().all(|status| matches!(*status, StatusCode::SEE_OTHER | StatusCode::CONFLICT)),
        "{statuses:?}"
    );
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    let accepted = newest(&site, &jonas).await.status.as_str() == "accepted";
    let expected = if accepted { ((0, 0), (100_000, 0)) } else { ((100_000, 0), (0, 0)) };
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), expected);
    site.verify().await;
});

both_databases!(an_overdue_claim_is_marked_and_staff_are_told_once, async |db: Db| {
    let site = Site::start(db).await;
    let jonas = site.partner("Jonas").await;
    let sales = site.staff(Role::Sales).await;
    file(&site, &jonas, "s1").await.expect(StatusCode::SEE_OTHER);
    let claim = newest(&site, &jonas).await;
    assert_eq!(claim.due_on, domain::claim::due_day(claim.filed_at.day(), 5));
    let letters = || {
        site.read(|tx| {
            tx.one("SELECT COUNT(*) FROM outbox WHERE notice = 'office_claim'", &[])?.get::<i64>(0)
        })
    };
    let end = Day(claim.due_on.0 + 1).start().since(site.app.env().now);
    site.clock.advance(end - 60_000_000);
    assert_eq!(site.app.write(ops::claims::remind).await.unwrap(), 0);
    let page = sales.get("/office/claims").await.expect(StatusCode::OK);
    page.expect_text("Due ");
    site.clock.advance(2 * 60_000_000);
    assert_eq!(site.app.write(ops::claims::remind).await.unwrap(), 1);
    assert_eq!(site.app.write(ops::claims::remind).await.unwrap(), 0);
    assert_eq!(letters().await, 1);
    let page = sales.get("/office/claims").await.expect(StatusCode::OK);
    page.expect_text("Overdue since");
    page.expect_text("1<span class=\"vh\"> open, overdue</span>");
    jonas.browser.get("/claims").await.expect_text("was to be answered by");
});

both_databases!(unreadable_codes_are_kept_within_bounds, async |db: Db| {
    let site = Site::start(db).await;
    for path in ["/r/x", "/r/", "/r/%00%ff%fe", "/r/wp-login.php.backup.old.zip"] {
        site.browser().get(path).await.expect(StatusCode::FOUND);
    }
    for _ in 0..3 {
        site.browser().get("/r/K7XM49Q").await.expect(StatusCode::FOUND);
    }
    let count = || site.read(|tx| tx.one("SELECT COUNT(*) FROM damaged_code", &[])?.get::<i64>(0));
    for _ in 0..100 {
        if count().await >= 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(count().await, 3);
    site.app
        .db
        .write(|tx| store::matching::sweep_damaged(tx, domain::clock::Timestamp::from_micros(0), 2))
        .await
        .unwrap();
    assert_eq!(count().await, 2);
    site.clock.advance(200 * DAY);
    site.app.write(ops::clicks::sweep_damaged).await.unwrap();
    assert_eq!(count().await, 0);
});

both_databases!(one_visitor_does_not_crowd_out_the_damaged_codes_of_others, async |db: Db| {
    let settings = Settings { trusted_proxies: Some("127.0.0.1".into()), ..Settings::default() };
    let site = Site::start_with(db, settings).await;
    let follow = async |visitor: &str, times: usize| {
        let browser = site.browser();
        for _ in 0..times {
            browser.get_from("/r/K7XM49Q", visitor).await.expect(StatusCode::FOUND);
        }
    };
    follow("192.0.2.1", 40).await;
    follow("192.0.2.2", 1).await;
    // Ten of the one, all of the other; each is kept beside the answer.
    let count = || site.read(|tx| tx.one("SELECT COUNT(*) FROM damaged_code", &[])?.get::<i64>(0));
    for _ in 0..100 {
        if count().await >= 11 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(count().await, 11);
});

both_databases!(what_is_printed_has_link_and_code, async |db: Db| {
    let site = Site::start(db).await;
    let mara = site.partner("Mara").await;
    for path in ["/link/sheet", "/link/cards"] {
        let page = mara.browser.get(path).await.expect(StatusCode::OK);
        for text in [
            "Recommended by",
            "Mara",
            &mara.code.spoken(),
            &mara.code.spelled(),
            &format!("/r/{}", mara.code),
        ] {
            page.expect_text(text);
        }
        assert!(!mara.browser.get(&format!("{path}?name=no")).await.body.contains("Mara"));
        site.browser().get(path).await.expect(StatusCode::SEE_OTHER);
    }
    // In each form in which it is said or written, it makes the client hers.
    for typed in
        [mara.code.spoken(), mara.code.spelled(), format!(" {} ", mara.code.spoken().replace('-', " "))]
    {
        let fields = [("name", "Aurora"), ("email", "a@aurora.example"), ("code", &*typed)];
        let client =
            site.browser().post("/contact", &fields).await.expect(StatusCode::CREATED).client_number();
        assert_eq!(site.deal_of(client).await.partner.unwrap().id, mara.id, "{typed}");
    }
});
