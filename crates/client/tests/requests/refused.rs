//! R13: a refused token is renewed once, and a request repeated once.

use std::time::Duration;

use crate::client::{Ask, Face, Setup};
use crate::login::CANARY;
use crate::world::{World, all};

for_both_faces! {
    async fn r13_fifty_late_401s_cost_one_renewal(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.takes(Duration::from_millis(100));
        world.api.accepts_from(2);
        let answers = all((0..50).map(|_| client.send(Ask::post(&world.url("/orders"))))).await;
        for answer in answers {
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (200, "2 body"));
        }
        assert_eq!(world.login.renewals(), 1);
        let generations = world.api.generations();
        assert_eq!(generations.iter().filter(|generation| **generation == 1).count(), 50);
        assert_eq!(generations.len(), 100);
    }

    async fn r13_an_api_that_refuses_every_token_is_asked_twice_and_then_once(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.accepts_from(u64::MAX);
        let failure = client.send(Ask::get(&world.url("/orders"))).await.unwrap_err();
        assert_eq!(failure.code, "api_unauthorized");
        assert!(failure.is_authentication && !failure.is_network && !failure.needs_login);
        assert!(failure.shown.contains("invalid_token"), "{}", failure.shown);
        assert_eq!(world.api.generations(), [1, 2]);
        assert_eq!(world.login.renewals(), 1);
        // The token server is not made to pay for it with every request.
        for _ in 0..5 {
            let failure = client.send(Ask::post(&world.url("/orders"))).await.unwrap_err();
            assert_eq!(failure.code, "api_unauthorized");
        }
        assert_eq!(world.api.generations(), [1, 2, 2, 2, 2, 2, 2]);
        assert_eq!(world.login.renewals(), 1);
        // A token from elsewhere is another matter.
        world.source.force_refresh().await.unwrap();
        world.api.accepts_from(4);
        let answer = client.send(Ask::get(&world.url("/orders"))).await.unwrap();
        assert_eq!(answer.body, "4 ");
    }

    async fn r13_a_late_401_is_repeated_with_the_newer_token_whatever_came_of_the_one_between(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let url = world.url("/orders");
        // The second token is here since the API refused the first, and it has not taken it yet.
        let streaming = Ask::post(&url).streaming();
        world.api.will_answer(&[401]);
        assert_eq!(client.send(streaming).await.unwrap_err().code, "api_body_spent");
        // A request is on the way with it while a third is bought elsewhere, and the server ends it.
        world.api.will_answer(&[401]);
        world.api.takes(Duration::from_secs(1));
        let elsewhere = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.source.force_refresh().await.unwrap();
            world.api.takes(Duration::ZERO);
        };
        let late = client.send(Ask::get(&url));
        let (answer, ()) = tokio::join!(late, elsewhere);
        assert_eq!(answer.unwrap().body, "3 ");
        assert_eq!(world.api.generations(), [1, 2, 3]);
        assert_eq!(world.login.renewals(), 2);
    }

    async fn r13_a_token_that_was_there_before_a_late_401_is_not_under_suspicion(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let url = world.url("/upload");
        world.api.will_answer(&[401]);
        world.api.takes(Duration::from_secs(1));
        let elsewhere = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.source.force_refresh().await.unwrap();
            world.api.takes(Duration::ZERO);
        };
        let (late, ()) = tokio::join!(client.send(Ask::post(&url).streaming()), elsewhere);
        assert_eq!(late.unwrap_err().code, "api_body_spent");
        // The second was bought for another reason: the API may want a third.
        world.api.accepts_from(3);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().body, "3 ");
        assert_eq!(world.login.renewals(), 2);
    }

    async fn r13_a_body_that_streams_is_not_repeated_and_the_next_one_will_do(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.accepts_from(2);
        let upload = || Ask::post(&world.url("/upload")).streaming();
        let failure = client.send(upload()).await.unwrap_err();
        assert_eq!(failure.code, "api_body_spent");
        assert!(failure.is_authentication && !failure.was_sent);
        assert_eq!((world.api.generations(), world.login.renewals()), (vec![1], 1));
        let answer = client.send(upload()).await.unwrap();
        assert_eq!(answer.body, "2 body");
        assert_eq!(world.login.renewals(), 1);
    }

    async fn r13_an_api_that_refuses_every_upload_costs_one_renewal(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.accepts_from(u64::MAX);
        let upload = || Ask::post(&world.url("/upload")).streaming();
        assert_eq!(client.send(upload()).await.unwrap_err().code, "api_body_spent");
        for _ in 0..5 {
            assert_eq!(client.send(upload()).await.unwrap_err().code, "api_unauthorized");
        }
        assert_eq!(world.login.renewals(), 1);
    }

    async fn r13_a_token_that_was_taken_and_is_refused_again_is_renewed_again(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        for generation in 2..6 {
            world.api.accepts_from(generation);
            let answer = client.send(Ask::get(&world.url("/orders"))).await.unwrap();
            assert_eq!(answer.body, format!("{generation} "));
        }
        assert_eq!(world.login.renewals(), 4);
    }

    async fn r13_a_route_that_is_closed_to_the_login_costs_one_renewal(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        for round in 0..5 {
            // It answers 401 where it means 403, and the rest of the API is open.
            world.api.will_answer(if round == 0 { &[401, 401] } else { &[401] });
            let failure = client.send(Ask::get(&world.url("/admin"))).await.unwrap_err();
            assert_eq!(failure.code, "api_unauthorized");
            let answer = client.send(Ask::get(&world.url("/orders"))).await.unwrap();
            assert_eq!(answer.body, "2 ");
        }
        assert_eq!(world.login.renewals(), 1);
    }

    async fn c9_a_login_is_made_where_the_refresh_token_has_died_and_the_caller_sees_one_success(face: Face) {
        let world = World::with_password().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.accepts_from(2);
        world.login.reject();
        let answer = client.send(Ask::post(&world.url("/orders"))).await.unwrap();
        assert_eq!(answer.body, "1000 body");
        assert_eq!(world.api.generations(), [1, 1000]);
    }

    async fn k12_a_stale_token_is_sent_and_if_it_is_refused_the_outage_is_told(face: Face) {
        let world = World::stale().await;
        let client = Setup::quick().client(face, &world.source);
        let answer = client.send(Ask::get(&world.url("/orders"))).await.unwrap();
        assert_eq!(answer.body, "1 ");
        let mut request = http::Request::new(());
        assert!(world.source.authorize(&mut request).await.unwrap().is_stale);
        world.api.accepts_from(2);
        let failure = client.send(Ask::get(&world.url("/orders"))).await.unwrap_err();
        assert_eq!(failure.code, "temporary_failure");
        assert!(failure.is_authentication && !failure.needs_login);
        assert_eq!(world.api.count(), 2);
    }

    async fn rfc6750_3_1_a_403_is_no_reason_to_renew(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let challenge = r#"Bearer error="insufficient_scope", scope="admin""#;
        let headers = [(http::header::WWW_AUTHENTICATE, challenge.parse().unwrap())];
        world.api.will_answer_with(403, headers.into_iter().collect());
        let answer = client.send(Ask::get(&world.url("/admin"))).await.unwrap();
        assert_eq!(answer.status, 403);
        assert_eq!(answer.headers["www-authenticate"], challenge);
        assert_eq!((world.api.count(), world.login.renewals()), (1, 0));
    }

    async fn r13_a_bare_401_is_one(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.will_answer(&[401]);
        let answer = client.send(Ask::get(&world.url("/orders"))).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "2 "));
        assert_eq!(world.login.renewals(), 1);
    }

    async fn r14_an_api_key_has_no_successor(face: Face) {
        let world = World::new().await;
        let key = format!("{CANARY}-at-0");
        let source = world.with_api_key(&key).await;
        let client = Setup::quick().client(face, &source);
        let answer = client.send(Ask::get(&world.url("/orders"))).await.unwrap();
        assert_eq!(answer.body, "0 ");
        world.api.accepts_from(1);
        let failure = client.send(Ask::get(&world.url("/orders"))).await.unwrap_err();
        assert_eq!(failure.code, "api_unauthorized");
        assert!(!failure.shown.contains(CANARY), "{}", failure.shown);
        assert_eq!((world.api.count(), world.login.renewals()), (2, 0));
    }

    async fn r9_a_token_that_cannot_be_renewed_says_why_itself(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        world.api.accepts_from(2);
        world.login.reject();
        let failure = client.send(Ask::get(&world.url("/orders"))).await.unwrap_err();
        assert_eq!(failure.code, "login_needed");
        assert!(failure.needs_login && failure.is_authentication && !failure.is_network);
        assert_eq!(world.api.count(), 1);
    }
}
