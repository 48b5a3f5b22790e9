//! One try to deliver: the request, the connection, the answer.

use std::{error::Error, sync::OnceLock, time::Duration};

use domain::clock::SECOND;
use reqwest::{Method, header, redirect::Policy};
use serde_json::Value;
use store::{
    webhook_deliveries::{Delivery, Try},
    webhooks::{HookKind, Secret, Webhook},
};

use super::{guard, sign, template};
use crate::app::App;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes.
const READ: usize = 64 << 10;
/// How much of it is kept, in bytes.
const KEPT: usize = 2 << 10;
/// The longest identifier that is taken from an answer, in characters: as long as the programming interface takes.
const LONGEST_ID: usize = 100;

/// What is shown in place of a secret.
pub const HIDDEN: &str = "••••••••";

/// Headers whose values anybody may read; every other value may be a secret.
const OPEN_HEADERS: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];

/// Whether the value of a header is shown.
pub fn is_open(name: &str) -> bool {
    OPEN_HEADERS.iter().any(|open| name.eq_ignore_ascii_case(open))
}

/// The way out.
pub struct Sender {
    http: OnceLock<Result<reqwest::Client, String>>,
    /// Addresses in private networks and on this machine are allowed.
    pub allow_private: bool,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Taken,
    /// It may work later; in microseconds how long the other side asked to be left alone.
    Failed(Option<i64>),
    /// Nobody wants anything there any more (HTTP 410).
    Gone,
}

/// A try with what became of it.
#[derive(Debug, Clone)]
pub struct Made {
    /// What was sent and answered.
    pub made: Try,
    /// What that means.
    pub verdict: Verdict,
    /// What the other side calls the client or deal, if it was asked.
    pub answer_id: Option<String>,
}

impl Sender {
    /// A way out that nothing has gone by yet.
    pub const fn new(allow_private: bool) -> Sender {
        Sender { http: OnceLock::new(), allow_private }
    }

    fn http(&self) -> Result<&reqwest::Client, String> {
        let made = self.http.get_or_init(|| {
            crate::real::choose_tls();
            let builder = reqwest::Client::builder()
                .connect_timeout(CONNECT)
                .timeout(ANSWER)
                // Followed, a redirect would lead past whoever was looked at.
                .redirect(Policy::none())
                // A proxy would look names up itself, where nobody looks at what they mean.
                .no_proxy()
                // Each try looks its name up anew.
                .pool_max_idle_per_host(0)
                .referer(false)
                .user_agent(concat!("Goodword/", env!("CARGO_PKG_VERSION")));
            let builder = if self.allow_private { builder } else { builder.dns_resolver(guard::PublicOnly) };
            builder.build().map_err(|error| reason(&error))
        });
        made.as_ref().map_err(Clone::clone)
    }
}

/// Makes one try.
pub async fn attempt(app: &App, hook: &Webhook, secrets: &[Secret], delivery: &Delivery) -> Made {
    let at = app.clock.now();
    let mut made = Try {
        at,
        took_ms: 0,
        headers: vec![],
        body: String::new(),
        status: None,
        answer: String::new(),
        error: String::new(),
    };
    let answer = exchange(app, hook, secrets, delivery, &mut made).await;
    made.took_ms = (app.clock.now().since(at) / 1_000).max(0);
    let (verdict, answer_id) = match answer {
        Ok(answer) => {
            made.status = Some(i64::from(answer.status));
            made.answer = shown(&answer.body);
            let verdict = answer.verdict();
            made.error = match verdict {
                Verdict::Taken => String::new(),
                Verdict::Gone => format!("It answered {}: nothing is wanted there any more.", answer.status),
                Verdict::Failed(_) if (300..400).contains(&answer.status) => {
                    format!(
                        "It answered {}, and redirects are not followed. Correct the address.",
                        answer.status
                    )
                }
                Verdict::Failed(_) => format!("It answered {}.", answer.status),
            };
            let wants_id = verdict == Verdict::Taken && !hook.outline.answer_id.is_empty();
            (verdict, wants_id.then(|| read_id(&answer.body, &hook.outline.answer_id)).flatten())
        }
        Err(why) => {
            made.error = why;
            (Verdict::Failed(None), None)
        }
    };
    Made { made, verdict, answer_id }
}

struct Answer {
    status: u16,
    retry_after: Option<i64>,
    body: Vec<u8>,
}

impl Answer {
    const fn verdict(&self) -> Verdict {
        match self.status {
            200..=299 => Verdict::Taken,
            410 => Verdict::Gone,
            _ => Verdict::Failed(self.retry_after),
        }
    }
}

