//! The lease: what is written, under the fence.

use std::sync::Arc;

use unlapse_core::{BoxFuture, Key, Lease, Record, StoreError, Stored};

use super::call::Call;
use super::copies;
use super::fence::Fence;
use super::found::{Raw, away, newest};
use super::held::{Idle, Turn};
use super::record_id::RecordId;
use super::release::Release;
use super::save::Save;
use super::spool::Entry;
use super::store::Shared;
use crate::sql::Away;

/// The exclusive right to change one key's record, over every node. Valid by its number alone: what
/// is written under it is refused once another has been given.
pub(super) struct SqlLease {
    key: Key,
    /// It came due: what ends the renewal gives the lease back with it.
    is_claim: bool,
    found: Raw,
    /// The generation that the database has; `None` while that is not known.
    known: Option<u64>,
    grip: Option<Grip>,
    /// A call whose future was dropped goes on (R6), and the next waits for it.
    pending: Option<Call<Result<Done, StoreError>>>,
}

/// What a call has come to.
struct Done {
    /// The generation that the database has now, where this has changed it.
    known: Option<u64>,
    has_record: bool,
    is_released: bool,
}

impl SqlLease {
    pub(super) fn new(
        shared: Shared,
        key: Key,
        turn: Turn,
        fence: i64,
        is_claim: bool,
        is_empty: bool,
        found: Raw,
    ) -> Self {
        let (id, fence) = (turn.id(), Arc::new(Fence::new(fence)));
        let grip = Grip { shared, id, fence, is_empty, is_released: false, turn: Some(turn) };
        Self { key, is_claim, found, known: None, grip: Some(grip), pending: None }
    }

    fn grip(&mut self) -> &mut Grip {
        self.grip.as_mut().expect("invariant: only drop takes it")
    }

    /// Runs a call to its end on the store's runtime, whatever becomes of its caller.
    async fn run(
        &mut self,
        call: impl Future<Output = Result<Done, StoreError>> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.settled().await.ok();
        let runtime = self.grip().shared.runtime.clone();
        self.begin(Call::on_task(runtime, call)).await
    }

    /// Waits for a call that begins now.
    async fn begin(&mut self, call: Call<Result<Done, StoreError>>) -> Result<(), StoreError> {
        self.found = Raw::Unknown;
        self.pending = Some(call);
        self.settled().await
    }

    /// Waits for a call that is under way.
    async fn settled(&mut self) -> Result<(), StoreError> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let done = pending.wait().await;
        self.pending = None;
        let done = self.grip().came_to(done)?;
        self.known = done.known.or(self.known);
        Ok(())
    }
}

