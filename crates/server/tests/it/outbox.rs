//! Messages on their way to a real mail server that behaves well, badly, or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::http::StatusCode;
use domain::{
    clock::{DAY, HOUR, SECOND},
    notice::{Channel, NoticeKind},
    permission::Role,
};
use server::{
    app::App,
    notify::{self, Notice, Recipient, delivery::Outcome, worker},
    ops,
};
use store::{
    Db, DbError, both_databases, notices,
    outbox::{self, Filter, Message, Status},
};
use tokio::sync::watch;

use crate::{mailbox::Mailbox, support::Site};

const MINUTE: i64 = 60 * SECOND;

/// Writes a message to an address.
pub async fn write(app: &App, name: &str, email: &str, words: &str) {
    let (name, email) = (name.to_owned(), email.to_owned());
    let notice = Notice::AccountChanged { what: words.to_owned() };
    app.write(move |tx, env| {
        notify::write_to(tx, env, None, Recipient { name: &name, email: &email }, &notice)
    })
    .await
    .unwrap();
}

/// Every message, oldest first.
pub async fn all_messages(site: &Site) -> Vec<Message> {
    let mut all = site.read(|tx| outbox::list(tx, &Filter::default(), None, 10_000)).await;
    all.reverse();
    all
}

/// Those that [`write`] has written, oldest first; people of a test get welcomes and the like beside them.
pub async fn messages(site: &Site) -> Vec<Message> {
    all_messages(site).await.into_iter().filter(|message| message.account_id.is_none()).collect()
}

async fn only(site: &Site) -> Message {
    let mut all = messages(site).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

both_databases!(a_message_arrives_with_its_headers_and_names, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    site.set(|programme| programme.support_email = "help@example.com".into()).await;
    write(&site.app, "Jörg Ünal, “Jo”", "joerg@example.com", "Grüße ✓ <b>").await;
    assert_eq!(worker::run_once(&site.app).await, 1);
    let mails = mailbox.wait_for(1);
    let (mail, message) = (&mails[0], only(&site).await);
    assert_eq!(mail.field("sender"), "partners@example.com");
    assert_eq!(mail.field("recipient"), "joerg@example.com");
    assert_eq!(mail.header("from"), "Northwind Partners <partners@example.com>");
    assert_eq!(mail.header("to"), "joerg@example.com");
    assert!(mail.field("text").starts_with("Hello,"), "{}", mail.field("text"));
    assert_eq!(mail.header("subject"), "Your account was changed");
    assert_eq!(mail.header("reply-to"), "help@example.com");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.id(), format!("<{}@[127.0.0.1]>", message.id));
    assert_eq!(mail.field("type"), "multipart/alternative");
    assert!(mail.field("text").contains("Grüße ✓ <b>"), "{}", mail.field("text"));
    assert!(mail.field("html").contains("Grüße ✓ &#60;b&#62;"), "{}", mail.field("html"));
    assert_eq!((message.status, message.attempts), (Status::Sent, 1));
    assert!(message.done_at.is_some() && !message.body.is_empty());
    // Nothing is due any more.
    assert_eq!(worker::run_once(&site.app).await, 0);
});

both_databases!(nobody_is_called_by_a_name_before_the_address_is_confirmed, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    let (name, password) = ("You won, open “evil.example”", "quiet harbour lantern 42");
    let browser = site.browser();
    let fields = [("name", name), ("email", "victim@example.com"), ("password", password)];
    browser.post("/sign-up", &fields).await.expect(StatusCode::SEE_OTHER);
    worker::run_once(&site.app).await;
    let newest = |count: usize| mailbox.wait_for(count).pop().unwrap();
    let welcome = newest(1);
    assert_eq!(welcome.header("to"), "victim@example.com");
    for part in ["text", "html"] {
        let said = welcome.field(part);
        assert!(said.contains("Hello,") && !said.contains("You won"), "{said}");
    }
    // The office still sees for whom it was.
    assert_eq!(all_messages(&site).await[0].recipient, name);

    let account = site.read(|tx| store::accounts::by_email(tx, "victim@example.com")).await.unwrap();
    site.confirm(&account.id).await;
    let fields = [("email", "other@example.com"), ("password", password)];
    browser.post("/account/email", &fields).await.expect(StatusCode::SEE_OTHER);
    worker::run_once(&site.app).await;
    let mails = mailbox.wait_for(3);
    let to = |address: &str| mails.iter().rfind(|mail| mail.field("recipient") == address).expect("a mail");
    let (old, new) = (to("victim@example.com"), to("other@example.com"));
    assert!(old.header("to").contains("You won") && old.field("text").contains(&format!("Hello {name},")));
    assert_eq!(new.header("to"), "other@example.com");
    assert!(!new.field("text").contains("You won") && !new.field("html").contains("You won"));
});

