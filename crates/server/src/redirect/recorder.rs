//! Writes clicks down: in the database, before their clients are sent on, or, where it is away or too slow for that, in
//! a file that is taken in afterwards.
//!
//! The clicks that wait form a batch; the next one forms while this one is being written, without timers. A batch has an
//! identity, and the database remembers up to which batch each writer has come: so what is brought twice (because nobody
//! knows whether it got there) is written down once.

use std::{
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{clock::Clock, ids::Ids, referral_code::damage};
use store::{Db, DbError, SqlErrorKind, matching};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, timeout, timeout_at},
};

use super::{
    directory::Directory,
    spool::{Next, Spool},
};
use crate::ops::clicks::{self, Batch, Standing, Visit};

/// How long clients wait, after the database has had its time, until their clicks in the file are synced, too. A disk that
/// takes longer than that holds up nobody: what is written there outlives this process in any case.
const DISK_PATIENCE: Duration = Duration::from_millis(10);
/// How many clicks may wait to be taken into a batch.
const QUEUE: usize = 16_384;
/// The largest batch.
const BATCH: usize = 512;
/// How long, after the database has refused or not answered, it is left alone: at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often it is looked for files of servers that have ended.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How many clicks, at a guess, are still taken in while new ones wait for that instead of joining the file.
const NEARLY_DONE: u64 = 64 * 1024;
/// How often the database may refuse the same clicks for what they are before they are set aside.
const REFUSALS: u32 = 5;
/// Of the codes in a file that were never given to anybody, how many are kept as damaged each time.
const MOST_DAMAGED: usize = 100;

/// What became of a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is written down, and belongs to a partner.
    Counted,
    /// Its code was never given to anybody.
    Nobodys,
    /// It waits in the file; whose it is shows later, unless that was known before.
    Waits,
    /// It could not even be kept in the file. Said in the log.
    Lost,
}

/// A click that waits to be taken into a batch, since when, and who waits for it.
struct Asked {
    visit: Visit,
    since: Instant,
    answer: oneshot::Sender<Outcome>,
}

/// How many writers there are where the database takes several transactions at once: while the batch of one is being
/// synced, that of another is sent. Each code has its writer, so no two of them want the same partner's count.
const LANES: usize = 2;

/// The way to those who write. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Recorder {
    lanes: Arc<[Lane]>,
    directory: Arc<Directory>,
    patience: Duration,
}

/// The way to one of them.
#[derive(Debug)]
struct Lane {
    queue: mpsc::Sender<Asked>,
    /// Bytes that wait in its files.
    waiting: Arc<AtomicU64>,
}

impl Recorder {
    /// Starts the writers, which end when the last way to them is dropped. `folder` is where clicks wait; `patience` is how
    /// long one waits for the database.
    pub fn start(
        db: &Db,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn Ids>,
        folder: &Path,
        patience: Duration,
    ) -> Recorder {
        let directory = Arc::new(Directory::default());
        let start_lane = |_| {
            let (queue, taken) = mpsc::channel(QUEUE);
            let waiting = Arc::new(AtomicU64::new(0));
            let id: Arc<str> = ids.uuid(clock.now()).into();
            let writer = Writer {
                spool: Spool::new(folder.to_owned(), &id),
                id,
                number: 0,
                db: db.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
                directory: directory.clone(),
                waiting: waiting.clone(),
                patience,
                taking_in: None,
                syncing: None,
                unsynced: None,
                failures: Failures::default(),
                draw: 0,
            };
            tokio::spawn(writer.run(taken));
            Lane { queue, waiting }
        };
        let lanes = if db.is_shared() { LANES } else { 1 };
        Recorder { lanes: (0..lanes).map(start_lane).collect(), directory, patience }
    }

    /// Whose code is it?
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// How many bytes of clicks wait in files.
    pub fn waiting(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.waiting.load(Ordering::Relaxed)).sum()
    }

    /// Waits until no click waits in a file any more, but not longer than that: for a server that is stopped.
    pub async fn settle(&self, limit: Duration) {
        let settled = async {
            while self.waiting() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(limit, settled).await.is_err() {
            tracing::warn!("clicks still wait in a file; the next start with this data folder takes them in");
        }
    }

    /// Keeps a click; answers once it is on a disk.
    pub async fn keep(&self, visit: Visit) -> Outcome {
        let mut hasher = DefaultHasher::new();
        visit.code.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % self.lanes.len() as u64).unwrap_or(0);
        let queue = &self.lanes[lane].queue;
        let (answer, outcome) = oneshot::channel();
        let asked = Asked { visit, since: Instant::now(), answer };
        let sent = match queue.try_send(asked) {
            Ok(()) => true,
            Err(TrySendError::Full(asked)) => {
                timeout(self.patience, queue.send(asked)).await.is_ok_and(|sent| sent.is_ok())
            }
            Err(TrySendError::Closed(_)) => false,
        };
        let kept = if sent { outcome.await.ok() } else { None };
        kept.unwrap_or_else(|| {
            tracing::error!("a click was not written down: too many wait; the client was sent on");
            Outcome::Lost
        })
    }
}

