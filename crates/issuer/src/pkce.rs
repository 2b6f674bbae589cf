//! Proof Key for Code Exchange (RFC 7636): `S256` alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use unlapse_verify::sha256;

/// A `code_challenge` of the method `S256`. `plain` is not taken: it shows the verifier to whoever
/// sees the authorization request (RFC 9700 §2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Challenge(String);

impl Challenge {
    /// Reads a challenge: 43 characters that are a SHA-256 in base64url.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut digest).ok()?;
        (length == digest.len()).then(|| Self(text.to_owned()))
    }

    /// Whether it was made of `verifier` (§4.6), which is 43 to 128 unreserved characters (§4.1).
    pub(crate) fn fits(&self, verifier: &str) -> bool {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (43..=128).contains(&verifier.len())
            && verifier.bytes().all(unreserved)
            && URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes())) == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[test]
    fn rfc7636_b_the_example() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let challenge = challenge.expect("a challenge");
        assert!(challenge.fits(VERIFIER));
        let other = VERIFIER.replace('d', "e");
        let long = "a".repeat(129);
        for bad in ["", &VERIFIER[..42], &other, &long, &format!("{VERIFIER}\n")] {
            assert!(!challenge.fits(bad), "{bad}");
        }
    }

    #[test]
    fn rfc7636_4_1_a_verifier_has_its_length_and_its_alphabet() {
        let fits = |verifier: &str| {
            let digest = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
            Challenge::parse(&digest).is_some_and(|challenge| challenge.fits(verifier))
        };
        assert!(fits(&"a".repeat(43)) && fits(&"~".repeat(128)));
        for bad in ["a".repeat(42), "a".repeat(129), "ä".repeat(43), " ".repeat(43)] {
            assert!(!fits(&bad), "{bad}");
        }
    }

    #[test]
    fn rfc7636_4_2_a_challenge_is_a_digest() {
        let padded = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=";
        for bad in ["", VERIFIER.get(1..).expect("longer"), padded, &"!".repeat(43)] {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
    }
}