impl Lease for SqlLease {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            self.settled().await.ok();
            let found = match core::mem::take(&mut self.found) {
                Raw::Unknown => {
                    let (shared, id) = (self.grip().shared.clone(), self.grip().id);
                    let loaded = shared.run(move |shared| async move {
                        copies::load(&shared.database, id).await.map_err(away)
                    });
                    loaded.await?
                }
                known @ Raw::Known { .. } => known,
            };
            let Raw::Known { kept, aside } = found else { return Ok(None) };
            let (shared, id, fence) = {
                let grip = self.grip();
                (grip.shared.clone(), grip.id, grip.fence.known())
            };
            if let Some((copy, fence)) =
                aside.clone().filter(|copy| copy.is_damaged(&*shared.seal, &self.key)).zip(fence)
            {
                let removed = shared.run(move |shared| async move {
                    copies::remove_damaged(&shared.database, id, fence, &copy).await.map_err(away)
                });
                // Otherwise the next holder does.
                let _ = removed.await;
            }
            let found = newest(&*shared.seal, &self.key, kept.as_ref(), aside.as_ref())?;
            self.known = Some(found.as_ref().map_or(0, |found| found.record.generation));
            Ok(found)
        })
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.settled().await.ok();
            let (key, record) = (self.key.clone(), record.clone());
            let releases = self.is_claim && record.intent.is_none();
            // An answer: nothing that is asked again brings it back.
            let is_news = record.intent.is_none()
                && record.token.is_some()
                && self.known.is_none_or(|known| record.generation > known);
            let grip = self.grip();
            // Until it is known that it was.
            grip.is_released = false;
            let (shared, id, fence) = (grip.shared.clone(), grip.id, Arc::clone(&grip.fence));
            // It waits for other tasks, and needs none of its own while somebody waits for it.
            let call = Call::here(grip.shared.runtime.clone(), async move {
                let next = shared.timetable.next(&key, &record);
                let sealed = shared.seal.seal(&key, &record)?;
                let ticket = match &shared.spool {
                    Some(spool) if is_news => {
                        // It may be saved all the same; the spool has said what is wrong with it.
                        spool.append(Entry::of(&key, &record, sealed.clone())).await.ok()
                    }
                    _ => None,
                };
                let number = fence.sure(&shared, id).await?;
                let save = Save::new(id, number, &record, next, sealed, releases);
                let saved = shared.line.save(save).await;
                let saved = saved.unwrap_or(Err(Away::misread("the store was closed")));
                if !saved.inspect_err(|_| fence.doubt()).map_err(away)? {
                    return Err(StoreError::Fenced);
                }
                // Until then, the spool sees to it.
                if let Some(ticket) = ticket {
                    ticket.done();
                }
                let known = Some(record.generation);
                Ok(Done { known, has_record: true, is_released: releases })
            });
            self.begin(call).await
        })
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (key, record) = (self.key.clone(), record.clone());
            let grip = self.grip();
            let (shared, is_released) = (grip.shared.clone(), grip.is_released);
            self.run(async move {
                let sealed = shared.seal.seal(&key, &record)?;
                let entry = Entry::of(&key, &record, sealed);
                if let Err(error) = copies::set_aside(&shared.database, &entry).await {
                    let Some(spool) = &shared.spool else { return Err(away(error)) };
                    if !spool.has(&entry) {
                        // Seen to when the database is back.
                        drop(spool.append(entry).await?);
                    }
                }
                Ok(Done { known: None, has_record: true, is_released })
            })
            .await
        })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let grip = self.grip();
            let (shared, id, fence) = (grip.shared.clone(), grip.id, Arc::clone(&grip.fence));
            self.run(async move {
                let number = fence.sure(&shared, id).await?;
                let node = shared.node.as_i64();
                let removed = copies::remove(&shared.database, id, number, node).await;
                if !removed.inspect_err(|_| fence.doubt()).map_err(away)? {
                    return Err(StoreError::Fenced);
                }
                Ok(Done { known: Some(0), has_record: false, is_released: false })
            })
            .await
        })
    }
}

impl Drop for SqlLease {
    fn drop(&mut self) {
        let (Some(mut pending), Some(mut grip)) = (self.pending.take(), self.grip.take()) else {
            return;
        };
        // Nobody has the row before what is under way is done: it would undo what comes then.
        let runtime = grip.shared.runtime.clone();
        runtime.spawn(async move {
            let _ = grip.came_to(pending.wait().await);
            drop(grip);
        });
    }
}

/// What is let go of at the end.
struct Grip {
    shared: Shared,
    id: RecordId,
    fence: Arc<Fence>,
    is_empty: bool,
    is_released: bool,
    turn: Option<Turn>,
}

impl Grip {
    /// What a call has come to. One that panicked, or whose runtime is shutting down, has told nobody
    /// what it did: it may be done, or happen yet.
    fn came_to(&mut self, done: Option<Result<Done, StoreError>>) -> Result<Done, StoreError> {
        let done = done.unwrap_or_else(|| {
            self.fence.doubt();
            Err(away(Away::misread("a call was cut off")))
        })?;
        self.is_empty = !done.has_record;
        self.is_released = done.is_released;
        Ok(done)
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        if self.is_released {
            return;
        }
        let Self { id, is_empty, .. } = *self;
        // In doubt it is given back as one whose number was never told: by way of another.
        let fence = self.fence.known();
        if fence.is_none() {
            self.shared.doubtful.add(id.shard());
        }
        self.shared.held.rest(id, Idle { fence, claim: None, is_empty });
        // Whoever comes next finds what rests; and what is given back without its number is nobody's.
        drop(self.turn.take());
        self.shared.line.release(Release { id, fence, is_empty, due_at: None });
    }
}
