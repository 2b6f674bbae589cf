//! The number that a lease writes under, raised where something under it may still happen.

use core::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::Arc;

use unlapse_core::StoreError;

use super::found::away;
use super::node::NodeId;
use super::record_id::RecordId;
use super::store::Shared;
use crate::sql::{Away, Database, Statement};

/// The number that a lease writes under.
///
/// A change whose answer never came may still happen, long after its connection was given up: a
/// server that hung goes on with what it has heard. Before anything else is written, the number is
/// raised, so that such a change finds no row any more.
///
/// The calls of a lease come one after the other: nobody else changes this meanwhile.
#[derive(Debug)]
pub(super) struct Fence {
    number: AtomicI64,
    is_doubtful: AtomicBool,
}

/// May be said again, and come late itself: where the number is raised already it changes nothing. It
/// is the row's next number, as a lease of anybody else would get, and that one has another owner. A
/// change that gave the lease back, and of which nobody was told, is as good as the lease while nobody
/// has leased the row since.
const RAISE: Statement = Statement::both(
    "UPDATE records SET fence = $3, lease_owner = $4 WHERE id = $1 \
     AND ((fence = $2 AND (lease_owner = $4 OR lease_owner IS NULL)) \
     OR (fence = $3 AND lease_owner = $4))",
);

impl Fence {
    pub(super) fn new(number: i64) -> Self {
        Self { number: AtomicI64::new(number), is_doubtful: AtomicBool::new(false) }
    }

    /// The number, unless something that was written under it may still happen.
    pub(super) fn known(&self) -> Option<i64> {
        let is_doubtful = self.is_doubtful.load(Ordering::SeqCst);
        (!is_doubtful).then(|| self.number.load(Ordering::SeqCst))
    }

    /// What came of a change is not known.
    pub(super) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::SeqCst);
    }

    /// A number under which nothing happens but what is written from now on: a statement where there is
    /// a doubt, else none. `Fenced` when the lease was lost.
    pub(super) async fn sure(
        self: &Arc<Self>,
        shared: &Shared,
        id: RecordId,
    ) -> Result<i64, StoreError> {
        if let Some(number) = self.known() {
            return Ok(number);
        }
        let fence = Arc::clone(self);
        let raising = shared.run(move |shared| async move {
            fence.raised(&shared.database, id, shared.node).await.map_err(away)
        });
        raising.await?.ok_or(StoreError::Fenced)
    }

    async fn raised(
        &self,
        database: &Database,
        id: RecordId,
        node: NodeId,
    ) -> Result<Option<i64>, Away> {
        if let Some(number) = self.known() {
            return Ok(Some(number));
        }
        let number = self.number.load(Ordering::SeqCst);
        let (id, raised) = (id.as_bytes()[..].into(), number + 1);
        let params = vec![id, number.into(), raised.into(), node.as_i64().into()];
        if database.execute(RAISE, params).await? == 0 {
            return Ok(None);
        }
        self.number.store(raised, Ordering::SeqCst);
        self.is_doubtful.store(false, Ordering::SeqCst);
        Ok(Some(raised))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::sql::records::schema::STEPS;
    use crate::sql::{Options, Value};

    const NUMBER: i64 = 5;

    async fn database(folder: &std::path::Path) -> Database {
        let place = folder.join("records");
        let place = place.to_str().expect("a name of letters");
        let database = Database::open(place, Options::default()).await.expect("opened");
        database.migrate("store", STEPS).await.expect("migrated");
        database
    }

    async fn row(database: &Database, id: RecordId, fence: i64, owner: Option<i64>) {
        const ROW: Statement = Statement::both(
            "INSERT INTO records (id, server, account, scope, shard, state, attempt, lease_owner, \
             fence, generation, revision, phase, seen_at) \
             VALUES ($1, 'a', '', '', 0, 0, 0, $3, $2, 1, 1, 0, 0) \
             ON CONFLICT (id) DO UPDATE SET fence = $2, lease_owner = $3",
        );
        let row = vec![id.as_bytes()[..].into(), fence.into(), owner.into()];
        database.execute(ROW, row).await.expect("a row");
    }

    async fn now(database: &Database) -> (i64, Option<i64>) {
        const NOW: Statement = Statement::both("SELECT fence, lease_owner FROM records");
        let rows = database.query(NOW, Vec::<Value>::new()).await.expect("asked");
        (rows[0].int(0).expect("a number"), rows[0].maybe_int(1).expect("an owner"))
    }

    #[tokio::test]
    async fn r19_a_row_for_each_state_in_which_a_doubt_finds_the_lease() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(folder.path()).await;
        let (id, node) = (RecordId::of(&unlapse_core::Key::new("a")), NodeId::of(7));
        let (ours, others) = (Some(7), Some(8));
        for (fence, owner, expected) in [
            (NUMBER, ours, Some(NUMBER + 1)),
            // What was doubtful has happened, and gave the lease back.
            (NUMBER, None, Some(NUMBER + 1)),
            // It was raised already, and nobody was told.
            (NUMBER + 1, ours, Some(NUMBER + 1)),
            // Somebody else had the row since.
            (NUMBER + 1, others, None),
            (NUMBER + 1, None, None),
            (NUMBER + 2, ours, None),
        ] {
            row(&database, id, fence, owner).await;
            let lease = Fence::new(NUMBER);
            let sure = lease.raised(&database, id, node).await;
            assert_eq!(sure, Ok(Some(NUMBER)), "nothing is doubtful, and nothing is asked");
            assert_eq!(now(&database).await, (fence, owner));
            lease.doubt();
            assert_eq!(lease.known(), None);
            assert_eq!(lease.raised(&database, id, node).await, Ok(expected), "{fence} {owner:?}");
            assert_eq!(lease.known(), expected);
            let raised = expected.map_or((fence, owner), |raised| (raised, ours));
            assert_eq!(now(&database).await, raised, "{fence} {owner:?}");
        }
    }
}
