//! The core's contract. What asks the database runs on the store's own runtime, so that calls may be
//! awaited on any executor; one whose future is dropped is ended there (R6).

use std::time::Duration;

use tokio::sync::oneshot;
use unlapse_core::{BoxFuture, Holder, Key, Lease, Store, StoreError, Stored};

use super::copies;
use super::found::{Raw, away, newest};
use super::record_id::{RecordId, read};
use super::store::SqlStore;
use super::take::{holder, resting, take};
use crate::sql::{Away, Statement};

const KEYS: Statement = Statement::both(
    "SELECT server, account, scope FROM records \
     WHERE EXISTS (SELECT 1 FROM tokens WHERE tokens.id = records.id) \
     OR EXISTS (SELECT 1 FROM orphans WHERE orphans.id = records.id)",
);

impl Store for SqlStore {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        let id = RecordId::of(key);
        Box::pin(async move {
            let loaded = self.shared.run(move |shared| async move {
                copies::load(&shared.database, id).await.map_err(away)
            });
            let Raw::Known { kept, aside } = loaded.await? else { return Ok(None) };
            newest(&*self.shared.seal, key, kept.as_ref(), aside.as_ref())
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async move {
            let id = RecordId::of(key);
            let mut turn = self.shared.held.wait(id);
            if turn.has_come() {
                // What came due is here already, and asks the database nothing.
                match resting(&self.shared, key, turn) {
                    Ok(lease) => return Ok(Box::new(lease) as Box<dyn Lease>),
                    Err(first) => turn = first,
                }
            }
            let (caller, taken) = oneshot::channel();
            self.shared.runtime.spawn(take(self.shared.clone(), key.clone(), turn, wait, caller));
            let cut_off = |_| Err(away(Away::misread("a call was cut off")));
            let lease = taken.await.unwrap_or_else(cut_off)?;
            Ok(Box::new(lease) as Box<dyn Lease>)
        })
    }

    fn holder<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        let id = RecordId::of(key);
        Box::pin(async move {
            if self.shared.held.is_held(id) {
                return Ok(Some(self.shared.this_process()));
            }
            let found = self.shared.run(move |shared| async move {
                holder(&shared.database, &shared, id).await.map_err(away)
            });
            found.await
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(async move {
            let found = self.shared.run(|shared| async move {
                let rows = shared.database.query(KEYS, Vec::new()).await.map_err(away)?;
                let key = |row: &crate::sql::Row| {
                    let key = Key::new(read(row.text(0)?)).account(read(row.text(1)?));
                    Ok(key.scope(read(row.text(2)?)))
                };
                rows.iter().map(key).collect::<Result<Vec<_>, _>>().map_err(away)
            });
            let mut keys = found.await?;
            keys.sort();
            Ok(keys)
        })
    }
}