both_databases!(the_outbox_is_no_way_around_the_permission_table, async |db: Db| {
    let site = Site::start(db).await;
    let finance = site.staff(Role::Finance).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    let wallet = partner.add_wallet(&site).await;
    let id = partner.requested(&site, "500", &wallet, "r1").await;
    let fields = [("reference", "REF-4711")];
    finance.post(&format!("/office/withdrawals/{id}/pay"), &fields).await.expect(StatusCode::SEE_OTHER);
    let messages = all_messages(&site).await;
    for role in [Role::Support, Role::Admin] {
        let staff = site.staff(role).await;
        let list = staff.get("/office/outbox").await.expect(StatusCode::OK);
        for message in &messages {
            let may = message.notice.needs().is_none_or(|needed| role.may(needed));
            let page = staff.get(&format!("/office/outbox/{}", message.id)).await.expect(StatusCode::OK);
            page.expect_text(message.notice.label());
            page.expect_text(&message.address);
            assert_eq!(page.body.contains(&message.subject), may, "{role:?} {:?}", message.notice);
            assert_eq!(list.body.contains(&message.subject), may, "{role:?} {:?}", message.notice);
        }
        for secret in ["REF-4711", "2,000.00", "500.00"] {
            assert!(role != Role::Support || !list.body.contains(secret), "{secret}");
        }
    }
    let hidden = messages
        .iter()
        .filter(|message| message.notice.needs().is_some_and(|needed| !Role::Support.may(needed)));
    assert!(hidden.count() >= 5, "new client, won, wallet, requested, paid, finance");
});

both_databases!(a_one_time_address_is_forgotten_once_it_is_sent, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    let to = Recipient { name: "Mara", email: "mara@example.com" };
    let notice = Notice::Recovery { secret: "c2VjcmV0".into(), hours: 1 };
    site.app.write(move |tx, env| notify::write_to(tx, env, None, to, &notice)).await.unwrap();
    assert!(only(&site).await.body.contains("c2VjcmV0"));
    worker::run_once(&site.app).await;
    assert!(mailbox.wait_for(1)[0].field("text").contains("/reset/c2VjcmV0"));
    let message = only(&site).await;
    assert_eq!((message.body.as_str(), message.html.as_str()), ("", ""));
    let support = site.staff(Role::Support).await;
    let path = format!("/office/outbox/{}", message.id);
    support.get(&path).await.expect(StatusCode::OK).expect_text("was not kept");
    support.post(&format!("{path}/send"), &[]).await.expect(StatusCode::CONFLICT);
});

both_databases!(what_is_refused_is_parked_until_somebody_has_looked, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    write(&site.app, "Nobody", "refused@example.com", "x").await;
    worker::run_once(&site.app).await;
    let message = only(&site).await;
    assert_eq!((message.status, message.attempts), (Status::Parked, 1));
    assert!(message.last_error.contains("550") && message.last_error.contains("no such mailbox here"));
    site.clock.advance(2 * DAY);
    assert_eq!(worker::run_once(&site.app).await, 0, "a parked message is left alone");

    let support = site.staff(Role::Support).await;
    let path = format!("/office/outbox/{}", message.id);
    support.get("/office/outbox?status=parked").await.expect_text("no such mailbox here");
    support.get("/office/outbox?q=NOBODY").await.expect_text(&path);
    support.get("/office/outbox?q=somebody").await.expect_text("No message fits");
    support.get(&path).await.expect(StatusCode::OK).expect_text("no such mailbox here");
    let again = support.post(&format!("{path}/send"), &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(again.location(), format!("{path}?done=again"));
    assert_eq!(only(&site).await.status, Status::Waiting);
    support.post(&format!("{path}/send"), &[]).await.expect(StatusCode::CONFLICT);
    support.post(&format!("{path}/drop"), &[]).await.expect(StatusCode::SEE_OTHER);
    support.post(&format!("{path}/drop"), &[]).await.expect(StatusCode::CONFLICT);
    worker::run_once(&site.app).await;
    assert_eq!(only(&site).await.status, Status::Dropped);
    let acts = "SELECT act FROM audit WHERE subject = 'message' ORDER BY id";
    let acts = site.read(|tx| tx.all(acts, &[])).await;
    let acts: Vec<String> = acts.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(acts, ["message.sent_again", "message.dropped"]);
});

