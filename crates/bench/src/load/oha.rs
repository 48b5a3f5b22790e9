//! oha, the generator with a fixed rate.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Asked, CONNECTIONS, Latency, Outcome};
use crate::Plan;
use crate::clean::Process;

/// Sends so many requests a second, whatever the server does.
pub fn at_rate(plan: &Plan, base: &str, asked: &Asked, rate: i64, time: Duration) -> Result<Outcome> {
    let (urls, output) = (plan.folder.join("oha-urls"), plan.folder.join("oha-output"));
    let words = if asked.words.is_empty() { &[String::new()][..] } else { &asked.words };
    let list: String =
        words.iter().map(|word| format!("{base}{}\n", asked.path.replace('@', word))).collect();
    std::fs::write(&urls, list)?;
    let mut command = Command::new(&plan.oha);
    command
        .args(["--no-tui", "--output-format", "json", "--redirect", "0", "--latency-correction"])
        .args(["-c", &CONNECTIONS.to_string(), "-q", &rate.to_string()])
        .args(["-z", &format!("{}s", time.as_secs().max(1)), "--wait-ongoing-requests-after-deadline"])
        .args(asked.headers.iter().flat_map(|(name, value)| ["-H".to_owned(), format!("{name}: {value}")]))
        .arg("--urls-from-file")
        .arg(&urls)
        .stdin(Stdio::null())
        .stdout(File::create(&output)?);
    let (process, _) = Process::start(&mut command)?;
    let status = process.wait(time + Duration::from_secs(60))?;
    let text = std::fs::read_to_string(&output)?;
    read(&text).with_context(|| format!("oha ended with {status} and said: {text}"))
}

/// Reads oha's JSON.
fn read(text: &str) -> Result<Outcome> {
    let json: Value = serde_json::from_str(text)?;
    let micros = |value: &Value, name: &str| {
        let seconds = value[name].as_f64().with_context(|| format!("{name} is missing"))?;
        let time = Duration::try_from_secs_f64(seconds).with_context(|| format!("{name} is {seconds}"))?;
        Ok::<_, anyhow::Error>(i64::try_from(time.as_micros())?)
    };
    let empty = serde_json::Map::new();
    let of = |name: &str| json[name].as_object().unwrap_or(&empty);
    let (mut answers, mut refused) = (0, 0);
    for (status, count) in of("statusCodeDistribution") {
        let count = count.as_i64().unwrap_or(0);
        *(if *status.as_str() < *"400" { &mut answers } else { &mut refused }) += count;
    }
    // What was cut off by the end of the time is no failure.
    let errors = of("errorDistribution").iter().filter(|(name, _)| !name.contains("aborted due to deadline"));
    let percentiles = &json["latencyPercentiles"];
    Ok(Outcome {
        answers,
        micros: micros(&json["summary"], "total")?,
        refused,
        broken: errors.filter_map(|(_, count)| count.as_i64()).sum(),
        latency: Latency {
            p50: micros(percentiles, "p50")?,
            p99: micros(percentiles, "p99")?,
            p999: micros(percentiles, "p99.9")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What oha 1.16 prints, shortened.
    const SAID: &str = r#"{
        "summary": {"successRate": 1.0, "total": 2.0004, "requestsPerSec": 500.1},
        "latencyPercentiles": {"p10": 0.0001, "p50": 0.000229, "p99": 0.010451, "p99.9": 0.017417, "p99.99": 0.02},
        "statusCodeDistribution": {"302": 990, "303": 10, "503": 4},
        "errorDistribution": {"aborted due to deadline": 7, "connection closed": 2}
    }"#;

    #[test]
    fn what_oha_prints_is_read() {
        let outcome = read(SAID).unwrap();
        assert_eq!((outcome.answers, outcome.refused, outcome.broken), (1000, 4, 2));
        assert_eq!(outcome.micros, 2_000_400);
        assert_eq!(outcome.latency, Latency { p50: 229, p99: 10_451, p999: 17_417 });
    }

    #[test]
    fn an_answer_without_latencies_is_an_error() {
        assert!(read(r#"{"summary": {"total": 1.0}, "latencyPercentiles": {"p50": null}}"#).is_err());
        assert!(read("oha: no such host").is_err());
    }
}
