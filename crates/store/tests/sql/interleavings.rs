//! Two nodes that do anything in any order, and die in between, lose no answer.

use std::sync::Arc;

use futures_lite::future::poll_once;
use proptest::prelude::*;
use tokio::runtime::Runtime;
use unlapse_core::{Cause, Grant, Key, Lease, Now, Record, Secret, Store as _, StoreError};
use unlapse_store::sql::{Due, RecordId, SqlOptions, SqlStore, Statement, Value};

use crate::place::Place;
use crate::rig::{node_of, record};

/// What one of the nodes does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Claim,
    Postpone,
    Lease,
    Intend,
    Granted,
    Failed,
    Doubt,
    /// The answer is put aside, whatever becomes of the lease.
    SetAside,
    Release,
    /// Its caller stops to wait for the answer to be saved, and lets go of the lease.
    Leave,
    /// It is taken for dead, and what it has leased is free; it does not know.
    Silent,
    /// It dies, and another comes in its place.
    Dies,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        2 => Just(Step::Claim),
        1 => Just(Step::Postpone),
        4 => Just(Step::Lease),
        3 => Just(Step::Intend),
        5 => Just(Step::Granted),
        1 => Just(Step::Failed),
        1 => Just(Step::Doubt),
        2 => Just(Step::SetAside),
        3 => Just(Step::Release),
        2 => Just(Step::Leave),
        2 => Just(Step::Silent),
        1 => Just(Step::Dies),
    ];
    (0..2_usize, step)
}

/// What a node has in its hands.
#[derive(Default)]
struct Hands {
    dues: Vec<Due>,
    lease: Option<(Box<dyn Lease>, Record)>,
}

fn key() -> Key {
    Key::new("acme")
}

struct World {
    place: Place,
    nodes: Vec<SqlStore>,
    hands: [Hands; 2],
    /// The newest generation of which somebody was told that it is kept.
    told: u64,
}

impl World {
    async fn new() -> Self {
        let place = Place::file();
        let mut nodes = Vec::new();
        for _ in 0..2 {
            nodes.push(Self::node(&place).await);
        }
        let mut lease = nodes[0].lease(&key(), crate::rig::WAIT).await.expect("free");
        lease.save(&record(1)).await.expect("saved");
        Self { place, nodes, hands: <[Hands; 2]>::default(), told: 1 }
    }

    async fn node(place: &Place) -> SqlStore {
        let alive = std::time::Duration::from_secs(3600);
        let options = SqlOptions { alive, ..SqlOptions::default() };
        node_of(place.open().await, place.folder(), options).await
    }

    /// Saves what comes of the record in a node's hands.
    async fn save(&mut self, node: usize, next: impl FnOnce(&Record) -> Record) {
        let Some((lease, record)) = &mut self.hands[node].lease else { return };
        let next = next(record);
        match lease.save(&next).await {
            Ok(()) => {
                // R19: nothing is spent before what was set aside is adopted.
                let is_spent = next.intent.is_some_and(|intent| !intent.in_doubt);
                let (generation, told) = (next.generation, self.told);
                assert!(
                    !is_spent || generation >= told,
                    "spends {generation}, and there is {told}"
                );
                self.told = told.max(generation);
                *record = next;
            }
            // As the renewal does: an answer is left for the next holder.
            Err(StoreError::Fenced) if next.generation > record.generation => {
                lease.set_aside(&next).await.expect("needs no lease");
                self.told = self.told.max(next.generation);
                *record = next;
            }
            Err(StoreError::Fenced) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn take(&mut self, (node, step): (usize, Step)) {
        let granted = |record: &Record| {
            let token = Secret::new(format!("token-{}", record.generation + 1));
            record.granted(Grant::bearer(token), Now::default())
        };
        let store = self.nodes[node].clone();
        match step {
            Step::Claim => {
                let claimed = store.claim(RecordId::of(&key()).shard(), 5).await.expect("claimed");
                self.hands[node].dues.extend(claimed);
            }
            Step::Postpone => {
                let dues = core::mem::take(&mut self.hands[node].dues);
                let dues = dues.into_iter().map(|due| (due, unlapse_core::UnixTime::default()));
                store.postpone(dues.collect()).await.expect("put off");
            }
            Step::Lease if self.hands[node].lease.is_none() => {
                let leased = store.lease(&key(), core::time::Duration::ZERO).await;
                let Ok(mut lease) = leased else { return };
                let found = lease.load().await.expect("read").expect("a record").record;
                self.hands[node].lease = Some((lease, found));
            }
            Step::Lease => {}
            Step::Intend => self.save(node, |record| record.intend(Now::default(), false)).await,
            Step::Granted => self.save(node, granted).await,
            Step::Failed => {
                let failed = |record: &Record| {
                    record.failed(record.failure(Cause::Connect, Now::default(), None))
                };
                self.save(node, failed).await;
            }
            Step::Doubt => {
                let doubt = |record: &Record| {
                    record.in_doubt(record.failure(Cause::Broken, Now::default(), None))
                };
                self.save(node, doubt).await;
            }
            Step::SetAside => {
                let Some((lease, record)) = &mut self.hands[node].lease else { return };
                let next = granted(record);
                lease.set_aside(&next).await.expect("needs no lease");
                self.told = self.told.max(next.generation);
                *record = next;
            }
            Step::Release => self.hands[node].lease = None,
            Step::Leave => {
                let Some((mut lease, record)) = self.hands[node].lease.take() else { return };
                // Nobody is told what becomes of it.
                drop(poll_once(lease.save(&granted(&record))).await);
            }
            Step::Silent => self.silence(node).await,
            Step::Dies => {
                self.silence(node).await;
                self.hands[node] = Hands::default();
                self.nodes[node] = Self::node(&self.place).await;
            }
        }
    }

    async fn silence(&self, node: usize) {
        let silent = Statement::both("UPDATE nodes SET alive_until = 0 WHERE id = $1");
        let id = vec![Value::Int(self.nodes[node].node().as_i64())];
        self.nodes[node].database().execute(silent, id).await.expect("silent");
    }

    /// What holds after every step.
    async fn check(&self) {
        const ROW: Statement =
            Statement::both("SELECT state, due_at FROM records WHERE account = ''");
        let found = self.nodes[0].load(&key()).await.expect("read").expect("a record").record;
        assert!(found.generation >= self.told, "{} < {}", found.generation, self.told);
        let rows = self.nodes[0].database().query(ROW, vec![]).await.expect("asked");
        assert_eq!(rows.len(), 1);
        let (state, due_at) = (rows[0].int(0), rows[0].maybe_int(1).expect("a time"));
        assert!(state != Ok(0) || due_at.is_some(), "an active record is in the schedule");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i4_no_order_of_two_nodes_loses_an_answer_or_forgets_a_record(
        steps in prop::collection::vec(step(), 5..40),
    ) {
        let runtime = Arc::new(Runtime::new().expect("a runtime"));
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in steps {
                world.take(step).await;
                world.check().await;
            }
        });
    }
}
