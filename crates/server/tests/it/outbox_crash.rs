//! The real program and the outbox: killed in the middle of sending, stopped in order, and over an encrypted connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::mpsc,
    time::Duration,
};

use domain::notice::Channel;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use server::{
    config::Settings,
    notify::{self, Notice},
};
use store::{Db, DbError, notices, outbox::Status, params, testing};

use crate::{
    bot_api::{BotApi, TOKEN},
    crash::Process,
    mailbox::Mailbox,
    outbox::{all_messages, messages, write},
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

/// Writes notices by Telegram into a database that no server has open: of new clients, numbered from 0 on.
async fn prepare_telegram(database: &str, api: &BotApi, count: i64) {
    let settings = Settings {
        telegram_token: Some(TOKEN.into()),
        telegram_api: Some(api.url.clone()),
        ..Settings::default()
    };
    let site = Site::start_with(open(database), settings).await;
    let id = site.partner("Mara").await.id;
    let written = site.app.write(move |tx, env| -> Result<(), DbError> {
        notices::connect_telegram(tx, &id, "7", "Mara", env.now)?;
        (0..count).try_for_each(|client| {
            notify::tell(
                tx,
                env,
                &id,
                &Notice::NewClient { client, name: format!("Client {client} of hers") },
            )
        })
    });
    written.await.unwrap();
    site.stop();
}

/// Holds the outbox as it is, until it is told to let go: nobody can mark a message. Returns once that is so.
fn hold_outbox(database: &str) -> impl FnOnce() + use<> {
    let db = open(database);
    let (held, is_held) = mpsc::channel();
    let (let_go, may_let_go) = mpsc::channel();
    let holding = std::thread::spawn(move || {
        let all = db.write_blocking(move |tx| -> Result<u64, DbError> {
            // SQLite has one writer; PostgreSQL locks the rows.
            let all = tx.exec("UPDATE outbox SET attempts = attempts", params![])?;
            held.send(()).unwrap();
            may_let_go.recv().unwrap();
            Ok(all)
        });
        db.close();
        assert!(all.unwrap() > 0);
    });
    tokio::task::block_in_place(|| is_held.recv().unwrap());
    move || {
        let_go.send(()).unwrap();
        tokio::task::block_in_place(|| holding.join().unwrap());
    }
}

fn killed_while_telegram_is_told(database: &str) {
    const COUNT: i64 = 20;
    // As many as are on their way at once.
    const AT_ONCE: usize = 8;
    testing::block_on(async {
        let api = BotApi::start().await;
        prepare_telegram(database, &api, COUNT).await;
        let settings = [("GOODWORD_TELEGRAM_TOKEN", TOKEN), ("GOODWORD_TELEGRAM_API", api.url.as_str())];
        api.hold_messages(true);

        // Before the answer.
        let process = Process::start_with(database, &settings);
        api.has_in_hand(AT_ONCE).await;
        process.kill();
        leases_end(database).await;
        api.has_in_hand(0).await;
        api.has_taken(0).await;

        // Between the answer and the mark.
        let process = Process::start_with(database, &settings);
        api.has_in_hand(AT_ONCE).await;
        let let_go = hold_outbox(database);
        api.hold_messages(false);
        api.has_taken(AT_ONCE).await;
        // The answers arrive, and what became of the messages is about to be written down.
        tokio::time::sleep(Duration::from_millis(500)).await;
        process.kill();
        let_go();
        leases_end(database).await;
        let twice: BTreeSet<String> = api.take_sent().into_iter().map(|sent| sent.text).collect();
        assert_eq!(twice.len(), AT_ONCE);
        let site = Site::start(open(database)).await;
        let is_marked = all_messages(&site).await.iter().any(|message| message.status == Status::Sent);
        assert!(!is_marked, "a message was marked before the kill: nothing is proven");
        site.stop();

        // Every message comes; only those a second time that came and were not marked.
        let process = Process::start_with(database, &settings);
        api.has_taken(usize::try_from(COUNT).unwrap()).await;
        // More than one look for what is due.
        tokio::time::sleep(Duration::from_secs(3)).await;
        process.stop();
        let texts: Vec<String> = api.take_sent().into_iter().map(|sent| sent.text).collect();
        for client in 0..COUNT {
            let name = format!("Client {client} of hers");
            let times = texts.iter().filter(|text| text.contains(&name)).count();
            assert_eq!(times, 1, "{name}: {texts:#?}");
        }
        assert_eq!(texts.len(), usize::try_from(COUNT).unwrap());
        let again = texts.iter().filter(|text| twice.contains(*text)).count();
        assert_eq!(again, AT_ONCE, "what comes again is another text");
        let site = Site::start(open(database)).await;
        let by_telegram = all_messages(&site).await.into_iter().filter(|it| it.channel == Channel::Telegram);
        let by_telegram: Vec<_> = by_telegram.collect();
        assert_eq!(by_telegram.len(), texts.len());
        for message in by_telegram {
            assert_eq!(message.status, Status::Sent, "{message:#?}");
        }
        site.stop();
    });
}

#[test]
fn killing_the_server_on_sqlite_loses_no_message_by_telegram() {
    let place = testing::Place::empty_sqlite();
    killed_while_telegram_is_told(&place.url());
}

#[test]
fn killing_the_server_on_postgresql_loses_no_message_by_telegram() {
    let place = testing::postgres();
    killed_while_telegram_is_told(&place.url);
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
