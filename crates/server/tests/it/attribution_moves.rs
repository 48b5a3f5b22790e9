//! A client is given to another partner, to nobody, or by a code: everything that followed moves, to the cent.

use axum::http::StatusCode;
use domain::{
    clock::DAY,
    ledger::{Account, label},
    money::Money,
    permission::Role,
    rate::Rate,
};
use server::ops;
use store::{Db, both_databases, clients::Attribution, deals::Deal, partners::PartnerDay};

use crate::support::{Answer, Browser, Partner, Site};

/// Assigns a client by the form on its page.
pub async fn assign(sales: &Browser, client: i64, partner: &Partner, reason: &str) -> Answer {
    let code = partner.code.to_string();
    let fields = [("partner", code.as_str()), ("reason", reason)];
    sales.post(&format!("/office/clients/{client}/attribution"), &fields).await
}

/// Available and on hold, in minor units.
pub async fn money(site: &Site, partner: &Partner) -> (i64, i64) {
    let balances = site.balances(partner).await;
    (balances.available.minor(), balances.on_hold.minor())
}

pub async fn history(site: &Site, client: i64) -> Vec<Attribution> {
    site.read(move |tx| store::clients::attributions(tx, client)).await
}

async fn deal(site: &Site, number: i64) -> Deal {
    site.read(move |tx| Ok(store::deals::by_number(tx, number)?.unwrap())).await
}

/// Clients, won deals, volume.
async fn totals(site: &Site, partner: &Partner) -> (i64, i64, i64) {
    let id = partner.id.clone();
    let found = site.read(move |tx| Ok(store::partners::by_id(tx, &id)?.unwrap())).await;
    (found.clients, found.deals_won, found.volume.minor())
}

async fn days(site: &Site, partner: &Partner) -> Vec<PartnerDay> {
    let id = partner.id.clone();
    site.read(move |tx| store::partners::days(tx, &id, domain::clock::Day(0))).await
}

/// What a partner was told, newest first: subject and text.
pub async fn told(site: &Site, partner: &Partner) -> Vec<String> {
    let id = partner.id.clone();
    site.read(move |tx| {
        let rows = tx.all(
            "SELECT subject, body FROM outbox WHERE account_id = $1 ORDER BY id DESC",
            store::params![&id],
        )?;
        rows.iter().map(|row| Ok(format!("{}\n{}", row.get::<String>(0)?, row.get::<String>(1)?))).collect()
    })
    .await
}

/// The newest record of the audit about something: act, changes and reason.
pub async fn audited(site: &Site, subject: &'static str, id: i64) -> (String, String, String) {
    site.read(move |tx| {
        let filter = store::audit::Filter {
            subject: Some(subject.into()),
            subject_id: Some(id.to_string()),
            ..store::audit::Filter::default()
        };
        let found = store::audit::list(tx, &filter, None, 1)?.remove(0);
        Ok((found.act, found.changes, found.reason))
    })
    .await
}

async fn win(site: &Site, sales: &Browser, client: i64, amount: &str) -> i64 {
    let number = site.deal_of(client).await.number;
    sales
        .post(&format!("/office/deals/{number}/win"), &[("amount", amount)])
        .await
        .expect(StatusCode::SEE_OTHER);
    number
}

async fn refund(sales: &Browser, deal: i64, amount: &str) {
    let fields = [("amount", amount), ("reason", "Part")];
    sales.post(&format!("/office/deals/{deal}/refund"), &fields).await.expect(StatusCode::SEE_OTHER);
}

