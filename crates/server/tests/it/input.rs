//! Bad input: every field of every form, empty, too long, of the wrong kind and hostile. A sentence beside the
//! field, what was typed kept, never a 500.

use axum::http::StatusCode;
use domain::permission::Role;
use store::{Db, both_databases};

use crate::support::{Answer, Browser, Site};

/// What people and programs type.
fn hostile() -> Vec<String> {
    vec![
        String::new(),
        "   ".into(),
        "x".repeat(20_000),
        "\u{0}".into(),
        "a\u{0}b".into(),
        "<script>alert(1)</script>".into(),
        "\"><img src=x onerror=alert(1)>".into(),
        "🦀👩‍👩‍👧‍👦".into(),
        "مرحبا بالعالم".into(),
        "\u{202e}txt.exe".into(),
        "'; DROP TABLE client; --".into(),
        "-1".into(),
        "1e309".into(),
        "99999999999999999999999999".into(),
        "NaN".into(),
        "../../etc/passwd".into(),
        "%s%n{{7*7}}".into(),
        "\r\nSet-Cookie: a=b".into(),
        "\u{fffd}\u{ffff}".into(),
    ]
}

/// A form: where it goes, and fields that are accepted.
struct Form<'a> {
    browser: &'a Browser,
    path: String,
    fields: Vec<(&'a str, String)>,
}

/// Sends a form with each field spoilt in each way.
async fn spoil(form: &Form<'_>) {
    for index in 0..form.fields.len() {
        for bad in hostile() {
            let name = form.fields[index].0;
            let fields: Vec<(&str, &str)> = form
                .fields
                .iter()
                .enumerate()
                .map(|(at, (name, value))| (*name, if at == index { bad.as_str() } else { value.as_str() }))
                .collect();
            let answer = form.browser.post(&form.path, &fields).await;
            fine(&answer, &format!("{} {name}={:?}", form.path, bad.chars().take(30).collect::<String>()));
            if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
                kept(&answer, &form.path, &fields, name);
            }
        }
    }
    // Nothing at all, and bytes that are no text.
    fine(&form.browser.post(&form.path, &[]).await, &form.path);
    let broken = form
        .browser
        .form(&form.path, &[])
        .body("%ff%fe=%00&&&==&a=%zz")
        .header("origin", form.browser.base());
    fine(&form.browser.send(broken).await, &form.path);
}

/// An answer that a person can do something with, and nothing of what was typed runs.
fn fine(answer: &Answer, what: &str) {
    let expected = [200, 201, 303, 401, 403, 404, 409, 410, 413, 422];
    assert!(expected.contains(&answer.status.as_u16()), "{what}: {} {}", answer.status, answer.body);
    assert!(!answer.body.contains("<script>alert"), "{what}: {}", answer.body);
    assert!(!answer.body.contains("<img src=x"), "{what}: {}", answer.body);
    if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        let says_why = answer.body.contains("class=\"error\"") || answer.body.contains("role=\"alert\"");
        assert!(says_why, "{what}: no sentence in {}", answer.body);
    }
}

/// What was typed into the other fields is still there.
fn kept(answer: &Answer, path: &str, fields: &[(&str, &str)], spoilt: &str) {
    for (name, value) in fields {
        let is_plain =
            value.len() > 3 && value.chars().all(|c| c.is_ascii_alphanumeric() || " .-".contains(c));
        if *name != spoilt && !name.ends_with("password") && is_plain && !name.ends_with(".id") {
            assert!(answer.body.contains(value), "{path}: {name}={value} was lost in {}", answer.body);
        }
    }
    assert!(!answer.body.contains("quiet harbour"), "{path} shows a password");
}

