//! From the start to the first answer, memory at rest, the size of the program and of what a browser loads first.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{On, pages::PAGES, place::Place};
use crate::Plan;
use crate::compare::{Rounds, in_turn};
use crate::goodword::Goodword;
use crate::http::{self, browser_with};
use crate::seed::{self, Seed};
use crate::table::{Report, grouped, megabytes, millis};

/// How often each program is started: starts are short.
const STARTS: u32 = 15;
/// How long a server rests before its memory is looked at.
const REST: Duration = Duration::from_secs(5);
const START_MICROS: i64 = 150_000;
const MEMORY: i64 = 40_000_000;
const SIZE: i64 = 30_000_000;
const WEIGHT: i64 = 60_000;

pub fn measure(plan: &Plan) -> Result<Report> {
    let place = Place::make(plan, "lean", On::Sqlite)?;
    let data = place.database()?;
    let seed = Seed::make(&data.url(), 20, seed::now())?;
    seed.close();
    let url = data.url();
    let start_empty = || Goodword::run(Command::new(&plan.empty).stdin(Stdio::null()));
    let starts = if plan.quick { 2 } else { STARTS };
    let micros = |server: Goodword| -> Result<i64> {
        let micros = i64::try_from(server.first_answer.as_micros())?;
        server.stop()?;
        Ok(micros)
    };
    println!("  starting");
    let again = in_turn(
        starts,
        "µs",
        |_| micros(Goodword::start(plan, &place.folder("server"), &url)?),
        |_| micros(start_empty()?),
    )?;
    let first = in_turn(
        starts,
        "µs",
        |round| {
            let folder = place.folder(&format!("new-{round}"));
            let new = format!("sqlite:{}", folder.join("goodword.db").display());
            micros(Goodword::start(plan, &folder, &new)?)
        },
        |_| micros(start_empty()?),
    )?;
    println!("  resting");
    let server = Goodword::start(plan, &place.folder("server"), &url)?;
    let empty = start_empty()?;
    thread::sleep(REST);
    let rest = (server.memory()?, empty.memory()?);
    let session = format!("gw_session={}", seed.partners[0].session);
    let weights = weights(&server.url, &session)?;
    thread::sleep(REST);
    let used = (server.memory()?, empty.memory()?);
    let sizes = (stripped(&plan.goodword, &place)?, stripped(&plan.empty, &place)?);

    let mut report = Report::default();
    let time = |rounds: &Rounds| [millis(rounds.ours()), millis(rounds.floor())];
    let line = |what: &str, [ours, floor]: [String; 2]| [what.to_owned(), ours, floor];
    let size = |(ours, floor): (i64, i64)| [megabytes(ours), megabytes(floor)];
    report.table(
        ["", "goodword", "empty axum"],
        &[
            line("start of the process to the first answer, median", time(&again)),
            line("the same with an empty data folder (schema made)", time(&first)),
            line("memory (Pss) at rest, 5 s after the start", size(rest)),
            line("memory (Pss) at rest after every page was opened once", size(used)),
            line("the program's file, stripped", size(sizes)),
        ],
    );
    report.aim("150 ms from start to first answer", millis(again.ours()), again.ours() <= START_MICROS);
    report.aim("40 MB of memory at rest", megabytes(used.0), used.0 <= MEMORY);
    report.aim("30 MB of program, stripped", megabytes(sizes.0), sizes.0 <= SIZE);
    let rows: Vec<_> = weights
        .iter()
        .map(|weight| {
            [
                format!("`{}`", weight.path),
                grouped(weight.page),
                grouped(weight.assets),
                grouped(weight.page + weight.assets),
            ]
        })
        .collect();
    report.table(["first load, bytes transferred", "page", "style, script, icon", "together"], &rows);
    let heaviest = weights.iter().map(|weight| weight.page + weight.assets).max().unwrap_or(0);
    report.aim(
        "60 KB for any first page load",
        format!("{} bytes at most", grouped(heaviest)),
        heaviest <= WEIGHT,
    );
    server.stop()?;
    empty.stop()?;
    Ok(report)
}

struct Weight {
    path: &'static str,
    page: i64,
    assets: i64,
}

fn weights(base: &str, session: &str) -> Result<Vec<Weight>> {
    let mut all = Vec::new();
    for (path, signed_in) in PAGES {
        let mut plain = browser_with(&[]);
        if signed_in {
            plain.push(("Cookie".to_owned(), session.to_owned()));
        }
        let html = String::from_utf8_lossy(&http::get(base, path, &plain)?.body).into_owned();
        let mut gzip = plain;
        gzip.push(("Accept-Encoding".to_owned(), "gzip".to_owned()));
        let load = |path: &str| Ok::<_, anyhow::Error>(i64::try_from(http::get(base, path, &gzip)?.bytes())?);
        let page = load(path)?;
        let mut assets = 0;
        for address in loaded_with(&html) {
            assets += load(address).with_context(|| format!("what {path} loads"))?;
        }
        all.push(Weight { path, page, assets });
    }
    Ok(all)
}

/// The addresses that a browser loads with a page: style sheets, scripts, icons, pictures; each once.
fn loaded_with(html: &str) -> BTreeSet<&str> {
    let tags = html.split('<').filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    let attribute = |tag: &'static str, name: &'static str| (tag, name);
    let kinds = [attribute("link ", "href"), attribute("script ", "src"), attribute("img ", "src")];
    tags.flat_map(|tag| {
        kinds.iter().filter_map(move |(kind, name)| {
            let (_, after) = tag.strip_prefix(kind)?.split_once(&format!("{name}=\""))?;
            after.split('"').next().filter(|address| address.starts_with('/'))
        })
    })
    .collect()
}

/// The size of a program without its symbols.
fn stripped(program: &Path, place: &Place) -> Result<i64> {
    let to = place.folder("stripped");
    let status = Command::new("strip").arg("-o").arg(&to).arg(program).status();
    let status = status.context("`strip` could not be started: install the package binutils")?;
    anyhow::ensure!(status.success(), "`strip` ended with {status}");
    Ok(i64::try_from(to.metadata()?.len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_loads_is_found() {
        let html = r#"<link rel="icon" href="/assets/icon.1.svg" type="image/svg+xml">
            <link rel="stylesheet" href="/assets/app.2.css"><script type="module" src="/assets/app.3.js"></script>
            <a href="/sign-in">Sign in</a><img src="/assets/icon.1.svg" alt=""><img src="data:image/png,">"#;
        let found: Vec<_> = loaded_with(html).into_iter().collect();
        assert_eq!(found, ["/assets/app.2.css", "/assets/app.3.js", "/assets/icon.1.svg"]);
    }
}
