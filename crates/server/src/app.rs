//! Everything a request needs, built once: settings, database, clock, identifiers, the programme as last read.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{
    clock::{Clock, Timestamp},
    ids::Ids,
};
use store::{Db, DbError, Topic, Tx, programme::Programme};
use tokio::sync::Semaphore;

use crate::{
    config::Config,
    limits::Limits,
    notify::{mail::Mailer, telegram::Bot},
    redirect::{Recorder, Site},
    webhooks,
};

/// The state of the server. Cloning it is cheap.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What [`App`] holds.
pub struct Inner {
    /// The settings.
    pub config: Config,
    /// The address people reach the server under, without a slash at the end.
    pub public_url: String,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub ids: Arc<dyn Ids>,
    /// Who may do what how often.
    pub limits: Limits,
    /// The programme's bot on Telegram, if there is one.
    pub bot: Option<Bot>,
    /// The way to the mail server, where there is one.
    pub mailer: Option<Mailer>,
    /// The way to other systems that are told what happens here.
    pub hooks: webhooks::Sender,
    /// Writes clicks down.
    pub clicks: Recorder,
    /// Where it sends clients on to.
    pub site: Site,
    /// The programme as last read.
    programme: RwLock<Arc<Programme>>,
    /// Argon2 takes 19 MiB and a core for tens of milliseconds: no more at once than there are cores.
    hashing: Semaphore,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What an operation is given beside its transaction and input: nothing in it changes while the operation runs.
#[derive(Debug, Clone)]
pub struct Env {
    /// When the operation happens.
    pub now: Timestamp,
    /// Identifiers and secrets.
    pub ids: Arc<dyn Ids>,
    /// The programme's settings.
    pub programme: Arc<Programme>,
    /// The address people reach the server under, without a slash at the end.
    pub public_url: Arc<str>,
    /// Which ways to people this installation has.
    pub reach: Reach,
    /// Nobody is told anything: what the demo makes up in great numbers would be as many letters.
    pub quiet: bool,
    /// The chain of the audit that this operation writes to: one for each operation, so that two operations never wait
    /// for each other crosswise.
    pub audit_chain: i64,
}

impl Env {
    /// What an operation is given that runs outside a server: on the command line, in the demo.
    pub fn alone(now: Timestamp, ids: Arc<dyn Ids>, programme: Arc<Programme>, public_url: &str) -> Env {
        let audit_chain = draw_chain(ids.as_ref());
        let (public_url, reach) = (public_url.into(), Reach::default());
        Env { now, ids, programme, public_url, reach, quiet: false, audit_chain }
    }
}

/// Which ways to people an installation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// Mail is handed in somewhere. Without, it waits in the office's outbox.
    pub mail: bool,
    /// There is a Telegram bot.
    pub telegram: bool,
}

/// Which chain of the audit an operation writes to.
fn draw_chain(ids: &dyn Ids) -> i64 {
    let mut byte = [0];
    ids.fill(&mut byte);
    i64::from(byte[0]) % store::audit::CHAINS
}

/// How often it is looked whether another server has changed the programme, besides hearing of it: two seconds are the
/// longest that a change may take.
const PROGRAMME_POLL: Duration = Duration::from_secs(1);

impl App {
    /// Puts the state together; the programme is made on first use of a database.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn new(
        config: Config,
        public_url: String,
        db: Db,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<App, DbError> {
        let programme = db.write(store::programme::load_or_create).await?;
        let limits = Limits::new(config.rate_limit);
        let bot = config.telegram.as_ref().map(|settings| Bot::new(settings, ids.uuid(clock.now())));
        let from = config.mail_from.as_ref().and_then(|from| from.parse().ok());
        let mailer = config.smtp.as_ref().zip(from).map(|(smtp, from)| Mailer::new(smtp, from));
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let clicks = Recorder::start(&db, &clock, &ids, &config.click_folder(), config.click_patience);
        Ok(App(Arc::new(Inner {
            clicks,
            site: Site::default(),
            hooks: webhooks::Sender::new(config.webhooks_private),
            config,
            public_url,
            db,
            clock,
            ids,
            limits,
            bot,
            mailer,
            programme: RwLock::new(Arc::new(programme)),
            hashing: Semaphore::new(cores),
        })))
    }

    /// Which ways to people this installation has.
    pub fn reach(&self) -> Reach {
        Reach { mail: self.mailer.is_some(), telegram: self.config.telegram.is_some() }
    }

    /// Whether people reach the server by HTTPS.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// The programme as last read, at most two seconds old.
    pub fn programme(&self) -> Arc<Programme> {
        self.programme.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an operation that starts now is given.
    pub fn env(&self) -> Env {
        Env {
            now: self.clock.now(),
            ids: self.ids.clone(),
            programme: self.programme(),
            public_url: self.public_url.as_str().into(),
            reach: self.reach(),
            quiet: false,
            audit_chain: draw_chain(self.ids.as_ref()),
        }
    }

    /// Runs one operation in one transaction.
    ///
    /// # Errors
    /// The operation's own, or the database's.
    pub async fn write<F, T, E>(&self, mut operation: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx, &Env) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let env = self.env();
        self.db.write(move |tx| operation(tx, &env)).await
    }

    /// [`write`](App::write) for an operation of many thousands of statements, which has a transaction to itself.
    ///
    /// # Errors
    /// The operation's own, or the database's.
    pub async fn write_bulk<F, T, E>(&self, mut operation: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx, &Env) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (db, env) = (self.db.clone(), self.env());
        let work = tokio::task::spawn_blocking(move || db.write_bulk_blocking(move |tx| operation(tx, &env)));
        work.await.expect("a closure of the database doesn't panic here: its thread answers for it")
    }

    /// Reads in one transaction: everything as it was at one moment.
    ///
    /// # Errors
    /// The reader's own, or the database's.
    pub async fn read<F, T, E>(&self, mut reader: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx, &Env) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let env = self.env();
        self.db.read(move |tx| reader(tx, &env)).await
    }

    /// Runs work that keeps a core busy (password hashing) without holding up the server.
    pub async fn heavy<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let _permit = self.hashing.acquire().await.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work).await.expect("hashing doesn't panic")
    }

    /// Reads the programme again.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn reload_programme(&self) -> Result<(), DbError> {
        let programme = self.db.read(store::programme::load).await?;
        *self.programme.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(programme);
        Ok(())
    }

    /// Notices changes that another server has made to the programme: told by it, or by looking. Never returns.
    pub async fn watch_programme(self) {
        let mut heard = self.db.heard(Topic::Programme);
        loop {
            tokio::select! {
                // Once the database is closed nothing is heard any more.
                Ok(()) = heard.changed() => {}
                () = tokio::time::sleep(PROGRAMME_POLL) => {}
            }
            let known = self.programme().version;
            let seen = self.db.read(store::programme::version).await;
            let reloaded = match seen {
                Ok(version) if version == known => Ok(()),
                Ok(_) => self.reload_programme().await,
                Err(error) => Err(error),
            };
            if let Err(error) = reloaded {
                tracing::warn!(%error, "the programme's settings could not be read again");
            }
        }
    }
}
