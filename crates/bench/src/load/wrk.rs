//! wrk, from Debian's package.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Asked, Latency, Outcome};
use crate::Plan;
use crate::clean::Process;

const SCRIPT: &str = include_str!("requests.lua");

/// A load that runs.
pub struct Running {
    process: Process,
    output: PathBuf,
    limit: Duration,
}

/// Sends as fast as answers come, for a time, and waits.
pub fn flat_out(plan: &Plan, base: &str, asked: &Asked, connections: u32, time: Duration) -> Result<Outcome> {
    start(plan, base, asked, connections, time)?.outcome()
}

/// Sends as fast as answers come; the caller waits for it.
pub fn start(plan: &Plan, base: &str, asked: &Asked, connections: u32, time: Duration) -> Result<Running> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let file = |name: &str| plan.folder.join(format!("wrk-{number}-{name}"));
    let (script, words, output) = (plan.folder.join("requests.lua"), file("words"), file("output"));
    std::fs::write(&script, SCRIPT)?;
    std::fs::write(&words, asked.words.iter().map(|word| format!("{word}\n")).collect::<String>())?;
    let mut command = Command::new("wrk");
    command
        .args([
            "-t1",
            &format!("-c{connections}"),
            &format!("-d{}s", time.as_secs().max(1)),
            "--latency",
            "-s",
        ])
        .arg(&script)
        .args(asked.headers.iter().flat_map(|(name, value)| ["-H".to_owned(), format!("{name}: {value}")]));
    if !asked.body.is_empty() {
        command.args(["-H", "Content-Type: application/x-www-form-urlencoded"]);
    }
    let (first, last) = asked.numbers;
    command.args([base, "--", asked.method, &asked.path, &asked.body, &first.to_string(), &last.to_string()]);
    command.arg(if asked.words.is_empty() { std::ffi::OsStr::new("") } else { words.as_os_str() });
    command.stdin(Stdio::null()).stdout(File::create(&output)?);
    let (process, _) = Process::start(&mut command)?;
    Ok(Running { process, output, limit: time + Duration::from_secs(30) })
}

impl Running {
    /// Waits for the end.
    pub fn outcome(self) -> Result<Outcome> {
        let status = self.process.wait(self.limit)?;
        let text = std::fs::read_to_string(&self.output)?;
        let line = text.lines().rev().find(|line| line.starts_with('{'));
        read(line.with_context(|| format!("wrk ended with {status} and said: {text}"))?)
    }
}

/// Reads the line that the script prints.
fn read(line: &str) -> Result<Outcome> {
    let json: Value = serde_json::from_str(line)?;
    let number = |name: &str| json[name].as_i64().with_context(|| format!("{name} in {line}"));
    let refused = number("refused")?;
    Ok(Outcome {
        answers: number("requests")? - refused,
        micros: number("duration_us")?,
        refused,
        broken: number("broken")? + number("late")?,
        latency: Latency { p50: number("p50")?, p99: number("p99")?, p999: number("p999")? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_prints_is_read() {
        let line = r#"{"requests":1020,"duration_us":2000000,"refused":20,"broken":1,"late":2,"p50":229,"p99":10451,"p999":17417}"#;
        let outcome = read(line).unwrap();
        assert_eq!((outcome.answers, outcome.rate(), outcome.refused, outcome.broken), (1000, 500, 20, 3));
        assert_eq!(outcome.latency, Latency { p50: 229, p99: 10_451, p999: 17_417 });
        assert!(outcome.flawless().is_err());
        assert!(read("{}").is_err());
    }
}
