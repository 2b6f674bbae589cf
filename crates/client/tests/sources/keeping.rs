//! One keeper for all keys (K2, R12, R17).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use unlapse::{Clock as _, Event, Key, Policy, Spawn};
use unlapse_core::{BoxFuture, BreakerPolicy, Rejection, State, Store as _};

use crate::farm::Farm;
use crate::secs;
use crate::world::Fault;

fn accounts(server: &str, count: u64) -> Vec<Key> {
    (0..count).map(|account| Key::new(server).account(format!("{account:05}"))).collect()
}

#[tokio::test(start_paused = true)]
async fn k2_ten_thousand_keys_are_renewed_before_they_end_in_the_order_of_their_ends() {
    let number = |key: &Key| key.account.parse::<u64>().unwrap();
    // Between one hour and two, in an order that is not the keys' own.
    let lifetime = move |key: &Key| 3600 + number(key) * 7919 % 3600;
    let farm = Farm::new(accounts("acme", 10_000), lifetime);
    // A look at each a minute would be a million of them.
    let policy = Policy { trust: secs(3600), ..Policy::default() };
    let sources = farm.builder().policy(policy).idle(secs(100_000)).build();
    for key in farm.keys() {
        sources.source(&key).await;
    }
    let born = farm.clock.now_secs();
    for _ in 0..120 {
        farm.pass(secs(60)).await;
        let passed = farm.clock.now_secs() - born;
        for (key, server) in &farm.servers {
            let is_late = server.requests() == 0 && passed >= lifetime(key);
            assert!(!is_late, "{key} has ended unrenewed");
        }
    }
    for (key, server) in &farm.servers {
        // None is renewed for nothing either.
        assert!((1..=2).contains(&server.requests()), "{key}: {}", server.requests());
    }
    let mut first = BTreeSet::new();
    let mut started = Vec::new();
    for (key, event) in farm.events.lock().unwrap().iter() {
        if matches!(event, Event::Spending { .. }) && first.insert(key.clone()) {
            started.push(lifetime(key));
        }
    }
    assert_eq!(started.len(), 10_000);
    // Up to the jitter of R12, thirty seconds.
    let mut latest = 0;
    for end in started {
        assert!(end + 31 >= latest, "{end} after {latest}");
        latest = latest.max(end);
    }
}

