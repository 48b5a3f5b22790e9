//! Telegram from both sides: people who connect and choose, messages that arrive or don't, servers that listen.

use std::time::Duration;

use axum::http::StatusCode;
use domain::{
    clock::{HOUR, SECOND},
    notice::{Channel, NoticeKind},
    permission::Role,
};
use serde_json::{Value, json};
use server::{
    config::Settings,
    notify::{
        self, Notice,
        delivery::Outcome,
        telegram::{
            self,
            poller::{self, Poller, Turn},
        },
        worker,
    },
    ops,
};
use store::{
    Db, DbError, both_databases,
    outbox::{self, Message, Status},
};

use crate::{
    bot_api::{BOT, BotApi, Mood, TOKEN},
    support::{Partner, Site},
};

const CHAT: i64 = 7;

fn settings(api: &BotApi) -> Settings {
    Settings {
        rate_limit: Some(0),
        telegram_token: Some(TOKEN.into()),
        telegram_api: Some(api.url.clone()),
        ..Settings::default()
    }
}

/// A server with a bot.
async fn start(db: Db) -> (Site, BotApi) {
    let api = BotApi::start().await;
    (Site::start_with(db, settings(&api)).await, api)
}

/// What the server that listens does when it is told of what came.
async fn listen(site: &Site) -> Turn {
    Poller::waiting(site.app.clone(), Duration::ZERO).turn().await
}

#[track_caller]
fn handled(turn: &Turn) -> usize {
    match turn {
        Turn::Handled(count) => *count,
        other => panic!("{other:?}"),
    }
}

