//! Hearing what other servers say, by PostgreSQL's LISTEN, on a connection of its own.
//!
//! What was said while there was no connection is lost, so after each connecting everything counts as changed. Behind a
//! pooler that hands connections out by transaction nothing is ever heard, and some engines know no LISTEN at all: who
//! waits for news looks from time to time in any case.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::AsyncMessage;
use tokio_postgres::error::SqlState;

use super::connection::chain;
use super::servers::Servers;
use crate::news::{CHANNEL, News, Topic};

/// The first pause after a lost connection; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a silent connection is asked whether it still lives, and how long it may take to say so.
const PROBE: Duration = Duration::from_secs(10);

/// Why nothing is heard.
enum Deaf {
    /// It may be better in a moment.
    Lost(String),
    /// The engine can't do it.
    Unable(String),
}

pub(crate) struct Listener {
    pub(super) servers: Servers,
    pub(super) patience: Duration,
}

impl Listener {
    /// Listens until `stop`'s other end is dropped.
    pub(crate) async fn run(self, news: Arc<News>, mut stop: watch::Receiver<()>) {
        tokio::select! {
            _ = stop.changed() => {}
            () = self.listen_on(&news) => {}
        }
    }

    async fn listen_on(&self, news: &Arc<News>) {
        let mut pause = FIRST_PAUSE;
        let mut said = String::new();
        loop {
            match self.listen(news, &mut pause).await {
                Deaf::Unable(reason) => {
                    tracing::info!(
                        reason,
                        "this database can't tell servers what has changed; they find out by looking every second"
                    );
                    return;
                }
                Deaf::Lost(reason) => {
                    if said != reason {
                        tracing::warn!(reason, "other servers can't be heard for now");
                        said = reason;
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Connects and hears, until that ends.
    async fn listen(&self, news: &Arc<News>, pause: &mut Duration) -> Deaf {
        let (client, mut connection) = match self.servers.connect(self.patience).await {
            Ok(connected) => connected,
            Err(refusal) => return Deaf::Lost(refusal.reason),
        };
        let hears = Arc::clone(news);
        let mut driver = tokio::spawn(async move {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(said))) => {
                        if let Some(topic) = Topic::from_word(said.payload()) {
                            hears.heard(topic);
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return chain(&error),
                    None => return "the connection ended".to_owned(),
                }
            }
        });
        let listening = async {
            let listen = format!("LISTEN {CHANNEL}");
            match timeout(self.patience, client.batch_execute(&listen)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if error.code().is_some_and(is_unknown) => return Deaf::Unable(chain(&error)),
                Ok(Err(error)) => return Deaf::Lost(chain(&error)),
                Err(_) => return Deaf::Lost("the server did not answer in time".into()),
            }
            *pause = FIRST_PAUSE;
            news.anything_may_have_changed();
            loop {
                sleep(PROBE).await;
                match timeout(PROBE, client.batch_execute("")).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Deaf::Lost(chain(&error)),
                    Err(_) => return Deaf::Lost("the server did not answer in time".into()),
                }
            }
        };
        tokio::select! {
            ended = &mut driver => Deaf::Lost(ended.unwrap_or_else(|error| error.to_string())),
            deaf = listening => {
                driver.abort();
                deaf
            }
        }
    }
}

/// What engines answer that know no LISTEN or NOTIFY. A standby's refusal is none of these.
pub(super) fn is_unknown(code: &SqlState) -> bool {
    [SqlState::FEATURE_NOT_SUPPORTED, SqlState::SYNTAX_ERROR, SqlState::UNDEFINED_FUNCTION].contains(code)
}
