//! Single requests, as a browser sends them; load comes from elsewhere.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Client, Method, redirect::Policy};
use tokio::runtime::Runtime;

/// What a browser says of itself with every request. Without, the server would take the load for a program's.
pub const BROWSER: [(&str, &str); 3] = [
    (
        "User-Agent",
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.9"),
];

/// A header and its value.
pub type Header = (String, String);

/// What a browser says, and more.
pub fn browser_with(more: &[(&str, &str)]) -> Vec<Header> {
    BROWSER.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What a server answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its headers, without those that every connection makes for itself.
    pub headers: Vec<Header>,
    /// The body as it came, not unpacked.
    pub body: Vec<u8>,
}

impl Answer {
    /// How many bytes came: status line, headers and body, without chunks and TCP.
    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        headers + self.body.len()
    }
}

/// Asks for a page.
pub fn get(base: &str, path: &str, headers: &[Header]) -> Result<Answer> {
    send(Method::GET, base, path, headers, "")
}

/// Sends a form.
pub fn post(base: &str, path: &str, headers: &[Header], body: &str) -> Result<Answer> {
    send(Method::POST, base, path, headers, body)
}

fn send(method: Method, base: &str, path: &str, headers: &[Header], body: &str) -> Result<Answer> {
    static CLIENT: OnceLock<(Runtime, Client)> = OnceLock::new();
    let (runtime, client) = CLIENT.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let client = Client::builder()
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(60));
        (runtime.expect("a runtime for requests"), client.build().expect("a client"))
    });
    let what = format!("{method} {base}{path}");
    let mut request = client.request(method, format!("{base}{path}"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answered = runtime.block_on(async {
        let response = request.body(body.to_owned()).send().await?;
        let status = response.status().as_u16();
        let own = ["content-length", "transfer-encoding", "date", "connection"];
        let headers = response.headers().iter().filter(|(name, _)| !own.contains(&name.as_str()));
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        Ok::<_, reqwest::Error>(Answer {
            status,
            headers: headers.collect(),
            body: response.bytes().await?.to_vec(),
        })
    });
    answered.context(what)
}
