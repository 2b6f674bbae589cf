CREATE TABLE versions (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO versions VALUES
    ('api_keys', 0), ('apps', 0), ('circuits', 0), ('data_keys', 0), ('events', 0), ('tenants', 0), ('webhooks', 0);

CREATE TABLE tenants (
    name TEXT NOT NULL PRIMARY KEY,
    speed TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE data_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    generation INTEGER NOT NULL,
    in_use INTEGER NOT NULL,
    master TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (tenant, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX data_keys_changed ON data_keys (version);

CREATE TABLE rotations (
    tenant TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    done_to TEXT,
    resealed INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX rotations_under_way ON rotations (started_at) WHERE finished_at IS NULL;

CREATE TABLE apps (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    client_id TEXT NOT NULL,
    key_id TEXT,
    client_secret BLOB,
    scopes TEXT NOT NULL,
    params TEXT NOT NULL,
    return_to TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT,
    label TEXT NOT NULL,
    verbs TEXT NOT NULL,
    hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_of_tenant ON api_keys (tenant, created_at);

CREATE TABLE connections (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant TEXT NOT NULL,
    user_name TEXT NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    scope TEXT,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    connected_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX connections_by_name ON connections (tenant, user_name, provider, account);
CREATE INDEX connections_of_app ON connections (tenant, provider, user_name, account);

CREATE TABLE connection_counts (
    tenant TEXT NOT NULL,
    provider TEXT NOT NULL,
    slot INTEGER NOT NULL,
    connections INTEGER NOT NULL,
    PRIMARY KEY (tenant, provider, slot)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER connection_is_counted AFTER INSERT ON connections
BEGIN
    INSERT INTO connection_counts VALUES (NEW.tenant, NEW.provider, 0, 1)
    ON CONFLICT (tenant, provider, slot) DO UPDATE SET connections = connections + 1;
END;
CREATE TRIGGER connection_is_counted_off AFTER DELETE ON connections
BEGIN
    UPDATE connection_counts SET connections = connections - 1
    WHERE tenant = OLD.tenant AND provider = OLD.provider AND slot = 0;
END;

CREATE TABLE attempts (
    at INTEGER NOT NULL,
    connection BLOB NOT NULL,
    number INTEGER NOT NULL,
    automatic INTEGER NOT NULL,
    code TEXT,
    status INTEGER,
    delay_ms INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    node TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_at ON attempts (at);
CREATE INDEX attempts_of ON attempts (connection, at);

CREATE TABLE usage (
    connection BLOB NOT NULL,
    day INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    PRIMARY KEY (connection, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    tenant TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT,
    detail TEXT
) STRICT;
CREATE INDEX audit_of_tenant ON audit (tenant, id);
CREATE TABLE audit_kept (since INTEGER NOT NULL) STRICT;
INSERT INTO audit_kept VALUES (0);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is never changed');
END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.at >= (SELECT since FROM audit_kept)
BEGIN
    SELECT RAISE(ABORT, 'this entry is to be kept: see audit_kept');
END;

CREATE TABLE events (
    id INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    user_name TEXT NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    code TEXT
) STRICT;
CREATE INDEX events_of_tenant ON events (tenant, id);
CREATE INDEX events_at ON events (at);

CREATE TABLE webhooks (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    key_id TEXT NOT NULL,
    secret BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    webhook TEXT NOT NULL,
    event INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    attempt INTEGER NOT NULL,
    problem TEXT
) STRICT;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_of ON deliveries (tenant, webhook, id);
CREATE INDEX deliveries_of_event ON deliveries (event);

CREATE TABLE connects (
    state_hash BLOB NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX connects_expired ON connects (expires_at);

CREATE TABLE circuits (
    server TEXT NOT NULL PRIMARY KEY,
    breaker TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    actor TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    finished_at INTEGER,
    lines INTEGER NOT NULL,
    brought INTEGER NOT NULL,
    left_alone INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_faults (
    tenant TEXT NOT NULL,
    import TEXT NOT NULL,
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (tenant, import, line)
) STRICT, WITHOUT ROWID;
