//! What costs something to find out, kept for a while: however many look at it, it is asked for once.

use core::future::Future;
use core::time::Duration;
use std::collections::BTreeMap;

use tokio::sync::Mutex;
use unlapse::unlapse_core::UnixTime;

use crate::name::Name;
use crate::problem::Problem;

/// What is kept, for each tenant that was asked for and for all together.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<BTreeMap<Option<Name>, Entry<T>>>);

#[derive(Debug)]
struct Entry<T> {
    /// What could not be found out is kept as well: otherwise each of many who wait would try by itself,
    /// one after the other.
    found: Result<T, Problem>,
    until: UnixTime,
}

/// Views of so many tenants are kept at most.
const MOST: usize = 64;

/// How long something is kept that took so long to find out: a database spends a twentieth of its time
/// on it at most, and nobody sees what is older than five minutes.
fn kept_for(took: Duration) -> Duration {
    const LEAST: Duration = Duration::from_secs(2);
    const LONGEST: Duration = Duration::from_secs(300);
    took.saturating_mul(20).clamp(LEAST, LONGEST)
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What is kept for `tenant`; or what `find` finds, while everybody else who wants it waits.
    pub(super) async fn of<F: Future<Output = Result<T, Problem>>>(
        &self,
        tenant: Option<&Name>,
        clock: impl Fn() -> UnixTime,
        find: impl FnOnce() -> F,
    ) -> Result<T, Problem> {
        let mut kept = self.0.lock().await;
        let begun = clock();
        let tenant = tenant.cloned();
        if let Some(entry) = kept.get(&tenant).filter(|entry| begun < entry.until) {
            return entry.found.clone();
        }
        let found = find().await;
        let ended = clock();
        kept.retain(|_, entry| ended < entry.until);
        if kept.len() >= MOST {
            kept.clear();
        }
        let for_long = kept_for(if found.is_ok() { ended.since(begun) } else { Duration::ZERO });
        kept.insert(tenant, Entry { found: found.clone(), until: ended.plus(for_long) });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

    #[test]
    fn what_takes_long_is_kept_long() {
        for (took, kept) in [(0, 2000), (100, 2000), (1000, 20_000), (60_000, 300_000)] {
            let (took, kept) = (Duration::from_millis(took), Duration::from_millis(kept));
            assert_eq!(kept_for(took), kept, "{took:?}");
        }
    }

    #[tokio::test]
    async fn it_is_asked_for_once() {
        let (kept, now, asked) = (Kept::default(), AtomicU64::new(1000), AtomicU64::new(0));
        let acme: Name = "acme".parse().expect("a name");
        let clock = || UnixTime::from_secs(now.load(SeqCst));
        let find = || async { Ok(asked.fetch_add(1, SeqCst)) };
        let (one, other) = tokio::join!(kept.of(None, clock, find), kept.of(None, clock, find));
        assert_eq!((one, other), (Ok(0), Ok(0)));
        assert_eq!(kept.of(Some(&acme), clock, find).await, Ok(1));
        now.store(1002, SeqCst);
        assert_eq!(kept.of(None, clock, find).await, Ok(2));
        now.store(1010, SeqCst);
        let away = Problem::new(crate::code::Code::DatabaseAway, "away");
        let lost = || async { Err(away.clone()) };
        assert_eq!(kept.of(None, clock, lost).await, Err(away.clone()));
        // What could not be found out is kept for a moment.
        assert_eq!(kept.of(None, clock, find).await, Err(away));
        now.store(1012, SeqCst);
        assert_eq!(kept.of(None, clock, find).await, Ok(3));
    }
}
