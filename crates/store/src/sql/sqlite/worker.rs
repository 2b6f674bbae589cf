//! The thread that the database belongs to.
//!
//! Changes that wait at the same time are made in one transaction: the disk is waited for once for
//! all of them. Nobody is answered before.

use core::cell::Cell;
use core::time::Duration;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot};
use unlapse_core::BoxFuture;

use crate::sql::Away;

/// So many calls may wait. The next are told to come back: a queue without an end helps nobody.
const WAITING: usize = 1024;

/// Of those places, so many are not for what begins something: what was begun is to come to its end,
/// also in a rush. An answer that is not saved costs more than one that is not asked for.
const FOR_THE_BEGUN: usize = 256;

/// So many changes share a transaction: the first of them does not wait for all there ever are.
const TOGETHER: usize = 256;

/// When to ask again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a call may do when its turn comes.
pub struct Turn<'a> {
    /// The connection. A change is inside of a transaction that others share: it makes one statement,
    /// or its own savepoint.
    pub database: &'a Connection,
    news: &'a Cell<bool>,
}

impl Turn<'_> {
    /// There is news for whoever waits for it, once this is committed.
    pub fn tell(&self) {
        self.news.set(true);
    }
}

/// A call that waits for its turn.
trait Call: Send {
    /// Whether it changes anything.
    fn changes(&self) -> bool;
    /// Its turn. Whether it went well.
    fn run(&mut self, turn: &Turn<'_>) -> bool;
    /// Tells the caller what came of it; not `kept` when the transaction was lost.
    fn answer(self: Box<Self>, kept: bool);
}

struct Asked<T, F> {
    changes: bool,
    ask: Option<F>,
    answer: Result<T, Away>,
    caller: oneshot::Sender<Result<T, Away>>,
}

impl<T, F> Call for Asked<T, F>
where
    T: Send,
    F: FnOnce(&Turn<'_>) -> rusqlite::Result<T> + Send,
{
    fn changes(&self) -> bool {
        self.changes
    }

    fn run(&mut self, turn: &Turn<'_>) -> bool {
        let Some(ask) = self.ask.take() else { return false };
        self.answer = ask(turn).map_err(|error| away(&error));
        self.answer.is_ok()
    }

    fn answer(self: Box<Self>, kept: bool) {
        // A caller that is gone is not told.
        let _ = self.caller.send(if kept { self.answer } else { Err(AWAY) });
    }
}

const AWAY: Away = Away { retry_after: RETRY_AFTER };

/// Says what went wrong, without the values that it went wrong with.
fn away(error: &rusqlite::Error) -> Away {
    let code = error.sqlite_error().map(|error| error.extended_code);
    let message = code.map_or("no such row as expected", rusqlite::ffi::code_to_str);
    tracing::error!(code, message, "SQLite");
    AWAY
}

/// The thread, and the way to it. Ends when dropped, after what waits already.
pub struct Worker {
    calls: Option<mpsc::Sender<Box<dyn Call>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Gives `database` a thread of its own. `news` hears of what [`Turn::tell`] told.
    pub fn start(database: Connection, news: Arc<Notify>) -> std::io::Result<Self> {
        let (calls, mut waiting) = mpsc::channel(WAITING);
        let serve = move || {
            while let Some(first) = waiting.blocking_recv() {
                serve(&database, &news, first, &mut waiting);
            }
        };
        let thread = thread::Builder::new().name("unlapse-sqlite".to_owned()).spawn(serve)?;
        Ok(Self { calls: Some(calls), thread: Some(thread) })
    }

    /// Asks for something that changes nothing.
    pub fn read<'a, T: Send + 'static, E: From<Away>>(
        &self,
        ask: impl FnOnce(&Turn<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, E>> {
        self.ask(false, 0, ask)
    }

    /// Makes a change: one statement, which by itself happens whole or not at all.
    pub fn change<'a, T: Send + 'static, E: From<Away>>(
        &self,
        ask: impl FnOnce(&Turn<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, E>> {
        self.ask(true, 0, ask)
    }

    /// As [`Worker::change`], of something that begins: the first to be told to come back.
    pub fn begin<'a, T: Send + 'static, E: From<Away>>(
        &self,
        ask: impl FnOnce(&Turn<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, E>> {
        self.ask(true, FOR_THE_BEGUN, ask)
    }

    /// Waits in line, where more than so many places are free.
    fn ask<'a, T: Send + 'static, E: From<Away>>(
        &self,
        changes: bool,
        left_free: usize,
        ask: impl FnOnce(&Turn<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, E>> {
        let (caller, answer) = oneshot::channel();
        let call = Asked { changes, ask: Some(ask), answer: Err(AWAY), caller };
        let calls = self.calls.as_ref().filter(|calls| calls.capacity() > left_free);
        let sent = calls.map(|calls| calls.try_send(Box::new(call)));
        if !matches!(sent, Some(Ok(()))) {
            // One for each of them, when there are far too many: no louder than this.
            tracing::debug!("SQLite: too many calls wait");
        }
        // What was not sent is dropped, and its answer with it.
        Box::pin(async move { answer.await.unwrap_or(Err(AWAY)).map_err(E::from) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take() {
            // It has told its callers already; there is nobody left to tell about a panic.
            let _ = thread.join();
        }
    }
}

fn serve(
    database: &Connection,
    news: &Notify,
    mut first: Box<dyn Call>,
    waiting: &mut mpsc::Receiver<Box<dyn Call>>,
) {
    let told = Cell::new(false);
    let turn = Turn { database, news: &told };
    if !first.changes() {
        first.run(&turn);
        return first.answer(true);
    }
    let mut calls = vec![first];
    let kept = together(&turn, &mut calls, waiting);
    if let Err(error) = &kept {
        away(error);
        // Nothing is open after this, whatever has failed.
        if !database.is_autocommit() {
            let _ = database.execute_batch("ROLLBACK");
        }
        // Who wants to change something would wait for the same lock, one after the other.
        while let Ok(mut call) = waiting.try_recv() {
            if call.changes() {
                calls.push(call);
            } else {
                call.run(&turn);
                call.answer(true);
            }
        }
    } else if told.get() {
        news.notify_waiters();
    }
    for call in calls {
        call.answer(kept.is_ok());
    }
}

/// Runs the first of `calls` and what waits meanwhile, and commits.
fn together(
    turn: &Turn<'_>,
    calls: &mut Vec<Box<dyn Call>>,
    waiting: &mut mpsc::Receiver<Box<dyn Call>>,
) -> rusqlite::Result<()> {
    let database = turn.database;
    database.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    let mut next = 0;
    while next < TOGETHER {
        if next == calls.len() {
            let Ok(call) = waiting.try_recv() else { break };
            calls.push(call);
        }
        // One that fails has changed nothing. Some failures end the whole transaction, though.
        if !calls[next].run(turn) && database.is_autocommit() {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
                None,
            ));
        }
        next += 1;
    }
    database.prepare_cached("COMMIT")?.execute(())?;
    Ok(())
}
