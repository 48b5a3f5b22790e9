//! A real mail server that a test starts, and what it has got.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;
use server::config::Settings;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smtp_peer.py");

/// A mail server in a process of its own; it ends with its owner.
pub struct Mailbox {
    child: Child,
    pub port: u64,
    got: Arc<Mutex<Vec<Mail>>>,
}

/// A message that the mail server has got.
#[derive(Debug, Clone)]
pub struct Mail(Value);

impl Mail {
    pub fn header(&self, name: &str) -> &str {
        self.0["headers"][name].as_str().unwrap_or("")
    }

    pub fn field(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or("")
    }

    pub fn is(&self, name: &str) -> bool {
        self.0[name] == true
    }

    pub fn id(&self) -> &str {
        self.header("message-id")
    }
}

/// A Python that has aiosmtpd: the one first in the PATH may be another than the system's, for which Debian has it.
fn python() -> PathBuf {
    let has_it = |python: &&str| {
        let mut asked = Command::new(python);
        asked.args(["-c", "import aiosmtpd"]).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_it);
    found.expect("a python3 with aiosmtpd; on Debian: apt-get install python3-aiosmtpd").into()
}

impl Mailbox {
    pub fn start() -> Mailbox {
        Mailbox::start_with(&[])
    }

    pub fn start_with(arguments: &[&str]) -> Mailbox {
        let mut child = Command::new(python())
            .arg(SCRIPT)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the mail server starts").unwrap();
        let port = serde_json::from_str::<Value>(&line).unwrap()["port"].as_u64().unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let keeping = got.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keeping.lock().unwrap().push(Mail(serde_json::from_str(&line).unwrap()));
            }
        });
        Mailbox { child, port, got }
    }

    /// The settings of a server that hands its mail in here; `more` comes after the address.
    pub fn settings(&self, more: &str) -> Settings {
        Settings {
            smtp_url: Some(format!("smtp://127.0.0.1:{}{more}", self.port)),
            mail_from: Some("Northwind Partners <partners@example.com>".into()),
            rate_limit: Some(0),
            ..Settings::default()
        }
    }

    /// What has been got so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until at least that many messages have been got.
    pub fn wait_for(&self, count: usize) -> Vec<Mail> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < end, "only {} of {count} messages have arrived", mails.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