async fn exchange(
    app: &App,
    hook: &Webhook,
    secrets: &[Secret],
    delivery: &Delivery,
    made: &mut Try,
) -> Result<Answer, String> {
    let sender = &app.hooks;
    // A name is looked at when it is looked up; an address that stands there itself is looked at here.
    let url = guard::read(&hook.url, true).map_err(|error| error.to_string())?;
    if !sender.allow_private && guard::literal_is_private(&url) {
        return Err(guard::AddressError::Private.to_string());
    }
    let http = sender.http()?;
    let method = Method::from_bytes(hook.outline.method.as_bytes()).unwrap_or(Method::POST);
    let mut request = http.request(method, url).header(header::CONTENT_TYPE, "application/json");
    made.headers.push(("content-type".into(), "application/json".into()));
    let body = match hook.kind {
        HookKind::Standard => {
            let timestamp = app.clock.now().micros() / SECOND;
            let secrets = secrets.iter().map(|secret| secret.secret.as_str());
            let signed = sign::signatures(secrets, &delivery.id, timestamp, &delivery.body);
            for (name, value) in [
                ("webhook-id", delivery.id.clone()),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", signed),
            ] {
                request = request.header(name, &value);
                made.headers.push((name.into(), value));
            }
            delivery.body.clone()
        }
        HookKind::Request => {
            let facts: Value = serde_json::from_str(&delivery.body).unwrap_or(Value::Null);
            for (name, value) in &hook.outline.headers {
                request = request.header(name, value);
                let shown = if is_open(name) { value.clone() } else { HIDDEN.to_owned() };
                made.headers.push((name.to_lowercase(), shown));
            }
            let body = template::fill(&hook.outline.template, &facts).map_err(|error| error.to_string())?;
            made.body.clone_from(&body);
            body
        }
    };
    let mut response = request.body(body).send().await.map_err(|error| words(&error))?;
    let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = asked.and_then(|text| text.trim().parse::<i64>().ok()).map(|seconds| {
        // More than a day is cut to a day anyway.
        seconds.clamp(0, 1_000_000) * SECOND
    });
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while body.len() < READ {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(READ - body.len())]),
            Ok(None) => break,
            // The status says whether it was taken; the rest is for people.
            Err(_) => break,
        }
    }
    Ok(Answer { status, retry_after, body })
}

/// How an answer begins, as text that can be stored.
fn shown(body: &[u8]) -> String {
    let start = &body[..body.len().min(KEPT)];
    String::from_utf8_lossy(start).replace('\0', "\u{fffd}")
}

/// What an answer says at a place: a text or a whole number.
fn read_id(body: &[u8], pointer: &str) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let found = match answer.pointer(pointer)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return None,
    };
    let fits =
        !found.is_empty() && found.chars().count() <= LONGEST_ID && !found.chars().any(char::is_control);
    fits.then_some(found)
}

/// What the network said, without the address, which may hold a secret.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("No answer came within {} seconds.", ANSWER.as_secs());
    }
    let what = if error.is_connect() {
        "No connection could be made"
    } else if error.is_builder() {
        "The request could not be made"
    } else {
        "The connection broke off"
    };
    format!("{what}: {}.", reason(error))
}

/// The innermost reason.
fn reason(error: &reqwest::Error) -> String {
    let mut at: Option<&(dyn Error + 'static)> = error.source();
    let mut innermost = None;
    while let Some(source) = at {
        innermost = Some(source.to_string());
        at = source.source();
    }
    innermost.unwrap_or_else(|| "no reason given".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_where_it_stands() {
        let answer =
            br#"{"result": 4711, "data": {"id": "d-1", "n": 1.5}, "_embedded": {"leads": [{"id": 9}]}}"#;
        for (pointer, id) in [
            ("/result", Some("4711")),
            ("/data/id", Some("d-1")),
            ("/_embedded/leads/0/id", Some("9")),
            ("/data/n", None),
            ("/data", None),
            ("/nowhere", None),
        ] {
            assert_eq!(read_id(answer, pointer).as_deref(), id, "{pointer}");
        }
        assert_eq!(read_id(b"<html>", "/id"), None);
        assert_eq!(read_id(format!("{{\"id\": \"{}\"}}", "x".repeat(101)).as_bytes(), "/id"), None);
    }

    #[test]
    fn an_answer_is_kept_as_text() {
        assert_eq!(shown(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
        assert_eq!(shown(&[b'x'; 5000]).len(), 2048);
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        assert!(is_open("Content-Type") && !is_open("Authorization") && !is_open("x-api-token"));
    }
}
