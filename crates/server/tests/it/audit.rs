//! The audit: the page that shows it, chains that stay whole under load, and the verification of every day. What each
//! act of the office leaves behind is in `audit_acts.rs`.

use std::{collections::BTreeSet, process::Command};

use axum::http::StatusCode;
use domain::{clock::DAY, permission::Role};
use server::{
    daily, ops,
    ops::{
        Actor,
        audit::{Act, Change},
    },
};
use store::{
    Db, DbError, Options,
    audit::{self, CHAINS, Filter, Record},
    both_databases, params, testing, verify_audit,
};

use crate::support::Site;

/// Every record, newest first.
pub async fn records(site: &Site) -> Vec<Record> {
    site.read(|tx| audit::list(tx, &Filter::default(), None, 100_000)).await
}

both_databases!(what_is_refused_leaves_nothing, async |db: Db| {
    let site = Site::start(db).await;
    let admin = site.staff(Role::Admin).await;
    let support = site.staff(Role::Support).await;
    let before = records(&site).await.len();
    admin.post("/office/staff", &[("name", ""), ("email", "x"), ("role", "sales")]).await;
    support.post("/office/staff", &[("name", "Eve"), ("email", "eve@example.com"), ("role", "admin")]).await;
    let id = site.read(store::accounts::staff).await[0].id.clone();
    admin.post(&format!("/office/staff/{id}/disable"), &[]).await.expect(StatusCode::CONFLICT);
    assert_eq!(records(&site).await.len(), before);
});

/// A short record.
fn act<'a>(number: &'a str, changes: &'a [Change], reason: &'a str) -> Act<'a> {
    Act { what: "deal.won", on: ("deal", number), changes, reason }
}

/// Where a page leads on to older records.
pub fn older(body: &str) -> Option<String> {
    let (before, _) = body.split_once(" rel=\"next\"")?;
    Some(before.rsplit("href=\"").next().unwrap().trim_end_matches('"').replace("&#38;", "&"))
}

both_databases!(admins_read_search_and_narrow_the_audit, async |db: Db| {
    let site = Site::start(db).await;
    let admin = site.staff(Role::Admin).await;
    let partner = site.partner("Mara").await;
    let mara = partner.id.clone();
    let by = Actor {
        id: "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d".into(),
        name: "Ines <Duarte>".into(),
        role: "sales",
    };
    for number in 2_000..2_060 {
        let by = by.clone();
        site.clock.advance(2_000);
        site.app
            .write(move |tx, env| {
                let changes = [Change::new("Status", "pending", "won"), Change::set("Amount", "=1+1")];
                let reason = if number == 2_007 { "Ünusual <b>bonus</b>" } else { "" };
                ops::audit::record(tx, env, &by, act(&number.to_string(), &changes, reason))
            })
            .await
            .unwrap();
    }
    let page = admin.get("/office/audit").await.expect(StatusCode::OK);
    page.expect_text("Closed a deal successfully");
    page.expect_text("Ines &#60;Duarte&#62;");
    page.expect_text("Status: pending → won");
    assert!(page.body.find("T-2059").unwrap() < page.body.find("T-2058").unwrap(), "newest first");
    assert!(!page.body.contains("T-2007"));
    // Page by page to the end, each record once.
    let mut next = Some("/office/audit?subject=deal".to_owned());
    let mut seen = Vec::new();
    while let Some(address) = next {
        let body = admin.get(&address).await.expect(StatusCode::OK).body;
        seen.extend(
            body.split("href=\"/office/deals/")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned()),
        );
        next = older(&body);
    }
    let expected: Vec<String> = (2_000..2_060).rev().map(|number| number.to_string()).collect();
    assert_eq!(seen, expected);

    let found = admin.get("/office/audit?q=%C3%BCnusual").await;
    found.expect_text("T-2007");
    found.expect_text("&#60;b&#62;bonus");
    assert!(!found.body.contains("T-2008"));
    for narrow in
        ["subject=deal&id=2007", "subject=deal&id=T-2007", "by=01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d&q=2007"]
    {
        let found = admin.get(&format!("/office/audit?{narrow}")).await;
        found.expect_text("T-2007");
        assert!(!found.body.contains("T-2008"), "{narrow}");
    }
    let about = admin.get(&format!("/office/audit?subject=partner&id={mara}")).await;
    about.expect_text("Signed up");
    about.expect_text(&format!("href=\"/office/partners/{mara}\">Own account<"));

    admin.get("/office/audit?subject=nothing").await.expect_text("No record fits");

    let file = admin.get("/office/audit/records.csv?subject=deal").await.expect(StatusCode::OK);
    assert_eq!(file.body.matches("deal.won").count(), 60);
    assert!(
        file.body.starts_with("at,actor,role,act,subject,subject_id,changes,reason,chain,record,hash\r\n")
    );
    assert!(file.body.contains("Status: pending → won\nAmount: =1+1"));
    for role in [Role::Sales, Role::Finance, Role::Support] {
        let staff = site.staff(role).await;
        staff.get("/office/audit").await.expect(StatusCode::FORBIDDEN);
        staff.get("/office/audit/records.csv").await.expect(StatusCode::FORBIDDEN);
    }
    site.verify().await;
});

