//! A unit of work on its way from a caller to a database thread and back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::{DbError, Tx};

/// What a unit may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    /// Reads for long.
    Report,
    Write,
    /// Writes very much.
    Bulk,
}

/// A unit in a queue.
pub(crate) struct Job {
    pub(crate) unit: Box<dyn Unit>,
    pub(crate) access: Access,
    /// When it was queued: how long its caller waits for an unreachable database counts from here.
    pub(crate) queued: Instant,
}

/// A caller's closure, its result and the way back, with their types hidden.
pub(crate) trait Unit: Send {
    /// Runs the closure, once more if need be, and keeps its result. True: commit. A panic, or a statement that failed,
    /// turns the result into an error.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Hands the kept result to the caller.
    fn answer(self: Box<Self>);
    /// Hands an error to the caller instead.
    fn fail(self: Box<Self>, error: DbError);
    /// The caller has gone away.
    fn abandoned(&self) -> bool;
}

pub(crate) enum Reply<R> {
    Async(oneshot::Sender<R>),
    Blocking(std::sync::mpsc::SyncSender<R>),
}

pub(crate) struct Work<F, T, E> {
    closure: F,
    result: Option<Result<T, E>>,
    reply: Reply<Result<T, E>>,
}

impl<F, T, E> Work<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    pub(crate) fn job(closure: F, access: Access, reply: Reply<Result<T, E>>) -> Job {
        Job { unit: Box::new(Self { closure, result: None, reply }), access, queued: Instant::now() }
    }

    /// Sends to a caller who may be gone. Whatever it drops on the way is the caller's code, which may panic.
    fn send(reply: Reply<Result<T, E>>, result: impl FnOnce() -> Result<T, E>) {
        let sent = catch_unwind(AssertUnwindSafe(|| match reply {
            Reply::Async(sender) => drop(sender.send(result())),
            Reply::Blocking(sender) => drop(sender.send(result())),
        }));
        if sent.is_err() {
            tracing::error!("handing a unit's result back panicked");
        }
    }
}

impl<F, T, E> Unit for Work<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            self.result = None;
            match ((self.closure)(tx), tx.doom()) {
                (Ok(_), Some(cause)) => Err(E::from(DbError::Doomed(Box::new(cause.clone())))),
                (result, _) => result,
            }
        }));
        let result = match ran {
            Ok(result) => result,
            Err(panic) => Err(E::from(DbError::Panicked(panic_message(panic.as_ref())))),
        };
        let commit = result.is_ok();
        self.result = Some(result);
        commit
    }

    fn answer(self: Box<Self>) {
        let Self { result, reply, closure } = *self;
        Self::send(reply, || {
            drop(closure);
            result.unwrap_or_else(|| Err(E::from(DbError::Unavailable("the unit was not run".into()))))
        });
    }

    fn fail(self: Box<Self>, error: DbError) {
        let Self { result, reply, closure } = *self;
        Self::send(reply, || {
            drop((closure, result));
            Err(E::from(error))
        });
    }

    fn abandoned(&self) -> bool {
        matches!(&self.reply, Reply::Async(sender) if sender.is_closed())
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
