//! The database that several hosts share: rows, leases with an expiry, and fences.

use std::sync::Arc;
use std::time::Duration;

use unlapse_core::{BoxFuture, Holder, Key, Lease, Record, Store, StoreError, Stored};

use crate::invariant::Invariant;
use crate::network::{Answered, Message};
use crate::planted::Planted;
use crate::process::{Pid, Seat};
use crate::trace::Actor;
use crate::world::{Role, Spawned, State};

/// A lease ends so long after its holder's last sign of life, by the database's clock. Much less
/// than the reuse window of any server: what a dead holder has left in doubt can then be asked for
/// again in time (R7, R17).
const LEASE: Duration = Duration::from_secs(12);

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// Longest wait for the database's answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// One row a key, and who may change it.
#[derive(Debug, Default)]
pub(crate) struct Database {
    row: Option<Record>,
    orphan: Option<Record>,
    fence: u64,
    holder: Option<(Pid, Duration)>,
    /// Names the call that took the lease, so that a lost answer can be asked for again.
    nonce: u64,
    lease_until: Duration,
    /// When a lease last passed from a holder that had not given it up.
    pub(crate) taken_over_at: Option<Duration>,
    /// Its clock less the true one.
    pub(crate) ahead: Duration,
    pub(crate) down_until: Duration,
}

/// What can be asked of it.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    Load,
    Lease { nonce: u64 },
    Extend { fence: u64 },
    Save { fence: u64, record: Box<Record> },
    Orphan { record: Box<Record> },
    Remove { fence: u64 },
    Release { fence: u64 },
}

impl Query {
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Load => "select",
            Self::Lease { .. } => "ask for the lease",
            Self::Extend { .. } => "extend the lease",
            Self::Save { .. } => "update",
            Self::Orphan { .. } => "insert the orphan",
            Self::Remove { .. } => "delete",
            Self::Release { .. } => "release",
        }
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    Found(Option<Box<Stored>>),
    Fence(u64),
    Busy,
    Done,
    Fenced,
}

impl Database {
    /// Who holds the lease, and since when.
    pub(crate) fn holder(&self) -> Option<(Pid, Duration)> {
        self.holder
    }

    pub(crate) fn newest(&self) -> Option<Stored> {
        Stored::newest(self.row.clone(), self.orphan.clone())
    }

    /// Puts a record there, as if it had always been.
    pub(crate) fn install(&mut self, record: Record) {
        self.row = Some(record);
    }

    pub(crate) fn heal(&mut self) {
        self.down_until = Duration::ZERO;
    }

    fn drop_superseded(&mut self, record: &Record) {
        self.orphan = self.orphan.take().filter(|orphan| orphan.is_newer_than(record));
    }
}

impl State {
    /// The database carries out a query.
    pub(crate) fn query(&mut self, from: Pid, query: Query) -> Rows {
        let clock = self.now + self.database.ahead;
        let ignores_fence = self.planted == Some(Planted::IgnoreFence);
        let database = &mut self.database;
        let (rows, label) = match query {
            Query::Load => (Rows::Found(database.newest().map(Box::new)), "the database reads"),
            Query::Lease { nonce } => {
                let free = database.holder.is_none() || database.lease_until <= clock;
                if free {
                    if database.holder.is_some() {
                        database.taken_over_at = Some(self.now);
                    }
                    database.fence += 1;
                    database.holder = Some((from, self.now));
                    database.nonce = nonce;
                    database.lease_until = clock + LEASE;
                }
                if database.nonce == nonce {
                    (Rows::Fence(database.fence), "the database leases")
                } else {
                    (Rows::Busy, "the database says busy")
                }
            }
            Query::Extend { fence } => {
                // Even a lease that has run out, as long as nobody else has taken it.
                if fence == database.fence && database.holder.is_some() {
                    database.lease_until = clock + LEASE;
                    (Rows::Done, "the database extends")
                } else {
                    (Rows::Fenced, "the database refuses a fence")
                }
            }
            Query::Save { fence, record } => {
                if fence == database.fence || ignores_fence {
                    database.drop_superseded(&record);
                    database.row = Some((*record).clone());
                    let newest = database.fence;
                    if fence != newest {
                        let what = format_args!("fence {fence} wrote after {newest}");
                        self.violate(Invariant::Lease, what);
                    }
                    self.kept(&record);
                    (Rows::Done, "the database commits")
                } else {
                    (Rows::Fenced, "the database refuses a fence")
                }
            }
            Query::Orphan { record } => {
                let old = &mut database.orphan;
                if old.as_ref().is_none_or(|old| !old.is_newer_than(&record)) {
                    *old = Some((*record).clone());
                }
                self.kept(&record);
                (Rows::Done, "the database keeps an orphan")
            }
            Query::Remove { fence } if fence == database.fence => {
                let generation = database.newest().map_or(0, |stored| stored.record.generation);
                database.row = None;
                database.orphan = None;
                self.ledger.begun_anew = true;
                self.is_removed(generation);
                (Rows::Done, "the database deletes")
            }
            Query::Remove { .. } => (Rows::Fenced, "the database refuses a fence"),
            Query::Release { fence } => {
                if fence == database.fence {
                    database.holder = None;
                }
                (Rows::Done, "the database frees the lease")
            }
        };
        self.step(Actor::Database, None, label);
        rows
    }
}

