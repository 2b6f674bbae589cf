//! The keys of an issuer, kept near: when it is asked, and what happens when it does not answer.

mod support;

use std::sync::Arc;
use std::time::Duration;

use http::header::CACHE_CONTROL;
use serde_json::json;
use support::{AUDIENCE, HandClock, HandRuntime, ISSUER, Signer, Web, ok, set, status};
use unlapse_verify::{Algorithm, Fetched, JwkSet, JwksCache, Refusal, Verifier};

const URI: &str = "https://id.example/jwks";

struct Rig {
    web: Arc<Web>,
    clock: HandClock,
    cache: JwksCache,
    verifier: Verifier,
}

fn rig(replies: impl IntoIterator<Item = Fetched>) -> Rig {
    let (web, clock) = (Web::new(replies), HandClock::new());
    let runtime = Arc::new(HandRuntime(clock.clone()));
    let cache = JwksCache::at(URI, web.clone(), runtime).expect("https");
    rig_of(cache, web, clock)
}

fn rig_of(cache: JwksCache, web: Arc<Web>, clock: HandClock) -> Rig {
    let verifier = Verifier::builder(ISSUER, AUDIENCE, cache.clone()).clock(clock.clock());
    Rig { web, clock, cache, verifier: verifier.build().expect("a verifier") }
}

fn signer() -> Signer {
    Signer::new(Algorithm::EdDsa)
}

/// A token that lives as long as is accepted, so that only the keys' age counts.
fn token(signer: &Signer, rig: &Rig) -> String {
    let now = rig.clock.now().as_secs();
    signer.token(&json!({ "iat": now, "exp": now + 86_400 }))
}

