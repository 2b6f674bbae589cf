CREATE TABLE versions (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    version bigint NOT NULL
);
INSERT INTO versions VALUES
    ('api_keys', 0), ('apps', 0), ('circuits', 0), ('data_keys', 0), ('events', 0), ('tenants', 0), ('webhooks', 0);

CREATE TABLE tenants (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    speed text NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE data_keys (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    in_use bigint NOT NULL,
    master text NOT NULL,
    wrapped bytea NOT NULL,
    created_at bigint NOT NULL,
    version bigint NOT NULL,
    UNIQUE (tenant, generation)
);
CREATE INDEX data_keys_changed ON data_keys (version);

CREATE TABLE rotations (
    tenant text COLLATE "C" NOT NULL PRIMARY KEY,
    key_id text NOT NULL,
    started_at bigint NOT NULL,
    done_to text,
    resealed bigint NOT NULL,
    finished_at bigint
);
CREATE INDEX rotations_under_way ON rotations (started_at) WHERE finished_at IS NULL;

CREATE TABLE apps (
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    client_id text NOT NULL,
    key_id text,
    client_secret bytea,
    scopes text NOT NULL,
    params text NOT NULL,
    return_to text NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE api_keys (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant text COLLATE "C",
    label text NOT NULL,
    verbs text NOT NULL,
    hash bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint
);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant, created_at);

CREATE TABLE connections (
    id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    tenant text COLLATE "C" NOT NULL,
    user_name text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    scope text,
    metadata text NOT NULL,
    created_at bigint NOT NULL,
    connected_at bigint NOT NULL
);
CREATE UNIQUE INDEX connections_by_name ON connections (tenant, user_name, provider, account);
CREATE INDEX connections_of_app ON connections (tenant, provider, user_name, account);

CREATE TABLE connection_counts (
    tenant text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    slot bigint NOT NULL,
    connections bigint NOT NULL,
    PRIMARY KEY (tenant, provider, slot)
);
-- Sixteen rows for each number, so that transactions that count do not wait for one another.
CREATE FUNCTION count_connections() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO connection_counts AS known
        SELECT tenant, provider, get_byte(id, 0) % 16, sum(by) FROM (
            SELECT tenant, provider, id, 1 AS by FROM changed WHERE TG_OP = 'INSERT'
            UNION ALL
            SELECT tenant, provider, id, -1 FROM changed WHERE TG_OP = 'DELETE'
        ) AS counted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (tenant, provider, slot)
        DO UPDATE SET connections = known.connections + EXCLUDED.connections;
        RETURN NULL;
    END $$;
CREATE TRIGGER connections_are_counted AFTER INSERT ON connections
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_connections();
CREATE TRIGGER connections_are_counted_off AFTER DELETE ON connections
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_connections();

CREATE TABLE attempts (
    at bigint NOT NULL,
    connection bytea NOT NULL,
    number bigint NOT NULL,
    automatic bigint NOT NULL,
    code text,
    status bigint,
    delay_ms bigint NOT NULL,
    duration_ms bigint NOT NULL,
    node text NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX attempts_of ON attempts (connection, at);

-- What comes at a time for which nobody has made a partition.
CREATE TABLE attempts_else PARTITION OF attempts DEFAULT;
-- A partition for each day up to `ahead` days from now; those that ended before `since` are dropped.
CREATE FUNCTION keep_attempts(since bigint, ahead bigint) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        day constant bigint := 86400000;
        today constant bigint := now_ms() / day;
        place constant text := quote_ident(current_schema());
        part record;
        changed bigint := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.attempts'));
        FOR nth IN today .. today + ahead LOOP
            IF to_regclass(format('%s.attempts_%s', place, nth)) IS NULL THEN
                BEGIN
                    EXECUTE format('CREATE TABLE %s.attempts_%s PARTITION OF %s.attempts FOR VALUES FROM (%s) TO (%s)',
                        place, nth, place, nth * day, (nth + 1) * day);
                    changed := changed + 1;
                EXCEPTION WHEN check_violation THEN
                    -- Some of that day lie in `attempts_else` already: there they stay.
                    NULL;
                END;
            END IF;
        END LOOP;
        FOR part IN SELECT c.relname, substring(c.relname FROM '^attempts_([0-9]+)$')::bigint AS nth
            FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = to_regclass(format('%s.attempts', place)) AND c.relname ~ '^attempts_[0-9]+$'
        LOOP
            IF (part.nth + 1) * day <= since THEN
                EXECUTE format('DROP TABLE %s.%I', place, part.relname);
                changed := changed + 1;
            END IF;
        END LOOP;
        DELETE FROM attempts_else WHERE at < since;
        RETURN changed;
    END $$;
SELECT keep_attempts(0, 3);

CREATE TABLE usage (
    connection bytea NOT NULL,
    day bigint NOT NULL,
    tokens bigint NOT NULL,
    renewals bigint NOT NULL,
    PRIMARY KEY (connection, day)
);
CREATE INDEX usage_by_day ON usage (day);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    tenant text COLLATE "C",
    actor text NOT NULL,
    action text NOT NULL,
    subject text,
    detail text
);
CREATE INDEX audit_of_tenant ON audit (tenant, id);
CREATE TABLE audit_kept (since bigint NOT NULL);
INSERT INTO audit_kept VALUES (0);
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.at < (SELECT since FROM audit_kept) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit log is never changed, and kept as audit_kept says';
    END $$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_is_kept_whole BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();

CREATE TABLE events (
    id bigint NOT NULL PRIMARY KEY,
    at bigint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    user_name text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    code text
);
CREATE INDEX events_of_tenant ON events (tenant, id);
CREATE INDEX events_at ON events (at);

CREATE TABLE webhooks (
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    url text NOT NULL,
    kinds text NOT NULL,
    key_id text NOT NULL,
    secret bytea NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    webhook text NOT NULL,
    event bigint NOT NULL,
    created_at bigint NOT NULL,
    due_at bigint,
    attempt bigint NOT NULL,
    problem text
);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_of ON deliveries (tenant, webhook, id);
CREATE INDEX deliveries_of_event ON deliveries (event);

CREATE TABLE connects (
    state_hash bytea NOT NULL PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX connects_expired ON connects (expires_at);

CREATE TABLE circuits (
    server text NOT NULL PRIMARY KEY,
    breaker text NOT NULL,
    version bigint NOT NULL,
    changed_at bigint NOT NULL
);

CREATE TABLE imports (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    actor text NOT NULL,
    started_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    finished_at bigint,
    lines bigint NOT NULL,
    brought bigint NOT NULL,
    left_alone bigint NOT NULL,
    refused bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE import_faults (
    tenant text COLLATE "C" NOT NULL,
    import text NOT NULL,
    line bigint NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (tenant, import, line)
);
