//! What every key of a set shares.

use std::sync::{Arc, Mutex};

use unlapse_core::{Dice, Store};

use crate::agenda::Agenda;
use crate::effects::{Breakers, Clock, Spawn};
use crate::events::Observer;
use crate::keeper;

/// The effects of a set of keys, and their keeper's agenda: there once, however many keys there are.
/// A single source is a set of one.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawn: Arc<dyn Spawn>,
    pub(crate) breakers: Arc<dyn Breakers>,
    pub(crate) dice: Mutex<Dice>,
    pub(crate) observer: Option<Observer>,
    /// What the keeper has yet to think about; `None` where nothing is renewed ahead of time.
    pub(crate) agenda: Option<Arc<Agenda>>,
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
