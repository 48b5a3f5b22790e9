//! A server that speaks the Telegram Bot API, as far as a bot of ours asks it: real HTTP, on this machine.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

pub const TOKEN: &str = "4242:a-token-that-nobody-must-read";
pub const BOT: &str = "northwind_partners_bot";

/// What the server does with a request instead of answering well.
#[derive(Debug, Clone)]
pub enum Mood {
    /// An error of the Bot API.
    Refuse(u16, &'static str),
    /// The error of a group that has another number by now.
    Moved(i64),
    /// Too many requests; again in so many seconds.
    Busy(u64),
    /// The connection is lost in the middle of the answer.
    Lost,
    /// An answer that is no JSON, as a proxy gives it.
    Html(u16),
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub chat: i64,
    pub text: String,
    pub request: Value,
}

#[derive(Default)]
struct Inner {
    updates: VecDeque<(i64, Value)>,
    last_update: i64,
    sent: Vec<Sent>,
    offsets: Vec<Option<i64>>,
    sending: VecDeque<Mood>,
    polling: VecDeque<Mood>,
    /// While it is closed, answers with updates are held back.
    gate_closed: bool,
    /// Messages are read, but not taken as yet.
    sending_held: bool,
    /// How many of them there are.
    in_hand: usize,
}

/// The server.
#[derive(Clone)]
pub struct BotApi {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
    serving: Arc<tokio::task::AbortHandle>,
}

impl BotApi {
    pub async fn start() -> BotApi {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (inner, changed) = (Arc::<Mutex<Inner>>::default(), Arc::<Notify>::default());
        let router =
            Router::new().route("/{bot}/{method}", post(answer)).with_state((inner.clone(), changed.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        inner.lock().unwrap().last_update = 700;
        BotApi { url, inner, changed, serving: Arc::new(serving.abort_handle()) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Nobody listens any more.
    pub fn stop(&self) {
        self.serving.abort();
    }

    /// How the next messages are taken.
    pub fn when_sending(&self, moods: impl IntoIterator<Item = Mood>) {
        self.inner().sending.extend(moods);
    }

    /// How the next requests for updates are taken.
    pub fn when_polling(&self, moods: impl IntoIterator<Item = Mood>) {
        self.inner().polling.extend(moods);
    }

    /// Holds answers with updates back, or lets them go.
    pub fn hold_updates(&self, held: bool) {
        self.inner().gate_closed = held;
        self.changed.notify_waiters();
    }

    /// Reads messages and takes none, or takes those too that it has read.
    pub fn hold_messages(&self, held: bool) {
        self.inner().sending_held = held;
        self.changed.notify_waiters();
    }

    /// Waits until so many messages are read and not taken. One whose sender is gone is not among them.
    pub async fn has_in_hand(&self, count: usize) {
        self.reaches(|inner| inner.in_hand, count, "are in hand").await;
    }

    /// Waits until so many messages are taken.
    pub async fn has_taken(&self, count: usize) {
        self.reaches(|inner| inner.sent.len(), count, "are taken").await;
    }

    async fn reaches(&self, measure: impl Fn(&Inner) -> usize, count: usize, what: &str) {
        let reached = async {
            while measure(&self.inner()) != count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), reached).await.is_err() {
            panic!("{} messages {what}, not {count}", measure(&self.inner()));
        }
    }

    /// Something happens that the bot is told.
    pub fn update(&self, content: Value) -> i64 {
        let mut inner = self.inner();
        inner.last_update += 1;
        let number = inner.last_update;
        let mut update = content;
        update["update_id"] = json!(number);
        inner.updates.push_back((number, update));
        drop(inner);
        self.changed.notify_waiters();
        number
    }

    /// A person writes to the bot.
    pub fn writes(&self, person: i64, text: &str) -> i64 {
        let chat = json!({"id": person, "type": "private", "first_name": "Mara", "username": format!("mara{person}")});
        self.message(chat, text)
    }

    /// Somebody writes in a chat that the bot is in.
    pub fn message(&self, chat: Value, text: &str) -> i64 {
        let from = json!({"id": 7, "is_bot": false, "first_name": "Mara"});
        self.update(
            json!({"message": {"message_id": 1, "date": 1, "chat": chat, "from": from, "text": text}}),
        )
    }

    /// A person blocks the bot.
    pub fn blocks(&self, person: i64) {
        let bot = json!({"id": 42, "is_bot": true, "first_name": "Bot"});
        self.update(json!({"my_chat_member": {
            "chat": {"id": person, "type": "private", "first_name": "Mara"},
            "from": {"id": person, "is_bot": false, "first_name": "Mara"},
            "date": 1,
            "old_chat_member": {"status": "member", "user": bot},
            "new_chat_member": {"status": "kicked", "user": bot, "until_date": 0},
        }}));
    }

    /// What was sent so far; forgets it.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.inner().sent)
    }

    /// From which update on was asked, each time.
    pub fn offsets(&self) -> Vec<Option<i64>> {
        self.inner().offsets.clone()
    }

    /// How many updates have not been confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.inner().updates.len()
    }
}

type Shared = (Arc<Mutex<Inner>>, Arc<Notify>);

async fn answer(
    State((inner, changed)): State<Shared>,
    Path((bot, method)): Path<(String, String)>,
    Json(ask): Json<Value>,
) -> Response {
    if bot != format!("bot{TOKEN}") {
        return refuse(401, "Unauthorized", json!({}));
    }
    match method.as_str() {
        "getMe" => good(json!({"id": 42, "is_bot": true, "first_name": "Northwind", "username": BOT})),
        "getUpdates" => {
            let mood = inner.lock().unwrap().polling.pop_front();
            match mood {
                Some(mood) => bad(mood),
                None => good(Value::Array(updates(&inner, &changed, &ask).await)),
            }
        }
        "sendMessage" => {
            InHand::until_taken(&inner, &changed).await;
            let mut inner = inner.lock().unwrap();
            if let Some(mood) = inner.sending.pop_front() {
                return bad(mood);
            }
            let (chat, text) = (ask["chat_id"].as_i64().unwrap(), ask["text"].as_str().unwrap().to_owned());
            inner.sent.push(Sent { chat, text, request: ask });
            good(json!({"message_id": 1, "date": 1, "chat": {"id": chat, "type": "private"}}))
        }
        _ => refuse(404, "Not Found: method not found", json!({})),
    }
}

/// A message that is read and not taken. When its sender hangs up, the wait for that ends, and it never is.
struct InHand<'a>(&'a Mutex<Inner>);

impl InHand<'_> {
    async fn until_taken(inner: &Mutex<Inner>, changed: &Notify) {
        inner.lock().unwrap().in_hand += 1;
        let _counted = InHand(inner);
        loop {
            // Listens before it looks: what comes in between is heard.
            let more = changed.notified();
            if !inner.lock().unwrap().sending_held {
                return;
            }
            more.await;
        }
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().in_hand -= 1;
    }
}