both_databases!(a_one_time_address_that_has_run_out_is_never_sent, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    let secret = || "c2VjcmV0".to_owned();
    let email = || "new@example.com".to_owned();
    let role = "Support";
    let notices = [
        Notice::Recovery { secret: secret(), hours: 1 },
        Notice::ReleaseEmail { secret: secret(), email: email(), hours: 24 },
        Notice::AdoptEmail { secret: secret(), email: email(), hours: 24 },
        Notice::ConfirmEmail { secret: secret() },
        Notice::Invitation { secret: secret(), days: 7, role },
    ];
    let count = notices.len();
    let wrote = site.app.write(move |tx, env| -> Result<(), DbError> {
        for notice in &notices {
            let to = Recipient { name: "Mara", email: "refused@example.com" };
            notify::write_to(tx, env, None, to, notice)?;
        }
        Ok(())
    });
    wrote.await.unwrap();
    worker::run_once(&site.app).await;
    assert!(messages(&site).await.iter().all(|message| message.last_error.contains("550")));
    site.clock.advance(7 * DAY);
    let support = site.staff(Role::Support).await;
    for message in messages(&site).await {
        let page = support.get(&format!("/office/outbox/{}", message.id)).await;
        page.expect(StatusCode::OK).expect_text("has run out");
        let again = support.post(&format!("/office/outbox/{}/send", message.id), &[]).await;
        again.expect(StatusCode::CONFLICT).expect_text("has run out");
    }
    // Nor does one leave that somebody let be tried anew before, and that waited since.
    site.app.write(|tx, _| tx.exec("UPDATE outbox SET status = 'waiting'", &[])).await.unwrap();
    worker::run_once(&site.app).await;
    let held = messages(&site).await;
    assert_eq!(held.len(), count);
    for message in held {
        assert!(message.last_error.contains("has run out"), "{message:?}");
    }
});

both_databases!(what_was_sent_is_sent_again_as_a_message_of_its_own, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    write(&site.app, "Mara", "mara@example.com", "x").await;
    worker::run_once(&site.app).await;
    let first = only(&site).await;
    let support = site.staff(Role::Support).await;
    let again = support.post(&format!("/office/outbox/{}/send", first.id), &[]).await;
    assert!(!again.expect(StatusCode::SEE_OTHER).location().contains(&first.id));
    worker::run_once(&site.app).await;
    let mails = mailbox.wait_for(2);
    assert_ne!(mails[0].id(), mails[1].id());
    assert_eq!(mails[0].field("text"), mails[1].field("text"));
});

both_databases!(a_busy_server_is_tried_again_and_not_for_ever, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    write(&site.app, "Mara", "later@example.com", "x").await;
    worker::run_once(&site.app).await;
    let message = only(&site).await;
    assert_eq!((message.status, message.attempts), (Status::Waiting, 1));
    assert!(message.last_error.contains("451"), "{}", message.last_error);
    assert_eq!(worker::run_once(&site.app).await, 0, "not at once");
    site.clock.advance(MINUTE);
    assert_eq!(worker::run_once(&site.app).await, 1);
    let message = only(&site).await;
    assert_eq!((message.status, message.attempts, message.last_error.as_str()), (Status::Sent, 2, ""));

    write(&site.app, "Jonas", "busy@example.com", "x").await;
    let mut tries = 0;
    for _ in 0..20 {
        tries += worker::run_once(&site.app).await;
        site.clock.advance(11 * HOUR);
    }
    let message = messages(&site).await.remove(1);
    assert_eq!((message.status, message.attempts, tries), (Status::Parked, 10, 10));
    assert_eq!(mailbox.wait_for(1).len(), 1);
});

