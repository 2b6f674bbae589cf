use std::collections::BTreeMap;

use proptest::prelude::*;
use unlapse::unlapse_core::{LoginReason, UnixTime};
use unlapse_broker::{Code, ConnectionId, Filter, NewConnection, State, Tables};
use unlapse_store::sql::Statement;

use crate::world::{id, load, name, record, save, worlds};

fn new(id: &ConnectionId) -> NewConnection {
    let metadata = BTreeMap::from([("instance_url".to_owned(), "https://eu.example".to_owned())]);
    NewConnection { id: id.clone(), scope: Some("mail".to_owned()), metadata }
}

#[tokio::test]
async fn i1_a_connection_is_shown_with_what_its_record_says() {
    for world in worlds() {
        let (tables, store) = world.node().await;
        let ada = id("acme", "ada");
        tables.envelope().ready(&ada.tenant).await.expect("ready");
        assert_eq!(tables.connection(&ada).await, Ok(None));
        tables.put_connection(&new(&ada)).await.expect("put");
        let bare = tables.connection(&ada).await.expect("read").expect("there");
        assert_eq!(bare.state, State::NeedsUser(Code::NoAccessToken), "{}", world.name);
        save(&store, &ada, &record("rt")).await;
        let shown = tables.connection(&ada).await.expect("read").expect("there");
        assert_eq!((shown.state, shown.generation), (State::Active, 1));
        assert_eq!(shown.access_expires_at, Some(UnixTime::from_secs(1_700_003_600)));
        assert_eq!(shown.metadata, new(&ada).metadata);
        assert_eq!((shown.scope.as_deref(), shown.failing), (Some("mail"), None));
        // Consent anew: it came to be when it did.
        tables.put_connection(&NewConnection { scope: None, ..new(&ada) }).await.expect("put");
        let anew = tables.connection(&ada).await.expect("read").expect("there");
        assert_eq!(anew.created_at, shown.created_at);
        assert_eq!((anew.scope, anew.generation), (None, 1), "the record is as it was");
        save(&store, &ada, &record("rt").ended(LoginReason::RefreshRejected)).await;
        let ended = tables.connection(&ada).await.expect("read").expect("there");
        assert!(matches!(ended.state, State::NeedsUser(_)), "{ended:?}");
        // What is said of the consent before it comes too late; the newest's is kept.
        let said = BTreeMap::from([("instance_url".to_owned(), "https://us.example".to_owned())]);
        assert!(anew.connected_at > shown.connected_at, "a time of its own");
        assert_eq!(tables.say_of_connection(&ada, shown.connected_at, &said).await, Ok(false));
        let kept = tables.connection(&ada).await.expect("read").expect("there");
        assert_eq!(kept.metadata, new(&ada).metadata);
        assert_eq!(tables.say_of_connection(&ada, anew.connected_at, &said).await, Ok(true));
        let kept = tables.connection(&ada).await.expect("read").expect("there");
        assert_eq!((kept.metadata, kept.connected_at), (said, anew.connected_at));
        // Two logins at once, the second of which ends first: its metadata stays.
        let named = |name: &str| NewConnection {
            metadata: BTreeMap::from([("shop".to_owned(), name.to_owned())]),
            ..new(&ada)
        };
        let one = tables.put_connection(&named("one")).await.expect("put");
        let two = tables.put_connection(&named("two")).await.expect("put");
        // Of a renewal that began before the second was kept.
        assert_eq!(tables.say_of_connection(&ada, two, &named("old").metadata).await, Ok(true));
        tables.put_connection_again(&named("two"), two).await.expect("put");
        tables.put_connection_again(&named("one"), one).await.expect("put");
        assert_eq!(tables.say_of_connection(&ada, two, &named("old").metadata).await, Ok(false));
        let kept = tables.connection(&ada).await.expect("read").expect("there");
        assert_eq!(kept.metadata, named("two").metadata);
        assert_eq!(tables.remove_connection(&ada).await, Ok(true));
        assert_eq!(tables.remove_connection(&ada).await, Ok(false));
        assert_eq!(tables.connection(&ada).await, Ok(None));
        // What was kept of it is for the store to remove.
        assert_eq!(load(&store, &ada).await.generation, 1);
    }
}

