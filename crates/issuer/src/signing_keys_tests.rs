//! Two nodes change the same keys.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::*;
use crate::memory::MemoryStore;
use crate::pepper::Pepper;

#[tokio::test]
async fn j1_no_key_retires_for_one_that_another_node_has_revoked() {
    let seconds = Arc::new(AtomicU64::new(1_800_000_000));
    let clock = Arc::clone(&seconds);
    let peppers = Peppers::new(Pepper::new("a", &[1; 32]).expect("valid"));
    let keys = SigningKeys::new(
        Arc::new(MemoryStore::new()),
        Arc::new(peppers),
        vec![Algorithm::EdDsa],
        KeyPolicy { rotate_every: Some(Duration::from_secs(3600)), ..KeyPolicy::default() },
        Arc::new(move || UnixTime::from_secs(clock.load(SeqCst))),
    );
    keys.round(&[]).await.expect("made");
    seconds.fetch_add(3600, SeqCst);
    // This node has planned, and is slow.
    let held = keys.read(&[]).await.expect("read");
    let steps = keys.plan(&held);
    let [Step::Activate { kid: next, .. }, Step::Retire { kid: active }] = &steps[..] else {
        panic!("{steps:?}");
    };
    let [next, active] = [next.clone(), active.clone()];
    let known = held.iter().find(|held| held.kid == next).expect("planned");
    let revoked = SealedKey::Revoked { since: keys.now() };
    assert_eq!(keys.replace(known, &revoked).await, Ok(true), "the other node");
    let turn = keys.turn(steps, &held, keys.now()).await.expect("gone");
    assert!(!turn.rotated && !turn.waits, "{turn:?}");
    let listed = keys.list().await.expect("listed");
    let stage = |kid: &str| {
        let key = listed.iter().find(|key| key.kid == kid).expect("kept");
        key.stage.clone().expect("it opens").as_str()
    };
    assert_eq!((stage(&active), stage(&next)), ("active", "revoked"), "something signs");
}
