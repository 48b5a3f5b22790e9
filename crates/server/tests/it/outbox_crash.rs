//! The real program and the outbox: killed in the middle of sending, stopped in order, and over an encrypted connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use store::{Db, DbError, outbox::Status, params, testing};

use crate::{
    crash::Process,
    mailbox::Mailbox,
    outbox::{messages, write},
    support::Site,
};

const FROM: &str = "Partners <partners@example.com>";

fn open(database: &str) -> Db {
    tokio::task::block_in_place(|| Db::open(database, testing::options()).unwrap())
}

/// Writes messages into a database that no server has open.
async fn prepare(database: &str, count: usize, name: &str) {
    let site = Site::start(open(database)).await;
    for number in 0..count {
        write(&site.app, "Mara", &format!("{name}{number}@example.com"), "x").await;
    }
    site.stop();
}

/// The time passes after which a worker that says nothing is taken for dead. The real program has the real clock, so
/// the leases are made to end instead.
async fn leases_end(database: &str) {
    let db = open(database);
    let ended = db.write(|tx| -> Result<u64, DbError> {
        tx.exec(
            "UPDATE outbox SET next_at = created_at WHERE status = 'waiting' AND claimed_by IS NOT NULL",
            params![],
        )
    });
    ended.await.unwrap();
    tokio::task::block_in_place(|| db.close());
}

fn killed_while_sending(database: &str) {
    const COUNT: usize = 240;
    testing::block_on(async {
        prepare(database, COUNT, "paced").await;
        let mailbox = Mailbox::start();
        let url = format!("smtp://127.0.0.1:{}", mailbox.port);
        let settings = [("GOODWORD_SMTP_URL", url.as_str()), ("GOODWORD_MAIL_FROM", FROM)];
        for part in 1..4 {
            let process = Process::start_with(database, &settings);
            tokio::task::block_in_place(|| mailbox.wait_for(part * 60));
            process.kill();
            leases_end(database).await;
        }
        assert!(mailbox.mails().len() < COUNT, "everything was sent before the last kill: nothing is proven");
        let process = Process::start_with(database, &settings);
        let arrived = || -> BTreeSet<String> {
            mailbox.mails().iter().map(|mail| mail.field("recipient").to_owned()).collect()
        };
        let all = async {
            while arrived().len() < COUNT {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("every message");
        process.stop();

        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for mail in mailbox.mails() {
            ids.entry(mail.field("recipient").to_owned()).or_default().insert(mail.id().to_owned());
        }
        assert!(ids.values().all(|ids| ids.len() == 1), "a copy has another Message-ID: {ids:#?}");
        let doubled = mailbox.mails().len() - COUNT;
        assert!(doubled <= 3 * 8, "more came twice than can have been on their way: {doubled}");
        let site = Site::start(open(database)).await;
        let written = messages(&site).await;
        assert_eq!(written.len(), COUNT);
        for message in written {
            assert_eq!(message.status, Status::Sent, "{message:#?}");
            let id = ids[&message.address].first().unwrap();
            assert!(id.contains(&message.id), "{id}");
        }
        site.stop();
    });
}

#[test]
fn killing_the_server_on_sqlite_loses_no_message() {
    let place = testing::Place::empty_sqlite();
    killed_while_sending(&place.url());
}

#[test]
fn killing_the_server_on_postgresql_loses_no_message() {
    let place = testing::postgres();
    killed_while_sending(&place.url);
}

#[test]
fn a_server_that_is_stopped_lets_what_is_on_its_way_arrive() {
    let place = testing::Place::empty_sqlite();
    let database = place.url();
    testing::block_on(async {
        prepare(&database, 100, "paced").await;
        let mailbox = Mailbox::start();
        let url = format!("smtp://127.0.0.1:{}", mailbox.port);
        let settings = [("GOODWORD_SMTP_URL", url.as_str()), ("GOODWORD_MAIL_FROM", FROM)];
        let process = Process::start_with(&database, &settings);
        tokio::task::block_in_place(|| mailbox.wait_for(20));
        process.stop();
        let site = Site::start(open(&database)).await;
        let sent = messages(&site).await.iter().filter(|message| message.status == Status::Sent).count();
        assert_eq!(sent, mailbox.mails().len(), "every message that arrived is known to have arrived");
        assert!(sent < 100);
        let claimed = site.read(|tx| tx.all("SELECT id FROM outbox WHERE claimed_by IS NOT NULL", &[])).await;
        assert!(claimed.is_empty(), "nothing is left half-way");
        site.stop();
    });
}

#[test]
fn mail_goes_over_an_encrypted_connection_with_name_and_password() {
    let place = testing::Place::empty_sqlite();
    let database = place.url();
    let folder = std::env::temp_dir().join(format!("goodword-smtp-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut certificate = CertificateParams::new(vec!["localhost".into()]).unwrap();
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = certificate.self_signed(&key).unwrap();
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert_file, certificate.pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    let (cert_file, key_file) = (cert_file.to_str().unwrap(), key_file.to_str().unwrap());

    testing::block_on(async {
        prepare(&database, 3, "mara").await;
        let credentials = ["--user", "post@example.com", "--password", "p/w: ü"];
        let mailbox =
            Mailbox::start_with(&[&["--cert", cert_file, "--key", key_file], &credentials[..]].concat());
        let url = format!("smtp://post%40example.com:p%2Fw%3A%20%C3%BC@localhost:{}", mailbox.port);
        let settings = [("GOODWORD_SMTP_URL", url.as_str()), ("GOODWORD_MAIL_FROM", FROM)];

        // A certificate that nobody vouches for: nothing is sent.
        let process = Process::start_with(&database, &settings);
        tokio::time::sleep(Duration::from_secs(4)).await;
        process.stop();
        assert_eq!(mailbox.mails().len(), 0);
        let site = Site::start(open(&database)).await;
        for message in messages(&site).await {
            assert_eq!(message.status, Status::Waiting);
            assert!(message.last_error.contains("certificate"), "{}", message.last_error);
            assert!(!message.last_error.contains("p/w"), "{}", message.last_error);
        }
        let due = "UPDATE outbox SET next_at = created_at";
        site.app.db.write(|tx| -> Result<u64, DbError> { tx.exec(due, params![]) }).await.unwrap();
        site.stop();

        // The same one, trusted.
        let trusting = [settings[0], settings[1], ("SSL_CERT_FILE", cert_file)];
        let process = Process::start_with(&database, &trusting);
        let mails = tokio::task::block_in_place(|| mailbox.wait_for(3));
        process.stop();
        for mail in mails {
            assert!(mail.is("encrypted"));
            assert_eq!(mail.field("user"), "post@example.com");
        }
    });
    fs::remove_dir_all(&folder).unwrap();
}
