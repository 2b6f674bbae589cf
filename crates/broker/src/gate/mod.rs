//! How many are let in at once: the rest is told to come back, instead of a queue without end.

mod entry;
mod holder;
mod stay;

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use unlapse::unlapse_core::UnixTime;

use self::entry::{Entry, entry};
pub(crate) use self::holder::{Holder, network};
pub(crate) use self::stay::Stay;
use crate::code::Code;
use crate::problem::Problem;

/// When to come back. Requests take milliseconds; a crowd is gone by then.
const BREATH: Duration = Duration::from_secs(1);

/// A door of bounded width, of which nobody alone has all. Clones are the same door.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    width: usize,
    within: Mutex<Within>,
}

/// Who is in.
#[derive(Debug, Default)]
struct Within {
    all: usize,
    /// Only those who are: it is never larger than the gate is wide.
    by: HashMap<Holder, usize>,
}

/// Room for one, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Shared>,
    holder: Holder,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowd {
    /// Of all.
    Everybody,
    /// Of this one alone: what is left is for others.
    Own,
}

impl Gate {
    /// For so many at once.
    pub(crate) fn new(width: usize) -> Self {
        Self(Arc::new(Shared { width, within: Mutex::default() }))
    }

    /// Room for one more of `holder`.
    pub(crate) fn enter(&self, holder: Holder) -> Result<Place, Crowd> {
        let mut within = self.0.within();
        let own = within.by.get(&holder).copied().unwrap_or_default();
        match entry(self.0.width, within.all, own) {
            Entry::Full => return Err(Crowd::Everybody),
            Entry::Greedy => return Err(Crowd::Own),
            Entry::Admitted => {}
        }
        within.all += 1;
        within.by.insert(holder.clone(), own + 1);
        drop(within);
        Ok(Place { gate: Arc::clone(&self.0), holder })
    }
}

impl Shared {
    fn within(&self) -> MutexGuard<'_, Within> {
        // Two numbers change together, without anything between them that can fail.
        self.within.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Who has it.
    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut within = self.gate.within();
        within.all = within.all.saturating_sub(1);
        match within.by.get_mut(&self.holder) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                within.by.remove(&self.holder);
            }
        }
    }
}

impl Crowd {
    /// 503, or 429 where it is the caller's own share that is used up.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Everybody => StatusCode::SERVICE_UNAVAILABLE,
            Self::Own => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// What is told, with when to come back.
    pub(crate) fn problem(self, now: UnixTime) -> Problem {
        let detail = match self {
            Self::Everybody => "more requests than can be answered at once",
            Self::Own => {
                "more requests of yours than can be answered at once beside those of others"
            }
        };
        Problem::new(Code::Overloaded, detail).retry_at(Some(now.plus(BREATH)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> Holder {
        Holder::Tenant(name.parse().expect("a name"))
    }

    #[test]
    fn whoever_finds_no_room_is_told_when_to_come_back() {
        let (gate, now) = (Gate::new(1), UnixTime::from_secs(1_700_000_000));
        let first = gate.enter(tenant("acme")).expect("room");
        let refused = gate.enter(tenant("globex")).expect_err("no room");
        let problem = refused.problem(now);
        assert_eq!((refused, problem.code), (Crowd::Everybody, Code::Overloaded));
        assert_eq!(problem.retry_at, Some(now.plus(BREATH)));
        drop(first);
        assert!(gate.enter(tenant("globex")).is_ok());
        assert!(gate.0.within().by.is_empty(), "nobody is remembered who is not in");
    }

    #[test]
    fn one_tenant_has_most_places_and_never_all() {
        let gate = Gate::new(16);
        let mut places: Vec<_> = core::iter::from_fn(|| gate.enter(tenant("acme")).ok()).collect();
        assert_eq!(places.len(), 14);
        assert_eq!(gate.enter(tenant("acme")).err(), Some(Crowd::Own));
        let other = gate.enter(tenant("globex")).expect("room for another");
        assert_eq!(other.holder(), &tenant("globex"));
        places.pop();
        assert_eq!(gate.enter(tenant("acme")).err(), Some(Crowd::Own), "there are two of them now");
        drop(other);
        assert!(gate.enter(tenant("acme")).is_ok());
    }
}
