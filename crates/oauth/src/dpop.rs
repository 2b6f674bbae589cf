//! Proof of possession (RFC 9449): a token that is of no use without its private key.
//!
//! Every request with such a token bears a proof: a small JWT about this one request, signed with the
//! key that the token is bound to. A `SenderKey` (feature `dpop`) makes it from values alone: what is
//! random, and what time it is, comes from the caller. What is said without a key, nonces and what a
//! proof is about, is here in every build.

mod proof;
#[cfg(feature = "dpop")]
mod sender_key;

use http::{HeaderMap, HeaderName, StatusCode};

pub use proof::{BadTarget, Proof, Target};
#[cfg(feature = "dpop")]
pub use sender_key::{Algorithm, BadSenderKey, SenderKey};

use crate::challenge::challenges;

/// The request header that bears the proof (RFC 9449 §4).
pub const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The reply header that bears a nonce for the next proof (RFC 9449 §8.1).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Longest nonce that is taken, in bytes: a stranger chooses it, and it goes into every proof.
const MAX_NONCE: usize = 1024;

/// The nonce that a reply brings, for proofs to the same server from now on (RFC 9449 §8.2). `None`
/// when there is none, or none that the RFC allows.
pub fn nonce(headers: &HeaderMap) -> Option<&str> {
    headers.get(DPOP_NONCE).and_then(|value| value.to_str().ok()).filter(|nonce| is_nonce(nonce))
}

/// The nonce that a resource server refused a request for the lack of (RFC 9449 §9): the request is
/// to be made once more, with a proof that has it. `None` for any other reply.
pub fn wanted_nonce(status: StatusCode, headers: &HeaderMap) -> Option<&str> {
    let asks = status == StatusCode::UNAUTHORIZED
        && challenges(headers).iter().any(|challenge| {
            challenge.wants_token() && challenge.error() == Some("use_dpop_nonce")
        });
    nonce(headers).filter(|_| asks)
}

/// Whether `nonce` is one: `1*NQCHAR` (RFC 9449 §8.1), of a length that can be sent back.
pub fn is_nonce(nonce: &str) -> bool {
    (1..=MAX_NONCE).contains(&nonce.len())
        && nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::WWW_AUTHENTICATE;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs.map(|(name, value)| (name, value.parse().expect("a value"))).collect()
    }

    #[test]
    fn rfc9449_8_1_a_nonce_is_of_its_characters_and_bounded() {
        let longest = "n".repeat(MAX_NONCE);
        for (value, is_one) in [
            ("eyJ7S_zG.eyJH0-Z.HX4w-7v", true),
            ("!#[]~", true),
            (&longest, true),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("a\\b", false),
            (&format!("{longest}n"), false),
        ] {
            let found = headers(&[(DPOP_NONCE, value)]);
            assert_eq!(nonce(&found), is_one.then_some(value), "{value}");
        }
        assert_eq!(nonce(&HeaderMap::new()), None);
    }

    #[test]
    fn rfc9449_9_only_a_401_that_asks_for_a_nonce_and_brings_one_is_repeated() {
        let asks = r#"DPoP error="use_dpop_nonce", error_description="…""#.replace('…', "x");
        let other = r#"DPoP error="invalid_token""#;
        let elsewhere = r#"Basic error="use_dpop_nonce""#;
        for (status, challenge, nonce, expected) in [
            (401, asks.as_str(), "n-1", Some("n-1")),
            (401, other, "n-1", None),
            (401, elsewhere, "n-1", None),
            (400, &asks, "n-1", None),
            (401, &asks, "", None),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let headers = headers(&[(WWW_AUTHENTICATE, challenge), (DPOP_NONCE, nonce)]);
            assert_eq!(wanted_nonce(status, &headers), expected, "{status} {challenge} {nonce}");
        }
    }
}
