//! The audit log is written beside requests: none waits for it.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::audit::Event;
use crate::audit_log::{AuditEntry, AuditLog};
use crate::clock::Sleep;
use crate::stop::Stop;
use crate::store::Unavailable;

/// Entries that wait for one log, and the task that writes them.
///
/// An entry leaves the queue when the log has it: whatever happens meanwhile, it is written once
/// more rather than not at all.
pub(crate) struct AuditQueue {
    log: Arc<dyn AuditLog>,
    waiting: Mutex<VecDeque<AuditEntry>>,
    arrived: Notify,
    full: Notify,
    lost: AtomicU64,
}

/// So many entries wait at most: some 3 MB, and ten seconds of a busy issuer.
const ROOM: usize = 10_000;
/// As long as fewer wait, there is room for what anybody can cause. Beyond, only for what takes
/// more: nobody can push a reuse or a forgery out of the log by sending garbage.
const ROOM_FOR_ANYBODY: usize = ROOM / 2;
/// So many are written at once, at most.
const BATCH: usize = 500;
/// So long an entry waits for others to be written with.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a log that is away is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So long the end may take.
const FLUSH: Duration = Duration::from_secs(5);

impl AuditQueue {
    pub(crate) fn new(log: Arc<dyn AuditLog>) -> Self {
        Self {
            log,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            full: Notify::new(),
            lost: AtomicU64::new(0),
        }
    }

    /// Adds an entry; or loses it, when there is no room for it.
    pub(crate) fn push(&self, entry: AuditEntry) {
        let room = if is_anybodys(&entry) { ROOM_FOR_ANYBODY } else { ROOM };
        let mut waiting = self.waiting();
        let before = waiting.len();
        if before < room {
            waiting.push_back(entry);
        }
        drop(waiting);
        match before {
            0 => self.arrived.notify_one(),
            _ if before >= room => self.lose(1),
            _ if before + 1 == BATCH => self.full.notify_waiters(),
            _ => {}
        }
    }

    /// How many were lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Writes what arrives, until it is told to stop: then what is there, if the log takes it soon.
    pub(crate) async fn write(&self, sleep: &Sleep, stop: &Stop) {
        let too_late = async {
            stop.told().await;
            sleep(FLUSH).await;
        };
        tokio::select! {
            () = self.write_batches(sleep, stop) => {}
            () = too_late => {}
        }
        let left = self.waiting().drain(..).len();
        if left > 0 {
            self.lose(u64::try_from(left).unwrap_or(u64::MAX));
        }
    }

    async fn write_batches(&self, sleep: &Sleep, stop: &Stop) {
        let mut said = 0;
        loop {
            self.gather(sleep, stop).await;
            let batch: Vec<_> = self.waiting().iter().take(BATCH).cloned().collect();
            if batch.is_empty() {
                return;
            }
            match self.log.append(&batch).await {
                Ok(()) => drop(self.waiting().drain(..batch.len())),
                Err(Unavailable { retry_after }) => {
                    tracing::warn!("the audit log cannot be written now; entries wait");
                    // Also when it is time to stop: it may be back in a moment.
                    sleep(retry_after.clamp(PAUSE, LONGEST_PAUSE)).await;
                }
            }
            let lost = self.lost();
            if lost > said {
                tracing::error!(lost, "the audit log lacks entries: there was no room for them");
                said = lost;
            }
        }
    }

    /// Waits for entries, and then for more of them; not when it is time to stop.
    async fn gather(&self, sleep: &Sleep, stop: &Stop) {
        while self.waiting().is_empty() && !stop.is_told() {
            tokio::select! {
                () = self.arrived.notified() => {}
                () = stop.told() => {}
            }
        }
        if self.waiting().len() < BATCH && !stop.is_told() {
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = self.full.notified() => {}
                () = stop.told() => {}
            }
        }
    }

    fn lose(&self, entries: u64) {
        if self.lost.fetch_add(entries, Relaxed) == 0 {
            tracing::error!("entries of the audit log are lost: does `Issuer::housekeeping` run?");
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<AuditEntry>> {
        // An entry is in it or not: nothing in here can be half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether no session, and so no credential, has to be behind an entry.
fn is_anybodys(entry: &AuditEntry) -> bool {
    entry.event == Event::REFUSED && entry.session.is_none()
}

#[cfg(test)]
#[path = "audit_queue_tests.rs"]
mod tests;