both_databases!(a_slow_message_does_not_hold_up_others, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("?timeout=6")).await;
    write(&site.app, "Slow", "slow@example.com", "x").await;
    for number in 0..30 {
        write(&site.app, "Quick", &format!("quick{number}@example.com"), "x").await;
    }
    let (stop, stopped) = watch::channel(false);
    let working = tokio::spawn(worker::run(site.app.clone(), stopped));
    let arrived = tokio::task::block_in_place(|| mailbox.wait_for(30));
    assert!(arrived.iter().all(|mail| mail.field("recipient").starts_with("quick")));
    let slow = messages(&site).await.remove(0);
    assert_eq!((slow.status, slow.last_error.as_str()), (Status::Waiting, ""), "it is still on its way");
    let failed = async {
        while messages(&site).await[0].last_error.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), failed).await.expect("the time limit");
    let slow = messages(&site).await.remove(0);
    assert_eq!(slow.last_error, "The mail server did not answer within 6 seconds.");
    stop.send_replace(true);
    working.await.unwrap();
});

both_databases!(a_lost_connection_loses_nothing_and_keeps_the_identifier, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    write(&site.app, "Cut", "cut@example.com", "x").await;
    write(&site.app, "Silent", "silent@example.com", "x").await;
    worker::run_once(&site.app).await;
    for message in messages(&site).await {
        assert_eq!((message.status, message.attempts), (Status::Waiting, 1));
        assert!(
            message.last_error.contains("connection to the mail server failed"),
            "{}",
            message.last_error
        );
    }
    site.clock.advance(MINUTE);
    worker::run_once(&site.app).await;
    assert!(messages(&site).await.iter().all(|message| message.status == Status::Sent));
    let mails = mailbox.wait_for(3);
    let ids = |name: &str| -> Vec<String> {
        mails
            .iter()
            .filter(|mail| mail.field("recipient").starts_with(name))
            .map(|mail| mail.id().into())
            .collect()
    };
    assert_eq!(ids("cut").len(), 1);
    let silent = ids("silent");
    assert_eq!(
        (silent.len(), &silent[0]),
        (2, &silent[1]),
        "the one that was taken without a word comes again"
    );
});

both_databases!(no_mail_server_is_trouble_for_later, async |db: Db| {
    let mailbox = Mailbox::start();
    let settings = mailbox.settings("");
    drop(mailbox);
    let site = Site::start_with(db, settings).await;
    write(&site.app, "Mara", "mara@example.com", "x").await;
    worker::run_once(&site.app).await;
    let message = only(&site).await;
    assert_eq!((message.status, message.attempts), (Status::Waiting, 1));
    assert!(message.last_error.contains("failed"), "{}", message.last_error);
});

both_databases!(a_wrong_password_is_not_the_messages_fault_and_stays_secret, async |db: Db| {
    let mailbox = Mailbox::start_with(&["--user", "post", "--password", "right"]);
    let wrong = mailbox.settings("?tls=none");
    let smtp_url = wrong.smtp_url.clone().map(|url| url.replace("smtp://", "smtp://post:s3cret-w%C3%B6rd@"));
    let site = Site::start_with(db, server::config::Settings { smtp_url, ..wrong }).await;
    write(&site.app, "Mara", "mara@example.com", "x").await;
    worker::run_once(&site.app).await;
    let message = only(&site).await;
    assert_eq!(message.status, Status::Waiting, "{}", message.last_error);
    assert!(message.last_error.contains("535"), "{}", message.last_error);
    assert!(!message.last_error.contains("s3cret"), "{}", message.last_error);
});

