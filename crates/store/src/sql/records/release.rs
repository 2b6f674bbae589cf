//! Leases that are given back.

use std::sync::Arc;

use super::held::{Held, Turn};
use super::node::{NodeId, millis};
use super::record_id::RecordId;
use super::save::number;
use super::timetable::RECOVERY;
use crate::sql::database::Inner;
#[cfg(feature = "postgres")]
use crate::sql::postgres::Params;
#[cfg(feature = "sqlite")]
use crate::sql::sqlite::sqlite_file::execute;
use crate::sql::{Away, Database, Statement, Value};

/// A lease to be given back.
#[derive(Clone, Copy)]
pub(super) struct Release {
    pub(super) id: RecordId,
    /// Its number; `None` when that was not told, nor whether there is a lease, and when something
    /// that was written under it may still happen.
    pub(super) fence: Option<i64>,
    /// There is no record: the row goes with it.
    pub(super) is_empty: bool,
    /// When the record is to be looked at next; `None` leaves that as it is.
    pub(super) due_at: Option<i64>,
}

/// Gives all of them back: also those of which the number is not known, where nobody here has one.
pub(super) async fn give_back(
    database: &Database,
    node: NodeId,
    held: &Arc<Held>,
    releases: &[Release],
) -> Result<(), Away> {
    const NUMBER: Statement =
        Statement::both("SELECT fence FROM records WHERE id = $1 AND lease_owner = $2");
    let (known, unknown): (Vec<_>, Vec<_>) =
        releases.iter().copied().partition(|release| release.fence.is_some());
    if !known.is_empty() {
        release(database, node, &known).await?;
    }
    let (mut found, mut turns) = (Vec::new(), Vec::new());
    for release in unknown {
        // Whoever has the row, or waits for it, finds its number out, and gives it back by that.
        let Some(turn) = held.nobodys(release.id) else { continue };
        let params = vec![release.id.as_bytes()[..].into(), node.as_i64().into()];
        let rows = database.query(NUMBER, params).await?;
        if let Some(row) = rows.first() {
            found.push(Release { fence: Some(row.int(0)?), ..release });
            turns.push(turn);
        }
    }
    given_up(database, node, &found, turns).await
}

/// Gives back what nobody here has, and raises its number: whatever was written under it and may still
/// happen finds no row. The turns are kept until it is done: a lease whose token is being spent would
/// be free for others (R1).
async fn given_up(
    database: &Database,
    node: NodeId,
    found: &[Release],
    turns: Vec<Turn>,
) -> Result<(), Away> {
    let done = if found.is_empty() { Ok(()) } else { back(database, node, found, 1).await };
    drop(turns);
    done
}

/// Gives all of them back whose number is known: only by that, which the next lease has not.
pub(super) async fn release(
    database: &Database,
    node: NodeId,
    releases: &[Release],
) -> Result<(), Away> {
    back(database, node, releases, 0).await
}