/// Acts at the same moment through several servers: partners and staff change their names, the program records.
async fn storm(sites: &[&Site]) {
    let mut browsers = Vec::new();
    for number in 0..8 {
        browsers.push(sites[0].partner(&format!("Partner {number}")).await.browser);
    }
    for role in Role::ALL {
        browsers.push(sites[0].staff(role).await);
    }
    let before = records(sites[0]).await.len();
    let tasks: Vec<_> = (0..64)
        .map(|number: usize| {
            let site = sites[number % sites.len()];
            let browser = browsers[number % browsers.len()].at(&site.url);
            let app = site.app.clone();
            tokio::spawn(async move {
                let name = format!("Name {number}");
                let page = browser.post("/account", &[("name", &name), ("language", "en")]).await;
                page.expect(StatusCode::SEE_OTHER);
                let number = number.to_string();
                app.write(move |tx, env| {
                    ops::audit::record(tx, env, &Actor::server(), act(&number, &[], ""))
                })
                .await
                .unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let after = records(sites[0]).await;
    assert_eq!(after.len(), before + 2 * 64, "each act has left its record");
    let used: BTreeSet<i64> = after.iter().map(|record| record.chain).collect();
    assert!(used.len() > 1 && used.iter().all(|chain| (0..CHAINS).contains(chain)), "{used:?}");
    let audit = sites[0].read(verify_audit::verify).await;
    assert_eq!(audit.broken, []);
    assert_eq!(audit.heads.iter().map(|head| head.length).sum::<i64>(), i64::try_from(after.len()).unwrap());
}

both_databases!(acts_at_the_same_moment_keep_the_chains_whole, async |db: Db| {
    let site = Site::start(db).await;
    storm(&[&site]).await;
});

#[test]
fn two_servers_on_one_postgresql_keep_the_chains_whole() {
    let first = testing::postgres();
    let second = Db::open(&first.url, Options { connections: 8, ..testing::options() }).unwrap();
    testing::block_on(async {
        let (one, two) = (Site::start(first.db.clone()).await, Site::start(second.clone()).await);
        storm(&[&one, &two]).await;
    });
    second.close();
}

both_databases!(an_act_that_is_rolled_back_leaves_no_record, async |db: Db| {
    let site = Site::start(db).await;
    let before = records(&site).await.len();
    let failed = site
        .app
        .write(|tx, env| -> Result<(), DbError> {
            ops::audit::record(tx, env, &Actor::server(), act("1", &[], ""))?;
            Err(DbError::Busy)
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(records(&site).await.len(), before);
    site.verify().await;
});

async fn damage(site: &Site) {
    site.app
        .db
        .write(|tx| tx.exec("UPDATE audit SET reason = 'Nothing happened' WHERE seq = 1", params![]))
        .await
        .unwrap();
}

both_databases!(the_verification_of_the_day_is_done_once_and_warns_admins, async |db: Db| {
    let one = Site::start(db.clone()).await;
    let two = Site::start(db).await;
    let (admin, sales) = (one.staff(Role::Admin).await, one.staff(Role::Sales).await);
    let turns = [
        daily::verify_if_due(&one.app, "one").await.unwrap(),
        daily::verify_if_due(&two.app, "two").await.unwrap(),
        daily::verify_if_due(&one.app, "one").await.unwrap(),
    ];
    assert_eq!(turns, [true, false, false], "once a day");
    admin.get("/office/audit").await.expect_text("nothing is off");
    let warning = "The books or the audit do not add up";
    assert!(!admin.get("/office/clients").await.body.contains(warning));

    damage(&one).await;
    one.clock.advance(DAY + 1);
    two.clock.advance(DAY + 1);
    assert!(daily::verify_if_due(&two.app, "two").await.unwrap());
    assert!(!daily::verify_if_due(&one.app, "one").await.unwrap());
    for path in ["/office/clients", "/office/settings", "/office/audit", "/account"] {
        let page = admin.get(path).await;
        page.expect_text(warning);
        page.expect_text("was changed");
    }
    assert!(
        !sales.get("/office/clients").await.body.contains(warning),
        "only who can look into it is warned"
    );
});

both_databases!(of_two_servers_one_verifies, async |db: Db| {
    let one = Site::start(db.clone()).await;
    // A server that has taken the work and is still at it, or died of it.
    assert!(one.app.write(|tx, env| ops::verification::take(tx, env, "other")).await.unwrap());
    assert!(!daily::verify_if_due(&one.app, "one").await.unwrap());
    one.clock.advance(domain::clock::HOUR + 1);
    assert!(daily::verify_if_due(&one.app, "one").await.unwrap(), "its lease has run out");
});

/// `goodword verify` on a database, with further words: whether it succeeded, and what it said.
fn verify(database: &str, words: &[&str]) -> (bool, String) {
    let program = env!("CARGO_BIN_EXE_goodword");
    let output = Command::new(program).args(["--database", database, "verify"]).args(words).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), said)
}

#[test]
fn the_command_line_prints_the_heads_and_compares_them() {
    let place = testing::Place::empty_sqlite();
    let url = place.url();
    let folder = testing::Place::empty_sqlite();
    let file = folder.url().trim_start_matches("sqlite:").replace("test.db", "heads.txt");
    // A mistyped path is no sound programme.
    let nowhere = file.replace("heads.txt", "elsewhere/goodword.db");
    let (sound, said) = verify(&format!("sqlite:{nowhere}"), &[]);
    assert!(!sound && said.contains("There is no database at"), "{said}");
    assert!(!std::path::Path::new(&nowhere).exists());
    let words = ["staff", "add", "--email", "ada@example.com", "--name", "Ada", "--role", "admin"];
    let added =
        Command::new(env!("CARGO_BIN_EXE_goodword")).args(["--database", &url]).args(words).output().unwrap();
    assert!(added.status.success());
    let (sound, said) = verify(&url, &[]);
    assert!(sound && said.contains("The audit is unbroken"), "{said}");
    assert_eq!(said.matches("audit chain ").count(), 1, "{said}");
    std::fs::write(&file, &said).unwrap();
    let (sound, said) = verify(&url, &["--heads", &file]);
    assert!(sound && said.contains("All 1 heads"), "{said}");

    // Written anew, every hash right: only what was noted down tells.
    let db = Db::open(&url, testing::options()).unwrap();
    db.write_blocking(|tx| -> Result<(), DbError> {
        let mut record = audit::list(tx, &Filter::default(), None, 1)?.remove(0);
        assert_eq!((record.act.as_str(), record.role.as_str()), ("staff.invited", "server"));
        record.changes = record.changes.replace("Admin", "Sales");
        record.hash = record.expected_hash();
        let search = [&record.actor, &record.act, &record.subject_id, &record.changes, &record.reason];
        let search = search.map(|text| text.to_lowercase()).join("\n");
        tx.exec(
            "UPDATE audit SET changes = $1, hash = $2, search = $3",
            params![&record.changes, &record.hash, search],
        )?;
        tx.exec("UPDATE audit_chain SET head = $1", params![&record.hash])?;
        Ok(())
    })
    .unwrap();
    assert!(verify(&url, &[]).0);
    let (sound, said) = verify(&url, &["--heads", &file]);
    assert!(!sound && said.contains("record 1: was rewritten"), "{said}");
    // Damaged without care: named with its place.
    db.write_blocking(|tx| tx.exec("UPDATE audit SET actor = 'Eve'", params![])).unwrap();
    db.close();
    let (sound, said) = verify(&url, &[]);
    assert!(
        !sound && said.contains("the audit is unbroken: chain ") && said.contains("was changed"),
        "{said}"
    );
    let (sound, said) = verify(&url, &["--heads", "/nowhere/heads.txt"]);
    assert!(!sound && said.contains("can't be read"), "{said}");
}
