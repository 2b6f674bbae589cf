//! Whether a node can do its work.

use core::time::Duration;

use unlapse::unlapse_core::UnixTime;

use super::Broker;

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The database answers.
    pub database: bool,
    /// The keys to what is in it are there.
    pub keys: bool,
    /// The node is about to end, and begins nothing any more.
    pub draining: bool,
    /// Tokens that could not be saved yet.
    pub unsaved: usize,
    /// When the oldest renewal that waits was due; `None`: none waits.
    pub oldest_due: Option<UnixTime>,
    /// For how long this node puts off what is due of the app with the longest queue. What is put off
    /// is not counted as due until then.
    pub longest_queue: Duration,
    /// Renewals under way here.
    pub renewing: usize,
    /// Circuits that are not closed.
    pub circuits: usize,
    /// Notes that were dropped, since the database could not take them in time.
    pub dropped: u64,
    /// How far this machine's clock is from the database's, whichever is ahead. It hurts nobody: the
    /// database's is the one that counts.
    pub clock_skew: Duration,
}

impl Health {
    /// Whether requests may be sent here.
    pub fn is_ready(&self) -> bool {
        self.database && self.keys && !self.draining
    }
}

impl Broker {
    /// How this node stands, by asking the database now.
    pub async fn health(&self) -> Health {
        let inner = &self.inner;
        let oldest_due = inner.store.oldest_due().await;
        Health {
            database: oldest_due.is_ok(),
            keys: inner.tables.envelope().is_whole(),
            draining: inner.is_draining(),
            unsaved: inner.unsaved_now(),
            oldest_due: oldest_due.unwrap_or_default(),
            longest_queue: inner.lobby.longest(self.clock()),
            renewing: inner.seats.taken(),
            circuits: inner.circuits.in_trouble().len(),
            dropped: inner.notes.dropped(),
            clock_skew: inner.clock.skew(),
        }
    }
}
