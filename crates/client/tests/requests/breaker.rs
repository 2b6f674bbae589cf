//! R16: the breaker of an API, apart from the token endpoint's.

use std::time::Duration;

use unlapse_core::BreakerPolicy;

use crate::client::{Ask, Face, Setup};
use crate::world::World;

for_both_faces! {
    async fn r16_five_failures_shut_an_api_and_one_trial_opens_it(face: Face) {
        let world = World::new().await;
        let mut setup = Setup::quick();
        setup.policy.breaker =
            BreakerPolicy { open_for: Duration::from_secs(1), ..setup.policy.breaker };
        let client = setup.client(face, &world.source);
        let url = world.url("/orders");
        world.api.will_answer(&[503; 5]);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 503);
        // The fifth shuts it, and nobody waits for a third try.
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 503);
        assert_eq!(world.api.count(), 5);
        let failure = client.send(Ask::get(&url)).await.unwrap_err();
        assert_eq!(failure.code, "api_away");
        assert!(failure.is_network && !failure.is_authentication);
        let until = failure.retry_at.expect("a time");
        assert!(until.since(unlapse::tokio::system_now().wall) <= Duration::from_secs(1));
        assert_eq!(world.api.count(), 5);
        // It says nothing of the token.
        world.source.force_refresh().await.unwrap();

        tokio::time::sleep(Duration::from_millis(1050)).await;
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 200);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 200);
    }

    async fn r16_refused_tokens_shut_nothing(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.accepts_from(u64::MAX);
        for _ in 0..10 {
            let failure = client.send(Ask::get(&world.url("/orders"))).await.unwrap_err();
            assert_eq!(failure.code, "api_unauthorized");
        }
        assert_eq!(world.api.count(), 11);
    }

    async fn r16_a_trial_that_is_dropped_leaves_its_turn_to_the_next(face: Face) {
        let world = World::new().await;
        let mut setup = Setup::quick();
        setup.policy.breaker = BreakerPolicy {
            failures: 1,
            open_for: Duration::from_millis(50),
            ..setup.policy.breaker
        };
        let client = setup.client(face, &world.source);
        let url = world.url("/orders");
        world.api.will_answer(&[503]);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 503);
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.api.takes(Duration::from_secs(60));
        let dropped = tokio::time::timeout(Duration::from_millis(100), client.send(Ask::get(&url)));
        assert!(dropped.await.is_err());
        world.api.takes(Duration::ZERO);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 200);
    }
}
