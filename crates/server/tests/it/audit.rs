//! The audit: what every act of the office leaves behind, the page that shows it, chains that stay whole under load,
//! and the verification of every day.

use std::{collections::BTreeSet, process::Command};

use axum::http::StatusCode;
use domain::{clock::DAY, permission::Role};
use server::{
    daily, ops,
    ops::{
        Actor,
        audit::{Act, Change},
    },
    web::office,
};
use store::{
    Db, DbError, Options,
    audit::{self, CHAINS, Filter, Record},
    both_databases, params, testing, verify_audit,
};

use crate::support::{Browser, Partner, Site};

/// Every record, newest first.
async fn records(site: &Site) -> Vec<Record> {
    site.read(|tx| audit::list(tx, &Filter::default(), None, 100_000)).await
}

/// What is expected of an act of the office.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    /// A record with this word.
    Record(&'static str),
    /// Nothing, for this reason.
    Nothing(&'static str),
    /// A record, once the part that belongs to somebody else is there. Until then nothing is asserted.
    ToBeMerged,
}

use Leaves::{Nothing, Record as Leave, ToBeMerged};

/// Every address of the office that takes a form, and what a successful act leaves.
const ACTS: &[(&str, Leaves)] = &[
    (
        "/office/clients/{n}/notes",
        Nothing("a note is a record itself, with its author, and is never changed"),
    ),
    ("/office/clients/{n}/deals", ToBeMerged),
    ("/office/deals/{n}/win", ToBeMerged),
    ("/office/deals/{n}/lose", ToBeMerged),
    ("/office/deals/{n}/reopen", ToBeMerged),
    ("/office/deals/{n}/refund", ToBeMerged),
    ("/office/withdrawals/{id}/pay", ToBeMerged),
    ("/office/withdrawals/{id}/reject", ToBeMerged),
    ("/office/partners/{id}/suspend", ToBeMerged),
    ("/office/partners/{id}/reinstate", ToBeMerged),
    ("/office/partners/{id}/rate", ToBeMerged),
    ("/office/feedback/{id}/done", ToBeMerged),
    ("/office/feedback/{id}/reopen", ToBeMerged),
    ("/office/recovery/{id}/issue", ToBeMerged),
    ("/office/settings", Leave("settings.changed")),
    ("/office/staff", Leave("staff.invited")),
    ("/office/staff/{id}/role", Leave("staff.role_changed")),
    ("/office/staff/{id}/disable", Leave("staff.disabled")),
    ("/office/staff/{id}/enable", Leave("staff.enabled")),
    ("/office/staff/{id}/invite", Leave("staff.invited_again")),
];

both_databases!(every_form_of_the_office_is_expected_to_leave_something, async |db: Db| {
    let site = Site::start(db).await;
    let admin = site.staff(Role::Admin).await;
    let listed: BTreeSet<&str> = ACTS.iter().map(|(path, _)| *path).collect();
    assert_eq!(listed.len(), ACTS.len(), "an address stands twice");
    for route in office::table() {
        let path =
            route.path.replace("{n}", "999999").replace("{id}", "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d");
        let takes_forms = admin.post(&path, &[]).await.status != StatusCode::METHOD_NOT_ALLOWED;
        assert_eq!(
            takes_forms,
            listed.contains(route.path.as_str()),
            "{} takes forms; say in ACTS what an act there leaves in the audit",
            route.path
        );
    }
});

/// Somebody of the office who acts, and checks what each act has left.
struct Walk<'a> {
    site: &'a Site,
    admin: Browser,
    walked: BTreeSet<&'static str>,
}

impl Walk<'_> {
    /// Does something successfully; `row` is the address as it stands in ACTS.
    async fn act(&mut self, row: &'static str, path: &str, fields: &[(&str, &str)]) -> String {
        let (row, expected) = ACTS.iter().find(|(listed, _)| *listed == row).expect("a row of ACTS");
        let before = records(self.site).await.len();
        let answer = self.admin.post(path, fields).await;
        let good = [StatusCode::OK, StatusCode::CREATED, StatusCode::SEE_OTHER];
        assert!(good.contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        let after = records(self.site).await;
        match expected {
            Leave(word) => {
                assert_eq!(after.len(), before + 1, "{path} leaves one record");
                let newest = after.iter().find(|record| record.act == *word).unwrap_or_else(|| {
                    panic!("{path} leaves {word}, not {:?}", after[0]);
                });
                assert_eq!((newest.actor.as_str(), newest.role.as_str()), ("Admin", "admin"), "{path}");
                assert!(
                    path.contains(&newest.subject_id)
                        || *word == "staff.invited"
                        || *word == "settings.changed"
                );
            }
            Nothing(why) => assert_eq!(after.len(), before, "{path} leaves nothing: {why}"),
            ToBeMerged => {}
        }
        self.walked.insert(row);
        answer.body
    }
}

