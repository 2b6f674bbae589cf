//! The ID token: who logged in, for the client (OpenID Connect Core §2).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use unlapse_core::Secret;
use unlapse_verify::Algorithm;

use crate::signing_key::SigningKey;

/// What it says. It is for the client alone, and no access token: its `typ` and its `aud` are
/// others.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IdToken<'a> {
    pub(crate) iss: &'a str,
    pub(crate) sub: &'a str,
    /// The client.
    pub(crate) aud: &'a str,
    /// Seconds since 1970, as the next two.
    pub(crate) exp: u64,
    pub(crate) iat: u64,
    pub(crate) auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<&'a str>,
    /// See [`at_hash`].
    pub(crate) at_hash: String,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// What the host says of the person.
    #[serde(flatten)]
    pub(crate) further: Map<String, Value>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'static str,
    kid: &'a str,
}

impl IdToken<'_> {
    /// Signs it.
    pub(crate) fn sign(&self, key: &SigningKey) -> Secret {
        const INVARIANT: &str = "strings and numbers always make JSON";
        let header = Header { alg: key.algorithm().as_str(), typ: "JWT", kid: key.jwk().kid() };
        let header = serde_json::to_vec(&header).expect(INVARIANT);
        let claims = serde_json::to_vec(self).expect(INVARIANT);
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Secret::from(token)
    }
}

/// The left half of the access token's hash (§3.1.3.6), by the hash of the signature: for Ed25519
/// that is SHA-512.
pub(crate) fn at_hash(algorithm: Algorithm, access_token: &Secret) -> String {
    let hash = match algorithm {
        Algorithm::EdDsa => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let digest = digest::digest(hash, access_token.expose().as_bytes());
    let whole = digest.as_ref();
    URL_SAFE_NO_PAD.encode(&whole[..whole.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_a_3_the_example_of_at_hash() {
        let access_token = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(at_hash(Algorithm::Rs256, &access_token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(at_hash(Algorithm::EdDsa, &access_token).len(), 43, "256 bits");
    }
}
