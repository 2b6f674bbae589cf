//! What nobody needs is let go of, and comes back.

use unlapse::{Key, Policy};
use unlapse_core::{Rejection, StoreError};

use crate::farm::Farm;
use crate::secs;
use crate::world::Fault;

const DAY: u64 = 86_400;

#[tokio::test(start_paused = true)]
async fn k1_idle_keys_are_let_go_of_and_come_back_from_the_store() {
    let keys = ["idle", "held", "asked"].map(|account| Key::new("acme").account(account));
    let farm = Farm::new(keys.clone(), |_| 10 * DAY);
    let sources = farm.builder().build();
    let [idle, held, asked] = &keys;
    sources.source(idle).await;
    sources.source(asked).await;
    let holding = sources.source(held).await;
    for _ in 0..4 {
        farm.pass(secs(1800)).await;
        sources.source(asked).await;
    }
    let mut left = sources.keys();
    left.sort();
    assert_eq!(left, [asked.clone(), held.clone()]);
    // It was held for two hours, and is idle from now on.
    drop(holding);
    farm.pass(secs(3000)).await;
    sources.source(asked).await;
    assert_eq!(sources.keys().len(), 2);
    farm.pass(secs(1000)).await;
    assert_eq!(sources.keys().iter().collect::<Vec<_>>(), [asked]);
    let back = sources.source(idle).await;
    assert_eq!(back.bearer_now().unwrap().header(), "Bearer at-1");
    assert_eq!(farm.requests(|_| true), 0);
}

#[tokio::test(start_paused = true)]
async fn r5_what_could_not_be_saved_is_never_let_go_of() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    let sources = farm.builder().build();
    sources.source(&key).await;
    farm.pass(secs(3200)).await;
    let full = StoreError::Full { place: "memory".to_owned() };
    // The intent is durable, the answer is not.
    let store = farm.store.clone();
    let failing = full.clone();
    tokio::spawn(async move {
        while store.read(&key_of()).is_none_or(|stored| stored.record.intent.is_none()) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        store.fail_saves(Some(failing.clone()));
        store.fail_asides(Some(failing));
    });
    farm.pass(secs(200)).await;
    assert_eq!(farm.requests(|_| true), 1);
    // Long after it was last asked for, and while no lease brings it home.
    farm.pass(secs(10)).await;
    assert_eq!(sources.forget(&key).await.unwrap_err().code(), "store_full");
    let failed = sources.settle().await.unwrap_err().failed;
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0].0, failed[0].1.code()), (&key, "store_full"));
    assert_eq!(sources.source(&key).await.bearer().await.unwrap().header(), "Bearer at-2");
    farm.store.fail_saves(None);
    farm.store.fail_asides(None);
    sources.settle().await.unwrap();
    sources.forget(&key).await.unwrap();
    assert!(sources.keys().is_empty());
    let back = sources.source(&key).await;
    assert_eq!(back.bearer_now().unwrap().header(), "Bearer at-2");
    assert_eq!(farm.servers[&key].families_revoked(), 0);
}

fn key_of() -> Key {
    Key::new("acme")
}

#[tokio::test(start_paused = true)]
async fn k1_a_key_that_is_forgotten_stays_in_the_store_and_with_who_holds_it() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    // The store waits for a lease in real time, in which the virtual one would run away.
    let policy = Policy { lease_wait: secs(0), ..Policy::default() };
    let sources = farm.builder().policy(policy).build();
    let held = sources.source(&key).await;
    sources.forget(&key).await.unwrap();
    sources.forget(&key).await.unwrap();
    assert!(sources.keys().is_empty());
    // Both are kept, and renewed once.
    let again = sources.source(&key).await;
    farm.pass(secs(3500)).await;
    assert_eq!(farm.requests(|_| true), 1);
    for source in [held, again] {
        assert_eq!(source.bearer().await.unwrap().header(), "Bearer at-2");
    }
}

#[tokio::test(start_paused = true)]
async fn k1_what_fails_or_is_always_due_is_let_go_of_as_well() {
    let [dead, away, short] = ["dead", "away", "short"].map(Key::new);
    let keys = [&dead, &away, &short].map(Key::clone);
    let farm = Farm::new(keys, |key| if key.server == "short" { 50 } else { 3600 });
    farm.servers[&dead].fault(Fault::Reject(Rejection::InvalidGrant));
    for _ in 0..9999 {
        farm.servers[&away].fault(Fault::Status(503, None));
    }
    let sources = farm.builder().build();
    let held = sources.source(&dead).await;
    for key in farm.keys() {
        sources.source(&key).await;
    }
    farm.pass(secs(3700)).await;
    // Nobody has asked for an hour.
    assert_eq!(sources.keys(), std::slice::from_ref(&dead));
    drop(held);
    farm.pass(secs(3700)).await;
    assert!(sources.keys().is_empty());
    // Nothing more is bought for nobody.
    let requests = farm.requests(|_| true);
    farm.pass(secs(3700)).await;
    assert_eq!(farm.requests(|_| true), requests);
}
