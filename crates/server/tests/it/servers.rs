//! Two servers on one PostgreSQL: what is done on one holds on the other, and what happens by itself happens once.

use std::{collections::BTreeSet, time::Duration};

use axum::http::{StatusCode, header};
use domain::{
    clock::{DAY, HOUR},
    permission::Role,
};
use server::{
    app::App,
    config::Settings,
    jobs,
    limits::{Limited, TooOften},
    ops,
};
use store::{Db, DbError, params, testing};

use crate::support::{Browser, PASSWORD, Site};

/// Two servers, each with connections of its own.
struct Two {
    one: Site,
    two: Site,
    second: Db,
    first: testing::TestDb,
}

impl Two {
    async fn start(settings: Settings) -> Two {
        Two::on(tokio::task::block_in_place(testing::postgres), settings).await
    }

    async fn on(first: testing::TestDb, settings: Settings) -> Two {
        let url = first.url.clone();
        let second = tokio::task::block_in_place(|| Db::open(&url, testing::options()).unwrap());
        let one = Site::start_with(first.db.clone(), settings.clone()).await;
        let two = Site::start_with(second.clone(), settings).await;
        Two { one, two, second, first }
    }

    /// Moves both clocks.
    fn advance(&self, micros: i64) {
        self.one.clock.advance(micros);
        self.two.clock.advance(micros);
    }

    fn stop(self) {
        tokio::task::block_in_place(|| {
            self.second.close();
            drop(self.first);
        });
    }

