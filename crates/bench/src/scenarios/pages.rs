//! Pages that people open, beside constant HTML of the same size.

use anyhow::{Result, ensure};

use super::{On, place::Place};
use crate::Plan;
use crate::compare::{Ratio, in_turn};
use crate::floor::Constant;
use crate::goodword::Goodword;
use crate::http::{self, browser_with};
use crate::load::{self, Asked, CONNECTIONS};
use crate::seed::{self, Seed};
use crate::table::{Report, grouped, row};

/// The pages, and whether they need a session.
pub const PAGES: [(&str, bool); 9] = [
    ("/", false),
    ("/sign-in", false),
    ("/sign-up", false),
    ("/contact", false),
    ("/link", true),
    ("/statistics", true),
    ("/statistics/entries", true),
    ("/account", true),
    ("/guide", true),
];
const LEAST: Ratio = Ratio(500);
/// There are many pages, and each request of one costs the same: they are loaded for a fraction of the time.
const FRACTION: u32 = 5;

pub fn measure(plan: &Plan) -> Result<Report> {
    let place = Place::make(plan, "pages", On::Sqlite)?;
    let data = place.database()?;
    println!("  making partners");
    let mut seed = Seed::make(&data.url(), 20, seed::now())?;
    let first = [seed.partners[0].clone()];
    seed.clients_of(&first, 200, "clients of the partner who looks")?;
    seed.year_of(&first[0], 3_650)?;
    seed.close();
    let server = Goodword::start(plan, &place.folder("server"), &data.url())?;
    let session = format!("gw_session={}", first[0].session);
    let mut report = Report::default();
    for gzip in [false, true] {
        let mut rows = Vec::new();
        for (path, signed_in) in PAGES {
            let mut headers = browser_with(if gzip { &[("Accept-Encoding", "gzip")] } else { &[] });
            if signed_in {
                headers.push(("Cookie".to_owned(), session.clone()));
            }
            let answer = http::get(&server.url, path, &headers)?;
            ensure!(answer.status == 200, "{path} was answered with {}", answer.status);
            let floor = Constant::like(&answer)?;
            let asked = Asked::page(path, headers);
            println!("  {path}, {} bytes{}", answer.body.len(), if gzip { " gzipped" } else { "" });
            let time = plan.time / FRACTION;
            let side =
                |url: &str| Ok(load::flat_out(plan, url, &asked, CONNECTIONS, time)?.flawless()?.rate());
            let rounds = in_turn(plan.rounds, "requests/s", |_| side(&server.url), |_| side(&floor.url))?;
            let size = grouped(i64::try_from(answer.body.len())?);
            rows.push((row(&format!("`{path}`, {size} bytes"), &rounds), path, rounds));
        }
        let how = if gzip { "as a browser asks: gzipped for each answer" } else { "plain" };
        let cells: Vec<_> = rows.iter().map(|(cells, ..)| cells.clone()).collect();
        report.table([how, "goodword, requests/s", "constant HTML, requests/s", "ratio"], &cells);
        let all: Vec<_> = rows.iter().map(|(_, path, rounds)| (*path, rounds)).collect();
        report.each_share(if gzip { "pages, gzipped" } else { "pages, plain" }, LEAST, &all);
    }
    server.stop()?;
    Ok(report)
}
