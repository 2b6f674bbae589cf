//! Callers that go away, and callers that race.

use std::time::Duration;

use tokio::task::JoinSet;
use unlapse_broker::State;
use unlapse_parts::Fault;

use crate::setting::{on_both, strict, terms};
use crate::world::eventually;

/// What is under way is remembered in memory, and forgotten whoever goes away meanwhile.
#[test]
fn a_guard_in_memory_never_wedges_a_connection() {
    on_both(terms(), "", async |setting| {
        let (node, login) = (setting.node().await, setting.provider.log_in());
        node.put("ada", &login).await;
        for life in [0, 1, 5, 20, 50, 100] {
            setting.provider.fail_next([Fault::Slow(Duration::from_millis(60))]);
            let life = Duration::from_millis(life);
            let _ = tokio::time::timeout(life, node.forced("ada")).await;
        }
        setting.provider.fail_next([Fault::Hang(Duration::from_millis(30))]);
        let _ = node.forced("ada").await;
        let token = eventually("a new token", async || node.forced("ada").await.ok()).await;
        assert!(setting.provider.is_valid(&token));
        setting.nothing_was_lost(&[&login]);
    });
}

/// Two nodes renew at once, and a refresh token is good once: none sends one that the other has spent.
#[test]
fn the_invalid_grant_of_a_race_marks_nobody_dead() {
    on_both(strict(), "", async |setting| {
        let nodes = [setting.node().await, setting.node().await];
        let login = setting.provider.log_in();
        nodes[0].put("ada", &login).await;
        for _ in 0..5 {
            let mut all = JoinSet::new();
            for n in 0..8 {
                let node = nodes[n % 2].handle();
                all.spawn(async move { node.forced("ada").await });
            }
            while let Some(token) = all.join_next().await {
                let token = token.expect("no panic").expect("a token");
                assert!(setting.provider.is_valid(&token));
            }
        }
        assert_eq!(nodes[0].connection("ada").await.state, State::Active);
        assert_eq!(setting.provider.tally().refused, 0);
        setting.nothing_was_lost(&[&login]);
    });
}

/// Whoever comes second has an older token, and must not put it in the place of the newer one.
#[test]
fn losers_never_delete_the_winners_grant() {
    on_both(strict(), "", async |setting| {
        let (one, other) = (setting.node().await, setting.node().await);
        let login = setting.provider.log_in();
        one.put("ada", &login).await;
        let mut generation = one.connection("ada").await.generation;
        for round in 0..10_u64 {
            // The other gives up on the way, at another place each time.
            let loser = tokio::time::timeout(Duration::from_millis(round * 3), other.forced("ada"));
            let (won, _) = tokio::join!(one.forced("ada"), loser);
            assert!(setting.provider.is_valid(&won.expect("a token")));
            let newest = one.connection("ada").await.generation;
            assert!(newest > generation, "{newest} after {generation}");
            generation = newest;
        }
        // What was begun by those who gave up has ended, too.
        let last = eventually("it rests", async || {
            let seen = one.connection("ada").await.generation;
            tokio::time::sleep(Duration::from_millis(300)).await;
            (seen == other.connection("ada").await.generation).then_some(seen)
        });
        assert!(last.await >= generation);
        assert!(setting.provider.is_valid(&other.forced("ada").await.expect("a token")));
        setting.nothing_was_lost(&[&login]);
    });
}
