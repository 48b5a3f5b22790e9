//! `GET /r/<code>`: each click is on disk before the redirect answers.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{On, place::Place};
use crate::Plan;
use crate::compare::{Ratio, in_turn, median};
use crate::floor::Constant;
use crate::goodword::{Data, Goodword};
use crate::http::{self, browser_with};
use crate::load::{self, Asked, CONNECTIONS, Latency};
use crate::seed::{self, Seed};
use crate::table::{Report, grouped, megabytes, millis, row};

/// How long clicks that were answered may take to be seen in the database after a restart.
const TAKEN_IN: Duration = Duration::from_secs(20);
/// The aim at half load.
const P99_MICROS: i64 = 10_000;

/// Links of many partners, as browsers follow them.
pub fn links(seed: &Seed) -> Asked {
    Asked {
        path: "/r/@".to_owned(),
        words: seed.codes(),
        ..Asked::page("", browser_with(&[("Referer", "https://blog.example/post")]))
    }
}

pub fn measure(plan: &Plan, on: On) -> Result<Report> {
    let place = Place::make(plan, "click", on)?;
    let data = place.database()?;
    println!("  making partners");
    let seed = Seed::make(&data.url(), plan.scaled(200, 50), seed::now())?;
    seed.close();
    let bytes_before = data.bytes()?;
    let asked = links(&seed);

    let server = Goodword::start(plan, &place.folder("server"), &data.url())?;
    let answer = http::get(&server.url, &asked.path.replace('@', &asked.words[0]), &asked.headers)?;
    ensure!(answer.status == 302, "a referral link was answered with {}", answer.status);
    let floor = Constant::like(&answer)?;

    for url in [&server.url, &floor.url] {
        load::flat_out(plan, url, &asked, CONNECTIONS, Duration::from_secs(1))?;
    }
    let (stored_before, mut answered) = (data.clicks()?, 0);
    let rounds = in_turn(
        plan.rounds,
        "requests/s",
        |_| {
            let outcome = load::flat_out(plan, &server.url, &asked, CONNECTIONS, plan.time)?.flawless()?;
            answered += outcome.answers;
            Ok(outcome.rate())
        },
        |_| Ok(load::flat_out(plan, &floor.url, &asked, CONNECTIONS, plan.time)?.flawless()?.rate()),
    )?;
    let stored = data.clicks()? - stored_before;
    let rate = rounds.ours() / 2;
    let (ours, floors) = latencies(plan, &server.url, &floor.url, &asked, rate)?;
    let memory = server.memory()?;
    let crash = crash(plan, &place, &data, server, &asked)?;
    let clicks = data.clicks()?;
    let bytes = (data.bytes()? - bytes_before) / clicks.max(1);

    let least = if on == On::Sqlite { Ratio(600) } else { Ratio(450) };
    let mut report = Report::default();
    report.table(
        [
            "64 connections, as fast as answers come",
            "goodword, requests/s",
            "constant 302, requests/s",
            "ratio",
        ],
        &[row("`GET /r/<code>`", &rounds)],
    );
    report.share("redirects with the click on disk", least, &rounds);
    let latency_row = |who: &str, latency: Latency| {
        [who.to_owned(), millis(latency.p50), millis(latency.p99), millis(latency.p999)]
    };
    let head = format!("latency at {} requests/s (half of that)", grouped(rate));
    report.table(
        [head.as_str(), "p50", "p99", "p99.9"],
        &[latency_row("goodword", ours), latency_row("constant 302", floors)],
    );
    report.aim("p99 below 10 ms at half load", millis(ours.p99), ours.p99 < P99_MICROS);
    report.table(
        ["clicks", "answered", "in the database", "lost"],
        &[
            [
                "under load".to_owned(),
                grouped(answered),
                grouped(stored),
                grouped((answered - stored).max(0)),
            ],
            [
                "killed (`kill -9`) under load".to_owned(),
                grouped(crash.0),
                grouped(crash.1),
                grouped(crash.lost()),
            ],
        ],
    );
    report.aim("no answered click lost at kill -9", grouped(crash.lost()), crash.lost() == 0);
    report.say(format!(
        "Memory after the load: {}. Disk: {} bytes a click ({} clicks).",
        megabytes(memory),
        grouped(bytes),
        grouped(clicks)
    ));
    Ok(report)
}

/// Both sides at the same fixed rate in turn; of each percentile the median of all rounds.
fn latencies(plan: &Plan, ours: &str, floor: &str, asked: &Asked, rate: i64) -> Result<(Latency, Latency)> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        for (url, all) in [(ours, &mut a), (floor, &mut b)] {
            all.push(load::at_rate(plan, url, asked, rate, plan.time)?.flawless()?.latency);
        }
        println!(
            "  at {rate} requests/s, round {round} of {}: p99 {}, floor {}",
            plan.rounds,
            millis(a.last().map_or(0, |latency| latency.p99)),
            millis(b.last().map_or(0, |latency| latency.p99))
        );
    }
    let middle = |all: &[Latency]| -> Option<Latency> {
        let of = |pick: fn(&Latency) -> i64| median(all.iter().map(pick));
        Some(Latency { p50: of(|l| l.p50)?, p99: of(|l| l.p99)?, p999: of(|l| l.p999)? })
    };
    middle(&a).zip(middle(&b)).context("no latency was measured")
}

/// How many clicks were answered before a crash and how many were found afterwards.
struct Crash(i64, i64);

impl Crash {
    /// What was answered and is gone. What was stored but not answered any more is no loss.
    fn lost(&self) -> i64 {
        (self.0 - self.1).max(0)
    }
}

fn crash(plan: &Plan, place: &Place, data: &Data, server: Goodword, asked: &Asked) -> Result<Crash> {
    println!("  kill -9 under load");
    let before = data.clicks()?;
    let time = plan.time.max(Duration::from_secs(2));
    let running = load::start(plan, &server.url, asked, CONNECTIONS, time)?;
    thread::sleep(time / 2);
    server.kill()?;
    let answered = running.outcome()?.answers;
    ensure!(answered > 0, "no click was answered before the server was killed");
    let again = Goodword::start(plan, &place.folder("server"), &data.url())?;
    let until = Instant::now() + TAKEN_IN;
    let mut stored = data.clicks()? - before;
    while stored < answered && Instant::now() < until {
        thread::sleep(Duration::from_millis(100));
        stored = data.clicks()? - before;
    }
    again.stop()?;
    Ok(Crash(answered, stored))
}
