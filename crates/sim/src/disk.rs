//! A host's disk: what is written is pending until it is synced, and a lock that death frees.

use std::time::Duration;

use unlapse_core::{BoxFuture, Holder, Key, Lease, Record, Store, StoreError, Stored};

use crate::chance::Chance;
use crate::invariant::Invariant;
use crate::ledger::Left;
use crate::planted::Planted;
use crate::process::{Pid, Seat};
use crate::world::State;

/// A file: what readers see, and what a power cut leaves.
#[derive(Clone, Debug, Default)]
struct File {
    seen: Option<Content>,
    durable: Option<Content>,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    record: Record,
    /// Not synced: a power cut may leave a part of it.
    loose: bool,
    /// A part is all that was left of it.
    torn: bool,
}

/// A disk with one credential's files.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    own: File,
    aside: File,
    /// Room for an answer was set aside (R3).
    reserved: bool,
    /// When the record was last renamed into its place.
    named_at: Duration,
    holder: Option<(Pid, Duration)>,
    pub(crate) full_until: Duration,
    pub(crate) read_only_until: Duration,
    pub(crate) broken_until: Duration,
    pub(crate) asides_fail_until: Duration,
    /// When a read last failed.
    pub(crate) unreadable_at: Option<Duration>,
}

impl Disk {
    /// Half a minute after it was written, the kernel has synced what nobody else did.
    pub(crate) fn write_back(&mut self, now: Duration) {
        if self.own.seen != self.own.durable
            && now.saturating_sub(self.named_at) > Duration::from_secs(30)
        {
            if let Some(content) = &mut self.own.seen {
                content.loose = false;
            }
            self.own.durable = self.own.seen.clone();
        }
    }

    /// Power goes: what was pending is lost, or torn.
    pub(crate) fn lose_power(&mut self, chance: &mut Chance) {
        self.holder = None;
        for file in [&mut self.own, &mut self.aside] {
            if file.seen == file.durable {
                continue;
            }
            let mut pending = file.seen.take();
            if let Some(content) = &mut pending {
                content.torn = content.loose && chance.of_10_000(5_000);
            }
            if chance.of_10_000(5_000) {
                file.durable = pending;
            }
            file.seen = file.durable.clone();
        }
    }

    /// A process is gone, and the kernel frees what it held.
    pub(crate) fn free(&mut self, pid: Pid) {
        self.holder = self.holder.filter(|(holder, _)| *holder != pid);
    }

    /// Puts a record there, as if it had always been.
    pub(crate) fn install(&mut self, record: Record) {
        let content = Some(Content { record, loose: false, torn: false });
        self.own = File { seen: content.clone(), durable: content };
    }

    pub(crate) fn heal(&mut self) {
        self.full_until = Duration::ZERO;
        self.read_only_until = Duration::ZERO;
        self.broken_until = Duration::ZERO;
        self.asides_fail_until = Duration::ZERO;
    }

    /// Who holds the lock, and since when.
    pub(crate) fn holder(&self) -> Option<(Pid, Duration)> {
        self.holder
    }

    /// What would be found after a power cut now: the newest of all copies.
    pub(crate) fn durable(&self) -> Option<Record> {
        let whole = |file: &File| {
            let content = file.durable.clone().filter(|content| !content.torn && !content.loose);
            content.map(|content| content.record)
        };
        Stored::newest(whole(&self.own), whole(&self.aside)).map(|stored| stored.record)
    }

    /// The generation that readers see.
    pub(crate) fn seen(&self) -> u64 {
        self.newest().ok().flatten().map_or(0, |stored| stored.record.generation)
    }

    fn newest(&self) -> Result<Option<Stored>, ()> {
        let whole = |file: &File| file.seen.clone().filter(|content| !content.torn);
        let torn = self.own.seen.as_ref().is_some_and(|content| content.torn);
        let own = whole(&self.own).map(|content| content.record);
        let aside = whole(&self.aside).map(|content| content.record);
        let newest = Stored::newest(own, aside);
        if torn && newest.is_none() { Err(()) } else { Ok(newest) }
    }
}

impl State {
    fn read_disk(&mut self, host: usize) -> Result<(), StoreError> {
        let now = self.now;
        let disk = &mut self.hosts[host].disk;
        if disk.broken_until > now {
            disk.unreadable_at = Some(now);
            let place = "the record".to_owned();
            return Err(StoreError::Io { place, kind: std::io::ErrorKind::Other });
        }
        Ok(())
    }

    fn write_disk(&mut self, host: usize, has_room: bool) -> Result<(), StoreError> {
        self.read_disk(host)?;
        let disk = &self.hosts[host].disk;
        let place = "the record".to_owned();
        if disk.read_only_until > self.now {
            return Err(StoreError::ReadOnly { place });
        }
        if disk.full_until > self.now && !has_room {
            return Err(StoreError::Full { place });
        }
        Ok(())
    }
}

fn damaged(key: &Key) -> StoreError {
    StoreError::Damaged {
        key: key.clone(),
        damage: unlapse_core::Damage::Corrupt,
        kept: Some("quarantined".to_owned()),
    }
}

/// The store of a host's disk, as one process sees it.
#[derive(Clone, Debug)]
pub(crate) struct DiskStore {
    pub(crate) seat: Seat,
    pub(crate) host: usize,
}

