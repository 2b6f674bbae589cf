//! A JWT is genuine: keys, rules, proofs of possession, and a tower layer.
//!
//! [`Verifier`] takes access tokens (RFC 9068), plain (RFC 6750) or bound to a key (RFC 9449), and
//! gives back what they say, or a [`Refusal`] with a code and the right answer.
//!
//! # What other verifiers let happen
//!
//! - The header says how the token is to be verified, and is believed: `none`, a MAC under the public
//!   key, a key that the token brings along. Here a key has one algorithm ([`VerifyingKey`]), and
//!   headers that bring keys are refused.
//! - A claim stands in the token twice, and two parts of a system read different ones. Here a name
//!   that occurs twice, at whatever depth, is no token.
//! - The keys are fetched while a request waits, once for each of a thousand requests, and again for
//!   each name that a stranger makes up; and when the issuer is down for a minute, so is
//!   everybody. [`JwksCache`] asks ahead of time, once, and serves what it has for a day.
//! - A key is parsed again for each signature. That costs RS256 a quarter of its speed.
//! - A token is verified again for each request, or else remembered by what an attacker can choose,
//!   and then past its revocation. Here it is remembered by a keyed hash, and judged again each time:
//!   against its key, the [`Denylist`], the rules and the clock.
//! - The proof of a DPoP key is held against the `Host` that the request names, so that a proof for
//!   another server passes. [`DpopPolicy`] knows who we are.
//!
//! # A token
//!
//! ```
//! use unlapse_verify::{JwkSet, Refusal, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = JwkSet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1",
//!     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
//! let verifier = Verifier::builder("https://id.example", "https://api.example", keys).build()?;
//! let refused = verifier.verify_at_once("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.");
//! assert_eq!(refused.err(), Some(Refusal::Algorithm));
//! # Ok(())
//! # }
//! ```
//!
//! # A service
//!
//! With the features `axum` and `reqwest`, one line before the routes:
//!
#![cfg_attr(all(feature = "axum", feature = "reqwest"), doc = "```")]
#![cfg_attr(not(all(feature = "axum", feature = "reqwest")), doc = "```ignore")]
//! use std::sync::Arc;
//! use axum::{Router, routing::get};
//! use unlapse_verify::{JwksCache, ReqwestFetch, Refused, TokioRuntime, Verified, Verifier, VerifyLayer};
//!
//! async fn things(verified: Verified) -> Result<String, Refused> {
//!     verified.require("things:read")?;
//!     Ok(format!("the things of {}", verified.sub))
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = "https://id.example";
//! let keys = JwksCache::of_issuer(issuer, Arc::new(ReqwestFetch::new()), Arc::new(TokioRuntime))?;
//! let verifier = Verifier::builder(issuer, "https://api.example", keys).build()?;
//! let app: Router = Router::new().route("/things", get(things)).layer(VerifyLayer::new(verifier));
//! # Ok(())
//! # }
//! ```
//!
//! # Sessions that were ended
//!
//! An access token is good until it expires, unless somebody says otherwise:
//! [`DenylistFollower`] hears it from the issuer within a second, and a [`Denylist`] given to the
//! [builder](VerifierBuilder::denylist) refuses the tokens of the session from then on.

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