#[tokio::test]
async fn i1_metadata_beyond_all_bounds_is_a_bad_request() {
    for world in worlds() {
        let tables = world.tables().await;
        let ada = id("acme", "ada");
        for (key, value) in [
            ("", "x".to_owned()),
            ("a\0", "x".to_owned()),
            ("a b", "x".to_owned()),
            ("a", "x".repeat(1025)),
            ("a", "\0".to_owned()),
        ] {
            let metadata = BTreeMap::from([(key.to_owned(), value)]);
            let put = tables.put_connection(&NewConnection { metadata, ..new(&ada) }).await;
            assert_eq!(put.map_err(|problem| problem.code), Err(Code::BadRequest), "{key:?}");
        }
        let many = (0..33).map(|n| (format!("k{n}"), String::new())).collect();
        let put = tables.put_connection(&NewConnection { metadata: many, ..new(&ada) }).await;
        assert_eq!(put.map_err(|problem| problem.code), Err(Code::BadRequest), "{}", world.name);
        // Whatever a provider says as a scope, it fits.
        let scope = Some("a\0b".to_owned());
        tables.put_connection(&NewConnection { scope, ..new(&ada) }).await.expect("put");
    }
}

/// Every connection of a listing, page by page.
async fn walked(tables: &Tables, filter: &Filter, limit: usize) -> Vec<ConnectionId> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = tables.connections(&name("acme"), filter, after.as_ref(), limit).await;
        let page = page.expect("listed");
        assert!(page.connections.len() <= limit);
        all.extend(page.connections.into_iter().map(|connection| connection.id));
        let Some(next) = page.next else { return all };
        assert_eq!(all.last(), Some(&next));
        after = Some(next);
    }
}

#[tokio::test]
async fn i1_pages_show_each_connection_once_and_in_order() {
    for world in worlds() {
        let (tables, store) = world.node().await;
        tables.envelope().ready(&name("acme")).await.expect("ready");
        let mut ids = Vec::new();
        for user in ["ada", "Ada", "ä", "b/c", "b", "\u{202e}rtl", "z z"] {
            for (provider, account) in [("google", "main"), ("google", "2"), ("hubspot", "main")] {
                ids.push(
                    ConnectionId::new(name("acme"), user, name(provider), account).expect("valid"),
                );
            }
        }
        for id in &ids {
            tables.put_connection(&new(id)).await.expect("put");
        }
        tables.put_connection(&new(&id("globex", "ada"))).await.expect("put");
        for id in &ids[..6] {
            save(&store, id, &record("rt")).await;
        }
        for id in &ids[..2] {
            save(&store, id, &record("rt").ended(LoginReason::Revoked)).await;
        }
        ids.sort_by(|a, b| {
            (&a.user, &a.provider, &a.account).cmp(&(&b.user, &b.provider, &b.account))
        });
        let all = Filter::default();
        for limit in [1, 4, 21, 1000] {
            assert_eq!(walked(&tables, &all, limit).await, ids, "{} {limit}", world.name);
            let google = Filter { provider: Some(name("google")), ..Filter::default() };
            let mut found = walked(&tables, &google, limit).await;
            found.sort();
            let mut expected: Vec<_> =
                ids.iter().filter(|id| id.provider.as_str() == "google").cloned().collect();
            expected.sort();
            assert_eq!(found, expected, "{} {limit}", world.name);
            let user = |user: &str| Filter { user: Some(user.to_owned()), ..Filter::default() };
            assert_eq!(walked(&tables, &user("ada"), limit).await.len(), 3);
            let both = Filter { provider: Some(name("hubspot")), ..user("ada") };
            assert_eq!(walked(&tables, &both, limit).await.len(), 1);
            assert_eq!(walked(&tables, &user("nobody\0"), limit).await, []);
            let state = |needs| Filter { needs_user: Some(needs), ..Filter::default() };
            assert_eq!(walked(&tables, &state(true), limit).await.len(), 2);
            assert_eq!(walked(&tables, &state(false), limit).await.len(), 4);
        }
        let counts = tables.counts(Some(&name("acme"))).await.expect("counted");
        let counts: Vec<_> =
            counts.iter().map(|of| (of.provider.as_str(), of.connections)).collect();
        assert_eq!(counts, [("google", 14), ("hubspot", 7)], "{}", world.name);
        tables.remove_connection(&id("globex", "ada")).await.expect("removed");
        let counts = tables.counts(None).await.expect("counted");
        assert_eq!(counts.iter().map(|of| of.connections).sum::<u64>(), 21);
        assert!(counts.iter().all(|of| of.tenant == name("acme")));
    }
}

