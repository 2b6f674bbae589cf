//! What the keeper of a set has yet to think about.

use std::sync::{PoisonError, Weak};

use crate::queue::Line;
use crate::shared::Shared;
use crate::sync::{Mutex, Notify};

/// Where the keys of a set leave word for their keeper.
pub(crate) struct Agenda {
    news: Mutex<Vec<News>>,
    woken: Notify,
}

/// Something that a keeper has to think about.
pub(crate) enum News {
    /// Something was published: its next chore may be another, and due sooner.
    Changed(Weak<Shared>),
    /// A chore has ended, in whatever way, and leaves its line.
    Ended(Weak<Shared>, Line),
}

impl Agenda {
    pub(crate) fn new() -> Self {
        Self { news: Mutex::new(Vec::new()), woken: Notify::new() }
    }

    /// Leaves word.
    pub(crate) fn tell(&self, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(news);
        self.woken.notify_one();
    }

    /// Wakes the keeper, which looks whether anybody is left.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Waits until there may be news.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// What there is, in the order in which it came.
    pub(crate) fn news(&self) -> Vec<News> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