fn form<'a>(browser: &'a Browser, path: &str, fields: &[(&'a str, &str)]) -> Form<'a> {
    let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Form { browser, path: path.to_owned(), fields }
}

both_databases!(public_forms_take_anything, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    let password = "quiet harbour lantern 42";
    spoil(&form(
        &guest,
        "/contact",
        &[
            ("name", "Aurora Ceramics"),
            ("email", "hello@aurora.example"),
            ("phone", "+351 912 000 114"),
            ("telegram", "@aurora_ceramics"),
            ("message", "A shop please"),
            ("code", ""),
            ("submission", ""),
            ("via", ""),
        ],
    ))
    .await;
    spoil(&form(&guest, "/sign-in", &[("email", "mara@example.com"), ("password", "x"), ("next", "/link")]))
        .await;
    spoil(&form(&guest, "/recover", &[("email", "mara@example.com")])).await;
    spoil(&form(
        &guest,
        "/support",
        &[
            ("name", "Aurora Ceramics"),
            ("email", "hello@aurora.example"),
            ("kind", "technical"),
            ("transaction", "T-2077"),
            ("message", "The link is broken"),
            ("submission", ""),
        ],
    ))
    .await;
    spoil(&form(&guest, "/support/3001/nothing", &[("message", "Hello there"), ("submission", "")])).await;
    spoil(&form(&guest, "/reset/nothing", &[("password", password)])).await;
    spoil(&form(&guest, "/invitation/nothing", &[("password", password)])).await;
    spoil(&form(&guest, "/confirm/nothing", &[("x", "y")])).await;
    spoil(&form(&guest, "/email/nothing", &[("answer", "yes")])).await;
    // Last, because a sign-up that succeeds signs the browser in.
    spoil(&form(&guest, "/sign-up", &[("name", "Mara Lindqvist"), ("email", "bad"), ("password", password)]))
        .await;
});

both_databases!(portal_forms_take_anything, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    let wallet = partner.add_wallet(&site).await;
    let browser = &partner.browser;
    spoil(&form(
        browser,
        "/withdrawals",
        &[("amount", "1.00"), ("wallet", &wallet), ("request", "request-1")],
    ))
    .await;
    spoil(&form(
        browser,
        "/wallets",
        &[
            ("wallet[0].id", ""),
            ("wallet[0].kind", "iban"),
            ("wallet[0].label", "Household"),
            ("wallet[0].address", "DE00 wrong"),
            ("wallet[0].remove", ""),
            ("password", "quiet harbour lantern 42"),
        ],
    ))
    .await;
    // With a wallet that could be saved: what is wrong is the password.
    spoil(&form(
        browser,
        "/wallets",
        &[
            ("wallet[0].id", ""),
            ("wallet[0].kind", "paypal"),
            ("wallet[0].label", "Household"),
            ("wallet[0].address", "household@example.com"),
            ("password", "quiet harbour lantern 42"),
        ],
    ))
    .await;
    spoil(&form(browser, "/feedback", &[("message", "Hello there"), ("page", "/link"), ("mood", "good")]))
        .await;
    let client = site.client_of(&partner, "Aurora").await;
    let number = format!("C-{client}");
    spoil(&form(
        browser,
        "/support",
        &[
            ("name", "Mara Lindqvist"),
            ("email", "mara@example.com"),
            ("kind", "financial"),
            ("transaction", &number),
            ("message", "Where is it"),
            ("submission", ""),
        ],
    ))
    .await;
    spoil(&form(browser, "/support/3001/reply", &[("message", "Hello there"), ("submission", "s")])).await;
    account_forms(browser).await;
    spoil(&form(
        browser,
        "/claims",
        &[
            ("client_name", "Aurora Ceramics"),
            ("client_contact", "Call Ann"),
            ("sent_on", "2999-01-01"),
            ("how", "By Telegram"),
            ("evidence", "She wrote so"),
            ("submission", "s"),
        ],
    ))
    .await;
    spoil(&form(browser, "/claims/4001/withdraw", &[("x", "")])).await;
    for path in [
        "/support?before=%00&transaction=%00&kind=%ff&done=x",
        "/support/abc",
        "/support/99999999999999999999999",
        "/account?done=%00",
        "/guide?done=%ff",
        "/confirm/%00",
        "/email/%ff",
        "/claims?before=%00&done=%ff",
        "/link/sheet?name=%00",
        "/statistics?c_sort=%00&c_after=x&c_q=%25&w_sort=1&days=9999999999999",
        "/statistics/entries?before=x&deal=%ff",
        "/statistics/clients.csv?c_q=%00",
    ] {
        let answer = browser.get(path).await;
        assert!(answer.status.is_success() || answer.status.is_client_error(), "{path}: {}", answer.body);
    }
    site.verify().await;
});

