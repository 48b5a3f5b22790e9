//! People at work while servers, proxies and databases go away and come back. Whoever gets no answer sends the same
//! thing again, as a person does, until there is one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use store::{Db, DbError, testing};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    crash::Ground,
    support::{Answer, Browser, Folder},
};

/// What the clients of this load are called.
const CLIENT: &str = "Under Load";

/// How long somebody waits before sending once more.
const BREATH: Duration = Duration::from_millis(100);

/// Longer than anything takes here.
const NEVER: Duration = Duration::from_secs(90);

/// What was answered.
#[derive(Debug, Default)]
pub struct Answered {
    pub clients: Vec<i64>,
    pub won: Vec<i64>,
    pub withdrawals: Vec<String>,
    /// Clicks that were sent on, and those that got no answer: these may be counted or not.
    pub clicks: usize,
    pub clicks_unanswered: usize,
}

/// What must hold of clicks. Those that were answered are in the database in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clicks {
    /// Each is there once.
    Once,
    /// A proxy may have asked twice for one that got no answer the first time.
    MayBeTwice,
}

/// Waits until no click waits in a file of the folder.
pub async fn clicks_are_in(folder: &Folder) {
    let waiting = async {
        loop {
            let files = std::fs::read_dir(folder.path().join("clicks")).unwrap();
            if files.filter_map(|file| file.ok()?.metadata().ok()).all(|file| file.len() == 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    in_time.expect("the clicks that waited are taken in");
}

/// People at work.
pub struct Load {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Answered>>,
    count: Arc<AtomicUsize>,
    again: Arc<AtomicUsize>,
}

/// One person, and what the person needs to go on.
struct Person {
    stop: watch::Receiver<bool>,
    count: Arc<AtomicUsize>,
    /// How often something had to be sent once more.
    again: Arc<AtomicUsize>,
    answered: Answered,
}

impl Person {
    fn is_done(&self) -> bool {
        *self.stop.borrow()
    }

    /// Sends something until it is answered. What says that a server or its database has trouble is no answer.
    async fn insist(&mut self, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> (Answer, bool) {
        let insisting = async {
            let mut first = true;
            loop {
                match browser.try_post(path, fields).await {
                    Some(answer) if !answer.status.is_server_error() => return (answer, first),
                    _ => {}
                }
                first = false;
                self.again.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(BREATH).await;
            }
        };
        let (answer, first) = tokio::time::timeout(NEVER, insisting).await.expect("an answer at last");
        self.count.fetch_add(1, Ordering::SeqCst);
        (answer, first)
    }

    async fn contacts(mut self, browser: Browser, code: String, who: String) -> Answered {
        for index in 0.. {
            if self.is_done() {
                break;
            }
            let submission = format!("{who}-{index}");
            let fields = [
                ("name", CLIENT),
                ("email", "a@example.com"),
                ("code", code.as_str()),
                ("submission", submission.as_str()),
            ];
            let (answer, _) = self.insist(&browser, "/contact", &fields).await;
            self.answered.clients.push(answer.expect(StatusCode::CREATED).client_number());
        }
        self.answered
    }

    async fn wins(mut self, sales: Browser, deals: Vec<i64>) -> Answered {
        for deal in deals {
            if self.is_done() {
                break;
            }
            let path = format!("/office/deals/{deal}/win");
            let (answer, first) = self.insist(&sales, &path, &[("amount", "1000")]).await;
            // Without an answer it may have been won: then it can't be won again.
            let won =
                answer.status == StatusCode::SEE_OTHER || (!first && answer.status == StatusCode::CONFLICT);
            assert!(won, "{}: {}", answer.status, answer.body);
            self.answered.won.push(deal);
        }
        self.answered
    }

    async fn withdraws(mut self, partner: Browser, wallet: String, who: String) -> Answered {
        for index in 0.. {
            if self.is_done() {
                break;
            }
            let request = format!("{who}-{index}");
            let fields = [("amount", "500"), ("wallet", wallet.as_str()), ("request", request.as_str())];
            let (answer, _) = self.insist(&partner, "/withdrawals", &fields).await;
            if answer.status == StatusCode::SEE_OTHER {
                self.answered.withdrawals.push(request);
            } else {
                // The balance is used up until sales wins more.
                answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
            }
        }
        self.answered
    }

    async fn clicks(mut self, browser: Browser, code: String) -> Answered {
        while !self.is_done() {
            match browser.try_get(&format!("/r/{code}")).await {
                Some(answer) if answer.status == StatusCode::FOUND => self.answered.clicks += 1,
                _ => {
                    self.answered.clicks_unanswered += 1;
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        self.answered
    }
}

impl Load {
    /// Starts people at these addresses in turn: six clients with forms, three of sales, two windows of the partner, two
    /// clients with links.
    pub fn start(ground: &Ground, urls: &[&str]) -> Load {
        let (stop, stopped) = watch::channel(false);
        let count = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicUsize::new(0));
        let person = || Person {
            stop: stopped.clone(),
            count: count.clone(),
            again: again.clone(),
            answered: Answered::default(),
        };
        let url = |index: usize| urls[index % urls.len()];
        let code = ground.partner.code.to_string();
        let mut tasks = Vec::new();
        for index in 0..6 {
            let browser = Browser::new(url(index));
            tasks.push(tokio::spawn(person().contacts(browser, code.clone(), format!("c{index}"))));
        }
        for index in 0..3 {
            let deals = ground.deals.iter().copied().skip(index).step_by(3).collect();
            tasks.push(tokio::spawn(person().wins(ground.sales.at(url(index)), deals)));
        }
        for index in 0..2 {
            let (browser, wallet) = (ground.partner.browser.at(url(index)), ground.wallet.clone());
            tasks.push(tokio::spawn(person().withdraws(browser, wallet, format!("w{index}"))));
        }
        for index in 0..2 {
            tasks.push(tokio::spawn(person().clicks(Browser::new(url(index)), code.clone())));
        }
        Load { stop, tasks, count, again }
    }

    /// Waits until so many more things have been answered.
    pub async fn goes_on(&self, more: usize) {
        reaches(&self.count, more, "answers").await;
    }

    /// Waits until somebody more has to send something again.
    pub async fn is_disturbed(&self) {
        reaches(&self.again, 1, "second tries").await;
    }

    /// Lets everybody finish what they are at, and says what was answered.
    pub async fn finish(self) -> Answered {
        self.stop.send_replace(true);
        let mut all = Answered::default();
        for task in self.tasks {
            let answered = task.await.unwrap();
            all.clients.extend(answered.clients);
            all.won.extend(answered.won);
            all.withdrawals.extend(answered.withdrawals);
            all.clicks += answered.clicks;
            all.clicks_unanswered += answered.clicks_unanswered;
        }
        all
    }
}

/// Waits until so many more are counted.
async fn reaches(counter: &AtomicUsize, more: usize, what: &str) {
    let enough = counter.load(Ordering::SeqCst) + more;
    let waiting = async {
        while counter.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(NEVER, waiting).await;
    in_time.unwrap_or_else(|_| panic!("{} {what}, not {enough}", counter.load(Ordering::SeqCst)));
}

impl Answered {
    /// Looks into the database: what was answered is there, nothing is there twice, and the books are sound.
    pub async fn must_be_in(self, database: &str, partner: &str, clicks: Clicks) {
        let enough =
            self.clients.len() > 20 && self.won.len() > 5 && !self.withdrawals.is_empty() && self.clicks > 5;
        assert!(enough, "too little load to prove anything: {self:?}");
        let partner = partner.to_owned();
        let db = tokio::task::block_in_place(|| Db::open(database, testing::options()).unwrap());
        let checked: Result<(), DbError> = db
            .read(move |tx| {
                let count = |tx: &mut store::Tx, sql: &str| tx.one(sql, &[])?.get::<i64>(0);
                for number in &self.clients {
                    let deals = store::deals::of_client(tx, *number)?;
                    assert_eq!(deals.len(), 1, "C-{number} was answered and is gone");
                }
                let made = count(tx, &format!("SELECT COUNT(*) FROM client WHERE name = '{CLIENT}'"))?;
                assert_eq!(
                    made,
                    self.clients.len() as i64,
                    "a form that was sent again made a second client"
                );
                for number in &self.won {
                    let deal = store::deals::by_number(tx, *number)?.unwrap();
                    assert!(deal.won.is_some(), "T-{number} was won and isn't");
                }
                for request in &self.withdrawals {
                    let found = store::withdrawals::by_request(tx, &partner, request)?;
                    assert!(found.is_some(), "withdrawal {request} was answered and is gone");
                }
                let asked = count(tx, "SELECT COUNT(*) FROM withdrawal")?;
                assert_eq!(asked, self.withdrawals.len() as i64, "money was asked for twice");
                // What got no answer may have been counted; a proxy may have asked twice for it.
                // One click was there before: that of the client whose deal is won already.
                let counted = usize::try_from(count(tx, "SELECT COUNT(*) FROM click")? - 1).unwrap();
                assert!(counted >= self.clicks, "{} clicks answered, {counted} there", self.clicks);
                let most = self.clicks + self.clicks_unanswered;
                assert!(
                    clicks == Clicks::MayBeTwice || counted <= most,
                    "at most {most} clicks, {counted} there"
                );
                let findings = store::verify_projections::verify_all(tx)?;
                assert!(findings.is_empty(), "{findings:#?}");
                Ok(())
            })
            .await;
        checked.unwrap();
        tokio::task::block_in_place(|| db.close());
    }
}
