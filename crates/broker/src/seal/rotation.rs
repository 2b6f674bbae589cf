//! New keys in the place of old ones, while everything goes on.

use core::time::Duration;

use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Seal as _, Sealed};

use super::KeysAway;
use super::data_key::DataKey;
use super::envelope::Envelope;
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::{RotationsTable, SealedRow, SealedSecret, Tables, UnderWay};

/// How the rotation of a tenant's data key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Whose.
    pub tenant: Name,
    /// When it began.
    pub started_at: UnixTime,
    /// Records that were sealed anew so far; those that were renewed meanwhile did so themselves.
    pub resealed: u64,
    /// When everything was sealed under the new key.
    pub finished_at: Option<UnixTime>,
}

/// How long rotations wait for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationWaits {
    /// A new key seals after so long: every node has read it then. 30 s.
    pub known_after: Duration,
    /// An old key is kept for so long after its rotation is done: what a node has spooled may still
    /// need it. 7 days.
    pub kept_for: Duration,
}

impl Default for RotationWaits {
    fn default() -> Self {
        Self { known_after: Duration::from_secs(30), kept_for: Duration::from_secs(7 * 86_400) }
    }
}

impl Envelope {
    /// Wraps every data key under the newest master key; how many were wrapped anew. What they have
    /// sealed stays as it is. An older master key is not needed any more when this has returned:
    /// nodes that know only that one add no keys from then on.
    pub async fn rotate_master(&self) -> Result<u64, Problem> {
        let master = self.inner.masters.newest();
        let (mut after, mut count) = (String::new(), 0);
        loop {
            let some = self.inner.table.of_other_masters(master.id(), &after).await?;
            let Some(last) = some.last() else {
                if after.is_empty() {
                    return Ok(count);
                }
                // Keys that were added behind the walk: until a whole one finds nothing.
                after.clear();
                continue;
            };
            after.clone_from(&last.id);
            for wrapped in &some {
                let key = self.unwrapped(wrapped).await?;
                let bytes = master.wrap(&key.tenant, &key.id, &key.key).await?;
                count += u64::from(self.inner.table.rewrap(wrapped, master.id(), bytes).await?);
            }
        }
    }

    /// Draws a new data key for `tenant`. It seals once every node knows it, and everything that is
    /// there is sealed under it by [`Tables::reseal`], or when it is next saved.
    pub async fn rotate_data(&self, tenant: &Name) -> Result<Rotation, Problem> {
        self.ready(tenant).await?;
        let keys = self.inner.table.of(tenant).await?;
        let rotations = RotationsTable(self.inner.table.database());
        if let Some(pending) = keys.last().filter(|key| !key.is_in_use) {
            // Begun, and broken off before it could be told: it goes on.
            rotations.begin(tenant, &pending.id).await?;
        } else {
            let newest = keys.last().map_or(0, |key| key.generation);
            let key = DataKey::draw(tenant, newest + 1);
            if !self.inner.table.add(self.wrapped(&key, false).await?).await? {
                let detail = "another rotation of this tenant's key has just begun";
                return Err(Problem::new(Code::Conflict, detail));
            }
            rotations.begin(tenant, &key.id).await?;
        }
        let begun = rotations.of(tenant).await?;
        begun.map(Rotation::from).ok_or_else(|| KeysAway::Unknown { tenant: tenant.clone() }.into())
    }
}

impl Tables {
    /// How the last rotation of a tenant's data key stands.
    pub async fn rotation(&self, tenant: &Name) -> Result<Option<Rotation>, Problem> {
        let found = RotationsTable(&self.database).of(tenant).await?;
        Ok(found.map(Rotation::from))
    }

    /// Goes on with the oldest rotation under way that can go on, by `limit` connections: `true` when
    /// there is more to do at once. It can be broken off at any point, and goes on from there, on any
    /// node.
    pub async fn reseal(&self, limit: usize) -> Result<bool, Problem> {
        let mut failed = None;
        for under_way in RotationsTable(&self.database).under_way().await? {
            match self.go_on(&under_way, limit).await {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(problem) => {
                    // What one tenant has damaged stops no other's rotation.
                    let tenant = &under_way.tenant;
                    tracing::error!(code = %problem.code, %tenant, "a rotation cannot go on");
                    failed = Some(problem);
                }
            }
        }
        failed.map_or(Ok(false), Err)
    }

