//! A JWT is genuine: keys, rules, proofs of possession, and a tower layer.

mod algorithm;
mod base64url;
mod header;
mod json;
mod jwk;
mod jwk_set;
mod jws;
mod sha256;
mod small_order;
mod thumbprint;
mod verifying_key;

pub use algorithm::Algorithm;
pub use header::Header;
pub use jwk::{BadJwk, Jwk};
pub use jwk_set::{BadJwkSet, JwkSet};
pub use jws::{BadJws, Jws};
pub use sha256::sha256;
pub use thumbprint::{BadThumbprint, Thumbprint};
pub use verifying_key::VerifyingKey;