#[tokio::test(start_paused = true)]
async fn r17_what_expires_first_goes_first_when_all_are_due_at_once() {
    let number = |key: &Key| key.account.parse::<u64>().unwrap();
    let lifetime = move |key: &Key| 3600 + number(key) * 37 % 100;
    let farm = Farm::new(accounts("acme", 100), lifetime);
    // Long due, and not ended yet: as after a night in which the machine was suspended.
    farm.pass(secs(3590)).await;
    let sources = farm.builder().build();
    for key in farm.keys() {
        sources.source(&key).await;
    }
    farm.pass(secs(5)).await;
    let events = farm.events.lock().unwrap();
    let started = events.iter().filter(|(_, event)| matches!(event, Event::Spending { .. }));
    let ends: Vec<_> = started.map(|(key, _)| lifetime(key)).collect();
    assert_eq!(ends.len(), 100);
    // The first ten had set out before the others were there.
    assert!(ends[10..].is_sorted(), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn r17_a_server_that_hangs_delays_no_other_servers_keys() {
    let keys = accounts("hung", 30).into_iter().chain(accounts("well", 30));
    let farm = Farm::new(keys, |_| 3600);
    for (_, server) in farm.servers.iter().filter(|(key, _)| key.server == "hung") {
        for _ in 0..10 {
            server.fault(Fault::Hang);
        }
    }
    let sources = farm.builder().idle(secs(100_000)).build();
    for key in farm.keys() {
        sources.source(&key).await;
    }
    let is_hung = |key: &Key| key.server == "hung";
    // When the first of the hung ones has set out, ten at most wait at that server.
    while farm.requests(is_hung) == 0 {
        farm.pass(secs(1)).await;
    }
    assert!(farm.requests(is_hung) <= 10);
    // The latest that R12 allows, and a second for all of them.
    let left = 3301_u64.saturating_sub(farm.clock.now_secs() - 1_000_000);
    farm.pass(secs(left)).await;
    assert_eq!(farm.requests(|key| !is_hung(key)), 30);
    // Callers of the hung ones have their valid tokens all the same (R10).
    for key in farm.keys() {
        assert!(sources.source(&key).await.bearer().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn r17_leases_that_others_hold_keep_no_other_key_from_its_renewal() {
    let farm = Farm::new(accounts("acme", 40), |_| 3600);
    // The store waits for a lease in real time, in which the virtual one would run away.
    let policy = Policy { trust: secs(10), lease_wait: secs(0), ..Policy::default() };
    let sources = farm.builder().policy(policy).build();
    for key in farm.keys() {
        sources.source(&key).await;
    }
    // Somebody else holds every lease but one, and dies of it at some time.
    let mut held = Vec::new();
    for key in &farm.keys()[1..] {
        held.push(farm.store.lease(key, secs(0)).await.unwrap());
    }
    farm.pass(secs(3400)).await;
    assert_eq!(farm.servers[&farm.keys()[0]].requests(), 1);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn r14_a_login_that_only_a_person_can_bring_back_is_looked_at_and_not_renewed() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    farm.servers[&key].fault(Fault::Reject(Rejection::InvalidGrant));
    let sources = farm.builder().build();
    let source = sources.source(&key).await;
    // The last round began while the token was valid.
    farm.pass(secs(3640)).await;
    let started = || {
        let events = farm.events.lock().unwrap();
        events.iter().filter(|(_, event)| matches!(event, Event::Started { .. })).count()
    };
    let before = started();
    assert!(before > 0 && source.bearer_now().is_none());
    farm.pass(secs(3600)).await;
    assert_eq!(started(), before);
    // Somebody logs in by way of another process.
    let stored = farm.store.read(&key).unwrap().record;
    assert!(matches!(stored.state, State::NeedsLogin(_)));
    farm.store.put(&key, stored.logged_in(farm.servers[&key].open(), farm.clock.now()));
    farm.pass(secs(61)).await;
    assert!(source.bearer_now().is_some());
    // And that login is renewed.
    farm.pass(secs(3600)).await;
    assert!(source.bearer_now().is_some());
    assert_eq!(farm.requests(|_| true), 2);
}

#[tokio::test(start_paused = true)]
async fn r14_stored_credentials_are_tried_for_as_long_as_they_may_help() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    let server = &farm.servers[&key];
    server.rungs.lock().unwrap().login = true;
    server.fault(Fault::Reject(Rejection::InvalidGrant));
    for _ in 0..4 {
        server.fault(Fault::Status(503, None));
    }
    let source = farm.builder().build().source(&key).await;
    farm.pass(secs(3900)).await;
    // Nobody has asked: the server has come back, and the keeper has logged in.
    assert!(source.bearer_now().is_some());
}

#[tokio::test(start_paused = true)]
async fn k2_r17_tokens_that_have_ended_wait_behind_those_that_still_serve() {
    let has_ended = |key: &Key| key.account.as_str() < "00040";
    let farm = Farm::new(accounts("acme", 60), |key| if has_ended(key) { 600 } else { 3600 });
    for (_, server) in farm.servers.iter().filter(|(key, _)| has_ended(key)) {
        *server.latency.lock().unwrap() = secs(20);
        for _ in 0..1000 {
            server.fault(Fault::Status(503, None));
        }
    }
    // One that stays closed: as long as some keys of a server succeed, it does.
    let breaker = BreakerPolicy { failures: u32::MAX, ..BreakerPolicy::default() };
    let policy = Policy { breaker, ..Policy::default() };
    let sources = farm.builder().policy(policy).idle(secs(100_000)).build();
    for key in farm.keys() {
        sources.source(&key).await;
    }
    farm.pass(secs(3550)).await;
    // More of them want to be renewed at any time than there are places.
    assert!(farm.requests(has_ended) > 400);
    assert_eq!(farm.requests(|key| !has_ended(key)), 20);
}

/// Counts the tasks that have not ended.
#[derive(Default)]
struct Counting(Arc<AtomicUsize>);

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Spawn for Counting {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&self.0));
        tokio::spawn(async move {
            let _alive = alive;
            task.await;
        });
    }
}

#[tokio::test(start_paused = true)]
async fn k2_one_task_keeps_all_keys_and_ends_with_the_last_handle() {
    let farm = Farm::new(accounts("acme", 100), |_| 3600);
    let tasks = Counting::default();
    let alive = Arc::clone(&tasks.0);
    let alive = || alive.load(Ordering::SeqCst);
    let sources = farm.builder_over(Arc::new(farm.store.clone()), Arc::new(tasks)).build();
    for key in farm.keys() {
        sources.source(&key).await;
    }
    farm.pass(secs(1)).await;
    assert_eq!(alive(), 1);
    // A handle that is held is kept alive, set or no set; the others are let go of.
    let held = sources.source(&farm.keys()[7]).await;
    drop(sources);
    farm.pass(secs(3400)).await;
    assert_eq!(farm.requests(|_| true), 1);
    assert!(held.bearer_now().is_some());
    drop(held);
    farm.pass(secs(1)).await;
    assert_eq!(alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn r6_nothing_is_begun_ahead_of_time_once_the_program_has_settled() {
    // Due within the half minute of R12's jitter; each renewal takes another half.
    let farm = Farm::new(accounts("acme", 5), |_| 3600);
    for server in farm.servers.values() {
        server.fault(Fault::Hang);
    }
    let sources = farm.builder().idle(secs(100_000)).build();
    for key in farm.keys() {
        sources.source(&key).await;
    }
    while farm.requests(|_| true) == 0 {
        farm.pass(secs(1)).await;
    }
    sources.settle().await.unwrap();
    let count = |name: &str| {
        let events = farm.events.lock().unwrap();
        events.iter().filter(|(_, event)| event.name() == name).count()
    };
    // What was begun has ended, and the process may.
    let begun = count("started");
    assert!((1..5).contains(&begun), "{begun}");
    assert_eq!(count("finished"), begun);
    farm.pass(secs(5)).await;
    assert_eq!(count("started"), begun);
    // It went on all the same.
    farm.pass(secs(120)).await;
    assert!(count("started") >= 5);
}
