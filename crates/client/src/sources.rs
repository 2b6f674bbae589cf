//! Many keys: a source for each, and everything else once.

mod builder;
mod each;
mod loading;
mod members;
mod renewal;
mod strays;
mod unfinished;

use std::collections::BTreeSet;
use std::sync::{Arc, Once};

use unlapse_core::{Error, Key, Policy, Secret, Store, StoreError};

use self::builder::Of;
pub use self::builder::SourcesBuilder;
use self::loading::Loading;
pub(crate) use self::members::Members;
pub use self::renewal::Renewal;
use self::strays::Strays;
pub use self::unfinished::Unfinished;
use crate::effects::{Clock, Exchange, Spawn};
use crate::feed::Subscription;
use crate::shared::Shared;
use crate::source::TokenSource;
use crate::world::World;

/// A source for each of many keys, by scope, account or tenant (K1), over one store, one HTTP client,
/// one set of breakers, and one task that renews all of them ahead of time (K2).
///
/// [`Sources::source`] gives a handle, which is as quick as one of its own: keep it for as long as
/// you make requests for its key. One key never waits for another's server (R17).
///
/// A set is cheap to clone: clones share everything. When the last is gone, handles that are still
/// held go on, and their keeper with them; the others are let go of. Call [`Sources::settle`] before
/// the process ends.
#[derive(Clone)]
pub struct Sources {
    set: Arc<Set>,
}

/// What a set is made of.
struct Set {
    members: Arc<Members>,
    loading: Loading,
    strays: Arc<Strays>,
    world: Arc<World>,
    /// The keeper was started.
    keeping: Once,
    servers: Of<Arc<dyn Exchange>>,
    policies: Of<Arc<Policy>>,
    api_keys: Of<Option<Secret>>,
}

impl Sources {
    /// A set over `store`, on tokio's clock and tasks. `servers` says what speaks to a key's server; it
    /// is asked when a source comes into memory. Let all it gives share one HTTP client, and keys of
    /// one server one exchange, where they differ in nothing but the account.
    #[cfg(feature = "tokio")]
    pub fn builder(
        store: Arc<dyn Store>,
        servers: impl Fn(&Key) -> Arc<dyn Exchange> + Send + Sync + 'static,
    ) -> SourcesBuilder {
        use crate::tokio::{TokioClock, TokioSpawn, seed};
        let clock = Arc::new(TokioClock::new());
        Self::with_effects(store, servers, clock, Arc::new(TokioSpawn), seed())
    }

    /// The same over these effects. `seed` spreads retries: two processes should not have the same.
    pub fn with_effects(
        store: Arc<dyn Store>,
        servers: impl Fn(&Key) -> Arc<dyn Exchange> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
        spawn: Arc<dyn Spawn>,
        seed: u64,
    ) -> SourcesBuilder {
        SourcesBuilder::new(store, Box::new(servers), clock, spawn, seed)
    }

    /// The source of `key`'s tokens: the one that the set has, or a new one with what the store has
    /// (A4). Whoever asks for the same key meanwhile gets the same source. A store that cannot be read
    /// now is no error: it is read again when a token is asked for.
    pub async fn source(&self, key: &Key) -> TokenSource {
        let shared = match self.set.hold(key) {
            Some(shared) => shared,
            None => self.set.load(key).await,
        };
        TokenSource::of(shared)
    }

    /// Whether `key`'s source is in memory now.
    pub fn has(&self, key: &Key) -> bool {
        self.set.members.hold(key).is_some()
    }

    /// Lets go of `key`'s source, which comes back from the store when it is asked for again; the store
    /// keeps its record. What could not be saved is saved first, and on an error the source stays.
    /// So it does when there are new renewals for as long as a caller would wait
    /// ([`Policy::caller_deadline`]): [`Error::Deadline`]. Handles that others hold go on, apart from
    /// the set.
    pub async fn forget(&self, key: &Key) -> Result<(), Error> {
        let start = self.set.world.clock.now();
        while let Some(shared) = self.set.members.hold(key) {
            let source = TokenSource::of(shared);
            source.shared().settle().await?;
            if self.set.members.remove(source.shared()) {
                break;
            }
            let waited = self.set.world.clock.now().elapsed(&start);
            if waited >= source.shared().renewer.policy.caller_deadline {
                return Err(Error::Deadline { key: key.clone(), waited });
            }
        }
        Ok(())
    }

    /// Removes every credential, here and from the store, as [`TokenSource::clear`] does: of the keys in
    /// memory, and of all that the store has. For security events (K3). Other processes that share the
    /// store notice within their trust time (K9).
    ///
    /// A caller that is dropped meanwhile changes nothing (R6). What failed is told in the end, and
    /// hinders nothing else.
    pub async fn clear(&self) -> Result<(), Unfinished> {
        let (stored, unlisted) = match self.set.world.store.list().await {
            Ok(stored) => (stored, None),
            Err(error) => (Vec::new(), Some(Box::new(error))),
        };
        let keys: BTreeSet<Key> = stored.into_iter().chain(self.set.members.keys()).collect();
        let failed = each::clear(self, keys).await;
        unfinished(failed, unlisted)
    }

    /// Waits for every renewal under way, and saves what could not be saved before (R5, R6). To be
    /// called before a process ends: for half a minute, nothing is renewed ahead of time any more.
    pub async fn settle(&self) -> Result<(), Unfinished> {
        let world = &self.set.world;
        world.rest.begin(world.clock.now());
        let open = self.set.members.all().into_iter().filter(|shared| !shared.is_settled());
        let failed = each::settle(self, open.chain(self.set.strays.all()).collect()).await;
        self.set.strays.sort_out();
        unfinished(failed, None)
    }

    /// Everything that happens to any of the keys from here on.
    pub fn subscribe(&self) -> Subscription {
        self.set.world.feed.subscribe()
    }

    /// The keys whose sources are in memory, in no order.
    pub fn keys(&self) -> Vec<Key> {
        self.set.members.keys()
    }

    fn of(set: Set) -> Self {
        Self { set: Arc::new(set) }
    }
}

fn unfinished(
    failed: Vec<(Key, Error)>,
    unlisted: Option<Box<StoreError>>,
) -> Result<(), Unfinished> {
    let is_done = failed.is_empty() && unlisted.is_none();
    if is_done { Ok(()) } else { Err(Unfinished { failed, unlisted }) }
}

impl Set {
    /// The source of `key`, if it is in memory.
    fn hold(&self, key: &Key) -> Option<Arc<Shared>> {
        let shared = self.members.hold(key)?;
        shared.touch(self.world.clock.now());
        Some(shared)
    }

    /// The source of `key`, with what the store has: read once, however many ask.
    async fn load(&self, key: &Key) -> Arc<Shared> {
        // Not before: a set may be built where no task can be started yet.
        self.keeping.call_once_force(|_| self.world.keep());
        let _turn = self.loading.turn(key).await;
        // Whoever had the turn before has brought it.
        if let Some(shared) = self.hold(key) {
            return shared;
        }
        let stay = self.stray(key, None);
        let shared = Arc::clone(&stay.shared);
        shared.touch(self.world.clock.now());
        // Whatever is wrong with the store is met again, and told, by the first renewal.
        let _ = shared.look().await;
        self.members.add(&shared, &self.world.clock.now());
        // Not before it is found among the members.
        drop(stay);
        shared
    }
}
