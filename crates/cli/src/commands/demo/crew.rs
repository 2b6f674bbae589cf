//! The workers: real processes, started, killed and started again.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use unlapse_core::{Dice, Grant, Secret};

use super::arena::Arena;
use super::worker::{self, Tally};

/// All workers.
pub(super) struct Crew {
    workers: Vec<Worker>,
    dice: Dice,
    seed: u64,
    kills: u64,
}

/// One worker, through all of its lives.
pub(super) struct Worker {
    pub(super) number: u16,
    pub(super) lives: u64,
    child: Child,
    /// What earlier lives did.
    past: Tally,
    /// What this life has told so far.
    now: Arc<Mutex<Tally>>,
}

impl Worker {
    pub(super) fn tally(&self) -> Tally {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        Tally {
            requests: self.past.requests + now.requests,
            unauthorized: self.past.unauthorized + now.unauthorized,
            renewals: self.past.renewals + now.renewals,
            cancelled: self.past.cancelled + now.cancelled,
            waits: self.past.waits + now.waits,
            generation: now.generation.max(self.past.generation),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}

impl Crew {
    /// Logs in once, for all of them, and starts them.
    pub(super) async fn start(
        arena: &Arena,
        workers: u16,
        seed: u64,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let refresh_token = arena.log_in().await?;
        let store = worker::store(arena.dir());
        let source = worker::builder(store, &token_endpoint(arena))
            .map_err(|diagnosis| diagnosis.message)?
            .ahead_of_time(false)
            .build()
            .await;
        source
            .edit(|record, now| {
                let mut grant = Grant::bearer(Secret::new(""));
                grant.refresh_token = Some(refresh_token);
                grant.expires_in = Some(std::time::Duration::ZERO);
                record.logged_in(grant, now)
            })
            .await?;
        let mut crew =
            Self { workers: Vec::new(), dice: Dice::new(seed.rotate_left(7)), seed, kills: 0 };
        for number in 1..=workers {
            let worker = crew.spawn(arena, number, 0, Tally::default())?;
            crew.workers.push(worker);
        }
        Ok(crew)
    }

    pub(super) fn workers(&self) -> &[Worker] {
        &self.workers
    }

    pub(super) fn kills(&self) -> u64 {
        self.kills
    }

    /// What all of them did, in all of their lives.
    pub(super) fn total(&self) -> Tally {
        self.workers.iter().map(Worker::tally).fold(Tally::default(), |sum, one| Tally {
            requests: sum.requests + one.requests,
            unauthorized: sum.unauthorized + one.unauthorized,
            renewals: sum.renewals + one.renewals,
            cancelled: sum.cancelled + one.cancelled,
            waits: sum.waits + one.waits,
            generation: sum.generation.max(one.generation),
        })
    }

    /// `kill -9` to one of them, wherever it is, and a new life for it.
    pub(super) async fn kill_one(
        &mut self,
        arena: &Arena,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let index = usize::try_from(self.dice.roll() % self.workers.len() as u64)?;
        self.workers[index].child.kill().await?;
        self.kills += 1;
        self.revive(arena, index)
    }

    /// A worker that ended by itself is started again; it should not have.
    pub(super) fn replace_the_dead(
        &mut self,
        arena: &Arena,
    ) -> Result<(), Box<dyn std::error::Error>> {
        for index in 0..self.workers.len() {
            if self.workers[index].child.try_wait()?.is_some() {
                self.revive(arena, index)?;
            }
        }
        Ok(())
    }

    pub(super) async fn stop(&mut self) {
        for worker in &mut self.workers {
            // It is killed when dropped as well; this waits until it is gone.
            let _ = worker.child.kill().await;
        }
    }

    fn revive(&mut self, arena: &Arena, index: usize) -> Result<(), Box<dyn std::error::Error>> {
        let (number, lives, past) = {
            let old = &self.workers[index];
            (old.number, old.lives + 1, old.tally())
        };
        self.workers[index] = self.spawn(arena, number, lives, past)?;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the demo owns its runtime")]
    fn spawn(
        &self,
        arena: &Arena,
        number: u16,
        lives: u64,
        past: Tally,
    ) -> Result<Worker, Box<dyn std::error::Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(worker::COMMAND)
            .args(["--number", &number.to_string()])
            .args(["--api", arena.origin()])
            .args(["--token-endpoint", &token_endpoint(arena)])
            .args(["--seed", &(self.seed ^ lives).to_string()])
            .arg("--store")
            .arg(arena.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let now = Arc::new(Mutex::new(Tally::default()));
        if let Some(stdout) = child.stdout.take() {
            let now = Arc::clone(&now);
            tokio::spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Ok(tally) = serde_json::from_str(&line) {
                        *now.lock().unwrap_or_else(PoisonError::into_inner) = tally;
                    }
                }
            });
        }
        Ok(Worker { number, lives, child, past, now })
    }
}

fn token_endpoint(arena: &Arena) -> String {
    format!("{}/token", arena.origin())
}