/// Lets what was spawned come to its end.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test(start_paused = true)]
async fn j3_a_hundred_at_once_ask_once() {
    let signer = signer();
    let rig = rig([ok(&set(&[&signer]))]);
    let token = token(&signer, &rig);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (verifier, token) = (rig.verifier.clone(), token.clone());
        tasks.spawn(async move { verifier.verify(&token).await.map(|_| ()) });
    }
    assert!(tasks.join_all().await.into_iter().all(|verified| verified == Ok(())));
    assert_eq!(rig.web.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn j3_keys_are_renewed_ahead_of_time_and_nobody_waits() {
    let signer = signer();
    let rig = rig([ok(&set(&[&signer]))]);
    let token = token(&signer, &rig);
    assert!(rig.verifier.verify(&token).await.is_ok());
    rig.clock.advance(secs(239));
    assert!(rig.verifier.verify_at_once(&token).is_ok());
    settle().await;
    assert_eq!(rig.web.count(), 1);
    // Four fifths of five minutes are over.
    rig.clock.advance(secs(1));
    for _ in 0..10 {
        assert!(rig.verifier.verify_at_once(&token).is_ok(), "without waiting");
    }
    settle().await;
    assert_eq!(rig.web.count(), 2);
    assert_eq!(rig.cache.age(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn rfc9111_5_2_2_1_the_issuer_says_for_how_long() {
    let signer = signer();
    let mut reply = ok(&set(&[&signer]));
    reply.headers.insert(CACHE_CONTROL, "max-age=1000".parse().expect("a value"));
    let rig = rig([reply]);
    let token = token(&signer, &rig);
    assert!(rig.verifier.verify(&token).await.is_ok());
    for (advance, asked) in [(799, 1), (1, 2), (799, 2), (1, 3)] {
        rig.clock.advance(secs(advance));
        assert!(rig.verifier.verify(&token).await.is_ok());
        settle().await;
        assert_eq!(rig.web.count(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn j6_old_keys_serve_for_a_day_while_the_issuer_is_down() {
    let signer = signer();
    let rig = rig([ok(&set(&[&signer]))]);
    assert!(rig.verifier.verify(&token(&signer, &rig)).await.is_ok());
    rig.web.fall();
    for _ in 0..24 {
        rig.clock.advance(secs(3599));
        assert!(rig.verifier.verify(&token(&signer, &rig)).await.is_ok());
    }
    rig.clock.advance(secs(25));
    let refused = rig.verifier.verify(&token(&signer, &rig)).await.expect_err("too old");
    assert_eq!(refused, Refusal::KeysUnavailable);
    assert_eq!(refused.status().as_u16(), 503);
    // It is back.
    rig.web.say(ok(&set(&[&signer])));
    rig.clock.advance(secs(30));
    assert!(rig.verifier.verify(&token(&signer, &rig)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn j6_an_issuer_that_is_down_is_asked_with_growing_pauses() {
    let signer = signer();
    let rig = rig([status(503)]);
    let token = token(&signer, &rig);
    let mut asked_at = Vec::new();
    for second in 0..120 {
        let before = rig.web.count();
        assert_eq!(rig.verifier.verify(&token).await, Err(Refusal::KeysUnavailable));
        if rig.web.count() > before {
            asked_at.push(second);
        }
        rig.clock.advance(secs(1));
    }
    assert_eq!(asked_at, [0, 1, 3, 7, 15, 31, 61, 91]);
}

#[tokio::test(start_paused = true)]
async fn j6_a_clock_that_was_set_back_makes_no_pause_longer() {
    let signer = signer();
    let rig = rig([status(503)]);
    rig.clock.advance(secs(100_000));
    let early = signer.token(&json!({}));
    assert_eq!(rig.verifier.verify(&early).await, Err(Refusal::KeysUnavailable));
    rig.web.say(ok(&set(&[&signer])));
    rig.clock.set_back(secs(100_000));
    assert!(rig.verifier.verify(&early).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn j3_an_unknown_name_is_asked_for_once_a_minute() {
    let (known, new) = (signer(), signer());
    let rig = rig([ok(&set(&[&known]))]);
    assert!(rig.verifier.verify(&token(&known, &rig)).await.is_ok());
    // A key that was published just now is found at once.
    rig.web.say(ok(&set(&[&known, &new])));
    assert!(rig.verifier.verify(&token(&new, &rig)).await.is_ok());
    assert_eq!(rig.web.count(), 2);
    // What strangers make up is not asked for again and again.
    for _ in 0..59 {
        rig.clock.advance(secs(1));
        for _ in 0..10 {
            let made_up = token(&signer(), &rig);
            assert_eq!(rig.verifier.verify(&made_up).await, Err(Refusal::KeyUnknown));
        }
    }
    assert_eq!(rig.web.count(), 2);
    rig.clock.advance(secs(1));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (verifier, token) = (rig.verifier.clone(), token(&signer(), &rig));
        tasks.spawn(async move { verifier.verify(&token).await.map(|_| ()) });
    }
    assert!(tasks.join_all().await.into_iter().all(|refused| refused == Err(Refusal::KeyUnknown)));
    assert_eq!(rig.web.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn j3_a_key_that_is_gone_from_a_fresh_set_is_accepted_no_more() {
    let (kept, gone) = (signer(), signer());
    let rig = rig([ok(&set(&[&kept, &gone]))]);
    let (of_kept, of_gone) = (token(&kept, &rig), token(&gone, &rig));
    for token in [&of_kept, &of_gone] {
        assert!(rig.verifier.verify(token).await.is_ok());
    }
    rig.web.say(ok(&set(&[&kept])));
    rig.clock.advance(secs(240));
    assert!(rig.verifier.verify(&of_gone).await.is_ok(), "nobody has told us yet");
    settle().await;
    // Though it is remembered.
    assert_eq!(rig.verifier.verify(&of_gone).await, Err(Refusal::KeyUnknown));
    assert!(rig.verifier.verify(&of_kept).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn j6_what_is_no_key_set_changes_nothing() {
    let signer = signer();
    for bad in [
        Fetched { body: b"<html>maintenance</html>".to_vec(), ..status(200) },
        Fetched { body: vec![b' '; JwkSet::MAX_TEXT + 1], ..status(200) },
        status(302),
        status(404),
        status(500),
    ] {
        let rig = rig([ok(&set(&[&signer]))]);
        let token = token(&signer, &rig);
        assert!(rig.verifier.verify(&token).await.is_ok());
        rig.web.say(bad);
        rig.clock.advance(secs(301));
        assert!(rig.verifier.verify(&token).await.is_ok());
        assert_eq!(rig.web.count(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn j6_an_issuer_that_hangs_is_given_up() {
    struct Hangs;
    impl unlapse_verify::Fetch for Hangs {
        fn fetch<'a>(
            &'a self,
            _: &'a str,
            _: usize,
        ) -> unlapse_core::BoxFuture<'a, Result<Fetched, unlapse_verify::FetchError>> {
            Box::pin(core::future::pending())
        }
    }
    let clock = HandClock::new();
    let runtime = Arc::new(HandRuntime(clock.clone()));
    let cache = JwksCache::at(URI, Arc::new(Hangs), runtime).expect("https");
    let rig = rig_of(cache, Web::new([status(500)]), clock);
    // Tokio's clock is paused, and goes on when all wait.
    assert!(!rig.cache.warm().await);
    assert_eq!(rig.verifier.verify(&token(&signer(), &rig)).await, Err(Refusal::KeysUnavailable));
}

#[tokio::test(start_paused = true)]
async fn j6_whoever_asked_may_go() {
    let signer = signer();
    let rig = rig([ok(&set(&[&signer]))]);
    let token = token(&signer, &rig);
    tokio::select! {
        biased;
        _ = rig.verifier.verify(&token) => panic!("the answer takes longer"),
        () = tokio::task::yield_now() => {}
    }
    assert!(rig.verifier.verify(&token).await.is_ok());
    assert_eq!(rig.web.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn rfc8414_3_keys_are_found_by_the_issuers_name() {
    let signer = signer();
    let metadata = json!({ "issuer": ISSUER, "jwks_uri": "https://keys.example/jwks" });
    let web = Web::new([status(404), ok(&metadata), ok(&set(&[&signer]))]);
    let clock = HandClock::new();
    let runtime = Arc::new(HandRuntime(clock.clone()));
    let cache = JwksCache::of_issuer(ISSUER, web.clone(), runtime).expect("https");
    let rig = rig_of(cache, web, clock);
    assert!(rig.verifier.verify(&token(&signer, &rig)).await.is_ok());
    let asked = [
        "https://id.example/.well-known/oauth-authorization-server",
        "https://id.example/.well-known/openid-configuration",
        "https://keys.example/jwks",
    ];
    assert_eq!(*rig.web.asked.lock().expect("no panic"), asked);
    // It is known from now on where they are; and looked up again when nothing is there.
    rig.clock.advance(secs(301));
    rig.web.say(status(500));
    assert!(rig.verifier.verify(&token(&signer, &rig)).await.is_ok());
    assert_eq!(rig.web.count(), 4);
    rig.clock.advance(secs(2));
    assert!(rig.verifier.verify(&token(&signer, &rig)).await.is_ok());
    assert_eq!(rig.web.asked.lock().expect("no panic")[4], asked[0]);
}

#[tokio::test(start_paused = true)]
async fn rfc8414_3_3_another_issuers_metadata_give_no_keys() {
    let metadata = json!({ "issuer": "https://evil.example", "jwks_uri": URI });
    let signer = signer();
    let web = Web::new([ok(&metadata), ok(&set(&[&signer]))]);
    let clock = HandClock::new();
    let runtime = Arc::new(HandRuntime(clock.clone()));
    let cache = JwksCache::of_issuer(ISSUER, web.clone(), runtime).expect("https");
    let rig = rig_of(cache, web, clock);
    let refused = rig.verifier.verify(&token(&signer, &rig)).await;
    assert_eq!((refused, rig.web.count()), (Err(Refusal::KeysUnavailable), 1));
}
