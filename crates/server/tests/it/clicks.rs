//! Links are followed while the database stalls or the server is killed: clients go on, and every click is counted once.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use axum::http::{StatusCode, header};
use domain::{referral_code::ReferralCode, source::Source};
use server::{
    config::Settings,
    ops::clicks::{self, Standing},
};
use store::{Db, DbError, Tx, both_databases, testing};

use crate::{
    attribution::futures,
    crash::Process,
    support::{Folder, Site},
};

/// Holds up every click until it is dropped: the rows that count them are locked, on SQLite the whole database.
struct Stall {
    go_on: Option<mpsc::SyncSender<()>>,
    holding: Option<std::thread::JoinHandle<()>>,
}

impl Stall {
    /// Returns once the database stalls.
    fn begin(db: &Db) -> Stall {
        let (go_on, wait) = mpsc::sync_channel::<()>(1);
        let (is_held, held) = mpsc::sync_channel::<()>(1);
        let db = db.clone();
        let holding = std::thread::spawn(move || {
            db.write_blocking(move |tx| -> Result<(), DbError> {
                tx.exec("UPDATE partner_day SET clicks = clicks", &[])?;
                is_held.send(()).unwrap();
                _ = wait.recv();
                Ok(())
            })
            .unwrap();
        });
        held.recv().unwrap();
        Stall { go_on: Some(go_on), holding: Some(holding) }
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        drop(self.go_on.take());
        if let Some(holding) = self.holding.take() {
            holding.join().unwrap();
        }
    }
}

/// The clicks that are there, and how many are counted.
fn counts(tx: &mut Tx) -> Result<(i64, i64), DbError> {
    let rows = tx.one("SELECT COUNT(*) FROM click", &[])?.get(0)?;
    let counted = "SELECT CAST(COALESCE(SUM(clicks + automatic), 0) AS BIGINT) FROM partner_day";
    Ok((rows, tx.one(counted, &[])?.get(0)?))
}

