//! An installation moves from SQLite to PostgreSQL with its people: the real program, from the command line.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
    sync::atomic::AtomicBool,
};

use axum::http::StatusCode;
use domain::{clock::Clock, permission::Role};
use server::{
    demo::{self, Plan},
    real::SystemClock,
};
use store::{
    Db,
    testing::{self, Place},
};

use crate::{
    crash::{PROGRAM, Process},
    support::Site,
};

/// A SQLite installation in which much has happened.
async fn lived() -> (Place, Site) {
    let place = Place::empty_sqlite();
    let db = tokio::task::block_in_place(|| {
        let db = Db::open(&place.url(), testing::options()).unwrap();
        let plan = Plan { now: SystemClock.now(), seed: 1, password_hash: "not a hash", size: None };
        demo::build(&db, &plan, &AtomicBool::new(false), |_| {}).unwrap();
        db
    });
    (place, Site::start(db).await)
}

/// An empty PostgreSQL database and its address, with a password in it that nobody asks for.
fn target() -> (Place, String) {
    let place = Place::empty_postgres();
    let url = format!("{}&password=s3cret", place.url());
    (place, url)
}

fn program(source: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--database", source]).args(arguments).env("GOODWORD_LOG", "error");
    command
}

/// Runs the program to its end; its password is never said.
fn run(source: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = program(source, arguments).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(!said.contains("s3cret"), "{said}");
    (status.code(), said)
}

fn expect(source: &str, arguments: &[&str], code: i32, words: &[&str]) {
    let (status, said) = run(source, arguments);
    assert_eq!(status, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn people_go_on_where_they_were() {
    testing::block_on(async {
        let (source, site) = lived().await;
        let partner = site.partner("Mara").await;
        site.won(&partner, "50000").await;
        let wallet = partner.add_wallet(&site).await;
        partner.withdraw("500", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
        let sales = site.staff(Role::Sales).await;
        let balances = site.balances(&partner).await;
        let (letters, wallets) = (site.letters().await, partner.browser.get("/wallets").await);
        let statement = partner.browser.get("/statistics/entries").await.expect(StatusCode::OK);
        site.stop();
        let old = source.url();
        let (place, new) = target();

        // While a server runs there is a rehearsal, of one moment, and nothing else.
        let server = Process::start_with(&old, &[]);
        expect(&old, &["migrate-to", &new], 1, &["is in use", "--rehearse"]);
        expect(&old, &["migrate-to", &new, "--rehearse"], 0, &["click  ", "REHEARSAL", "nothing was kept"]);
        let browser = crate::support::Browser::new(&server.url);
        let fields = [("name", "In the meantime"), ("email", "late@example.net")];
        let late = browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number();
        server.stop();

        expect(
            &old,
            &["migrate-to", &new],
            0,
            &["Done.", "audit chain 0", "GOODWORD_DATABASE", "password=***"],
        );
        expect(&old, &["serve", "--listen", "127.0.0.1:0"], 1, &["has moved to postgres://", "--reopen"]);
        expect(&old, &["migrate-to", &new], 1, &["has moved to", "already"]);
        expect(&new, &["verify"], 0, &["The ledger is sound"]);

        let server = Process::start_with(&new, &[]);
        let after = partner.browser.at(&server.url).get("/statistics/entries").await.expect(StatusCode::OK);
        let plain = |page: &str, url: &str| page.replace(url, "");
        assert_eq!(plain(&after.body, &server.url), plain(&statement.body, partner.browser.base()));
        let browser = partner.browser.at(&server.url);
        assert!(wallets.body.contains(&wallet) && browser.get("/wallets").await.body.contains(&wallet));
        sales.at(&server.url).get(&format!("/office/clients/{late}")).await.expect_text("In the meantime");
        // The same form again is the same withdrawal; the next client has the next number.
        let again = [("amount", "500"), ("wallet", wallet.as_str()), ("request", "r1")];
        browser.post("/withdrawals", &again).await.expect(StatusCode::SEE_OTHER);
        let browser = crate::support::Browser::new(&server.url);
        let next = browser.post("/contact", &fields).await.expect(StatusCode::CREATED).client_number();
        assert_eq!(next, late + 1);
        server.stop();

        let db = tokio::task::block_in_place(|| Db::open(&place.url(), testing::options()).unwrap());
        let site = Site::start(db).await;
        assert_eq!(site.balances(&partner).await, balances);
        let carried = site.letters().await;
        assert!(
            letters.iter().take(100).all(|letter| carried.contains(letter)),
            "a message was lost on the way"
        );
        site.verify().await;
        site.stop();

        // Whoever gives the move up goes on with what was there before it.
        expect(&old, &["migrate-to", "--reopen"], 0, &["Servers start on it again"]);
        expect(&old, &["verify"], 0, &[]);
    });
}

#[test]
fn killed_in_the_middle_it_is_run_again() {
    // The server has been killed, too: what it answered last stands in SQLite's log only.
    let (source, last) = testing::block_on(async {
        let (place, site) = lived().await;
        site.stop();
        let server = Process::start_with(&place.url(), &[]);
        let fields = [("name", "The last one"), ("email", "last@example.net")];
        let answer = crate::support::Browser::new(&server.url).post("/contact", &fields).await;
        server.kill();
        (place, answer.expect(StatusCode::CREATED).client_number())
    });
    let (place, new) = target();
    for moment in ["reading ", "copying client", "copying click", "building ", "comparing deal", "verifying"]
    {
        // Every run but the first meets what the one before has left: an empty database, or it would be refused.
        let mut copying =
            program(&source.url(), &["migrate-to", &new]).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(copying.stderr.take().unwrap()).lines().map(Result::unwrap);
        let reached = said.take_while(|line| !line.starts_with(moment)).collect::<Vec<_>>();
        copying.kill().unwrap();
        let ended = copying.wait().unwrap();
        assert_eq!(ended.code(), None, "it had ended before {moment:?}: {reached:#?}");
    }
    expect(&source.url(), &["migrate-to", &new], 0, &["Done."]);
    expect(&new, &["verify"], 0, &["The ledger is sound"]);
    let db = Db::open(&place.url(), testing::options()).unwrap();
    let deals = db.read_blocking(move |tx| store::deals::of_client(tx, last)).unwrap();
    assert_eq!(deals.len(), 1, "C-{last} was answered and is not in the copy");
    db.close();
}

#[test]
fn what_cannot_be_done_is_said() {
    let sqlite = testing::sqlite();
    sqlite.db.close();
    let (old, used) = (sqlite.url.as_str(), testing::postgres());
    for address in ["mysql://goodword:s3cret@db/goodword", "goodword:s3cret@db"] {
        expect(old, &["migrate-to", address], 2, &["must begin with postgres://"]);
    }
    expect(old, &["migrate-to"], 2, &["--help"]);
    expect(old, &["migrate-to", &used.url], 1, &["holds an installation", "Nothing was moved"]);
    expect(&used.url, &["migrate-to", &used.url], 1, &["no SQLite installation"]);
    expect("sqlite:/nowhere/goodword.db", &["migrate-to", &used.url], 1, &["no database at /nowhere"]);
    let unreachable = "postgres://goodword:s3cret@127.0.0.1:1/goodword";
    expect(old, &["migrate-to", unreachable], 1, &["cannot be reached", "goodword:***@127.0.0.1:1"]);
}
