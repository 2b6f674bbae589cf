//! HTTP/2, where many requests share a connection.

use std::time::Duration;

use http::Version;

use crate::client::{Ask, Face, Setup};
use crate::world::{World, all};

for_both_faces! {
    async fn c12_fifty_late_401s_over_http2_cost_one_renewal(face: Face) {
        let world = World::new().await;
        let client = Setup { http2: true, ..Setup::quick() }.client(face, &world.source);
        world.api.takes(Duration::from_millis(100));
        world.api.accepts_from(2);
        let url = world.url("/orders");
        let asks = (0..50).map(|number| {
            let ask = Ask::post(&url);
            // Bodies that stream are refused with the rest, and end with their own error.
            client.send(if number < 5 { ask.streaming() } else { ask })
        });
        for (number, answer) in all(asks).await.into_iter().enumerate() {
            match answer {
                Ok(answer) => assert_eq!(answer.body, "2 body", "{number}"),
                Err(failure) => assert!(failure.code == "api_body_spent" && number < 5),
            }
        }
        assert_eq!(world.login.renewals(), 1);
        assert!(world.api.seen().iter().all(|seen| seen.version == Version::HTTP_2));
    }
}