    async fn go_on(&self, under_way: &UnderWay, limit: usize) -> Result<bool, Problem> {
        let rotations = RotationsTable(&self.database);
        let envelope = self.envelope();
        let age = i64::try_from(self.waits.known_after.as_millis()).unwrap_or(i64::MAX);
        envelope.inner.table.put_to_use(&under_way.key_id, age).await?;
        envelope.refresh().await?;
        let newest = envelope.newest(&under_way.tenant);
        if newest.is_none_or(|key| key.id != under_way.key_id) {
            // Not every node knows it yet, or a master key is away.
            return Ok(false);
        }
        let part = rotations
            .part(&under_way.tenant, under_way.done_to.as_ref(), limit.clamp(1, 1000))
            .await?;
        let Some(last) = &part.last else { return self.end_of(under_way).await };
        let mut rows = Vec::new();
        for row in part.rows.iter().filter(|row| row.key_id != under_way.key_id) {
            if let Some((key_id, bytes)) = resealed(envelope, row) {
                rows.push(RotationsTable::reseal(row, &key_id, bytes));
            }
        }
        rotations.advance(under_way, last, rows).await?;
        if part.is_last { self.end_of(under_way).await } else { Ok(true) }
    }

    /// The few secrets that are no records, and then it is done.
    async fn end_of(&self, under_way: &UnderWay) -> Result<bool, Problem> {
        let rotations = RotationsTable(&self.database);
        for secret in rotations.secrets(under_way).await? {
            if let Some(sealed) = self.secret_anew(under_way, &secret).await? {
                rotations.put_secret(under_way, &secret, sealed).await?;
            }
        }
        rotations.finish(under_way).await?;
        Ok(true)
    }

    /// `secret` under the newest key of its tenant; `None` for what does not open, which stays as it is,
    /// and so does its key.
    async fn secret_anew(
        &self,
        under_way: &UnderWay,
        secret: &SealedSecret,
    ) -> Result<Option<Sealed>, Problem> {
        let (tenant, envelope) = (&under_way.tenant, self.envelope());
        let (purpose, place) = (secret.purpose, secret.name.as_bytes());
        match envelope.open_secret(tenant, purpose, place, &secret.sealed).await {
            Ok(plain) => envelope.seal_secret(tenant, purpose, place, &plain).await.map(Some),
            Err(problem) if matches!(problem.code, Code::RecordDamaged | Code::KeysAway) => {
                let (what, name) = (purpose.as_str(), &secret.name);
                tracing::error!(%tenant, what, name, "a secret cannot be sealed anew");
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Removes the data keys of all tenants that nothing is sealed under any more, as
    /// [`Tables::forget_data_keys`] does; how many. One statement when there is none.
    pub async fn forget_old_data_keys(&self) -> Result<u64, Problem> {
        let age = i64::try_from(self.waits.kept_for.as_millis()).unwrap_or(i64::MAX);
        let mut count = 0;
        for tenant in self.tenants_with_old_keys(age).await? {
            count += self.forget_data_keys(&tenant).await?;
        }
        Ok(count)
    }

    /// Removes the data keys of `tenant` that nothing is sealed under any more: those before the newest,
    /// some time after its rotation was done ([`RotationWaits::kept_for`]). How many.
    pub async fn forget_data_keys(&self, tenant: &Name) -> Result<u64, Problem> {
        let rotation = RotationsTable(&self.database).of(tenant).await?;
        let Some(under_way) = rotation else { return Ok(0) };
        let now = self.database.now().await?;
        let is_over = |end: UnixTime| end.plus(self.waits.kept_for) <= now;
        if !under_way.finished_at.is_some_and(is_over) {
            return Ok(0);
        }
        let table = &self.envelope().inner.table;
        let mut count = 0;
        for key in table.of(tenant).await?.iter().filter(|key| key.id != under_way.key_id) {
            let removed = table.remove(key).await?;
            if !removed {
                tracing::warn!(%tenant, key = key.id, "an old data key is still needed");
            }
            count += u64::from(removed);
        }
        Ok(count)
    }
}

/// `row` under the newest key of its tenant; `None` for what does not open, which stays as it is.
fn resealed(envelope: &Envelope, row: &SealedRow) -> Option<(String, Vec<u8>)> {
    let key = row.id.key();
    let opened = envelope.open(&key, row.generation, &row.sealed());
    let sealed = opened.ok().and_then(|record| envelope.seal(&key, &record).ok());
    if sealed.is_none() {
        tracing::error!(connection = %row.id, "a record cannot be sealed anew");
    }
    sealed.map(|sealed| (sealed.key_id, sealed.bytes))
}

impl From<UnderWay> for Rotation {
    fn from(under_way: UnderWay) -> Self {
        let UnderWay { tenant, started_at, resealed, finished_at, .. } = under_way;
        Self { tenant, started_at, resealed, finished_at }
    }
}
