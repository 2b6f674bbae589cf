//! The keys at hand, and how long they are good for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use unlapse_core::UnixTime;

use crate::jwk_set::JwkSet;

/// A set of keys. Replaced whole: who has one sees one.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) set: JwkSet,
    /// Another number for another set: what was found under one number holds as long as it stands.
    pub(crate) version: u64,
    /// None for keys that are not asked for.
    pub(crate) term: Option<Term>,
}

/// For how long a set that was fetched is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) fetched_at: UnixTime,
    /// For how long its issuer says that it is.
    pub(crate) lifetime: Duration,
    /// For how long it is better than nothing.
    pub(crate) stale: Duration,
}

/// What is to be done about a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing.
    Fresh,
    /// Ask for another, without waiting for it.
    Due,
    /// Ask for another first; when there is none to be had, this one will do.
    Overdue,
    /// It is no longer good for anything.
    Gone,
}

impl Term {
    /// How it stands at `now`. A clock that was set back says nothing about its age: it is due.
    pub(crate) fn standing(&self, now: UnixTime) -> Standing {
        let age = now.since(self.fetched_at);
        if age > self.stale {
            Standing::Gone
        } else if age >= self.lifetime {
            Standing::Overdue
        } else if now < self.fetched_at || age >= self.lifetime * 4 / 5 {
            Standing::Due
        } else {
            Standing::Fresh
        }
    }
}

/// Keys that their owner sets: an issuer's own, or those from a file. Clones share them.
#[derive(Clone, Debug)]
pub struct SharedKeys(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    held: ArcSwapOption<Held>,
    versions: AtomicU64,
}

impl SharedKeys {
    /// With these keys.
    pub fn new(set: JwkSet) -> Self {
        let keys = Self(Arc::new(Shared { held: ArcSwapOption::empty(), versions: 0.into() }));
        keys.replace(set);
        keys
    }

    /// Puts other keys in their place, at once for everybody: tokens of a key that is not among
    /// them are accepted no more.
    pub fn replace(&self, set: JwkSet) {
        let version = self.0.versions.fetch_add(1, Ordering::Relaxed);
        self.0.held.store(Some(Arc::new(Held { set, version, term: None })));
    }

    pub(crate) fn held(&self) -> Guard<Option<Arc<Held>>> {
        self.0.held.load()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j3_a_row_for_each_age() {
        let secs = Duration::from_secs;
        let term = Term {
            fetched_at: UnixTime::from_secs(1000),
            lifetime: secs(300),
            stale: secs(86_400),
        };
        for (now, standing) in [
            (1000, Standing::Fresh),
            (1239, Standing::Fresh),
            (1240, Standing::Due),
            (1299, Standing::Due),
            (1300, Standing::Overdue),
            (87_400, Standing::Overdue),
            (87_401, Standing::Gone),
            (999, Standing::Due),
        ] {
            assert_eq!(term.standing(UnixTime::from_secs(now)), standing, "{now}");
        }
    }
}
