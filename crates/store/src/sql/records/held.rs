//! What this node has leased: one holder at a time in this process, and what nobody in it holds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::found::Raw;
use super::record_id::RecordId;

/// The keys of one node.
#[derive(Default)]
pub(super) struct Held {
    keys: Mutex<HashMap<RecordId, Slot>>,
}

#[derive(Default)]
struct Slot {
    /// Who has it is the holder in this process.
    gate: Arc<tokio::sync::Mutex<()>>,
    /// So many wait for the gate, or have it.
    users: usize,
    /// The row is leased to this node, and to nobody in it.
    idle: Option<Idle>,
}

/// A row that is leased to this node, and to nobody in it.
pub(super) struct Idle {
    /// The number of the lease. `None` when the answer to its statement was lost, or to one that was
    /// written under it: nothing is written under that number any more.
    pub(super) fence: Option<i64>,
    /// It came due, and waits for its renewal; else it waits to be given back.
    pub(super) claim: Option<Raw>,
    /// It has no record.
    pub(super) is_empty: bool,
}

impl Held {
    fn keys(&self) -> MutexGuard<'_, HashMap<RecordId, Slot>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets in line for the row in this process.
    pub(super) fn wait(self: &Arc<Self>, id: RecordId) -> Turn {
        let mut keys = self.keys();
        let slot = keys.entry(id).or_default();
        slot.users += 1;
        Turn { held: Arc::clone(self), id, gate: Arc::clone(&slot.gate), guard: None }
    }

    /// Whether somebody in this process holds the row.
    pub(super) fn is_held(&self, id: RecordId) -> bool {
        self.keys().get(&id).is_some_and(|slot| slot.gate.try_lock().is_err())
    }

    /// The turn of a row that nobody in this process has a lease of, or waits for, as far as is known:
    /// for as long as it is kept, nobody here comes by one.
    pub(super) fn nobodys(self: &Arc<Self>, id: RecordId) -> Option<Turn> {
        let mut keys = self.keys();
        if let Some(slot) = keys.get(&id) {
            let is_known = slot.idle.as_ref().is_some_and(|idle| idle.fence.is_some());
            if slot.users > 0 || is_known {
                return None;
            }
        }
        let slot = keys.entry(id).or_default();
        let gate = Arc::clone(&slot.gate);
        let guard = Some(Arc::clone(&gate).try_lock_owned().ok()?);
        slot.users += 1;
        Some(Turn { held: Arc::clone(self), id, gate, guard })
    }

    /// The row is this node's, and nobody's in it. What is known of a later lease stays.
    pub(super) fn rest(&self, id: RecordId, idle: Idle) {
        let mut keys = self.keys();
        let slot = keys.entry(id).or_default();
        if slot.idle.as_ref().is_none_or(|known| known.fence <= idle.fence) {
            slot.idle = Some(idle);
        }
    }

    /// What rests of a row, for whoever has its turn.
    pub(super) fn take(&self, id: RecordId) -> Option<Idle> {
        self.take_if(id, |_| true)
    }

    /// What rests of a row to be given back, where that was not taken since.
    pub(super) fn let_go(&self, id: RecordId, fence: Option<i64>) -> bool {
        self.take_if(id, |idle| idle.fence == fence && idle.claim.is_none()).is_some()
    }

    /// The claim of a row, where nobody has taken it over.
    pub(super) fn unclaim(&self, id: RecordId, fence: i64) -> Option<Idle> {
        self.take_if(id, |idle| idle.fence == Some(fence) && idle.claim.is_some())
    }

    /// Everything that rests and that somebody waits to do something with.
    pub(super) fn claims(&self) -> Vec<(RecordId, i64)> {
        let claimed = |(id, slot): (&RecordId, &Slot)| {
            let idle = slot.idle.as_ref().filter(|idle| idle.claim.is_some())?;
            Some((*id, idle.fence?))
        };
        self.keys().iter().filter_map(claimed).collect()
    }

