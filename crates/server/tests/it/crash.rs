//! The server is killed in the middle of its work and started again: what was answered is there, and the ledger is
//! sound. The real program, the real signal.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::http::StatusCode;
use domain::permission::Role;
use server::ops;
use store::{Db, testing};

use crate::support::{Browser, Partner, Site};

const PROGRAM: &str = env!("CARGO_BIN_EXE_goodword");

/// A server in a process of its own.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    fn start(database: &str) -> Process {
        Process::start_with(database, &[])
    }

    /// Starts a server with more in its environment.
    pub fn start_with(database: &str, environment: &[(&str, &str)]) -> Process {
        let mut child = Command::new(PROGRAM)
            .args(["--listen", "127.0.0.1:0", "--rate-limit", "0", "--database", database])
            .env("GOODWORD_LOG", "error")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = lines.next().expect("a greeting").unwrap();
        let url = greeting.split(" at ").nth(1).expect("an address").trim().to_owned();
        Process { child, url }
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
struct Ground {
    partner: Partner,
    wallet: String,
    sales: Browser,
    deals: Vec<i64>,
}

async fn prepare(database: &str) -> Ground {
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
            let mut deals = Vec::new();
            for _ in 0..2_000 {
                let client = ops::clients::receive(tx, env, &contact)?.client_number;
                deals.push(store::deals::of_client(tx, client)?[0].number);
            }
            Ok::<_, store::DbError>(deals)
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

/// People at work until the server is gone: eight clients, four of sales, two windows of the partner.
async fn load(url: &str, ground: &Ground, round: usize) -> Answered {
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
        let sales = ground.sales.at(url);
        let deals: Vec<i64> =
            ground.deals.iter().copied().skip(round * 600 + worker).step_by(4).take(150).collect();
        tasks.push(tokio::spawn(async move {
            let mut answered = Answered::default();
            for deal in deals {
                let win = sales.try_post(&format!("/office/deals/{deal}/win"), &[("amount", "100")]).await;
                let Some(answer) = win else { break };
                answer.expect(StatusCode::SEE_OTHER);
                answered.won.push(deal);
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
        let ground = prepare(database).await;
        let mut answered = Answered::default();
        for round in 0..3 {
            let process = Process::start(database);
            let url = process.url.clone();
            let until_killed = load(&url, &ground, round);
            let killing = async {
                tokio::time::sleep(Duration::from_millis(700 + 300 * round as u64)).await;
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
