//! The withdrawal desk: two people above a limit, risk signs, payments that came back, adjustments.

use axum::http::StatusCode;
use domain::{money::Money, permission::Role};
use store::{Db, Options, both_databases, testing};

use crate::support::{Browser, Partner, Site};

/// A partner with 4,000.00 available and a wallet, where two people decide from 1,000.00 on.
async fn with_limit(site: &Site) -> (Partner, String) {
    site.set(|programme| programme.approval_from = Some(programme.currency.major(1_000))).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    site.won(&partner, "20000").await;
    let wallet = partner.add_wallet(site).await;
    (partner, wallet)
}

async fn approve(who: &Browser, id: &str) -> crate::support::Answer {
    who.post(&format!("/office/withdrawals/{id}/approve"), &[("note", "Phoned them")]).await
}

async fn pay(who: &Browser, id: &str) -> crate::support::Answer {
    who.post(&format!("/office/withdrawals/{id}/pay"), &[("reference", "TX-1")]).await
}

async fn came_back(who: &Browser, id: &str) -> crate::support::Answer {
    who.post(&format!("/office/withdrawals/{id}/came-back"), &[("reason", "Account closed")]).await
}

both_databases!(above_the_limit_two_different_people_decide, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_limit(&site).await;
    let ann = site.staff(Role::Finance).await;
    let large = partner.requested(&site, "1000", &wallet, "large").await;
    let small = partner.requested(&site, "999.99", &wallet, "small").await;

    // Alone, nobody can; the page says what to do.
    let page = ann.get(&format!("/office/withdrawals/{large}")).await.expect(StatusCode::OK);
    page.expect_text("only one here who may decide");
    pay(&ann, &large).await.expect(StatusCode::CONFLICT).expect_text("invite somebody");
    approve(&ann, &small).await.expect(StatusCode::CONFLICT).expect_text("needs no second person");
    pay(&ann, &small).await.expect(StatusCode::SEE_OTHER);

    let ben = site.staff(Role::Admin).await;
    pay(&ann, &large).await.expect(StatusCode::CONFLICT).expect_text("somebody else has to approve");
    approve(&ann, &large).await.expect(StatusCode::SEE_OTHER);
    approve(&ann, &large).await.expect(StatusCode::CONFLICT).expect_text("approved this withdrawal already");
    let refused = pay(&ann, &large).await.expect(StatusCode::CONFLICT);
    refused.expect_text("You approved this withdrawal yourself");
    refused.expect_text("Admin can.");
    // Raising the limit needs no approval any more, lowering it again finds the one that was given.
    site.set(|programme| programme.approval_from = None).await;
    site.set(|programme| programme.approval_from = Some(Money::ZERO)).await;
    pay(&ann, &large).await.expect(StatusCode::CONFLICT);
    pay(&ben, &large).await.expect(StatusCode::SEE_OTHER);
    approve(&ben, &large).await.expect(StatusCode::CONFLICT).expect_text("already marked paid");
    let page = ben.get(&format!("/office/withdrawals/{large}")).await.expect(StatusCode::OK);
    page.expect_text("Phoned them");
    page.expect_text("TX-1");
    let acts: Vec<String> = site.acts(&large).await.into_iter().map(|(act, ..)| act).collect();
    assert_eq!(acts, ["withdrawal.approved", "withdrawal.paid"]);
    site.verify().await;
});

both_databases!(an_approval_covers_what_was_approved_and_nothing_else, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_limit(&site).await;
    let (ann, ben) = (site.staff(Role::Finance).await, site.staff(Role::Finance).await);
    let id = partner.requested(&site, "1500", &wallet, "r").await;
    approve(&ann, &id).await.expect(StatusCode::SEE_OTHER);
    // Whatever redirects the withdrawal past the pages makes the approval worth nothing.
    site.app
        .db
        .write(|tx| tx.exec("UPDATE withdrawal SET wallet_address = 'thief@example.com'", &[]))
        .await
        .unwrap();
    pay(&ben, &id).await.expect(StatusCode::CONFLICT).expect_text("has to approve");
    // The queue tells the same as the page.
    ben.get("/office/withdrawals?show=approval").await.expect_text("Needs approval");
    site.verify().await;
});

