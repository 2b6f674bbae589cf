//! Seals and opens, under the data keys of tenants.

use core::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, Notify};
use unlapse_store::sql::{Away, Database, Sealed};
use zeroize::Zeroizing;

use super::data_key::DataKey;
use super::data_keys::DataKeys;
use super::master_keys::MasterKeys;
use super::{KeysAway, Purpose, associated, xaes};
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::{DataKeysTable, Versions, WrappedKey};

/// Seals and opens, under the data keys of tenants. Cheap to clone: clones share everything.
///
/// Data keys are kept in memory once they are unwrapped. One that another node has made is read when
/// it is first missed: whoever is told of it by [`Envelope::wanted`] calls [`Envelope::refresh`].
#[derive(Clone)]
pub struct Envelope {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) table: DataKeysTable,
    pub(super) masters: MasterKeys,
    keys: RwLock<DataKeys>,
    /// One reads the table at a time: who waits finds what it has read.
    reading: Mutex<()>,
    wanted: Notify,
    /// What [`Envelope::follow`] has last followed.
    followed: AtomicI64,
}

impl Envelope {
    /// Under what `masters` open; the keys are in `database`. Every key that is there is unwrapped
    /// now, so that the first of a tenant's connections waits for none.
    pub(crate) async fn open(database: Database, masters: MasterKeys) -> Result<Self, Away> {
        let envelope = Self {
            inner: Arc::new(Inner {
                table: DataKeysTable::new(database),
                masters,
                keys: RwLock::default(),
                reading: Mutex::default(),
                wanted: Notify::new(),
                followed: AtomicI64::new(0),
            }),
        };
        envelope.refresh().await?;
        Ok(envelope)
    }

    /// Reads what has changed in the table of data keys. One small statement when nothing has.
    pub async fn refresh(&self) -> Result<(), Away> {
        let _turn = self.inner.reading.lock().await;
        let known = self.keys(|keys| keys.version);
        let changed = self.inner.table.changed_since(known).await?;
        let version = changed.iter().map(|key| key.version).max().unwrap_or(known);
        let again = self.keys(DataKeys::to_try_again);
        for wrapped in changed.into_iter().chain(again) {
            self.take_up(wrapped).await;
        }
        self.change(|keys| keys.version = keys.version.max(version));
        Ok(())
    }

