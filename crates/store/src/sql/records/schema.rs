//! The tables of records.

use crate::sql::Step;

/// A step that was taken anywhere is never changed: the next corrects it.
pub(super) const STEPS: &[Step] = &[TABLES, UNTOLD, UNSCHEDULED];

/// Of those that need a person, the few of which nobody was told yet are marked with 1.
const UNTOLD: Step = Step {
    sqlite: "ALTER TABLE records ADD COLUMN untold INTEGER;
    CREATE INDEX records_untold ON records (id) WHERE untold IS NOT NULL;",
    postgres: "ALTER TABLE records ADD COLUMN untold bigint;
    CREATE INDEX records_untold ON records (id) WHERE untold IS NOT NULL;",
};

/// Leases of rows that never come due, by node: those of the schedule are found by their time. A renewal
/// of the schedule writes nothing in it; a lease that leaves the schedule alone, and its release, write
/// into the row's other indexes as well from now on, as `PostgreSQL` has it. And copies by the key that
/// they are sealed with, so that a key which nothing needs is found out without a look at each token.
const UNSCHEDULED: Step = Step {
    sqlite: "CREATE INDEX records_unscheduled ON records (lease_owner, shard)
        WHERE lease_owner IS NOT NULL AND due_at IS NULL;
    CREATE INDEX orphans_key ON orphans (key_id);",
    postgres: "CREATE INDEX records_unscheduled ON records (lease_owner, shard)
        WHERE lease_owner IS NOT NULL AND due_at IS NULL;
    CREATE INDEX orphans_key ON orphans (key_id);",
};

/// Times are milliseconds since 1970. What is read and changed all the time is small and apart from
/// what is sealed; one index has what comes due, and one the few that need a person: a renewal writes in
/// the first alone.
const TABLES: Step = Step {
    sqlite: "CREATE TABLE nodes (
        id INTEGER NOT NULL PRIMARY KEY,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        alive_until INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE records (
        id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
        server TEXT NOT NULL,
        account TEXT NOT NULL,
        scope TEXT NOT NULL,
        shard INTEGER NOT NULL,
        state INTEGER NOT NULL,
        due_at INTEGER CHECK (due_at IS NULL OR state = 0),
        access_expires_at INTEGER,
        refresh_ends_at INTEGER,
        attempt INTEGER NOT NULL,
        lease_owner INTEGER,
        fence INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        phase INTEGER NOT NULL,
        sent_at INTEGER,
        code TEXT,
        seen_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX records_due ON records (shard, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX records_ended ON records (server, code, id) WHERE state = 1;
    CREATE TABLE tokens (
        id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
        generation INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        key_id TEXT NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE orphans (
        id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
        generation INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        key_id TEXT NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;",
    // Pages have room, so that a row that is written again stays where it is; what is sealed does not
    // get smaller by being packed.
    postgres: "CREATE TABLE nodes (
        id bigint NOT NULL PRIMARY KEY,
        host text NOT NULL,
        pid bigint NOT NULL,
        alive_until bigint NOT NULL
    ) WITH (fillfactor = 50);
    CREATE TABLE records (
        id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
        server text NOT NULL,
        account text NOT NULL,
        scope text NOT NULL,
        shard bigint NOT NULL,
        state bigint NOT NULL,
        due_at bigint CHECK (due_at IS NULL OR state = 0),
        access_expires_at bigint,
        refresh_ends_at bigint,
        attempt bigint NOT NULL,
        lease_owner bigint,
        fence bigint NOT NULL,
        generation bigint NOT NULL,
        revision bigint NOT NULL,
        phase bigint NOT NULL,
        sent_at bigint,
        code text,
        seen_at bigint NOT NULL
    ) WITH (fillfactor = 70);
    CREATE INDEX records_due ON records (shard, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX records_ended ON records (server, code, id) WHERE state = 1;
    CREATE TABLE tokens (
        id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
        generation bigint NOT NULL,
        revision bigint NOT NULL,
        key_id text NOT NULL,
        sealed bytea NOT NULL
    ) WITH (fillfactor = 70);
    ALTER TABLE tokens ALTER COLUMN sealed SET STORAGE EXTERNAL;
    CREATE TABLE orphans (
        id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
        generation bigint NOT NULL,
        revision bigint NOT NULL,
        key_id text NOT NULL,
        sealed bytea NOT NULL
    );
    ALTER TABLE orphans ALTER COLUMN sealed SET STORAGE EXTERNAL;",
};