/// Many people approve and pay at once: it is paid once, by somebody who didn't approve it alone.
async fn storm(site: &Site, browsers: Vec<Browser>, id: &str) {
    let tasks: Vec<_> = (0..24)
        .map(|index| {
            let (who, id) = (browsers[index % browsers.len()].clone(), id.to_owned());
            tokio::spawn(async move {
                if index < 8 { approve(&who, &id).await.status } else { pay(&who, &id).await.status }
            })
        })
        .collect();
    let mut paid = 0;
    for (index, task) in tasks.into_iter().enumerate() {
        let status = task.await.unwrap();
        assert!(matches!(status, StatusCode::SEE_OTHER | StatusCode::CONFLICT), "{status}");
        paid += usize::from(index >= 8 && status == StatusCode::SEE_OTHER);
    }
    assert!(paid <= 1, "paid {paid} times");
    if paid == 0 {
        // Everybody paid before anybody had approved: now it can be paid.
        let mut tried = Vec::new();
        for who in &browsers {
            tried.push(pay(who, id).await.status);
        }
        assert_eq!(tried.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{tried:?}");
    }
    site.verify().await;
}

both_databases!(people_who_approve_and_pay_at_once_pay_once, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_limit(&site).await;
    let people =
        vec![site.staff(Role::Finance).await, site.staff(Role::Finance).await, site.staff(Role::Admin).await];
    let id = partner.requested(&site, "1500", &wallet, "r").await;
    storm(&site, people, &id).await;
    assert_eq!(site.balances(&partner).await.paid.minor(), 150_000);
});

both_databases!(the_same_person_in_many_tabs_is_one_person, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_limit(&site).await;
    let ann = site.staff(Role::Finance).await;
    site.staff(Role::Finance).await;
    let id = partner.requested(&site, "1500", &wallet, "r").await;
    let tasks: Vec<_> = (0..16)
        .map(|index| {
            let (ann, id) = (ann.clone(), id.clone());
            tokio::spawn(async move {
                let approves = index % 2 == 0;
                let answer = if approves { approve(&ann, &id).await } else { pay(&ann, &id).await };
                (approves, answer.status)
            })
        })
        .collect();
    let mut approved = 0;
    for task in tasks {
        let (approves, status) = task.await.unwrap();
        match status {
            StatusCode::SEE_OTHER if approves => approved += 1,
            status => assert_eq!(status, StatusCode::CONFLICT, "nobody alone pays"),
        }
    }
    assert_eq!(approved, 1);
    assert_eq!(site.balances(&partner).await.paid, Money::ZERO);
    site.verify().await;
});

#[test]
fn two_servers_pay_a_withdrawal_once() {
    let first = testing::postgres();
    let second = Db::open(&first.url, Options { connections: 8, ..testing::options() }).unwrap();
    testing::block_on(async {
        let (one, two) = (Site::start(first.db.clone()).await, Site::start(second.clone()).await);
        let (partner, wallet) = with_limit(&one).await;
        two.app.reload_programme().await.unwrap();
        let (ann, ben) = (one.staff(Role::Finance).await, one.staff(Role::Finance).await);
        let people = vec![ann.clone(), ben.at(&two.url), ann.at(&two.url), ben];
        let id = partner.requested(&one, "1500", &wallet, "r").await;
        storm(&two, people, &id).await;
        assert_eq!(two.balances(&partner).await.paid.minor(), 150_000);
    });
    second.close();
}

both_databases!(a_payment_that_came_back_is_available_again, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    let wallet = partner.add_wallet(&site).await;
    let finance = site.staff(Role::Finance).await;
    let id = partner.requested(&site, "800", &wallet, "r").await;
    came_back(&finance, &id).await.expect(StatusCode::CONFLICT).expect_text("has not been paid");
    pay(&finance, &id).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.available.minor(), 120_000);
    let empty = finance.post(&format!("/office/withdrawals/{id}/came-back"), &[("reason", " ")]).await;
    empty.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("came-back-reason-error");

    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (finance, id) = (finance.clone(), id.clone());
            tokio::spawn(async move { came_back(&finance, &id).await.status })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += usize::from(task.await.unwrap() == StatusCode::SEE_OTHER);
    }
    assert_eq!(accepted, 1);
    let balances = site.balances(&partner).await;
    assert_eq!((balances.available.minor(), balances.paid), (200_000, Money::ZERO));
    let page = finance.get(&format!("/office/withdrawals/{id}")).await;
    for text in ["Payment came back", "Account closed", "TX-1"] {
        page.expect_text(text);
    }
    partner.browser.get("/statistics").await.expect_text("Payment came back: Account closed");
    pay(&finance, &id).await.expect(StatusCode::CONFLICT);
    let told: Vec<String> = site.letters().await.into_iter().map(|(notice, ..)| notice).collect();
    for notice in ["payment_returned", "withdrawal_paid", "withdrawal_requested", "office_withdrawal"] {
        assert_eq!(told.iter().filter(|told| *told == notice).count(), 1, "{notice}: {told:?}");
    }
    // The next one tells finance of it.
    let next = partner.requested(&site, "800", &wallet, "again").await;
    finance.get(&format!("/office/withdrawals/{next}")).await.expect_text("Came back before");
    site.verify().await;
});

