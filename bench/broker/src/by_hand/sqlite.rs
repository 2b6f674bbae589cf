//! The peer on `SQLite`: a renewal as two durable updates, of the intent and of the answer.

use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::rows::SEALED;

/// Rows that take turns.
const ROWS: i64 = 10_000;

/// A file of its own, durable at each commit.
pub(crate) struct ByHandSqlite {
    connection: Connection,
    next: i64,
    _folder: TempDir,
}

impl ByHandSqlite {
    pub(crate) fn fill() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let connection = Connection::open(folder.path().join("schedule.db"))?;
        connection.execute_batch(&format!(
            "pragma journal_mode = wal; pragma synchronous = full;
             create table schedule (id integer primary key, shard integer, due_at integer,
                 generation integer, phase integer, sent_at integer);
             create index schedule_due on schedule (shard, due_at) where due_at is not null;
             create table token (id integer primary key, generation integer, sealed blob);
             with recursive n (n) as (select 0 union all select n + 1 from n where n < {ROWS} - 1)
                 insert into schedule select n, n % 64, n, 1, 0, null from n;
             insert into token select id, 1, zeroblob({SEALED}) from schedule;"
        ))?;
        Ok(Self { connection, next: 0, _folder: folder })
    }

    /// Renewals a second, so many in a transaction.
    pub(crate) fn renewals(&mut self, in_one: u32, time: Duration) -> Result<f64> {
        let (start, mut count, sealed) = (Instant::now(), 0, vec![b'y'; SEALED]);
        while start.elapsed() < time {
            let ids: Vec<i64> = (0..i64::from(in_one)).map(|n| (self.next + n) % ROWS).collect();
            self.next += i64::from(in_one);
            let intents = self.connection.transaction()?;
            for id in &ids {
                let mut intend = intents.prepare_cached(
                    "update schedule set phase = 1, sent_at = ?2, due_at = due_at + 90 where id = ?1",
                )?;
                intend.execute(params![id, 1])?;
            }
            intents.commit()?;
            let answers = self.connection.transaction()?;
            for id in &ids {
                let mut complete = answers.prepare_cached(
                    "update schedule set phase = 0, generation = generation + 1, due_at = due_at + 3600 \
                     where id = ?1",
                )?;
                complete.execute(params![id])?;
                let mut keep = answers.prepare_cached(
                    "update token set generation = generation + 1, sealed = ?2 where id = ?1",
                )?;
                keep.execute(params![id, sealed])?;
            }
            answers.commit()?;
            count += in_one;
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    }
}
