//! A forgotten password, from asking to signing in, with and without a mail server.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use domain::{
    clock::{DAY, HOUR, SECOND},
    notice::NoticeKind,
    permission::Role,
};
use server::notify::worker;
use store::{
    Db, both_databases,
    outbox::{Message, Status},
};

use crate::{
    mailbox::{Mail, Mailbox},
    outbox::all_messages,
    support::{Browser, Site},
};

const PASSWORD: &str = "quiet harbour lantern 42";
const OTHER: &str = "another quiet harbour 7";
const MARA: &str = "mara@example.com";

async fn sign_up(site: &Site) -> Browser {
    let browser = site.browser();
    let fields = [("name", "Mara Lindqvist"), ("email", MARA), ("password", PASSWORD)];
    browser.post("/sign-up", &fields).await.expect(StatusCode::SEE_OTHER);
    browser
}

async fn ask(site: &Site, email: &str) {
    site.browser().post("/recover", &[("email", email)]).await.expect(StatusCode::OK);
}

async fn recovery_mails(site: &Site) -> Vec<Message> {
    all_messages(site).await.into_iter().filter(|message| message.notice == NoticeKind::Recovery).collect()
}

fn link(mail: &Mail) -> String {
    let text = mail.field("text");
    let secret = text.split("/reset/").nth(1).expect("a link").split_whitespace().next().unwrap();
    format!("/reset/{secret}")
}

/// The mails with a link that have arrived, when as many have as are expected, or more.
fn recoveries(mailbox: &Mailbox, expected: usize) -> Vec<Mail> {
    let arrived = || -> Vec<Mail> {
        mailbox.mails().into_iter().filter(|mail| mail.header("subject") == "Choose a new password").collect()
    };
    let end = Instant::now() + Duration::from_secs(20);
    while arrived().len() < expected && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(100));
    arrived()
}

async fn acts(site: &Site) -> Vec<(String, String)> {
    let rows = site
        .read(|tx| {
            tx.all(
                "SELECT act, role FROM audit WHERE act LIKE 'recovery.%' OR act LIKE 'password.%' ORDER BY id",
                &[],
            )
        })
        .await;
    rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect()
}

async fn account(site: &Site) -> String {
    site.read(|tx| store::accounts::by_email(tx, MARA)).await.unwrap().id
}

both_databases!(a_mail_brings_a_link_that_works_once, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    let before = sign_up(&site).await;
    ask(&site, "Mara@Example.COM").await;
    ask(&site, "nobody@example.com").await;
    worker::run_once(&site.app).await;
    let mails = recoveries(&mailbox, 1);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].field("recipient"), MARA);
    assert_eq!(mails[0].header("to"), MARA, "nobody has confirmed the address");

    // The request is answered as far as the office is concerned, and open until the password is set.
    let support = site.staff(Role::Support).await;
    let page = support.get("/office/recovery").await;
    page.expect_text("answered");
    page.expect_text("/office/outbox/");
    assert_eq!(site.read(store::recovery::waiting).await.0, 0);

    let path = link(&mails[0]);
    let browser = site.browser();
    browser.get(&path).await.expect(StatusCode::OK).expect_text(MARA);
    browser.post(&path, &[("password", OTHER)]).await.expect(StatusCode::SEE_OTHER);
    browser.get("/link").await.expect(StatusCode::OK);
    before.get("/link").await.expect(StatusCode::SEE_OTHER);
    site.browser().get(&path).await.expect(StatusCode::GONE).expect_text("href=\"/recover\"");
    site.browser().post(&path, &[("password", "third harbour 1234")]).await.expect(StatusCode::GONE);
    support.get("/office/recovery").await.expect_text("Nobody waits");
    let told: Vec<NoticeKind> = all_messages(&site).await.iter().map(|message| message.notice).collect();
    assert!(told.contains(&NoticeKind::AccountChanged), "{told:?}");
    let word = |act: &str, role: &str| (act.to_owned(), role.to_owned());
    assert_eq!(acts(&site).await, [word("recovery.asked", "guest"), word("password.reset", "partner")]);
});

both_databases!(what_cannot_be_an_address_is_refused_beside_the_field, async |db: Db| {
    let site = Site::start(db).await;
    for typed in ["mara@", "", "mara example.com"] {
        let page = site.browser().post("/recover", &[("email", typed)]).await;
        let page = page.expect(StatusCode::UNPROCESSABLE_ENTITY);
        page.expect_text(&format!("value=\"{typed}\""));
        page.expect_text("aria-invalid=\"true\"");
    }
});