/// Waits until so many clicks are there.
async fn wait_for(site: &Site, clicks: i64) {
    for _ in 0..600 {
        if site.read(counts).await.0 >= clicks && site.app.clicks.waiting() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(site.read(counts).await, (clicks, clicks));
}

async fn follow_many(url: &str, code: ReferralCode, times: usize) {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let address = format!("{url}/r/{code}");
    let answers = futures(times, || {
        let (http, address) = (http.clone(), address.clone());
        async move { http.get(address).send().await.unwrap() }
    });
    for answer in answers.await {
        assert_eq!(answer.status(), StatusCode::FOUND);
        assert_eq!(answer.headers()[header::LOCATION], format!("/contact?ref={code}"));
        assert!(
            answer.headers()[header::SET_COOKIE].to_str().unwrap().starts_with(&format!("gw_ref={code}."))
        );
    }
}

/// A second way to the same database, as another program has it.
fn beside(url: &str) -> Db {
    tokio::task::block_in_place(|| Db::open(url, testing::options()).unwrap())
}

fn a_stall_holds_nobody_up(test: testing::TestDb) {
    let folder = Folder::new();
    testing::block_on(async {
        let site = Site::start_impatient(test.db.clone(), &folder).await;
        let partner = site.partner("Mara").await;
        follow_many(&site.url, partner.code, 1).await;
        wait_for(&site, 1).await;
        let other = beside(&test.url);
        let stall = Stall::begin(&other);
        // While nothing can be written, everybody is answered.
        follow_many(&site.url, partner.code, 60).await;
        follow_many(&site.url, partner.code, 60).await;
        let files: Vec<PathBuf> =
            fs::read_dir(folder.path().join("clicks")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert!(fs::metadata(&files[0]).unwrap().len() > 0);
        assert!(site.app.clicks.waiting() > 0);
        // The cookie alone makes the client the partner's, as ever.
        drop(stall);
        wait_for(&site, 121).await;
        // And from here on clicks go straight to the database.
        follow_many(&site.url, partner.code, 5).await;
        wait_for(&site, 126).await;
        assert_eq!(fs::metadata(&files[0]).unwrap().len(), 0);
        let browser = site.browser();
        browser.get(&format!("/r/{}", partner.code)).await;
        let sent = browser.post("/contact", &[("name", "Aurora"), ("email", "a@example.com")]).await;
        let client = sent.expect(StatusCode::CREATED).client_number();
        assert_eq!(site.deal_of(client).await.partner.unwrap().id, partner.id);
        tokio::task::block_in_place(|| other.close());
        site.stop();
    });
}

#[test]
fn a_stall_holds_nobody_up_sqlite() {
    a_stall_holds_nobody_up(testing::sqlite());
}

#[test]
fn a_stall_holds_nobody_up_postgres() {
    a_stall_holds_nobody_up(testing::postgres());
}

/// Kills the server while it keeps clicks in its file and while it takes them in, again and again.
fn no_click_is_lost_or_doubled(test: testing::TestDb) {
    let folder = Folder::new();
    let data = folder.path().display().to_string();
    testing::block_on(async {
        let site = Site::start(test.db.clone()).await;
        let partner = site.partner("Mara").await;
        let code = partner.code;
        let (mut answered, mut asked) = (0, 0);
        for round in 0..4 {
            let server = tokio::task::block_in_place(|| {
                Process::start_with(&test.url, &[("GOODWORD_DATA_DIR", data.as_str())])
            });
            let stop = Arc::new(AtomicBool::new(false));
            let load: Vec<_> = (0..8)
                .map(|_| {
                    let (address, stop) = (format!("{}/r/{code}", server.url), stop.clone());
                    let http = reqwest::Client::builder()
                        .redirect(reqwest::redirect::Policy::none())
                        .build()
                        .unwrap();
                    tokio::spawn(async move {
                        let (mut answered, mut asked) = (0, 0);
                        while !stop.load(Ordering::Relaxed) {
                            asked += 1;
                            match http.get(&address).send().await {
                                Ok(answer) if answer.status() == StatusCode::FOUND => answered += 1,
                                _ => break,
                            }
                        }
                        (answered, asked)
                    })
                })
                .collect();
            let other = beside(&test.url);
            let breath = Duration::from_millis(200);
            tokio::time::sleep(breath).await;
            let stall = tokio::task::block_in_place(|| Stall::begin(&other));
            tokio::time::sleep(breath).await;
            // Sometimes while it stalls, sometimes right after, when the file is being taken in.
            let mut stall = Some(stall);
            if round % 2 == 1 {
                tokio::task::block_in_place(|| drop(stall.take()));
            }
            tokio::time::sleep(Duration::from_millis(round * 5)).await;
            tokio::task::block_in_place(|| server.kill());
            stop.store(true, Ordering::Relaxed);
            for task in load {
                let (yes, tried) = task.await.unwrap();
                answered += yes;
                asked += tried;
            }
            tokio::task::block_in_place(move || {
                drop(stall);
                other.close();
            });
        }
        assert!(answered > 50, "only {answered} clicks were answered");
        // The next start takes in what the last one left.
        let server = tokio::task::block_in_place(|| {
            Process::start_with(&test.url, &[("GOODWORD_DATA_DIR", data.as_str())])
        });
        let clicks = folder.path().join("clicks");
        for _ in 0..600 {
            let files = fs::read_dir(&clicks).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
            let waiting = files.map(|file| file.len()).sum::<u64>() > 0;
            if !waiting {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::task::block_in_place(|| server.stop());
        let (rows, counted) = site.read(counts).await;
        assert_eq!(rows, counted);
        assert!(answered <= rows && rows <= asked, "{answered} answered, {rows} there, {asked} asked");
        assert_eq!(fs::read_dir(&clicks).unwrap().count(), 0, "nothing waits, nothing was set aside");
        site.stop();
    });
}

#[test]
fn no_click_is_lost_or_doubled_sqlite() {
    no_click_is_lost_or_doubled(testing::sqlite());
}

#[test]
fn no_click_is_lost_or_doubled_postgres() {
    no_click_is_lost_or_doubled(testing::postgres());
}

both_databases!(a_batch_that_is_brought_twice_is_written_once, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let visit = |code: ReferralCode, known: bool| clicks::Visit {
        at: site.app.clock.now(),
        code,
        partner_id: known.then(|| partner.id.as_str().into()),
        repaired_from: None,
        source: "t.me".into(),
        place: Source::site("t.me"),
        automatic: false,
    };
    let nobodys = ReferralCode::from_number(partner.code.number() ^ 1);
    let visits = vec![visit(partner.code, true), visit(partner.code, false), visit(nobodys, false)];
    let batch = clicks::Batch { writer: "w".into(), number: 4, visits };
    let owner: Option<Arc<str>> = Some(partner.id.as_str().into());
    for draw in [1, 77] {
        let batches = [Arc::new(batch.clone())];
        let owners = site
            .app
            .write(move |tx, env| clicks::record(tx, env.now, &batches, Standing::Doubtful, draw))
            .await;
        assert_eq!(owners.unwrap(), [vec![owner.clone(), owner.clone(), None]]);
        assert_eq!(site.read(counts).await, (2, 2));
    }
});

both_databases!(old_clicks_are_deleted_and_their_counts_stay, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    follow_many(&site.url, partner.code, 3).await;
    site.set(|programme| programme.click_days = 30).await;
    site.clock.advance(31 * domain::clock::DAY);
    follow_many(&site.url, partner.code, 2).await;
    server::jobs::sweep_once(&site.app).await.unwrap();
    let (rows, counted) = site.read(counts).await;
    assert_eq!((rows, counted), (2, 5));
});

both_databases!(a_new_partners_link_works_on_every_server_at_once, async |db: Db| {
    let (one, two) = (Site::start(db.clone()).await, Site::start(db).await);
    for site in [&one, &two] {
        site.app.clicks.directory().fill(&site.app.db).await.unwrap();
    }
    let partner = one.partner("Mara").await;
    assert!(two.app.clicks.directory().partner(partner.code).is_none());
    follow_many(&two.url, partner.code, 1).await;
    assert_eq!(two.app.clicks.directory().partner(partner.code).as_deref(), Some(partner.id.as_str()));
    assert_eq!(one.read(counts).await, (1, 1));
});

#[test]
fn a_data_folder_that_cannot_be_written_to_is_said_at_the_start() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let settings = Settings {
        listen: Some("127.0.0.1:0".into()),
        data_dir: Some(file.clone()),
        database: Some(format!("sqlite:{}", folder.path().join("goodword.db").display())),
        ..Settings::default()
    };
    let config = server::config::Config::new(settings).unwrap();
    let error = testing::block_on(server::serve::prepare(config)).err().expect("it can't start").to_string();
    assert!(error.contains("GOODWORD_DATA_DIR") && error.contains("clicks"), "{error}");
}
