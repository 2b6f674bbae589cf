//! Whoever asks for a key gets its one source.

use std::sync::Arc;

use unlapse::{Builder, Key, LoggedIn, Login, Secret, Sources};
use unlapse_core::Reuse;

use crate::farm::Farm;
use crate::secs;
use crate::world::{World, WorldSpawn};

#[tokio::test(start_paused = true)]
async fn k1_c14_r1_fifty_tasks_on_each_of_twenty_scopes_cost_one_renewal_a_scope() {
    let account = Key::new("acme").account("ada");
    let scopes = (0..20).map(|scope| account.with_scope(format!("scope-{scope}")));
    let farm = Farm::new(scopes, |_| 3600);
    let sources = farm.builder().ahead_of_time(false).build();
    farm.pass(secs(3601)).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        for key in farm.keys() {
            let sources = sources.clone();
            callers.spawn(async move {
                let source = sources.source(&key).await;
                source.token().await.map(|token| token.secret.expose().to_owned())
            });
        }
    }
    for token in callers.join_all().await {
        assert_eq!(token.unwrap(), "at-2");
    }
    for (key, server) in &farm.servers {
        assert_eq!((server.requests(), server.families_revoked()), (1, 0), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn c14_who_asks_for_a_key_at_once_shares_one_look_at_the_store() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    world.store.slow_looks(secs(1));
    let server = Arc::clone(&world.server);
    let (store, clock) = (Arc::clone(&world.store), Arc::clone(&world.clock));
    let servers = move |_: &Key| Arc::clone(&server) as _;
    let sources =
        Sources::with_effects(store, servers, clock, Arc::new(WorldSpawn::default()), 7).build();
    let before = world.store.looks();
    let key = Key::new("acme");
    // One that gives up strands nobody, and its turn is the next one's.
    let impatient = tokio::time::timeout(secs(0), sources.source(&key)).await;
    assert!(impatient.is_err());
    assert!(sources.keys().is_empty());
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (sources, key) = (sources.clone(), key.clone());
        callers.spawn(async move { sources.source(&key).await.bearer_now().is_some() });
    }
    assert!(callers.join_all().await.into_iter().all(|is_there| is_there));
    assert_eq!(world.store.looks() - before, 2, "the one that was given up, and one");
}

#[tokio::test(start_paused = true)]
async fn a4_a_key_that_the_store_does_not_have_logs_in_and_is_kept() {
    let farm = Farm::new([Key::new("acme")], |_| 3600);
    let world = World::new(Reuse::Strict);
    let server = Arc::clone(&world.server);
    let store = farm.store.clone();
    let servers = move |_: &Key| Arc::clone(&server) as _;
    let clock = Arc::clone(&farm.clock);
    let sources =
        Sources::with_effects(Arc::new(store), servers, clock, Arc::new(WorldSpawn::default()), 7)
            .build();
    let key = Key::new("acme").account("eve");
    let source = sources.source(&key).await;
    assert!(source.token().await.unwrap_err().needs_login());
    world.server.open();
    let login = Login { refresh_token: Some(Secret::new("rt-1")), ..Login::default() };
    assert!(matches!(source.log_in(login).await.unwrap(), LoggedIn::Granted(_)));
    assert!(sources.source(&key).await.bearer_now().is_some());
    assert!(farm.store.read(&key).is_some_and(|stored| stored.record.token.is_some()));
}

#[tokio::test(start_paused = true)]
async fn r16_keys_of_one_server_share_its_breaker() {
    let keys = (0..10).map(|account| Key::new("acme").account(format!("{account}")));
    let farm = Farm::new(keys, |_| 3600);
    let sources = farm.builder().ahead_of_time(false).build();
    farm.pass(secs(3601)).await;
    for server in farm.servers.values() {
        for _ in 0..10 {
            server.fault(crate::world::Fault::Unsent);
        }
    }
    let mut codes = Vec::new();
    for key in farm.keys() {
        codes.push(sources.source(&key).await.bearer().await.unwrap_err().code());
    }
    assert_eq!(codes.last(), Some(&"breaker_open"), "{codes:?}");
    // A source of its own has a breaker of its own.
    let key = &farm.keys()[9];
    let alone = Builder::with_effects(
        key.clone(),
        Arc::new(farm.store.clone()),
        Arc::clone(&farm.servers[key]) as _,
        Arc::clone(&farm.clock) as _,
        Arc::new(WorldSpawn::default()),
        7,
    );
    let alone = alone.ahead_of_time(false).build().await;
    assert_ne!(alone.bearer().await.unwrap_err().code(), "breaker_open");
}

#[test]
fn a_set_can_be_built_before_there_is_a_runtime() {
    let farm = Farm::new([Key::new("acme")], |_| 3600);
    let sources = farm.builder().build();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        sources.source(&Key::new("acme")).await;
        farm.pass(secs(3500)).await;
        // By one keeper, whose runtime is that of who asked first.
        sources.source(&Key::new("acme")).await;
    });
    assert_eq!(farm.requests(|_| true), 1);
}