both_databases!(two_servers_send_each_message_once, async |db: Db| {
    const COUNT: usize = 150;
    let mailbox = Mailbox::start();
    let one = Site::start_with(db.clone(), mailbox.settings("")).await;
    let other = Site::start_with(db, mailbox.settings("")).await;
    for number in 0..COUNT {
        write(&one.app, "Mara", &format!("paced{number}@example.com"), "x").await;
    }
    let (stop, stopped) = watch::channel(false);
    let working = [&one, &other].map(|site| tokio::spawn(worker::run(site.app.clone(), stopped.clone())));
    tokio::task::block_in_place(|| mailbox.wait_for(COUNT));
    stop.send_replace(true);
    for worker in working {
        worker.await.unwrap();
    }
    let recipients: BTreeSet<String> =
        mailbox.mails().iter().map(|mail| mail.field("recipient").to_owned()).collect();
    assert_eq!((mailbox.mails().len(), recipients.len()), (COUNT, COUNT));
    let all = messages(&one).await;
    assert!(all.iter().all(|message| (message.status, message.attempts) == (Status::Sent, 1)), "{all:#?}");
});

both_databases!(what_a_dead_server_had_is_sent_by_another, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    write(&site.app, "Mara", "mara@example.com", "x").await;
    let claimed = site
        .app
        .write(|tx, env| outbox::claim(tx, Channel::Mail, "dead", env.now, env.now.plus(5 * MINUTE), 10))
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1);
    site.clock.advance(4 * MINUTE);
    assert_eq!(worker::run_once(&site.app).await, 0);
    // While it may be on the wire it can't be stopped.
    let support = site.staff(Role::Support).await;
    let path = format!("/office/outbox/{}/drop", claimed[0].id);
    support.post(&path, &[]).await.expect(StatusCode::CONFLICT);
    site.clock.advance(2 * MINUTE);
    worker::run_once(&site.app).await;
    let message = only(&site).await;
    assert_eq!((message.status, message.attempts), (Status::Sent, 2));
    // The dead one comes back and has nothing to say any more.
    let late = Outcome::Refused { why: "late".into() };
    site.app.write(move |tx, env| ops::outbox::settle(tx, env, &claimed[0], "dead", &late)).await.unwrap();
    assert_eq!(only(&site).await.status, Status::Sent);
});

both_databases!(without_a_mail_server_messages_wait_and_the_office_says_so, async |db: Db| {
    let site = Site::start(db).await;
    for number in 0..3 {
        write(&site.app, "Mara", &format!("mara{number}@example.com"), "x").await;
    }
    assert_eq!(worker::run_once(&site.app).await, 0);
    let (support, sales) = (site.staff(Role::Support).await, site.staff(Role::Sales).await);
    for path in ["/office/feedback", "/office/recovery", "/office/partners", "/office/outbox"] {
        let page = support.get(path).await.expect(StatusCode::OK);
        page.expect_text("Mail is not set up");
        page.expect_text("3 messages wait in the outbox");
        page.expect_text("href=\"/office/outbox\"");
    }
    let page = sales.get("/office/clients").await.expect(StatusCode::OK);
    page.expect_text("3 messages wait in the outbox");
    assert!(!page.body.contains("href=\"/office/outbox\""), "sales may not open it");
    support.get("/office/outbox").await.expect_text("Email is not set up");

    // A mail server is set up four days later: nobody is surprised by stale mail.
    let mailbox = Mailbox::start();
    site.clock.advance(4 * DAY);
    let later = Site::start_with(site.app.db.clone(), mailbox.settings("")).await;
    later.clock.advance(4 * DAY);
    write(&later.app, "Mara", "fresh@example.com", "x").await;
    worker::run_once(&later.app).await;
    let all = messages(&later).await;
    assert_eq!(all.iter().filter(|message| message.status == Status::Parked).count(), 3);
    assert!(all[0].last_error.contains("three days"), "{}", all[0].last_error);
    assert_eq!(mailbox.wait_for(1)[0].field("recipient"), "fresh@example.com");
    assert!(!later.staff(Role::Admin).await.get("/office/clients").await.body.contains("Mail is not set up"));
    // And what still matters is sent.
    let support = later.staff(Role::Support).await;
    let path = format!("/office/outbox/{}/send", all[0].id);
    support.post(&path, &[]).await.expect(StatusCode::SEE_OTHER);
    worker::run_once(&later.app).await;
    assert_eq!(mailbox.wait_for(2)[1].field("recipient"), all[0].address);
});

