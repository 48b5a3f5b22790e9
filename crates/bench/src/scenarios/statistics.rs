//! Statistics of a partner with a million clients and ten million clicks, beside those of a small one in the same database.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rusqlite::Connection;

use super::{On, place::Place};
use crate::Plan;
use crate::compare::{Ratio, in_turn};
use crate::effect::{About, Snapshot, Statement};
use crate::goodword::{Data, Goodword};
use crate::http::{self, browser_with};
use crate::load::{self, Asked};
use crate::replay::Replay;
use crate::seed::{self, Seed};
use crate::table::{Report, grouped, megabytes, millis};

/// How many times its time the large partner's page may take, in thousandths.
const MOST: Ratio = Ratio(1_300);
const SMALL: i64 = 1_000;
/// How many clicks are written in one transaction.
const BATCH: i64 = 500_000;

pub fn measure(plan: &Plan) -> Result<Report> {
    let place = Place::make(plan, "statistics", On::Sqlite)?;
    let data = place.database()?;
    let (clients, clicks) = (plan.scaled(1_000_000, 5_000), plan.scaled(10_000_000, 50_000));
    let now = seed::now();
    let mut seed = Seed::make(&data.url(), 20, now)?;
    let click = click(plan, &place, now)?;
    let (large, small) = (seed.partners[0].clone(), seed.partners[1].clone());
    seed.clients_of(std::slice::from_ref(&small), SMALL, "clients of the small partner")?;
    seed.clients_of(std::slice::from_ref(&large), clients, "clients of the large partner")?;
    seed.year_of(&small, SMALL)?;
    seed.year_of(&large, clicks)?;
    seed.close();
    let file = match &data {
        Data::Sqlite(file) => Connection::open(file)?,
        Data::Postgres(_) => anyhow::bail!("this is measured on SQLite"),
    };
    let mut next = 1;
    write_clicks(&file, Replay::new(click.clone(), vec![small.id.clone()]), &mut next, SMALL)?;
    write_clicks(&file, Replay::new(click, vec![large.id.clone()]), &mut next, clicks)?;
    drop(file);
    let bytes = data.bytes()?;

    let server = Goodword::start(plan, &place.folder("server"), &data.url())?;
    let page = |session: &str| {
        Asked::page("/statistics", browser_with(&[("Cookie", &format!("gw_session={session}"))]))
    };
    let (large, small) = (page(&large.session), page(&small.session));
    for asked in [&large, &small] {
        let answer = http::get(&server.url, &asked.path, &asked.headers)?;
        ensure!(answer.status == 200, "Statistics was answered with {}", answer.status);
    }
    let time = |asked: &Asked, connections: u32| {
        let outcome = load::flat_out(plan, &server.url, asked, connections, plan.time)?.flawless()?;
        Ok(outcome.micros * i64::from(connections) / outcome.answers.max(1))
    };
    println!("  one reader at a time");
    let alone = in_turn(plan.rounds, "µs a page", |_| time(&large, 1), |_| time(&small, 1))?;
    println!("  64 readers at once");
    let crowd = in_turn(plan.rounds, "µs a page", |_| time(&large, 64), |_| time(&small, 64))?;
    let memory = server.memory()?;
    server.stop()?;
    let mut report = Report::default();
    let row = |what: &str, rounds: &crate::compare::Rounds| {
        [what.to_owned(), millis(rounds.ours()), millis(rounds.floor()), rounds.text()]
    };
    let large = format!("{} clients, {} clicks", grouped(clients), grouped(clicks));
    let small = format!("{} clients, {} clicks", grouped(SMALL), grouped(SMALL));
    report.table(
        ["time of `/statistics`", large.as_str(), small.as_str(), "ratio"],
        &[row("one reader at a time", &alone), row("64 readers at once", &crowd)],
    );
    let aim = format!("at most {MOST} times the time of the small partner's page");
    report.aim(&aim, alone.text(), alone.median() <= MOST);
    report.say(format!(
        "The database: {} on disk. Memory of the server afterwards: {}.",
        megabytes(bytes),
        megabytes(memory)
    ));
    Ok(report)
}

/// What one click writes, seen in a small database with a server at work.
fn click(plan: &Plan, place: &Place, now: domain::clock::Timestamp) -> Result<Vec<Statement>> {
    let file = place.folder("small.db");
    let data = Data::Sqlite(file.clone());
    let seed = Seed::make(&data.url(), 2, now)?;
    seed.close();
    let before = Snapshot::take(&file)?;
    let server = Goodword::start(plan, &place.folder("small"), &data.url())?;
    let path = format!("/r/{}", seed.partners[0].code);
    let headers = browser_with(&[("Referer", "https://blog.example/post")]);
    http::get(&server.url, &path, &headers)?;
    let until = Instant::now() + Duration::from_secs(10);
    while data.clicks()? == 0 && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    server.stop()?;
    let about = About { partner: &seed.partners[0].id, subjects: vec![] };
    let mut effect = before.until(&Snapshot::take(&file)?, &about)?;
    effect.retain(|statement| statement.table == "click");
    ensure!(effect.len() == 1, "a click has written {} rows of clicks", effect.len());
    Ok(effect)
}

fn write_clicks(file: &Connection, replay: Replay, next: &mut i64, count: i64) -> Result<()> {
    // Nothing is lost that couldn't be made again.
    file.execute_batch("PRAGMA synchronous=OFF; PRAGMA cache_size=-262144")?;
    let mut statements = replay.on(file)?;
    let mut done = 0;
    while done < count {
        let batch = BATCH.min(count - done);
        file.execute_batch("BEGIN")?;
        for _ in 0..batch {
            statements.play(*next)?;
            *next += 1;
        }
        file.execute_batch("COMMIT")?;
        done += batch;
        println!("  clicks: {done} of {count}");
    }
    Ok(())
}
