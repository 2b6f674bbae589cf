//! Keys that cannot be rotated: here nodes do it by themselves.

use std::collections::BTreeSet;

use unlapse_broker::{Actor, Code, Rotation};
use unlapse_store::sql::Statement;

use crate::setting::{Node, on_both, strict};
use crate::world::{eventually, name, operator};

const USERS: usize = 30;

fn user(nth: usize) -> String {
    format!("user {nth:02}")
}

/// The data keys that records and secrets are sealed under.
async fn keys(node: &Node) -> BTreeSet<String> {
    let all = Statement::both("SELECT key_id FROM tokens UNION SELECT key_id FROM apps");
    let rows = node.broker.tables().database().query(all, Vec::new()).await.expect("read");
    rows.iter().map(|row| row.text(0).expect("text").to_owned()).collect()
}

/// The time passes in which every node hears of the newest key.
async fn wait(node: &Node) {
    let age = Statement::both(
        "UPDATE data_keys SET created_at = created_at - 60000
         WHERE generation = (SELECT max(generation) FROM data_keys)",
    );
    node.broker.tables().database().execute(age, Vec::new()).await.expect("aged");
}

async fn done(node: &Node) -> Option<Rotation> {
    let rotation = node.broker.tables().rotation(&name("acme")).await.expect("read");
    rotation.filter(|rotation| rotation.finished_at.is_some())
}

/// Begun at one node, it is gone on with by all that work, while they renew.
#[test]
fn data_keys_are_rotated_while_nodes_work() {
    on_both(strict(), "", async |setting| {
        let nodes = [setting.node().await, setting.node().await];
        let logins: Vec<_> = (0..USERS).map(|_| setting.provider.log_in()).collect();
        for (nth, login) in logins.iter().enumerate() {
            nodes[nth % 2].put(&user(nth), login).await;
        }
        let before = keys(&nodes[0]).await;
        assert_eq!(before.len(), 1);
        let stranger = Actor { tenant: Some(name("globex")), name: "key:1".to_owned() };
        let refused = nodes[0].broker.rotate_data(&name("acme"), &stranger).await;
        assert_eq!(refused.map_err(|problem| problem.code), Err(Code::Forbidden));
        let begun = nodes[0].broker.rotate_data(&name("acme"), &operator()).await.expect("begun");
        assert_eq!((begun.resealed, begun.finished_at), (0, None));
        wait(&nodes[0]).await;

        let renewing = nodes[1].handle();
        let renewing = tokio::spawn(async move {
            for nth in (0..USERS).step_by(3) {
                renewing.forced(&user(nth)).await.expect("a new one");
            }
        });
        let rotated = eventually("all is sealed anew", async || done(&nodes[0]).await).await;
        renewing.await.expect("no panic");
        assert!(rotated.resealed <= USERS as u64, "{rotated:?}");
        let after = keys(&nodes[0]).await;
        assert!(after.len() == 1 && after.is_disjoint(&before), "{before:?} {after:?}");

        // A node that has nothing in memory opens all of it, and so do those that were there.
        let fresh = setting.node().await;
        for nth in 0..USERS {
            let token = fresh.token(&user(nth)).await;
            assert!(setting.provider.is_valid(&token), "{}", user(nth));
        }
        for (nth, node) in nodes.iter().enumerate() {
            node.forced(&user(nth)).await.expect("it opens");
        }
        setting.nothing_was_lost(&logins.iter().collect::<Vec<_>>());
    });
}
