//! A JWT is genuine: keys, rules, proofs of possession, and a tower layer.

mod access_claims;
mod algorithm;
mod audience;
#[cfg(feature = "axum")]
mod axum;
mod base64url;
mod clock;
mod denylist;
mod denylist_follower;
mod dpop;
mod dpop_policy;
mod fetch;
mod header;
mod held;
mod htu;
mod json;
mod jwk;
mod jwk_set;
mod jwks_cache;
mod jws;
mod nonces;
mod published;
mod refusal;
mod refused;
mod remembered;
mod replays;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod rules;
mod runtime;
mod sha256;
mod small_order;
mod thumbprint;
#[cfg(feature = "tower")]
mod tower;
mod verified;
mod verifier;
mod verifier_builder;
mod verifying_key;

#[cfg(feature = "axum")]
pub use self::axum::NotVerified;
#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestFetch;
#[cfg(feature = "tower")]
pub use self::tower::{Verify, VerifyFuture, VerifyLayer};
pub use access_claims::{AccessClaims, BadClaims, Confirmation};
pub use algorithm::Algorithm;
pub use audience::Audience;
pub use clock::{Clock, system_clock};
pub use denylist::{DeniedId, Denylist};
pub use denylist_follower::{DenylistFollower, NotHeard};
pub use dpop::{BadProof, Proof, ProofOf, judge_proof};
pub use dpop_policy::{BadOrigin, DpopPolicy};
pub use fetch::{Fetch, FetchError, Fetched};
pub use header::Header;
pub use held::SharedKeys;
pub use htu::Htu;
pub use jwk::{BadJwk, Jwk};
pub use jwk_set::{BadJwkSet, JwkSet};
pub use jwks_cache::{CachePolicy, JwksCache};
pub use jws::{BadJws, Jws};
pub use nonces::{NoRandomness, Nonces};
pub use refusal::Refusal;
pub use refused::Refused;
pub use replays::Replays;
pub use rules::{Rules, judge};
pub use runtime::Runtime;
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use sha256::sha256;
pub use thumbprint::{BadThumbprint, Thumbprint};
pub use verified::Verified;
pub use verifier::{Keys, Verifier};
pub use verifier_builder::{BadVerifier, VerifierBuilder};
pub use verifying_key::VerifyingKey;
