//! Finance is reminded of withdrawals that wait, each time once.

use axum::http::StatusCode;
use domain::{
    clock::{Clock, HOUR, SECOND},
    notice::{Channel, NoticeKind},
    permission::Role,
    withdrawal::WithdrawalStatus,
};
use server::{config::Settings, ops};
use store::{
    Db, DbError, both_databases, outbox,
    withdrawals::{Show, list},
};

use crate::support::Site;

/// A server whose group of staff is on Telegram; nothing is sent, the outbox is what counts.
async fn start(db: Db) -> Site {
    let settings = Settings {
        rate_limit: Some(0),
        telegram_token: Some("1:x".into()),
        telegram_api: Some("http://127.0.0.1:9".into()),
        ..Settings::default()
    };
    let site = Site::start_with(db, settings).await;
    site.set(|programme| programme.staff_chat = "-55".into()).await;
    site
}

async fn remind(site: &Site) -> usize {
    let reminded: Result<usize, DbError> = site.app.write(ops::withdrawals_due::remind).await;
    reminded.unwrap()
}

/// The subjects of the reminders by a channel, oldest first.
async fn told(site: &Site, channel: Channel) -> Vec<String> {
    let all = site.read(|tx| outbox::list(tx, &outbox::Filter::default(), None, 200)).await;
    all.into_iter()
        .rev()
        .filter(|message| message.channel == channel && message.notice == NoticeKind::OfficeDue)
        .map(|message| message.subject)
        .collect()
}

/// A partner who waits for some withdrawals; returns their identifiers, oldest first.
async fn waits_for(site: &Site, amounts: &[&str]) -> Vec<String> {
    let partner = site.partner("Mara").await;
    site.won(&partner, "50000").await;
    let wallet = partner.add_wallet(site).await;
    for (index, amount) in amounts.iter().enumerate() {
        partner.withdraw(amount, &wallet, &format!("r{index}")).await.expect(StatusCode::SEE_OTHER);
    }
    let now = site.clock.now();
    let list = site.read(move |tx| list(tx, WithdrawalStatus::Pending, Show::All, None, now, None, 50)).await;
    list.into_iter().map(|queued| queued.withdrawal.id).collect()
}

both_databases!(finance_is_told_at_24_and_44_hours_and_when_it_is_late, async |db: Db| {
    let site = start(db).await;
    let finance = site.staff(Role::Finance).await;
    site.staff(Role::Sales).await;
    waits_for(&site, &["600"]).await;
    for (hours, sent) in [(23, 0), (1, 1), (0, 0), (19, 0), (1, 1), (3, 0), (1, 1), (0, 0), (100, 0)] {
        site.clock.advance(hours * HOUR + SECOND);
        assert_eq!(remind(&site).await, sent, "{hours} hours later");
    }
    let subjects =
        ["Due soon: Mara waits for $600.00"; 2].into_iter().chain(["Overdue: Mara waits for $600.00"]);
    let expected: Vec<String> = subjects.map(str::to_owned).collect();
    assert_eq!(told(&site, Channel::Mail).await, expected, "to finance, not to sales");
    assert_eq!(told(&site, Channel::Telegram).await, expected, "and in the group");
    finance.get("/office/withdrawals").await.expect_text("Overdue");
    site.verify().await;
});

both_databases!(two_servers_remind_once, async |db: Db| {
    let site = start(db.clone()).await;
    let other = start(db).await;
    site.staff(Role::Finance).await;
    waits_for(&site, &["500", "510", "520", "530", "540"]).await;
    for (hours, in_all) in [(25, 5), (20, 10), (10, 15)] {
        for server in [&site, &other] {
            server.clock.advance(hours * HOUR);
        }
        let tasks: Vec<_> = (0..6)
            .map(|index| {
                let app = if index % 2 == 0 { site.app.clone() } else { other.app.clone() };
                tokio::spawn(async move { app.write(ops::withdrawals_due::remind).await })
            })
            .collect();
        let mut sent = 0;
        for task in tasks {
            sent += task.await.unwrap().map_err(|error: DbError| error).unwrap();
        }
        assert_eq!(sent, 5, "after {hours} more hours");
        assert_eq!(told(&site, Channel::Mail).await.len(), in_all);
    }
    site.verify().await;
    other.stop();
});

both_databases!(what_was_missed_is_said_once_and_what_is_decided_not_at_all, async |db: Db| {
    let site = start(db).await;
    let finance = site.staff(Role::Finance).await;
    let ids = waits_for(&site, &["600", "700"]).await;
    let pay = format!("/office/withdrawals/{}/pay", ids[0]);
    finance.post(&pay, &[("reference", "TX-1")]).await.expect(StatusCode::SEE_OTHER);
    // The server stood still over both reminders.
    site.clock.advance(60 * HOUR);
    assert_eq!(remind(&site).await, 1);
    assert_eq!(told(&site, Channel::Mail).await, ["Overdue: Mara waits for $700.00"]);
    assert_eq!(remind(&site).await, 0);
    site.verify().await;
});
