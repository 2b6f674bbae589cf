//! What every store of sessions has to do: the same as the pure decision, atomically.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::sync::Barrier;
use unlapse_issuer::{
    Advance, Advanced, Kid, Policy, Presented, Revoked, RevokedBecause, Salt, Scopes, Session,
    SessionId, Store, Succession, Thumbprint, apply, decide,
};

use crate::every_store::{BEGUN, every_store, session as plain};

fn kid(name: &str) -> Kid {
    Kid::new(name).expect("valid")
}

/// Any session that can be: at some generation, live or not.
fn session() -> impl Strategy<Value = Session> {
    let revoked = prop_oneof![5 => Just(None), 1 => Just(Some(Revoked {
        at: BEGUN,
        because: RevokedBecause::Client,
    }))];
    let ends = (1_u64..100_000, 1_u64..100_000);
    (any::<[u8; 16]>(), 1_u64..6, 0_u32..5, ends, any::<bool>(), revoked).prop_map(
        |(id, generation, replays, (idle, absolute), bound, revoked)| Session {
            id: SessionId::from_bytes(id),
            subject: "Ada Löwe".to_owned(),
            client: "app".to_owned(),
            scopes: Scopes::parse("read write").expect("valid"),
            jkt: bound.then(|| Thumbprint::from_bytes([9; 32])),
            label: Some("ada's laptop".to_owned()),
            opened_at: BEGUN,
            seen_at: BEGUN,
            generation,
            kid: kid("a"),
            rotated_at: BEGUN,
            replays,
            idle_ends_at: BEGUN.plus(Duration::from_millis(idle.min(absolute))),
            ends_at: BEGUN.plus(Duration::from_millis(absolute)),
            revoked,
            salt: Salt::from_bytes(id),
        },
    )
}

