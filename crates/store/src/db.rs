//! The database as the program sees it: a handle that takes closures and answers when they are saved.

use std::fmt;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::{oneshot, watch};

use crate::migrate::{self, MIGRATIONS, Migration};
use crate::news::{News, Topic};
use crate::postgres::Listener;
use crate::unit::{Access, Job, Reply, Work};
use crate::{DbError, Dialect, Tx, postgres, sqlite};

/// How a database is opened. `Options::default()` is right for a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// PostgreSQL: connections, each with a thread of its own; one more listens, in a server. The sum over all programs
    /// must stay below the server's `max_connections`.
    pub connections: usize,
    /// SQLite: threads that read. At least 2.
    pub readers: usize,
    /// Units that may wait in a queue; one more is refused with [`DbError::Busy`].
    pub queue: usize,
    /// How long a unit waits for a database that cannot be reached, or that another process holds.
    pub patience: Duration,
    /// PostgreSQL: the longest a statement may take.
    pub statement_timeout: Duration,
    /// The migrations to bring the database to.
    pub migrations: &'static [Migration],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 16,
            readers: std::thread::available_parallelism().map_or(2, NonZero::get).max(2),
            queue: 1024,
            patience: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            migrations: MIGRATIONS,
        }
    }
}

/// An open database. Cloning it is cheap, and all clones are the same database.
///
/// Work is done in *units*: closures over a [`Tx`], each of them one transaction.
///
/// - A unit may run more than once (after a deadlock, or when the connection was lost), so it must have no effect but
///   through the `Tx`, and is an `FnMut`.
/// - `Ok` commits, and is answered only once the change is on the disk; `Err` and panics roll back.
/// - A caller who stops waiting before the unit has begun takes it back; one who stops later learns nothing of its
///   outcome.
/// - When the last clone is dropped the waiting units are still finished, then the threads end.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    /// None after [`Db::close`].
    queues: RwLock<Option<Queues>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    migrations: &'static [Migration],
    news: Arc<News>,
    ears: Mutex<Ears>,
}

/// How other servers are heard.
#[derive(Default)]
struct Ears {
    /// Not listening yet, where there is something to listen to.
    listener: Option<Listener>,
    /// Listening ends when this is dropped.
    stop: Option<watch::Sender<()>>,
}

/// The ways to the database threads. PostgreSQL has one queue for all.
pub(crate) struct Queues {
    pub(crate) write: Sender<Job>,
    pub(crate) read: Sender<Job>,
    pub(crate) report: Sender<Job>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Db({})", self.inner.dialect.name())
    }
}

impl Db {
    /// Opens `sqlite:/path/to/file.db`, which is created where it is missing, or `postgres://user@host/database`, and
    /// brings it up to date. Blocks, so a server calls it outside its runtime or by `spawn_blocking`.
    ///
    /// # Errors
    /// [`DbError::Open`] for an address that cannot be used, [`DbError::Unavailable`] or [`DbError::Busy`] within
    /// [`Options::patience`] when the database does not answer, and what [`migrate`] refuses.
    pub fn open(url: &str, options: Options) -> Result<Self, DbError> {
        let migrations = options.migrations;
        let (dialect, queues, threads, listener) = if let Some(path) = url.strip_prefix("sqlite:") {
            let (queues, threads) = sqlite::start(path, &options)?;
            (Dialect::Sqlite, queues, threads, None)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let (queues, threads, listener) = postgres::start(url, &options)?;
            (Dialect::Postgres, queues, threads, Some(listener))
        } else {
            return Err(DbError::Open(
                "the database's address must begin with sqlite: or postgres://, as in sqlite:/var/lib/goodword/goodword.db"
                    .into(),
            ));
        };
        let queues = RwLock::new(Some(queues));
        let db = Self {
            inner: Arc::new(Inner {
                dialect,
                queues,
                threads: Mutex::new(threads),
                migrations,
                news: Arc::new(News::new()),
                ears: Mutex::new(Ears { listener, stop: None }),
            }),
        };
        match migrate::run(&db, migrations) {
            Ok(()) => Ok(db),
            Err(error) => {
                db.close();
                Err(error)
            }
        }
    }

