//! Files of hundreds of thousands of rows: whole and in order while new rows arrive, and never in memory at once. The real
//! program, in a process of its own, so that its memory is its own too.

use std::fs;

use axum::http::StatusCode;
use store::{Db, DbError, params, testing};

use crate::{
    crash::Process,
    support::{Browser, Site},
};

/// How many deals the partner has.
const DEALS: i64 = 300_000;
/// What the program may need more while it sends a file, in kilobytes. All rows at once would be several times that.
const MORE_KB: u64 = 110_000;

/// The most memory that a process has needed so far, in kilobytes.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Deals of a partner, and a client for each, written by the database itself.
fn fill(db: &Db, partner_id: String, first: i64, count: i64) {
    // The server is another process, which may hold the database for a while on a busy machine.
    let mut turns = 0;
    while let Err(error) = try_to_fill(db, partner_id.clone(), first, count) {
        turns += 1;
        assert!(matches!(error, DbError::Busy) && turns < 10, "{error}");
    }
}

fn try_to_fill(db: &Db, partner_id: String, first: i64, count: i64) -> Result<(), DbError> {
    db.write_bulk_blocking(move |tx| {
        let numbers = "WITH RECURSIVE n (i) AS (
            SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST($2 AS BIGINT))";
        let values = params![first, first + count, &partner_id].to_vec();
        tx.exec(
            &format!(
                "INSERT INTO client (number, name, email, phone, telegram, message, partner_id, created_at, search,
                    has_words)
                 {numbers} SELECT i, 'Client ' || i, '', '', '', '', $3, i, ' client', 1 FROM n"
            ),
            &values,
        )?;
        tx.exec(
            &format!(
                "INSERT INTO deal (number, client_number, title, status, partner_id, created_at, changed_at,
                    client_search)
                 {numbers} SELECT i, i, '', 'pending', $3, i, i, 'client ' || i FROM n"
            ),
            &values,
        )?;
        Ok::<_, DbError>(())
    })
}

/// Reads the file of the partner's clients, with something to do after each piece; the client numbers in it.
async fn download(browser: &Browser, mut meanwhile: impl FnMut()) -> Vec<i64> {
    let mut answer = browser.stream("/statistics/clients.csv").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let (mut left, mut numbers) = (String::new(), Vec::new());
    while let Some(piece) = answer.chunk().await.expect("the file doesn't break off") {
        left.push_str(std::str::from_utf8(&piece).unwrap());
        let (lines, rest) = left.rsplit_once('\n').unwrap_or(("", &left));
        for line in lines.lines() {
            let cell = line.split(',').next().unwrap();
            numbers.extend(cell.strip_prefix("C-").map(|number| number.parse::<i64>().unwrap()));
        }
        left = rest.to_owned();
        meanwhile();
    }
    numbers
}

async fn a_long_file(database: &str) {
    let open = || tokio::task::block_in_place(|| Db::open(database, testing::options()).unwrap());
    let site = Site::start(open()).await;
    let partner = site.partner("Mara").await;
    site.stop();
    let db = open();
    let id = partner.id.clone();
    tokio::task::block_in_place(|| fill(&db, id.clone(), 10_000, DEALS));

    let process = Process::start_with(database, &[]);
    let browser = partner.browser.at(&process.url);
    browser.get("/statistics").await.expect(StatusCode::OK);
    let before = peak(process.id());
    let mut next = 10_000 + DEALS;
    let numbers = download(&browser, || {
        // New clients arrive all the time.
        if next < 10_000 + DEALS + 200 {
            tokio::task::block_in_place(|| fill(&db, id.clone(), next, 1));
            next += 1;
        }
    })
    .await;
    let more = peak(process.id()) - before;
    assert!(more < MORE_KB, "{more} kB more were needed for {} rows", numbers.len());
    assert!(numbers.windows(2).all(|pair| pair[0] > pair[1]), "newest first, none twice");
    let old: Vec<i64> = numbers.into_iter().filter(|number| *number < 10_000 + DEALS).collect();
    assert!(old.into_iter().eq((10_000..10_000 + DEALS).rev()), "every row that was there is in the file");

    // Somebody gives up in the middle; everybody else is served, and the next file is whole.
    let mut given_up = browser.stream("/statistics/clients.csv").await;
    given_up.chunk().await.unwrap().expect("a first piece");
    drop(given_up);
    browser.get("/statistics").await.expect(StatusCode::OK);
    assert!(download(&browser, || {}).await.len() as i64 >= DEALS);
    process.stop();
    tokio::task::block_in_place(|| db.close());
}

#[test]
fn a_file_of_many_rows_is_not_held_in_memory_sqlite() {
    let test = testing::sqlite();
    testing::block_on(a_long_file(&test.url));
}

#[test]
fn a_file_of_many_rows_is_not_held_in_memory_postgres() {
    let test = testing::postgres();
    testing::block_on(a_long_file(&test.url));
}