impl DiskStore {
    fn load_now(&self, state: &mut State, key: &Key) -> Result<Option<Stored>, StoreError> {
        state.read_disk(self.host)?;
        match state.hosts[self.host].disk.newest() {
            Ok(stored) => Ok(stored),
            Err(()) => Err(damaged(key)),
        }
    }
}

impl Store for DiskStore {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move { self.seat.step("look", |state| self.load_now(state, key)).await })
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async move {
            let start = self.seat.world.state().now;
            loop {
                let (pid, host) = (self.seat.pid, self.host);
                let taken = self.seat.step("lock", |state| {
                    state.read_disk(host)?;
                    // Whoever is cancelled from here on drops it.
                    let lease = || DiskLease { store: self.clone(), key: key.clone() };
                    Ok(state.lock(host, pid).then(lease))
                });
                if let Some(lease) = taken.await? {
                    return Ok(Box::new(lease) as Box<dyn Lease>);
                }
                if self.seat.world.state().now.saturating_sub(start) >= wait {
                    return Err(StoreError::Busy { key: key.clone(), holder: None });
                }
                self.seat.world.sleep(Duration::from_millis(50)).await;
            }
        })
    }

    fn holder<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl State {
    /// Takes the lock of a host's disk, if nobody has it.
    fn lock(&mut self, host: usize, pid: Pid) -> bool {
        let held = self.hosts[host].disk.holder;
        let ignores = self.planted == Some(Planted::OwnLockOnly);
        if held.is_some_and(|(holder, _)| !ignores || holder == pid) {
            return false;
        }
        if let Some((holder, _)) = held {
            let what = format_args!("P{} and P{} at once", holder.slot + 1, pid.slot + 1);
            self.violate(Invariant::Lease, what);
        }
        self.hosts[host].disk.holder = Some((pid, self.now));
        true
    }
}

struct DiskLease {
    store: DiskStore,
    key: Key,
}

impl DiskLease {
    async fn save_now(&self, record: &Record) -> Result<(), StoreError> {
        let (seat, host) = (&self.store.seat, self.store.host);
        let is_intent = record.intent.is_some();
        if is_intent {
            let reserve = seat.step("reserve", |state| {
                state.write_disk(host, false)?;
                state.hosts[host].disk.reserved = true;
                Ok(())
            });
            reserve.await?;
        }
        let write = seat.step("write", |state| {
            let has_room = state.hosts[host].disk.reserved;
            state.write_disk(host, has_room)
        });
        write.await?;
        let syncs = seat.world.state().planted != Some(Planted::SaveBeforeFsync);
        if syncs {
            seat.step("sync the file", |_| ()).await;
        }
        let name = seat.step("rename", |state| {
            state.write_disk(host, true)?;
            let content = Content { record: record.clone(), loose: !syncs, torn: false };
            state.hosts[host].disk.named_at = state.now;
            state.hosts[host].disk.own.seen = Some(content);
            Ok(())
        });
        name.await?;
        if syncs {
            seat.step("sync the directory", |state| {
                let own = &mut state.hosts[host].disk.own;
                own.durable = own.seen.clone();
                state.kept(record);
            })
            .await;
        }
        seat.step("drop copies", |state| {
            let disk = &mut state.hosts[host].disk;
            let stays = |content: &Content| content.record.is_newer_than(record);
            disk.aside.seen = disk.aside.seen.take().filter(stays);
            disk.aside.durable = disk.aside.durable.take().filter(stays);
            disk.reserved &= is_intent;
        })
        .await;
        Ok(())
    }
}

impl Lease for DiskLease {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(async {
            let found = self.store.seat.step("read again", |state| {
                let found = self.store.load_now(state, &self.key);
                if matches!(found, Err(StoreError::Damaged { .. })) {
                    state.hosts[self.store.host].disk.own = File::default();
                }
                found
            });
            found.await
        })
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.save_now(record))
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        let host = self.store.host;
        Box::pin(async move {
            let put = self.store.seat.step("set aside", |state| {
                if state.hosts[host].disk.asides_fail_until > state.now {
                    return Err(StoreError::Full { place: "every other place".to_owned() });
                }
                let content = Content { record: record.clone(), loose: false, torn: false };
                let file = &mut state.hosts[host].disk.aside;
                if file.seen.as_ref().is_none_or(|old| !old.record.is_newer_than(record)) {
                    *file = File { seen: Some(content.clone()), durable: Some(content) };
                }
                state.kept(record);
                Ok(())
            });
            put.await
        })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        let host = self.store.host;
        Box::pin(async move {
            let removed = self.store.seat.step("remove", |state| {
                state.write_disk(host, true)?;
                state.ledger.begun_anew = true;
                state.is_removed(state.hosts[host].disk.seen());
                let disk = &mut state.hosts[host].disk;
                let is_empty = disk.newest() == Ok(None);
                disk.own = File::default();
                disk.aside = File::default();
                state.ledger.left = if is_empty { Left::NoRecord } else { Left::Seen };
                Ok(())
            });
            removed.await
        })
    }
}

impl Drop for DiskLease {
    fn drop(&mut self) {
        let mut state = self.store.seat.world.state();
        state.hosts[self.store.host].disk.free(self.store.seat.pid);
    }
}
