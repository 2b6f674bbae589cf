//! No sequence of presentations forks a chain, over two nodes that share a store and sign under
//! different peppers; and no honest client is logged out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use proptest::prelude::*;
use unlapse_core::UnixTime;
use unlapse_issuer::{
    Caller, Client, Code, Issuer, MemoryStore, Pepper, Peppers, Policy, RefreshToken,
    RevokedBecause, Scopes, Store,
};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A token that is held, counted from the newest, is presented at one of the nodes.
    Present { behind: usize, node: usize, client: &'static str },
    /// Time goes by.
    Pass(Duration),
    /// Somebody logs out.
    Revoke,
}

fn step() -> impl Strategy<Value = Step> {
    let behind = prop_oneof![8 => 0_usize..1, 6 => 1_usize..2, 1 => 2_usize..6];
    let client = prop_oneof![9 => Just("app"), 1 => Just("other")];
    prop_oneof![
        20 => (behind, 0_usize..2, client)
            .prop_map(|(behind, node, client)| Step::Present { behind, node, client }),
        8 => (0_u64..12_000).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        1 => (0_u64..20).prop_map(|days| Step::Pass(Duration::from_secs(days * 86_400))),
        1 => Just(Step::Revoke),
    ]
}

fn peppers(newest: &str, older: &str) -> Peppers {
    let pepper = |kid: &str| Pepper::new(kid, &[kid.as_bytes()[0]; 32]).expect("valid");
    Peppers::new(pepper(newest)).verifying(pepper(older)).expect("two names")
}

/// What the test itself knows, apart from the code it tests.
struct Model {
    rotated: u64,
    idle_ends: u64,
    ends: u64,
    revoked: bool,
}

async fn run(steps: Vec<Step>, grace: Duration) -> Result<(), TestCaseError> {
    let policy = Policy { grace, replay_cap: 4, ..Policy::default() };
    let grace = u64::try_from(grace.as_millis()).expect("short");
    let [idle, absolute] = [policy.idle_lifetime, policy.absolute_lifetime]
        .map(|lifetime| u64::try_from(lifetime.as_millis()).expect("a lifetime"));
    let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let nodes = [("a", "b"), ("b", "a")].map(|(newest, older)| {
        let clock = Arc::clone(&clock);
        Issuer::builder("https://id.example")
            .store(Arc::clone(&store))
            .peppers(peppers(newest, older))
            .policy(policy)
            .clock(Arc::new(move || UnixTime::from_millis(clock.load(SeqCst))))
            .build()
            .expect("valid")
    });
    let opened = nodes[0].open_session("ada", "app", Scopes::default()).await.expect("opened");
    let id = opened.session.expect("a session");
    let first = opened.refresh_token.expect("a session has one");
    // The chain: the token of each generation, of which there must never be two.
    let mut chain = vec![first];
    let began = clock.load(SeqCst);
    let mut model =
        Model { rotated: began, idle_ends: began + idle, ends: began + absolute, revoked: false };
    for step in steps {
        let now = clock.load(SeqCst);
        match step {
            Step::Pass(duration) => {
                clock.fetch_add(u64::try_from(duration.as_millis()).expect("short"), SeqCst);
            }
            Step::Revoke => {
                let because = RevokedBecause::Client;
                nodes[0].revoke_session(id, because).await.expect("revoked");
                model.revoked = true;
            }
            Step::Present { behind, node, client } => {
                let behind = behind.min(chain.len() - 1);
                let token = chain[chain.len() - 1 - behind].clone();
                let caller = Caller::new(Client::public(client));
                let outcome = nodes[node].refresh(token.expose(), &caller, None).await;
                let expected = if model.revoked {
                    Err(Code::SessionRevoked)
                } else if now >= model.ends {
                    Err(Code::SessionExpired)
                } else if now >= model.idle_ends {
                    Err(Code::RefreshTokenExpired)
                } else if client != "app" {
                    Err(Code::ClientMismatch)
                } else {
                    match behind {
                        0 => Ok(chain.len()),
                        1 if now - model.rotated >= grace => Err(Code::RefreshTokenReused),
                        1 => Ok(chain.len() - 1),
                        _ => Err(Code::RefreshTokenReused),
                    }
                };
                match (outcome, expected) {
                    (Ok(issued), Ok(place)) => {
                        let successor = issued.refresh_token.expect("a session has one");
                        if place == chain.len() {
                            model.rotated = now;
                            model.idle_ends = (now + idle).min(model.ends);
                            chain.push(successor);
                        } else {
                            prop_assert!(chain[place] == successor, "a fork");
                        }
                    }
                    (Err(denied), Err(code)) => {
                        prop_assert_eq!(denied.code, code);
                        model.revoked |= code == Code::RefreshTokenReused;
                    }
                    (outcome, expected) => {
                        let outcome = outcome.map(|_| ()).map_err(|denied| denied.code);
                        prop_assert!(false, "{:?}, not {:?}", outcome, expected);
                    }
                }
            }
        }
    }
    // Every token of the chain is of a generation of its own, and the store knows the last.
    let generations: HashMap<_, _> = chain
        .iter()
        .map(|token| RefreshToken::parse(token.expose(), &peppers("a", "b")).expect("ours"))
        .map(|token| (token.generation(), token.session()))
        .collect();
    prop_assert_eq!(generations.len(), chain.len());
    let session = store.load(id).await.expect("there").expect("known");
    prop_assert_eq!(usize::try_from(session.generation).expect("small"), chain.len());
    prop_assert_eq!(session.revoked.is_some(), model.revoked);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn j5_no_sequence_of_presentations_forks_a_chain(
        steps in proptest::collection::vec(step(), 1..60),
        grace in prop_oneof![4 => Just(30_u64), 1 => Just(0), 1 => Just(300)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(steps, Duration::from_secs(grace)))?;
    }
}
