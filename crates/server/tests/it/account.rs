//! One's own account: profile, password, a new email address, open sessions, devices, confirming the address.

use axum::http::{StatusCode, header};
use domain::{
    clock::{Clock, DAY, HOUR},
    notice::NoticeKind,
    permission::Role,
    text::{Email, Name},
};
use server::{config::Settings, ops};
use store::{
    Db, accounts,
    audit::{self, Filter, Record},
    both_databases,
    outbox::{self, Message, Status},
    sessions::{self, Purpose},
};

use crate::{
    attribution::futures,
    support::{Browser, Site},
};

const PASSWORD: &str = "quiet harbour lantern 42";
const OTHER_PASSWORD: &str = "seven otters mend a kite";

async fn sign_up(site: &Site, email: &str) -> Browser {
    let browser = site.browser();
    let fields = [("name", "Mara Lindqvist"), ("email", email), ("password", PASSWORD)];
    browser.post("/sign-up", &fields).await.expect(StatusCode::SEE_OTHER);
    browser
}

async fn sign_in(browser: &Browser, email: &str, password: &str) -> StatusCode {
    browser.post("/sign-in", &[("email", email), ("password", password)]).await.status
}

async fn signed_in(site: &Site, email: &str) -> Browser {
    let browser = site.browser();
    assert_eq!(sign_in(&browser, email, PASSWORD).await, StatusCode::SEE_OTHER);
    browser
}

/// Whether a browser is signed in.
async fn is_in(browser: &Browser) -> bool {
    browser.get("/account").await.status == StatusCode::OK
}

/// The mails of a kind to an address, newest first.
async fn mails(site: &Site, kind: NoticeKind, address: &str) -> Vec<Message> {
    let address = address.to_owned();
    let mut all = site.read(|tx| outbox::list(tx, &outbox::Filter::default(), None, 1_000)).await;
    all.retain(|message| message.notice == kind && message.address == address);
    all
}

/// The path of the one-time address in the newest mail of a kind.
async fn link(site: &Site, kind: NoticeKind, address: &str) -> String {
    let mails = mails(site, kind, address).await;
    let body = &mails.first().unwrap_or_else(|| panic!("no {kind:?} to {address}")).body;
    let start = ["/confirm/", "/email/"].iter().find_map(|path| body.find(&format!("{}{path}", site.url)));
    let start = start.unwrap_or_else(|| panic!("no one-time address in {body}")) + site.url.len();
    body[start..].chars().take_while(|c| !c.is_whitespace()).collect()
}

/// The records of an act, newest first.
async fn records(site: &Site, act: &str) -> Vec<Record> {
    let act = act.to_owned();
    let mut all = site.read(|tx| audit::list(tx, &Filter::default(), None, 10_000)).await;
    all.retain(|record| record.act == act);
    all
}

