//! Two servers behind a real proxy, HAProxy with the file that docs/examples has: one is killed in the middle of the
//! work, started again, and then the other is stopped.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::http::StatusCode;
use store::{Db, DbError, params, testing};

use crate::{
    crash::{self, Process},
    load::{Clicks, Load, clicks_are_in},
    mailbox::Mailbox,
    support::{Browser, Folder},
};

const CONFIG: &str = include_str!("../../../../docs/examples/haproxy.cfg");

/// Ends the proxy when its own standard input closes, which even a killed test process does. What it is given for its
/// standard output is the socket that the proxy listens on, as its third file.
const WATCH: &str = r#"exec 3>&1 1>&2; haproxy -db -f "$1" 2>/dev/null & cat >/dev/null; kill $!; wait $! 2>/dev/null; rm -f "$1""#;

/// A proxy that ends with its owner.
struct Proxy {
    watch: Child,
}

impl Proxy {
    /// Starts the proxy on a socket that is there already, before two servers.
    fn start(socket: TcpListener, servers: [&str; 2]) -> Proxy {
        let known = Command::new("haproxy").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(known.is_ok_and(|status| status.success()), "a haproxy; on Debian: apt-get install haproxy");
        let address = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
        let mut config = CONFIG.to_owned();
        for (written, tried) in [
            ("bind 127.0.0.1:8000", "bind fd@3"),
            ("127.0.0.1:8081", &address(servers[0])),
            ("127.0.0.1:8082", &address(servers[1])),
        ] {
            assert!(config.contains(written), "{written} is not in the file");
            config = config.replace(written, tried);
        }
        let port = socket.local_addr().unwrap().port();
        let file = std::env::temp_dir().join(format!("goodword-haproxy-{}-{port}.cfg", std::process::id()));
        std::fs::write(&file, config).unwrap();
        let watch = Command::new("sh")
            .args(["-c", WATCH, "goodword-test-proxy"])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::from(OwnedFd::from(socket)))
            .process_group(0)
            .spawn()
            .unwrap();
        Proxy { watch }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// A socket for the proxy, and the address that people type.
fn door() -> (TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

async fn is_ready(url: &str) {
    let ready = async {
        loop {
            let answer = Browser::new(url).try_get("/readyz").await;
            if answer.is_some_and(|answer| answer.status == StatusCode::OK) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ready)
        .await
        .unwrap_or_else(|_| panic!("{url} is not ready"));
}

/// Messages that a server has taken out of the outbox and not marked: the message and the word of who has it.
async fn on_their_way(db: &Db) -> Vec<(String, String)> {
    let read: Result<_, DbError> = db
        .read(|tx| {
            let rows = tx.all(
                "SELECT id, claimed_by FROM outbox WHERE status = 'waiting' AND claimed_by IS NOT NULL",
                &[],
            )?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, _>>()
        })
        .await;
    read.unwrap()
}

/// The time passes after which a server that says nothing is taken for dead: the real programs have the real clock.
async fn leases_end(db: &Db, taken: Vec<(String, String)>) {
    let ended: Result<(), DbError> = db
        .write(move |tx| {
            for (id, holder) in &taken {
                tx.exec(
                    "UPDATE outbox SET next_at = created_at WHERE id = $1 AND claimed_by = $2 AND status = 'waiting'",
                    params![id, holder],
                )?;
            }
            Ok(())
        })
        .await;
    ended.unwrap();
}

/// Everything in the outbox has been sent and has come, and nothing twice but what was on its way when a server died.
async fn every_mail_came(db: &Db, mailbox: &Mailbox, on_their_way: Vec<(String, String)>) {
    let may_come_twice: BTreeSet<String> = on_their_way.iter().map(|(id, _)| id.clone()).collect();
    leases_end(db, on_their_way).await;
    let waiting = || async {
        let left: Result<i64, DbError> = db
            .read(|tx| {
                tx.one("SELECT COUNT(*) FROM outbox WHERE status = 'waiting' AND channel = 'mail'", &[])?
                    .get(0)
            })
            .await;
        left.unwrap()
    };
    let sent = async {
        while waiting().await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), sent).await.expect("every message is sent");
    let written: Result<Vec<String>, DbError> = db
        .read(|tx| {
            let rows = tx.all("SELECT id FROM outbox WHERE status = 'sent' AND channel = 'mail'", &[])?;
            rows.iter().map(|row| row.get(0)).collect()
        })
        .await;
    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    for mail in mailbox.mails() {
        let id = mail.id().trim_start_matches('<').split('@').next().unwrap().to_owned();
        *came.entry(id).or_default() += 1;
    }
    for id in written.unwrap() {
        let times = came.get(&id).copied().unwrap_or(0);
        let right = if may_come_twice.contains(&id) { 1..=2 } else { 1..=1 };
        assert!(right.contains(&times), "{id} is marked as sent and came {times} times");
    }
}

#[test]
fn a_server_is_killed_behind_the_proxy_and_clients_notice_nothing_but_a_second_try() {
    let place = testing::postgres();
    let database = place.url.clone();
    testing::block_on(async {
        let ground = crash::prepare(&database, 600).await;
        let mailbox = Mailbox::start();
        let smtp = format!("smtp://127.0.0.1:{}", mailbox.port);
        let (socket, url) = door();
        let folder = Folder::new();
        let data = folder.path().display().to_string();
        let settings = [
            ("GOODWORD_SMTP_URL", smtp.as_str()),
            ("GOODWORD_MAIL_FROM", "Partners <partners@example.com>"),
            ("GOODWORD_PUBLIC_URL", url.as_str()),
            ("GOODWORD_TRUSTED_PROXIES", "127.0.0.1"),
            ("GOODWORD_DATA_DIR", data.as_str()),
        ];
        let start = |listen: &str| {
            tokio::task::block_in_place(|| Process::start_at(listen, &database, "0", &settings))
        };
        let (one, two) = (start("127.0.0.1:0"), start("127.0.0.1:0"));
        let proxy = Proxy::start(socket, [&one.url, &two.url]);
        is_ready(&url).await;

        let load = Load::start(&ground, &[&url]);
        load.goes_on(100).await;
        let address = two.url.strip_prefix("http://").unwrap().to_owned();
        two.kill();
        let mut taken = on_their_way(&place.db).await;
        load.goes_on(100).await;
        let two = start(&address);
        is_ready(&two.url).await;
        load.goes_on(50).await;
        // The other is stopped in order, as for a new version. From now on it is the one that was killed who answers.
        tokio::task::block_in_place(|| one.stop());
        taken.extend(on_their_way(&place.db).await);
        load.goes_on(100).await;
        let answered = load.finish().await;

        clicks_are_in(&folder).await;
        every_mail_came(&place.db, &mailbox, taken).await;
        tokio::task::block_in_place(|| two.stop());
        drop(proxy);
        answered.must_be_in(&database, &ground.partner.id, Clicks::MayBeTwice).await;
    });
    crash::verify(&place.url);
}

/// A visitor's browser with an address of its own, on this machine.
fn visitor(address: [u8; 4]) -> reqwest::Client {
    server::real::choose_tls();
    reqwest::Client::builder().local_address(std::net::IpAddr::from(address)).build().unwrap()
}

#[test]
fn behind_the_proxy_visitors_are_told_apart_and_counted_over_both_servers() {
    let place = testing::postgres();
    testing::block_on(async {
        let (socket, url) = door();
        let settings = [("GOODWORD_PUBLIC_URL", url.as_str()), ("GOODWORD_TRUSTED_PROXIES", "127.0.0.1")];
        let start =
            || tokio::task::block_in_place(|| Process::start_at("127.0.0.1:0", &place.url, "1", &settings));
        let (one, two) = (start(), start());
        let _proxy = Proxy::start(socket, [&one.url, &two.url]);
        is_ready(&url).await;
        let ask = async |who: &reqwest::Client, number: usize| {
            let form = [("email", format!("nobody{number}@example.com"))];
            let sent = who.post(format!("{url}/recover")).header("origin", &url).form(&form).send().await;
            sent.unwrap().status()
        };
        let many = visitor([127, 0, 0, 2]);
        let mut allowed = 0;
        for number in 0..16 {
            allowed += usize::from(ask(&many, number).await == StatusCode::OK);
        }
        // Ten at once, then one each minute that passes.
        assert!((10..=13).contains(&allowed), "{allowed}");
        assert_eq!(ask(&visitor([127, 0, 0, 3]), 99).await, StatusCode::OK, "somebody else isn't to wait");
    });
}

/// The file that operators are given says nothing that HAProxy doesn't know.
#[test]
fn the_file_for_haproxy_is_one() {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../docs/examples/haproxy.cfg"].iter().collect();
    let checked = Command::new("haproxy").arg("-c").arg("-f").arg(file).output();
    let checked = checked.expect("a haproxy; on Debian: apt-get install haproxy");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
