//! Two servers on one PostgreSQL beside one, with the same load.

use anyhow::{Result, ensure};

use super::{On, clicks, place::Place};
use crate::Plan;
use crate::compare::{Ratio, in_turn};
use crate::goodword::{self, Goodword};
use crate::http::browser_with;
use crate::load::{self, Asked, CONNECTIONS};
use crate::seed::{self, Seed};
use crate::table::{Report, row};

/// What two servers should do of what one does.
const LEAST: Ratio = Ratio(1_600);

pub fn measure(plan: &Plan) -> Result<Report> {
    let place = Place::make(plan, "two-servers", On::Postgres)?;
    let data = place.database()?;
    let mut seed = Seed::make(&data.url(), 100, seed::now())?;
    let first = seed.last.1 + 1;
    let a_side = 3_000 * i64::try_from(plan.time.as_secs())?;
    let deals = 2 * a_side * i64::from(plan.rounds);
    seed.pending(deals, "pending deals")?;
    seed.close();
    let asked = clicks::links(&seed);
    let one = Goodword::start(plan, &place.folder("one"), &data.url())?;
    let two = Goodword::start(plan, &place.folder("two"), &data.url())?;
    let at_one = |asked: &Asked| load::flat_out(plan, &one.url, asked, CONNECTIONS, plan.time)?.flawless();
    // Half of the connections to each.
    let at_both = |left: &Asked, right: &Asked| {
        let running = load::start(plan, &one.url, left, CONNECTIONS / 2, plan.time)?;
        let other = load::start(plan, &two.url, right, CONNECTIONS / 2, plan.time)?.outcome()?.flawless()?;
        Ok::<_, anyhow::Error>((running.outcome()?.flawless()?, other))
    };
    println!("  referral links");
    let links = in_turn(
        plan.rounds,
        "requests/s",
        |_| at_both(&asked, &asked).map(|(left, right)| left.rate() + right.rate()),
        |_| Ok(at_one(&asked)?.rate()),
    )?;
    println!("  winning deals");
    let session = format!("gw_session={}", seed.staff_session);
    let wins = |base: &str, first: i64, last: i64| Asked {
        method: "POST",
        path: "/office/deals/#/win".to_owned(),
        body: "amount=1240.00".to_owned(),
        headers: browser_with(&[("Origin", base), ("Sec-Fetch-Site", "same-origin"), ("Cookie", &session)]),
        words: vec![],
        numbers: (first, last),
    };
    // Each side of each round has deals of its own.
    let part = |round: u32, side: i64| first + (2 * i64::from(round) + side) * a_side;
    let wins = in_turn(
        plan.rounds,
        "deals/s",
        |round| {
            let (from, half) = (part(round, 0), a_side / 2);
            let left = wins(&one.url, from, from + half - 1);
            let right = wins(&two.url, from + half, from + a_side - 1);
            at_both(&left, &right).map(|(left, right)| left.rate() + right.rate())
        },
        |round| Ok(at_one(&wins(&one.url, part(round, 1), part(round, 1) + a_side - 1))?.rate()),
    )?;
    one.stop()?;
    two.stop()?;
    println!("  verifying the ledger");
    let sound = goodword::verify(plan, &place.folder("one"), &data.url())?;
    ensure!(data.clicks()? > 0, "no click was stored");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut report = Report::default();
    report.table(
        ["64 connections", "two servers", "one server", "ratio"],
        &[row("`GET /r/<code>`, requests/s", &links), row("winning deals, deals/s", &wins)],
    );
    for (what, rounds) in [("referral links", &links), ("won deals", &wins)] {
        let aim = format!("{what}: two servers do at least {LEAST} of what one does");
        report.aim(&aim, rounds.text(), rounds.median() >= LEAST);
    }
    report.say(format!(
        "Both servers, PostgreSQL and the generator share {cores} cores here; two servers can only do more than one \
         where a single one leaves cores unused."
    ));
    report.aim("money invariants hold (`goodword verify`)", if sound { "sound" } else { "findings" }, sound);
    Ok(report)
}
