//! C10: what fails is repeated when that can do no harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use unlapse_core::BreakerPolicy;

use crate::api::date_in;
use crate::client::{Ask, Face, Setup};
use crate::world::{World, serve_on};

/// A port that nobody listens on for now.
async fn free() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Never shuts, and tries for seconds.
fn patient() -> Setup {
    let mut setup = Setup::quick();
    setup.policy.attempts = 1000;
    setup.policy.max_delay = Duration::from_millis(40);
    setup.policy.breaker = BreakerPolicy { failures: u32::MAX, ..BreakerPolicy::default() };
    setup
}

/// An origin that reads requests, says nothing, and hangs up; from the `good`th on it answers 200.
/// The second is how many there were.
async fn mute(world: &mut World, good: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    world.servers.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).await.unwrap() == 0 {
                continue;
            }
            if counted.fetch_add(1, Ordering::SeqCst) + 1 >= good {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    (origin, count)
}

/// An origin that reads one request, and is gone for good.
async fn goes(world: &mut World) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    world.servers.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
    });
    origin
}

for_both_faces! {
    async fn r8_what_an_earlier_try_may_have_done_is_told_though_the_last_was_never_sent(face: Face) {
        let mut world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let put = |url: &str| Ask { method: http::Method::PUT, ..Ask::post(url) };
        let failure = client.send(put(&goes(&mut world).await)).await.unwrap_err();
        assert_eq!(failure.code, "api_reply_lost");
        assert!(failure.was_sent && failure.is_network, "{}", failure.shown);

        let keyed = Ask::post(&goes(&mut world).await).with("idempotency-key", "\"8e03978e\"");
        assert!(client.send(keyed).await.unwrap_err().was_sent);
    }

    async fn r8_what_an_earlier_try_may_have_done_is_told_though_no_place_is_free(face: Face) {
        let world = World::new().await;
        let mut setup = Setup::quick();
        (setup.policy.at_once, setup.policy.place_wait) = (1, Duration::from_millis(50));
        let client = setup.client(face, &world.source);
        let url = world.url("/orders");
        let after = HeaderMap::from_iter([(RETRY_AFTER, "1".parse().unwrap())]);
        world.api.will_answer_with(504, after);
        let put = Ask { method: http::Method::PUT, ..Ask::post(&url) };
        let other = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            world.api.takes(Duration::from_secs(60));
            client.send(Ask::get(&url)).await
        };
        let failure = tokio::select! {
            failure = client.send(put) => failure.unwrap_err(),
            _ = other => panic!("it hangs"),
        };
        assert_eq!(failure.code, "api_reply_lost");
        assert!(failure.was_sent && failure.shown.contains("no place"), "{}", failure.shown);
    }

    async fn c10_a_server_that_is_down_is_told_of_and_asked_again(face: Face) {
        let mut world = World::new().await;
        let address = free().await;
        let url = format!("http://{address}/orders");
        let failure =
            Setup::quick().client(face, &world.source).send(Ask::get(&url)).await.unwrap_err();
        assert_eq!(failure.code, "api_unreachable");
        assert!(failure.is_network && !failure.is_authentication && !failure.was_sent);
        assert_eq!(world.login.renewals(), 0);

        // Surely unsent: a POST as well is repeated until somebody is there.
        let client = patient().client(face, &world.source);
        let asked = client.send(Ask::post(&url));
        let back = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let listener = TcpListener::bind(address).await.unwrap();
            serve_on(&mut world.servers, listener, Arc::clone(&world.api).router());
        };
        let (answer, ()) = tokio::join!(asked, back);
        assert_eq!(answer.unwrap().body, "1 body");
        assert_eq!(world.api.count(), 1);
    }

    async fn c10_a_body_that_streams_is_tried_once(face: Face) {
        let mut world = World::new().await;
        let address = free().await;
        let url = format!("http://{address}/orders");
        let client = patient().client(face, &world.source);
        let failure = client.send(Ask::post(&url).streaming()).await.unwrap_err();
        assert_eq!(failure.code, "api_unreachable");
        let (origin, count) = mute(&mut world, usize::MAX).await;
        let put = Ask { method: http::Method::PUT, ..Ask::post(&origin) }.streaming();
        assert_eq!(client.send(put).await.unwrap_err().code, "api_reply_lost");
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    async fn c10_a_lost_reply_is_asked_for_again_only_if_that_does_no_more(face: Face) {
        let mut world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let (origin, count) = mute(&mut world, 3).await;
        assert_eq!(client.send(Ask::get(&origin)).await.unwrap().status, 200);
        assert_eq!(count.load(Ordering::SeqCst), 3);

        let (origin, count) = mute(&mut world, usize::MAX).await;
        let failure = client.send(Ask::post(&origin)).await.unwrap_err();
        assert_eq!(failure.code, "api_reply_lost");
        assert!(failure.was_sent && failure.is_network);
        assert_eq!(count.load(Ordering::SeqCst), 1);

        let (origin, count) = mute(&mut world, 2).await;
        let keyed = Ask::post(&origin).with("idempotency-key", "\"8e03978e\"");
        assert_eq!(client.send(keyed).await.unwrap().status, 200);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    async fn c10_a_5xx_is_asked_again_three_times_at_most_and_never_for_a_post(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let url = world.url("/orders");
        world.api.will_answer(&[503, 502]);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 200);
        assert_eq!(world.api.count(), 3);
        world.api.will_answer(&[500, 502, 504]);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 504, "what came last");
        assert_eq!(world.api.count(), 6);
        world.api.will_answer(&[503]);
        assert_eq!(client.send(Ask::post(&url)).await.unwrap().status, 503);
        assert_eq!(world.api.count(), 7);
        world.api.will_answer(&[501]);
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 501);
        assert_eq!(world.api.count(), 8);
        assert_eq!(world.login.renewals(), 0);
    }

    async fn c10_a_429_waits_for_its_seconds_or_its_date(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let after = |value: &str| HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        let url = world.url("/orders");

        world.api.will_answer_with(429, after("1"));
        let start = Instant::now();
        let answer = client.send(Ask::post(&url)).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "1 body"));
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());

        // Dates have whole seconds: between one and two from now.
        world.api.will_answer_with(503, after(&date_in(2)));
        let start = Instant::now();
        assert_eq!(client.send(Ask::get(&url)).await.unwrap().status, 200);
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());

        // Longer than anybody here would wait: not cut short, but handed on.
        let hurried = Ask::get(&url).within(Duration::from_secs(5));
        for (ask, wanted) in [(Ask::get(&url), "61"), (hurried, "6")] {
            world.api.will_answer_with(429, after(wanted));
            let start = Instant::now();
            let answer = client.send(ask).await.unwrap();
            assert_eq!(answer.status, 429);
            assert_eq!(answer.headers[RETRY_AFTER], wanted);
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        }
    }
}