both_databases!(a_commission_moves_at_the_rate_that_was_frozen, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    // Jonas has an agreed rate of his own, which doesn't matter for what was won before.
    let id = jonas.id.clone();
    site.app
        .write(move |tx, env| {
            ops::partners::agree_rate(tx, env, &ops::Actor::server(), &id, Rate::from_basis_points(2_000))
        })
        .await
        .unwrap();
    site.won(&mara, "30000").await;
    let client = site.client_of(&mara, "Aurora Ceramics").await;
    let won = win(&site, &sales, client, "10000").await;
    refund(&sales, won, "2500").await;
    sales
        .post(&format!("/office/clients/{client}/deals"), &[("title", "Second")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(money(&site, &mara).await, (300_000 + 90_000, 0));

    assign(&sales, client, &jonas, "The mail of May shows it").await.expect(StatusCode::SEE_OTHER);

    // 12 % of 10,000 less a quarter, from one to the other.
    assert_eq!(money(&site, &mara).await, (300_000, 0));
    assert_eq!(money(&site, &jonas).await, (90_000, 0));
    assert_eq!(totals(&site, &mara).await, (1, 1, 3_000_000));
    assert_eq!(totals(&site, &jonas).await, (1, 1, 750_000));
    let moved = deal(&site, won).await;
    let commission = moved.won.unwrap().commission.unwrap();
    assert_eq!((moved.win_round, commission.rate.basis_points()), (2, 1_200));
    assert_eq!((commission.amount.minor(), commission.reversed.minor()), (120_000, 30_000));
    assert_eq!(site.deal_of(client).await.partner.unwrap().id, jonas.id);
    let (of_mara, of_jonas) = (days(&site, &mara).await, days(&site, &jonas).await);
    assert_eq!((of_mara[0].clients, of_mara[0].profit.minor()), (1, 300_000));
    assert_eq!((of_jonas[0].clients, of_jonas[0].profit.minor()), (1, 90_000));

    // The history, the statements, the messages and the audit say so.
    let decided = &history(&site, client).await[0];
    assert_eq!(decided.method.as_str(), "staff");
    assert_eq!(decided.reason.as_deref(), Some("The mail of May shows it"));
    assert!(decided.decided_by.is_some());
    let currency = site.app.programme().currency;
    let account = Account::payable(&mara.id, currency);
    let line = site.read(move |tx| Ok(store::ledger::statement(tx, &account, None, 1)?.remove(0))).await;
    assert_eq!(label(line.transfer.code, &line.transfer.phase), "Taken back: client assigned anew");
    let reason = format!("Client C-{client} assigned to another partner: The mail of May shows it");
    assert_eq!(line.transfer.reason, Some(reason));
    let page = jonas.browser.get("/statistics/entries").await.expect(StatusCode::OK);
    page.expect_text(&format!("Client C-{client} assigned to you: The mail of May shows it"));
    page.expect_text("10,000.00 × 12 % = 1,200.00");
    assert!(!page.body.contains("Mara"), "{}", page.body);
    let page = mara.browser.get("/statistics/entries").await.expect(StatusCode::OK);
    assert!(!page.body.contains("Aurora") && !page.body.contains("Jonas"));
    assert!(told(&site, &mara).await[0].contains("Aurora Ceramics is no longer your client"));
    assert!(told(&site, &mara).await[0].contains("900.00"));
    assert!(told(&site, &jonas).await[0].contains("Aurora Ceramics is now your client"));
    let (act, changes, reason) = audited(&site, "client", client).await;
    assert_eq!((act.as_str(), reason.as_str()), ("client.attributed", "The mail of May shows it"));
    for part in
        ["Mara", "Jonas", &format!("T-{won}: 900.00 taken back from Mara, 900.00 booked for Jonas at 12 %")]
    {
        assert!(changes.contains(part), "{part} is missing in {changes}");
    }
    let page = sales.get(&format!("/office/clients/{client}")).await.expect(StatusCode::OK);
    page.expect_text("Decided by staff");
    sales.get(&format!("/office/deals/{won}")).await.expect_text("Given to another partner with the client");

    // What comes later is Jonas's: a refund, a reopening, another winning.
    refund(&sales, won, "2500").await;
    assert_eq!(money(&site, &jonas).await, (60_000, 0));
    sales
        .post(&format!("/office/deals/{won}/reopen"), &[("reason", "Wrong amount")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(money(&site, &jonas).await, (0, 0));
    sales
        .post(&format!("/office/deals/{won}/win"), &[("amount", "5000")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((300_000, 0), (100_000, 0)));
    site.verify().await;
});

both_databases!(a_commission_on_hold_keeps_its_day, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.hold_days = 14).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let client = site.client_of(&mara, "Aurora").await;
    let won = win(&site, &sales, client, "1000").await;
    refund(&sales, won, "400").await;
    let until = deal(&site, won).await.won.unwrap().commission.unwrap().available_at;
    site.clock.advance(10 * DAY);
    assign(&sales, client, &jonas, "Claimed").await.expect(StatusCode::SEE_OTHER);
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((0, 0), (0, 6_000)));
    assert_eq!(deal(&site, won).await.won.unwrap().commission.unwrap().available_at, until);
    site.verify().await;
    // There and back again, while it is on hold.
    assign(&sales, client, &mara, "After all not").await.expect(StatusCode::SEE_OTHER);
    assign(&sales, client, &jonas, "It was").await.expect(StatusCode::SEE_OTHER);
    site.clock.advance(4 * DAY);
    site.app.write(ops::deals::release_due).await.unwrap();
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((0, 0), (6_000, 0)));
    site.verify().await;
    // Wholly refunded on hold: nothing moves, and nothing is ever available.
    let second = site.client_of(&mara, "Borealis").await;
    let won = win(&site, &sales, second, "1000").await;
    refund(&sales, won, "1000").await;
    assign(&sales, second, &jonas, "Claimed").await.expect(StatusCode::SEE_OTHER);
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((0, 0), (6_000, 0)));
    site.verify().await;
});