/// The clicks of one batch: those who wait for it.
type Answers = Vec<oneshot::Sender<Outcome>>;
/// Whose each visit of each batch is.
type Owners = Vec<Vec<Option<Arc<str>>>>;

/// Batches on their way from the file into the database.
struct TakingIn {
    next: Next,
    /// The first batch in the file was on its way already when it was put there.
    only_first: bool,
    task: JoinHandle<Result<Owners, DbError>>,
}

/// How it has gone of late.
#[derive(Debug, Default)]
struct Failures {
    /// The pause before the next try; none when all is well.
    pause: Option<Duration>,
    /// How often the same clicks were refused for what they are.
    refusals: u32,
    /// Clicks that went through the file since the database was last there.
    clicks: u64,
}

struct Writer {
    id: Arc<str>,
    number: i64,
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    directory: Arc<Directory>,
    waiting: Arc<AtomicU64>,
    patience: Duration,
    spool: Spool,
    taking_in: Option<TakingIn>,
    syncing: Option<JoinHandle<()>>,
    /// The file has lines that were written while it was being synced.
    unsynced: Option<File>,
    failures: Failures,
    /// What the next click's number begins at within its millisecond.
    draw: u32,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Asked>) {
        self.draw_anew();
        if let Err(error) = self.spool.make_ready() {
            tracing::warn!(%error, "the file in which clicks wait for the database can't be made yet");
        }
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut taken = Vec::with_capacity(BATCH);
        loop {
            let (under_way, syncing) = (self.taking_in.is_some(), self.syncing.is_some());
            tokio::select! {
                biased;
                result = task_of(&mut self.taking_in), if under_way => self.taken_in(result).await,
                () = synced(&mut self.syncing), if syncing => self.sync(None),
                // What is on its way is the first in the first file: none may come before it.
                _ = look.tick(), if !under_way => self.take_up(),
                count = queue.recv_many(&mut taken, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.keep(taken.drain(..)).await;
                }
            }
        }
    }

    /// Writes a batch down where it belongs: behind what waits, or into the database.
    async fn keep(&mut self, asked: impl Iterator<Item = Asked>) {
        let (mut visits, mut answers) = (Vec::new(), Answers::new());
        let mut waited = Duration::ZERO;
        for Asked { visit, since, answer } in asked {
            visits.push(visit);
            answers.push(answer);
            waited = waited.max(since.elapsed());
        }
        self.number += 1;
        let batch = Arc::new(Batch { writer: self.id.clone(), number: self.number, visits });
        if !self.spool.is_empty() {
            return self.put_by(&batch, answers, None).await;
        }
        let mut task = self.write(vec![batch.clone()], Standing::New, None);
        match timeout(self.patience.saturating_sub(waited), &mut task).await {
            Ok(Ok(Ok(owners))) => {
                self.remember(&[&batch], &owners);
                for (owner, answer) in owners.into_iter().flatten().zip(answers) {
                    // Who has gone away meanwhile isn't told.
                    _ = answer.send(if owner.is_some() { Outcome::Counted } else { Outcome::Nobodys });
                }
            }
            Ok(Ok(Err(error))) => {
                self.failed(&error);
                self.put_by(&batch, answers, None).await;
            }
            Ok(Err(error)) => {
                self.failed(&DbError::Panicked(error.to_string()));
                self.put_by(&batch, answers, None).await;
            }
            Err(_) => {
                tracing::info!("the database is slow: clicks are kept in a file until it takes them");
                self.put_by(&batch, answers, Some(task)).await;
            }
        }
    }

    /// Puts a batch into the file and sends its clients on. `task` brings it to the database already.
    async fn put_by(
        &mut self,
        batch: &Batch,
        answers: Answers,
        task: Option<JoinHandle<Result<Owners, DbError>>>,
    ) {
        let kept = tokio::task::block_in_place(|| self.spool.append(batch));
        let outcome = match kept {
            Ok(file) => {
                self.failures.clicks += batch.visits.len() as u64;
                let until = Instant::now() + DISK_PATIENCE;
                // The sync that is under way has begun before this was written.
                let idle =
                    self.syncing.is_none() || timeout_at(until, synced(&mut self.syncing)).await.is_ok();
                self.sync(Some(file));
                if idle {
                    _ = timeout_at(until, synced(&mut self.syncing)).await;
                }
                match task {
                    Some(task) => {
                        self.taking_in = Some(TakingIn { next: Next::default(), only_first: true, task });
                    }
                    None if self.taking_in.is_none() => self.take_in(),
                    None => {}
                }
                Outcome::Waits
            }
            Err(error) => {
                let clicks = batch.visits.len();
                tracing::error!(%error, clicks, "clicks could be written neither to the database nor to a file");
                Outcome::Lost
            }
        };
        self.tell_waiting();
        for answer in answers {
            _ = answer.send(outcome);
        }
    }

    /// Has the file synced: now, or once the sync that is under way has ended.
    fn sync(&mut self, file: Option<File>) {
        self.unsynced = file.or(self.unsynced.take());
        if self.syncing.is_some() {
            return;
        }
        if let Some(file) = self.unsynced.take() {
            self.syncing = Some(tokio::task::spawn_blocking(move || {
                if let Err(error) = file.sync_data() {
                    tracing::error!(%error, "the file in which clicks wait can't be synced to the disk");
                }
            }));
        }
    }

    /// Begins to bring to the database what is next in the file.
    fn take_in(&mut self) {
        // One at a time where one of them is refused, so that the others don't share its fate.
        let most = if self.failures.refusals > 0 { 1 } else { usize::MAX };
        let next = match tokio::task::block_in_place(|| self.spool.next(most)) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "the clicks that wait in a file can't be read; trying again later");
                Next::default()
            }
        };
        self.tell_waiting();
        if !next.batches.is_empty() {
            let task = self.write(next.batches.clone(), Standing::Doubtful, self.failures.pause);
            self.taking_in = Some(TakingIn { next, only_first: false, task });
        }
    }

    /// What was on its way from the file is in the database, or isn't. Goes on with what is next; when that is little,
    /// new clicks wait for it instead of joining the file, which would else never become empty.
    async fn taken_in(&mut self, mut result: Result<Owners, DbError>) {
        loop {
            let Some(TakingIn { next, only_first, .. }) = self.taking_in.take() else { return };
            match result {
                Ok(owners) => self.has_taken_in(&next, only_first, owners).await,
                Err(error) => self.could_not_take_in(&next, &error),
            }
            if self.spool.is_empty() {
                self.caught_up();
                return;
            }
            self.take_in();
            if self.failures.pause.is_some() || self.spool.waiting() > NEARLY_DONE {
                return;
            }
            match timeout(self.patience, task_of(&mut self.taking_in)).await {
                Ok(next_result) => result = next_result,
                Err(_) => return,
            }
        }
    }

    async fn has_taken_in(&mut self, next: &Next, only_first: bool, owners: Owners) {
        self.failures.pause = None;
        self.failures.refusals = 0;
        let done = tokio::task::block_in_place(|| {
            if only_first { self.spool.take_first() } else { self.spool.take(next) }
        });
        if let Err(error) = done {
            tracing::warn!(%error, "a file of clicks that were taken in is still there; nothing is counted twice");
        }
        let batches: Vec<&Batch> = next.batches.iter().map(AsRef::as_ref).collect();
        self.remember(&batches, &owners);
        let nobodys: Vec<matching::DamagedCode> = batches
            .iter()
            .flat_map(|batch| &batch.visits)
            .zip(owners.iter().flatten())
            .filter(|(visit, owner)| owner.is_none() && !visit.automatic)
            .filter_map(|(visit, _)| {
                let code = damage::letters(&visit.code.to_string())?;
                Some(matching::DamagedCode { at: visit.at, code, source: visit.source.clone() })
            })
            .take(MOST_DAMAGED)
            .collect();
        if nobodys.is_empty() {
            return;
        }
        // Beside the rest: no client waits for this.
        let db = self.db.clone();
        tokio::spawn(async move {
            let kept =
                db.write(move |tx| nobodys.iter().try_for_each(|code| matching::keep_damaged(tx, code)));
            if let Err(error) = kept.await {
                tracing::debug!(%error, "codes that were given to nobody were not kept");
            }
        });
    }

    fn could_not_take_in(&mut self, next: &Next, error: &DbError) {
        self.failed(error);
        if !is_about_them(error) || next.batches.is_empty() {
            return;
        }
        self.failures.refusals += 1;
        if self.failures.refusals >= REFUSALS {
            self.failures.refusals = 0;
            if let Err(error) = tokio::task::block_in_place(|| self.spool.set_aside(next)) {
                tracing::error!(%error, "clicks that the database refuses could not be set aside");
            }
        }
    }

    /// Draws where the numbers of clicks go on: another place than before, and than other servers.
    fn draw_anew(&mut self) {
        let mut random = [0; 4];
        self.ids.fill(&mut random);
        self.draw = u32::from_le_bytes(random);
    }

    /// Says once that the database is away, and waits longer before each further try.
    fn failed(&mut self, error: &DbError) {
        if is_about_numbers(error) {
            self.draw_anew();
            return;
        }
        if self.failures.pause.is_none() {
            tracing::warn!(%error, "the database doesn't take clicks: they are kept in a file until it does");
        }
        let pause = self.failures.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        self.failures.pause = Some(pause);
    }

    fn caught_up(&mut self) {
        let clicks = std::mem::take(&mut self.failures.clicks);
        tracing::info!(clicks, "the clicks that waited in a file are in the database");
        self.tell_waiting();
    }

    /// Takes up the files of servers that have ended.
    fn take_up(&mut self) {
        match tokio::task::block_in_place(|| self.spool.take_up()) {
            Ok(0) => {}
            Ok(bytes) => tracing::info!(bytes, "clicks of a server that has ended are taken in"),
            Err(error) => {
                tracing::warn!(%error, "it could not be looked for clicks of servers that have ended")
            }
        }
        if self.taking_in.is_none() && !self.spool.is_empty() {
            self.take_in();
        }
    }

    /// Brings batches to the database, after a pause where there is one.
    fn write(
        &mut self,
        batches: Vec<Arc<Batch>>,
        standing: Standing,
        pause: Option<Duration>,
    ) -> JoinHandle<Result<Owners, DbError>> {
        let (db, now) = (self.db.clone(), self.clock.now());
        // From here on, numbers of this server never meet; those of another are met once in a long while.
        let draw = self.draw;
        let clicks: usize = batches.iter().map(|batch| batch.visits.len()).sum();
        self.draw = draw.wrapping_add(u32::try_from(clicks).unwrap_or(0));
        tokio::spawn(async move {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            db.write(move |tx| clicks::record(tx, now, &batches, standing, draw)).await
        })
    }

    /// Remembers whose the codes are that were looked up.
    fn remember(&self, batches: &[&Batch], owners: &Owners) {
        for (visit, owner) in batches.iter().flat_map(|batch| &batch.visits).zip(owners.iter().flatten()) {
            if let (None, Some(owner)) = (&visit.partner_id, owner) {
                self.directory.remember(visit.code, owner.clone());
            }
        }
    }

    fn tell_waiting(&self) {
        self.waiting.store(self.spool.waiting(), Ordering::Relaxed);
    }
}