    /// Does the same on both, several times at once; returns the sum of what each says it has done.
    async fn at_once<E>(
        &self,
        act: impl FnMut(&mut store::Tx, &server::app::Env) -> Result<usize, E> + Clone + Send + 'static,
    ) -> usize
    where
        E: From<DbError> + std::fmt::Debug + Send + 'static,
    {
        let tasks: Vec<_> = (0..6)
            .map(|index| {
                let app = if index % 2 == 0 { self.one.app.clone() } else { self.two.app.clone() };
                let act = act.clone();
                tokio::spawn(async move { app.write(act).await })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap().unwrap();
        }
        sum
    }
}

fn without_limits() -> Settings {
    Settings { rate_limit: Some(0), ..Settings::default() }
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

async fn hears_of_settings(one: &Site, two: &Site) {
    let watching = tokio::spawn(two.app.clone().watch_programme());
    for days in [3, 14, 0] {
        one.set(move |programme| programme.hold_days = days).await;
        until("the other server hears of it", || two.app.programme().hold_days == days).await;
    }
    watching.abort();
}

#[test]
fn settings_changed_on_one_server_hold_on_the_other() {
    testing::block_on(async {
        let servers = Two::start(without_limits()).await;
        hears_of_settings(&servers.one, &servers.two).await;
        servers.stop();
    });
}

#[test]
fn a_word_chosen_on_one_server_is_known_on_the_other() {
    testing::block_on(async {
        let servers = Two::start(without_limits()).await;
        let (one, two) = (&servers.one, &servers.two);
        let partner = one.partner("Mara").await;
        let knowing = tokio::spawn(jobs::know_codes(two.app.clone()));
        for word in ["mara-one", "mara-two"] {
            let alias = domain::alias::Alias::read(word).unwrap();
            partner.browser.post("/link/alias", &[("alias", word)]).await.expect(StatusCode::SEE_OTHER);
            let known = || two.app.clicks.directory().alias(&alias) == Some(partner.code);
            until("the other server hears of it", known).await;
        }
        knowing.abort();
        servers.stop();
    });
}

/// Where nothing is told, looking is enough: SQLite tells nothing, and here two have it open.
#[test]
fn settings_hold_where_nobody_can_be_told() {
    let first = testing::sqlite();
    let second = Db::open(&first.url, testing::options()).unwrap();
    testing::block_on(async {
        let (one, two) = (Site::start(first.db.clone()).await, Site::start(second.clone()).await);
        hears_of_settings(&one, &two).await;
    });
    second.close();
}

#[test]
fn whoever_is_suspended_or_signed_out_on_one_server_is_so_on_the_other() {
    testing::block_on(async {
        let servers = Two::start(without_limits()).await;
        let (one, two) = (&servers.one, &servers.two);
        let partner = one.partner("Mara").await;
        let elsewhere = partner.browser.at(&two.url);
        let wallet = partner.add_wallet(one).await;
        one.won(&partner, "50000").await;
        // A session that was opened on one opens everything on the other.
        elsewhere.get("/statistics").await.expect(StatusCode::OK);
        let fields = |request| [("amount", "500"), ("wallet", wallet.as_str()), ("request", request)];
        elsewhere.post("/withdrawals", &fields("a")).await.expect(StatusCode::SEE_OTHER);

        let admin = one.staff(Role::Admin).await;
        let path = format!("/office/partners/{}/suspend", partner.id);
        admin.post(&path, &[("reason", "Looked into")]).await.expect(StatusCode::SEE_OTHER);
        // At once: what a transaction decides about it reads in that transaction.
        let refused = elsewhere.post("/withdrawals", &fields("b")).await;
        assert!(refused.status.is_client_error(), "{}", refused.status);
        assert_eq!(two.balances(&partner).await.reserved.minor(), 50_000);

        // Signed out on one, and every session of a member of staff ended on the other.
        partner.browser.post("/sign-out", &[]).await.expect(StatusCode::SEE_OTHER);
        elsewhere.get("/statistics").await.expect(StatusCode::SEE_OTHER);
        two.verify().await;
        servers.stop();
    });
}

#[test]
fn a_password_and_a_one_time_link_work_on_either_server() {
    testing::block_on(async {
        let servers = Two::start(without_limits()).await;
        let (one, two) = (&servers.one, &servers.two);
        let browser = Browser::new(&one.url);
        let sign_up = [("name", "Mara"), ("email", "mara@example.com"), ("password", PASSWORD)];
        browser.post("/sign-up", &sign_up).await.expect(StatusCode::SEE_OTHER);
        let sign_in = [("email", "mara@example.com"), ("password", PASSWORD)];
        Browser::new(&two.url).post("/sign-in", &sign_in).await.expect(StatusCode::SEE_OTHER);
        // The picture of a link is made anew each time, of the link alone.
        let qr = browser.get("/link/qr.svg").await.expect(StatusCode::OK);
        assert!(qr.body.contains("<svg"));

        let secret = one.app.write(ops::staff::first_admin_secret).await.unwrap().unwrap();
        let invitation = format!("/invitation/{secret}");
        let admin = Browser::new(&two.url);
        admin.get(&invitation).await.expect(StatusCode::OK);
        let fields = [("name", "Ines"), ("email", "ines@example.com"), ("password", PASSWORD)];
        admin.post(&invitation, &fields).await.expect(StatusCode::SEE_OTHER);
        // Used on one, it opens nothing on the other.
        one.browser().get(&invitation).await.expect(StatusCode::GONE);
        servers.stop();
    });
}

/// Asks each server in turn; returns how often it was allowed, and the last refusal.
async fn tries(apps: &[&App], what: Limited, key: &str, count: usize) -> (usize, Option<TooOften>) {
    let (mut allowed, mut refused) = (0, None);
    for index in 0..count {
        match apps[index % apps.len()].allow(what, key).await {
            Ok(()) => allowed += 1,
            Err(too_often) => refused = Some(too_often),
        }
    }
    (allowed, refused)
}

/// The keys that the database counts.
async fn counted(site: &Site) -> i64 {
    site.read(|tx| tx.one("SELECT COUNT(*) FROM rate_limit", &[])?.get(0)).await
}

#[test]
fn limits_hold_in_sum_over_two_servers() {
    testing::block_on(async {
        let servers = Two::start(Settings::default()).await;
        let both = [&servers.one.app, &servers.two.app];
        // Five at once, then one each ten minutes.
        let (allowed, refused) = tries(&both, Limited::EmailMail, "mara", 20).await;
        assert_eq!(allowed, 5);
        let wait = refused.expect("a refusal").retry_after;
        assert!((1..=601).contains(&wait), "{wait}");
        // Wherever they come: in turn, at once, or all to the server that has counted none.
        let tasks: Vec<_> = (0..40)
            .map(|index| {
                let app = both[index % 2].clone();
                tokio::spawn(async move { app.allow(Limited::EmailMail, "jonas").await.is_ok() })
            })
            .collect();
        let mut at_once = 0;
        for task in tasks {
            at_once += usize::from(task.await.unwrap());
        }
        assert_eq!(at_once, 5);
        assert_eq!(tries(&both[..1], Limited::EmailMail, "ines", 5).await.0, 5);
        assert_eq!(tries(&both[1..], Limited::EmailMail, "ines", 5).await.0, 0);
        // Somebody else, and something else, is counted apart.
        assert_eq!(tries(&both, Limited::EmailMail, "pavel", 1).await.0, 1);
        assert_eq!(tries(&both, Limited::Noted, "mara", 4).await.0, 1);
        assert_eq!(counted(&servers.one).await, 5);
        // Nothing stands there that names anybody.
        let names: Vec<String> = servers
            .one
            .read(|tx| tx.all("SELECT key FROM rate_limit", &[])?.iter().map(|row| row.get(0)).collect())
            .await;
        assert!(!names.iter().any(|key| key.contains("mara") || key.contains("jonas")), "{names:?}");

        // Once quiet, they are forgotten, by whichever server sweeps.
        jobs::sweep_once(&servers.two.app).await.unwrap();
        assert_eq!(counted(&servers.one).await, 5);
        servers.advance(2 * HOUR);
        jobs::sweep_once(&servers.two.app).await.unwrap();
        assert_eq!(counted(&servers.one).await, 0);
        servers.stop();
    });
}

#[test]
fn a_visitor_who_asks_two_servers_is_told_to_wait() {
    testing::block_on(async {
        let servers = Two::start(Settings::default()).await;
        let browsers = [servers.one.browser(), servers.two.browser()];
        let tasks: Vec<_> = (0..24)
            .map(|index| {
                let browser = browsers[index % 2].clone();
                let email = format!("nobody{index}@example.com");
                tokio::spawn(async move { browser.post("/recover", &[("email", &email)]).await })
            })
            .collect();
        let (mut allowed, mut refused) = (0, 0);
        for task in tasks {
            let answer = task.await.unwrap();
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                refused += 1;
                let wait: u64 = answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
                assert!((1..=61).contains(&wait), "{wait}");
            } else {
                answer.expect(StatusCode::OK);
                allowed += 1;
            }
        }
        // Ten at once, then one each minute that passes. Each server alone would have allowed ten.
        assert!((10..=13).contains(&allowed) && allowed + refused == 24, "{allowed} {refused}");
        servers.stop();
    });
}

#[test]
fn limits_refuse_nobody_because_of_the_database() {
    testing::block_on(async {
        let servers = Two::start(Settings::default()).await;
        let one = [&servers.one.app];
        assert_eq!(tries(&one, Limited::EmailMail, "mara", 1).await.0, 1);
        let (held, is_held) = std::sync::mpsc::channel();
        let (let_go, may_let_go) = std::sync::mpsc::channel::<()>();
        let db = servers.second.clone();
        let holding = std::thread::spawn(move || {
            db.write_blocking(move |tx| -> Result<u64, DbError> {
                let held_rows = tx.exec("UPDATE rate_limit SET until = until", &[])?;
                held.send(()).unwrap();
                may_let_go.recv().unwrap();
                Ok(held_rows)
            })
        });
        tokio::task::block_in_place(|| is_held.recv().unwrap());
        // The server alone counts on, and refuses what is too much for it alone.
        assert_eq!(tries(&one, Limited::EmailMail, "mara", 6).await.0, 4);
        let_go.send(()).unwrap();
        tokio::task::block_in_place(|| holding.join().unwrap().unwrap());

        // A database that is gone altogether refuses nobody either.
        let two = servers.two.app.clone();
        tokio::task::block_in_place(|| servers.second.close());
        assert_eq!(tries(&[&two], Limited::EmailMail, "ines", 7).await.0, 5);
        servers.stop();
    });
}

#[test]
fn without_limits_nothing_is_counted() {
    testing::block_on(async {
        let servers = Two::start(without_limits()).await;
        let both = [&servers.one.app, &servers.two.app];
        assert_eq!(tries(&both, Limited::Noted, "mara", 50).await.0, 50);
        assert_eq!(counted(&servers.one).await, 0);
        servers.stop();
    });
}

#[test]
fn one_server_with_sqlite_counts_in_memory() {
    testing::block_on(async {
        let test = testing::sqlite();
        let site = Site::start_with(test.db.clone(), Settings::default()).await;
        assert_eq!(tries(&[&site.app], Limited::EmailMail, "mara", 7).await.0, 5);
        assert_eq!(counted(&site).await, 0);
    });
}

#[test]
fn commission_becomes_available_once() {
    testing::block_on(async {
        let servers = Two::start(without_limits()).await;
        servers.one.set(|programme| programme.hold_days = 14).await;
        let partner = servers.one.partner("Mara").await;
        for _ in 0..5 {
            servers.one.won(&partner, "1000").await;
        }
        assert_eq!(servers.one.balances(&partner).await.available.minor(), 0);
        servers.advance(14 * DAY);
        servers.at_once(ops::deals::release_due).await;
        assert_eq!(servers.two.balances(&partner).await.available.minor(), 50_000);
        let times: i64 = servers
            .one
            .read(|tx| {
                tx.one("SELECT COUNT(*) FROM deal_event WHERE kind = $1", params!["available"])?.get(0)
            })
            .await;
        assert_eq!(times, 5);
        servers.one.verify().await;
        servers.stop();
    });
}

#[test]
fn staff_are_told_once_of_an_overdue_claim() {
    testing::block_on(async {
        let servers = Two::start(without_limits()).await;
        let partner = servers.one.partner("Jonas").await;
        servers.one.staff(Role::Sales).await;
        for submission in ["a", "b", "c"] {
            let filed = crate::claims::file(&servers.one, &partner, submission).await;
            filed.expect(StatusCode::SEE_OTHER);
        }
        servers.advance(30 * DAY);
        servers.at_once(ops::claims::remind).await;
        let letters = servers.two.letters().await;
        assert_eq!(letters.iter().filter(|(notice, ..)| notice == "office_claim").count(), 3);
        servers.stop();
    });
}

#[test]
fn clearing_away_on_both_servers_at_once_does_no_harm() {
    testing::block_on(async {
        let servers = Two::start(Settings::default()).await;
        let both = [&servers.one.app, &servers.two.app];
        let partner = servers.one.partner("Mara").await;
        let visitors: BTreeSet<String> = (0..300).map(|number| format!("192.0.2.{number}")).collect();
        for visitor in &visitors {
            tries(&both, Limited::Contact, visitor, 1).await;
        }
        servers.advance(400 * DAY);
        let tasks: Vec<_> = (0..6)
            .map(|index| {
                let app = both[index % 2].clone();
                tokio::spawn(async move { jobs::sweep_once(&app).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(counted(&servers.one).await, 0);
        partner.browser.get("/statistics").await.expect(StatusCode::SEE_OTHER);
        servers.one.verify().await;
        servers.stop();
    });
}

#[test]
fn two_servers_may_start_at_once_on_an_empty_database() {
    let place = testing::Place::empty_postgres();
    let url = place.url();
    testing::block_on(async {
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move {
                    let open = move || Db::open(&url, testing::options()).unwrap();
                    let db = tokio::task::spawn_blocking(open).await.unwrap();
                    Site::start(db).await
                })
            })
            .collect();
        let mut sites = Vec::new();
        for task in tasks {
            sites.push(task.await.unwrap());
        }
        let versions: BTreeSet<i64> = sites.iter().map(|site| site.app.programme().version).collect();
        assert_eq!(versions.len(), 1);
        for site in &sites {
            site.browser().get("/readyz").await.expect(StatusCode::OK);
        }
        for site in sites {
            site.stop();
        }
    });
    drop(place);
}
