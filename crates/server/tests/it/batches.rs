//! Batches: several withdrawals in one file, marked paid in one step or not at all.

use axum::http::StatusCode;
use domain::permission::Role;
use store::{Db, Options, both_databases, testing};

use crate::support::{Browser, Partner, Site};

const IBAN: &str = "DE89370400440532013000";

/// A partner with money, a PayPal account, and a bank account that has cooled down.
pub async fn with_wallets(site: &Site) -> (Partner, String, String) {
    let partner = site.partner("Mara Lindqvist").await;
    site.won(&partner, "50000").await;
    let paypal = partner.add_wallet(site).await;
    site.set(|programme| programme.cooling_hours = 0).await;
    let bank = partner.add_another(site, "iban", IBAN).await;
    (partner, paypal, bank)
}

async fn make(finance: &Browser, ids: &[&str]) -> crate::support::Answer {
    let names: Vec<String> = ids.iter().map(|id| format!("choose[{id}]")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    finance.post("/office/withdrawals/batches", &fields).await
}

/// The address of a batch made of these.
pub async fn made(finance: &Browser, ids: &[&str]) -> String {
    let answer = make(finance, ids).await.expect(StatusCode::SEE_OTHER);
    answer.location().split('?').next().unwrap().to_owned()
}

both_databases!(a_batch_is_exported_and_paid_in_one_step, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, paypal, bank) = with_wallets(&site).await;
    let finance = site.staff(Role::Finance).await;
    let one = partner.requested(&site, "600.50", &paypal, "one").await;
    let two = partner.requested(&site, "700", &bank, "two").await;
    let three = partner.requested(&site, "800", &bank, "three").await;

    make(&finance, &[]).await.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("Choose at least one");
    let batch = made(&finance, &[&one, &two, &three]).await;
    let page = finance.get(&batch).await.expect(StatusCode::OK);
    for text in [
        "2,100.50",
        "Bank account (IBAN)",
        "1,500.00",
        "enters its holder and IBAN in Settings",
        "First withdrawal",
    ] {
        page.expect_text(text);
    }
    finance.get("/office/withdrawals/batches").await.expect_text("2,100.50");
    // In one open batch at most, and paid with it.
    make(&finance, &[&one]).await.expect(StatusCode::CONFLICT).expect_text("another open batch");
    let alone = finance.post(&format!("/office/withdrawals/{one}/pay"), &[("reference", "X")]).await;
    alone.expect(StatusCode::CONFLICT).expect_text("in an open batch");

    let csv = finance.get(&format!("{batch}/payments.csv")).await.expect(StatusCode::OK).body;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 4, "{csv}");
    assert!(lines[0].starts_with("batch,withdrawal,end_to_end_id,partner,"));
    assert!(csv.contains(&format!("{IBAN},700.00,USD")) && csv.contains("600.50"), "{csv}");
    finance.get(&format!("{batch}/pain001.xml")).await.expect(StatusCode::CONFLICT).expect_text("Settings");
    site.set(|programme| {
        programme.payer_name = "Northwind GmbH".into();
        programme.payer_iban = "FR1420041010050500013M02606".into();
    })
    .await;
    let xml = finance.get(&format!("{batch}/pain001.xml")).await.expect(StatusCode::OK).body;
    let id = domain::payout::end_to_end_id(&two);
    for part in [
        "pain.001.001.09",
        "<NbOfTxs>2</NbOfTxs>",
        "<CtrlSum>1500.00</CtrlSum>",
        "<InstdAmt Ccy=\"USD\">700.00</InstdAmt>",
        &format!("<EndToEndId>{id}</EndToEndId>"),
    ] {
        assert!(xml.contains(part), "{part} is missing in {xml}");
    }

    let own = format!("reference[{one}]");
    finance
        .post(&format!("{batch}/pay"), &[(own.as_str(), &"x".repeat(300))])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("at most 200 characters");
    finance.post(&format!("{batch}/pay"), &[(own.as_str(), "PP-1")]).await.expect(StatusCode::SEE_OTHER);
    finance.post(&format!("{batch}/pay"), &[]).await.expect(StatusCode::CONFLICT).expect_text("already paid");
    assert_eq!(partner.withdrawal(&site, "one").await.reference.as_deref(), Some("PP-1"));
    assert_eq!(partner.withdrawal(&site, "two").await.reference, Some(id));
    let balances = site.balances(&partner).await;
    assert_eq!((balances.paid.minor(), balances.reserved.minor()), (210_050, 0));
    finance.get(&format!("{batch}/payments.csv")).await.expect(StatusCode::OK);
    let told = site.letters().await.into_iter().filter(|(notice, ..)| notice == "withdrawal_paid").count();
    assert_eq!(told, 3);
    let acts: Vec<String> =
        site.acts(batch.rsplit('/').next().unwrap()).await.into_iter().map(|(act, ..)| act).collect();
    assert_eq!(acts, ["batch.made", "batch.exported", "batch.exported", "batch.paid", "batch.exported"]);
    site.verify().await;
});

