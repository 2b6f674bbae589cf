//! The schema, a step at a time.

/// Each step once, in this order; `unlapse.migrations` has those that were made. A step that was
/// released is never changed: the next corrects it.
pub(super) const MIGRATIONS: [&str; 1] = [
    // 1: everything that an issuer keeps. Times are milliseconds since 1970. What a refresh changes
    // is in no index, and pages have room: PostgreSQL then writes the row, and no index, again.
    "CREATE TABLE unlapse.sessions (
        id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
        subject text NOT NULL,
        client text NOT NULL,
        scopes text NOT NULL,
        jkt bytea CHECK (octet_length(jkt) = 32),
        label text,
        opened_at bigint NOT NULL,
        seen_at bigint NOT NULL,
        generation bigint NOT NULL,
        kid text NOT NULL,
        rotated_at bigint NOT NULL,
        replays bigint NOT NULL,
        idle_ends_at bigint NOT NULL,
        ends_at bigint NOT NULL,
        revoked_at bigint,
        revoked_because text,
        salt bytea NOT NULL CHECK (octet_length(salt) = 16),
        CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
    ) WITH (fillfactor = 70);
    CREATE INDEX sessions_of_subject ON unlapse.sessions (subject, opened_at);
    CREATE INDEX sessions_revoked ON unlapse.sessions (revoked_at) WHERE revoked_at IS NOT NULL;

    CREATE TABLE unlapse.denied (
        jti text NOT NULL PRIMARY KEY,
        at bigint NOT NULL
    );
    CREATE INDEX denied_at ON unlapse.denied (at);

    CREATE TABLE unlapse.tickets (
        id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 32),
        value bytea NOT NULL,
        version bigint NOT NULL,
        expires_at bigint NOT NULL
    );
    CREATE INDEX tickets_expired ON unlapse.tickets (expires_at);

    CREATE TABLE unlapse.signing_keys (
        kid text NOT NULL PRIMARY KEY,
        version bigint NOT NULL,
        document bytea NOT NULL
    );

    CREATE TABLE unlapse.audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at bigint NOT NULL,
        event text NOT NULL,
        code text,
        session text,
        subject text,
        client text,
        peer text
    );
    CREATE TABLE unlapse.audit_kept (since bigint NOT NULL);
    INSERT INTO unlapse.audit_kept VALUES (0);
    CREATE FUNCTION unlapse.keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND OLD.at < (SELECT since FROM unlapse.audit_kept) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'the audit log is never changed, and kept as unlapse.audit_kept says';
        END $$;
    CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON unlapse.audit
        FOR EACH ROW EXECUTE FUNCTION unlapse.keep_audit();
    CREATE TRIGGER audit_is_kept_whole BEFORE TRUNCATE ON unlapse.audit
        FOR EACH STATEMENT EXECUTE FUNCTION unlapse.keep_audit();

    CREATE FUNCTION unlapse.tell_denial() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('unlapse_denials', '');
            RETURN NULL;
        END $$;
    CREATE TRIGGER revoked_is_told AFTER UPDATE OF revoked_at ON unlapse.sessions
        FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
        EXECUTE FUNCTION unlapse.tell_denial();
    CREATE TRIGGER denied_is_told AFTER INSERT ON unlapse.denied
        FOR EACH STATEMENT EXECUTE FUNCTION unlapse.tell_denial();",
];
