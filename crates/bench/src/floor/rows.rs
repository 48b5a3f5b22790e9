//! The same rows with the same group commit, by a bare loop: no web page, no layer over the database, nothing looked up.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::{Router, body::Bytes, http::StatusCode};
use crossbeam_channel::{Receiver, bounded};
use futures_util::future::try_join_all;
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;

use super::Constant;
use crate::effect::Value;
use crate::http::Answer;
use crate::load::CONNECTIONS;
use crate::postgres::with_client;
use crate::replay::Replay;

/// How many commit together: with 64 connections no more can wait at once.
const GROUP: i64 = CONNECTIONS as i64;
/// PostgreSQL: how many connections write. A connection is a process there, so that two of them use two cores.
const WRITERS: i64 = 2;

/// Where rows are written.
#[derive(Debug, Clone)]
pub enum Target {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// The address of a PostgreSQL database.
    Postgres(String),
}

/// Writes as fast as it can, for a time, no more than `most` times. Answers how often the effect was written a second;
/// `next` is moved on.
pub fn bare(target: &Target, replay: &Replay, next: &mut i64, most: i64, time: Duration) -> Result<i64> {
    let began = Instant::now();
    let (written, after) = match target {
        Target::Sqlite(file) => sqlite(file, replay, *next, most, time)?,
        Target::Postgres(url) => postgres(url, replay, *next, most, time)?,
    };
    let micros = i64::try_from(began.elapsed().as_micros())?;
    *next = after;
    Ok(written * 1_000_000 / micros.max(1))
}

/// Opened with the settings of the server's writer.
fn connect(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-65536;
         PRAGMA temp_store=MEMORY",
    )?;
    Ok(connection)
}

fn sqlite(file: &Path, replay: &Replay, first: i64, most: i64, time: Duration) -> Result<(i64, i64)> {
    let connection = connect(file)?;
    let mut statements = replay.on(&connection)?;
    let mut next = first;
    let began = Instant::now();
    while began.elapsed() < time && next - first + GROUP <= most {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..GROUP {
            statements.play(next)?;
            next += 1;
        }
        connection.execute_batch("COMMIT")?;
    }
    Ok((next - first, next))
}

fn postgres(url: &str, replay: &Replay, first: i64, most: i64, time: Duration) -> Result<(i64, i64)> {
    let done = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || postgres_writer(url, replay, first + writer, most / WRITERS, time))
            })
            .collect();
        let ends = writers.into_iter().map(|writer| writer.join().expect("a writer doesn't panic"));
        ends.collect::<Result<Vec<i64>>>()
    })?;
    // Each has written every second one; of the slower one some are left out.
    let furthest = done.iter().max().copied().unwrap_or(0);
    Ok((done.iter().sum(), first + furthest * WRITERS))
}

/// Writes every `WRITERS`th time from `first` on; answers how often.
fn postgres_writer(url: &str, replay: &Replay, first: i64, most: i64, time: Duration) -> Result<i64> {
    with_client(url, async |client| {
        let mut prepared = Vec::new();
        for statement in &replay.statements {
            prepared.push(client.prepare(&statement.sql.replace('?', "$")).await?);
        }
        let began = Instant::now();
        let mut count = 0;
        while began.elapsed() < time && count + GROUP / WRITERS <= most {
            let times = count..count + GROUP / WRITERS;
            let values: Vec<Vec<Value>> = times
                .clone()
                .flat_map(|nth| replay.statements.iter().map(move |statement| (nth, statement)))
                .map(|(nth, statement)| {
                    let value = |part| replay.value(part, first + nth * WRITERS);
                    statement.parts.iter().map(value).collect()
                })
                .collect();
            let transaction = client.transaction().await?;
            // Sent one after another without waiting for the answers between them.
            let sent = values.iter().zip(prepared.iter().cycle()).map(|(values, statement)| {
                let transaction = &transaction;
                async move {
                    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(parameter).collect();
                    transaction.execute(statement, &values).await
                }
            });
            try_join_all(sent).await?;
            transaction.commit().await?;
            count = times.end;
        }
        Ok(count)
    })
}

fn parameter(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Int(number) => number,
        Value::Text(text) => text,
    }
}

/// The bare loop behind an axum that takes the form and answers with the same page: what is left for a server to do
/// besides. Whatever waits is written in one commit; the next group forms meanwhile.
pub struct Behind {
    /// Where it answers.
    pub floor: Constant,
}

impl Behind {
    /// Starts it on a SQLite file.
    pub fn start(file: &Path, replay: Replay, first: i64, said: &Answer) -> Result<Behind> {
        let (queue, waiting) = bounded::<oneshot::Sender<bool>>(1024);
        let file = file.to_owned();
        thread::spawn(move || {
            if let Err(error) = write_what_waits(&file, &replay, first, &waiting) {
                eprintln!("warning: a floor's writer has ended: {error:#}");
            }
        });
        let status = StatusCode::from_u16(said.status)?;
        let (kind, body) = (content_type(said), Bytes::from(said.body.clone()));
        let answer = async move |_form: Bytes| {
            let (sender, written) = oneshot::channel();
            let sent = queue.send(sender).is_ok();
            if !sent || written.await.is_err() {
                return (StatusCode::INTERNAL_SERVER_ERROR, [("content-type", kind.clone())], Bytes::new());
            }
            (status, [("content-type", kind.clone())], body.clone())
        };
        let router = Router::new().fallback(move |form: Bytes| {
            let answer = answer.clone();
            async move { answer(form).await }
        });
        Ok(Behind { floor: Constant::serve(router)? })
    }
}

fn content_type(said: &Answer) -> String {
    let found = said.headers.iter().find(|(name, _)| name == "content-type");
    found.map_or_else(|| "text/html".to_owned(), |(_, value)| value.clone())
}

fn write_what_waits(
    file: &Path,
    replay: &Replay,
    mut next: i64,
    waiting: &Receiver<oneshot::Sender<bool>>,
) -> Result<()> {
    let connection = connect(file)?;
    let mut statements = replay.on(&connection)?;
    while let Ok(first) = waiting.recv() {
        connection.execute_batch("BEGIN IMMEDIATE").context("BEGIN")?;
        let mut group = vec![first];
        let mut played = 0;
        while played < group.len() {
            statements.play(next)?;
            next += 1;
            played += 1;
            group.extend(waiting.try_iter().take(256_usize.saturating_sub(group.len())));
        }
        connection.execute_batch("COMMIT").context("COMMIT")?;
        group.into_iter().for_each(|sender| _ = sender.send(true));
    }
    Ok(())
}
