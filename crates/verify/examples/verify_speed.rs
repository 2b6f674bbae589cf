//! What verifying costs, in time of the processor: the raw signature beside a new token, hashes beside each other, and a
//! token that is remembered on one thread and on all.
//!
//! `cargo run --release -p unlapse-verify --example verify_speed`
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use unlapse_verify::{Algorithm, Denylist, Verifier};

#[path = "../tests/support/mod.rs"]
mod support;
use support::{AUDIENCE, HandClock, ISSUER, Signer, set};

fn main() {
    for algorithm in Algorithm::ALL {
        new_tokens(algorithm);
    }
    hashes();
    remembered();
}

/// Nanoseconds of this thread's processor for one of what `work` does: the best of several runs, so
/// that what else the machine does counts less.
fn measure(mut work: impl FnMut()) -> f64 {
    (0..15).map(|_| run(Duration::from_millis(60), &mut work)).fold(f64::MAX, f64::min)
}

fn run(time: Duration, work: &mut impl FnMut()) -> f64 {
    let (start, mut times) = (used(), 0_u32);
    loop {
        for _ in 0..64 {
            work();
        }
        times += 64;
        let used = used().saturating_sub(start);
        if used > time {
            return used.as_secs_f64() * 1e9 / f64::from(times);
        }
    }
}

/// What this thread has used of the processor: others on the machine do not count.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |part: i64| u64::try_from(part).expect("it never runs backwards");
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

fn new_tokens(algorithm: Algorithm) {
    let (signer, clock) = (Signer::new(algorithm), HandClock::new());
    let verifier = Verifier::builder(ISSUER, AUDIENCE, set(&[&signer]));
    let verifier = verifier.clock(clock.clock()).remember(0).build().expect("a verifier");
    let token = signer.token(&json!({}));
    let (message, signature) = token.rsplit_once('.').expect("a JWT");
    let key = signer.jwk();
    let signature = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).expect("base64url")
    };
    // In turns, so that both see the same machine.
    let (mut raw, mut whole) = (f64::MAX, f64::MAX);
    for _ in 0..10 {
        raw = raw.min(run(Duration::from_millis(100), &mut || {
            assert!(key.key().verifies(black_box(message.as_bytes()), &signature));
        }));
        whole = whole.min(run(Duration::from_millis(100), &mut || {
            assert!(verifier.verify_at_once(black_box(&token)).is_ok());
        }));
    }
    let more = (whole / raw - 1.0) * 100.0;
    println!("{algorithm}: raw {raw:.0} ns, new token {whole:.0} ns (+{more:.1} %)");
}

fn hashes() {
    let token = Signer::new(Algorithm::Rs256).token(&json!({}));
    let sha256 = measure(|| {
        black_box(digest::digest(&digest::SHA256, black_box(token.as_bytes())));
    });
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("a key"));
    let gmac = measure(|| {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(token.as_bytes()), &mut []);
        let _ = black_box(tag.expect("sealed"));
    });
    println!("hash of {} bytes: SHA-256 {sha256:.0} ns, GMAC {gmac:.0} ns", token.len());
}

fn remembered() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
        let signer = Signer::new(algorithm);
        let verifier = Verifier::builder(ISSUER, AUDIENCE, set(&[&signer]))
            .denylist(Arc::new(Denylist::default()))
            .longest_lifetime(Duration::MAX)
            .build()
            .expect("a verifier");
        // By the system's clock, as in production.
        let token =
            |jti: usize| signer.token(&json!({ "jti": jti.to_string(), "exp": 9_999_999_999_u64 }));
        let tokens: Vec<_> = (0..64).map(token).collect();
        let work = |mut at: usize| {
            let (verifier, tokens) = (verifier.clone(), &tokens);
            move || {
                at = (at + 1) % tokens.len();
                assert!(verifier.verify_at_once(black_box(&tokens[at])).is_ok());
            }
        };
        let one = measure(work(0));
        println!(
            "{algorithm}, remembered, {} bytes: {one:.0} ns, {:.2} million/s",
            tokens[0].len(),
            1e3 / one
        );
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let rates = std::thread::scope(|scope| {
            let measured = |at| {
                let work = work(at * 7);
                scope.spawn(move || 1e3 / measure(work))
            };
            let running: Vec<_> = (0..threads).map(measured).collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).sum::<f64>()
        });
        println!("{algorithm}, remembered, {threads} threads: {rates:.2} million/s together");
    }
}
