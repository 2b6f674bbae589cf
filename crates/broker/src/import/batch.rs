//! Five hundred lines in one transaction.

use unlapse_store::sql::{Engine, Statement, Value};

use super::rows::Row;
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::{Fault, Tables};

/// What a batch adds to its import.
pub(super) struct Batch<'a> {
    pub(super) tenant: &'a Name,
    pub(super) id: &'a Name,
    /// Lines that were done before it.
    pub(super) after: u64,
    /// Lines in it.
    pub(super) lines: u64,
    /// Of which so many name a connection,
    pub(super) named: u64,
    /// and these were refused,
    pub(super) refused: &'a [Fault],
    /// of which so many are kept.
    pub(super) kept: usize,
    /// The rows of the others, of which each has another id.
    pub(super) rows: &'a [Row],
}

const CONNECTIONS: Statement = Statement::each(
    "INSERT INTO connections (id, tenant, user_name, provider, account, scope, metadata, created_at, connected_at)
     SELECT unhex(value ->> 'id'), value ->> 'tenant', value ->> 'user_name', value ->> 'provider',
            value ->> 'account', value ->> 'scope', value ->> 'metadata', now_ms(), now_ms()
     FROM json_each($1) WHERE true ON CONFLICT (id) DO NOTHING",
    "INSERT INTO connections (id, tenant, user_name, provider, account, scope, metadata, created_at, connected_at)
     SELECT decode(id, 'hex'), tenant, user_name, provider, account, scope, metadata, now_ms(), now_ms()
     FROM json_to_recordset($1::text::json) AS brought (id text, tenant text, user_name text,
          provider text, account text, scope text, metadata text)
     ORDER BY id ON CONFLICT (id) DO NOTHING",
);

/// A row whose record was removed is taken again, unless somebody has it now. The first fence is as the
/// store of records gives it.
macro_rules! unless_there {
    () => {
        " ON CONFLICT (id) DO UPDATE SET state = 0, due_at = EXCLUDED.due_at,
             access_expires_at = EXCLUDED.access_expires_at,
             refresh_ends_at = EXCLUDED.refresh_ends_at, attempt = 0, fence = records.fence + 1,
             generation = EXCLUDED.generation, revision = EXCLUDED.revision, phase = 0,
             sent_at = NULL, code = EXCLUDED.code, untold = NULL, seen_at = 0
         WHERE records.revision = 0 AND records.lease_owner IS NULL"
    };
}

#[rustfmt::skip]
const RECORDS: Statement = Statement::both(concat!(
    "INSERT INTO records (id, server, account, scope, shard, state, due_at, access_expires_at,
         refresh_ends_at, attempt, fence, generation, revision, phase, code, seen_at)
     SELECT unhex(value ->> 'id'), value ->> 'server', value ->> 'record_account', '', value ->> 'shard',
            0, value ->> 'due_at', value ->> 'access_expires_at', value ->> 'refresh_ends_at', 0,
            now_ms() * 1024, value ->> 'generation', value ->> 'revision', 0, value ->> 'code', 0
     FROM json_each($1) WHERE true",
    unless_there!(),
));
/// Right after it: how many rows it has changed.
const ADVANCE: Statement = Statement::both(
    "UPDATE imports SET lines = lines + $4, refused = refused + $5, brought = brought + changes(),
         left_alone = left_alone + $6 - changes(), changed_at = now_ms(), finished_at = NULL
     WHERE tenant = $1 AND id = $2 AND lines = $3",
);

