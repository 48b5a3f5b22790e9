//! Addresses that cannot be used are refused in a sentence, within a bounded time.

use std::time::{Duration, Instant};

use store::testing::{self, Place};
use store::{Db, DbError, Dialect, Options};

fn refusal(url: &str) -> DbError {
    Db::open(url, Options { patience: Duration::from_millis(300), ..testing::options() }).unwrap_err()
}

#[test]
fn an_address_of_another_kind_is_refused() {
    for url in ["", "mysql://root@localhost/goodword", "/var/lib/goodword.db", "sqlite:", "sqlite::memory:"] {
        assert!(matches!(refusal(url), DbError::Open(_)), "{url}");
    }
    for url in ["postgres://localhost:port/x", "postgres://localhost/x?colour=red"] {
        assert!(matches!(refusal(url), DbError::Open(_)), "{url}");
    }
}

#[test]
fn a_missing_directory_is_named() {
    let error = refusal("sqlite:/nowhere/at/all/goodword.db");
    assert!(
        matches!(&error, DbError::Open(sentence) if sentence.contains("/nowhere/at/all/goodword.db")),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let place = Place::empty_sqlite();
    let url = place.url();
    let file = url.strip_prefix("sqlite:").unwrap();
    std::fs::write(file, "Dear diary, today I was opened by a database. ".repeat(50)).unwrap();
    let error = refusal(&url);
    assert!(matches!(&error, DbError::Open(sentence) if sentence.contains(file)), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_unavailable_soon() {
    let begun = Instant::now();
    let error = refusal("postgres:///goodword?user=goodword&host=/nowhere/at/all");
    assert!(matches!(error, DbError::Unavailable(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_server_that_says_nothing_is_unavailable_soon() {
    // It takes the connection and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let begun = Instant::now();
    let error = refusal(&format!("postgres://goodword@127.0.0.1:{port}/goodword"));
    assert!(matches!(error, DbError::Unavailable(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_database_that_is_not_there_is_told_at_once() {
    let place = Place::empty_postgres();
    let url = place.url().replace("/test_", "/missing_");
    let begun = Instant::now();
    let patient = Options { patience: Duration::from_secs(60), ..testing::options() };
    let error = Db::open(&url, patient).unwrap_err();
    assert!(matches!(&error, DbError::Unavailable(reason) if reason.contains("missing_")), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn each_database_knows_its_kind() {
    assert_eq!(testing::sqlite().db.dialect(), Dialect::Sqlite);
    assert_eq!(testing::postgres().db.dialect(), Dialect::Postgres);
}
