//! How much may be under way to one webhook.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So much is under way to one webhook at once: one that hangs takes no other's room.
const EACH: usize = 8;

/// The room of each webhook that something is under way to, by its [place](crate::Webhook::place).
#[derive(Debug, Default)]
pub(super) struct Room(HashMap<String, Arc<Semaphore>>);

impl Room {
    /// Room for one more to that webhook, until it is dropped; `None`: there is none.
    pub(super) fn enter(&mut self, place: String) -> Option<OwnedSemaphorePermit> {
        let room = self.0.entry(place).or_insert_with(|| Arc::new(Semaphore::new(EACH)));
        Arc::clone(room).try_acquire_owned().ok()
    }

    /// Those that have none now. What nothing is under way to is forgotten.
    pub(super) fn full(&mut self) -> Vec<String> {
        self.0.retain(|_, room| room.available_permits() < EACH);
        let full = self.0.iter().filter(|(_, room)| room.available_permits() == 0);
        full.map(|(place, _)| place.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_webhook_takes_no_others_room() {
        let mut room = Room::default();
        let enter = |room: &mut Room, place: &str| room.enter(place.to_owned());
        let mut held: Vec<_> = (0..EACH).filter_map(|_| enter(&mut room, "acme/slow")).collect();
        assert_eq!(held.len(), EACH);
        assert!(enter(&mut room, "acme/slow").is_none());
        assert!(enter(&mut room, "acme/quick").is_some());
        assert_eq!(room.full(), ["acme/slow"]);
        held.pop();
        assert!(room.full().is_empty());
        assert!(enter(&mut room, "acme/slow").is_some());
        held.clear();
        assert!(room.full().is_empty() && room.0.is_empty(), "nothing is remembered for ever");
    }
}
