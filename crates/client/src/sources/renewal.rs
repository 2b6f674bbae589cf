//! Renewals by somebody else's schedule: of keys that need not be in memory.

use std::any::Any;
use std::sync::Arc;

use tokio::sync::oneshot;
use unlapse_core::{Demand, Error, Key, Policy};

use super::strays::Stay;
use super::{Set, Sources, each};
use crate::flight::UnderWay;
use crate::hold::Kept;
use crate::renew::Renewer;
use crate::shared::Shared;
use crate::source::AccessToken;

/// A renewal as a schedule asks for it: see [`Sources::renew`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Renewal {
    demand: Demand,
    policy: Option<Arc<Policy>>,
    automatic: bool,
    keeps: Option<Arc<dyn Any + Send + Sync>>,
}

impl Renewal {
    /// One that is due: somebody else's, made since `generation`, is as good.
    pub fn due(generation: u64) -> Self {
        Self { demand: Demand::NewerThan(generation), policy: None, automatic: true, keeps: None }
    }

    /// One that is asked for, whoever has just made one.
    pub fn forced() -> Self {
        Self { demand: Demand::Force, policy: None, automatic: false, keeps: None }
    }

    /// The same by another policy than the key's own.
    pub fn policy(self, policy: Arc<Policy>) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// The same, with something that is let go of when its requests have ended and nothing of it is
    /// under way any more, which may be after its caller has given up: for whoever counts them.
    pub fn keeping(self, kept: Arc<dyn Any + Send + Sync>) -> Self {
        Self { keeps: Some(kept), ..self }
    }
}

impl Sources {
    /// Renews `key`'s token by the same transaction as ever, and keeps nothing of it in memory that
    /// was not there before: for a service that has more keys than memory, and a schedule of its own.
    /// Reads the record under the lease, and not before.
    ///
    /// A caller that is dropped changes nothing (R6). A token that could not be saved stays in memory
    /// until it is: see [`Sources::save`].
    pub async fn renew(&self, key: &Key, renewal: Renewal) -> Result<AccessToken, Error> {
        let held = self.set.hold(key).filter(|_| renewal.policy.is_none());
        let world = &self.set.world;
        let (shared, stay) = if let Some(shared) = held {
            (shared, None)
        } else {
            let stay = self.set.stray(key, renewal.policy.as_ref());
            (Arc::clone(&stay.shared), Some(stay))
        };
        // Before its task has begun: who settles waits for what was asked for by then (R6).
        let under_way = UnderWay::begin(Arc::clone(&shared));
        let (sender, ended) = oneshot::channel();
        let set = Arc::clone(&self.set);
        let deadline = shared.renewer.policy.caller_deadline;
        world.spawn.spawn(Box::pin(async move {
            let _kept = renewal.keeps;
            if renewal.automatic {
                drop(shared.launch(renewal.demand));
            }
            let current = shared.wait_for(renewal.demand, deadline).await;
            // Nobody may be there to be told.
            let _ = sender.send(current.and_then(|current| shared.access_token(&current)));
            drop(under_way);
            shared.landed().await;
            set.part(&shared);
            drop(stay);
        }));
        // Its task was cut off by the end of the runtime.
        ended.await.unwrap_or_else(|_| {
            Err(Error::Deadline { key: key.clone(), waited: std::time::Duration::ZERO })
        })
    }

    /// Tries once more to save every token that could not be saved before (R5), and says for how many
    /// that was in vain. Some at a time: one that has to wait holds up few others. A set whose tokens are
    /// renewed ahead of time does so by itself.
    pub async fn save(&self) -> usize {
        let members = self.set.members.all().into_iter().filter(|shared| shared.is_unsaved());
        let failed = each::save(self, members.chain(self.set.strays.all()).collect()).await;
        self.set.strays.sort_out();
        failed.len()
    }
}

impl Set {
    /// A source that the set does not hold, or not yet.
    pub(super) fn stray(&self, key: &Key, policy: Option<&Arc<Policy>>) -> Stay {
        let policy = policy.map_or_else(|| (self.policies)(key), Arc::clone);
        let world = Arc::clone(&self.world);
        let renewer = Renewer::new(key.clone(), (self.servers)(key), policy, world);
        self.strays.enter(&self.members, renewer, (self.api_keys)(key))
    }

    /// Parts with `shared`: what it has come to is what the set's own source serves.
    fn part(&self, shared: &Arc<Shared>) {
        let own = self.members.hold(&shared.renewer.key);
        if own.as_ref().is_some_and(|own| Arc::ptr_eq(own, shared)) {
            return;
        }
        let current = shared.current.load_full();
        if let (Some(own), Some(current)) = (own, current)
            && let Some(record) = current.record()
            && !current.is_unsaved()
        {
            own.publish_record(Box::new(record.clone()), Kept::Saved);
        }
    }
}