/// Nothing that was typed as a password stands in the audit.
async fn no_password_recorded(site: &Site) {
    for record in site.read(|tx| audit::list(tx, &Filter::default(), None, 10_000)).await {
        let text = format!("{record:?}");
        for secret in [PASSWORD, OTHER_PASSWORD, "argon2"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    site.verify().await;
}

both_databases!(a_profile_is_changed_and_found_by_its_new_name, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let page = partner.browser.get("/account").await.expect(StatusCode::OK);
    page.expect_text("value=\"Mara\"");
    let fields = [("name", "Zoë Ümlaut"), ("language", "de")];
    let done = partner.browser.post("/account", &fields).await.expect(StatusCode::SEE_OTHER);
    let page = partner.browser.get(done.location()).await.expect(StatusCode::OK);
    page.expect_text("Your profile is saved.");
    page.expect_text("value=\"Zoë Ümlaut\"");
    page.expect_text("value=\"de\" lang=\"de\" selected");
    let finance = site.staff(Role::Finance).await;
    finance.get("/office/partners?q=z%C3%B6%C3%AB").await.expect(StatusCode::OK);
    finance.get("/office/partners?q=%C3%9Cml").await.expect_text("Zoë Ümlaut");
    let recorded = records(&site, "profile.changed").await;
    assert!(recorded[0].changes.contains("\"before\":\"Mara\",\"after\":\"Zoë Ümlaut\""), "{recorded:?}");
    // The same again changes nothing and records nothing.
    partner.browser.post("/account", &fields).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(records(&site, "profile.changed").await.len(), 1);
    for (name, language, field) in [("", "de", "profile-name-error"), ("Zoë", "xx", "profile-language-error")]
    {
        let refused = partner.browser.post("/account", &[("name", name), ("language", language)]).await;
        refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text(field);
    }
    site.verify().await;
});

both_databases!(a_new_password_needs_the_old_one_and_ends_other_sessions, async |db: Db| {
    let site = Site::start(db).await;
    let mine = sign_up(&site, "mara@example.com").await;
    let elsewhere = signed_in(&site, "mara@example.com").await;
    for (current, new, field) in [
        ("", OTHER_PASSWORD, "password-current_password-error"),
        ("wrong", OTHER_PASSWORD, "password-current_password-error"),
        (PASSWORD, "short", "password-password-error"),
        (PASSWORD, PASSWORD, "password-password-error"),
        // What an attacker would try first.
        (PASSWORD, "mara@example.com", "password-password-error"),
    ] {
        let fields = [("current_password", current), ("password", new)];
        let refused = mine.post("/account/password", &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        refused.expect_text(field);
        assert!(!refused.body.contains(PASSWORD) && !refused.body.contains(OTHER_PASSWORD));
    }
    assert!(is_in(&elsewhere).await);
    // A link for a new password and a change of the address are under way.
    site.browser().post("/recover", &[("email", "mara@example.com")]).await.expect(StatusCode::OK);
    let change = [("email", "thief@example.com"), ("password", PASSWORD)];
    elsewhere.post("/account/email", &change).await.expect(StatusCode::SEE_OTHER);
    let adopt = link(&site, NoticeKind::AdoptEmail, "thief@example.com").await;

    let fields = [("current_password", PASSWORD), ("password", OTHER_PASSWORD)];
    let done = mine.post("/account/password", &fields).await.expect(StatusCode::SEE_OTHER);
    mine.get(done.location()).await.expect_text("Your password is changed.");
    assert!(is_in(&mine).await && !is_in(&elsewhere).await);
    assert_eq!(mails(&site, NoticeKind::AccountChanged, "mara@example.com").await.len(), 1);
    assert_eq!(sign_in(&site.browser(), "mara@example.com", PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&site.browser(), "mara@example.com", OTHER_PASSWORD).await, StatusCode::SEE_OTHER);
    site.browser().get(&adopt).await.expect(StatusCode::GONE);
    assert!(!mine.get("/account").await.body.contains("thief@example.com"));
    assert_eq!(records(&site, "password.changed").await.len(), 1);
    no_password_recorded(&site).await;
});

both_databases!(a_session_is_ended_by_its_owner_alone, async |db: Db| {
    let site = Site::start(db).await;
    let mine = sign_up(&site, "mara@example.com").await;
    let (second, third) =
        (signed_in(&site, "mara@example.com").await, signed_in(&site, "mara@example.com").await);
    let page = mine.get("/account").await.expect(StatusCode::OK);
    page.expect_text("This device");
    let ids: Vec<String> = page
        .body
        .split("name=\"session\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2, "one's own session is ended by Logout");
    // What the page shows opens nothing.
    let stolen = site.browser();
    let cookie = format!("gw_session={}", ids[0]);
    let answer = stolen.send(
        stolen.form("/feedback", &[]).header(header::COOKIE, cookie).header("sec-fetch-site", "same-origin"),
    );
    assert_eq!(answer.await.status, StatusCode::UNAUTHORIZED);

    let stranger = site.partner("Jonas").await;
    for id in &ids {
        stranger
            .browser
            .post("/account/sessions/end", &[("session", id)])
            .await
            .expect(StatusCode::SEE_OTHER);
    }
    stranger.browser.post("/account/sessions/end-others", &[]).await.expect(StatusCode::SEE_OTHER);
    assert!(is_in(&second).await && is_in(&third).await);

    mine.post("/account/sessions/end", &[("session", &ids[0])]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!([is_in(&second).await, is_in(&third).await].iter().filter(|is_in| **is_in).count(), 1);
    mine.post("/account/sessions/end", &[("session", &ids[0])]).await.expect(StatusCode::SEE_OTHER);
    let fourth = signed_in(&site, "mara@example.com").await;
    mine.post("/account/sessions/end-others", &[]).await.expect(StatusCode::SEE_OTHER);
    assert!(is_in(&mine).await && !is_in(&second).await && !is_in(&third).await && !is_in(&fourth).await);
    assert_eq!(records(&site, "session.ended").await.len(), 1);
    let ended = records(&site, "sessions.ended").await;
    assert_eq!(ended.len(), 1);
    assert!(ended[0].changes.contains("\"before\":\"3\",\"after\":\"1\""), "{ended:?}");
    site.verify().await;
});

/// Asks for another address; gives back the paths in both mails.
async fn ask(site: &Site, browser: &Browser, (was, new): (&str, &str)) -> (String, String) {
    let fields = [("email", new), ("password", PASSWORD)];
    let done = browser.post("/account/email", &fields).await.expect(StatusCode::SEE_OTHER);
    browser.get(done.location()).await.expect_text("Link not used yet");
    (link(site, NoticeKind::ReleaseEmail, was).await, link(site, NoticeKind::AdoptEmail, new).await)
}

async fn yes(browser: &Browser, path: &str) -> String {
    browser.post(path, &[("answer", "yes")]).await.expect(StatusCode::OK).body
}

both_databases!(an_email_address_changes_once_both_mailboxes_agree, async |db: Db| {
    let site = Site::start(db).await;
    for (was, new, old_first) in [
        ("mara@example.com", "Mara.New@example.com", true),
        ("jonas@example.com", "jonas@second.example", false),
    ] {
        let mine = sign_up(&site, was).await;
        let elsewhere = signed_in(&site, was).await;
        let (release, adopt) = ask(&site, &mine, (was, new)).await;
        // Opening changes nothing: programs that look for harm open links, too.
        for path in [&release, &adopt] {
            for _ in 0..2 {
                site.browser().get(path).await.expect(StatusCode::OK).expect_text(new);
            }
        }
        assert!(!site.browser().get(&adopt).await.body.contains(was), "a stranger learns nothing");
        mine.get("/account").await.expect_text("Link not used yet");
        let (first, second) = if old_first { (&release, &adopt) } else { (&adopt, &release) };
        assert!(yes(&site.browser(), first).await.contains("Until then nothing changes"));
        site.browser().get(first).await.expect(StatusCode::GONE);
        site.browser().post(first, &[("answer", "yes")]).await.expect(StatusCode::GONE);
        mine.get("/account").await.expect_text("Has agreed");
        assert_eq!(sign_in(&site.browser(), new, PASSWORD).await, StatusCode::UNAUTHORIZED);

        assert!(yes(&mine, second).await.contains("Your email address is changed"));
        assert!(is_in(&mine).await, "the browser that answered last stays");
        assert!(!is_in(&elsewhere).await);
        let page = mine.get("/account").await;
        page.expect_text(new);
        page.expect_text("Confirmed");
        assert_eq!(sign_in(&site.browser(), was, PASSWORD).await, StatusCode::UNAUTHORIZED);
        assert_eq!(sign_in(&site.browser(), new, PASSWORD).await, StatusCode::SEE_OTHER);
        assert_eq!(mails(&site, NoticeKind::EmailChanged, was).await.len(), 1, "the old address is told");
        let support = site.staff(Role::Support).await;
        let query = format!("/office/partners?q={}", new.to_lowercase());
        support.get(&query).await.expect_text(new);
        no_password_recorded(&site).await;
    }
});

both_databases!(a_change_of_the_address_runs_out_and_can_be_cancelled, async |db: Db| {
    let site = Site::start(db).await;
    let mine = sign_up(&site, "mara@example.com").await;
    for (fields, field) in [
        ([("email", "nonsense"), ("password", PASSWORD)], "email-email-error"),
        ([("email", "mara@example.com"), ("password", PASSWORD)], "email-email-error"),
        ([("email", "new@example.com"), ("password", "wrong")], "email-password-error"),
    ] {
        let refused = mine.post("/account/email", &fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        refused.expect_text(field);
        refused.expect_text(&format!("value=\"{}\"", fields[0].1));
    }
    // Cancelled on the page.
    let (release, adopt) = ask(&site, &mine, ("mara@example.com", "new@example.com")).await;
    mine.post("/account/email/cancel", &[]).await.expect(StatusCode::SEE_OTHER);
    for path in [&release, &adopt] {
        site.browser().get(path).await.expect(StatusCode::GONE);
    }
    // Refused in the mailbox, after the other one has agreed.
    let (release, adopt) = ask(&site, &mine, ("mara@example.com", "new@example.com")).await;
    yes(&site.browser(), &adopt).await;
    let kept = site.browser().post(&release, &[("answer", "no")]).await.expect(StatusCode::OK);
    kept.expect_text("stays as it is");
    assert!(!mine.get("/account").await.body.contains("new@example.com"));
    // Replaced by another one: the earlier links are gone.
    let (release, adopt) = ask(&site, &mine, ("mara@example.com", "new@example.com")).await;
    let (newer, _) = ask(&site, &mine, ("mara@example.com", "newer@example.com")).await;
    site.browser().get(&release).await.expect(StatusCode::GONE);
    site.browser().get(&adopt).await.expect(StatusCode::GONE);
    // Neither yes nor no asks again.
    site.browser()
        .post(&newer, &[("answer", "perhaps")])
        .await
        .expect(StatusCode::OK)
        .expect_text("Agree to");
    // One has agreed; a day later it is too late for the other.
    yes(&site.browser(), &newer).await;
    let adopt = link(&site, NoticeKind::AdoptEmail, "newer@example.com").await;
    site.clock.advance(24 * HOUR + 1);
    site.browser().get(&adopt).await.expect(StatusCode::GONE);
    site.browser().post(&adopt, &[("answer", "yes")]).await.expect(StatusCode::GONE);
    assert!(!mine.get("/account").await.body.contains("newer@example.com"));
    assert_eq!(sign_in(&site.browser(), "mara@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    site.verify().await;
});

both_databases!(a_password_chosen_by_a_mailed_link_ends_a_change_of_the_address, async |db: Db| {
    let site = Site::start(db).await;
    let thief = sign_up(&site, "mara@example.com").await;
    let (release, adopt) = ask(&site, &thief, ("mara@example.com", "thief@example.com")).await;
    yes(&thief, &adopt).await;
    let secret = site.app.ids.secret();
    let token_hash = ops::sessions::hash(&secret);
    site.app
        .write(move |tx, env| {
            let id = accounts::by_email(tx, "mara@example.com")?.unwrap().id;
            sessions::issue(tx, &token_hash, Purpose::Recovery, Some(&id), env.now, HOUR)
        })
        .await
        .unwrap();
    let owner = site.browser();
    owner
        .post(&format!("/reset/{secret}"), &[("password", OTHER_PASSWORD)])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert!(!is_in(&thief).await);
    site.browser().get(&release).await.expect(StatusCode::GONE);
    site.browser().post(&release, &[("answer", "yes")]).await.expect(StatusCode::GONE);
    owner.get("/account").await.expect_text("mara@example.com");
});

both_databases!(an_address_with_an_account_is_not_told_and_not_taken, async |db: Db| {
    let site = Site::start(db).await;
    let victim = sign_up(&site, "victim@example.com").await;
    let mine = sign_up(&site, "mara@example.com").await;
    let shown = async |email: &str| {
        let fields = [("email", email), ("password", PASSWORD)];
        let done = mine.post("/account/email", &fields).await.expect(StatusCode::SEE_OTHER);
        let page = mine.get(done.location()).await.body;
        let start = page.find("Email address</h2>").unwrap();
        page[start..start + page[start..].find("</section>").unwrap()].replace(email, "")
    };
    let (known, free) = (shown("victim@example.com").await, shown("free@example.com").await);
    assert_eq!(known.len(), free.len(), "who asks can't tell: {known} {free}");
    shown("victim@example.com").await;
    assert_eq!(mails(&site, NoticeKind::AdoptEmail, "victim@example.com").await.len(), 0);
    assert_eq!(mails(&site, NoticeKind::EmailKnown, "victim@example.com").await.len(), 2);
    let release = link(&site, NoticeKind::ReleaseEmail, "mara@example.com").await;
    yes(&mine, &release).await;
    assert_eq!(sign_in(&site.browser(), "victim@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&site.browser(), "mara@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    assert!(is_in(&victim).await);

    // Free when it was asked for, taken when both have agreed.
    let (release, adopt) = ask(&site, &mine, ("mara@example.com", "soon@example.com")).await;
    yes(&mine, &release).await;
    sign_up(&site, "soon@example.com").await;
    mine.post(&adopt, &[("answer", "yes")]).await.expect(StatusCode::CONFLICT);
    assert_eq!(sign_in(&site.browser(), "mara@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    site.verify().await;
});

both_databases!(both_answers_at_once_change_the_address_once, async |db: Db| {
    let site = Site::start(db).await;
    let mine = sign_up(&site, "mara@example.com").await;
    let (release, adopt) = ask(&site, &mine, ("mara@example.com", "new@example.com")).await;
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let answers = futures(12, || {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = if turn.is_multiple_of(2) { release.clone() } else { adopt.clone() };
        let browser = site.browser();
        async move { browser.post(&path, &[("answer", "yes")]).await.status }
    })
    .await;
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::OK).count(), 2, "{answers:?}");
    assert!(answers.iter().all(|status| [StatusCode::OK, StatusCode::GONE].contains(status)), "{answers:?}");
    assert_eq!(records(&site, "email.changed").await.len(), 1);
    assert_eq!(sign_in(&site.browser(), "new@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    site.verify().await;
});

both_databases!(an_email_address_is_confirmed_by_a_link_that_works_once, async |db: Db| {
    let site = Site::start(db).await;
    let mine = sign_up(&site, "mara@example.com").await;
    let welcome = link(&site, NoticeKind::Welcome, "mara@example.com").await;
    mine.get("/account").await.expect_text("Not confirmed yet");
    let support = site.staff(Role::Support).await;
    let list = support.get("/office/partners").await.body;
    let id = list.split("/office/partners/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    support.get(&format!("/office/partners/{id}")).await.expect_text("Not confirmed yet");

    // Sent again: the earlier one ends.
    mine.post("/account/confirm", &[]).await.expect(StatusCode::SEE_OTHER);
    site.browser().get(&welcome).await.expect(StatusCode::GONE);
    let again = link(&site, NoticeKind::ConfirmEmail, "mara@example.com").await;
    site.clock.advance(7 * DAY + 1);
    site.browser().get(&again).await.expect(StatusCode::GONE);
    mine.post("/account/confirm", &[]).await.expect(StatusCode::SEE_OTHER);
    let path = link(&site, NoticeKind::ConfirmEmail, "mara@example.com").await;
    // Opening it is not enough; nobody needs to be signed in.
    let anybody = site.browser();
    anybody.get(&path).await.expect(StatusCode::OK).expect_text("mara@example.com");
    mine.get("/account").await.expect_text("Not confirmed yet");
    anybody.post(&path, &[]).await.expect(StatusCode::OK).expect_text("Your email address is confirmed.");
    anybody.post(&path, &[]).await.expect(StatusCode::GONE);
    let page = mine.get("/account").await;
    assert!(!page.body.contains("Not confirmed yet") && page.body.contains("Confirmed"));
    support.get(&format!("/office/partners/{id}")).await.expect_text("Confirmed");
    // One-time addresses for one thing open no other.
    let secret = path.trim_start_matches("/confirm/");
    for other in [format!("/email/{secret}"), format!("/reset/{secret}"), format!("/invitation/{secret}")] {
        site.browser().get(&other).await.expect(StatusCode::GONE);
    }
    // Nothing is sent when there is nothing to confirm.
    let before = mails(&site, NoticeKind::ConfirmEmail, "mara@example.com").await.len();
    mine.post("/account/confirm", &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(mails(&site, NoticeKind::ConfirmEmail, "mara@example.com").await.len(), before);
    site.verify().await;
});

both_databases!(a_sign_in_from_a_new_device_is_told, async |db: Db| {
    let site = Site::start(db).await;
    let told = async || mails(&site, NoticeKind::NewSignIn, "mara@example.com").await;
    let mine = sign_up(&site, "mara@example.com").await;
    mine.post("/sign-out", &[]).await.expect(StatusCode::SEE_OTHER);
    sign_in(&mine, "mara@example.com", PASSWORD).await;
    assert_eq!(told().await.len(), 0, "the browser that signed up is known");

    let other = site.browser();
    let fields = [("email", "mara@example.com"), ("password", PASSWORD)];
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let form = || {
        other
            .form("/sign-in", &fields)
            .header(header::ORIGIN, other.base())
            .header(header::USER_AGENT, firefox)
    };
    other.send(form()).await.expect(StatusCode::SEE_OTHER);
    let first = told().await;
    assert_eq!(first.len(), 1);
    assert!(first[0].body.contains("Firefox on Linux"), "{}", first[0].body);
    other.send(form()).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(told().await.len(), 1, "now it is known");
    let opened = records(&site, "session.opened").await;
    assert_eq!(opened.len(), 1, "partners' sign-ins are recorded when the device is new");
    assert!(opened[0].changes.contains("Firefox on Linux, new"), "{opened:?}");

    // Another account in the same browser has devices of its own.
    let jonas = sign_up(&site, "jonas@example.com").await;
    drop(jonas);
    let answer = mine.post("/sign-in", &[("email", "jonas@example.com"), ("password", PASSWORD)]).await;
    answer.expect(StatusCode::SEE_OTHER);
    assert_eq!(mails(&site, NoticeKind::NewSignIn, "jonas@example.com").await.len(), 1);
    site.verify().await;
});

/// The path of a one-time address for a new password, as the office hands it over.
async fn handed_over(site: &Site, email: &str) -> String {
    let email = email.to_owned();
    let id = site.read(move |tx| accounts::by_email(tx, &email)).await.expect("an account").id;
    let by = ops::Actor::server();
    let issued = site.app.write(move |tx, env| ops::recovery::issue(tx, env, &by, true, &id)).await;
    format!("/reset/{}", issued.unwrap().0)
}

both_databases!(the_browser_that_chose_a_password_by_a_one_time_address_is_known, async |db: Db| {
    let site = Site::start(db).await;
    sign_up(&site, "mara@example.com").await;
    let phone = site.browser();
    let path = handed_over(&site, "mara@example.com").await;
    phone.post(&path, &[("password", OTHER_PASSWORD)]).await.expect(StatusCode::SEE_OTHER);
    phone.post("/sign-out", &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&phone, "mara@example.com", OTHER_PASSWORD).await, StatusCode::SEE_OTHER);
    assert_eq!(mails(&site, NoticeKind::NewSignIn, "mara@example.com").await.len(), 0);
    // Another browser is not.
    assert_eq!(sign_in(&site.browser(), "mara@example.com", OTHER_PASSWORD).await, StatusCode::SEE_OTHER);
    assert_eq!(mails(&site, NoticeKind::NewSignIn, "mara@example.com").await.len(), 1);

    // So is the one in which an invitation was accepted.
    let (name, email) = (Name::parse("Lea").unwrap(), Email::parse("lea@example.com").unwrap());
    let invited = site.app.write(move |tx, env| -> Result<_, ops::staff::StaffError> {
        let id = ops::staff::add(tx, env, &ops::Actor::server(), &name, &email, Role::Support, None)?;
        Ok(ops::staff::invitation_secret(tx, env, &id)?)
    });
    let path = format!("/invitation/{}", invited.await.unwrap());
    let desk = site.browser();
    desk.post(&path, &[("password", PASSWORD)]).await.expect(StatusCode::SEE_OTHER);
    desk.post("/sign-out", &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&desk, "lea@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    assert_eq!(mails(&site, NoticeKind::NewSignIn, "lea@example.com").await.len(), 0);
});

both_databases!(a_new_password_in_somebody_elses_browser_ends_their_session_there, async |db: Db| {
    let site = Site::start(db).await;
    sign_up(&site, "mara@example.com").await;
    let shared = sign_up(&site, "jonas@example.com").await;
    let open = async || {
        let jonas = site.read(|tx| accounts::by_email(tx, "jonas@example.com")).await.unwrap().id;
        let now = site.clock.now();
        site.read(move |tx| sessions::of_account(tx, &jonas, "", now, 10)).await.len()
    };
    assert_eq!(open().await, 1);
    let path = handed_over(&site, "mara@example.com").await;
    shared.post(&path, &[("password", OTHER_PASSWORD)]).await.expect(StatusCode::SEE_OTHER);
    shared.get("/account").await.expect_text("mara@example.com");
    assert_eq!(open().await, 0, "nobody could use it any more, and its owner would see it as open");
});

both_databases!(mail_with_an_address_that_was_replaced_is_not_sent, async |db: Db| {
    let site = Site::start(db).await;
    let mine = sign_up(&site, "mara@example.com").await;
    let status = async |kind, address: &str| -> Vec<Status> {
        mails(&site, kind, address).await.iter().map(|mail| mail.status).collect()
    };
    use Status::{Dropped, Waiting};
    for _ in 0..2 {
        mine.post("/account/confirm", &[]).await.expect(StatusCode::SEE_OTHER);
    }
    assert_eq!(status(NoticeKind::ConfirmEmail, "mara@example.com").await, [Waiting, Dropped]);
    for email in ["first@example.com", "second@example.com"] {
        let fields = [("email", email), ("password", PASSWORD)];
        mine.post("/account/email", &fields).await.expect(StatusCode::SEE_OTHER);
    }
    assert_eq!(status(NoticeKind::ReleaseEmail, "mara@example.com").await, [Waiting, Dropped]);
    assert_eq!(status(NoticeKind::AdoptEmail, "first@example.com").await, [Dropped]);
    let dropped = mails(&site, NoticeKind::AdoptEmail, "first@example.com").await.remove(0);
    assert!(dropped.body.is_empty() && dropped.last_error.contains("replaced"), "{dropped:?}");
    mine.post("/account/email/cancel", &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(status(NoticeKind::AdoptEmail, "second@example.com").await, [Dropped]);
    // What holds no one-time address is untouched.
    assert_eq!(status(NoticeKind::Welcome, "mara@example.com").await, [Waiting]);
});

both_databases!(staff_have_an_account_page_and_every_sign_in_is_recorded, async |db: Db| {
    let site = Site::start(db).await;
    let secret = site.app.write(server::ops::staff::first_admin_secret).await.unwrap().unwrap();
    let fields = [("name", "Ines"), ("email", "ines@example.com"), ("password", PASSWORD)];
    let mine = site.browser();
    mine.post(&format!("/invitation/{secret}"), &fields).await.expect(StatusCode::SEE_OTHER);
    let page = mine.get("/account").await.expect(StatusCode::OK);
    page.expect_text("class=\"office\"");
    assert!(!page.body.contains("/account/notices"));
    for _ in 0..2 {
        assert_eq!(sign_in(&mine, "ines@example.com", PASSWORD).await, StatusCode::SEE_OTHER);
    }
    assert_eq!(mails(&site, NoticeKind::NewSignIn, "ines@example.com").await.len(), 0);
    let elsewhere = signed_in(&site, "ines@example.com").await;
    assert_eq!(mails(&site, NoticeKind::NewSignIn, "ines@example.com").await.len(), 1);
    let opened = records(&site, "session.opened").await;
    assert_eq!(opened.len(), 3);
    assert_eq!((opened[0].role.as_str(), opened[0].subject.as_str()), ("admin", "staff"));
    let fields = [("current_password", PASSWORD), ("password", OTHER_PASSWORD)];
    mine.post("/account/password", &fields).await.expect(StatusCode::SEE_OTHER);
    assert!(is_in(&mine).await && !is_in(&elsewhere).await);
    no_password_recorded(&site).await;
});

both_databases!(guests_have_no_account, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    assert_eq!(
        guest.get("/account").await.expect(StatusCode::SEE_OTHER).location(),
        "/sign-in?next=%2Faccount"
    );
    for path in [
        "/account",
        "/account/email",
        "/account/email/cancel",
        "/account/confirm",
        "/account/password",
        "/account/sessions/end",
        "/account/sessions/end-others",
    ] {
        guest.post(path, &[]).await.expect(StatusCode::UNAUTHORIZED);
    }
    for path in ["/confirm/nothing", "/email/nothing"] {
        guest.get(path).await.expect(StatusCode::GONE);
        guest.post(path, &[("answer", "yes")]).await.expect(StatusCode::GONE);
    }
});

both_databases!(many_wrong_passwords_are_recorded_once, async |db: Db| {
    let site = Site::start_with(db, Settings::default()).await;
    sign_up(&site, "mara@example.com").await;
    let statuses = futures(14, || {
        let browser = site.browser();
        async move { sign_in(&browser, "mara@example.com", "hunter2 hunter2").await }
    })
    .await;
    assert!(statuses.iter().all(|status| *status == StatusCode::UNAUTHORIZED), "{statuses:?}");
    let failed = records(&site, "sign_in.failed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(!format!("{failed:?}").contains("hunter2"));
    assert_eq!((failed[0].role.as_str(), failed[0].actor_id.as_deref()), ("guest", None));
    // Of an address without an account nothing is kept.
    futures(8, || {
        let browser = site.browser();
        async move { sign_in(&browser, "nobody@example.com", "hunter2 hunter2").await }
    })
    .await;
    assert_eq!(records(&site, "sign_in.failed").await.len(), 1);
    site.verify().await;
});

both_databases!(mail_about_the_address_and_guesses_of_the_password_are_limited, async |db: Db| {
    let site = Site::start_with(db, Settings::default()).await;
    let partner = site.partner("Mara").await;
    let mut sent = Vec::new();
    for _ in 0..6 {
        sent.push(partner.browser.post("/account/confirm", &[]).await.status);
    }
    assert_eq!(sent[..5], [StatusCode::SEE_OTHER; 5]);
    assert_eq!(sent[5], StatusCode::TOO_MANY_REQUESTS);
    let mut tried = Vec::new();
    for _ in 0..11 {
        let fields = [("email", "new@example.com"), ("password", "guess")];
        tried.push(partner.browser.post("/account/email", &fields).await.status);
    }
    assert_eq!(tried[9], StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(tried[10], StatusCode::TOO_MANY_REQUESTS);
});

both_databases!(whoever_stole_a_session_neither_guesses_on_nor_keeps_the_owner_out, async |db: Db| {
    let site = Site::start_with(db, Settings::default()).await;
    let stolen = sign_up(&site, "mara@example.com").await;
    let mine = signed_in(&site, "mara@example.com").await;
    let answers = futures(20, || {
        let browser = stolen.clone();
        async move {
            let fields = [("email", "thief@example.com"), ("password", "hunter2 hunter2")];
            let answer = browser.post("/account/email", &fields).await;
            answer.expect_text("thief@example.com");
            assert!(!answer.body.contains("hunter2"));
            answer.status
        }
    })
    .await;
    let refused = answers.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!(refused, 10, "{answers:?}");
    // The other forms that ask for the password count with it, before a new password is judged.
    let fields = [("current_password", "hunter2 hunter2"), ("password", "short")];
    let refused = stolen.post("/account/password", &fields).await.expect(StatusCode::TOO_MANY_REQUESTS);
    refused.expect_text("There were too many tries");
    assert!(!refused.body.contains("A password needs at least"));
    let failed = records(&site, "sign_in.failed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].actor, "Somebody signed in to it");
    let fields = [("current_password", PASSWORD), ("password", OTHER_PASSWORD)];
    mine.post("/account/password", &fields).await.expect(StatusCode::SEE_OTHER);
    assert!(!is_in(&stolen).await);
});

both_databases!(mail_follows_the_account_to_its_new_address, async |db: Db| {
    let site = Site::start(db).await;
    let mine = sign_up(&site, "mara@example.com").await;
    let id = site.read(|tx| accounts::by_email(tx, "mara@example.com")).await.unwrap().id;
    let what = || server::notify::Notice::AccountChanged { what: "Something".into() };
    let account = id.clone();
    site.app
        .write(move |tx, env| server::notify::tell(tx, env, &account, &what()))
        .await
        .unwrap_or_else(|error: store::DbError| panic!("{error}"));
    let sent = mails(&site, NoticeKind::AccountChanged, "mara@example.com").await.remove(0).id;
    let sending = sent.clone();
    assert!(site.app.write(move |tx, env| outbox::mark_sent(tx, &sending, env.now)).await.unwrap());

    let fields = [("email", "new@example.com"), ("password", PASSWORD)];
    mine.post("/account/email", &fields).await.expect(StatusCode::SEE_OTHER);
    for (kind, address) in
        [(NoticeKind::ReleaseEmail, "mara@example.com"), (NoticeKind::AdoptEmail, "new@example.com")]
    {
        let path = link(&site, kind, address).await;
        mine.post(&path, &[("answer", "yes")]).await.expect(StatusCode::OK);
    }
    assert_eq!(mails(&site, NoticeKind::Welcome, "mara@example.com").await.len(), 0);
    let welcome = mails(&site, NoticeKind::Welcome, "new@example.com").await;
    assert_eq!(welcome.len(), 1, "what waits goes to the new address");
    assert_eq!(mails(&site, NoticeKind::EmailChanged, "mara@example.com").await.len(), 1);
    assert_eq!(mails(&site, NoticeKind::ReleaseEmail, "mara@example.com").await.len(), 1);
    let admin = site.staff(Role::Admin).await;
    admin.get("/office/outbox?q=new@example.com").await.expect_text(&welcome[0].id);
    // What was sent to the old mailbox stays there; sent again, it goes to the new one.
    assert_eq!(mails(&site, NoticeKind::AccountChanged, "mara@example.com").await.len(), 1);
    admin.post(&format!("/office/outbox/{sent}/send"), &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(mails(&site, NoticeKind::AccountChanged, "new@example.com").await.len(), 1);
    // What tells the old mailbox of the change is for the old mailbox alone.
    let told = mails(&site, NoticeKind::EmailChanged, "mara@example.com").await.remove(0).id;
    let sending = told.clone();
    site.app.write(move |tx, env| outbox::mark_sent(tx, &sending, env.now)).await.unwrap();
    admin.post(&format!("/office/outbox/{told}/send"), &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(mails(&site, NoticeKind::EmailChanged, "mara@example.com").await.len(), 2);
});

both_databases!(the_guide_has_this_installations_numbers_for_everybody, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| {
        programme.window_days = 47;
        programme.hold_days = 13;
        programme.minimum_withdrawal = programme.currency.major(731);
    })
    .await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "30,000").await;
    let staff = site.staff(Role::Support).await;
    for browser in [&site.browser(), &partner.browser, &staff] {
        let page = browser.get("/guide").await.expect(StatusCode::OK);
        for number in ["47 days", "13 days", "731.00"] {
            page.expect_text(number);
        }
    }
    let own = partner.browser.get("/guide").await;
    own.expect_text("Your percentage now is <strong>12 %</strong>");
    own.expect_text("70,000.00 USD more");
    assert!(!site.browser().get("/guide").await.body.contains("Your percentage now"));
    let done = partner.browser.post("/feedback", &[("message", "Clear"), ("page", "/guide")]).await;
    assert_eq!(done.location(), "/guide?done=feedback");
    partner.browser.get("/guide?done=feedback").await.expect_text("Thank you. We read every message.");
    site.verify().await;
});