/// A page costs what it shows, and what is counted was counted before: no statement of ours looks at
/// connections that it does not show.
#[tokio::test]
async fn i9_no_statement_costs_more_with_connections_that_it_does_not_show() {
    for world in worlds().into_iter().filter(|world| world.name == "PostgreSQL") {
        let (tables, _store) = world.node().await;
        let many = Statement::each(
            "SELECT 1",
            "INSERT INTO connections SELECT decode(md5(n::text), 'hex'), 'acme', 'user ' || n, 'google',
                 'main', NULL, '{}', n, n FROM generate_series(1, 20000) AS n",
        );
        tables.database().execute(many, Vec::new()).await.expect("made");
        let records = Statement::each(
            "SELECT 1",
            "INSERT INTO records (id, server, account, scope, shard, state, attempt, fence, generation,
                 revision, phase, seen_at)
             SELECT decode(md5(n::text), 'hex'), 'acme/google', n::text, '', 0, (n % 1000 = 0)::int, 0, 1,
                 1, 1, 0, 0 FROM generate_series(1, 20000) AS n",
        );
        tables.database().execute(records, Vec::new()).await.expect("made");
        world.sql("ANALYZE unlapse_broker.connections; ANALYZE unlapse_broker.records");
        let plan = |statement: &str| {
            world.sql(&format!("SET search_path = unlapse_broker; EXPLAIN {statement}"))
        };
        for statement in [
            "SELECT * FROM connections c LEFT JOIN records r ON r.id = c.id WHERE c.tenant = 'acme'
                 AND (c.user_name, c.provider, c.account) > ('user 5', 'google', 'main')
             ORDER BY c.user_name, c.provider, c.account LIMIT 101",
            "SELECT * FROM connections c LEFT JOIN records r ON r.id = c.id
             WHERE c.id = decode('00', 'hex')",
            "DELETE FROM connections WHERE id = decode('00', 'hex')",
        ] {
            let plan = plan(statement);
            assert!(plan.contains("Index") && !plan.contains("Seq Scan on connections"), "{plan}");
        }
        let plan = plan(
            "SELECT * FROM connections c LEFT JOIN records r ON r.id = c.id
             WHERE r.state = 1 AND c.tenant = 'acme'
                 AND (c.user_name, c.provider, c.account) > ('', '', '')
             ORDER BY c.user_name, c.provider, c.account LIMIT 101",
        );
        assert!(plan.contains("records_ended") && !plan.contains("Seq Scan"), "{plan}");
        let needs_user = Filter { needs_user: Some(true), ..Filter::default() };
        assert_eq!(walked(&tables, &needs_user, 7).await.len(), 20);
        let counts = tables.counts(None).await.expect("counted");
        assert_eq!(counts[0].connections, 20_000);
        for statement in [
            "SELECT * FROM events WHERE tenant = 'acme' AND id > 5 ORDER BY id LIMIT 10",
            "SELECT id FROM deliveries WHERE due_at <= now_ms() ORDER BY due_at LIMIT 10",
            "SELECT * FROM attempts WHERE connection = decode('00', 'hex') ORDER BY at DESC LIMIT 9",
        ] {
            let plan = world.sql(&format!(
                "SET search_path = unlapse_broker; SET enable_seqscan = off; EXPLAIN {statement}"
            ));
            assert!(plan.contains("Index") && !plan.contains("Seq Scan"), "{plan}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Whatever its names and metadata, a connection is read as it was put (I10).
    #[test]
    fn i10_a_connection_is_read_as_it_was_put(
        user in "[^\\p{C}]{1,40}",
        account in "[^\\p{C}]{1,40}",
        // No other name is taken in: no exchange could say it.
        key in "[A-Za-z0-9_.-]{1,64}",
        value in "[^\\p{C}]{0,40}",
    ) {
        prop_assume!([&user, &account].into_iter().all(|text| text != "." && text != ".."));
        thread_local! {
            static WORLD: (tokio::runtime::Runtime, crate::world::World, Tables) = {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                let world = worlds().remove(0);
                // The records' tables are the store's.
                let tables = runtime.block_on(async { world.node().await.0 });
                (runtime, world, tables)
            };
        }
        let id = ConnectionId::new(name("acme"), user, name("google"), account).expect("valid");
        let metadata = BTreeMap::from([(key, value)]);
        let said = NewConnection { id: id.clone(), scope: None, metadata: metadata.clone() };
        let found = WORLD.with(|(runtime, _, tables)| runtime.block_on(async {
            tables.put_connection(&said).await.expect("put");
            tables.connection(&id).await.expect("read").expect("there")
        }));
        prop_assert_eq!(found.id, id);
        prop_assert_eq!(found.metadata, metadata);
    }
}