both_databases!(what_was_paid_out_is_owed_after_a_ruling, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let client = site.client_of(&mara, "Aurora").await;
    win(&site, &sales, client, "6000").await;
    let wallet = mara.add_wallet(&site).await;
    mara.withdraw("600", &wallet, "r").await.expect(StatusCode::SEE_OTHER);
    assign(&sales, client, &jonas, "Claimed").await.expect(StatusCode::SEE_OTHER);
    assert_eq!((money(&site, &mara).await, money(&site, &jonas).await), ((-60_000, 0), (60_000, 0)));
    mara.browser.get("/statistics").await.expect(StatusCode::OK);
    site.verify().await;
});

both_databases!(where_nothing_was_booked_the_new_partners_own_rate_counts, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    site.won(&jonas, "24000").await;
    // Nobody's client, with two deals won; the first lifts Jonas to the next tier.
    let answer = site.browser().post("/contact", &[("name", "Lost"), ("email", "lost@example.net")]).await;
    let client = answer.expect(StatusCode::CREATED).client_number();
    let first = win(&site, &sales, client, "2000").await;
    refund(&sales, first, "500").await;
    sales
        .post(&format!("/office/clients/{client}/deals"), &[("title", "Second")])
        .await
        .expect(StatusCode::SEE_OTHER);
    let second = win(&site, &sales, client, "1000").await;
    assign(&sales, client, &jonas, "She says so").await.expect(StatusCode::SEE_OTHER);
    let (one, other) = (deal(&site, first).await.won.unwrap(), deal(&site, second).await.won.unwrap());
    assert_eq!(one.commission.unwrap().rate.basis_points(), 1_000);
    assert_eq!(other.commission.unwrap().rate.basis_points(), 1_200);
    assert!(
        one.commission_reason.contains("nothing was booked when the deal was won"),
        "{}",
        one.commission_reason
    );
    assert_eq!(money(&site, &jonas).await, (240_000 + 15_000 + 12_000, 0));
    let letters = told(&site, &jonas).await;
    assert!(letters.iter().any(|letter| letter.starts_with("You now earn 12 %")), "{letters:?}");
    site.verify().await;

    // Won while Mara was suspended; she is not charged for what she never got.
    let client = site.client_of(&mara, "Borealis").await;
    let id = mara.id.clone();
    site.app
        .write(move |tx, env| ops::partners::suspend(tx, env, &ops::Actor::server(), &id, "Review"))
        .await
        .unwrap();
    win(&site, &sales, client, "1000").await;
    assign(&sales, client, &jonas, "She says so").await.expect(StatusCode::SEE_OTHER);
    assert_eq!(money(&site, &mara).await, (0, 0));
    assert_eq!(totals(&site, &mara).await, (0, 0, 0));
    assert_eq!(money(&site, &jonas).await, (267_000 + 12_000, 0));
    // And back: a suspended partner gets nothing new.
    let refused = assign(&sales, client, &mara, "No").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("Mara is suspended and earns nothing new");
    site.verify().await;
});