/// The value of a field of a form on a page.
fn field(body: &str, name: &str) -> String {
    let rest = body.split(&format!("name=\"{name}\"")).nth(1).unwrap_or_else(|| panic!("no {name}"));
    rest.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn walk_deals(walk: &mut Walk<'_>, partner: &Partner) {
    let client = walk.site.client_of(partner, "Aurora").await;
    walk.act(
        "/office/clients/{n}/notes",
        &format!("/office/clients/{client}/notes"),
        &[("message", "Called")],
    )
    .await;
    walk.act("/office/clients/{n}/deals", &format!("/office/clients/{client}/deals"), &[("title", "Second")])
        .await;
    let deal = walk.site.deal_of(client).await.number;
    let path = |act: &str| format!("/office/deals/{deal}/{act}");
    walk.act("/office/deals/{n}/win", &path("win"), &[("amount", "20,000")]).await;
    let refund = [("amount", "100"), ("reason", "Part was not done")];
    walk.act("/office/deals/{n}/refund", &path("refund"), &refund).await;
    walk.act("/office/deals/{n}/reopen", &path("reopen"), &[("reason", "A mistake")]).await;
    walk.act("/office/deals/{n}/lose", &path("lose"), &[("reason", "No budget")]).await;
}

async fn walk_withdrawals(walk: &mut Walk<'_>, partner: &Partner) {
    let site = walk.site;
    site.won(partner, "20,000").await;
    let wallet = partner.add_wallet(site).await;
    site.clock.advance(2 * DAY);
    for (request, act, field) in [("a", "pay", "reference"), ("b", "reject", "reason")] {
        partner.withdraw("500", &wallet, request).await.expect(StatusCode::SEE_OTHER);
        let (id, asked) = (partner.id.clone(), request.to_owned());
        let id = site.read(move |tx| Ok(store::withdrawals::by_request(tx, &id, &asked)?.unwrap().id)).await;
        let row =
            if act == "pay" { "/office/withdrawals/{id}/pay" } else { "/office/withdrawals/{id}/reject" };
        walk.act(row, &format!("/office/withdrawals/{id}/{act}"), &[(field, "As agreed")]).await;
    }
}

async fn walk_people(walk: &mut Walk<'_>, partner: &Partner) {
    let site = walk.site;
    let path = |act: &str| format!("/office/partners/{}/{act}", partner.id);
    walk.act("/office/partners/{id}/rate", &path("rate"), &[("rate", "17.5")]).await;
    walk.act("/office/partners/{id}/suspend", &path("suspend"), &[("reason", "Spam")]).await;
    walk.act("/office/partners/{id}/reinstate", &path("reinstate"), &[]).await;

    partner.browser.post("/feedback", &[("message", "Good"), ("page", "/link")]).await;
    let inbox = walk.admin.get("/office/feedback").await.body;
    let id = inbox.split("/office/feedback/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    walk.act("/office/feedback/{id}/done", &format!("/office/feedback/{id}/done"), &[]).await;
    walk.act("/office/feedback/{id}/reopen", &format!("/office/feedback/{id}/reopen"), &[]).await;

    let id = partner.id.clone();
    let email = site.read(move |tx| Ok(store::accounts::by_id(tx, &id)?.unwrap().email)).await;
    site.browser().post("/recover", &[("email", &email)]).await.expect(StatusCode::OK);
    walk.act("/office/recovery/{id}/issue", &format!("/office/recovery/{}/issue", partner.id), &[]).await;
}

async fn walk_staff(walk: &mut Walk<'_>) {
    let settings = walk.admin.get("/office/settings").await.body;
    let version = field(&settings, "version");
    let fields = [
        ("version", version.as_str()),
        ("name", "Northwind Partners"),
        ("currency", "USD"),
        ("minimum_withdrawal", "400"),
        ("hold_days", "0"),
        ("window_days", "90"),
        ("link_rule", "last"),
        ("claim_days", "5"),
        ("cooling_hours", "24"),
        ("tier[0].from", "0"),
        ("tier[0].rate", "10"),
    ];
    walk.act("/office/settings", "/office/settings", &fields).await;
    let invite = [("name", "Lea"), ("email", "lea@example.com"), ("role", "sales")];
    walk.act("/office/staff", "/office/staff", &invite).await;
    let members = walk.site.read(store::accounts::staff).await;
    let id = members.iter().find(|member| member.name == "Lea").unwrap().id.clone();
    let path = |act: &str| format!("/office/staff/{id}/{act}");
    walk.act("/office/staff/{id}/invite", &path("invite"), &[]).await;
    walk.act("/office/staff/{id}/role", &path("role"), &[("role", "finance")]).await;
    walk.act("/office/staff/{id}/disable", &path("disable"), &[]).await;
    walk.act("/office/staff/{id}/enable", &path("enable"), &[]).await;
    // What is so already is not recorded again.
    let before = records(walk.site).await.len();
    walk.admin.post(&path("enable"), &[]).await.expect(StatusCode::SEE_OTHER);
    walk.admin.post(&path("role"), &[("role", "finance")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(records(walk.site).await.len(), before);
}

both_databases!(every_act_of_the_office_leaves_its_record, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let mut walk = Walk { site: &site, admin: site.staff(Role::Admin).await, walked: BTreeSet::new() };
    walk_deals(&mut walk, &partner).await;
    walk_withdrawals(&mut walk, &partner).await;
    walk_people(&mut walk, &partner).await;
    walk_staff(&mut walk).await;
    let missing: Vec<_> = ACTS.iter().filter(|(path, _)| !walk.walked.contains(path)).collect();
    assert!(missing.is_empty(), "not walked: {missing:?}");
    site.verify().await;
});

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
        next = body.split(" rel=\"next\"").next().filter(|_| body.contains(" rel=\"next\"")).map(|before| {
            before.rsplit("href=\"").next().unwrap().trim_end_matches('"').replace("&#38;", "&")
        });
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
