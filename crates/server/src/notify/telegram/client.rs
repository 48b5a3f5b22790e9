//! The programme's bot: requests to the Telegram Bot API (<https://core.telegram.org/bots/api>).
//!
//! The token is a part of every address. It is in no error and no log line: what the network says is told without the
//! address it said it about.

use std::time::Duration;

use frankenstein::{
    methods::{GetUpdatesParams, SendMessageParams},
    response::{ErrorResponse, MethodResponse},
    types::{AllowedUpdate, LinkPreviewOptions, User},
};
use reqwest::redirect::Policy;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::config;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take that isn't waited for on purpose.
const ANSWER: Duration = Duration::from_secs(15);
/// The largest answer that is read. A hundred updates with long messages are well below.
const LARGEST: usize = 8 << 20;
/// How many UTF-16 units a message may have (sendMessage, `text`).
const LONGEST: usize = 4096;
/// How many updates are taken at once (getUpdates, `limit`).
const BATCH: u32 = 100;

/// The programme's bot.
pub struct Bot {
    /// Where its methods are. Holds the token.
    base: String,
    token: String,
    /// Nothing when the machine has no certificates to check Telegram's by; then why.
    http: Result<reqwest::Client, String>,
    username: OnceCell<String>,
    /// Who this process is, for the lease of the poller.
    pub(super) holder: String,
}

/// Why a request was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The Bot API has answered no.
    Answer {
        /// HTTP's status, which is also its own error code.
        status: u16,
        /// What it said.
        said: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
        /// The number that the group has now.
        moved_to: Option<i64>,
    },
    /// There was no answer, or none that makes sense.
    Network(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Answer { status, said, .. } => write!(f, "Telegram says: {said} ({status})"),
            Trouble::Network(why) => write!(f, "Telegram can't be reached: {why}"),
        }
    }
}

impl Trouble {
    /// How long the Bot API asked to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Trouble::Answer { retry_after, .. } => *retry_after,
            Trouble::Network(_) => None,
        }
    }

    /// HTTP's status, if there was an answer.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Trouble::Answer { status, .. } => Some(*status),
            Trouble::Network(_) => None,
        }
    }
}

impl Bot {
    /// The bot of the settings. `holder` tells this process from others.
    pub fn new(settings: &config::Telegram, holder: String) -> Bot {
        // A client can't be made before; that it was chosen already changes nothing.
        crate::real::choose_tls();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            // An address with the token in it is followed nowhere else.
            .redirect(Policy::none())
            .user_agent("goodword")
            .build()
            .map_err(|error| words(&error));
        if let Err(why) = &http {
            tracing::error!(%why, "nothing can be sent by Telegram: is the package ca-certificates installed?");
        }
        Bot {
            base: format!("{}/bot{}", settings.api, settings.token),
            token: settings.token.clone(),
            http,
            username: OnceCell::new(),
            holder,
        }
    }

    /// The bot's name on Telegram, without its `@`; asked for once.
    ///
    /// # Errors
    /// [`Trouble`], whose text can be shown to staff.
    pub async fn username(&self) -> Result<&str, Trouble> {
        let ask = async || {
            let me: User = self.call("getMe", &json!({}), ANSWER).await?;
            me.username.ok_or_else(|| Trouble::Network("the bot has no name".into()))
        };
        self.username.get_or_try_init(ask).await.map(String::as_str)
    }

    /// Sends a message as plain text, cut where it is longer than Telegram takes.
    ///
    /// # Errors
    /// [`Trouble`], whose text can be shown to staff.
    pub async fn send(&self, chat: i64, text: &str) -> Result<(), Trouble> {
        let message = SendMessageParams::builder()
            .chat_id(chat)
            .text(fitting(text))
            // The addresses in notices are for the person alone: nobody fetches them for a picture.
            .link_preview_options(LinkPreviewOptions::DISABLED)
            .build();
        self.call::<_, Value>("sendMessage", &message, ANSWER).await.map(drop)
    }