both_databases!(each_file_that_is_handed_out_is_kept_in_the_audit, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, paypal, bank) = with_wallets(&site).await;
    let finance = site.staff(Role::Finance).await;
    let one = partner.requested(&site, "600.50", &paypal, "one").await;
    let two = partner.requested(&site, "700", &bank, "two").await;
    let batch = made(&finance, &[&one, &two]).await;
    let warning = "What you take off now is still in the file";
    assert!(!finance.get(&batch).await.body.contains(warning));
    // A file that there isn't leaves no record.
    finance.get(&format!("{batch}/pain001.xml")).await.expect(StatusCode::CONFLICT);
    site.set(|programme| {
        programme.payer_name = "Northwind GmbH".into();
        programme.payer_iban = "FR1420041010050500013M02606".into();
    })
    .await;
    finance.get(&format!("{batch}/payments.csv")).await.expect(StatusCode::OK);
    finance.get(&format!("{batch}/pain001.xml")).await.expect(StatusCode::OK);
    let page = finance.get(&batch).await.expect(StatusCode::OK);
    for text in ["Downloaded: Table (CSV)", "Downloaded: Bank file (ISO 20022)", warning] {
        page.expect_text(text);
    }
    let acts = site.acts(batch.rsplit('/').next().unwrap()).await;
    let told: Vec<_> =
        acts.iter().map(|(act, who, changes, _)| (act.as_str(), who.as_str(), changes.as_str())).collect();
    let table = r#"[{"what":"File","before":"","after":"Table (CSV)"},{"what":"Payments","before":"","after":"2"},{"what":"Total","before":"","after":"1,300.50"}]"#;
    let bank = r#"[{"what":"File","before":"","after":"Bank file (ISO 20022)"},{"what":"Payments","before":"","after":"1"},{"what":"Total","before":"","after":"700.00"}]"#;
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!((told[1].0, told[1].2), ("batch.exported", table));
    assert_eq!((told[2].0, told[2].2), ("batch.exported", bank));
    // Who may only read gets no file, and leaves no record of one.
    let support = site.staff(Role::Support).await;
    support.get(&format!("{batch}/payments.csv")).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(site.acts(batch.rsplit('/').next().unwrap()).await.len(), 3);
    site.verify().await;
});

both_databases!(euro_to_bank_accounts_is_a_sepa_transfer, async |db: Db| {
    let site = Site::start(db).await;
    site.set(|programme| {
        programme.currency = domain::money::Currency::from_code("EUR").unwrap();
        programme.payer_name = "Nordwind Überseehandel GmbH".into();
        programme.payer_iban = "FR1420041010050500013M02606".into();
        programme.payer_bic = "PSSTFRPPXXX".into();
    })
    .await;
    let (partner, _, bank) = with_wallets(&site).await;
    let finance = site.staff(Role::Finance).await;
    let one = partner.requested(&site, "600", &bank, "one").await;
    let batch = made(&finance, &[&one]).await;
    let xml = finance.get(&format!("{batch}/pain001.xml")).await.expect(StatusCode::OK).body;
    for part in ["<Cd>SEPA</Cd>", "Nordwind Ueberseehandel GmbH", "<BICFI>PSSTFRPPXXX</BICFI>", "Ccy=\"EUR\""]
    {
        assert!(xml.contains(part), "{part} is missing in {xml}");
    }
    // The same file again is the same message for the bank.
    let again = finance.get(&format!("{batch}/pain001.xml")).await.body;
    let message = |text: &str| text.split("<MsgId>").nth(1).unwrap()[..34].to_owned();
    assert_eq!(message(&xml), message(&again));
    site.verify().await;
});