/// The same, with numbers that are so much further from then on.
async fn back(
    database: &Database,
    node: NodeId,
    releases: &[Release],
    further: i64,
) -> Result<(), Away> {
    match &*database.inner {
        #[cfg(feature = "sqlite")]
        Inner::Sqlite(file) => {
            const BACK: Statement = Statement::both(
                "UPDATE records SET lease_owner = NULL, fence = fence + $5, \
                 due_at = CASE WHEN state = 0 THEN coalesce($4, due_at) END \
                 WHERE id = $1 AND fence = $2 AND lease_owner = $3",
            );
            const GONE: Statement = Statement::both(
                "DELETE FROM records WHERE id = $1 AND fence = $2 \
                 AND NOT EXISTS (SELECT 1 FROM tokens WHERE tokens.id = records.id) \
                 AND NOT EXISTS (SELECT 1 FROM orphans WHERE orphans.id = records.id)",
            );
            let releases = releases.to_vec();
            file.change(move |database| {
                for release in releases {
                    let id = || Value::from(&release.id.as_bytes()[..]);
                    if release.is_empty
                        && execute(database, GONE, &[id(), release.fence.into()])? == 1
                    {
                        continue;
                    }
                    let owner = node.as_i64().into();
                    let fence = release.fence.into();
                    let back = [id(), fence, owner, release.due_at.into(), further.into()];
                    execute(database, BACK, &back)?;
                }
                Ok(())
            })
            .await
        }
        #[cfg(feature = "postgres")]
        Inner::Postgres(server) => {
            const BACK: &str = "UPDATE records SET lease_owner = NULL, \
                 fence = records.fence + $5::bigint, \
                 due_at = CASE WHEN state = 0 THEN coalesce(given.due_at, records.due_at) END \
                 FROM unnest($2::bytea[], $3::bigint[], $4::bigint[]) AS given (id, fence, due_at) \
                 WHERE records.id = given.id AND records.fence = given.fence \
                 AND records.lease_owner = $1";
            const GONE: &str = "DELETE FROM records \
                 USING unnest($1::bytea[], $2::bigint[]) AS given (id, fence) \
                 WHERE records.id = given.id AND records.fence = given.fence \
                 AND NOT EXISTS (SELECT 1 FROM tokens WHERE tokens.id = records.id) \
                 AND NOT EXISTS (SELECT 1 FROM orphans WHERE orphans.id = records.id)";
            fn ids<'a>(releases: &'a [&Release]) -> Vec<&'a [u8]> {
                releases.iter().map(|release| &release.id.as_bytes()[..]).collect()
            }
            let empty: Vec<_> = releases.iter().filter(|release| release.is_empty).collect();
            if !empty.is_empty() {
                let fences: Vec<_> = empty.iter().map(|release| release.fence).collect();
                server.connections.execute(GONE, &[&ids(&empty), &fences]).await?;
            }
            let mut all: Vec<_> = releases.iter().collect();
            // As saves are.
            all.sort_by_key(|release| release.id);
            let fences: Vec<_> = all.iter().map(|release| release.fence).collect();
            let due: Vec<_> = all.iter().map(|release| release.due_at).collect();
            let params: Params<'_> = &[&node.as_i64(), &ids(&all), &fences, &due, &further];
            server.connections.execute(BACK, params).await.map(drop)
        }
    }
}

/// An index has each part. The first looks at all that is due, whoever has leased it: that is little
/// where nodes keep up.
macro_rules! leased {
    () => {
        "SELECT id, fence, 1, 0 FROM records \
         WHERE shard = $1 AND due_at <= now_ms() + $2 AND lease_owner = $3 \
         UNION ALL SELECT id, fence, 0, CASE WHEN revision = 0 THEN 1 ELSE 0 END FROM records \
         WHERE shard = $1 AND due_at IS NULL AND lease_owner = $3"
    };
}