both_databases!(asking_again_and_again_does_not_flood_a_mailbox, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    sign_up(&site).await;
    for _ in 0..6 {
        ask(&site, MARA).await;
        site.clock.advance(60 * SECOND);
    }
    // Of three that nobody could send so far only the newest is sent: the links in the others have ended.
    let statuses: Vec<Status> = recovery_mails(&site).await.iter().map(|mail| mail.status).collect();
    assert_eq!(statuses, [Status::Dropped, Status::Dropped, Status::Waiting]);
    worker::run_once(&site.app).await;
    let mails = recoveries(&mailbox, 1);
    assert_eq!(mails.len(), 1);
    site.browser().get(&link(&mails[0])).await.expect(StatusCode::OK);
    site.clock.advance(HOUR);
    ask(&site, MARA).await;
    assert_eq!(recovery_mails(&site).await.len(), 4);
});

both_databases!(a_mail_that_could_not_be_sent_within_the_hour_is_not_sent_late, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    sign_up(&site).await;
    ask(&site, MARA).await;
    site.clock.advance(HOUR + SECOND);
    worker::run_once(&site.app).await;
    assert_eq!(recoveries(&mailbox, 0).len(), 0);
    let message = recovery_mails(&site).await.remove(0);
    assert_eq!(message.status, Status::Parked);
    let support = site.staff(Role::Support).await;
    let page = support.get("/office/recovery").await;
    page.expect_text("overdue");
    let again = support.post(&format!("/office/outbox/{}/send", message.id), &[]).await;
    again.expect(StatusCode::CONFLICT).expect_text("has run out");
    // "Send now" makes a new one.
    let id = account(&site).await;
    let sent = support.post(&format!("/office/recovery/{id}/send"), &[]).await.expect(StatusCode::SEE_OTHER);
    support.get(sent.location()).await.expect_text("on its way");
    worker::run_once(&site.app).await;
    let mails = recoveries(&mailbox, 1);
    assert_eq!(mails.len(), 1);
    site.browser().get(&link(&mails[0])).await.expect(StatusCode::OK);
    // And it ends when the next one is made.
    support.post(&format!("/office/recovery/{id}/issue"), &[]).await.expect(StatusCode::OK);
    site.browser().get(&link(&mails[0])).await.expect(StatusCode::GONE);
});

both_databases!(without_mail_the_office_answers_by_hand, async |db: Db| {
    let site = Site::start(db).await;
    sign_up(&site).await;
    ask(&site, MARA).await;
    ask(&site, MARA).await;
    assert_eq!(recovery_mails(&site).await.len(), 0, "no link is made that nobody sends");
    let (waiting, oldest) = site.read(store::recovery::waiting).await;
    assert!(waiting == 1 && oldest.is_some());
    let support = site.staff(Role::Support).await;
    site.clock.advance(HOUR + SECOND);
    let page = support.get("/office/recovery").await;
    page.expect_text("1 h, overdue");
    assert!(!page.body.contains("Send now"));
    let id = account(&site).await;
    support.post(&format!("/office/recovery/{id}/send"), &[]).await.expect(StatusCode::CONFLICT);
    support
        .post(&format!("/office/recovery/{id}/issue"), &[])
        .await
        .expect(StatusCode::OK)
        .expect_text("/reset/");
    ask(&site, MARA).await;
    support.post(&format!("/office/recovery/{id}/close"), &[]).await.expect(StatusCode::SEE_OTHER);
    support.get("/office/recovery").await.expect_text("Nobody waits");
    let acts: Vec<String> = acts(&site).await.into_iter().map(|(act, _)| act).collect();
    assert_eq!(acts, ["recovery.asked", "recovery.issued", "recovery.asked", "recovery.closed"]);
});

both_databases!(whoever_resets_a_password_is_told_of_the_chat_that_goes_on, async |db: Db| {
    let site = Site::start(db).await;
    sign_up(&site).await;
    let id = account(&site).await;
    let support = site.staff(Role::Support).await;
    let reset = async |password: &str| {
        let page = support.post(&format!("/office/recovery/{id}/issue"), &[]).await.expect(StatusCode::OK);
        let secret = page.body.split("/reset/").nth(1).unwrap();
        let secret: String =
            secret.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        let fields = [("password", password)];
        site.browser().post(&format!("/reset/{secret}"), &fields).await.expect(StatusCode::SEE_OTHER);
        let (notice, _, text) = site.letters().await.remove(0);
        assert_eq!(notice, "account_changed");
        text
    };
    let text = reset(OTHER).await;
    assert!(!text.contains("Telegram"), "{text}");
    let to = id.clone();
    site.app
        .write(move |tx, env| store::notices::connect_telegram(tx, &to, "4711", "@not_mara", env.now))
        .await
        .unwrap();
    let text = reset("third quiet harbour 9").await;
    assert!(text.contains("the Telegram chat @not_mara") && text.contains("Account, Notices"), "{text}");
});

