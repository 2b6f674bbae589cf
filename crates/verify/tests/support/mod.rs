//! Signers, a clock that is set by hand, and an issuer that answers as it is told.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use unlapse_core::{BoxFuture, UnixTime};
use unlapse_verify::{
    Algorithm, Clock, Fetch, FetchError, Fetched, Jwk, JwkSet, Runtime, Verifier, VerifierBuilder,
};

pub const ISSUER: &str = "https://id.example";
pub const AUDIENCE: &str = "https://api.example";
/// When it is, unless a test says otherwise.
pub const NOW: u64 = 1_000_000;

/// A private key that signs whatever it is given.
pub enum Signer {
    EdDsa(Ed25519KeyPair),
    Es256(Box<EcdsaKeyPair>),
    Rs256(RsaKeyPair),
}

impl Signer {
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                Self::Es256(Box::new(pair.expect("drawn")))
            }
            Algorithm::Rs256 => Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("drawn")),
            _ => Self::EdDsa(Ed25519KeyPair::generate().expect("drawn")),
        }
    }

    pub fn jwk(&self) -> Jwk {
        match self {
            Self::EdDsa(pair) => {
                Jwk::ed25519(pair.public_key().as_ref().try_into().expect("32 bytes"))
            }
            Self::Es256(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(32);
                Jwk::p256(x.try_into().expect("32 bytes"), y.try_into().expect("32 bytes"))
            }
            Self::Rs256(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                Jwk::rsa(n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero())
            }
        }
        .expect("a good key")
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Es256(pair) => pair.sign(&random, message).expect("signed").as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
        }
    }

    /// A JWT of these very texts.
    pub fn jwt(&self, header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// The header of a good access token.
    pub fn header(&self) -> Value {
        let jwk = self.jwk();
        json!({ "alg": jwk.algorithm().as_str(), "typ": "at+jwt", "kid": jwk.kid() })
    }

    /// A good access token, but for what `change` has.
    pub fn token(&self, change: &Value) -> String {
        self.jwt(&self.header().to_string(), &changed(claims(), change).to_string())
    }

    /// A proof of this key, but for what `change` has.
    pub fn proof(&self, change: &Value) -> String {
        let mut jwk = serde_json::to_value(self.jwk()).expect("JSON");
        for name in ["kid", "alg", "use"] {
            jwk.as_object_mut().expect("an object").remove(name);
        }
        let alg = self.jwk().algorithm().as_str();
        let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk });
        self.jwt(&header.to_string(), &changed(proof_claims(), change).to_string())
    }
}

/// The claims of RFC 9449 §4.2, figure 2.
pub fn proof_claims() -> Value {
    json!({
        "jti": "-BwC3ESc6acc2lTc", "htm": "POST", "htu": "https://api.example/things",
        "iat": NOW,
    })
}

pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "ada", "aud": AUDIENCE, "client_id": "app", "scope": "read write",
        "exp": NOW + 900, "iat": NOW, "jti": "j", "sid": "s",
    })
}

pub fn changed(mut base: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().expect("an object") {
        if value.is_null() {
            base.as_object_mut().expect("an object").remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

pub fn set(signers: &[&Signer]) -> JwkSet {
    JwkSet::new(signers.iter().map(|signer| signer.jwk()))
}

/// A clock that stands until it is moved.
#[derive(Clone)]
pub struct HandClock(Arc<AtomicU64>);

impl HandClock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW * 1000)))
    }

    pub fn now(&self) -> UnixTime {
        UnixTime::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub fn advance(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).expect("a short time");
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub fn set_back(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).expect("a short time");
        self.0.fetch_sub(millis, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

pub fn builder(signers: &[&Signer], clock: &HandClock) -> VerifierBuilder {
    Verifier::builder(ISSUER, AUDIENCE, set(signers)).clock(clock.clock())
}

/// The hand's clock for what is due, and tokio's paused one for what waits.
pub struct HandRuntime(pub HandClock);

impl Runtime for HandRuntime {
    fn now(&self) -> UnixTime {
        self.0.now()
    }

    #[expect(clippy::disallowed_methods, reason = "tokio's clock is paused in these tests")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    #[expect(clippy::disallowed_methods, reason = "the tests' own tasks")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// An issuer's web server. Says the next of its replies, and the last of them for ever.
pub struct Web {
    replies: Mutex<VecDeque<Result<Fetched, FetchError>>>,
    pub asked: Mutex<Vec<String>>,
}

impl Web {
    pub fn new(replies: impl IntoIterator<Item = Fetched>) -> Arc<Self> {
        let replies = Mutex::new(replies.into_iter().map(Ok).collect());
        Arc::new(Self { replies, asked: Mutex::default() })
    }

    /// Replaces what it says.
    pub fn say(&self, reply: Fetched) {
        *self.replies.lock().expect("no panic") = VecDeque::from([Ok(reply)]);
    }

    /// Cannot be reached from now on.
    pub fn fall(&self) {
        let down = VecDeque::from([Err(FetchError::Unreachable)]);
        *self.replies.lock().expect("no panic") = down;
    }

    pub fn count(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }
}

impl Fetch for Web {
    fn fetch<'a>(
        &'a self,
        uri: &'a str,
        _limit: usize,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            self.asked.lock().expect("no panic").push(uri.to_owned());
            // As over a real network: others run before the answer is there.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            let mut replies = self.replies.lock().expect("no panic");
            if replies.len() > 1 {
                replies.pop_front().expect("there are two")
            } else {
                replies.front().expect("there is one").clone()
            }
        })
    }
}

pub fn ok(body: &impl serde::Serialize) -> Fetched {
    let body = serde_json::to_vec(body).expect("JSON");
    Fetched { status: StatusCode::OK, body, ..Fetched::default() }
}

pub fn status(status: u16) -> Fetched {
    Fetched { status: StatusCode::from_u16(status).expect("a status"), ..Fetched::default() }
}