both_databases!(what_cannot_be_paid_is_named_and_taken_off, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, paypal, _) = with_wallets(&site).await;
    site.set(|programme| {
        programme.approval_from = Some(programme.currency.major(1_000));
        programme.cooling_hours = 24;
    })
    .await;
    let (ann, ben) = (site.staff(Role::Finance).await, site.staff(Role::Finance).await);
    let new = partner.add_another(&site, "paypal", "new@example.com").await;
    let fine = partner.requested(&site, "500", &paypal, "fine").await;
    let large = partner.requested(&site, "1000", &paypal, "large").await;
    let cooling = partner.requested(&site, "600", &new, "cooling").await;
    let rejected = partner.requested(&site, "700", &paypal, "rejected").await;
    let batch = made(&ann, &[&fine, &large, &cooling, &rejected]).await;
    let reject = format!("/office/withdrawals/{rejected}/reject");
    let in_batch = ben.post(&reject, &[("reason", "Wrong person")]).await.expect(StatusCode::CONFLICT);
    // The page says where to go, and keeps what was typed.
    for text in ["Take it off the batch first", &format!("href=\"{batch}\""), "Wrong person"] {
        in_batch.expect_text(text);
    }
    let refused = ann.post(&format!("{batch}/pay"), &[("reference", "ALL-1")]).await;
    let refused = refused.expect(StatusCode::CONFLICT);
    for text in ["2 of these withdrawals", "has to approve", "can be paid to from", "ALL-1"] {
        refused.expect_text(text);
    }
    ann.get(&format!("{batch}/payments.csv")).await.expect(StatusCode::CONFLICT);
    assert_eq!(site.balances(&partner).await.paid.minor(), 0, "all or nothing");

    let take_off = format!("{batch}/take-off");
    for id in [&cooling, &rejected] {
        ann.post(&take_off, &[("withdrawal", id)]).await.expect(StatusCode::SEE_OTHER);
        ann.post(&take_off, &[("withdrawal", id)]).await.expect(StatusCode::CONFLICT);
    }
    ben.post(&reject, &[("reason", "Wrong person")]).await.expect(StatusCode::SEE_OTHER);
    ann.post(&format!("/office/withdrawals/{large}/approve"), &[]).await.expect(StatusCode::SEE_OTHER);
    // Who approved can't be the one who pays, neither here nor by handing the file to a bank.
    for file in ["payments.csv", "pain001.xml"] {
        let own = ann.get(&format!("{batch}/{file}")).await.expect(StatusCode::CONFLICT);
        own.expect_text("somebody else has to download the files");
    }
    ann.get(&batch).await.expect_text("somebody else has to download the files");
    ben.get(&format!("{batch}/payments.csv")).await.expect(StatusCode::OK);
    let own = ann.post(&format!("{batch}/pay"), &[]).await.expect(StatusCode::CONFLICT);
    own.expect_text("You approved this withdrawal yourself");
    ben.post(&format!("{batch}/pay"), &[("reference", "ALL-1")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(partner.withdrawal(&site, "large").await.reference.as_deref(), Some("ALL-1"));
    assert_eq!(site.balances(&partner).await.paid.minor(), 150_000);

    // What was taken off can be in another batch; an emptied one is dissolved.
    let second = made(&ann, &[&cooling]).await;
    ann.post(&format!("{second}/take-off"), &[("withdrawal", &cooling)]).await.expect(StatusCode::SEE_OTHER);
    ann.get(&second).await.expect_text("Nothing left in it");
    let third = made(&ann, &[&cooling]).await;
    ann.post(&format!("{third}/dissolve"), &[]).await.expect(StatusCode::SEE_OTHER);
    ann.post(&format!("{third}/dissolve"), &[]).await.expect(StatusCode::CONFLICT);
    make(&ann, &[&rejected]).await.expect(StatusCode::CONFLICT).expect_text("no longer pending");
    site.verify().await;
});

