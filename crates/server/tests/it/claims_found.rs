//! What a claim may mean is found: by contact, name, time, and damaged codes.

use axum::http::StatusCode;
use domain::{clock::DAY, permission::Role};
use server::ops;
use store::{Db, both_databases};

use crate::{
    claims::{client_with, fields, file, newest, today},
    support::Site,
};

both_databases!(what_speaks_for_a_client_is_found_by_contact_name_time_and_damaged_codes, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    // Years of other clients and clicks of others do not get in the way.
    for index in 0..30 {
        site.browser().get(&format!("/r/{}", mara.code)).await;
        client_with(&site.browser(), &format!("Somebody {index}"), &format!("s{index}@example.com")).await;
    }
    site.clock.advance(20 * DAY);
    // Jonas's link, with two neighbours swapped, is followed; the client then finds the form alone.
    let code = jonas.code.to_string();
    let at = code.as_bytes().windows(2).position(|two| two[0] != two[1]).unwrap();
    let mut letters = code.into_bytes();
    letters.swap(at, at + 1);
    let swapped = String::from_utf8(letters).unwrap();
    let visitor = site.browser();
    assert_eq!(visitor.get(&format!("/r/{swapped}")).await.expect(StatusCode::FOUND).location(), "/contact");
    // Kept beside the answer.
    for _ in 0..100 {
        let kept = site.read(|tx| tx.one("SELECT COUNT(*) FROM damaged_code", &[])?.get::<i64>(0)).await;
        if kept > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    site.clock.advance(10 * 60 * 1_000_000);
    let fields_of = [("name", "Céramiques Aurora"), ("phone", "+351 912 000 114")];
    let client = visitor.post("/contact", &fields_of).await.expect(StatusCode::CREATED).client_number();
    // And one who came by his link and typed nothing.
    let other = site.browser();
    other.get(&format!("/r/{}", jonas.code)).await;

    let day = today(&site);
    let mut claim = fields(&day, "s1");
    claim[0].1 = "Ceramiques Aurora SARL";
    claim[1].1 = "(912) 000-114";
    jonas.browser.post("/claims", &claim).await.expect(StatusCode::SEE_OTHER);
    let number = newest(&site, &jonas).await.number;
    let page = sales.get(&format!("/office/claims/{number}")).await.expect(StatusCode::OK);
    for text in [
        "The same telephone number.",
        "The same name.",
        "A damaged code close to this partner&#39;s was followed from 127.0.0.1, 10 minutes before the contact was left.",
        "two neighbouring letters are swapped",
        &swapped,
        "Belongs to nobody.",
        &format!("value=\"{client}\""),
        "Visits through the link",
    ] {
        page.expect_text(text);
    }
    assert!(!page.body.contains("Somebody 1"), "{}", page.body);
    // Accepted, though nothing was booked: nobody had it.
    let fields = [("client", "other"), ("other", &*format!("C-{client}")), ("reason", "The code was his")];
    sales.post(&format!("/office/claims/{number}/accept"), &fields).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(site.deal_of(client).await.partner.unwrap().id, jonas.id);
    site.verify().await;
});

both_databases!(a_company_is_found_behind_a_persons_name_weeks_later, async |db: Db| {
    let site = Site::start(db).await;
    let jonas = site.partner("Jonas").await;
    let sales = site.staff(Role::Sales).await;
    let day = today(&site);
    site.clock.advance(25 * DAY);
    let client = client_with(&site.browser(), "Ann Lee, Aurora Ceramics", "lee@example.com").await;
    client_with(&site.browser(), "100% Timber_Aurora", "x@example.com").await;
    let mut claim = fields(&day, "s1");
    claim[0].1 = "Aurora Ceramics Ltd";
    claim[1].1 = "";
    jonas.browser.post("/claims", &claim).await.expect(StatusCode::SEE_OTHER);
    let number = newest(&site, &jonas).await.number;
    let page = sales.get(&format!("/office/claims/{number}")).await.expect(StatusCode::OK);
    page.expect_text(&format!("name=\"client\" value=\"{client}\""));
    page.expect_text("A similar name (80 % alike).");
});

both_databases!(among_very_many_clients_the_one_after_a_trace_is_found, async |db: Db| {
    let site = Site::start(db).await;
    let jonas = site.partner("Jonas").await;
    let sales = site.staff(Role::Sales).await;
    let now = site.app.env().now;
    let code: String = jonas.code.to_string().chars().take(6).collect();
    // More clients of others than are looked at one by one, before the trace and after it.
    let others = |at: i64| {
        move |tx: &mut store::Tx| -> Result<(), store::DbError> {
            for _ in 0..400 {
                tx.exec(
                    "INSERT INTO client (name, email, phone, telegram, message, created_at, search, name_key)
                     VALUES ('Zoe', '', '', '', '', $1, 'zoe', 'zoe')",
                    store::params![at],
                )?;
            }
            Ok(())
        }
    };
    site.app.db.write(others(now.micros())).await.unwrap();
    let cut = code.clone();
    let trace =
        move |tx: &mut store::Tx, env: &server::app::Env| ops::clicks::keep_damaged(tx, env, &cut, "t.me");
    site.app.write(trace).await.unwrap();
    site.clock.advance(5 * 60 * 1_000_000);
    let client = client_with(&site.browser(), "Somebody Else", "else@aurora.example").await;
    site.app.db.write(others(site.app.env().now.micros() + 1)).await.unwrap();

    let day = today(&site);
    let mut claim = fields(&day, "s1");
    claim[0].1 = "Whoever It Was";
    claim[1].1 = "info@aurora.example";
    jonas.browser.post("/claims", &claim).await.expect(StatusCode::SEE_OTHER);
    let number = newest(&site, &jonas).await.number;
    let page = sales.get(&format!("/office/claims/{number}")).await.expect(StatusCode::OK);
    page.expect_text(&format!("name=\"client\" value=\"{client}\""));
    page.expect_text("An email address at the same company (aurora.example).");
    page.expect_text("A damaged code close to this partner&#39;s was followed from t.me, which the partner names, 5 minutes before");
});

both_databases!(clients_from_before_are_found_once_their_keys_are_filled_in, async |db: Db| {
    let site = Site::start(db).await;
    let jonas = site.partner("Jonas").await;
    let sales = site.staff(Role::Sales).await;
    let client = client_with(&site.browser(), "Aurora Ceramics", "hello@aurora.example").await;
    site.app
        .db
        .write(move |tx| {
            tx.exec(
                "UPDATE client SET email_key = NULL, phone_key = NULL, telegram_key = NULL, name_key = NULL",
                &[],
            )
        })
        .await
        .unwrap();
    site.clock.advance(25 * DAY);
    file(&site, &jonas, "s1").await.expect(StatusCode::SEE_OTHER);
    let path = format!("/office/claims/{}", newest(&site, &jonas).await.number);
    let proposed = format!("name=\"client\" value=\"{client}\"");
    assert!(!sales.get(&path).await.body.contains(&proposed));
    assert_eq!(site.app.db.write(|tx| store::matching::fill_keys(tx, 10)).await.unwrap(), 1);
    assert_eq!(site.app.db.write(|tx| store::matching::fill_keys(tx, 10)).await.unwrap(), 0);
    let page = sales.get(&path).await;
    page.expect_text(&proposed);
    page.expect_text("Against it: left the contact 25 days before the stated day.");
});
