//! The credential that callers get, and what may take its place.

use std::sync::{Arc, PoisonError};

use crate::current::Current;
use crate::mark::Mark;
use crate::sync::{ArcSwapOption, Mutex};

/// What the hot path reads. Reading takes no lock; replacing does, so that what was found out
/// earlier never takes the place of what was found out later.
pub(crate) struct Published {
    current: ArcSwapOption<Current>,
    /// The newest record that was published, also when it had no token. Held while `current` is
    /// replaced.
    newest: Mutex<Mark>,
}

impl Published {
    pub(crate) fn nothing() -> Self {
        Self { current: ArcSwapOption::empty(), newest: Mutex::default() }
    }

    /// The current credential, for a moment.
    #[inline]
    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<Current>>> {
        self.current.load()
    }

    /// The current credential, to keep.
    pub(crate) fn load_full(&self) -> Option<Arc<Current>> {
        self.current.load_full()
    }

    /// How new the newest publication is: for [`Self::replace`].
    pub(crate) fn newest(&self) -> Mark {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what a record of this mark comes to, given what it takes the place of, unless
    /// something newer was published; says whether.
    ///
    /// What was read under the lease is how things stand, also where it is older than what was
    /// published: that was never saved, or under a clock that was wrong. With it comes what had been
    /// `seen` before the lease was taken; nothing may have been published since.
    pub(crate) fn publish(
        &self,
        mark: Mark,
        seen: Option<Mark>,
        next: impl FnOnce(Option<&Current>) -> Option<Current>,
    ) -> bool {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.supersedes(mark) && seen != Some(*newest) {
            return false;
        }
        let next = next(self.load().as_deref());
        let mark = newest.then(mark);
        if mark == *newest
            && let (Some(now), Some(next)) = (self.load().as_ref(), &next)
        {
            // The same record again: once it is saved, whoever saw it unsaved saw it earlier.
            let is_late = next.is_unsaved() && now.is_saved();
            if is_late {
                return false;
            }
        }
        *newest = mark;
        self.current.store(next.map(Arc::new));
        true
    }

    /// Puts what no record stands for in the current one's place, an API key or nothing, unless a
    /// record was published after `seen`, when this was found out.
    pub(crate) fn replace(&self, seen: Mark, next: Option<Current>) {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if *newest == seen {
            self.current.store(next.map(Arc::new));
        }
    }

    /// Publishes the current credential once more, as `again` makes it, if it makes anything of it.
    pub(crate) fn republish(&self, again: impl FnOnce(&Current) -> Option<Current>) {
        let _newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = self.load_full().and_then(|current| again(&current)) {
            self.current.store(Some(Arc::new(next)));
        }
    }

    /// Nothing up to this mark is served any more (K9).
    pub(crate) fn forget(&self, cleared: Mark) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = newest.then(cleared);
        self.current.store(None);
    }
}