    /// Reads what has changed, if `versions` say that something has: nodes that do so every few seconds
    /// know a new key before it seals.
    pub async fn follow(&self, versions: &Versions) -> Result<(), Problem> {
        if versions.data_keys() > self.inner.followed.load(Ordering::Relaxed) {
            self.refresh().await?;
            self.forget_removed().await?;
            self.inner.followed.fetch_max(versions.data_keys(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Keys that are not in the table any more. All ids are read only when there are not as many
    /// as here.
    async fn forget_removed(&self) -> Result<(), Problem> {
        let _turn = self.inner.reading.lock().await;
        if self.inner.table.count().await? != self.keys(|keys| keys.counts().0) {
            let ids = self.inner.table.ids().await?;
            self.change(|keys| keys.retain(&ids));
        }
        Ok(())
    }

    async fn take_up(&self, wrapped: WrappedKey) {
        // Rewrapped, or put to use: its bytes are here already.
        if let Some(known) = self.keys(|keys| keys.by_id(&wrapped.id).map(Arc::clone)) {
            return self.change(|keys| keys.unlocked(known, wrapped.is_in_use));
        }
        match self.unwrapped(&wrapped).await {
            Ok(key) => self.change(|keys| keys.unlocked(Arc::new(key), wrapped.is_in_use)),
            Err(why) => {
                tracing::warn!(tenant = %wrapped.tenant, key = wrapped.id, %why, "a data key is not to be had");
                self.change(|keys| keys.locked(wrapped, why));
            }
        }
    }

    pub(super) async fn unwrapped(&self, wrapped: &WrappedKey) -> Result<DataKey, KeysAway> {
        let WrappedKey { id, tenant, generation, master, bytes, .. } = wrapped;
        let key = self.inner.masters.find(master)?.unwrap(tenant, id, bytes).await?;
        Ok(DataKey { id: id.clone(), tenant: tenant.clone(), generation: *generation, key })
    }

    /// Waits until a data key was missed.
    pub async fn wanted(&self) {
        self.inner.wanted.notified().await;
    }

    /// Sees to it that `tenant` has a data key here: the first time, one is made. Nothing but a look
    /// into memory when it has.
    pub async fn ready(&self, tenant: &Name) -> Result<(), Problem> {
        self.sealing_key(tenant).await.map(drop)
    }

    pub(super) async fn sealing_key(&self, tenant: &Name) -> Result<Arc<DataKey>, Problem> {
        let here = || self.keys(|keys| keys.newest(tenant).map(Arc::clone));
        if let Some(key) = here() {
            return Ok(key);
        }
        self.refresh().await?;
        if let Some(key) = here() {
            return Ok(key);
        }
        if let Some(why) = self.keys(|keys| keys.why_none_of(tenant).cloned()) {
            return Err(why.into());
        }
        let key = DataKey::draw(tenant, 1);
        let wrapped = self.wrapped(&key, true).await?;
        // Another node may be first: then its key is found.
        self.inner.table.add(wrapped).await?;
        self.refresh().await?;
        here().ok_or_else(|| KeysAway::Unknown { tenant: tenant.clone() }.into())
    }

    /// A new key as it rests. Refused on a node that does not know the master key that was used last:
    /// what it wraps would need one that was given up.
    pub(super) async fn wrapped(
        &self,
        key: &DataKey,
        is_in_use: bool,
    ) -> Result<WrappedKey, Problem> {
        if let Some(last) = self.inner.table.last_master().await? {
            self.inner.masters.find(&last)?;
        }
        let master = self.inner.masters.newest();
        Ok(WrappedKey {
            id: key.id.clone(),
            tenant: key.tenant.clone(),
            generation: key.generation,
            is_in_use,
            master: master.id().to_owned(),
            bytes: master.wrap(&key.tenant, &key.id, &key.key).await?,
            version: 0,
        })
    }

    /// Seals a secret of `tenant` for its place.
    pub(crate) async fn seal_secret(
        &self,
        tenant: &Name,
        purpose: Purpose,
        place: &[u8],
        secret: &[u8],
    ) -> Result<Sealed, Problem> {
        let key = self.sealing_key(tenant).await?;
        let associated = associated(purpose.as_str(), tenant, &[place]);
        let bytes = xaes::seal(&key.key, &associated, secret);
        Ok(Sealed { key_id: key.id.clone(), bytes })
    }

    /// Opens what [`Self::seal_secret`] sealed for the same place.
    pub(crate) async fn open_secret(
        &self,
        tenant: &Name,
        purpose: Purpose,
        place: &[u8],
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let mut key = self.key(tenant, &sealed.key_id);
        if key.is_err() {
            self.refresh().await?;
            key = self.key(tenant, &sealed.key_id);
        }
        let associated = associated(purpose.as_str(), tenant, &[place]);
        xaes::open(&key?.key, &associated, &sealed.bytes).map_err(|_| {
            let what = purpose.as_str();
            let detail = format!("the secret of the {what} does not open: it was altered or moved");
            Problem::new(Code::RecordDamaged, detail)
        })
    }

    /// The key of that id, as far as this node has it.
    pub(super) fn key(&self, tenant: &Name, id: &str) -> Result<Arc<DataKey>, KeysAway> {
        let unknown = || KeysAway::Unknown { tenant: tenant.clone() };
        self.keys(|keys| match keys.by_id(id) {
            Some(key) => Ok(Arc::clone(key)),
            None => Err(keys.why(id).cloned().unwrap_or_else(unknown)),
        })
    }

    /// The key that seals for `tenant`, as far as this node has it.
    pub(super) fn newest(&self, tenant: &Name) -> Option<Arc<DataKey>> {
        self.keys(|keys| keys.newest(tenant).map(Arc::clone))
    }

    /// Tells whoever reads the table that something is missing here.
    pub(super) fn want(&self) {
        self.inner.wanted.notify_one();
    }

    /// A key for one use, the same on every node with the same newest master key; `None`: a command has
    /// the master key, and it is never here.
    pub(crate) fn derived(&self, label: &str) -> Option<xaes::Key> {
        self.inner.masters.newest().derived(label)
    }

    /// Whether every data key that is known of is unwrapped (health).
    pub fn is_whole(&self) -> bool {
        self.keys(|keys| keys.counts().1 == 0)
    }

    fn keys<T>(&self, look: impl FnOnce(&DataKeys) -> T) -> T {
        look(&self.inner.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut DataKeys)) {
        change(&mut self.inner.keys.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl core::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Envelope").field("masters", &self.inner.masters).finish_non_exhaustive()
    }
}
