//! Denials in memory.

use core::time::Duration;

use unlapse_core::{BoxFuture, UnixTime};

use super::{MemoryStore, done};
use crate::denials::{Denial, Denials};
use crate::store::Unavailable;

/// Nobody asks for older ones: no access token lives longer than an hour.
const KEPT: Duration = Duration::from_secs(2 * 3600);

impl MemoryStore {
    pub(super) fn add_denial(&self, denial: Denial) {
        let mut denials = self.denials_lock();
        let at = denial.at;
        while denials.front().is_some_and(|oldest| oldest.at.plus(KEPT) < at) {
            denials.pop_front();
        }
        denials.push_back(denial);
        drop(denials);
        self.news.notify_waiters();
    }
}

impl Denials for MemoryStore {
    fn deny<'a>(&'a self, jti: &'a str, now: UnixTime) -> BoxFuture<'a, Result<(), Unavailable>> {
        self.add_denial(Denial { id: jti.to_owned(), at: now });
        done(())
    }

    fn denied(&self, since: UnixTime) -> BoxFuture<'_, Result<Vec<Denial>, Unavailable>> {
        let denials = self.denials_lock();
        done(denials.iter().filter(|denial| denial.at >= since).cloned().collect())
    }

    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.news.notified())
    }
}
