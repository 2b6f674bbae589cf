//! A renewal under way in this process, and who may share it (K5).

use std::sync::{Arc, MutexGuard, PoisonError};

use unlapse_core::{Demand, Error};

use crate::current::{Credential, Current};
use crate::shared::Shared;
use crate::sync::{BriefMutex, watch};

/// How a renewal ended; what it brought has been published.
pub(crate) type Outcome = Result<(), Error>;

/// A renewal under way in this process, which others join (K5).
pub(crate) struct Flight {
    pub(crate) demand: Demand,
    pub(crate) outcome: watch::Receiver<Option<Outcome>>,
}

/// A renewal under way, counted until it ends in whatever way.
pub(crate) struct UnderWay(Arc<Shared>);

impl UnderWay {
    pub(crate) fn begin(shared: Arc<Shared>) -> Self {
        shared.traffic.count().under_way += 1;
        Self(shared)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut count = self.0.traffic.count();
        count.under_way -= 1;
        let landed = if count.under_way == 0 { count.landed.take() } else { None };
        drop(count);
        if let Some(landed) = landed {
            landed.0.send_replace(true);
        }
    }
}

/// How many renewals are under way. Who waits for the last of them costs something, and only then.
#[derive(Default)]
pub(crate) struct Traffic(BriefMutex<Count>);

/// Says that the last has landed.
type Landing = (watch::Sender<bool>, watch::Receiver<bool>);

#[derive(Default)]
struct Count {
    under_way: u32,
    /// Tells of the last of them, where somebody waits.
    landed: Option<Box<Landing>>,
}

impl Traffic {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether none is.
    pub(crate) fn is_none(&self) -> bool {
        self.count().under_way == 0
    }

    /// Waits until none is.
    pub(crate) async fn landed(&self) {
        let mut new = Some(Box::new(watch::channel(false)));
        let mut landed = {
            let mut count = self.count();
            if count.under_way == 0 {
                return;
            }
            if count.landed.is_none() {
                count.landed = new.take();
            }
            count.landed.as_ref().map(|landed| landed.1.clone())
        };
        let Some(landed) = &mut landed else { return };
        // Whoever lands last says so, and the sender is gone only after that.
        let _ = landed.wait_for(|landed| *landed).await;
    }
}

/// Whether a renewal made for `under_way` may serve `demand` as well. A forced renewal or a new
/// login has to start after it was asked for.
pub(crate) fn joins(demand: Demand, under_way: Demand) -> bool {
    match (demand, under_way) {
        // A login that nobody but its caller wants is no answer to others.
        (Demand::Force | Demand::NewLogin, _) | (_, Demand::NewLogin) => false,
        (Demand::Fresh { min_ttl }, Demand::Fresh { min_ttl: theirs }) => min_ttl <= theirs,
        (Demand::Fresh { .. } | Demand::Rejected(_), _) => true,
        // A wanted renewal may stop short of what a rejected token takes, and the other way round.
        (Demand::NewerThan(_), under_way) => !matches!(under_way, Demand::Fresh { .. }),
    }
}

/// Whether a renewal was made for this very demand, and may be shared at all.
pub(crate) fn alike(demand: Demand, under_way: Demand) -> bool {
    demand == under_way && joins(demand, under_way)
}

/// Whether an outcome gives this caller what it asked for; it had the generation `before`.
pub(crate) fn satisfies(demand: Demand, current: &Current, before: u64) -> bool {
    if matches!(current.credential, Credential::ApiKey { .. }) {
        return demand != Demand::NewLogin;
    }
    match demand {
        Demand::Fresh { .. } => true,
        Demand::Rejected(generation) | Demand::NewerThan(generation) => {
            current.generation() > generation
        }
        Demand::Force | Demand::NewLogin => current.generation() > before,
    }
}
