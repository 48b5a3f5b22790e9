//! Every link that a page shows leads somewhere: the filters, sorts and pages of lists are followed one by one.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use domain::permission::Role;
use store::{Db, both_databases};

use crate::support::{Browser, Site};

/// More than any programme of a test has: a list that leads on without end must not hold the test up.
const MOST: usize = 2_000;

/// The local addresses in a page, as a browser would follow them.
fn addresses(page: &str) -> impl Iterator<Item = String> + '_ {
    page.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|address| address.starts_with('/') && !address.starts_with("/assets/"))
        .map(|address| {
            let address = address.split('#').next().unwrap_or_default();
            address.replace("&#38;", "&").replace("&amp;", "&")
        })
}

/// Follows every link from the pages on; returns how many were followed.
async fn follow(browser: &Browser, from: &[&str]) -> usize {
    let mut seen: BTreeSet<String> = from.iter().map(ToString::to_string).collect();
    let mut open: Vec<String> = seen.iter().cloned().collect();
    let mut followed = 0;
    while let Some(path) = open.pop() {
        followed += 1;
        assert!(followed <= MOST, "links lead on without end: {path}");
        let answer = browser.get(&path).await;
        let fine = [StatusCode::OK, StatusCode::SEE_OTHER, StatusCode::FOUND].contains(&answer.status);
        assert!(fine, "{path}: {} {}", answer.status, answer.body);
        let led = [answer.location().to_owned()].into_iter().filter(|path| path.starts_with('/'));
        for address in addresses(&answer.body).chain(led) {
            if seen.insert(address.clone()) {
                open.push(address);
            }
        }
    }
    followed
}

both_databases!(every_link_of_the_portal_leads_somewhere, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| programme.hold_days = 14).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "9000").await;
    site.set(|programme| programme.hold_days = 0).await;
    let deal = site.won(&partner, "20000").await;
    let sales = site.staff(Role::Sales).await;
    let refund = [("amount", "1000"), ("reason", "A smaller scope")];
    sales.post(&format!("/office/deals/{deal}/refund"), &refund).await.expect(StatusCode::SEE_OTHER);
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("600", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
    let followed =
        follow(&partner.browser, &["/link", "/statistics", "/statistics/entries?of=hold", "/wallets"]).await;
    assert!(followed > 20, "only {followed} links were found");
    site.verify().await;
});

both_databases!(every_link_of_the_office_leads_somewhere, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    site.client_of(&partner, "Waiting").await;
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("600", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
    partner.browser.post("/feedback", &[("message", "Nice"), ("page", "/link")]).await;
    for role in Role::ALL {
        let followed = follow(&site.staff(role).await, &["/office"]).await;
        assert!(followed > 3, "only {followed} links were found for {role:?}");
    }
});
