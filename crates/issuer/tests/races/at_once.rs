//! Many requests at the same moment, at both nodes.

use std::collections::HashSet;

use unlapse_issuer::Peppers;

use crate::fleet::{Fleet, pepper};
use crate::server::{Reply, refresh_form, refusal};

const ROUNDS: u64 = 200;

fn eight(refresh_token: &str) -> Vec<(&'static str, String)> {
    vec![("/token", refresh_form(refresh_token)); 8]
}

/// Eight at once, two hundred times: one successor each time, byte for byte.
async fn eight_at_once(fleet: &Fleet) {
    let mut token = fleet.nodes[0].login().await;
    for round in 1..=ROUNDS {
        let replies = fleet.at_once(eight(&token)).await;
        let successors: HashSet<_> = replies.iter().map(Reply::refresh_token).collect();
        assert_eq!(successors.len(), 1, "{}, round {round}", fleet.name);
        assert!(!successors.contains(&token));
        let counts = fleet.counts();
        assert_eq!(counts, [round, round * 7, 0, 0], "{}, round {round}", fleet.name);
        token = successors.into_iter().next().expect("one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j5_eight_at_once_are_one_rotation_and_seven_replays_of_one_successor() {
    for fleet in Fleet::every().await {
        eight_at_once(&fleet).await;
    }
}

/// One node makes new tokens under the new pepper, the other still under the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j5_while_the_pepper_is_replaced_there_is_one_successor_all_the_same() {
    let fleets = Fleet::every_with(|node, builder| {
        let (newest, older) = [("a", "b"), ("b", "a")][node];
        let peppers = Peppers::new(pepper(newest)).verifying(pepper(older)).expect("two names");
        builder.peppers(peppers)
    });
    for fleet in fleets.await {
        eight_at_once(&fleet).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j1_a_refresh_that_races_a_revocation_leaves_no_live_successor() {
    for fleet in Fleet::every().await {
        let (mut refreshed, mut refused) = (0, 0);
        for round in 0..ROUNDS {
            let token = fleet.nodes[0].login().await;
            let mut forms = eight(&token);
            forms.truncate(4);
            let place = usize::try_from(round % 5).expect("small");
            forms.insert(place, ("/revoke", format!("client_id=app&token={token}")));
            let replies = fleet.at_once(forms).await;
            assert_eq!(replies[place].status, 200, "{}: the revocation", fleet.name);
            let mut left = HashSet::from([token]);
            for reply in replies.iter().filter(|reply| !reply.body.is_empty()) {
                if reply.status == 200 {
                    refreshed += 1;
                    left.insert(reply.refresh_token());
                } else {
                    refused += 1;
                    assert_eq!(reply.refusal(), refusal(400, "session_revoked"), "{}", fleet.name);
                }
            }
            // At both nodes, though the one may never have heard of it.
            for (token, node) in left.iter().flat_map(|token| [(token, 0), (token, 1)]) {
                let reply = fleet.nodes[node].refresh(token).await;
                assert_eq!(reply.refusal(), refusal(400, "session_revoked"), "{}", fleet.name);
            }
        }
        assert_eq!(refreshed + refused, ROUNDS * 4);
        // Both outcomes have been met, or it was no race.
        assert!(refreshed > 0 && refused > 0, "{}: {refreshed}, {refused}", fleet.name);
        assert_eq!(fleet.counts()[2], ROUNDS, "{}: each ended once", fleet.name);
    }
}
