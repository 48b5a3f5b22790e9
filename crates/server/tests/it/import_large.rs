//! A company of some size comes over: 10,000 partners and 100,000 clients, by the command, on both databases.

use std::{fmt::Write as _, fs, process::Command};

use store::testing::Place;

use crate::{crash::PROGRAM, support::Folder};

const PARTNERS: usize = 10_000;
const CLIENTS: usize = 100_000;
const DEALS: usize = 20_000;
const BALANCES: usize = 1_000;

fn write(folder: &Folder) {
    let mut partners = "id,name,email,code\n".to_owned();
    let mut clients = "id,name,email,partner,created_at\n".to_owned();
    let mut deals = "id,client,status,amount,commission,won_at\n".to_owned();
    let mut balances = "partner,amount\n".to_owned();
    for n in 0..PARTNERS {
        writeln!(partners, "p{n},Partner {n},partner{n}@example.com,old-{n}").unwrap();
    }
    for n in 0..CLIENTS {
        let (partner, day) = (n * 7 % PARTNERS, n % 28 + 1);
        writeln!(clients, "c{n},Client {n},client{n}@example.com,p{partner},2025-02-{day:02}").unwrap();
    }
    for n in 0..DEALS {
        let day = n % 28 + 1;
        writeln!(deals, "d{n},c{n},won,1000.00,100.00,2025-03-{day:02}").unwrap();
    }
    for n in 0..BALANCES {
        writeln!(balances, "p{n},25.00").unwrap();
    }
    fs::create_dir_all(folder.path()).unwrap();
    for (name, text) in
        [("partners", partners), ("clients", clients), ("deals", deals), ("balances", balances)]
    {
        fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    }
}

fn run(place: &Place, arguments: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(["--database", &place.url()]).args(arguments).env("GOODWORD_LOG", "error");
    let output = command.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

fn comes_over(place: &Place) {
    let folder = Folder::new();
    write(&folder);
    let admin = ["staff", "add", "--email", "ada@example.com", "--name", "Ada", "--role", "admin"];
    run(place, &admin);
    let said =
        run(place, &["import", folder.path().to_str().unwrap(), "--by", "ada@example.com", "--progress"]);
    for words in [
        "partners: 10000 rows, 10000 new, 0 here before",
        "clients: 100000 rows, 100000 new, 0 here before",
        "deals: 20000 rows, 20000 new, 0 here before",
        "balances: 1000 rows, 1000 new, 0 here before",
        "Imported, in",
        // How far it is, while it is at it.
        "clients: 0 of 100000",
    ] {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
    run(place, &["verify"]);
}

#[test]
fn a_company_of_some_size_comes_over_sqlite() {
    comes_over(&Place::empty_sqlite());
}

#[test]
fn a_company_of_some_size_comes_over_postgres() {
    comes_over(&Place::empty_postgres());
}
