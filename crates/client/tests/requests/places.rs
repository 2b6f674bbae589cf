//! C12, R17: ten requests at once, none of them held by a renewal; and every wait has an end.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use unlapse::RequestPolicy;

use crate::client::{Ask, Face, Setup};
use crate::world::{World, all};

const SECOND: Duration = Duration::from_secs(1);

for_both_faces! {
    async fn c14_a_thousand_requests_wait_for_a_renewal_of_three_seconds(face: Face) {
        let world = World::expired().await;
        world.login.takes(3 * SECOND);
        let client = Setup::default().client(face, &world.source);
        let url = world.url("/orders");
        let start = Instant::now();
        // One in ten has less time than the renewal takes.
        let hurried = |number: usize| number.is_multiple_of(10);
        let answers = all((0..1000).map(|number| {
            let deadline = if hurried(number) { SECOND } else { 30 * SECOND };
            client.send(Ask::get(&url).within(deadline))
        }));
        for (number, answer) in answers.await.into_iter().enumerate() {
            if hurried(number) {
                let failure = answer.unwrap_err();
                assert_eq!(failure.code, "api_deadline");
                assert!(!failure.was_sent && !failure.is_network);
            } else {
                assert_eq!(answer.unwrap().body, "2 ", "{number}");
            }
        }
        assert!(start.elapsed() >= 3 * SECOND, "{:?}", start.elapsed());
        assert_eq!(world.login.renewals(), 1);
        assert_eq!(world.api.count(), 900);
        let most = world.api.most_at_once.load(Ordering::SeqCst);
        assert!(most <= 10, "{most} at once");
    }

    async fn c12_sources_share_the_places_of_an_api_and_nothing_else(face: Face) {
        let (world, other) = (World::new().await, World::new().await);
        let places = std::sync::Arc::new(unlapse::Places::new(3));
        let setup = Setup { places: Some(places), ..Setup::quick() };
        let (one, two) = (setup.client(face, &world.source), setup.client(face, &other.source));
        world.api.takes(SECOND / 20);
        let url = world.url("/orders");
        let asks = (0..40).map(|number| {
            let client = if number % 2 == 0 { &one } else { &two };
            client.send(Ask::get(&url))
        });
        assert!(all(asks).await.into_iter().all(|answer| answer.unwrap().status == 200));
        assert_eq!(world.api.most_at_once.load(Ordering::SeqCst), 3);
        // An API that refuses every token of the one is not believed about the other's.
        world.api.accepts_from(u64::MAX);
        for client in [&one, &two] {
            let failure = client.send(Ask::get(&url)).await.unwrap_err();
            assert_eq!(failure.code, "api_unauthorized");
        }
        assert_eq!((world.login.renewals(), other.login.renewals()), (1, 1));
    }

    async fn c12_a_renewal_takes_no_place(face: Face) {
        let world = World::new().await;
        let policy = RequestPolicy { at_once: 1, place_wait: SECOND / 5, ..RequestPolicy::default() };
        let client = Setup { policy, ..Setup::default() }.client(face, &world.source);
        // The only place there is: with it in its hand, the first would keep the second from it.
        world.api.will_answer(&[401]);
        world.login.takes(SECOND);
        let url = world.url("/orders");
        let second = async {
            tokio::time::sleep(SECOND / 2).await;
            client.send(Ask::get(&url)).await
        };
        let (first, second) = tokio::join!(client.send(Ask::get(&url)), second);
        assert_eq!(second.unwrap().body, "1 ", "while the other waits");
        assert_eq!(first.unwrap().body, "2 ");
    }

    async fn c12_whoever_will_not_wait_for_a_place_takes_a_free_one(face: Face) {
        let world = World::new().await;
        let policy =
            RequestPolicy { at_once: 1, place_wait: Duration::ZERO, ..RequestPolicy::default() };
        let client = Setup { policy, ..Setup::default() }.client(face, &world.source);
        let url = world.url("/orders");
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().body, "1 ");
        world.api.takes(60 * SECOND);
        let other = async {
            tokio::time::sleep(SECOND / 5).await;
            client.send(Ask::get(&url)).await
        };
        let failure = tokio::select! {
            failure = other => failure.unwrap_err(),
            _ = client.send(Ask::get(&url)) => panic!("it hangs"),
        };
        assert_eq!(failure.code, "api_busy");
    }

    async fn c12_whoever_waits_for_a_token_takes_no_place(face: Face) {
        let world = World::expired().await;
        let policy = RequestPolicy { at_once: 1, place_wait: SECOND / 2, ..RequestPolicy::default() };
        let client = Setup { policy, ..Setup::default() }.client(face, &world.source);
        // Longer than a place is waited for.
        world.login.takes(SECOND);
        let url = world.url("/orders");
        for answer in all((0..20).map(|_| client.send(Ask::get(&url)))).await {
            assert_eq!(answer.unwrap().body, "2 ");
        }
    }

    async fn r17_a_server_that_hangs_takes_its_own_places_only(face: Face) {
        let mut world = World::new().await;
        let mut policy = RequestPolicy { place_wait: SECOND / 5, ..RequestPolicy::default() };
        policy.deadline = SECOND;
        let client = Setup { policy, ..Setup::default() }.client(face, &world.source);
        let other = std::sync::Arc::new(crate::api::Api::default());
        let router = std::sync::Arc::clone(&other).router();
        let elsewhere = crate::world::serve(&mut world.servers, router).await;
        world.api.takes(60 * SECOND);
        let hanging = all((0..10).map(|_| client.send(Ask::get(&world.origin))));
        let meanwhile = async {
            tokio::time::sleep(SECOND / 5).await;
            let failure = client.send(Ask::get(&world.origin)).await.unwrap_err();
            assert_eq!(failure.code, "api_busy");
            assert!(!failure.was_sent && !failure.is_authentication);
            assert_eq!(client.send(Ask::get(&elsewhere)).await.unwrap().status, 200);
        };
        let (hung, ()) = tokio::join!(hanging, meanwhile);
        for failure in hung {
            let failure = failure.unwrap_err();
            assert_eq!(failure.code, "api_deadline");
            assert!(failure.was_sent && failure.is_network);
        }
        // They were given all the time there is: five such, and it counts as away.
        let failure = client.send(Ask::get(&world.origin)).await.unwrap_err();
        assert_eq!(failure.code, "api_away");
    }

    async fn r6_a_caller_that_is_dropped_loses_no_renewal_and_no_place(face: Face) {
        let world = World::expired().await;
        world.login.takes(SECOND / 2);
        let client = Setup::default().client(face, &world.source);
        let url = world.url("/orders");
        let dropped = all((0..20).map(|_| client.send(Ask::get(&url))));
        assert!(tokio::time::timeout(SECOND / 10, dropped).await.is_err());
        tokio::time::sleep(SECOND).await;
        assert_eq!(world.login.renewals(), 1, "it went on");

        // Dropped while they had all the places.
        world.api.takes(60 * SECOND);
        let dropped = all((0..20).map(|_| client.send(Ask::get(&url))));
        assert!(tokio::time::timeout(SECOND / 5, dropped).await.is_err());
        world.api.takes(Duration::ZERO);
        let answers = all((0..10).map(|_| client.send(Ask::get(&url)))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|ok| ok.body == "2 ")));
        assert_eq!(world.login.renewals(), 1);
    }

    async fn r6_a_caller_that_is_dropped_after_its_401_loses_no_renewal(face: Face) {
        let world = World::new().await;
        world.api.accepts_from(2);
        world.login.takes(SECOND / 2);
        let client = Setup::default().client(face, &world.source);
        let url = world.url("/orders");
        let dropped = client.send(Ask::get(&url));
        assert!(tokio::time::timeout(SECOND / 4, dropped).await.is_err());
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().body, "2 ");
        assert_eq!(world.login.renewals(), 1);
        let refused = world.api.generations().iter().filter(|seen| **seen == 1).count();
        assert!(refused <= 2, "{refused}");
    }
}

/// Requests of tasks on four threads, while their tokens are taken away again and again.
async fn storm(face: Face) {
    let world = World::new().await;
    let client = Setup::quick().client(face, &world.source);
    for generation in 2..5 {
        world.api.accepts_from(generation);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let (client, url) = (client.clone(), world.url("/orders"));
            tasks.spawn(async move { client.send(Ask::post(&url)).await });
        }
        while let Some(answer) = tasks.join_next().await {
            assert_eq!(answer.unwrap().unwrap().body, format!("{generation} body"));
        }
        assert_eq!(world.login.renewals(), generation - 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c14_threads_share_each_renewal_through_tower() {
    storm(Face::Tower).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c14_threads_share_each_renewal_through_reqwest() {
    storm(Face::Reqwest).await;
}
