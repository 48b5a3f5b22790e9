//! The server is killed in the middle of its work and started again: what was answered is there, and the ledger is
//! sound. The real program, the real signal.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use domain::permission::Role;
use server::ops;
use store::{Db, testing};

use crate::support::{Browser, Folder, Partner, Site};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_goodword");

/// A server in a process of its own.
pub struct Process {
    child: Child,
    pub url: String,
    /// Its data, unless the environment says another place.
    _folder: Folder,
}

impl Process {
    fn start(database: &str) -> Process {
        Process::start_with(database, &[])
    }

    /// Starts a server with more in its environment.
    pub fn start_with(database: &str, environment: &[(&str, &str)]) -> Process {
        Process::start_at("127.0.0.1:0", database, "0", environment)
    }

    /// Starts a server at an address, with a factor on its rate limits.
    pub fn start_at(listen: &str, database: &str, rate_limit: &str, environment: &[(&str, &str)]) -> Process {
        let folder = Folder::new();
        let mut child = Command::new(PROGRAM)
            .args(["--listen", listen, "--rate-limit", rate_limit, "--database", database])
            .env("GOODWORD_LOG", "error")
            .env("GOODWORD_DATA_DIR", folder.path())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = lines.next().expect("a greeting").unwrap();
        let mut url = greeting.split(" at ").nth(1).expect("an address").trim().to_owned();
        // People may reach it by another address, such as a proxy's.
        if environment.iter().any(|(name, _)| *name == "GOODWORD_PUBLIC_URL") {
            let listens = lines.next().expect("where it listens").unwrap();
            url = listens.split(" on ").nth(1).expect("an address").trim().to_owned();
        }
        Process { child, url, _folder: folder }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        // SIGKILL: nothing is flushed, nobody is asked.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as an operator does, and waits until it has.
    pub fn stop(mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        assert!(self.child.wait().unwrap().success(), "the server ends cleanly");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the load works on, made before the server is first started.
pub struct Ground {
    pub partner: Partner,
    pub wallet: String,
    pub sales: Browser,
    pub deals: Vec<i64>,
}

/// Makes a partner with a balance, somebody in sales and so many deals to win.
pub async fn prepare(database: &str, deals: usize) -> Ground {
    let db = tokio::task::block_in_place(|| Db::open(database, testing::options()).unwrap());
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "50000").await;
    let wallet = partner.add_wallet(&site).await;
    let sales = site.staff(Role::Sales).await;
    let contact = ops::clients::Contact { name: "Waiting".into(), ..Default::default() };
    let code = domain::referral_code::ReferralCode::read(&partner.code.to_string());
    let contact = ops::clients::Contact { typed: code, ..contact };
    let deals = site
        .app
        .write(move |tx, env| {
            let mut waiting = Vec::new();
            for _ in 0..deals {
                let client = ops::clients::receive(tx, env, &contact)?.client_number;
                waiting.push(store::deals::of_client(tx, client)?[0].number);
            }
            Ok::<_, store::DbError>(waiting)
        })
        .await
        .unwrap();
    site.stop();
    Ground { partner, wallet, sales, deals }
}

/// What the server has said yes to.
#[derive(Debug, Default)]
struct Answered {
    clients: Vec<i64>,
    won: Vec<i64>,
    withdrawals: Vec<String>,
}

/// People at work until the server is gone: eight clients, four of sales, two windows of the partner. `wins` counts what
/// sales has won, which takes longest.
async fn load(url: &str, ground: &Ground, round: usize, wins: &Arc<AtomicUsize>) -> Answered {
    let mut tasks = Vec::new();
    for worker in 0..8 {
        let browser = Browser::new(url);
        tasks.push(tokio::spawn(async move {
            let mut answered = Answered::default();
            for index in 0.. {
                let submission = format!("{round}-{worker}-{index}");
                let fields =
                    [("name", "Under Load"), ("email", "a@example.com"), ("submission", &submission)];
                let Some(answer) = browser.try_post("/contact", &fields).await else { break };
                answered.clients.push(answer.expect(StatusCode::CREATED).client_number());
            }
            answered
        }));
    }
    for worker in 0..4 {
        let (sales, wins) = (ground.sales.at(url), wins.clone());
        let deals: Vec<i64> =
            ground.deals.iter().copied().skip(round * 600 + worker).step_by(4).take(150).collect();
        tasks.push(tokio::spawn(async move {
            let mut answered = Answered::default();
            for deal in deals {
                let win = sales.try_post(&format!("/office/deals/{deal}/win"), &[("amount", "100")]).await;
                let Some(answer) = win else { break };
                answer.expect(StatusCode::SEE_OTHER);
                answered.won.push(deal);
                wins.fetch_add(1, Ordering::SeqCst);
            }
            answered
        }));
    }
    for worker in 0..2 {
        let (browser, wallet) = (ground.partner.browser.at(url), ground.wallet.clone());
        tasks.push(tokio::spawn(async move {
            let mut answered = Answered::default();
            for index in 0.. {
                let request = format!("{round}-{worker}-{index}");
                let fields = [("amount", "500"), ("wallet", wallet.as_str()), ("request", request.as_str())];
                let Some(answer) = browser.try_post("/withdrawals", &fields).await else { break };
                if answer.status == StatusCode::SEE_OTHER {
                    answered.withdrawals.push(request);
                } else {
                    // The balance is used up until sales wins more.
                    answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
                }
            }
            answered
        }));
    }
    let mut all = Answered::default();
    for task in tasks {
        let answered = task.await.unwrap();
        all.clients.extend(answered.clients);
        all.won.extend(answered.won);
        all.withdrawals.extend(answered.withdrawals);
    }
    all
}

fn survives(database: &str) {
    testing::block_on(async {
        let ground = prepare(database, 2_000).await;
        let mut answered = Answered::default();
        for round in 0..3 {
            let process = Process::start(database);
            let url = process.url.clone();
            let wins = Arc::new(AtomicUsize::new(0));
            let until_killed = load(&url, &ground, round, &wins);
            let killing = async {
                tokio::time::sleep(Duration::from_millis(700 + 300 * round as u64)).await;
                // On a busy machine it takes longer until there is anything to lose.
                let end = Instant::now() + Duration::from_secs(60);
                while wins.load(Ordering::SeqCst) < 3 && Instant::now() < end {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                process.kill();
            };
            let (in_time, ()) = tokio::join!(until_killed, killing);
            answered.clients.extend(in_time.clients);
            answered.won.extend(in_time.won);
            answered.withdrawals.extend(in_time.withdrawals);
        }
        let enough =
            answered.clients.len() > 20 && answered.won.len() > 5 && !answered.withdrawals.is_empty();
        assert!(enough, "too little load to prove anything: {answered:?}");
        let db = tokio::task::block_in_place(|| Db::open(database, testing::options()).unwrap());
        let partner = ground.partner.id.clone();
        db.read(move |tx| {
            for number in &answered.clients {
                let deals = store::deals::of_client(tx, *number)?;
                assert_eq!(deals.len(), 1, "C-{number} was answered and is gone");
            }
            for number in &answered.won {
                let deal = store::deals::by_number(tx, *number)?.unwrap();
                assert!(deal.won.is_some(), "T-{number} was won and isn't");
            }
            for request in &answered.withdrawals {
                let found = store::withdrawals::by_request(tx, &partner, request)?;
                assert!(found.is_some(), "withdrawal {request} was answered and is gone");
            }
            let findings = store::verify_projections::verify_all(tx)?;
            assert!(findings.is_empty(), "{findings:#?}");
            Ok::<_, store::DbError>(())
        })
        .await
        .unwrap();
        tokio::task::block_in_place(|| db.close());
    });
    verify(database);
}

/// The program itself proves the books.
pub fn verify(database: &str) {
    let verified = Command::new(PROGRAM).args(["--database", database, "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn killing_the_server_on_sqlite_loses_nothing_that_was_answered() {
    let place = testing::Place::empty_sqlite();
    survives(&place.url());
}

#[test]
fn killing_the_server_on_postgresql_loses_nothing_that_was_answered() {
    let place = testing::postgres();
    survives(&place.url);
}
