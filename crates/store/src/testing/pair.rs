//! A primary and its standby: two PostgreSQL servers of a test's own, of which the first can be killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::server::programs;

/// A primary that answers a commit once its standby has it, too. Both end with the test process, however that ends.
pub struct Pair {
    directory: String,
    /// None once they have been told to end.
    talk: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    watch: Child,
}

impl Pair {
    /// Starts both. Takes some seconds.
    ///
    /// # Panics
    /// When they can't be started.
    #[must_use]
    pub fn start() -> Self {
        let programs = programs();
        let mut watch = Command::new("sh")
            .args(["-c", include_str!("pair.sh"), "goodword-test-pair"])
            .arg(&programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // An interrupt at the terminal is for the test process; the servers follow it.
            .process_group(0)
            .spawn()
            .expect("a shell for the pair of PostgreSQL servers");
        let said = watch.stdin.take().expect("piped above");
        let mut heard = BufReader::new(watch.stdout.take().expect("piped above"));
        let mut line = String::new();
        heard.read_line(&mut line).expect("what the pair of servers says");
        let Some(directory) = line.trim_end().strip_prefix("ready ").map(str::to_owned) else {
            _ = heard.read_to_string(&mut line);
            panic!("no pair of PostgreSQL servers could be started from {}:\n{line}", programs.display());
        };
        Self { directory, talk: Mutex::new(Some((said, heard))), watch }
    }

    /// The address that names both.
    #[must_use]
    pub fn url(&self) -> String {
        // Slashes would end the hosts.
        let directory = self.directory.replace('/', "%2F");
        format!("postgres://postgres@{directory}%2Fone,{directory}%2Ftwo/postgres")
    }

    /// The address of the standby alone.
    #[must_use]
    pub fn standby_url(&self) -> String {
        format!("postgres:///postgres?user=postgres&host={}/two", self.directory)
    }

    /// Kills the primary, by SIGKILL.
    pub fn kill_primary(&self) {
        self.tell("kill one");
    }

    /// Has the primary hang: connections to it stay open, and nobody answers.
    pub fn freeze_primary(&self) {
        self.tell("freeze one");
    }

    /// Has the standby hang.
    pub fn freeze_standby(&self) {
        self.tell("freeze two");
    }

    /// Makes the standby the primary.
    pub fn promote_standby(&self) {
        self.tell("promote");
    }

    fn tell(&self, what: &str) {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, heard) = talk.as_mut().expect("taken only when dropped");
        writeln!(said, "{what}").expect("the pair of servers is there");
        let mut line = String::new();
        heard.read_line(&mut line).expect("what the pair of servers says");
        assert_eq!(line.trim_end(), "done", "{what}, in {}", self.directory);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // Their watch's standard input closes, and it clears away.
        drop(self.talk.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        _ = self.watch.wait();
    }
}