impl Partner {
    /// Presses Connect Telegram; returns what the link hands to the bot.
    async fn connects(&self) -> String {
        let page = self.browser.post("/account/telegram", &[]).await.expect(StatusCode::OK);
        let link = format!("https://t.me/{BOT}?start=");
        let from = page.body.find(&link).expect("a link to the bot") + link.len();
        page.expect_text("<svg");
        page.body[from..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
    }

    /// Connects the chat of a person on Telegram.
    async fn connected(&self, site: &Site, api: &BotApi, chat: i64) {
        let secret = self.connects().await;
        api.writes(chat, &format!("/start {secret}"));
        assert_eq!(handled(&listen(site).await), 1);
        let answer = api.take_sent().remove(0);
        assert!(answer.text.starts_with("Connected to"), "{}", answer.text);
    }
}

async fn linked(site: &Site, partner: &Partner) -> Option<store::notices::TelegramLink> {
    let id = partner.id.clone();
    site.read(move |tx| store::notices::telegram(tx, &id)).await
}

/// The messages to somebody, newest first.
async fn messages(site: &Site, channel: Channel, notice: NoticeKind) -> Vec<Message> {
    let all = site.read(|tx| outbox::list(tx, &outbox::Filter::default(), None, 100)).await;
    all.into_iter().filter(|message| message.channel == channel && message.notice == notice).collect()
}

/// What was written down after people had signed up, newest first.
async fn acts(site: &Site) -> Vec<String> {
    let filter = store::audit::Filter::default();
    let records = site.read(move |tx| store::audit::list(tx, &filter, None, 100)).await;
    records.into_iter().map(|record| record.act).filter(|act| act != "partner.signed_up").collect()
}

async fn tell(site: &Site, partner: &Partner, notice: Notice) {
    let id = partner.id.clone();
    site.app
        .write(move |tx, env| notify::tell(tx, env, &id, &notice))
        .await
        .map_err(|error: DbError| error)
        .unwrap();
}

fn new_client(name: &str) -> Notice {
    Notice::NewClient { client: 1001, name: name.into() }
}

/// The one message that waits to go by Telegram.
async fn waiting(site: &Site) -> Message {
    let all = site.read(|tx| outbox::list(tx, &outbox::Filter::default(), None, 100)).await;
    let mut waiting: Vec<Message> = all
        .into_iter()
        .filter(|message| message.channel == Channel::Telegram && message.status == Status::Waiting)
        .collect();
    assert_eq!(waiting.len(), 1, "{waiting:#?}");
    waiting.remove(0)
}

both_databases!(a_partner_connects_by_the_link_and_disconnects, async |db: Db| {
    let (site, api) = start(db).await;
    let partner = site.partner("Mara Lind").await;
    partner.connected(&site, &api, CHAT).await;
    let link = linked(&site, &partner).await.unwrap();
    assert_eq!((link.chat_id.as_str(), link.title.as_str()), ("7", "Mara (@mara7)"));
    partner.browser.get("/account/notices").await.expect_text("Mara (@mara7)");
    let told = messages(&site, Channel::Mail, NoticeKind::AccountChanged).await;
    assert!(told.len() == 1 && told[0].body.contains("Mara (@mara7)"), "{told:#?}");
    assert!(messages(&site, Channel::Telegram, NoticeKind::AccountChanged).await.is_empty());
    assert_eq!(acts(&site).await, ["telegram.connected"]);

    api.writes(CHAT, "Thank you!");
    listen(&site).await;
    assert!(api.take_sent()[0].text.contains("Mara Lind"));
    api.writes(CHAT, "/stop");
    listen(&site).await;
    assert!(api.take_sent()[0].text.starts_with("Disconnected"));
    assert_eq!(linked(&site, &partner).await, None);
    assert_eq!(messages(&site, Channel::Mail, NoticeKind::AccountChanged).await.len(), 2);

    partner.connected(&site, &api, CHAT).await;
    partner.browser.post("/account/telegram/disconnect", &[]).await.expect(StatusCode::SEE_OTHER);
    partner.browser.get("/account/notices").await.expect_text("Connect Telegram");
    // Nothing to disconnect any more: nothing happens, and nothing is written down.
    partner.browser.post("/account/telegram/disconnect", &[]).await.expect(StatusCode::SEE_OTHER);
    let mut acts = acts(&site).await;
    acts.reverse();
    assert_eq!(
        acts,
        ["telegram.connected", "telegram.disconnected", "telegram.connected", "telegram.disconnected"]
    );
});

both_databases!(a_link_that_is_no_good_connects_nothing, async |db: Db| {
    let (site, api) = start(db).await;
    let (mara, noor) = (site.partner("Mara").await, site.partner("Noor").await);
    let start_with = async |chat: i64, secret: &str| {
        api.writes(chat, &format!("/start {secret}"));
        listen(&site).await;
        api.take_sent().remove(0).text
    };
    // Used, by somebody who looked over the shoulder.
    let used = mara.connects().await;
    assert!(start_with(CHAT, &used).await.starts_with("Connected"));
    assert!(start_with(8, &used).await.contains("used before"));
    // Replaced by a newer one, run out, invented, made for something else.
    let old = noor.connects().await;
    let new = noor.connects().await;
    assert!(start_with(9, &old).await.contains("used before"));
    site.clock.advance(HOUR + SECOND);
    assert!(start_with(9, &new).await.contains("used before"));
    let id = noor.id.clone();
    let recovery = site
        .app
        .write(move |tx, env| ops::recovery::issue(tx, env, &ops::Actor::server(), true, &id))
        .await
        .unwrap();
    for secret in ["x".repeat(43), recovery.0, "🦊\u{0}".into()] {
        assert!(start_with(9, &secret).await.contains("used before"), "{secret}");
    }
    assert_eq!(linked(&site, &noor).await, None);
    assert_eq!(linked(&site, &mara).await.unwrap().chat_id, "7");
});

both_databases!(a_chat_is_one_accounts, async |db: Db| {
    let (site, api) = start(db).await;
    let (mara, noor) = (site.partner("Mara").await, site.partner("Noor").await);
    mara.connected(&site, &api, CHAT).await;
    let secret = noor.connects().await;
    api.writes(CHAT, &format!("/start {secret}"));
    listen(&site).await;
    assert!(api.take_sent()[0].text.contains("another account"));
    assert!(linked(&site, &mara).await.is_some() && linked(&site, &noor).await.is_none());
    // The person of the chat decides; the link is still good.
    api.writes(CHAT, "/stop");
    api.writes(CHAT, &format!("/start {secret}"));
    assert_eq!(handled(&listen(&site).await), 2);
    assert_eq!(api.take_sent().len(), 2);
    assert!(linked(&site, &mara).await.is_none() && linked(&site, &noor).await.is_some());
    // An account has one chat: the newer one counts, what waits goes there, and the older one is told.
    tell(&site, &noor, new_client("Aurora")).await;
    noor.connected(&site, &api, 8).await;
    assert_eq!(linked(&site, &noor).await.unwrap().chat_id, "8");
    let addresses: Vec<String> = messages(&site, Channel::Telegram, NoticeKind::NewClient)
        .await
        .into_iter()
        .map(|message| message.address)
        .collect();
    assert_eq!(addresses, ["8"]);
    assert_eq!(messages(&site, Channel::Telegram, NoticeKind::AccountChanged).await.len(), 1);
});

both_databases!(notices_come_where_they_are_wanted, async |db: Db| {
    let (site, api) = start(db).await;
    let partner = site.partner("Mara").await;
    partner.connected(&site, &api, CHAT).await;
    let save = async |fields: &[(&str, &str)]| {
        let saved = partner.browser.post("/account/notices", fields).await.expect(StatusCode::SEE_OTHER);
        assert_eq!(saved.location(), "/account/notices?done=notices");
    };
    let came = async || {
        let count = async |channel| messages(&site, channel, NoticeKind::NewClient).await.len();
        (count(Channel::Mail).await, count(Channel::Telegram).await)
    };
    tell(&site, &partner, new_client("One")).await;
    assert_eq!(came().await, (1, 1));
    save(&[("telegram", "connected"), ("notice[new_client].telegram", "1")]).await;
    tell(&site, &partner, new_client("Two")).await;
    assert_eq!(came().await, (1, 2));
    save(&[("telegram", "connected"), ("notice[new_client].mail", "1")]).await;
    tell(&site, &partner, new_client("Three")).await;
    assert_eq!(came().await, (2, 2));
    // A form that was opened before connecting decides about mail alone.
    save(&[]).await;
    tell(&site, &partner, new_client("Four")).await;
    assert_eq!(came().await, (2, 2));
    // What concerns safety always comes by mail.
    tell(&site, &partner, Notice::WalletChanged { what: vec!["Main".into()], cooling_hours: None }).await;
    assert_eq!(messages(&site, Channel::Mail, NoticeKind::WalletChanged).await.len(), 1);
    assert_eq!(messages(&site, Channel::Telegram, NoticeKind::WalletChanged).await.len(), 0);
    site.staff(Role::Admin).await.post("/account/notices", &[]).await.expect(StatusCode::FORBIDDEN);
});

both_databases!(what_came_by_telegram_alone_comes_by_mail_after_disconnecting, async |db: Db| {
    let (site, api) = start(db).await;
    let partner = site.partner("Mara").await;
    partner.connected(&site, &api, CHAT).await;
    // New clients by Telegram alone, lost deals nowhere, the rest everywhere.
    let mut fields = vec![("telegram".to_owned(), "connected"), ("notice[new_client].telegram".into(), "1")];
    for kind in NoticeKind::ALL.iter().filter(|kind| !kind.is_for_staff() && **kind != NoticeKind::DealLost) {
        if *kind != NoticeKind::NewClient {
            fields.push((format!("notice[{}].mail", kind.as_str()), "1"));
            fields.push((format!("notice[{}].telegram", kind.as_str()), "1"));
        }
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    partner.browser.post("/account/notices", &fields).await.expect(StatusCode::SEE_OTHER);
    let lost = || Notice::DealLost { deal: 2001, client: 1001, name: "One".into() };
    let mailed = async |kind| messages(&site, Channel::Mail, kind).await.len();
    tell(&site, &partner, new_client("One")).await;
    tell(&site, &partner, lost()).await;
    assert_eq!((mailed(NoticeKind::NewClient).await, mailed(NoticeKind::DealLost).await), (0, 0));
    api.writes(CHAT, "/stop");
    listen(&site).await;
    assert!(api.take_sent()[0].text.contains("comes by email from now on"));
    assert_eq!(mailed(NoticeKind::NewClient).await, 1, "what waited");
    tell(&site, &partner, new_client("Two")).await;
    tell(&site, &partner, lost()).await;
    assert_eq!((mailed(NoticeKind::NewClient).await, mailed(NoticeKind::DealLost).await), (2, 0));
    let page = partner.browser.get("/account/notices").await;
    page.expect_text("name=\"notice[new_client].mail\" value=\"1\" checked");
});

both_databases!(sent_again_it_goes_where_the_person_is_now, async |db: Db| {
    let (site, api) = start(db).await;
    let (mara, noor) = (site.partner("Mara").await, site.partner("Noor").await);
    mara.connected(&site, &api, CHAT).await;
    tell(&site, &mara, new_client("One")).await;
    worker::run_once(&site.app).await;
    assert_eq!(api.take_sent()[0].chat, CHAT);
    let sent = messages(&site, Channel::Telegram, NoticeKind::NewClient).await.remove(0);
    let support = site.staff(Role::Support).await;
    let again = async || support.post(&format!("/office/outbox/{}/send", sent.id), &[]).await;
    // The chat is somebody else's by now, who is not to read it.
    api.writes(CHAT, "/stop");
    listen(&site).await;
    api.take_sent();
    noor.connected(&site, &api, CHAT).await;
    again().await.expect(StatusCode::CONFLICT).expect_text("no Telegram connected");
    mara.connected(&site, &api, CHAT + 1).await;
    worker::run_once(&site.app).await;
    api.take_sent();
    again().await.expect(StatusCode::SEE_OTHER);
    worker::run_once(&site.app).await;
    let came = api.take_sent();
    assert_eq!(came.iter().map(|sent| sent.chat).collect::<Vec<_>>(), [CHAT + 1]);
    let all = messages(&site, Channel::Telegram, NoticeKind::NewClient).await;
    assert_eq!(all[1].address, CHAT.to_string(), "where it was sent first stays written down");

    // A group that was entered wrong: corrected in Settings, the message arrives.
    site.set(|programme| programme.staff_chat = "-66".into()).await;
    let notice = Notice::OfficeClaim { client_name: "A".into(), partner: "B".into(), path: "/x".into() };
    let told: Result<(), DbError> = site.app.write(move |tx, env| notify::tell_group(tx, env, &notice)).await;
    told.unwrap();
    api.when_sending([Mood::Refuse(400, "Bad Request: chat not found")]);
    worker::run_once(&site.app).await;
    let parked = messages(&site, Channel::Telegram, NoticeKind::OfficeClaim).await.remove(0);
    assert_eq!(parked.status, Status::Parked);
    site.set(|programme| programme.staff_chat = "-67".into()).await;
    support.post(&format!("/office/outbox/{}/send", parked.id), &[]).await.expect(StatusCode::SEE_OTHER);
    worker::run_once(&site.app).await;
    assert_eq!(api.take_sent()[0].chat, -67);
});

both_databases!(a_message_arrives_as_plain_text, async |db: Db| {
    let (site, api) = start(db).await;
    let partner = site.partner("Mara").await;
    partner.connected(&site, &api, CHAT).await;
    tell(&site, &partner, new_client("<b>Aurora</b> & *Co*")).await;
    let message = waiting(&site).await;
    assert_eq!(telegram::deliver(&site.app, &message).await, Outcome::Sent);
    let sent = api.take_sent().remove(0);
    assert_eq!((sent.chat, sent.text.as_str()), (CHAT, message.body.as_str()));
    assert!(sent.text.contains("<b>Aurora</b> & *Co*"), "{}", sent.text);
    assert_eq!(sent.request["link_preview_options"], json!({"is_disabled": true}));
    assert_eq!(sent.request.get("parse_mode"), None);
});

both_databases!(trouble_on_the_way_is_told_apart, async |db: Db| {
    let (site, api) = start(db).await;
    let partner = site.partner("Mara").await;
    partner.connected(&site, &api, CHAT).await;
    tell(&site, &partner, new_client("Aurora")).await;
    let message = waiting(&site).await;
    let try_it = async || {
        let outcome = telegram::deliver(&site.app, &message).await;
        assert!(!format!("{outcome:?}").contains(TOKEN), "{outcome:?}");
        outcome
    };
    api.when_sending([Mood::Busy(23)]);
    let outcome = try_it().await;
    let asked = Some(Duration::from_secs(23));
    assert!(matches!(&outcome, Outcome::Failed { retry_after, .. } if *retry_after == asked), "{outcome:?}");
    for mood in [
        Mood::Refuse(500, "Internal Server Error"),
        Mood::Html(502),
        // Not the Bot API at all: a wrong address.
        Mood::Html(405),
        Mood::Lost,
        Mood::Html(200),
        Mood::Refuse(401, "Unauthorized"),
    ] {
        api.when_sending([mood.clone()]);
        let outcome = try_it().await;
        assert!(matches!(outcome, Outcome::Failed { retry_after: None, .. }), "{mood:?}: {outcome:?}");
    }
    api.when_sending([Mood::Refuse(400, "Bad Request: message is too long")]);
    assert!(matches!(try_it().await, Outcome::Refused { .. }));
    api.when_sending([Mood::Refuse(400, "Bad Request: chat not found")]);
    assert!(matches!(try_it().await, Outcome::Closed { .. }));
    assert_eq!(try_it().await, Outcome::Sent);
    api.stop();
    // A connection that was open is closed in a moment.
    let mut outcome = try_it().await;
    for _ in 0..200 {
        if outcome != Outcome::Sent {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        outcome = try_it().await;
    }
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
});

/// What the worker does when a channel is closed.
async fn close(site: &Site, message: &Message, outcome: Outcome) {
    let Outcome::Closed { why } = outcome else { panic!("{outcome:?}") };
    let id = message.account_id.clone().unwrap();
    let closed: Result<(), DbError> =
        site.app.write(move |tx, env| ops::telegram::close_channel(tx, env, &id, &why)).await;
    closed.unwrap();
}

both_databases!(who_blocks_the_bot_is_told_by_mail, async |db: Db| {
    let (site, api) = start(db).await;
    let partner = site.partner("Mara").await;
    partner.connected(&site, &api, CHAT).await;
    let by_telegram = [("telegram", "connected"), ("notice[new_client].telegram", "1")];
    partner.browser.post("/account/notices", &by_telegram).await.expect(StatusCode::SEE_OTHER);
    tell(&site, &partner, new_client("Aurora")).await;
    let message = waiting(&site).await;
    api.when_sending([Mood::Refuse(403, "Forbidden: bot was blocked by the user")]);
    let outcome = telegram::deliver(&site.app, &message).await;
    close(&site, &message, outcome.clone()).await;
    // A second message that was refused at the same moment changes nothing.
    close(&site, &message, outcome).await;
    let told = messages(&site, Channel::Mail, NoticeKind::TelegramBroken).await;
    assert!(told.len() == 1 && told[0].body.contains("the bot was blocked"), "{told:#?}");
    partner.browser.get("/account/notices").await.expect_text("the bot was blocked");
    assert_eq!(acts(&site).await[0], "telegram.closed");
    // Chosen for Telegram alone, and not lost: what waited and what comes later arrives by mail.
    let rescued = messages(&site, Channel::Mail, NoticeKind::NewClient).await;
    assert!(rescued.len() == 1 && rescued[0].body.contains("Aurora"), "{rescued:#?}");
    assert_eq!(messages(&site, Channel::Telegram, NoticeKind::NewClient).await[0].status, Status::Dropped);
    tell(&site, &partner, new_client("Borealis")).await;
    assert_eq!(messages(&site, Channel::Mail, NoticeKind::NewClient).await.len(), 2);
    assert_eq!(messages(&site, Channel::Telegram, NoticeKind::NewClient).await.len(), 1);
    // The person lets the bot in again: Start alone is enough, because the chat is known.
    api.writes(CHAT, "/start");
    listen(&site).await;
    assert!(api.take_sent()[0].text.starts_with("Connected"));
    assert_eq!(linked(&site, &partner).await.unwrap().broken, "");
});

both_databases!(blocking_is_heard_before_a_message_fails, async |db: Db| {
    let (site, api) = start(db).await;
    let partner = site.partner("Mara").await;
    partner.connected(&site, &api, CHAT).await;
    api.blocks(CHAT);
    api.blocks(99);
    assert_eq!(handled(&listen(&site).await), 2);
    assert_eq!(linked(&site, &partner).await.unwrap().broken, "the bot was blocked");
    assert_eq!(messages(&site, Channel::Mail, NoticeKind::TelegramBroken).await.len(), 1);
    assert!(api.take_sent().is_empty());
});

both_databases!(an_update_is_handled_once_by_two_servers, async |db: Db| {
    let (site, api) = start(db.clone()).await;
    let other = Site::start_with(db, settings(&api)).await;
    let partner = site.partner("Mara").await;
    let secret = partner.connects().await;
    assert_eq!(handled(&listen(&site).await), 0);
    assert!(matches!(listen(&other).await, Turn::StandBy), "one server listens");

    // The first server is told of an update, and stalls: its lease runs out, the other one takes over. Both have it.
    api.writes(CHAT, &format!("/start {secret}"));
    api.hold_updates(true);
    let app = site.app.clone();
    let stalled = tokio::spawn(async move { Poller::waiting(app, Duration::ZERO).turn().await });
    while api.offsets().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    other.clock.advance(120 * SECOND);
    let app = other.app.clone();
    let taking_over = tokio::spawn(async move { Poller::waiting(app, Duration::ZERO).turn().await });
    while api.offsets().len() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    api.hold_updates(false);
    let turns = [handled(&stalled.await.unwrap()), handled(&taking_over.await.unwrap())];
    assert_eq!(turns, [0, 1], "the server that lost the lease handles nothing");
    let answers = api.take_sent();
    assert!(answers.len() == 1 && answers[0].text.starts_with("Connected"), "{answers:#?}");
    assert_eq!(messages(&site, Channel::Mail, NoticeKind::AccountChanged).await.len(), 1);
    assert!(matches!(listen(&site).await, Turn::StandBy));
    other.stop();
});

both_databases!(many_updates_and_two_servers_that_take_turns, async |db: Db| {
    let (site, api) = start(db.clone()).await;
    let other = Site::start_with(db, settings(&api)).await;
    for round in 0..20 {
        api.writes(100 + round, "Hello");
    }
    let both = [site.app.clone(), other.app.clone()].map(|app| {
        tokio::spawn(async move {
            let mut poller = Poller::waiting(app.clone(), Duration::ZERO);
            for _ in 0..10 {
                poller.turn().await;
                poller::release(&app).await;
            }
        })
    });
    for one in both {
        one.await.unwrap();
    }
    let mut chats: Vec<i64> = api.take_sent().into_iter().map(|sent| sent.chat).collect();
    chats.sort_unstable();
    assert_eq!(chats, (100..120).collect::<Vec<_>>(), "each is answered once");
    other.stop();
});

both_databases!(a_server_that_starts_again_goes_on_where_it_was, async |db: Db| {
    let (site, api) = start(db.clone()).await;
    let last = api.writes(CHAT, "Hello");
    assert_eq!(handled(&listen(&site).await), 1);
    // It ended without giving the lease back; the next one waits for its end, and asks for what comes after.
    let again = Site::start_with(db, settings(&api)).await;
    assert!(matches!(listen(&again).await, Turn::StandBy));
    again.clock.advance(60 * SECOND);
    assert_eq!(handled(&listen(&again).await), 0);
    assert_eq!(api.offsets(), [None, Some(last + 1)]);
    assert_eq!(api.unconfirmed(), 0);
    // One that ends in order doesn't make anybody wait.
    poller::release(&again.app).await;
    assert_eq!(handled(&listen(&site).await), 0);
    again.stop();
});

both_databases!(what_is_not_understood_holds_up_nobody, async |db: Db| {
    let (site, api) = start(db).await;
    api.update(json!({"something_new": {"a": [1, 2]}}));
    api.update(json!({"message": {"message_id": "not a number"}}));
    api.message(json!({"id": CHAT, "type": "private", "first_name": "a\u{0}b\u{202e}"}), "\u{0}");
    api.message(json!({"id": -9, "type": "group", "title": "x"}), "We talk among ourselves");
    api.writes(CHAT, "Hello");
    assert_eq!(handled(&listen(&site).await), 5);
    let answers = api.take_sent();
    assert_eq!(answers.len(), 2, "{answers:#?}");
    assert_eq!(handled(&listen(&site).await), 0);
});

both_databases!(trouble_gives_the_lease_back, async |db: Db| {
    let (site, api) = start(db.clone()).await;
    let other = Site::start_with(db, settings(&api)).await;
    api.writes(CHAT, "Hello");
    let moods = [
        Mood::Refuse(409, "Conflict: terminated by other getUpdates request"),
        Mood::Busy(3),
        Mood::Lost,
        Mood::Html(502),
    ];
    for mood in moods {
        api.when_polling([mood]);
        let turn = listen(&site).await;
        assert!(matches!(turn, Turn::Trouble(_)), "{turn:?}");
        assert!(!format!("{turn:?}").contains(TOKEN), "{turn:?}");
    }
    assert_eq!(handled(&listen(&other).await), 1);
    // An answer that can't be sent is lost; what was asked for is done all the same.
    api.writes(CHAT, "Hello again");
    api.when_sending([Mood::Lost]);
    assert_eq!(handled(&listen(&other).await), 1);
    assert_eq!(handled(&listen(&other).await), 0);
    other.stop();
});

fn group(id: i64) -> Value {
    json!({"id": id, "type": "group", "title": "Finance"})
}

both_databases!(the_group_of_staff, async |db: Db| {
    let (site, api) = start(db).await;
    api.message(group(-55), &format!("/chatid@{BOT}"));
    listen(&site).await;
    let answer = api.take_sent().remove(0);
    assert!(
        answer.chat == -55 && answer.text.contains("-55") && answer.text.contains("Settings"),
        "{answer:?}"
    );
    site.set(|programme| programme.staff_chat = "-55".into()).await;
    let notify_group = async || {
        let notice = Notice::OfficeClaim { client_name: "A".into(), partner: "B".into(), path: "/x".into() };
        site.app
            .write(move |tx, env| notify::tell_group(tx, env, &notice))
            .await
            .map_err(|error: DbError| error)
            .unwrap();
        let mut all = messages(&site, Channel::Telegram, NoticeKind::OfficeClaim).await;
        all.remove(0)
    };
    // It becomes a supergroup between two messages: the message arrives, the number is kept.
    let message = notify_group().await;
    api.when_sending([Mood::Moved(-10055)]);
    assert_eq!(telegram::deliver(&site.app, &message).await, Outcome::Sent);
    assert_eq!(api.take_sent()[0].chat, -10055);
    assert_eq!(site.app.programme().staff_chat, "-10055");
    assert_eq!(notify_group().await.address, "-10055");
    // Or it is heard from the group itself.
    api.update(json!({"message": {
        "message_id": 1, "date": 1, "chat": group(-10055), "migrate_to_chat_id": -10056,
    }}));
    listen(&site).await;
    let saved = site.read(store::programme::load).await;
    assert_eq!(saved.staff_chat, "-10056");
    // Some other group doesn't matter.
    api.update(json!({"message": {
        "message_id": 1, "date": 1, "chat": group(-77), "migrate_to_chat_id": -10077,
    }}));
    listen(&site).await;
    assert_eq!(site.read(store::programme::load).await.staff_chat, "-10056");
    assert_eq!(acts(&site).await[0], "settings.changed");
    // The bot is thrown out: nobody's channel to close, somebody of the office has to look.
    api.when_sending([Mood::Refuse(403, "Forbidden: bot was kicked from the group chat")]);
    let outcome = telegram::deliver(&site.app, &message).await;
    assert!(matches!(&outcome, Outcome::Refused { why } if why.contains("Settings")), "{outcome:?}");
});

both_databases!(without_a_bot_or_without_an_answer_the_page_says_so, async |db: Db| {
    let plain = Site::start(db.clone()).await;
    let partner = plain.partner("Mara").await;
    partner.browser.get("/account/notices").await.expect(StatusCode::OK).expect_text("has no Telegram bot");
    partner.browser.post("/account/telegram", &[]).await.expect(StatusCode::NOT_FOUND);
    assert!(matches!(listen(&plain).await, Turn::StandBy));
    plain.browser().post("/account/telegram", &[]).await.expect(StatusCode::UNAUTHORIZED);

    let (site, api) = start(db).await;
    api.stop();
    // The address is closed a moment after.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let partner = site.partner("Noor").await;
    let page = partner.browser.post("/account/telegram", &[]).await.expect(StatusCode::SERVICE_UNAVAILABLE);
    page.expect_text("can&#39;t be reached right now");
    assert!(!page.body.contains(TOKEN));
});
