//! Records and their copies: read, set aside, removed.

use super::found::{Raw, SealedCopy};
use super::record_id::{RecordId, written};
use super::save::number;
use super::seal::Sealed;
use super::spool::Entry;
use crate::sql::{Away, Database, Statement, Value};

/// The record, and the copy that was set aside.
const LOAD: Statement = Statement::both(
    "SELECT 0, generation, key_id, sealed FROM tokens WHERE id = $1 \
     UNION ALL SELECT 1, generation, key_id, sealed FROM orphans WHERE id = $1",
);

/// The row of a key that has none: whoever set something aside has lost it, and its record was
/// removed since.
const ROW: Statement = Statement::both(
    "INSERT INTO records (id, server, account, scope, shard, state, attempt, fence, generation, \
     revision, phase, seen_at) VALUES ($1, $2, $3, $4, $5, 0, 0, now_ms() * 1024, 0, 0, 0, now_ms()) \
     ON CONFLICT (id) DO NOTHING",
);
/// The record's row before its copy's, as saves do: otherwise both would wait for each other. In a
/// file, changes come one after the other.
const FIRST: Statement = Statement::each(
    "SELECT 1 FROM records WHERE id = $1",
    "SELECT 1 FROM records WHERE id = $1 FOR NO KEY UPDATE",
);
/// An older copy replaces no newer.
const ASIDE: Statement = Statement::both(
    "INSERT INTO orphans (id, generation, revision, key_id, sealed) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (id) DO UPDATE SET generation = $2, revision = $3, key_id = $4, sealed = $5 \
     WHERE (orphans.generation, orphans.revision) <= ($2, $3)",
);
/// It is to be put in its place: by the next holder, at once, whatever the older record says.
const DUE: Statement = Statement::both(
    "UPDATE records SET due_at = now_ms(), state = 0 WHERE id = $1 \
     AND EXISTS (SELECT 1 FROM orphans WHERE orphans.id = $1 AND \
     (orphans.generation, orphans.revision) > (records.generation, records.revision))",
);
/// As [`ASIDE`], where nothing newer is there, and where the record is still the one that it
/// succeeds: not one that was removed, and has come to be again.
macro_rules! replay {
    ($id:literal, $generation:literal, $revision:literal, $key_id:literal, $sealed:literal) => {
        concat!(
            "INSERT INTO orphans (id, generation, revision, key_id, sealed) SELECT ",
            $id,
            ", ",
            $generation,
            ", ",
            $revision,
            ", ",
            $key_id,
            ", ",
            $sealed,
            " WHERE EXISTS (SELECT 1 FROM records WHERE records.id = $1 \
             AND records.generation >= $2 - 1) \
             AND NOT EXISTS (SELECT 1 FROM tokens WHERE tokens.id = $1 \
             AND (tokens.generation, tokens.revision) >= ($2, $3)) \
             ON CONFLICT (id) DO UPDATE SET generation = $2, revision = $3, key_id = $4, \
             sealed = $5 WHERE (orphans.generation, orphans.revision) <= ($2, $3)"
        )
    };
}
const REPLAY: Statement = Statement::each(
    replay!("$1", "$2", "$3", "$4", "$5"),
    replay!("$1::bytea", "$2::bigint", "$3::bigint", "$4::text", "$5::bytea"),
);

const CLEARED: Statement = Statement::both(
    "UPDATE records SET generation = 0, revision = 0, state = 0, due_at = NULL, \
     access_expires_at = NULL, refresh_ends_at = NULL, attempt = 0, phase = 0, sent_at = NULL, \
     code = NULL, untold = NULL, lease_owner = $3 WHERE id = $1 AND fence = $2",
);
const NO_TOKEN: Statement = Statement::both(
    "DELETE FROM tokens WHERE id = $1 \
     AND EXISTS (SELECT 1 FROM records WHERE id = $1 AND fence = $2)",
);
const NO_ORPHAN: Statement = Statement::both(
    "DELETE FROM orphans WHERE id = $1 \
     AND EXISTS (SELECT 1 FROM records WHERE id = $1 AND fence = $2)",
);

/// That very copy: a newer one is not that.
const DAMAGED: Statement = Statement::both(
    "DELETE FROM orphans WHERE id = $1 AND generation = $3 AND sealed = $4 \
     AND EXISTS (SELECT 1 FROM records WHERE id = $1 AND fence = $2)",
);

fn id(id: RecordId) -> Value {
    id.as_bytes()[..].into()
}

/// What is found of a key.
pub(super) async fn load(database: &Database, of: RecordId) -> Result<Raw, Away> {
    let (mut kept, mut aside) = (None, None);
    for row in database.query(LOAD, vec![id(of)]).await? {
        let place = if row.int(0)? == 0 { &mut kept } else { &mut aside };
        *place = SealedCopy::at(&row, 1)?;
    }
    Ok(Raw::Known { kept, aside })
}

/// Puts a copy aside.
pub(super) async fn set_aside(database: &Database, entry: &Entry) -> Result<(), Away> {
    let key = &entry.key;
    let of = RecordId::of(key);
    let row = vec![
        id(of),
        written(&key.server).into(),
        written(&key.account).into(),
        written(&key.scope).into(),
        u32::from(of.shard()).into(),
    ];
    let Sealed { key_id, bytes } = entry.sealed.clone();
    let (generation, revision) = (number(entry.generation), number(entry.revision));
    let copy = vec![id(of), generation.into(), revision.into(), key_id.into(), bytes.into()];
    let (first, due) = ((FIRST, vec![id(of)]), (DUE, vec![id(of)]));
    database.together(vec![(ROW, row), first, (ASIDE, copy), due]).await.map(drop)
}

/// Puts aside what a spool has. As often as one likes: what is there already, or is older than what
/// is there, changes nothing.
pub(super) async fn replay(database: &Database, entry: &Entry) -> Result<(), Away> {
    let of = RecordId::of(&entry.key);
    let Sealed { key_id, bytes } = entry.sealed.clone();
    let (generation, revision) = (number(entry.generation), number(entry.revision));
    let copy = vec![id(of), generation.into(), revision.into(), key_id.into(), bytes.into()];
    let (first, due) = ((FIRST, vec![id(of)]), (DUE, vec![id(of)]));
    database.together(vec![first, (REPLAY, copy), due]).await.map(drop)
}

/// Removes the record and its copy; `false` when the lease was lost.
pub(super) async fn remove(
    database: &Database,
    of: RecordId,
    fence: i64,
    owner: i64,
) -> Result<bool, Away> {
    let fenced = || vec![id(of), fence.into()];
    let cleared = vec![id(of), fence.into(), owner.into()];
    let changed =
        database.together(vec![(CLEARED, cleared), (NO_TOKEN, fenced()), (NO_ORPHAN, fenced())]);
    Ok(changed.await?.first() == Some(&1))
}

/// Removes a copy that nothing opens any more: it says that something newer is there, and no intent is
/// saved while it does.
pub(super) async fn remove_damaged(
    database: &Database,
    of: RecordId,
    fence: i64,
    copy: &SealedCopy,
) -> Result<(), Away> {
    let Sealed { key_id, bytes } = copy.sealed();
    let generation = copy.generation();
    tracing::error!(
        code = "store_damaged",
        generation,
        key_id,
        "a copy that does not open is removed"
    );
    let params = vec![id(of), fence.into(), number(generation).into(), bytes[..].into()];
    database.execute(DAMAGED, params).await.map(drop)
}