/// Whatever the session and whatever is presented, at the moments where something changes and at
/// those beside them among the rest.
fn any_request() -> impl Strategy<Value = (Session, Request)> {
    let client = prop_oneof![5 => Just("app"), 1 => Just("other")];
    let key = prop_oneof![3 => Just(Some(9)), 1 => Just(Some(8)), 1 => Just(None)];
    let millis = prop_oneof![2 => 0_u64..100_000, 1 => 29_999_u64..30_002];
    let grace = prop_oneof![4 => Just(30_000_u64), 1 => Just(0), 1 => Just(1), 1 => Just(300_000)];
    let end = prop_oneof![4 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    let generation = prop_oneof![20 => 0_u64..8, 1 => Just(u64::MAX)];
    (session(), generation, client, key, millis, grace, end).prop_map(
        |(mut session, generation, client, key, millis, grace, end)| {
            let now = BEGUN.plus(Duration::from_millis(millis));
            match end {
                // At its very end, and a moment before.
                Some(true) => session.ends_at = now,
                Some(false) => session.ends_at = now.plus(Duration::from_millis(1)),
                None => {}
            }
            session.idle_ends_at = session.idle_ends_at.min(session.ends_at);
            // The clocks of two nodes differ: it was rotated in a future of this one.
            if millis % 7 == 0 {
                session.rotated_at = now.plus(Duration::from_millis(1));
            }
            let grace = Duration::from_millis(grace);
            let policy = Policy { grace, replay_cap: 3, ..Policy::default() };
            let jkt = key.map(|byte| Thumbprint::from_bytes([byte; 32]));
            (session, Request { generation, client, jkt, now, policy })
        },
    )
}

#[derive(Clone, Debug)]
struct Request {
    generation: u64,
    client: &'static str,
    jkt: Option<Thumbprint>,
    now: unlapse_core::UnixTime,
    policy: Policy,
}

/// `advance` is `decide` and `apply`.
async fn agrees(store: &dyn Store, before: Session, request: &Request) -> Succession {
    let Request { generation, client, jkt, now, policy } = *request;
    let kid = kid("b");
    store.create(&before).await.expect("created");
    let presented = Presented { generation, client, jkt };
    let advance = Advance { session: before.id, presented, kid: &kid, now, policy: &policy };
    let found = store.advance(advance).await.expect("advanced").expect("known");
    let succession = decide(&before, presented, now, &policy);
    let session = apply(before.clone(), succession, now, &policy, &kid);
    assert_eq!(found, Advanced { succession, session: session.clone() }, "{before:?} {request:?}");
    assert_eq!(store.load(before.id).await, Ok(Some(session)));
    succession
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j1_every_store_decides_as_the_table_says() {
    for kept in every_store().await {
        let mut runner = TestRunner::deterministic();
        let any = any_request();
        let mut met = HashMap::new();
        for _ in 0..60 {
            let mut together = tokio::task::JoinSet::new();
            for _ in 0..50 {
                let (before, request) = any.new_tree(&mut runner).expect("no filter").current();
                let store = Arc::clone(&kept.store);
                together.spawn(async move { agrees(&*store, before, &request).await });
            }
            for succession in together.join_all().await {
                *met.entry(format!("{succession:?}")).or_insert(0) += 1;
            }
        }
        // Every line of the table has been tried, more than once.
        assert_eq!(met.len(), 9, "{}: {met:?}", kept.name);
        assert!(met.values().all(|times| *times >= 10), "{}: {met:?}", kept.name);
    }
}

/// Of many calls at once each sees the one before: one rotates, the rest replay; and when the
/// session is revoked among them, nothing that comes later is granted.
async fn is_atomic(sessions: &Arc<dyn Store>) {
    let mut runner = TestRunner::deterministic();
    let policy = Policy { replay_cap: 100, ..Policy::default() };
    for round in 0..100 {
        let drawn = session().new_tree(&mut runner).expect("no filter").current();
        let far = BEGUN.plus(Duration::from_secs(86_400));
        let before = Session {
            id: SessionId::from_bytes([round; 16]),
            idle_ends_at: far,
            ends_at: far,
            replays: 0,
            revoked: None,
            ..drawn
        };
        sessions.create(&before).await.expect("created");
        let (generation, jkt) = (before.generation, before.jkt);
        let revoking = round % 2 == 1;
        let barrier = Arc::new(Barrier::new(8));
        let mut calls = tokio::task::JoinSet::new();
        for call in 0..8 {
            let (sessions, barrier) = (Arc::clone(sessions), Arc::clone(&barrier));
            let id = before.id;
            calls.spawn(async move {
                barrier.wait().await;
                if revoking && call == 0 {
                    let ended = sessions.revoke(id, RevokedBecause::Operator, BEGUN).await;
                    assert_eq!(ended, Ok(true));
                    return None;
                }
                let presented = Presented { generation, client: "app", jkt };
                let kid = kid("b");
                let advance =
                    Advance { session: id, presented, kid: &kid, now: BEGUN, policy: &policy };
                Some(sessions.advance(advance).await.expect("advanced").expect("known"))
            });
        }
        let advanced: Vec<_> = calls.join_all().await.into_iter().flatten().collect();
        let times = |wanted| advanced.iter().filter(|one| one.succession == wanted).count();
        let after = sessions.load(before.id).await.expect("there").expect("known");
        if revoking {
            assert!(times(Succession::Rotate) <= 1);
            assert!(after.revoked.is_some(), "nothing brings it back");
        } else {
            assert_eq!((times(Succession::Rotate), times(Succession::Replay)), (1, 7));
            assert_eq!((after.generation, after.replays), (generation + 1, 7));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j1_every_store_is_atomic() {
    for kept in every_store().await {
        is_atomic(&kept.store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_session_is_never_replaced_and_the_first_reason_stays() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let session = plain(1, "ada");
        assert_eq!(store.create(&session).await, Ok(()), "{name}");
        let other = Session { subject: "eve".to_owned(), ..session.clone() };
        assert!(store.create(&other).await.is_err(), "{name}");
        assert_eq!(store.load(session.id).await, Ok(Some(session.clone())), "{name}");
        for (because, ended) in [(RevokedBecause::Client, true), (RevokedBecause::Reuse, false)] {
            assert_eq!(store.revoke(session.id, because, BEGUN).await, Ok(ended), "{name}");
        }
        let revoked = Some(Revoked { at: BEGUN, because: RevokedBecause::Client });
        let kept = store.load(session.id).await.expect("there").expect("known");
        assert_eq!(kept, Session { revoked, ..session }, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_an_unknown_session_is_unknown() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let nobody = SessionId::from_bytes([0xee; 16]);
        let (policy, kid) = (Policy::default(), kid("a"));
        let presented = Presented { generation: 1, client: "app", jkt: None };
        let advance =
            Advance { session: nobody, presented, kid: &kid, now: BEGUN, policy: &policy };
        assert_eq!(store.advance(advance).await, Ok(None), "{name}");
        assert_eq!(store.load(nobody).await, Ok(None), "{name}");
        assert_eq!(store.revoke(nobody, RevokedBecause::Client, BEGUN).await, Ok(false), "{name}");
    }
}