both_databases!(a_wrong_attribution_is_taken_away, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let client = site.client_of(&mara, "Aurora").await;
    let won = win(&site, &sales, client, "1000").await;
    let none = format!("/office/clients/{client}/attribution/none");
    sales.post(&none, &[("reason", "")]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    sales.post(&none, &[("reason", "Mara's own order")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!((money(&site, &mara).await, totals(&site, &mara).await), ((0, 0), (0, 0, 0)));
    assert!(deal(&site, won).await.won.unwrap().commission.is_none());
    sales
        .post(&none, &[("reason", "Again")])
        .await
        .expect(StatusCode::CONFLICT)
        .expect_text("belongs to nobody");
    // A deal that nobody earns from can be refunded, reopened and won; then somebody gets it after all.
    refund(&sales, won, "100").await;
    site.verify().await;
    assign(&sales, client, &jonas, "It was Jonas").await.expect(StatusCode::SEE_OTHER);
    assert_eq!(money(&site, &jonas).await, (9_000, 0));
    sales
        .post(&format!("/office/deals/{won}/reopen"), &[("reason", "x")])
        .await
        .expect(StatusCode::SEE_OTHER);
    sales.post(&none, &[("reason", "No")]).await.expect(StatusCode::SEE_OTHER);
    sales.post(&format!("/office/deals/{won}/win"), &[("amount", "500")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(money(&site, &jonas).await, (0, 0));
    assert_eq!(history(&site, client).await.len(), 4);
    site.verify().await;
});

both_databases!(a_code_that_the_client_gave_decides, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let sales = site.staff(Role::Sales).await;
    let client = site.client_of(&mara, "Aurora").await;
    let path = format!("/office/clients/{client}/code");
    let code = jonas.code.to_string();
    let other = |letter: u8| if letter == b'7' { b'8' } else { b'7' };
    let mut one = code.clone().into_bytes();
    one[2] = other(one[2]);
    let mut two = one.clone();
    two[5] = other(two[5]);
    let (one, two) = (String::from_utf8(one).unwrap(), String::from_utf8(two).unwrap());
    let refused = sales.post(&path, &[("code", &two)]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("more than one letter is wrong");
    refused.expect_text(&two);
    let unknown = domain::referral_code::ReferralCode::from_number(jonas.code.number() ^ 1).to_string();
    sales
        .post(&path, &[("code", &unknown)])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("No partner");
    // Spelled on the telephone.
    sales.post(&path, &[("code", &jonas.code.spelled())]).await.expect(StatusCode::SEE_OTHER);
    let decided = history(&site, client).await.remove(0);
    assert_eq!((decided.method.as_str(), decided.code.as_deref()), ("code", Some(code.as_str())));
    // Whose code it is, is nothing for the partner before.
    let letters = told(&site, &mara).await;
    assert!(letters[0].starts_with("Aurora is no longer your client"), "{letters:?}");
    for shown in [jonas.code.to_string(), jonas.code.spoken(), "Jonas".to_owned()] {
        assert!(!letters[0].contains(&shown), "{shown}: {}", letters[0]);
        assert!(!mara.browser.get("/statistics/entries").await.body.contains(&shown), "{shown}");
    }
    sales
        .post(&path, &[("code", &code)])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("already belongs");
    // From the page of a deal, and back to it; what is refused is still there.
    let deal = site.deal_of(client).await.number;
    let action = format!("action=\"/office/clients/{client}/code\"");
    sales.get(&format!("/office/deals/{deal}")).await.expect_text(&action);
    let number = deal.to_string();
    let spoken = mara.code.spoken();
    let refused = sales.post(&path, &[("code", "abc"), ("deal", &number)]).await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text(&format!("name=\"deal\" value=\"{deal}\""));
    let answer =
        sales.post(&path, &[("code", &spoken), ("deal", &number)]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), format!("/office/deals/{deal}?done=assigned"));
    assert!(
        !site.staff(Role::Finance).await.get(&format!("/office/deals/{deal}")).await.body.contains(&action)
    );
    assign(&sales, client, &jonas, "x").await.expect(StatusCode::SEE_OTHER);
    // Repaired, and shown as such.
    assign(&sales, client, &mara, "x").await.expect(StatusCode::SEE_OTHER);
    let fields = [("code", one.as_str()), ("reason", "She read it from her phone.")];
    // Not before somebody has said that it was read right.
    let asked = sales.post(&path, &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    asked.expect_text(&format!("Read as {}, Jonas. Is that right?", jonas.code.spoken()));
    asked.expect_text(&format!("name=\"confirmed\" value=\"{code}\""));
    asked.expect_text(&one);
    assert_eq!(history(&site, client).await[0].partner.as_ref().unwrap().name, "Mara");
    let [typed, reason] = fields;
    let wrong = [typed, reason, ("confirmed", unknown.as_str())];
    sales.post(&path, &wrong).await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("Is that right?");
    let right = [typed, reason, ("confirmed", code.as_str())];
    sales.post(&path, &right).await.expect(StatusCode::SEE_OTHER);
    let decided = history(&site, client).await.remove(0);
    assert_eq!(decided.repaired_from.as_deref(), Some(one.as_str()));
    assert!(decided.reason.unwrap().ends_with("She read it from her phone."));
    sales.get(&format!("/office/clients/{client}")).await.expect_text("repaired from");
    // Nor where any partner is asked for.
    assign(&sales, client, &mara, "x").await.expect(StatusCode::SEE_OTHER);
    let fields = [("partner", one.as_str()), ("reason", "x")];
    let asked = sales.post(&format!("/office/clients/{client}/attribution"), &fields).await;
    asked.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text(&format!("name=\"partner\" value=\"{code}\""));
    assert_eq!(history(&site, client).await[0].partner.as_ref().unwrap().name, "Mara");
    site.verify().await;
});

both_databases!(a_name_that_may_be_several_is_answered_with_choices, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara Lindqvist").await, site.partner("Mara Duarte").await);
    let sales = site.staff(Role::Sales).await;
    let client = site.client_of(&mara, "Aurora").await;
    let path = format!("/office/clients/{client}/attribution");
    let fields = [("partner", "mara"), ("reason", "She told us")];
    let asked = sales.post(&path, &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["Mara Lindqvist", "Mara Duarte", "She told us", "Choose one", &jonas.code.to_string()] {
        asked.expect_text(text);
    }
    // What the page sends when a choice was made: the choice, and what was typed.
    let code = jonas.code.to_string();
    let fields = [("partner", code.as_str()), ("partner", "mara"), ("reason", "She told us")];
    sales.post(&path, &fields).await.expect(StatusCode::SEE_OTHER);
    let id = jonas.id.clone();
    let email = site.read(move |tx| Ok(store::partners::by_id(tx, &id)?.unwrap().email)).await;
    let fields = [("partner", email.as_str()), ("reason", "Again")];
    sales.post(&path, &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("already belongs");
    let link = format!("{}/r/{}", site.url, mara.code);
    let fields = [("partner", link.as_str()), ("reason", "By link")];
    sales.post(&path, &fields).await.expect(StatusCode::SEE_OTHER);
    for nobody in ["", "nobody@example.com", "Zebedee"] {
        let fields = [("partner", nobody), ("reason", "x")];
        sales.post(&path, &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    sales
        .post("/office/clients/999999/attribution", &[("partner", &code), ("reason", "x")])
        .await
        .expect(StatusCode::NOT_FOUND);
    site.verify().await;
});

both_databases!(deals_tell_their_partners_and_the_audit, async |db: Db| {
    let site = Site::start(db).await;
    let mara = site.partner("Mara").await;
    let sales = site.staff(Role::Sales).await;
    let client = site.client_of(&mara, "Aurora").await;
    assert!(told(&site, &mara).await[0].starts_with("A new client: Aurora"));
    let won = win(&site, &sales, client, "25000").await;
    let letters = told(&site, &mara).await;
    for subject in ["You now earn 12 %", "You earned $2,500.00 with Aurora"] {
        assert!(letters.iter().any(|letter| letter.starts_with(subject)), "{subject}: {letters:?}");
    }
    let (act, changes, _) = audited(&site, "deal", won).await;
    assert_eq!(act, "deal.won");
    assert!(changes.contains("2,500.00 at 10 %"), "{changes}");
    refund(&sales, won, "5000").await;
    let letter = told(&site, &mara).await.remove(0);
    for part in ["Aurora was given money back", "$5,000.00", "$500.00", "Part"] {
        assert!(letter.contains(part), "{part} is missing in {letter}");
    }
    assert_eq!(audited(&site, "deal", won).await.0, "deal.refunded");
    sales
        .post(&format!("/office/deals/{won}/reopen"), &[("reason", "Oops")])
        .await
        .expect(StatusCode::SEE_OTHER);
    let letter = told(&site, &mara).await.remove(0);
    assert!(letter.contains("open again") && letter.contains("$2,000.00"), "{letter}");
    assert_eq!(audited(&site, "deal", won).await.0, "deal.reopened");
    sales
        .post(&format!("/office/deals/{won}/lose"), &[("reason", "Gone")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert!(told(&site, &mara).await[0].contains("closed unsuccessfully"));
    assert!(!told(&site, &mara).await[0].contains("Gone"), "why sales lost a deal is not told");
    assert_eq!(
        audited(&site, "deal", won).await,
        ("deal.lost".into(), audited(&site, "deal", won).await.1, "Gone".into())
    );
    sales
        .post(&format!("/office/clients/{client}/notes"), &[("message", "Call")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(audited(&site, "client", client).await.0, "client.noted");
    sales
        .post(&format!("/office/clients/{client}/deals"), &[("title", "More")])
        .await
        .expect(StatusCode::SEE_OTHER);
    let newest = site.deal_of(client).await.number;
    assert_eq!(audited(&site, "deal", newest).await.0, "deal.opened");
    assert_eq!(site.balances(&mara).await.profit, Money::ZERO);
    site.verify().await;
});