/// Whether the database refuses clicks for what they are. Anything else is its own trouble, and passes.
fn is_about_them(error: &DbError) -> bool {
    match error {
        DbError::Sql { kind, code, .. } => {
            let of_a_rule =
                [SqlErrorKind::Check, SqlErrorKind::NotNull, SqlErrorKind::ForeignKey].contains(kind);
            // SQLSTATE's class 22: a value that can't be held.
            of_a_rule || (code.len() == 5 && code.starts_with("22"))
        }
        DbError::Parameter { .. } | DbError::Decode { .. } => true,
        DbError::Doomed(cause) => is_about_them(cause),
        _ => false,
    }
}

/// Two servers have drawn the same numbers in the same millisecond.
fn is_about_numbers(error: &DbError) -> bool {
    match error {
        DbError::Sql { kind, .. } => *kind == SqlErrorKind::Unique,
        DbError::Doomed(cause) => is_about_numbers(cause),
        _ => false,
    }
}

/// Waits until the file is synced; for ever where it isn't being.
async fn synced(syncing: &mut Option<JoinHandle<()>>) {
    match syncing {
        Some(task) => {
            _ = task.await;
            *syncing = None;
        }
        None => std::future::pending().await,
    }
}

/// Waits for what is on its way; for ever where nothing is.
async fn task_of(taking_in: &mut Option<TakingIn>) -> Result<Owners, DbError> {
    match taking_in {
        Some(TakingIn { task, .. }) => {
            task.await.unwrap_or_else(|error| Err(DbError::Panicked(error.to_string())))
        }
        None => std::future::pending().await,
    }
}