/// The forms of the account, a partner's or a member of staff's.
async fn account_forms(browser: &Browser) {
    spoil(&form(browser, "/account", &[("name", "Mara Lindqvist"), ("language", "en")])).await;
    let fields = [("current_password", "quiet harbour lantern 42"), ("password", "quiet harbour lantern 43")];
    spoil(&form(browser, "/account/password", &fields)).await;
    let fields = [("email", "mara at example"), ("password", "quiet harbour lantern 42")];
    spoil(&form(browser, "/account/email", &fields)).await;
    spoil(&form(browser, "/account/email/cancel", &[("x", "y")])).await;
    spoil(&form(browser, "/account/confirm", &[("x", "y")])).await;
    spoil(&form(browser, "/account/sessions/end", &[("session", "nothing")])).await;
    spoil(&form(browser, "/account/sessions/end-others", &[("x", "y")])).await;
    browser.get("/account").await.expect(StatusCode::OK);
}

both_databases!(office_forms_take_anything, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let client = site.client_of(&partner, "Aurora").await;
    let pending = site.deal_of(client).await.number;
    let won = site.won(&partner, "20000").await;
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("500", &wallet, "r").await.expect(StatusCode::SEE_OTHER);
    let id = partner.id.clone();
    let withdrawal = site.read(move |tx| Ok(store::withdrawals::by_request(tx, &id, "r")?.unwrap().id)).await;
    let admin = site.staff(Role::Admin).await;
    spoil(&form(
        &admin,
        &format!("/office/deals/{won}/refund"),
        &[("amount", "0.01"), ("reason", "Small part")],
    ))
    .await;
    spoil(&form(&admin, &format!("/office/clients/{client}/notes"), &[("message", "Called twice")])).await;
    spoil(&form(&admin, &format!("/office/clients/{client}/deals"), &[("title", "Second shop")])).await;
    partner
        .browser
        .post(
            "/claims",
            &[
                ("client_name", "Aurora"),
                ("sent_on", &site.app.env().now.day().iso()),
                ("how", "By mail"),
                ("evidence", "x"),
                ("submission", "s"),
            ],
        )
        .await
        .expect(StatusCode::SEE_OTHER);
    let id = partner.id.clone();
    let claim = site.read(move |tx| Ok(store::claims::of_partner(tx, &id, None, 1)?[0].number)).await;
    let page = format!("/office/clients/{client}");
    spoil(&form(
        &admin,
        &format!("{page}/attribution"),
        &[("partner", "Zebedee"), ("reason", "She said so")],
    ))
    .await;
    spoil(&form(&admin, &format!("{page}/code"), &[("code", "K7XM49QQ"), ("reason", "On the phone")])).await;
    spoil(&form(&admin, &format!("{page}/attribution/none"), &[("reason", "")])).await;
    let page = format!("/office/claims/{claim}");
    spoil(&form(
        &admin,
        &format!("{page}/accept"),
        &[("client", "other"), ("other", "C-999999"), ("reason", "It fits")],
    ))
    .await;
    spoil(&form(&admin, &format!("{page}/reject"), &[("reason", "")])).await;
    spoil(&form(&admin, &format!("/office/deals/{pending}/win"), &[("amount", "-5")])).await;
    spoil(&form(&admin, &format!("/office/deals/{pending}/lose"), &[("reason", "")])).await;
    spoil(&form(&admin, &format!("/office/deals/{pending}/reopen"), &[("reason", "")])).await;
    spoil(&form(&admin, &format!("/office/withdrawals/{withdrawal}/pay"), &[("reference", "")])).await;
    spoil(&form(&admin, &format!("/office/withdrawals/{withdrawal}/reject"), &[("reason", "")])).await;
    spoil(&form(&admin, &format!("/office/withdrawals/{withdrawal}/approve"), &[("note", "Fine")])).await;
    spoil(&form(
        &admin,
        &format!("/office/withdrawals/{withdrawal}/pay"),
        &[("reference", ""), ("override", "Phoned them")],
    ))
    .await;
    let paid = partner.requested(&site, "500", &wallet, "paid").await;
    let pay = format!("/office/withdrawals/{paid}/pay");
    admin.post(&pay, &[("reference", "TX-1")]).await.expect(StatusCode::SEE_OTHER);
    spoil(&form(&admin, &format!("/office/withdrawals/{paid}/came-back"), &[("reason", "")])).await;
    spoil(&form(
        &admin,
        &format!("/office/partners/{}/adjust", partner.id),
        &[("amount", "0"), ("kind", "correction"), ("reason", "Counted twice"), ("request", "request-1")],
    ))
    .await;
    let waiting = partner.requested(&site, "500", &wallet, "waiting").await;
    let chosen = format!("choose[{waiting}]");
    for bad in hostile() {
        let name = format!("choose[{bad}]");
        let answer = admin.post("/office/withdrawals/batches", &[(name.as_str(), "1")]).await;
        fine(&answer, &name);
    }
    let made = admin.post("/office/withdrawals/batches", &[(chosen.as_str(), "1")]).await;
    let batch = made.expect(StatusCode::SEE_OTHER).location().split('?').next().unwrap().to_owned();
    spoil(&form(&admin, &format!("{batch}/take-off"), &[("withdrawal", "nothing")])).await;
    let reference = format!("reference[{waiting}]");
    let long = "x".repeat(300);
    spoil(&form(&admin, &format!("{batch}/pay"), &[("reference", &long), (&reference, "NW-0042")])).await;
    spoil(&form(&admin, &format!("/office/partners/{}/suspend", partner.id), &[("reason", "")])).await;
    spoil(&form(&admin, &format!("/office/partners/{}/rate", partner.id), &[("rate", "12.5")])).await;
    let fields =
        [("name", "Mara"), ("email", "mara@example.com"), ("kind", "financial"), ("message", "Where is it")];
    partner.browser.post("/support", &fields).await.expect(StatusCode::SEE_OTHER);
    spoil(&form(&admin, "/office/support/3001/answer", &[("answer", "It comes"), ("version", "0")])).await;
    spoil(&form(&admin, "/office/support/3001/note", &[("message", "Called twice")])).await;
    spoil(&form(&admin, "/office/support/3001/close", &[("version", "0")])).await;
    spoil(&form(&admin, "/office/support/3001/reopen", &[("version", "0")])).await;
    partner.browser.post("/feedback", &[("message", "Nice")]).await.expect(StatusCode::SEE_OTHER);
    let feedback = site.read(|tx| Ok(store::feedback::list(tx, false, None, 1)?.remove(0).id)).await;
    spoil(&form(&admin, &format!("/office/feedback/{feedback}/answer"), &[("answer", "Thank you")])).await;
    spoil(&form(&admin, "/office/staff", &[("name", "Ines Duarte"), ("email", "bad"), ("role", "sales")]))
        .await;
    spoil(&form(
        &admin,
        "/office/settings",
        &[
            ("version", "1"),
            ("name", "Northwind Partners"),
            ("currency", "USD"),
            ("site_url", "ftp://bad"),
            ("support_email", ""),
            ("support_telegram", ""),
            ("minimum_withdrawal", "500"),
            ("hold_days", "0"),
            ("window_days", "90"),
            ("link_rule", "last"),
            ("tier[0].from", "0"),
            ("tier[0].rate", "10"),
        ],
    ))
    .await;
    account_forms(&admin).await;
    for path in [
        "/office/audit?q=%00&subject=%ff&id=%00&by=x&before=y",
        "/office/audit/records.csv?q=%00&subject=%ff&id=%25&by=x",
        "/office/clients/abc",
        "/office/clients/99999999999999999999999",
        "/office/deals/-1",
        "/office/claims/%00",
        "/office/claims?status=%00&after=x.y",
        "/office/withdrawals/%00",
        "/office/partners/%f0%9f%a6%80",
        "/office/clients?q=%00&status=x&before=y&partner=%ff",
        "/office/withdrawals?status=%00&after=x&show=%ff",
        "/office/withdrawals/batches?before=%00",
        "/office/withdrawals/batches/%ff",
        "/office/partners?q=%25&before=%00",
        "/office/support?q=%00&status=%ff&kind=x&after=1~x",
        "/office/support/%00",
    ] {
        let answer = admin.get(path).await;
        assert!(
            answer.status.is_success() || answer.status.is_client_error(),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
    }
    site.verify().await;
});

both_databases!(a_body_that_is_too_large_or_no_form_is_refused, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    let huge = "x".repeat(server::web::BODY_LIMIT + 1);
    // The server answers and closes without reading on; what is still being sent then may cost the client the answer.
    let mut answer = None;
    for _ in 0..20 {
        answer = guest.try_post("/contact", &[("message", &huge)]).await;
        if answer.is_some() {
            break;
        }
    }
    answer.expect("an answer").expect(StatusCode::PAYLOAD_TOO_LARGE);
    let json = guest.request("/contact").header("content-type", "application/json").body("{}");
    guest.send(json).await.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
});