both_databases!(a_reset_and_new_links_at_once_do_no_harm, async |db: Db| {
    let site = Site::start(db).await;
    sign_up(&site).await;
    let id = account(&site).await;
    let by = server::ops::Actor::server();
    for round in 0..6 {
        let (to, who) = (id.clone(), by.clone());
        let issue = move |tx: &mut store::Tx, env: &server::app::Env| {
            server::ops::recovery::issue(tx, env, &who, true, &to)
        };
        let (secret, _) = site.app.write(issue.clone()).await.unwrap();
        let resetting = (0..4).map(|_| {
            let secret = secret.clone();
            let browser = server::ops::sessions::Browser {
                user_agent: "x".into(),
                device: round.to_string(),
                before: None,
            };
            site.app.write(move |tx, env| server::ops::recovery::reset(tx, env, &secret, "hash", &browser))
        });
        let issuing = (0..4).map(|_| site.app.write(issue.clone()));
        let (resets, issued) =
            tokio::join!(futures_util::future::join_all(resetting), futures_util::future::join_all(issuing));
        assert!(issued.iter().all(Result::is_ok), "{issued:?}");
        let done = resets.into_iter().map(Result::unwrap).filter(Option::is_some).count();
        assert!(done <= 1, "{done}");
    }
});

both_databases!(colleagues_are_let_in_by_admins_alone, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    let (admin, support) = (site.staff(Role::Admin).await, site.staff(Role::Support).await);
    let members = site.read(store::accounts::staff).await;
    let boss = members.iter().find(|member| member.role == Role::Admin).unwrap();
    ask(&site, &boss.email).await;
    for act in ["issue", "send", "close"] {
        let path = format!("/office/recovery/{}/{act}", boss.id);
        support.post(&path, &[]).await.expect(StatusCode::FORBIDDEN);
    }
    let message = recovery_mails(&site).await.remove(0);
    let path = format!("/office/outbox/{}", message.id);
    let hidden = support.get(&path).await.expect(StatusCode::OK);
    assert!(!hidden.body.contains("/reset/"), "{}", hidden.body);
    admin.get(&path).await.expect_text("/reset/");
    admin.post(&format!("/office/recovery/{}/send", boss.id), &[]).await.expect(StatusCode::SEE_OTHER);
});

both_databases!(an_answered_request_closes_by_itself_after_a_week, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    sign_up(&site).await;
    ask(&site, MARA).await;
    let close =
        || site.app.write(|tx, env| store::recovery::close_answered(tx, env.now.plus(-7 * DAY), env.now));
    site.clock.advance(8 * DAY);
    assert_eq!(close().await.unwrap(), 0, "nobody has answered it");
    let support = site.staff(Role::Support).await;
    let id = account(&site).await;
    support.post(&format!("/office/recovery/{id}/send"), &[]).await.expect(StatusCode::SEE_OTHER);
    worker::run_once(&site.app).await;
    assert_eq!(close().await.unwrap(), 1);
});

both_databases!(an_invitation_is_mailed_and_shown, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    let admin = site.staff(Role::Admin).await;
    let fields = [("name", "Lea Support"), ("email", "lea@example.com"), ("role", "support")];
    let page = admin.post("/office/staff", &fields).await.expect(StatusCode::CREATED);
    page.expect_text("A mail with this address is on its way");
    worker::run_once(&site.app).await;
    let mails = mailbox.wait_for(1);
    let mail =
        mails.iter().find(|mail| mail.field("recipient") == "lea@example.com").expect("the invitation");
    let secret = mail.field("text").split("/invitation/").nth(1).unwrap().split_whitespace().next().unwrap();
    page.expect_text(secret);
    assert!(mail.field("text").contains("You can work there as Support"), "{}", mail.field("text"));
    let accepted = site.browser().post(&format!("/invitation/{secret}"), &[("password", PASSWORD)]).await;
    accepted.expect(StatusCode::SEE_OTHER);
});
