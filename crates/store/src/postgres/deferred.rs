//! Statements that wait for the next trip to the server.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{FutureExt, MaybeDone, maybe_done};
use tokio_postgres::{Client, Error, Statement};

use super::types::Bound;
use crate::Value;

/// A statement whose answer nobody waits for.
pub(super) struct Deferred {
    pub(super) sql: String,
    pub(super) statement: Statement,
    pub(super) params: Vec<Value>,
}

/// Sends all of them, in their order, before the first is answered. Returns the first that was refused: those behind it
/// were refused because of it.
pub(super) async fn send_deferred(client: &Client, deferred: Vec<Deferred>) -> Option<(String, Error)> {
    let mut sent: Vec<Pin<Box<MaybeDone<_>>>> = deferred
        .iter()
        .map(|Deferred { statement, params, .. }| {
            Box::pin(maybe_done(client.execute_raw(statement, params.iter().map(Bound))))
        })
        .collect();
    // A statement is sent when it is first polled.
    poll_fn(|context| {
        let waiting = sent
            .iter_mut()
            .map(|one| one.poll_unpin(context).is_pending())
            .filter(|pending| *pending)
            .count();
        if waiting == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let answers = sent.iter_mut().map(|one| one.as_mut().take_output());
    let refused = answers.enumerate().find_map(|(at, answer)| match answer {
        Some(Err(error)) => Some((at, error)),
        _ => None,
    });
    let (at, error) = refused?;
    Some((deferred[at].sql.clone(), error))
}
