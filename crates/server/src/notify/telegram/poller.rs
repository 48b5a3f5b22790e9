//! Listening for what people write to the bot: long polling by exactly one server at a time.
//!
//! The server that listens holds a lease in the database, and the lease remembers how far it has come. Each update is
//! handled in one transaction with that place: two servers, or one that was stopped in between, handle it once. What
//! the bot answers is sent after that and at most once: when the server ends in between, the person gets no answer to
//! what was done (a mail tells of a connection all the same).

use std::time::Duration;

use domain::clock::SECOND;
use serde_json::Value;
use store::{DbError, lease};

use super::{
    answers,
    client::{Bot, Trouble},
    updates,
};
use crate::{
    app::App,
    limits::Limited,
    ops::{self, telegram::Answer},
};

/// The name of the lease.
const LEASE: &str = "telegram";
/// How long Telegram keeps a request open while nothing comes.
const WAIT: Duration = Duration::from_secs(10);
/// How long the lease lasts, in microseconds: longer than a request, with its own limit, can take.
const HOLD: i64 = 40 * SECOND;
/// How long a server that may not listen waits before it looks again.
const STAND_BY: Duration = Duration::from_secs(5);
/// The pause after a request that brought nothing.
const BREATH: Duration = Duration::from_millis(250);
/// The first pause after trouble; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often an update is tried that the database refuses, before it is passed over.
const TRIES: u32 = 3;

/// What became of one turn.
#[derive(Debug)]
pub enum Turn {
    /// Another server listens.
    StandBy,
    /// So many updates were handled.
    Handled(usize),
    /// Telegram didn't answer as it should.
    Trouble(Trouble),
    /// The database didn't.
    Database(DbError),
}

/// Listens on one server.
pub struct Poller {
    app: App,
    wait: Duration,
    /// The update that the database refused last, and how often.
    refused: Option<(i64, u32)>,
}

/// Why an update was not handled.
enum NotHandled {
    /// Another server listens by now.
    Lost,
    Db(DbError),
}

impl From<DbError> for NotHandled {
    fn from(error: DbError) -> NotHandled {
        NotHandled::Db(error)
    }
}

impl Poller {
    /// A poller of this server.
    pub fn new(app: App) -> Poller {
        Poller::waiting(app, WAIT)
    }

    /// A poller whose requests are kept open for another time.
    pub fn waiting(app: App, wait: Duration) -> Poller {
        Poller { app, wait, refused: None }
    }