both_databases!(finance_sees_what_there_is_to_be_looked_at, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara Lind").await, site.partner("Jonas Weber").await);
    let deal = site.won(&mara, "20000").await;
    let wallet = mara.add_wallet(&site).await;
    // The same account at PayPal, written otherwise, and given up since.
    jonas.add_wallet(&site).await;
    let first = jonas.add_another(&site, "paypal", "jonas@example.com").await;
    let gone = [("wallet[0].id", first.as_str()), ("wallet[0].remove", "1")];
    jonas.browser.post("/wallets", &gone).await.expect(StatusCode::SEE_OTHER);
    let own = site.client_of(&mara, "mara LIND").await;
    let id = mara.requested(&site, "900", &wallet, "r").await;
    let sales = site.staff(Role::Sales).await;
    let refund = [("amount", "1000"), ("reason", "Part")];
    sales.post(&format!("/office/deals/{deal}/refund"), &refund).await.expect(StatusCode::SEE_OTHER);
    let finance = site.staff(Role::Finance).await;
    let suspend = format!("/office/partners/{}/suspend", mara.id);
    finance.post(&suspend, &[("reason", "Under review")]).await.expect(StatusCode::SEE_OTHER);
    let page = finance.get(&format!("/office/withdrawals/{id}")).await.expect(StatusCode::OK);
    for sign in [
        "First withdrawal",
        "Wallet entered lately",
        "Jonas Weber has or had a wallet with this address.",
        "Refund since",
        "Partner suspended",
        &format!("C-{own} mara LIND is called like the partner."),
        &format!("href=\"/office/deals/{deal}\""),
    ] {
        page.expect_text(sign);
    }
    assert!(!page.body.contains("Balance below zero"));
    site.verify().await;
});

both_databases!(a_client_who_is_the_partner_is_found_in_another_spelling, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara Lind").await;
    site.won(&partner, "20000").await;
    let wallet = partner.add_another(&site, "paypal", "pay.mara@gmail.com").await;
    let of = partner.id.clone();
    site.app
        .db
        .write(move |tx| {
            tx.exec(
                "UPDATE account SET name = 'Мария Линд', email = 'm.lind@gmail.com' WHERE id = $1",
                store::params![&of],
            )
        })
        .await
        .unwrap();
    let client = async |name: &str, email: &str| {
        let browser = site.browser();
        browser.get(&format!("/r/{}", partner.code)).await.expect(StatusCode::FOUND);
        let answer = browser.post("/contact", &[("name", name), ("email", email)]).await;
        answer.expect(StatusCode::CREATED).client_number()
    };
    let named = client("МАРИЯ ЛИНД", "one@example.net").await;
    let mailed = client("Somebody", "MLind+1@googlemail.com").await;
    let paid = client("Anybody", "paymara+shop@gmail.com").await;
    let other = client("Марина Линд", "m.lind@example.net").await;
    let id = partner.requested(&site, "900", &wallet, "r").await;
    let finance = site.staff(Role::Finance).await;
    let page = finance.get(&format!("/office/withdrawals/{id}")).await.expect(StatusCode::OK);
    for sign in [
        format!("C-{named} МАРИЯ ЛИНД is called like the partner."),
        format!("C-{mailed} Somebody has the partner&#39;s email address."),
        format!("C-{paid} Anybody has the email address of this PayPal account."),
    ] {
        page.expect_text(&sign);
    }
    assert!(!page.body.contains(&format!("C-{other}")));
    site.verify().await;
});

async fn adjust(
    who: &Browser,
    partner: &Partner,
    amount: &str,
    kind: &str,
    request: &str,
) -> crate::support::Answer {
    let fields = [("amount", amount), ("kind", kind), ("reason", "As agreed"), ("request", request)];
    who.post(&format!("/office/partners/{}/adjust", partner.id), &fields).await
}

