//! Wallets: the password before money goes elsewhere, the letter to the partner, the cooling time.

use axum::http::StatusCode;
use domain::{clock::HOUR, permission::Role};
use server::config::Settings;
use store::{Db, both_databases};

use crate::support::{Answer, PASSWORD, Partner, Site};

const OTHER: &str = "other@example.com";

async fn change(partner: &Partner, id: &str, label: &str, address: &str, password: &str) -> Answer {
    let fields = [
        ("wallet[0].id", id),
        ("wallet[0].kind", "paypal"),
        ("wallet[0].label", label),
        ("wallet[0].address", address),
        ("password", password),
    ];
    partner.browser.post("/wallets", &fields).await
}

async fn addresses(site: &Site, partner: &Partner) -> Vec<String> {
    let id = partner.id.clone();
    let wallets = site.read(move |tx| store::wallets::of_partner(tx, &id)).await;
    wallets.into_iter().map(|wallet| wallet.address).collect()
}

both_databases!(changing_where_money_goes_asks_for_the_password, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let page = partner.browser.get("/wallets").await.expect(StatusCode::OK);
    assert!(!page.body.contains("name=\"password\""), "a newcomer's first minute stays simple");
    let wallet = partner.add_wallet(&site).await;
    partner.browser.get("/wallets").await.expect_text("name=\"password\"");

    for (password, said) in [("", "Enter your password"), ("seven otters mend a kit", "not your password")] {
        let refused = change(&partner, &wallet, "Renamed too", OTHER, password).await;
        let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        for text in [said, "id=\"password-error\"", "Renamed too", OTHER] {
            refused.expect_text(text);
        }
        assert!(password.is_empty() || !refused.body.contains(password), "the password is shown");
        // Nothing of it is saved, the label neither.
        assert_eq!(addresses(&site, &partner).await, ["pay@example.com"]);
    }
    // A new one counts as elsewhere, and so does another kind.
    change(&partner, "", "Second", OTHER, "").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    // Renaming and removing don't.
    change(&partner, &wallet, "Renamed", "pay@example.com", "").await.expect(StatusCode::SEE_OTHER);
    change(&partner, &wallet, "Main", OTHER, PASSWORD).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(addresses(&site, &partner).await, [OTHER]);
    let gone = [("wallet[0].id", wallet.as_str()), ("wallet[0].remove", "1")];
    partner.browser.post("/wallets", &gone).await.expect(StatusCode::SEE_OTHER);
    // Who once had a wallet is no newcomer any more.
    change(&partner, "", "Back", OTHER, "").await.expect(StatusCode::UNPROCESSABLE_ENTITY);

    let letters: Vec<String> = site
        .letters()
        .await
        .into_iter()
        .filter(|(notice, ..)| notice == "wallet_changed")
        .map(|(.., text)| text)
        .collect();
    assert_eq!(letters.len(), 4, "added, renamed, changed, removed: {letters:#?}");
    assert!(letters.iter().all(|text| !text.contains(OTHER)), "addresses are masked");
    assert!(letters[1].contains("nothing is paid to it for 24 hours"), "{}", letters[1]);
    assert!(!letters[3].contains("24 hours"), "the first one doesn't cool");
    let acts = site.acts(&partner.id).await;
    assert!(
        acts.iter().any(|(act, _, changes, _)| act == "wallet.changed" && changes.contains("o…@example.com"))
    );
    assert!(acts.iter().all(|(_, _, changes, _)| !changes.contains(OTHER)));
    site.verify().await;
});

