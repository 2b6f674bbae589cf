//! The schema, a step at a time.

use tokio_postgres::Client;

use super::bad_server::BadServer;

/// Each step once, in this order; `unlapse.migrations` has those that were made. A step that was
/// released is never changed: the next corrects it.
const MIGRATIONS: [&str; 1] = [
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

/// What nodes that start at the same time meet at: `unlapse`, as a number.
const LOCK: i64 = i64::from_be_bytes(*b"\0unlapse");

/// A node that starts waits so long for another that changes the schema.
const SETTINGS: &str = "SET lock_timeout = '60s'; SET statement_timeout = '10min'";

/// Brings the schema up to date, once over all nodes that start at the same time.
pub(super) async fn migrate(client: &mut Client) -> Result<(), BadServer> {
    client.batch_execute(SETTINGS).await?;
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let known = u32::try_from(MIGRATIONS.len()).expect("a handful");
    // Only looked at when it is there: who may use the schema need not be who may create it.
    let there = "SELECT to_regnamespace('unlapse') IS NOT NULL, \
         to_regclass('unlapse.migrations') IS NOT NULL";
    let there = transaction.query_one(there, &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        transaction.batch_execute("CREATE SCHEMA unlapse").await?;
    }
    if !there.try_get::<_, bool>(1)? {
        let table = "CREATE TABLE unlapse.migrations \
             (version integer PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())";
        transaction.batch_execute(table).await?;
    }
    let newest = "SELECT coalesce(max(version), 0) FROM unlapse.migrations";
    let found: i32 = transaction.query_one(newest, &[]).await?.try_get(0)?;
    let found = u32::try_from(found).map_err(|_| BadServer::NotOurs)?;
    if found > known {
        return Err(BadServer::Newer { found, known });
    }
    for (step, version) in MIGRATIONS.iter().zip(1_i32..).skip(found as usize) {
        transaction.batch_execute(step).await?;
        let made = "INSERT INTO unlapse.migrations (version) VALUES ($1)";
        transaction.execute(made, &[&version]).await?;
    }
    transaction.commit().await?;
    Ok(())
}