    /// Listens for ever.
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let asked = match self.turn().await {
                Turn::Handled(count) => {
                    pause = FIRST_PAUSE;
                    if count == 0 {
                        // For a Bot API that answers at once, whatever wait it is asked for.
                        tokio::time::sleep(BREATH).await;
                    }
                    continue;
                }
                Turn::StandBy => {
                    tokio::time::sleep(STAND_BY).await;
                    continue;
                }
                Turn::Trouble(trouble) => {
                    let advice = advice(&trouble);
                    tracing::warn!(%trouble, advice, "nobody can be heard on Telegram; trying again");
                    trouble.retry_after()
                }
                Turn::Database(error) => {
                    tracing::warn!(%error, "what came by Telegram could not be handled; trying again");
                    None
                }
            };
            tokio::time::sleep(asked.unwrap_or(pause).max(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Takes or prolongs the lease, asks once for updates and handles what came. After trouble the lease is free, for a
    /// server that fares better.
    pub async fn turn(&mut self) -> Turn {
        let app = self.app.clone();
        let Some(bot) = &app.bot else { return Turn::StandBy };
        let holder = bot.holder.clone();
        let taken =
            app.write(move |tx, env| lease::take(tx, LEASE, &holder, env.now, env.now.plus(HOLD))).await;
        let place = match taken {
            Ok(Some(place)) => place,
            Ok(None) => return Turn::StandBy,
            Err(error) => return Turn::Database(error),
        };
        let turn = match self.listen(bot, place.parse().ok()).await {
            Ok(turn) => turn,
            Err(trouble) => Turn::Trouble(trouble),
        };
        if matches!(turn, Turn::Trouble(_)) {
            release(&app).await;
        }
        turn
    }

    async fn listen(&mut self, bot: &Bot, offset: Option<i64>) -> Result<Turn, Trouble> {
        // Asked for here, not only when it is needed: a wrong token shows at once.
        let name = bot.username().await?;
        let came = bot.updates(offset, self.wait).await?;
        let mut handled = 0;
        let mut answers = Vec::new();
        for update in came {
            let Some(number) = updates::number(&update) else { continue };
            match self.handle(bot, number, &update, name).await {
                Ok(answer) => {
                    handled += 1;
                    answers.extend(answer);
                }
                Err(NotHandled::Lost) => break,
                Err(NotHandled::Db(error)) => {
                    send(&self.app, bot, answers).await;
                    return Ok(Turn::Database(error));
                }
            }
        }
        send(&self.app, bot, answers).await;
        Ok(Turn::Handled(handled))
    }

    /// Handles one update, and remembers in the same transaction that it is handled.
    async fn handle(
        &mut self,
        bot: &Bot,
        number: i64,
        update: &Value,
        name: &str,
    ) -> Result<Option<(i64, Answer)>, NotHandled> {
        let incoming = updates::read(update, name);
        let (chat, holder) = (incoming.as_ref().map_or(0, |incoming| incoming.chat), bot.holder.clone());
        let place = (number + 1).to_string();
        let (kept_by, keep) = (holder.clone(), place.clone());
        let done: Result<Option<Answer>, NotHandled> = self
            .app
            .write(move |tx, env| {
                if !lease::keep(tx, LEASE, &kept_by, &keep, env.now.plus(HOLD))? {
                    return Err(NotHandled::Lost);
                }
                match &incoming {
                    Some(incoming) => Ok(ops::telegram::receive(tx, env, incoming)?),
                    None => Ok(None),
                }
            })
            .await;
        let error = match done {
            Ok(answer) => return Ok(answer.map(|answer| (chat, answer))),
            Err(NotHandled::Lost) => return Err(NotHandled::Lost),
            Err(NotHandled::Db(error)) => error,
        };
        let tries = match self.refused {
            Some((refused, tries)) if refused == number => tries + 1,
            _ => 1,
        };
        self.refused = Some((number, tries));
        if tries < TRIES {
            return Err(NotHandled::Db(error));
        }
        // One that can never be handled must not keep everybody else waiting. (Where the database is away, this fails
        // too, and nothing is passed over.)
        tracing::error!(%error, number, "an update of Telegram can't be handled; it is passed over");
        let passed = self
            .app
            .write(move |tx, env| lease::keep(tx, LEASE, &holder, &place, env.now.plus(HOLD)))
            .await?;
        if passed { Ok(None) } else { Err(NotHandled::Lost) }
    }
}

/// Sends the bot's answers. The first one that the network loses ends it: nobody waits for an answer for minutes.
async fn send(app: &App, bot: &Bot, answers: Vec<(i64, Answer)>) {
    for (chat, answer) in answers {
        if app.allow(Limited::Bot, &chat.to_string()).await.is_err() {
            continue;
        }
        if let Err(trouble) = bot.send(chat, &answers::words(app, chat, &answer)).await {
            tracing::warn!(%trouble, "an answer by Telegram could not be sent");
            if trouble.status().is_none_or(|status| status == 429 || status >= 500) {
                break;
            }
        }
    }
}

/// Lets another server listen at once, instead of when the lease has run out.
pub async fn release(app: &App) {
    let Some(bot) = &app.bot else { return };
    let holder = bot.holder.clone();
    let released: Result<(), DbError> = app.write(move |tx, _| lease::release(tx, LEASE, &holder)).await;
    if let Err(error) = released {
        tracing::warn!(%error, "the lease for Telegram could not be given back; it runs out by itself");
    }
}

/// What an operator can do about a trouble that doesn't pass by itself.
fn advice(trouble: &Trouble) -> &'static str {
    match trouble.status() {
        Some(401 | 404) => "check GOODWORD_TELEGRAM_TOKEN",
        Some(409) => {
            "another program listens with the same token, or the bot has a webhook: give this installation a bot of its \
             own, or end the other (deleteWebhook)"
        }
        _ => "",
    }
}
