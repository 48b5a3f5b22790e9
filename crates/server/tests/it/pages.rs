//! What pages say, where people were misled.

use axum::http::StatusCode;
use domain::permission::Role;
use store::{Db, both_databases};

use crate::support::Site;

both_databases!(a_used_invitation_says_whom_to_ask, async |db: Db| {
    let site = Site::start(db).await;
    let visitor = site.browser();
    let gone = visitor.get("/invitation/nothing").await.expect(StatusCode::GONE);
    gone.expect_text("restart the server");
    site.staff(Role::Admin).await;
    let gone = visitor.get("/invitation/nothing").await.expect(StatusCode::GONE);
    gone.expect_text("Ask an admin for a new one.");
    assert!(!gone.body.contains("restart"));
});

both_databases!(finance_reads_of_a_payment_what_the_partner_reads, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, finance) = (site.partner("Mara").await, site.staff(Role::Finance).await);
    let wallet = mara.add_wallet(&site).await;
    site.won(&mara, "10,000").await;
    let id = mara.requested(&site, "600", &wallet, "0193a1b2-0000-7000-8000-0000000000b1").await;
    let office = format!("/office/partners/{}", mara.id);
    let withdrawal = site.read(move |tx| store::withdrawals::by_id(tx, &id)).await.unwrap();
    let about = format!("{} · 600.00", withdrawal.wallet_label);
    finance.get(&office).await.expect(StatusCode::OK).expect_text(&about);
    let pay = format!("/office/withdrawals/{}/pay", withdrawal.id);
    finance.post(&pay, &[("reference", "TX-77")]).await.expect(StatusCode::SEE_OTHER);
    let page = finance.get(&office).await.expect(StatusCode::OK);
    page.expect_text(&format!("{about} · reference TX-77"));
    // And how a commission came to its amount.
    let sum = "10,000.00 × 10 % = 1,000.00.";
    page.expect_text(sum);
    let own = mara.browser.get("/statistics/entries").await.expect(StatusCode::OK);
    own.expect_text("reference TX-77");
    own.expect_text(sum);
});
