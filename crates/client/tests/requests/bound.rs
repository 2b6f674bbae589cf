//! RFC 9449: a token that is bound to a key, at an API that checks each proof with `unlapse-verify`.

use std::time::Duration;

use crate::client::{Ask, Face, Setup};
use crate::world::{World, all};

for_both_faces! {
    async fn rfc9449_9_a_wanted_nonce_is_shown_at_once_and_from_then_on(face: Face) {
        let world = World::bound().await;
        world.api.wants_proofs(&world.origin, Duration::from_secs(3600));
        let client = Setup::quick().client(face, &world.source);
        for path in ["/orders?page=1", "/orders?page=2", "/"] {
            let answer = client.send(Ask::post(&world.url(path))).await.unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (200, "1 body"));
        }
        // One nonce was lacked, once.
        let seen = world.api.seen();
        assert_eq!(seen.len(), 4);
        assert!(seen.iter().all(|seen| seen.has_proof));
        assert_eq!(world.login.renewals(), 0);
    }

    async fn rfc9449_8_2_nonces_change_under_many_requests_and_none_fails(face: Face) {
        let world = World::bound().await;
        world.api.wants_proofs(&world.origin, Duration::from_secs(1));
        let client = Setup::quick().client(face, &world.source);
        for pause in [Duration::from_secs(2), Duration::ZERO] {
            let url = world.url("/orders");
            let answers = all((0..20).map(|_| client.send(Ask::get(&url)))).await;
            assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|ok| ok.status == 200)));
            tokio::time::sleep(pause).await;
        }
        assert_eq!(world.login.renewals(), 0, "a nonce says nothing of the token");
    }

    async fn r13_a_bound_token_that_is_refused_is_renewed_and_proven_anew(face: Face) {
        let world = World::bound().await;
        world.api.wants_proofs(&world.origin, Duration::from_secs(3600));
        world.api.accepts_from(2);
        let client = Setup::quick().client(face, &world.source);
        let answer = client.send(Ask::post(&world.url("/orders"))).await.unwrap();
        assert_eq!(answer.body, "2 body");
        // Refused, renewed, sent back for a nonce, taken: each of them once.
        assert_eq!(world.api.generations(), [1, 2, 2]);
        assert_eq!(world.login.renewals(), 1);
    }

    async fn rfc9449_9_a_server_that_is_never_content_is_asked_twice(face: Face) {
        let world = World::bound().await;
        let client = Setup::quick().client(face, &world.source);
        let wants = |nonce: &str| {
            let challenge = r#"DPoP error="use_dpop_nonce""#;
            [("www-authenticate", challenge), ("dpop-nonce", nonce)]
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .into_iter()
                .collect()
        };
        world.api.will_answer_with(401, wants("n-1"));
        world.api.will_answer_with(401, wants("n-2"));
        let failure = client.send(Ask::get(&world.url("/orders"))).await.unwrap_err();
        assert_eq!(failure.code, "api_unauthorized");
        assert!(failure.shown.contains("use_dpop_nonce"), "{}", failure.shown);
        assert_eq!((world.api.count(), world.login.renewals()), (2, 0));
    }

    async fn rfc9449_9_a_body_that_streams_is_proven_with_the_next(face: Face) {
        let world = World::bound().await;
        world.api.wants_proofs(&world.origin, Duration::from_secs(3600));
        let client = Setup::quick().client(face, &world.source);
        let upload = || Ask::post(&world.url("/upload")).streaming();
        assert_eq!(client.send(upload()).await.unwrap_err().code, "api_body_spent");
        assert_eq!(client.send(upload()).await.unwrap().body, "1 body");
        assert_eq!((world.api.count(), world.login.renewals()), (2, 0));
    }
}
