//! Whatever was started is stopped, and the folder removed: at the end, after an error, and after Ctrl-C.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long a process that was asked to end has for it.
const GRACE: Duration = Duration::from_secs(20);

/// None: everything is being stopped and nothing new starts.
static STARTED: Mutex<Option<Vec<Arc<Mutex<Child>>>>> = Mutex::new(Some(Vec::new()));
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process that ends with this value, or with the bench.
pub struct Process {
    child: Arc<Mutex<Child>>,
    /// Its number.
    pub id: u32,
}

impl Process {
    /// Starts a command, with the end of its standard output where that is a pipe. It gets a process group of its own: an interrupt at the terminal is for the bench, which ends it in order.
    pub fn start(command: &mut Command) -> Result<(Process, Option<ChildStdout>)> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut started = lock(&STARTED);
        let started = started.as_mut().context("everything is being stopped")?;
        let mut child =
            command.process_group(0).spawn().with_context(|| format!("{program} can't be started"))?;
        let (id, said) = (child.id(), child.stdout.take());
        let child = Arc::new(Mutex::new(child));
        started.push(child.clone());
        Ok((Process { child, id }, said))
    }

    /// Waits until it has ended by itself.
    pub fn wait(&self, limit: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            // Not held while waiting, so that an interrupt can end it.
            if let Some(status) = lock(&self.child).try_wait()? {
                return Ok(status);
            }
            if Instant::now() > until {
                bail!("process {} has not ended within {} s", self.id, limit.as_secs());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Ends it without a word, as a crash would.
    pub fn kill(&self) -> Result<()> {
        let mut child = lock(&self.child);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits.
    pub fn stop(&self) -> Result<()> {
        terminate(self.id)?;
        self.wait(GRACE).map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&self.child);
        if let Some(started) = lock(&STARTED).as_mut() {
            started.retain(|other| !Arc::ptr_eq(other, &self.child));
        }
    }
}

fn terminate(id: u32) -> Result<()> {
    Command::new("kill").args(["-TERM", &id.to_string()]).status()?;
    Ok(())
}

fn end(child: &Mutex<Child>) {
    let mut child = lock(child);
    if matches!(child.try_wait(), Ok(None)) {
        _ = child.kill();
        _ = child.wait();
    }
}

/// A folder that is removed with this value, or with the bench.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one where temporary files belong; `TMPDIR` says where that is.
    pub fn make() -> Result<Folder> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("goodword-bench-{}-{number}", std::process::id()));
        // Others may pass through, since PostgreSQL can't run as root.
        DirBuilder::new().mode(0o711).create(&path).with_context(|| {
            format!("the folder {} can't be made; choose another place with TMPDIR", path.display())
        })?;
        lock(&FOLDERS).push(path.clone());
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Ends everything that still runs and removes what is left.
pub fn all() {
    for child in lock(&STARTED).take().into_iter().flatten() {
        end(&child);
    }
    crate::postgres::stop_all();
    for folder in lock(&FOLDERS).drain(..) {
        _ = std::fs::remove_dir_all(folder);
    }
}

/// From now on, Ctrl-C and a request to end clean up first.
pub fn on_interrupt() {
    use tokio::signal::unix::{SignalKind, signal};
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime for signals").block_on(async {
            let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be listened for");
            let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened for");
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        eprintln!("\ninterrupted: stopping what was started");
        all();
        std::process::exit(130);
    });
}