/// Updates from the offset on, which confirms those before it; waits for the first one as long as is asked for.
async fn updates(inner: &Mutex<Inner>, changed: &Notify, ask: &Value) -> Vec<Value> {
    let offset = ask["offset"].as_i64();
    inner.lock().unwrap().offsets.push(offset);
    let wait = Duration::from_secs(ask["timeout"].as_u64().unwrap_or(0));
    let end = tokio::time::Instant::now() + wait;
    let found = || {
        let mut inner = inner.lock().unwrap();
        inner.updates.retain(|(number, _)| offset.is_none_or(|offset| *number >= offset));
        inner.updates.iter().map(|(_, update)| update.clone()).collect::<Vec<_>>()
    };
    loop {
        // Listens before it looks: what comes in between is heard.
        let more = changed.notified();
        let taken = found();
        let held = inner.lock().unwrap().gate_closed;
        if held {
            more.await;
            // What was taken is answered, however late: it was on its way.
            if !taken.is_empty() {
                return taken;
            }
        } else if !taken.is_empty() || tokio::time::timeout_at(end, more).await.is_err() {
            return taken;
        }
    }
}

fn good(result: Value) -> Response {
    Json(json!({"ok": true, "result": result})).into_response()
}

fn refuse(status: u16, description: &str, parameters: Value) -> Response {
    let body =
        json!({"ok": false, "error_code": status, "description": description, "parameters": parameters});
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

fn bad(mood: Mood) -> Response {
    match mood {
        Mood::Refuse(status, description) => refuse(status, description, json!({})),
        Mood::Moved(to) => refuse(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            json!({"migrate_to_chat_id": to}),
        ),
        Mood::Busy(seconds) => {
            refuse(429, &format!("Too Many Requests: retry after {seconds}"), json!({"retry_after": seconds}))
        }
        Mood::Lost => {
            let broken = futures_util::stream::iter([
                Ok("{\"ok\": tr".to_owned()),
                Err(std::io::Error::other("the wire is cut")),
            ]);
            ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(broken)).into_response()
        }
        Mood::Html(status) => {
            (StatusCode::from_u16(status).unwrap(), "<html>Bad gateway</html>").into_response()
        }
    }
}