    /// Which database this is; for people to read, not to branch on.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Whether several servers may have this database open at once.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.inner.dialect.is_shared()
    }

    /// What other servers on this database, and this one, say about a topic: the number changes after each
    /// [`Tx::notify`], and whenever something may have been missed. The first call begins to listen, on a connection
    /// more. See [`news`](crate::news) for what can't be relied on.
    #[must_use]
    pub fn heard(&self, topic: Topic) -> watch::Receiver<u64> {
        let mut ears = self.inner.ears.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = ears.listener.take() {
            let (stop, stopped) = watch::channel(());
            let news = Arc::clone(&self.inner.news);
            let body = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(listener.run(news, stopped)),
                Err(error) => tracing::error!(%error, "no runtime to hear other servers with"),
            };
            match std::thread::Builder::new().name("db-listen".into()).spawn(body) {
                Ok(thread) => {
                    self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
                    ears.stop = Some(stop);
                }
                Err(error) => tracing::error!(%error, "no thread to hear other servers with"),
            }
        }
        self.inner.news.about(topic)
    }

    /// Runs a unit that writes and answers once it is committed.
    ///
    /// # Errors
    /// The closure's own, or a [`DbError`].
    pub async fn write<F, T, E>(&self, unit: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.queue(unit, Access::Write).await
    }

    /// Runs a unit that reads: all its statements see the database at one moment, and a write is refused.
    ///
    /// # Errors
    /// The closure's own, or a [`DbError`].
    pub async fn read<F, T, E>(&self, unit: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.queue(unit, Access::Read).await
    }

    /// [`Db::read`] for what reads much or often: files that are exported, verifications. On SQLite such units wait for
    /// each other and hold up nobody else, since they have threads of their own.
    ///
    /// # Errors
    /// The closure's own, or a [`DbError`].
    pub async fn report<F, T, E>(&self, unit: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.queue(unit, Access::Report).await
    }

    /// [`Db::report`] for code that isn't async.
    ///
    /// # Errors
    /// The closure's own, or a [`DbError`].
    pub fn report_blocking<F, T, E>(&self, unit: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.queue_blocking(unit, Access::Report)
    }

    /// [`Db::write`] for code that isn't async.
    ///
    /// # Errors
    /// The closure's own, or a [`DbError`].
    pub fn write_blocking<F, T, E>(&self, unit: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.queue_blocking(unit, Access::Write)
    }

    /// [`Db::write_blocking`] for a unit of many thousands of statements. On SQLite it has a transaction to itself, which
    /// needs no journal of its own inside: with one, each statement costs more the more were before it.
    ///
    /// # Errors
    /// The closure's own, or a [`DbError`].
    pub fn write_bulk_blocking<F, T, E>(&self, unit: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.queue_blocking(unit, Access::Bulk)
    }

    /// [`Db::read`] for code that isn't async.
    ///
    /// # Errors
    /// The closure's own, or a [`DbError`].
    pub fn read_blocking<F, T, E>(&self, unit: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.queue_blocking(unit, Access::Read)
    }

    /// Whether the database takes a transaction within `limit`: the question of a readiness probe. Asked on the way
    /// that writes take, so that a full queue or a foreign lock shows.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it doesn't in time, or what went wrong.
    pub async fn ping(&self, limit: Duration) -> Result<(), DbError> {
        let unit = self.write(|tx| tx.one("SELECT CAST(1 AS BIGINT)", &[])?.get::<i64>(0));
        match tokio::time::timeout(limit, unit).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(DbError::Unavailable(format!("no answer within {limit:?}"))),
        }
    }

    /// How the database's migrations stand.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn schema(&self) -> Result<migrate::Status, DbError> {
        let migrations = self.inner.migrations;
        self.read(move |tx| migrate::status(tx, migrations)).await
    }

    /// Finishes the units that wait, ends the threads and waits for them. Every clone answers
    /// [`DbError::Unavailable`] from now on. Blocks.
    pub fn close(&self) {
        drop(self.inner.queues.write().unwrap_or_else(PoisonError::into_inner).take());
        drop(std::mem::take(&mut *self.inner.ears.lock().unwrap_or_else(PoisonError::into_inner)));
        let threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a database thread had panicked");
            }
        }
    }

    async fn queue<F, T, E>(&self, unit: F, access: Access) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.send(Work::job(unit, access, Reply::Async(sender)))?;
        receiver.await.unwrap_or_else(|_| Err(closed().into()))
    }

    fn queue_blocking<F, T, E>(&self, unit: F, access: Access) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.send(Work::job(unit, access, Reply::Blocking(sender)))?;
        receiver.recv().unwrap_or_else(|_| Err(closed().into()))
    }

    fn send(&self, job: Job) -> Result<(), DbError> {
        let queues = self.inner.queues.read().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.as_ref().ok_or_else(closed)?;
        let queue = match job.access {
            Access::Read => &queues.read,
            Access::Report => &queues.report,
            Access::Write | Access::Bulk => &queues.write,
        };
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => DbError::Busy,
            TrySendError::Disconnected(_) => closed(),
        })
    }
}

fn closed() -> DbError {
    DbError::Unavailable("it has been closed".into())
}
