//! The permission table of the office, walked whole; and what a partner must not reach.

use axum::http::StatusCode;
use domain::permission::Role;
use server::web::office;
use store::{Db, both_databases};

use crate::support::Site;

/// Nothing that exists: what is allowed answers with anything but 403, what isn't answers with 403 first.
fn concrete(path: &str) -> String {
    path.replace("{n}", "999999").replace("{id}", "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d")
}

both_databases!(every_address_of_the_office_is_allowed_by_role, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let guest = site.browser();
    let mut walked = 0;
    for route in office::table() {
        let path = concrete(&route.path);
        assert!(!path.contains('{'), "{path} has a parameter that this test does not know");
        for role in Role::ALL {
            let staff = site.staff(role).await;
            for answer in [staff.get(&path).await, staff.post(&path, &[]).await] {
                assert!(!answer.status.is_server_error(), "{} {path}: {}", answer.status, answer.body);
                if role.may(route.permission) {
                    assert_ne!(answer.status, StatusCode::FORBIDDEN, "{role:?} {path}");
                } else {
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role:?} {path}");
                }
                walked += 1;
            }
        }
        partner.browser.get(&path).await.expect(StatusCode::FORBIDDEN);
        partner.browser.post(&path, &[]).await.expect(StatusCode::FORBIDDEN);
        assert!(guest.get(&path).await.expect(StatusCode::SEE_OTHER).location().starts_with("/sign-in"));
        guest.post(&path, &[]).await.expect(StatusCode::UNAUTHORIZED);
    }
    assert!(walked >= 20 * Role::ALL.len() * 2, "the table has lost its rows: {walked}");
});

both_databases!(staff_have_no_portal, async |db: Db| {
    let site = Site::start(db).await;
    let admin = site.staff(Role::Admin).await;
    for path in ["/link", "/statistics", "/wallets", "/statistics/entries"] {
        admin.get(path).await.expect(StatusCode::FORBIDDEN);
    }
});

both_databases!(a_partner_reaches_nothing_of_another, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let client = site.client_of(&mara, "Secret Client").await;
    site.won(&jonas, "20000").await;
    let wallet = mara.add_wallet(&site).await;
    let own = jonas.add_wallet(&site).await;

    // Somebody else's wallet can neither be paid to, nor changed, nor removed.
    let refused = jonas.withdraw("500", &wallet, "r1").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!refused.body.contains("Secret Client"));
    for extra in [("wallet[0].address", "jonas@example.com"), ("wallet[0].remove", "on")] {
        let fields = [
            ("wallet[0].id", wallet.as_str()),
            ("wallet[0].kind", "paypal"),
            ("wallet[0].label", "Stolen"),
            ("password", crate::support::PASSWORD),
            extra,
        ];
        jonas.browser.post("/wallets", &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let id = mara.id.clone();
    let kept = site.read(move |tx| store::wallets::of_partner(tx, &id)).await;
    assert_eq!((kept.len(), kept[0].label.as_str()), (1, "Main"));
    jonas.withdraw("500", &own, "r2").await.expect(StatusCode::SEE_OTHER);

    for path in [
        "/statistics",
        "/statistics/clients.csv",
        "/statistics/entries",
        "/statistics?c_q=secret",
        &format!("/statistics?c_q=C-{client}"),
    ] {
        let page = jonas.browser.get(path).await.expect(StatusCode::OK);
        assert!(!page.body.contains("Secret Client"), "{path}");
    }
});

both_databases!(staff_whose_access_was_taken_away_are_out_at_once, async |db: Db| {
    let site = Site::start(db).await;
    let admin = site.staff(Role::Admin).await;
    let sales = site.staff(Role::Sales).await;
    sales.get("/office/clients").await.expect(StatusCode::OK);
    let members = site.read(store::accounts::staff).await;
    let id = members.iter().find(|member| member.role == Role::Sales).unwrap().id.clone();
    admin.post(&format!("/office/staff/{id}/disable"), &[]).await.expect(StatusCode::SEE_OTHER);
    sales.get("/office/clients").await.expect(StatusCode::SEE_OTHER);
    // The last admin can't be locked out.
    let id = members.iter().find(|member| member.role == Role::Admin).unwrap().id.clone();
    admin.post(&format!("/office/staff/{id}/disable"), &[]).await.expect(StatusCode::CONFLICT);
    admin.post(&format!("/office/staff/{id}/role"), &[("role", "sales")]).await.expect(StatusCode::CONFLICT);
    admin.get("/office/staff").await.expect(StatusCode::OK);
});
