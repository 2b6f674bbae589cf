use std::collections::BTreeMap;

use unlapse::unlapse_core::{LoginReason, Secret, UnixTime};
use unlapse_broker::{Code, EventKind, NewConnection, NewEvent, Tables, Webhook};
use unlapse_store::sql::Statement;

use crate::world::{id, load, name, record, save, worlds};

async fn put(tables: &Tables, user: &str) {
    let metadata = BTreeMap::new();
    let new = NewConnection { id: id("acme", user), scope: None, metadata };
    tables.put_connection(&new).await.expect("put");
}

/// The numbers and users of what was told, of which all need their user.
async fn told(tables: &Tables) -> Vec<(i64, String)> {
    let events = tables.events(None, 0, 100).await.expect("listed").into_iter();
    let told = events.map(|event| {
        assert_eq!(event.what.kind, EventKind::NeedsUser);
        (event.number, event.what.id.user)
    });
    told.collect()
}

/// More than are told in one transaction.
const MANY: u64 = 505;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_each_of_many_is_told_of_once_however_many_nodes_tell_at_once() {
    for world in worlds() {
        let (tables, store) = world.node().await;
        tables
            .put_webhook(&Webhook {
                tenant: name("acme"),
                name: name("all"),
                url: "https://hooks.example/x".to_owned(),
                kinds: Vec::new(),
                secret: Secret::new("whsec_canary"),
                created_at: UnixTime::default(),
                changed_at: UnixTime::default(),
            })
            .await
            .expect("put");
        let connections = Statement::each(
            "INSERT INTO connections
             WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < $1)
             SELECT randomblob(16), 'acme', 'user ' || n, 'google', 'main', NULL, '{}', 0, 0 FROM many",
            "INSERT INTO connections SELECT decode(md5(n::text), 'hex'), 'acme', 'user ' || n, 'google',
                 'main', NULL, '{}', 0, 0 FROM generate_series(1, $1::bigint) AS n",
        );
        let database = tables.database();
        database.execute(connections, vec![MANY.into()]).await.expect("made");
        // As the store marks what it saves.
        let ended = Statement::both(
            "INSERT INTO records (id, server, account, scope, shard, state, attempt, fence, generation,
                 revision, phase, seen_at, code, untold)
             SELECT id, 'acme/google', user_name, '', 0, 1, 0, 1, 1, 1, 0, 0, 'ROTATION_LOST', 1
             FROM connections",
        );
        database.execute(ended, Vec::new()).await.expect("made");
        // Of nobody's connection, there is nothing to tell.
        save(&store, &id("acme", "nobody"), &record("rt")).await;
        let ended = record("rt").ended(LoginReason::RotationLost);
        save(&store, &id("acme", "nobody"), &ended).await;
        let mut nodes = tokio::task::JoinSet::new();
        for node in crate::nodes::start(&world, 3).await {
            nodes.spawn(async move { node.tell_of_ends().await.expect("told") });
        }
        let looked_at: u64 = nodes.join_all().await.into_iter().sum();
        assert_eq!(looked_at, MANY + 1, "{}", world.name);
        let events = tables.events(None, 0, 1000).await.expect("listed");
        let numbers: Vec<_> = events.iter().map(|event| event.number).collect();
        assert_eq!(numbers, (1..=505).collect::<Vec<_>>(), "{}", world.name);
        assert_eq!(tables.newest_event().await, Ok(505));
        assert!(events.iter().all(|event| event.what.code == Some(Code::RotationLost)));
        let mut users: Vec<_> = events.iter().map(|event| event.what.id.user.clone()).collect();
        users.sort();
        users.dedup();
        assert_eq!(users.len(), 505, "each once");
        let deliveries = Statement::both("SELECT count(*) FROM deliveries");
        let rows = database.query(deliveries, Vec::new()).await.expect("counted");
        assert_eq!(rows[0].int(0), Ok(505), "{}", world.name);
        assert_eq!(tables.tell_of_ends().await, Ok(0), "{}", world.name);
        // Others go on behind it.
        let removed = NewEvent { kind: EventKind::Removed, id: id("acme", "ada"), code: None };
        tables.tell(vec![removed]).await.expect("told");
        assert_eq!(tables.newest_event().await, Ok(506));
    }
}

#[tokio::test]
async fn i6_a_login_that_ends_once_more_is_told_of_once_more_and_one_that_lives_again_is_not() {
    for world in worlds() {
        let (tables, store) = world.node().await;
        let (ada, bob) = (id("acme", "ada"), id("acme", "bob"));
        tables.envelope().ready(&name("acme")).await.expect("a key");
        for of in [&ada, &bob] {
            put(&tables, &of.user).await;
            save(&store, of, &record("rt")).await;
            save(&store, of, &record("rt").ended(LoginReason::RefreshRejected)).await;
        }
        // Once more as it is: nothing has happened.
        let ended = load(&store, &ada).await;
        save(&store, &ada, &ended.next(|_| {})).await;
        // Before anybody was told: there is nobody to ask for a login.
        let again = record("another");
        save(&store, &bob, &again).await;
        tables.tell_of_ends().await.expect("told");
        assert_eq!(told(&tables).await, [(1, "ada".to_owned())], "{}", world.name);
        save(&store, &ada, &ended.next(|_| {}).next(|_| {})).await;
        assert_eq!(tables.tell_of_ends().await, Ok(0), "{}", world.name);
        save(&store, &ada, &again).await;
        let ended = load(&store, &ada).await.ended(LoginReason::RotationLost);
        save(&store, &ada, &ended).await;
        tables.tell_of_ends().await.expect("told");
        let expected = [(1, "ada".to_owned()), (2, "ada".to_owned())];
        assert_eq!(told(&tables).await, expected, "{}", world.name);
    }
}