both_databases!(a_blocked_bot_is_switched_off_and_the_person_is_told_by_mail, async |db: Db| {
    let mailbox = Mailbox::start();
    let telegram_token = Some("1:token".to_owned());
    let settings = server::config::Settings { telegram_token, ..mailbox.settings("") };
    let site = Site::start_with(db, settings).await;
    let partner = site.partner("Mara").await;
    site.confirm(&partner.id).await;
    let id = partner.id.clone();
    site.app
        .write(move |tx, env| -> Result<(), DbError> {
            notices::connect_telegram(tx, &id, "4711", "Mara", env.now)?;
            // One notice comes by Telegram alone, the other by both.
            notices::choose(tx, &id, NoticeKind::NewClient, Channel::Mail, false)?;
            notify::tell(tx, env, &id, &Notice::NewClient { client: 1042, name: "Aurora".into() })?;
            notify::tell(tx, env, &id, &Notice::DealLost { deal: 2077, client: 1042, name: "Aurora".into() })
        })
        .await
        .unwrap();
    let mut by_telegram = site
        .app
        .write(|tx, env| outbox::claim(tx, Channel::Telegram, "w", env.now, env.now.plus(MINUTE), 10))
        .await
        .unwrap();
    assert_eq!(by_telegram.len(), 2);
    // What comes by Telegram alone is still in the worker's hands when the other has found out.
    by_telegram.sort_by_key(|message| message.notice == NoticeKind::NewClient);
    let closed = Outcome::Closed { why: "the bot was blocked".into() };
    for message in by_telegram {
        let closed = closed.clone();
        site.app.write(move |tx, env| ops::outbox::settle(tx, env, &message, "w", &closed)).await.unwrap();
    }
    let id = partner.id.clone();
    let link = site.read(move |tx| notices::telegram(tx, &id)).await.unwrap();
    assert_eq!(link.broken, "the bot was blocked");
    let mut mailed = BTreeMap::new();
    for message in all_messages(&site).await {
        match message.channel {
            Channel::Telegram => assert_eq!(message.status, Status::Dropped),
            Channel::Mail => *mailed.entry(message.notice.as_str()).or_insert(0) += 1,
        }
    }
    mailed.remove("welcome");
    mailed.remove("new_sign_in");
    let expected = BTreeMap::from([("deal_lost", 1), ("new_client", 1), ("telegram_broken", 1)]);
    assert_eq!(mailed, expected);
    let instead = all_messages(&site)
        .await
        .into_iter()
        .find(|message| (message.channel, message.notice) == (Channel::Mail, NoticeKind::NewClient));
    let instead = instead.unwrap();
    assert_eq!(instead.subject, "A new client: Aurora");
    assert!(
        instead.body.contains("C-1042 Aurora") && instead.body.contains("Hello Mara"),
        "{}",
        instead.body
    );
    assert_eq!(instead.body.matches("A new client: Aurora").count(), 0, "{}", instead.body);
});

both_databases!(old_messages_are_swept_away, async |db: Db| {
    let mailbox = Mailbox::start();
    let site = Site::start_with(db, mailbox.settings("")).await;
    for (name, address) in [("Sent", "sent@example.com"), ("Parked", "refused@example.com")] {
        write(&site.app, name, address, "x").await;
    }
    worker::run_once(&site.app).await;
    let sweep = |limit| site.app.write(move |tx, env| outbox::sweep(tx, env.now, limit));
    site.clock.advance(89 * DAY);
    assert_eq!(sweep(10).await.unwrap(), 0);
    site.clock.advance(2 * DAY);
    assert_eq!(sweep(10).await.unwrap(), 1);
    assert_eq!(only(&site).await.recipient, "Parked", "what nobody has looked at is kept");
});

both_databases!(the_demo_takes_old_messages_for_sent, async |db: Db| {
    let site = Site::start(db).await;
    write(&site.app, "Old", "old@example.com", "x").await;
    site.clock.advance(3 * DAY);
    write(&site.app, "New", "new@example.com", "x").await;
    site.app.write(|tx, env| outbox::settle(tx, env.now.plus(-2 * DAY))).await.unwrap();
    let all = messages(&site).await;
    assert_eq!((all[0].status, all[0].attempts, all[1].status), (Status::Sent, 1, Status::Waiting));
    assert_eq!(all[0].done_at, Some(all[0].created_at.plus(2 * SECOND)));
});
