//! What people send: the contact form, and winning a deal. One durable transaction each, beside the same rows written by a
//! bare loop.

use anyhow::{Context, Result, ensure};

use super::{On, place::Place};
use crate::Plan;
use crate::compare::{Ratio, Rounds, in_turn};
use crate::effect::{About, Snapshot, Statement};
use crate::floor::{Behind, Target, bare};
use crate::goodword::{self, Data, Goodword};
use crate::http::{self, Answer, browser_with};
use crate::load::{self, Asked, CONNECTIONS};
use crate::replay::Replay;
use crate::seed::{self, Seed};
use crate::table::{Report, grouped, megabytes, row};

/// The partners whom the load is spread over.
const PARTNERS: i64 = 100;
/// How many times the forms' numbers of one round are apart from those of the next.
const APART: i64 = 10_000_000;
/// The share of the floor that is aimed at.
const LEAST: Ratio = Ratio(500);

/// A database for the server, copies of it for the floors, and what one form writes.
struct Ground {
    place: Place,
    data: Data,
    seed: Seed,
    /// Before the pending deals.
    before: (i64, i64),
    floor: Data,
    behind: Option<Data>,
    replay: Replay,
}

impl Ground {
    /// `act` is done once in a small copy on SQLite, to see what it writes.
    fn make(
        plan: &Plan,
        on: On,
        pending: i64,
        subjects: impl Fn(&Seed) -> Vec<(&'static str, i64)>,
        act: impl Fn(&Seed) -> Result<()>,
    ) -> Result<Ground> {
        let place = Place::make(plan, &format!("forms-{pending}"), on)?;
        let data = place.database()?;
        let now = seed::now();
        println!("  making {PARTNERS} partners");
        let mut seed = Seed::make(&data.url(), PARTNERS, now)?;
        let before = seed.last;
        let effect = record(&place, now, pending, subjects, act)?;
        if pending > 0 {
            seed.pending(pending, "pending deals")?;
        }
        seed.close();
        let floor = place.copy(&data, "floor.db")?;
        let behind = (on == On::Sqlite).then(|| place.copy(&data, "behind.db")).transpose()?;
        let replay = Replay::new(effect, seed.partner_ids());
        Ok(Ground { place, data, seed, before, floor, behind, replay })
    }

    fn start(&self, plan: &Plan) -> Result<Goodword> {
        Goodword::start(plan, &self.place.folder("server"), &self.data.url())
    }

    fn target(&self) -> Target {
        match &self.floor {
            Data::Sqlite(file) => Target::Sqlite(file.clone()),
            Data::Postgres(database) => Target::Postgres(database.url()),
        }
    }

    /// Measures the server, the bare loop and, on SQLite, the bare loop behind axum, in turn.
    fn measure(
        &self,
        plan: &Plan,
        unit: &str,
        most: i64,
        said: &Answer,
        mut ours: impl FnMut(u32, &str) -> Result<i64>,
        server: &Goodword,
    ) -> Result<(Rounds, Option<Rounds>)> {
        let behind = match &self.behind {
            Some(Data::Sqlite(file)) => Some(Behind::start(file, self.replay.clone(), 0, said)?),
            _ => None,
        };
        let target = self.target();
        let (mut next, mut behinds) = (0, Vec::new());
        let form = Asked {
            method: "POST",
            path: "/#".to_owned(),
            body: "name=Client+#&message=We+would+like+an+offer+for+twelve+seats.".to_owned(),
            numbers: (1, APART),
            ..Asked::default()
        };
        let rounds = in_turn(
            plan.rounds,
            unit,
            |round| ours(round, &server.url),
            |_| {
                let rate = bare(&target, &self.replay, &mut next, most, plan.time)?;
                if let Some(behind) = &behind {
                    let form = Asked { numbers: (1, most), ..form.clone() };
                    let outcome =
                        load::flat_out(plan, &behind.floor.url, &form, CONNECTIONS, plan.time)?.flawless()?;
                    println!("    the bare loop behind axum: {} {unit}", outcome.rate());
                    behinds.push(outcome.rate());
                }
                Ok(rate)
            },
        )?;
        let behind = (!behinds.is_empty()).then(|| Rounds { ours: rounds.ours.clone(), floor: behinds });
        Ok((rounds, behind))
    }
}

/// Does something once in a small database and sees what it has written.
fn record(
    place: &Place,
    now: domain::clock::Timestamp,
    pending: i64,
    subjects: impl Fn(&Seed) -> Vec<(&'static str, i64)>,
    act: impl Fn(&Seed) -> Result<()>,
) -> Result<Vec<Statement>> {
    let file = place.folder("small.db");
    let mut small = Seed::make(&format!("sqlite:{}", file.display()), PARTNERS, now)?;
    let subjects = subjects(&small);
    if pending > 0 {
        small.pending(1, "a deal to look at")?;
    }
    let before = Snapshot::take(&file)?;
    act(&small)?;
    let about = About { partner: &small.partners[0].id, subjects };
    let effect = before.until(&Snapshot::take(&file)?, &about)?;
    small.close();
    let mut tables: Vec<&str> = effect.iter().map(|statement| statement.table.as_str()).collect();
    tables.dedup();
    println!("  it writes {} rows: {}", effect.len(), tables.join(", "));
    ensure!(!effect.is_empty(), "nothing was written");
    Ok(effect)
}

fn report(what: &str, unit: &str, rounds: &Rounds, behind: Option<&Rounds>, written: usize) -> Report {
    let mut report = Report::default();
    let mut rows =
        vec![row(&format!("the same {written} rows by a bare loop, {CONNECTIONS} to a commit"), rounds)];
    rows.extend(
        behind.map(|behind| row("that loop behind axum, the forms by HTTP from 64 connections", behind)),
    );
    let ours = format!("goodword, {unit}");
    let floor = format!("floor, {unit}");
    report.table(["beside", ours.as_str(), floor.as_str(), "ratio"], &rows);
    report.share(&format!("{what} beside the bare loop"), LEAST, rounds);
    report
}

/// `POST /contact`.
pub fn contact(plan: &Plan, on: On) -> Result<Report> {
    let ground = Ground::make(plan, on, 0, |_| vec![], |seed| seed.receive(1))?;
    let bytes_before = ground.data.bytes()?;
    let server = ground.start(plan)?;
    let asked = Asked {
        method: "POST",
        path: "/contact".to_owned(),
        body: "name=Client+#&email=client-#%40example.net&phone=%2B49+30+1234567&telegram=&\
               message=We+would+like+an+offer+for+twelve+seats.&code=@&via=link&leave_empty=&\
               submission=00000000-0000-7000-8000-of-form-#"
            .to_owned(),
        headers: browser_with(&[("Origin", &server.url), ("Sec-Fetch-Site", "same-origin")]),
        words: ground.seed.codes(),
        numbers: (1, 1),
    };
    let said = http::post(
        &server.url,
        &asked.path,
        &with_form(&asked.headers),
        &asked.body.replace('#', "0").replace('@', &asked.words[0]),
    )?;
    ensure!(said.status == 201, "the form was answered with {}", said.status);
    let clients_before = ground.data.number("SELECT COUNT(*) FROM client")?;
    let mut answered = 0;
    let ours = |round: u32, url: &str| {
        let first = APART * (i64::from(round) + 1);
        let asked = Asked { numbers: (first, first + APART - 1), ..asked.clone() };
        let outcome = load::flat_out(plan, url, &asked, CONNECTIONS, plan.time)?.flawless()?;
        answered += outcome.answers;
        Ok(outcome.rate())
    };
    let (rounds, behind) = ground.measure(plan, "forms/s", i64::MAX / 2, &said, ours, &server)?;
    let memory = server.memory()?;
    server.stop()?;
    let clients = ground.data.number("SELECT COUNT(*) FROM client")? - clients_before;
    let bytes = (ground.data.bytes()? - bytes_before) / (clients + 1).max(1);
    let mut report =
        report("contact forms", "forms/s", &rounds, behind.as_ref(), ground.replay.statements.len());
    report.aim(
        "every answered form is a client",
        format!("{} answered, {} clients", grouped(answered), grouped(clients)),
        clients >= answered,
    );
    report.say(format!(
        "Memory after the load: {}. Disk: {} bytes a client, with deal, history and the notice to the partner.",
        megabytes(memory),
        grouped(bytes)
    ));
    Ok(report)
}

/// `POST /office/deals/{n}/win`.
pub fn win(plan: &Plan, on: On) -> Result<Report> {
    let a_second = if on == On::Sqlite { 6_000 } else { 3_000 };
    let a_round = a_second * i64::try_from(plan.time.as_secs())?;
    let deals = a_round * i64::from(plan.rounds);
    let ground = Ground::make(
        plan,
        on,
        deals,
        |seed| vec![("deal", seed.last.1 + 1), ("client", seed.last.0 + 1)],
        |seed| seed.win(seed.last.1),
    )?;
    let bytes_before = ground.data.bytes()?;
    let server = ground.start(plan)?;
    let session = format!("gw_session={}", ground.seed.staff_session);
    let asked = Asked {
        method: "POST",
        path: "/office/deals/#/win".to_owned(),
        body: "amount=1240.00".to_owned(),
        headers: browser_with(&[
            ("Origin", &server.url),
            ("Sec-Fetch-Site", "same-origin"),
            ("Cookie", &session),
        ]),
        ..Asked::default()
    };
    let mut next = ground.before.1 + 1;
    let path = asked.path.replace('#', &next.to_string());
    let said = http::post(&server.url, &path, &with_form(&asked.headers), &asked.body)?;
    ensure!(said.status == 303, "winning a deal was answered with {}", said.status);
    next += 1;
    let last = ground.seed.last.1;
    let ours = |_: u32, url: &str| {
        let asked = Asked { numbers: (next, last), ..asked.clone() };
        let outcome = load::flat_out(plan, url, &asked, CONNECTIONS, plan.time)?.flawless()?;
        // Some more had been sent when the time was over.
        next += outcome.answers + 2 * i64::from(CONNECTIONS);
        ensure!(next <= last, "more deals are needed than were made; this machine is faster than thought of");
        Ok(outcome.rate())
    };
    let (rounds, behind) = ground.measure(plan, "deals/s", a_round, &said, ours, &server)?;
    let memory = server.memory()?;
    server.stop()?;
    let won = ground.data.number("SELECT COUNT(*) FROM deal WHERE status = 'won'")? - PARTNERS;
    let bytes = (ground.data.bytes()? - bytes_before) / won.max(1);
    println!("  verifying the ledger");
    let sound = goodword::verify(plan, &ground.place.folder("server"), &ground.data.url())
        .context("goodword verify")?;
    let mut report = report("won deals", "deals/s", &rounds, behind.as_ref(), ground.replay.statements.len());
    report.aim(
        "the ledger is sound afterwards (`goodword verify`)",
        if sound { "sound" } else { "findings" },
        sound,
    );
    report.say(format!(
        "Memory after the load: {}. Disk: {} bytes a won deal, with ledger, history, audit and the notice to the partner.",
        megabytes(memory),
        grouped(bytes)
    ));
    Ok(report)
}

fn with_form(headers: &[http::Header]) -> Vec<http::Header> {
    let form = ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    headers.iter().cloned().chain([form]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::Folder;
    use std::time::Duration;

    /// What the floor writes is what the act writes: so many rows more in each table, for each time.
    fn the_floor_writes_the_same_rows(on: On) {
        let folder = Folder::make().unwrap();
        let plan = Plan {
            rounds: 1,
            time: Duration::from_secs(60),
            quick: true,
            postgres: None,
            goodword: "".into(),
            empty: "".into(),
            oha: "".into(),
            folder: folder.path().to_owned(),
        };
        let contact = Ground::make(&plan, on, 0, |_| vec![], |seed| seed.receive(1)).unwrap();
        let tables = ["client", "attribution", "deal", "deal_event", "outbox"];
        written(&contact, 2 * CONNECTIONS, &tables.map(|table| (table, 1)));
        assert_eq!(contact.floor.number("SELECT COUNT(*) FROM client WHERE partner_id IS NULL").unwrap(), 0);

        let subjects = |seed: &Seed| vec![("deal", seed.last.1 + 1), ("client", seed.last.0 + 1)];
        let win = Ground::make(&plan, on, 3 * i64::from(CONNECTIONS), subjects, |seed| seed.win(seed.last.1))
            .unwrap();
        let won = "SELECT COUNT(*) FROM deal WHERE status = 'won'";
        let before = win.floor.number(won).unwrap();
        let tables =
            [("ledger_transfers", 1), ("ledger_entries", 2), ("audit", 1), ("outbox", 1), ("deal", 0)];
        let times = written(&win, 2 * CONNECTIONS, &tables);
        assert_eq!(win.floor.number(won).unwrap() - before, times, "each time another deal is won");
    }

    fn written(ground: &Ground, most: u32, tables: &[(&str, i64)]) -> i64 {
        let count = |table: &str| ground.floor.number(&format!("SELECT COUNT(*) FROM {table}")).unwrap();
        let before: Vec<i64> = tables.iter().map(|(table, _)| count(table)).collect();
        let (mut next, most) = (0, i64::from(most));
        bare(&ground.target(), &ground.replay, &mut next, most, Duration::from_secs(60)).unwrap();
        assert_eq!(next, most);
        for ((table, rows), before) in tables.iter().zip(before) {
            assert_eq!(count(table) - before, rows * most, "{table}");
        }
        most
    }

    #[test]
    fn the_floor_writes_the_same_rows_on_sqlite() {
        the_floor_writes_the_same_rows(On::Sqlite);
    }

    #[test]
    fn the_floor_writes_the_same_rows_on_postgres() {
        the_floor_writes_the_same_rows(On::Postgres);
    }
}