    fn take_if(&self, id: RecordId, wanted: impl FnOnce(&Idle) -> bool) -> Option<Idle> {
        let mut keys = self.keys();
        let Entry::Occupied(mut slot) = keys.entry(id) else { return None };
        let idle = slot.get_mut().idle.take_if(|idle| wanted(idle));
        if idle.is_some() && slot.get().users == 0 {
            slot.remove();
        }
        idle
    }

    fn leave(&self, id: RecordId) {
        let mut keys = self.keys();
        if let Entry::Occupied(mut slot) = keys.entry(id) {
            slot.get_mut().users -= 1;
            if slot.get().users == 0 && slot.get().idle.is_none() {
                slot.remove();
            }
        }
    }
}

/// A place in the line for a row in this process; once its turn has come, the row's only holder.
pub(super) struct Turn {
    held: Arc<Held>,
    id: RecordId,
    gate: Arc<tokio::sync::Mutex<()>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    pub(super) fn id(&self) -> RecordId {
        self.id
    }

    /// Waits for the turn.
    pub(super) async fn come(&mut self) {
        if !self.has_come() {
            self.guard = Some(Arc::clone(&self.gate).lock_owned().await);
        }
    }

    /// Whether it has come, or does so now.
    pub(super) fn has_come(&mut self) -> bool {
        if self.guard.is_none() {
            self.guard = Arc::clone(&self.gate).try_lock_owned().ok();
        }
        self.guard.is_some()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        self.held.leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> RecordId {
        RecordId::of(&unlapse_core::Key::new("a"))
    }

    fn idle(fence: i64, claim: Option<Raw>) -> Idle {
        Idle { fence: Some(fence), claim, is_empty: false }
    }

    #[tokio::test]
    async fn r1_one_holder_at_a_time_and_nothing_left_behind() {
        let held = Arc::new(Held::default());
        let mut one = held.wait(id());
        one.come().await;
        assert!(held.is_held(id()));
        let mut other = held.wait(id());
        assert!(one.has_come() && !other.has_come());
        {
            let mut waiting = core::pin::pin!(other.come());
            assert!(futures_lite::future::poll_once(waiting.as_mut()).await.is_none());
            drop(one);
            waiting.await;
        }
        assert!(held.is_held(id()));
        drop(other);
        assert!(!held.is_held(id()) && held.keys().is_empty());
    }

    #[tokio::test]
    async fn what_was_taken_again_is_not_given_back() {
        let held = Arc::new(Held::default());
        held.rest(id(), idle(1, None));
        held.rest(id(), idle(0, None));
        assert_eq!(held.take(id()).and_then(|idle| idle.fence), Some(1), "the later lease");
        assert!(!held.let_go(id(), Some(1)), "somebody has it");
        held.rest(id(), idle(2, None));
        assert!(!held.let_go(id(), Some(1)), "another lease");
        assert!(held.let_go(id(), Some(2)));
        held.rest(id(), idle(3, Some(Raw::default())));
        assert!(!held.let_go(id(), Some(3)), "a claim waits for its renewal");
        assert_eq!(held.claims(), [(id(), 3)]);
        assert!(held.unclaim(id(), 2).is_none());
        assert!(held.unclaim(id(), 3).is_some());
        assert!(held.keys().is_empty());
    }

    #[tokio::test]
    async fn r1_a_row_is_nobodys_only_while_no_lease_of_it_is_known_or_waited_for() {
        let held = Arc::new(Held::default());
        held.rest(id(), Idle { fence: None, claim: None, is_empty: false });
        let ours = held.nobodys(id()).expect("its number is not known: it is in nobody's hands");
        assert!(held.nobodys(id()).is_none(), "one at a time");
        let mut next = held.wait(id());
        {
            let mut waiting = core::pin::pin!(next.come());
            assert!(futures_lite::future::poll_once(waiting.as_mut()).await.is_none());
            drop(ours);
            assert!(held.nobodys(id()).is_none(), "somebody waits for it");
            waiting.await;
        }
        drop(next);
        held.rest(id(), idle(4, None));
        assert!(held.nobodys(id()).is_none(), "it is given back by its number");
        assert!(held.let_go(id(), Some(4)));
        held.rest(id(), idle(5, Some(Raw::default())));
        assert!(held.nobodys(id()).is_none(), "a claim waits for its renewal");
    }
}
