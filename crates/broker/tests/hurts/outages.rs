//! Providers and databases that are away.

use std::time::Duration;

use unlapse_broker::{Code, Retries, State};
use unlapse_parts::Fault;

use crate::setting::{block_on, cut_off, on_both, strict, terms};
use crate::world::{eventually, id, operator};

/// One request, and no other.
const ONCE: Retries = Retries {
    max_retries: 0,
    initial_delay: Duration::from_millis(1),
    max_delay: Duration::from_millis(1),
};

#[test]
fn an_outage_is_no_dead_login() {
    on_both(terms(), "", async |setting| {
        let (node, login) = (setting.node().await, setting.provider.log_in());
        node.put("ada", &login).await;
        let before = node.connection("ada").await;
        let limited = Fault::Limited(Duration::from_secs(1));
        // Fewer than open the circuit.
        for (fault, code) in [
            (Fault::Unavailable, Code::ProviderDown),
            (Fault::Page, Code::ProviderDown),
            (limited, Code::RateLimited),
            (Fault::InvalidClient, Code::AppConfig),
        ] {
            setting.provider.fail_next([fault]);
            let refreshed = node.broker.refresh(&id("ada"), ONCE, &operator()).await;
            let problem = refreshed.expect_err("it has failed");
            assert_eq!((problem.code, problem.code.needs_user()), (code, false), "{fault:?}");
            let after = node.connection("ada").await;
            assert_eq!(after.state, State::Active, "{fault:?}");
            assert_eq!(after.generation, before.generation);
            assert_eq!(node.token("ada").await, login.access_token, "{fault:?}");
        }
        let refreshed = eventually("it goes on", async || {
            node.broker.refresh(&id("ada"), ONCE, &operator()).await.ok()
        });
        assert_eq!(refreshed.await.failing, None);
        setting.nothing_was_lost(&[&login]);
    });
}

/// Without its database a node has no lease, and does not renew all the same.
#[test]
fn leases_never_fail_open() {
    let Some((setting, cable)) = cut_off(terms()) else { return };
    block_on(async {
        let (node, login) = (setting.node().await, setting.provider.log_in());
        node.put("ada", &login).await;
        assert_eq!(node.token("ada").await, login.access_token);
        cable.cut();
        let asked = setting.provider.tally().requests;
        for _ in 0..3 {
            let problem = node.forced("ada").await.expect_err("nobody knows who else renews it");
            assert_eq!(problem.code, Code::DatabaseAway, "{problem}");
            assert_eq!(node.token("ada").await, login.access_token, "it is still good (R10)");
        }
        assert_eq!(setting.provider.tally().requests, asked);
        cable.mend();
        let token = eventually("it renews again", async || node.forced("ada").await.ok()).await;
        assert!(setting.provider.is_valid(&token));
        setting.nothing_was_lost(&[&login]);
    });
}

/// The provider has answered, and the answer cannot be saved: a second request would end the login.
#[test]
fn the_old_token_is_never_sent_again_after_the_save_failed() {
    let Some((setting, cable)) = cut_off(strict()) else { return };
    block_on(async {
        let (node, login) = (setting.node().await, setting.provider.log_in());
        node.put("ada", &login).await;
        setting.provider.fail_next([Fault::Slow(Duration::from_millis(500))]);
        let cut = async {
            eventually("it is asked", async || {
                (setting.provider.tally().requests == 1).then_some(())
            })
            .await;
            cable.cut();
        };
        let (token, ()) = tokio::join!(node.forced("ada"), cut);
        let token = token.expect("the answer was there (R5)");
        assert!(setting.provider.is_valid(&token) && token != login.access_token);
        for _ in 0..10 {
            assert_eq!(node.token("ada").await, token);
            let _ = node.forced("ada").await;
        }
        assert_eq!(setting.provider.tally().requests, 1);
        cable.mend();
        eventually("it is saved", async || {
            let found = node.broker.connection(&id("ada")).await.ok()?;
            (found.generation == 2).then_some(())
        })
        .await;
        drop(node);
        let next = setting.node().await;
        assert_eq!(next.token("ada").await, token);
        let renewed = eventually("it goes on", async || next.forced("ada").await.ok()).await;
        assert!(setting.provider.is_valid(&renewed));
        setting.nothing_was_lost(&[&login]);
    });
}
