//! Everything is taken out: from the office and from the command line, the same rows in both formats.

use std::{collections::BTreeSet, process::Command};

use axum::http::StatusCode;
use domain::permission::Role;
use store::{Db, both_databases, exports, testing};

use crate::{
    crash::PROGRAM,
    support::{Folder, Site},
};

both_databases!(every_table_is_taken_out_in_both_formats, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let name = [("name", "=Formula, \"Quoted\""), ("language", "en")];
    partner.browser.post("/account", &name).await.expect(StatusCode::SEE_OTHER);
    let client = site.client_of(&partner, "@sum(A1)").await;
    let deal = site.deal_of(client).await.number;
    let sales = site.staff(Role::Sales).await;
    sales
        .post(&format!("/office/deals/{deal}/win"), &[("amount", "20000")])
        .await
        .expect(StatusCode::SEE_OTHER);
    let wallet = partner.add_wallet(&site).await;
    partner.requested(&site, "600", &wallet, "r1").await;
    let admin = site.staff(Role::Admin).await;
    sales.get("/office/export").await.expect(StatusCode::FORBIDDEN);
    sales.get("/office/export/clients.csv").await.expect(StatusCode::FORBIDDEN);
    let page = admin.get("/office/export").await.expect(StatusCode::OK);
    for table in exports::TABLES {
        page.expect_text(&format!("/office/export/{}.csv", table.name));
        let csv = admin.get(&format!("/office/export/{}.csv", table.name)).await.expect(StatusCode::OK).body;
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let names: Vec<&str> = table.columns.iter().map(|(name, ..)| *name).collect();
        assert_eq!(header, names);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let lines =
            admin.get(&format!("/office/export/{}.jsonl", table.name)).await.expect(StatusCode::OK).body;
        let objects: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if table.name == "audit" {
            // Each download is in it.
            assert_eq!(objects.len(), rows.len() + 1);
            assert_eq!(objects.last().unwrap()["act"], "export.taken");
            continue;
        }
        assert_eq!(objects.len(), rows.len(), "{}", table.name);
        assert!(!rows.is_empty() || table.name == "codes", "{} has rows", table.name);
        for row in &rows {
            assert!(!row.iter().any(|cell| cell.starts_with(['=', '@'])), "{}: {row:?}", table.name);
        }
        for object in &objects {
            let keys: BTreeSet<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, names.iter().copied().collect());
        }
        match table.name {
            "partners" => {
                assert_eq!((&rows[0][1], &rows[0][9]), ("'=Formula, \"Quoted\"", "20000.00"));
                assert_eq!(objects[0]["name"], "=Formula, \"Quoted\"");
            }
            "deals" => assert_eq!((&rows[0][5], &rows[0][7], &rows[0][8]), ("20000.00", "10", "2000.00")),
            "wallets" => {
                assert!(!rows[0][4].contains("pay@example.com") && !rows[0][4].is_empty(), "{rows:?}")
            }
            _ => {}
        }
    }
    admin.get("/office/export/secrets.csv").await.expect(StatusCode::NOT_FOUND);
    admin.get("/office/export/partners.xls").await.expect(StatusCode::NOT_FOUND);
});

both_databases!(long_tables_are_read_on, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let id = partner.id.clone();
    site.app
        .write(move |tx, env| {
            for day in 0..1_203 {
                let day = store::partners::PartnerDay {
                    clicks: 1,
                    ..store::partners::PartnerDay::empty(domain::clock::Day(day))
                };
                store::partners::add_to_day(tx, &id, day)?;
            }
            let _ = env;
            Ok::<_, store::DbError>(())
        })
        .await
        .unwrap();
    let admin = site.staff(Role::Admin).await;
    let lines = admin.get("/office/export/days.jsonl").await.expect(StatusCode::OK).body;
    let days: BTreeSet<&str> = lines.lines().collect();
    assert_eq!((days.len(), lines.lines().count()), (1_203, 1_203));
});

#[test]
fn the_command_writes_a_folder() {
    let (place, folder) = (testing::Place::empty_sqlite(), Folder::new());
    let run = |arguments: &[&str]| {
        let output = Command::new(PROGRAM)
            .args(["--database", &place.url(), "export"])
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let path = folder.path().to_str().unwrap();
    assert_eq!(run(&[path, "--format", "xls"]).0, Some(2));
    assert_eq!(run(&[path]).0, Some(0));
    for table in exports::TABLES {
        let text = std::fs::read_to_string(folder.path().join(format!("{}.csv", table.name))).unwrap();
        assert!(text.starts_with(table.columns[0].0), "{text}");
    }
    let (code, said) = run(&[path]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is not empty"), "{said}");
}
