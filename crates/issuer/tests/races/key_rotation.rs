//! Refreshes while signing keys succeed one another.

use std::collections::HashSet;
use std::time::Duration;

use unlapse_issuer::KeyPolicy;

use crate::fleet::Fleet;
use crate::server::{Reply, refresh_form};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j3_a_refresh_that_races_a_key_rotation_is_good_at_every_node() {
    let policy = KeyPolicy { rotate_every: None, publish_for: Duration::from_secs(420) };
    for fleet in Fleet::every_timed(|_, builder| builder.kept_keys(policy)).await {
        let [one, other] = &fleet.nodes;
        let mut token = one.login().await;
        let mut headers = HashSet::new();
        for round in 0..60_u64 {
            let rotating = async {
                if round % 8 == 0 {
                    let keys = one.issuer.signing_keys().expect("kept");
                    keys.rotate(None).await.expect("the next is made");
                }
                one.issuer.keep_keys().await.expect("read");
            };
            let reading = async { other.issuer.keep_keys().await.expect("read") };
            let forms = vec![("/token", refresh_form(&token)); 8];
            let (replies, (), ()) = tokio::join!(fleet.at_once(forms), rotating, reading);
            let successors: HashSet<_> = replies.iter().map(Reply::refresh_token).collect();
            assert_eq!(successors.len(), 1, "{}, round {round}", fleet.name);
            for reply in &replies {
                let access = reply.text("access_token");
                for node in &fleet.nodes {
                    let verified = node.issuer.verify(&access).err();
                    assert_eq!(verified, None, "{}, round {round}", fleet.name);
                }
                headers.insert(access.split('.').next().expect("a header").to_owned());
            }
            token = successors.into_iter().next().expect("one");
            // Nodes look for keys more often than one is published before it signs.
            fleet.pass(Duration::from_secs(120));
        }
        assert!(headers.len() >= 5, "{}: {} keys have signed", fleet.name, headers.len());
        assert_eq!(fleet.counts(), [60, 420, 0, 0], "{}", fleet.name);
    }
}