both_databases!(a_password_is_tried_as_slowly_as_when_signing_in, async |db: Db| {
    let settings = Settings { rate_limit: Some(1), ..Settings::default() };
    let site = Site::start_with(db, settings).await;
    let partner = site.partner("Mara").await;
    let wallet = partner.add_wallet(&site).await;
    let tasks: Vec<_> = (0..40)
        .map(|index| {
            let (browser, wallet) = (partner.browser.clone(), wallet.clone());
            tokio::spawn(async move {
                let password = format!("guess number {index}");
                let fields = [
                    ("wallet[0].id", wallet.as_str()),
                    ("wallet[0].kind", "paypal"),
                    ("wallet[0].label", "Main"),
                    ("wallet[0].address", OTHER),
                    ("password", password.as_str()),
                ];
                let answer = browser.post("/wallets", &fields).await;
                answer.expect_text(OTHER);
                answer.status
            })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        let status = task.await.unwrap();
        assert!(
            matches!(status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::TOO_MANY_REQUESTS),
            "{status}"
        );
        refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 30);
    assert_eq!(addresses(&site, &partner).await, ["pay@example.com"]);
});

both_databases!(of_two_first_wallets_at_once_one_needs_no_password, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let tasks: Vec<_> = (0..8)
        .map(|index| {
            let browser = partner.browser.clone();
            tokio::spawn(async move {
                let address = format!("pay{index}@example.com");
                let fields = [
                    ("wallet[0].id", ""),
                    ("wallet[0].kind", "paypal"),
                    ("wallet[0].label", "Main"),
                    ("wallet[0].address", address.as_str()),
                ];
                browser.post("/wallets", &fields).await.status
            })
        })
        .collect();
    let mut saved = 0;
    for task in tasks {
        match task.await.unwrap() {
            StatusCode::SEE_OTHER => saved += 1,
            status => assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY),
        }
    }
    assert_eq!((saved, addresses(&site, &partner).await.len()), (1, 1));
});

both_databases!(a_changed_wallet_cools_and_finance_overrides_with_a_reason, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    let first = partner.add_wallet(&site).await;
    let finance = site.staff(Role::Finance).await;
    let at_once = partner.requested(&site, "500", &first, "at-once").await;
    let second = partner.add_another(&site, "paypal", OTHER).await;
    let cooling = partner.requested(&site, "500", &second, "cooling").await;
    let later = partner.requested(&site, "500", &second, "later").await;
    partner.browser.get("/wallets").await.expect_text("it can be paid to from");
    partner.browser.get("/statistics").await.expect_text("it can be paid to from");

    let pay = async |id: &str, overridden: &str| {
        let fields = [("reference", "TX-1"), ("override", overridden)];
        finance.post(&format!("/office/withdrawals/{id}/pay"), &fields).await
    };
    // A reason without need is not kept.
    pay(&at_once, "In a hurry").await.expect(StatusCode::SEE_OTHER);
    assert_eq!(partner.withdrawal(&site, "at-once").await.override_reason, None);
    let refused = pay(&cooling, "  ").await.expect(StatusCode::CONFLICT);
    refused.expect_text("can be paid to from");
    refused.expect_text("value=\"TX-1\"");
    refused.expect_text("name=\"override\"");
    pay(&cooling, "They phoned from the number we know").await.expect(StatusCode::SEE_OTHER);
    let page = finance.get(&format!("/office/withdrawals/{cooling}")).await;
    page.expect_text("They phoned from the number we know");
    let acts = site.acts(&cooling).await;
    assert_eq!(
        (acts[0].0.as_str(), acts[0].3.as_str()),
        ("withdrawal.paid", "They phoned from the number we know")
    );

    site.clock.advance(23 * HOUR);
    pay(&later, "").await.expect(StatusCode::CONFLICT);
    site.clock.advance(HOUR);
    pay(&later, "").await.expect(StatusCode::SEE_OTHER);
    site.verify().await;

    // The setting decides for what is changed from now on.
    site.set(|programme| programme.cooling_hours = 0).await;
    let third = partner.add_another(&site, "paypal", "third@example.com").await;
    let id = partner.requested(&site, "500", &third, "no-cooling").await;
    pay(&id, "").await.expect(StatusCode::SEE_OTHER);
    site.verify().await;
});