both_databases!(what_was_handed_out_is_voided_only_when_nobody_carried_it_out, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, paypal, bank) = with_wallets(&site).await;
    let finance = site.staff(Role::Finance).await;
    let one = partner.requested(&site, "600", &paypal, "one").await;
    let two = partner.requested(&site, "700", &bank, "two").await;
    let three = partner.requested(&site, "800", &bank, "three").await;
    let batch = made(&finance, &[&one, &two, &three]).await;
    let (take_off, dissolve) = (format!("{batch}/take-off"), format!("{batch}/dissolve"));
    // Before any file there is nothing to confirm.
    assert!(!finance.get(&batch).await.body.contains("name=\"not_sent\""));
    finance.post(&take_off, &[("withdrawal", &three)]).await.expect(StatusCode::SEE_OTHER);
    finance.get(&format!("{batch}/payments.csv")).await.expect(StatusCode::OK);
    let page = finance.get(&batch).await.body;
    assert_eq!(page.matches("name=\"not_sent\"").count(), 2, "for a line, and for all");

    for fields in [vec![], vec![("not_sent", "")], vec![("not_sent", "0")]] {
        let one_line: Vec<(&str, &str)> =
            [("withdrawal", one.as_str())].into_iter().chain(fields.clone()).collect();
        for (path, fields, id) in [(&take_off, &one_line, "take-off"), (&dissolve, &fields, "dissolve")] {
            let refused = finance.post(path, fields).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            refused.expect_text(&format!("id=\"{id}-not_sent-error\""));
            refused.expect_text("Table (CSV)");
        }
    }
    let reject = format!("/office/withdrawals/{one}/reject");
    finance.post(&reject, &[("reason", "Wrong")]).await.expect(StatusCode::CONFLICT);
    assert_eq!(site.balances(&partner).await.reserved.minor(), 210_000, "nothing is voided");

    let confirmed = [("withdrawal", one.as_str()), ("not_sent", "1")];
    finance.post(&take_off, &confirmed).await.expect(StatusCode::SEE_OTHER);
    finance.post(&reject, &[("reason", "Wrong")]).await.expect(StatusCode::SEE_OTHER);
    // Each time anew.
    finance.post(&dissolve, &[]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    finance.post(&dissolve, &[("not_sent", "1")]).await.expect(StatusCode::SEE_OTHER);
    // What is closed is closed, whatever is confirmed.
    finance.post(&dissolve, &[]).await.expect(StatusCode::CONFLICT);
    let acts = site.acts(batch.rsplit('/').next().unwrap()).await;
    let confirmations: Vec<(&str, bool)> =
        acts.iter().map(|(act, _, changes, _)| (act.as_str(), changes.contains("Not carried out"))).collect();
    let expected = [
        ("batch.made", false),
        ("batch.line_taken_off", false),
        ("batch.exported", false),
        ("batch.line_taken_off", true),
        ("batch.dissolved", true),
    ];
    assert_eq!(confirmations, expected);
    site.verify().await;
});