/// Gives back what this node has leased of `shard`, but for what somebody here knows of: the answer to
/// a statement was lost. Of what is scheduled, that is what was claimed a moment ago, and of the rest all.
pub(super) async fn release_unknown(
    database: &Database,
    node: NodeId,
    held: &Arc<Held>,
    shard: u16,
) -> Result<(), Away> {
    const LEASED: Statement = Statement::both(leased!());
    let params = vec![u32::from(shard).into(), millis(RECOVERY).into(), Value::Int(node.as_i64())];
    let rows = database.query(LEASED, params).await?;
    let (mut lost, mut turns) = (Vec::new(), Vec::new());
    for row in rows {
        let id = RecordId::from_bytes(row.bytes(0)?).ok_or_else(|| Away::misread("an id"))?;
        // Asked after the rows were read: a lease of that number is known by now.
        if let Some(turn) = held.nobodys(id) {
            let fence = Some(row.int(1)?);
            // What nobody has scheduled is not due.
            let due_at = (row.int(2)? == 1).then(|| number(0));
            lost.push(Release { id, fence, is_empty: row.int(3)? == 1, due_at });
            turns.push(turn);
        }
    }
    given_up(database, node, &lost, turns).await
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::sql::Options;
    use crate::sql::records::schema::STEPS;

    const SHARD: u16 = 7;

    async fn leased(folder: &std::path::Path, node: NodeId, id: RecordId) -> Database {
        const ROW: Statement = Statement::both(
            "INSERT INTO records (id, server, account, scope, shard, state, due_at, attempt, \
             lease_owner, fence, generation, revision, phase, seen_at) \
             VALUES ($1, 'a', '', '', $2, 0, now_ms(), 0, $3, 5, 1, 1, 1, now_ms())",
        );
        let place = folder.join("records");
        let place = place.to_str().expect("a name of letters");
        let database = Database::open(place, Options::default()).await.expect("opened");
        database.migrate("store", STEPS).await.expect("migrated");
        let row = vec![id.as_bytes()[..].into(), u32::from(SHARD).into(), node.as_i64().into()];
        database.execute(ROW, row).await.expect("a row");
        database
    }

    async fn is_leased(database: &Database) -> bool {
        const OWNER: Statement = Statement::both("SELECT lease_owner FROM records");
        let rows = database.query(OWNER, vec![]).await.expect("asked");
        rows[0].maybe_int(0).expect("an owner").is_some()
    }

    async fn number_of(database: &Database) -> i64 {
        const NUMBER: Statement = Statement::both("SELECT fence FROM records");
        let rows = database.query(NUMBER, vec![]).await.expect("asked");
        rows[0].int(0).expect("a number")
    }

    /// Whichever way the lease was lost sight of.
    #[tokio::test]
    async fn r1_a_lease_of_unknown_number_is_given_back_only_while_nobody_here_has_the_row() {
        for was_claimed in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let node = NodeId::draw().expect("random");
            let id = RecordId::of(&unlapse_core::Key::new("a"));
            let (database, held) = (leased(folder.path(), node, id).await, Arc::default());
            let lost = Release { id, fence: None, is_empty: false, due_at: None };
            let try_now = async || {
                let done = if was_claimed {
                    release_unknown(&database, node, &held, SHARD).await
                } else {
                    give_back(&database, node, &held, &[lost]).await
                };
                done.expect("the database is there");
                is_leased(&database).await
            };
            // It was leased again meanwhile, and its token is being spent.
            let mut holder = held.wait(id);
            holder.come().await;
            assert!(try_now().await, "somebody has it");
            drop(holder);
            assert!(!try_now().await, "nobody has it");
            // R19: nor does what was written under it find its row any more.
            assert_eq!(number_of(&database).await, 6);
            assert!(held.nobodys(id).is_some(), "nothing is left behind");
        }
    }

    #[tokio::test]
    async fn i9_what_was_lost_is_looked_for_by_an_index() {
        const PLAN: Statement = Statement::both(concat!("EXPLAIN QUERY PLAN ", leased!()));
        let folder = tempfile::tempdir().expect("a folder");
        let node = NodeId::draw().expect("random");
        let id = RecordId::of(&unlapse_core::Key::new("a"));
        let database = leased(folder.path(), node, id).await;
        let params = vec![7_i64.into(), 15_000_i64.into(), Value::Int(node.as_i64())];
        let plan = database.query(PLAN, params).await.expect("planned");
        let plan: Vec<_> = plan.iter().map(|row| row.text(3).expect("a text")).collect();
        for index in [
            "records_due (shard=? AND due_at<?)",
            "records_unscheduled (lease_owner=? AND shard=?)",
        ] {
            assert!(plan.iter().any(|line| line.contains(index)), "{index}: {plan:?}");
        }
        assert!(!plan.iter().any(|line| line.starts_with("SCAN")), "{plan:?}");
    }

    #[tokio::test]
    async fn r1_no_lease_is_given_back_without_its_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let node = NodeId::draw().expect("random");
        let id = RecordId::of(&unlapse_core::Key::new("a"));
        let database = leased(folder.path(), node, id).await;
        for (fence, stays) in [(None, true), (Some(4), true), (Some(5), false)] {
            let given = Release { id, fence, is_empty: false, due_at: None };
            release(&database, node, &[given]).await.expect("asked");
            assert_eq!(is_leased(&database).await, stays, "{fence:?}");
            assert_eq!(number_of(&database).await, 5, "by which it may be put off still");
        }
    }
}
