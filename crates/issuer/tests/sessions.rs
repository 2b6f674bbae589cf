//! What every store of sessions has to do: the same as the pure decision, atomically. A new store
//! is added to the list at the end.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::sync::Barrier;
use unlapse_core::UnixTime;
use unlapse_issuer::{
    Advance, Advanced, Kid, MemoryStore, Policy, Presented, Revoked, RevokedBecause, Salt, Scopes,
    Session, SessionId, Sessions, Succession, Thumbprint, apply, decide,
};

const BEGUN: UnixTime = UnixTime::from_secs(1_700_000_000);

fn kid(name: &str) -> Kid {
    Kid::new(name).expect("valid")
}

fn policy() -> Policy {
    Policy { replay_cap: 3, ..Policy::default() }
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

/// `advance` is `decide` and `apply`, whatever the session and whatever is presented.
async fn agrees_with_the_decision(sessions: &dyn Sessions) {
    let client = prop_oneof![5 => Just("app"), 1 => Just("other")];
    let key = prop_oneof![3 => Just(Some(9)), 1 => Just(Some(8)), 1 => Just(None)];
    let presented = (0_u64..8, client, key, 0_u64..100_000);
    let any = (session(), presented);
    let mut runner = TestRunner::deterministic();
    for _ in 0..500 {
        let (before, (generation, client, key, millis)) =
            any.new_tree(&mut runner).expect("no filter").current();
        let now = BEGUN.plus(Duration::from_millis(millis));
        let (policy, kid) = (policy(), kid("b"));
        sessions.create(&before).await.expect("created");
        let presented = Presented {
            generation,
            client,
            jkt: key.map(|byte| Thumbprint::from_bytes([byte; 32])),
        };
        let advance = Advance { session: before.id, presented, kid: &kid, now, policy: &policy };
        let found = sessions.advance(advance).await.expect("advanced").expect("known");
        let succession = decide(&before, presented, now, &policy);
        let session = apply(before.clone(), succession, now, &policy, &kid);
        assert_eq!(found, Advanced { succession, session: session.clone() }, "{before:?}");
        assert_eq!(sessions.load(before.id).await, Ok(Some(session)));
    }
}

/// Of many calls at once each sees the one before: one rotates, the rest replay; and when the
/// session is revoked among them, nothing that comes later is granted.
async fn is_atomic(sessions: &Arc<dyn Sessions>) {
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

async fn knows_what_it_keeps(sessions: &dyn Sessions) {
    let nobody = SessionId::from_bytes([0xee; 16]);
    let (policy, kid) = (policy(), kid("a"));
    let presented = Presented { generation: 1, client: "app", jkt: None };
    let advance = Advance { session: nobody, presented, kid: &kid, now: BEGUN, policy: &policy };
    assert_eq!(sessions.advance(advance).await, Ok(None));
    assert_eq!(sessions.load(nobody).await, Ok(None));
    assert_eq!(sessions.revoke(nobody, RevokedBecause::Client, BEGUN).await, Ok(false));
}

async fn conforms(sessions: Arc<dyn Sessions>) {
    knows_what_it_keeps(&*sessions).await;
    agrees_with_the_decision(&*sessions).await;
    is_atomic(&sessions).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j1_memory_sessions_conform() {
    conforms(Arc::new(MemoryStore::new())).await;
}
