//! What every key of a set shares.

use std::sync::{Arc, Mutex, Weak};

use unlapse_core::{Dice, Store};

use crate::agenda::Agenda;
use crate::effects::{Breakers, Clock, Spawn};
use crate::events::Observer;
use crate::feed::Feed;
use crate::keeper;
use crate::memory_breakers::MemoryBreakers;
use crate::one_hold::Turns;
use crate::rest::Rest;
use crate::sources::Members;

/// The effects of a set of keys, and their keeper's agenda: there once, however many keys there are.
/// A single source is a set of one.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawn: Arc<dyn Spawn>,
    pub(crate) breakers: Arc<dyn Breakers>,
    pub(crate) dice: Mutex<Dice>,
    pub(crate) observer: Option<Observer>,
    /// Who has subscribed to all of the keys.
    pub(crate) feed: Feed,
    /// What the keeper has yet to think about; `None` where nothing is renewed ahead of time.
    pub(crate) agenda: Option<Arc<Agenda>>,
    /// While the program is about to end, nothing is begun ahead of time.
    pub(crate) rest: Rest,
    /// The sources that the set itself holds; a single source has no set.
    pub(crate) members: Weak<Members>,
    /// Whose record is held in this process.
    pub(crate) turns: Arc<Turns>,
}

/// What a [`World`] is made of, as a builder collects it.
pub(crate) struct Effects {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawn: Arc<dyn Spawn>,
    pub(crate) seed: u64,
    pub(crate) breakers: Arc<dyn Breakers>,
    pub(crate) observer: Option<Observer>,
    /// Whether there is to be a keeper.
    pub(crate) ahead: bool,
}

impl Effects {
    /// Breakers of their own, nobody who is told, and a keeper.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        spawn: Arc<dyn Spawn>,
        seed: u64,
    ) -> Self {
        let breakers = Arc::new(MemoryBreakers::default());
        Self { store, clock, spawn, seed, breakers, observer: None, ahead: true }
    }

    /// The world, whose keeper has yet to be started.
    pub(crate) fn world(self, members: Weak<Members>) -> Arc<World> {
        Arc::new(World {
            store: self.store,
            clock: self.clock,
            spawn: self.spawn,
            breakers: self.breakers,
            dice: Mutex::new(Dice::new(self.seed)),
            observer: self.observer,
            feed: Feed::default(),
            agenda: self.ahead.then(|| Arc::new(Agenda::new())),
            rest: Rest::default(),
            members,
            turns: Arc::default(),
        })
    }
}

impl World {
    /// Starts the keeper, where there is to be one.
    pub(crate) fn keep(self: &Arc<Self>) {
        if let Some(agenda) = &self.agenda {
            let keeper = keeper::keep(Arc::downgrade(self), Arc::clone(agenda));
            self.spawn.spawn(Box::pin(keeper));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The keeper ends when it finds nobody left.
        if let Some(agenda) = &self.agenda {
            agenda.wake();
        }
    }
}