/// Both at once.
#[rustfmt::skip]
const RECORDS_AND_ADVANCE: Statement = Statement::both(concat!(
    "WITH brought AS (
         INSERT INTO records (id, server, account, scope, shard, state, due_at, access_expires_at,
             refresh_ends_at, attempt, fence, generation, revision, phase, code, seen_at)
         SELECT decode(id, 'hex'), server, record_account, '', shard, 0, due_at, access_expires_at,
                refresh_ends_at, 0, now_ms() * 1024, generation, revision, 0, code, 0
         FROM json_to_recordset($7::text::json) AS brought (id text, server text, record_account text,
              shard bigint, due_at bigint, access_expires_at bigint, refresh_ends_at bigint,
              generation bigint, revision bigint, code text)
         ORDER BY id",
    unless_there!(),
    "    RETURNING 1)
     UPDATE imports SET lines = lines + $4, refused = refused + $5,
         brought = brought + (SELECT count(*) FROM brought),
         left_alone = left_alone + $6 - (SELECT count(*) FROM brought),
         changed_at = now_ms(), finished_at = NULL
     WHERE tenant = $1 AND id = $2 AND lines = $3",
)).changes();

/// Of those rows that have none: a record of the first generation was brought with its token.
const TOKENS: Statement = Statement::each(
    "INSERT INTO tokens (id, generation, revision, key_id, sealed)
     SELECT r.id, r.generation, r.revision, value ->> 'key_id', unhex(value ->> 'sealed')
     FROM json_each($1) JOIN records r ON r.id = unhex(value ->> 'id')
     WHERE r.generation = value ->> 'generation' AND r.revision = value ->> 'revision'
     ON CONFLICT (id) DO NOTHING",
    "INSERT INTO tokens (id, generation, revision, key_id, sealed)
     SELECT r.id, r.generation, r.revision, brought.key_id, decode(brought.sealed, 'hex')
     FROM json_to_recordset($1::text::json) AS brought (id text, generation bigint, revision bigint,
          key_id text, sealed text)
     JOIN records r ON r.id = decode(brought.id, 'hex')
         AND r.generation = brought.generation AND r.revision = brought.revision
     ON CONFLICT (id) DO NOTHING",
);

const FAULTS: Statement = Statement::each(
    "INSERT INTO import_faults (tenant, import, line, reason)
     SELECT $1, $2, value ->> 'line', value ->> 'reason' FROM json_each($3) WHERE true
     ON CONFLICT (tenant, import, line) DO NOTHING",
    "INSERT INTO import_faults (tenant, import, line, reason)
     SELECT $1, $2, line, reason
     FROM json_to_recordset($3::text::json) AS fault (line bigint, reason text)
     ON CONFLICT (tenant, import, line) DO NOTHING",
);

impl Batch<'_> {
    /// Says `CONFLICT` when the import is not where the batch begins: somebody else goes on with it.
    /// What the batch has brought by then is there, and is counted by whom it conflicts with.
    pub(super) async fn write(&self, tables: &Tables) -> Result<(), Problem> {
        let refused = u64::try_from(self.refused.len()).unwrap_or_default();
        let rows: Value = json(&self.rows).into();
        let mut counts: Vec<Value> = vec![
            self.tenant.as_str().into(),
            self.id.as_str().into(),
            self.after.into(),
            self.lines.into(),
            refused.into(),
            self.named.into(),
        ];
        let mut statements = vec![(CONNECTIONS, vec![rows.clone()])];
        match tables.database().engine() {
            Engine::Sqlite => {
                statements.push((RECORDS, vec![rows.clone()]));
                statements.push((ADVANCE, counts));
            }
            Engine::Postgres => {
                counts.push(rows.clone());
                statements.push((RECORDS_AND_ADVANCE, counts));
            }
        }
        let advance = statements.len() - 1;
        statements.push((TOKENS, vec![rows]));
        if self.kept > 0 {
            let faults = json(&&self.refused[..self.kept.min(self.refused.len())]);
            let params = vec![self.tenant.as_str().into(), self.id.as_str().into(), faults.into()];
            statements.push((FAULTS, params));
        }
        let changed = tables.database().together(statements).await?;
        if changed.get(advance) == Some(&1) {
            return Ok(());
        }
        let detail = "another upload goes on with this import";
        Err(Problem::new(Code::Conflict, detail))
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers have a JSON form")
}