/// The store of the database, as one process sees it.
#[derive(Clone, Debug)]
pub(crate) struct RowStore {
    pub(crate) seat: Seat,
}

impl RowStore {
    async fn ask(&self, query: Query) -> Result<Rows, StoreError> {
        let away = || StoreError::Io {
            place: "the database".to_owned(),
            kind: std::io::ErrorKind::TimedOut,
        };
        let mut call = std::pin::pin!(self.seat.call(Message::Query(query)));
        let mut patience = std::pin::pin!(self.seat.world.sleep(PATIENCE));
        let answered = std::future::poll_fn(|context| {
            use std::task::Poll;
            if let Poll::Ready(answered) = call.as_mut().poll(context) {
                return Poll::Ready(Some(answered));
            }
            patience.as_mut().poll(context).map(|()| None)
        });
        if let Some(Ok(Answered::Rows(rows))) = answered.await {
            return Ok(rows);
        }
        let mut state = self.seat.world.state();
        state.ledger.database_away_at = Some(state.now);
        Err(away())
    }

    async fn load_now(&self) -> Result<Option<Stored>, StoreError> {
        match self.ask(Query::Load).await? {
            Rows::Found(stored) => Ok(stored.map(|stored| *stored)),
            _ => Ok(None),
        }
    }
}

impl Store for RowStore {
    fn load<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(self.load_now())
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async move {
            let (start, nonce) = {
                let mut state = self.seat.world.state();
                (state.now, state.chance.seed())
            };
            loop {
                let rows = self.ask(Query::Lease { nonce }).await?;
                if let Rows::Fence(fence) = rows {
                    let lease = RowLease { store: self.clone(), fence, held: Arc::new(()) };
                    lease.keep_alive();
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

struct RowLease {
    store: RowStore,
    fence: u64,
    held: Arc<()>,
}

impl RowLease {
    /// Gives signs of life for as long as the lease is held.
    fn keep_alive(&self) {
        let (store, fence, held) = (self.store.clone(), self.fence, Arc::downgrade(&self.held));
        let beat = async move {
            loop {
                store.seat.world.sleep(HEARTBEAT).await;
                if held.upgrade().is_none() {
                    return;
                }
                if let Ok(Rows::Fenced) = store.ask(Query::Extend { fence }).await {
                    return;
                }
            }
        };
        let owner = self.store.seat.pid;
        let spawned = Spawned { owner, role: Role::Renewal, future: Box::pin(beat) };
        self.store.seat.world.state().spawned.push(spawned);
    }

    async fn change(&self, query: Query) -> Result<(), StoreError> {
        match self.store.ask(query).await? {
            Rows::Fenced => Err(StoreError::Fenced),
            _ => Ok(()),
        }
    }
}

impl Lease for RowLease {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(self.store.load_now())
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        let query = Query::Save { fence: self.fence, record: Box::new(record.clone()) };
        Box::pin(self.change(query))
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.change(Query::Orphan { record: Box::new(record.clone()) }))
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.change(Query::Remove { fence: self.fence }))
    }
}

impl Drop for RowLease {
    fn drop(&mut self) {
        // A dead process tells nobody: its lease runs out.
        if self.store.seat.is_alive() {
            drop(self.store.seat.call(Message::Query(Query::Release { fence: self.fence })));
        }
    }
}
