//! Renewal ahead of time: no caller waits for a token that is still valid (K2, R12). One task for
//! all keys of a set; what it starts are tasks of their own, so that no key waits for another's
//! server (R17).

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use unlapse_core::{Demand, Now};

use crate::agenda::{Agenda, News};
use crate::chore::{Chore, next, pause};
use crate::queue::{Line, Queue};
use crate::shared::Shared;
use crate::world::World;

/// How long the keeper sleeps when it has nothing to do. News wake it.
const IDLE: Duration = Duration::from_secs(3600);

/// What the keeper remembers of one credential.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Where it stands in the queue: when it is to be woken, in the keeper's own milliseconds.
    pub(crate) due: Option<u64>,
    /// A chore is under way or waits for its turn.
    pub(crate) is_busy: bool,
    /// Saves that have failed in a row.
    saves: u32,
    /// When it was last renewed in vain, and how long to leave it at that.
    failed: Option<Box<(Now, Duration)>>,
    /// When it was last asked for, or seen to be held; where a set may let go of it.
    touched: Now,
}

impl Upkeep {
    /// Whether its last renewal ahead of time came to nothing.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }
}

/// Keeps the keys of a set alive until every handle to them is gone.
pub(crate) async fn keep(world: Weak<World>, agenda: Arc<Agenda>) {
    let (clock, start) = {
        let Some(world) = world.upgrade() else { return };
        (Arc::clone(&world.clock), world.clock.now())
    };
    let mut queue = Queue::default();
    loop {
        let after = {
            let now = clock.now();
            let passed = millis(now.elapsed(&start));
            for news in agenda.news() {
                let shared = match news {
                    News::Changed(shared) => shared,
                    News::Ended(shared, line) => {
                        begin(queue.ended(&shared, &line), &agenda);
                        shared
                    }
                };
                if let Some(shared) = shared.upgrade()
                    && let Some((after, chore)) = shared.think(&now)
                {
                    queue.put(&shared, passed.saturating_add(millis(after)), chore);
                }
            }
            begin(queue.start(passed, &now), &agenda);
            queue.next().map_or(IDLE, |due| Duration::from_millis(due.saturating_sub(passed)))
        };
        tokio::select! {
            biased;
            () = agenda.woken() => {}
            () = clock.sleep(after) => {}
        }
        if world.strong_count() == 0 {
            return;
        }
    }
}

/// Rounded up: what is woken a moment too early is not due yet.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Starts chores, each as a task of its own.
fn begin(chores: Vec<(Arc<Shared>, Chore)>, agenda: &Arc<Agenda>) {
    for (shared, chore) in chores {
        let world = Arc::clone(&shared.renewer.world);
        let ending = Ending {
            agenda: Arc::clone(agenda),
            line: Some(Line::of(&shared, chore)),
            shared: Arc::downgrade(&shared),
        };
        world.spawn.spawn(Box::pin(async move {
            let _ending = ending;
            shared.attend(chore).await;
        }));
    }
}

/// A chore under way, which ends in whatever way.
struct Ending {
    agenda: Arc<Agenda>,
    line: Option<Line>,
    shared: Weak<Shared>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            self.agenda.tell(News::Ended(self.shared.clone(), line));
        }
    }
}

impl Shared {
    /// Leaves word for the keeper, if there is one, that the next chore may be another now.
    pub(crate) fn think_again(&self) {
        let Some(agenda) = &self.renewer.world.agenda else { return };
        if !self.is_listed.swap(true, Ordering::AcqRel) {
            agenda.tell(News::Changed(self.me.clone()));
        }
    }

    /// The next chore, and how long until then; `None` while one is under way, whose end is news.
    fn think(&self, now: &Now) -> Option<(Duration, Chore)> {
        // Before anything is read: what is published from here on is news again. A swap, so that it
        // sees what came before the news.
        self.is_listed.swap(false, Ordering::AcqRel);
        let upkeep = self.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        if upkeep.is_busy {
            return None;
        }
        let current = self.current.load_full();
        let record = current.as_ref().and_then(|current| current.record());
        let unsaved = self.is_unsaved() || !self.renewer.memory.is_empty();
        let unsaved = unsaved.then_some(upkeep.saves);
        let failed = upkeep.failed.as_deref().copied();
        // Where only a person can help, there is nothing to renew: a look finds whether one has.
        let renewable = record.filter(|record| !self.renewer.needs_person(record, *now));
        let (policy, key) = (&self.renewer.policy, &self.renewer.key);
        let (after, chore) = next(renewable, unsaved, failed, now, policy, key);
        let rest = match chore {
            Chore::Renew => self.renewer.world.rest.left(now),
            Chore::Look | Chore::Save => Duration::ZERO,
        };
        Some((after.max(rest), chore))
    }

    /// Somebody asks for it, or holds it.
    pub(crate) fn touch(&self, now: Now) {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner).touched = now;
    }

    /// How long nobody has asked for it or was seen to hold it.
    pub(crate) fn untouched(&self, now: &Now) -> Duration {
        now.elapsed(&self.upkeep.lock().unwrap_or_else(PoisonError::into_inner).touched)
    }

    /// Whether nothing of it would be lost if it were let go of.
    pub(crate) fn is_settled(&self) -> bool {
        self.traffic.is_none() && self.renewer.memory.is_empty() && !self.is_unsaved()
    }

    /// Whether it is not needed in memory any more; then its set has let go of it.
    fn is_idle(self: &Arc<Self>) -> bool {
        let members = self.renewer.world.members.upgrade();
        members.is_some_and(|members| members.let_go(self, &self.renewer.clock.now()))
    }

    /// Does what the keeper found to be due.
    async fn attend(self: &Arc<Self>, chore: Chore) {
        match chore {
            // Asked before a renewal as well: one that fails, or is due all the time, leaves no time
            // for a look.
            Chore::Look | Chore::Renew if self.is_idle() => {}
            Chore::Look => {
                // A store that cannot be read now is read again after the next trust time.
                let _ = self.look().await;
            }
            Chore::Save => {
                let saved = self.save_unsaved().await.is_ok();
                let mut upkeep = self.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
                upkeep.saves = if saved { 0 } else { upkeep.saves.saturating_add(1) };
            }
            // It may have been renewed while it waited for its turn.
            Chore::Renew if !self.is_due() => {}
            Chore::Renew => {
                let before = self.generation();
                let now = self.renewer.clock.now();
                let launch = || self.launch(Demand::Fresh { min_ttl: Duration::ZERO });
                let Some(mut outcome) = self.renewer.world.rest.work(&now, launch) else { return };
                let ended = outcome.wait_for(Option::is_some).await;
                let policy = &self.renewer.policy;
                let again = match ended.as_deref() {
                    Ok(Some(Err(error))) => pause(error, policy),
                    _ => policy.round,
                };
                drop(ended);
                // A token that is due from its birth is no success either.
                let renewed = self.generation() > before && !self.is_due();
                let failed = (!renewed).then(|| Box::new((self.renewer.clock.now(), again)));
                self.upkeep.lock().unwrap_or_else(PoisonError::into_inner).failed = failed;
            }
        }
    }
}