    /// What people wrote to the bot from an update on; waits for the first one. Each update is read by itself later, so
    /// that one of a kind not known here doesn't hold up the others.
    ///
    /// # Errors
    /// [`Trouble`], whose text can be shown to staff.
    pub async fn updates(&self, offset: Option<i64>, wait: Duration) -> Result<Vec<Value>, Trouble> {
        let ask = GetUpdatesParams::builder()
            .maybe_offset(offset)
            .limit(BATCH)
            .timeout(u32::try_from(wait.as_secs()).unwrap_or(0))
            .allowed_updates(vec![AllowedUpdate::Message, AllowedUpdate::MyChatMember])
            .build();
        self.call("getUpdates", &ask, wait + ANSWER).await
    }

    async fn call<P: Serialize + Sync, R: DeserializeOwned>(
        &self,
        method: &str,
        params: &P,
        limit: Duration,
    ) -> Result<R, Trouble> {
        let http = self.http.as_ref().map_err(|why| Trouble::Network(why.clone()))?;
        let request = http.post(format!("{}/{method}", self.base)).timeout(limit).json(params);
        let (status, body) = answer(request).await.map_err(|why| Trouble::Network(self.hide(&why)))?;
        if status == 200 {
            // What can't be read is not repeated: it may hold what people wrote.
            return serde_json::from_slice::<MethodResponse<R>>(&body)
                .map(|answer| answer.result)
                .map_err(|_| Trouble::Network(format!("its answer to {method} makes no sense")));
        }
        let Ok(error) = serde_json::from_slice::<ErrorResponse>(&body) else {
            let why = format!("the status {status} comes back, but not in the words of the Bot API");
            return Err(Trouble::Network(why));
        };
        let parameters = error.parameters;
        Err(Trouble::Answer {
            status,
            said: self.hide(&error.description),
            retry_after: parameters
                .and_then(|parameters| parameters.retry_after)
                .map(|seconds| Duration::from_secs(seconds.into())),
            moved_to: parameters.and_then(|parameters| parameters.migrate_to_chat_id),
        })
    }

    fn hide(&self, text: &str) -> String {
        text.replace(&self.token, "***")
    }
}

/// The status and the whole of an answer, or what went wrong in words.
async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), String> {
    let mut response = request.send().await.map_err(|error| words(&error.without_url()))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| words(&error.without_url()))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err("its answer is too long".into());
        }
    }
    Ok((response.status().as_u16(), body))
}

/// An error and its causes in one line: the first alone only says that something went wrong.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// As much of a text as Telegram takes.
fn fitting(text: &str) -> String {
    if text.encode_utf16().count() <= LONGEST {
        return text.to_owned();
    }
    let mut units = 0;
    let room = LONGEST - '…'.len_utf16();
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= room
        })
        .collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_where_telegram_counts() {
        assert_eq!(fitting("short"), "short");
        let full = "🦊".repeat(LONGEST / 2);
        assert_eq!(fitting(&full), full);
        let cut = fitting(&format!("{full}x"));
        assert!(cut.ends_with("🦊…") && cut.encode_utf16().count() <= LONGEST, "{}", cut.chars().count());
    }

    #[tokio::test]
    async fn the_token_is_in_no_error() {
        let token = "12345:the-token-of-the-bot";
        // A port of this machine that nobody listens on.
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let api = format!("http://{}", closed.local_addr().unwrap());
        drop(closed);
        for api in [api, "http://no-such-host.invalid".into(), "http://[::1".into()] {
            let settings = config::Telegram { token: token.into(), api };
            let bot = Bot::new(&settings, "test".into());
            let trouble = bot.send(1, "Hello").await.unwrap_err();
            let text = format!("{trouble} {trouble:?}");
            assert!(text.contains("can't be reached") && !text.contains(token), "{text}");
        }
    }
}
