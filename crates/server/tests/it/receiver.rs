//! Another system of the company: takes what it is sent, on this machine, and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use base64::prelude::*;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify};

/// A request that came.
#[derive(Debug, Clone)]
pub struct Hit {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Hit {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn event(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Whether one of the signatures was made with a secret: calculated here by itself, as a receiver does.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed =
            format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        self.header("webhook-signature").split(' ').any(|signature| {
            let (version, signature) = signature.split_once(',').unwrap();
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
            mac.update(signed.as_bytes());
            version == "v1" && mac.verify_slice(&BASE64_STANDARD.decode(signature).unwrap()).is_ok()
        })
    }
}

/// One answer: the status, headers, the body.
pub type Told = (u16, Vec<(&'static str, String)>, String);

#[derive(Default)]
struct Inner {
    hits: Vec<Hit>,
    answers: VecDeque<Told>,
    standard: u16,
    /// While it is so, requests are read and wait for their answer.
    held: bool,
}

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Receiver {
            url: format!("http://{address}/hooks"),
            port: address.port(),
            inner: Arc::default(),
            changed: Arc::default(),
        };
        receiver.always(204);
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// What is answered where nothing else is told.
    pub fn always(&self, status: u16) {
        self.inner.lock().unwrap().standard = status;
    }

    /// How the next request is answered.
    pub fn next(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.inner.lock().unwrap().answers.push_back((status, headers, body.to_owned()));
    }

    /// Reads requests and lets them wait, or answers those that wait.
    pub fn hold(&self, held: bool) {
        self.inner.lock().unwrap().held = held;
        self.changed.notify_waiters();
    }

    /// Everything that came, oldest first.
    pub fn hits(&self) -> Vec<Hit> {
        self.inner.lock().unwrap().hits.clone()
    }

    /// What came, taken away.
    pub fn take(&self) -> Vec<Hit> {
        std::mem::take(&mut self.inner.lock().unwrap().hits)
    }

    /// Waits until so many have come.
    pub async fn wait_for(&self, count: usize) {
        let enough = async {
            loop {
                let changed = self.changed.notified();
                if self.hits().len() >= count {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), enough).await.expect("the requests come");
    }
}

async fn take(
    State(receiver): State<Receiver>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let hit = Hit { method, path: uri.to_string(), headers, body: String::from_utf8(body.to_vec()).unwrap() };
    receiver.inner.lock().unwrap().hits.push(hit);
    receiver.changed.notify_waiters();
    loop {
        let changed = receiver.changed.notified();
        if !receiver.inner.lock().unwrap().held {
            break;
        }
        changed.await;
    }
    let mut inner = receiver.inner.lock().unwrap();
    let standard = (inner.standard, vec![], String::new());
    let (status, headers, body) = inner.answers.pop_front().unwrap_or(standard);
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