/// Finance makes a batch of a withdrawal and hands its file out, while somebody else rejects it.
async fn rejected_at_once(site: &Site, partner: &Partner, wallet: &str, people: [&Browser; 2]) {
    for round in ["1", "2", "3", "4", "5", "6"] {
        let id = partner.requested(site, "500", wallet, round).await;
        let (maker, rejecter) = (people[0].clone(), people[1].clone());
        let (of, path) = (id.clone(), format!("/office/withdrawals/{id}/reject"));
        let handed = tokio::spawn(async move {
            let answer = make(&maker, &[&of]).await;
            if answer.status != StatusCode::SEE_OTHER {
                return false;
            }
            let batch = answer.location().split('?').next().unwrap().to_owned();
            maker.get(&format!("{batch}/payments.csv")).await.status == StatusCode::OK
        });
        let rejected = tokio::spawn(async move {
            rejecter.post(&path, &[("reason", "Wrong")]).await.status == StatusCode::SEE_OTHER
        });
        let (handed, rejected) = (handed.await.unwrap(), rejected.await.unwrap());
        assert!(handed != rejected, "round {round}: either its file goes out or it is rejected");
    }
    site.verify().await;
}

both_databases!(a_file_goes_out_or_the_withdrawal_is_rejected_never_both, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, paypal, _) = with_wallets(&site).await;
    let people = [site.staff(Role::Finance).await, site.staff(Role::Admin).await];
    rejected_at_once(&site, &partner, &paypal, [&people[0], &people[1]]).await;
});

/// Two batches of the same withdrawals and single payments, all at once.
async fn storm(site: &Site, partner: &Partner, people: &[Browser], ids: [String; 3]) {
    let tasks: Vec<_> = (0..12)
        .map(|index| {
            let (who, ids) = (people[index % people.len()].clone(), ids.clone());
            tokio::spawn(async move {
                if index % 3 == 2 {
                    let path = format!("/office/withdrawals/{}/pay", ids[index % 2]);
                    who.post(&path, &[("reference", "single")]).await.status
                } else {
                    let order: Vec<&str> = match index % 2 {
                        0 => ids.iter().map(String::as_str).collect(),
                        _ => ids.iter().rev().map(String::as_str).collect(),
                    };
                    let answer = make(&who, &order).await;
                    if answer.status != StatusCode::SEE_OTHER {
                        return answer.status;
                    }
                    let batch = answer.location().split('?').next().unwrap().to_owned();
                    who.post(&format!("{batch}/pay"), &[("reference", "batch")]).await.status
                }
            })
        })
        .collect();
    for task in tasks {
        let status = task.await.unwrap();
        assert!(matches!(status, StatusCode::SEE_OTHER | StatusCode::CONFLICT), "{status}");
    }
    site.verify().await;
    for id in ids {
        let found = site.read(move |tx| store::withdrawals::by_id(tx, &id)).await.unwrap();
        if found.reference.is_none() {
            // A single payment made the batch impossible; what is left is still there to be paid.
            assert_eq!(found.status, domain::withdrawal::WithdrawalStatus::Pending);
        }
    }
    let balances = site.balances(partner).await;
    assert_eq!(balances.paid.minor() + balances.reserved.minor(), 180_000);
    assert!(balances.paid.is_positive(), "somebody is paid");
}

both_databases!(batches_and_single_payments_at_once_pay_once, async |db: Db| {
    let site = Site::start(db).await;
    let (partner, paypal, bank) = with_wallets(&site).await;
    let people = [site.staff(Role::Finance).await, site.staff(Role::Admin).await];
    let ids = [
        partner.requested(&site, "500", &paypal, "one").await,
        partner.requested(&site, "600", &bank, "two").await,
        partner.requested(&site, "700", &bank, "three").await,
    ];
    storm(&site, &partner, &people, ids).await;
});

#[test]
fn two_servers_pay_a_batch_once() {
    let first = testing::postgres();
    let second = Db::open(&first.url, Options { connections: 8, ..testing::options() }).unwrap();
    testing::block_on(async {
        let (one, two) = (Site::start(first.db.clone()).await, Site::start(second.clone()).await);
        let (partner, paypal, bank) = with_wallets(&one).await;
        let ann = one.staff(Role::Finance).await;
        let people = [ann.clone(), ann.at(&two.url)];
        let ids = [
            partner.requested(&one, "500", &paypal, "one").await,
            partner.requested(&one, "600", &bank, "two").await,
            partner.requested(&one, "700", &bank, "three").await,
        ];
        storm(&two, &partner, &people, ids).await;
    });
    second.close();
}