both_databases!(finance_gives_bonuses_and_corrects_balances, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, _) = with_limit(&site).await;
    let (ann, ben) = (site.staff(Role::Finance).await, site.staff(Role::Finance).await);
    adjust(&ann, &partner, "250.50", "bonus", "one").await.expect(StatusCode::SEE_OTHER);
    adjust(&ann, &partner, "250.50", "bonus", "one").await.expect(StatusCode::SEE_OTHER);
    adjust(&ann, &partner, "999", "bonus", "one").await.expect(StatusCode::CONFLICT);
    let other_words = [("amount", "250.50"), ("kind", "bonus"), ("reason", "No"), ("request", "one")];
    let again = ann.post(&format!("/office/partners/{}/adjust", partner.id), &other_words).await;
    again.expect(StatusCode::CONFLICT).expect_text("something else in it");
    assert_eq!(site.balances(&partner).await.available.minor(), 425_050);
    adjust(&ann, &partner, "-50.50", "correction", "two").await.expect(StatusCode::SEE_OTHER);
    partner.browser.get("/statistics/entries").await.expect_text("As agreed");
    let mut told: Vec<String> = site
        .letters()
        .await
        .into_iter()
        .filter(|(notice, ..)| notice == "adjusted")
        .map(|(.., body)| body)
        .collect();
    told.sort();
    assert!(told.len() == 2 && told.iter().all(|body| body.contains("As agreed")), "{told:?}");
    for (amount, kind) in [("0", "bonus"), ("-5", "bonus"), ("5", "gift"), ("x", "correction")] {
        adjust(&ann, &partner, amount, kind, "bad").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    site.set(|programme| programme.approval_from = None).await;
    let refused = adjust(&ann, &partner, "-4,200.01", "correction", "three").await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("Only $4,200.00 is available");

    // Above the limit it waits for somebody else, above zero and below.
    site.set(|programme| programme.approval_from = Some(programme.currency.major(1_000))).await;
    let refused = adjust(&ann, &partner, "-99,999", "correction", "never").await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("Only $4,200.00 is available");
    adjust(&ann, &partner, "-1000", "correction", "four").await.expect(StatusCode::SEE_OTHER);
    assert_eq!(site.balances(&partner).await.available.minor(), 420_000);
    ben.get("/office/withdrawals").await.expect_text("need a second person");
    let id = partner.id.clone();
    let proposed = site.read(move |tx| Ok(store::adjustments::of_partner(tx, &id, 1)?.remove(0).id)).await;
    let approve = format!("/office/adjustments/{proposed}/approve");
    ann.post(&approve, &[]).await.expect(StatusCode::CONFLICT).expect_text("somebody else has to approve");
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (ben, approve) = (ben.clone(), approve.clone());
            tokio::spawn(async move { ben.post(&approve, &[]).await.status })
        })
        .collect();
    let mut booked = 0;
    for task in tasks {
        booked += usize::from(task.await.unwrap() == StatusCode::SEE_OTHER);
    }
    assert_eq!(booked, 1);
    assert_eq!(site.balances(&partner).await.available.minor(), 320_000);
    ben.post(&format!("/office/adjustments/{proposed}/decline"), &[]).await.expect(StatusCode::CONFLICT);
    let acts: Vec<String> = site.acts(&partner.id).await.into_iter().map(|(act, ..)| act).collect();
    assert_eq!(
        acts.iter().filter(|act| act.starts_with("adjustment")).collect::<Vec<_>>(),
        ["adjustment.booked", "adjustment.booked", "adjustment.proposed", "adjustment.booked"]
    );
    // Nobody else may.
    let support = site.staff(Role::Support).await;
    adjust(&support, &partner, "5", "bonus", "five").await.expect(StatusCode::FORBIDDEN);
    site.verify().await;
});

both_databases!(finance_begins_at_the_queue, async |db: Db| {
    let site = Site::start(db).await;
    for (role, path) in [
        (Role::Finance, "/office/withdrawals"),
        (Role::Admin, "/office/clients"),
        (Role::Sales, "/office/clients"),
    ] {
        let answer = site.staff(role).await.get("/office").await.expect(StatusCode::SEE_OTHER);
        assert_eq!(answer.location(), path);
    }
});

both_databases!(the_queue_is_filtered_and_paged, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, wallet) = with_limit(&site).await;
    site.set(|programme| programme.minimum_withdrawal = Money::from_minor(1)).await;
    let finance = site.staff(Role::Finance).await;
    partner.requested(&site, "1,234.56", &wallet, "large").await;
    let other = partner.add_another(&site, "paypal", "new@example.com").await;
    partner.requested(&site, "777.77", &other, "cooling").await;
    for index in 0..101 {
        let request = format!("small-{index}");
        partner.withdraw("1", &wallet, &request).await.expect(StatusCode::SEE_OTHER);
    }
    let show = async |query: &str| {
        let path = format!("/office/withdrawals?{query}");
        let body = finance.get(&path).await.expect(StatusCode::OK).body;
        (body.contains("1,234.56"), body.contains("777.77"), body.matches("name=\"choose[").count())
    };
    assert_eq!(show("").await, (true, true, 100));
    assert_eq!(show("show=approval").await, (true, false, 1));
    assert_eq!(show("show=cooling").await, (false, true, 1));
    assert_eq!(show("show=ready").await, (false, false, 100));
    assert_eq!(show("show=batch").await, (false, false, 0));
    let first = finance.get("/office/withdrawals?show=ready").await.body;
    let next = first.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    assert_eq!(show(next.split_once('?').unwrap().1).await, (false, false, 1));
    site.verify().await;
});
