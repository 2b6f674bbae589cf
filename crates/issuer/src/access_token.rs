//! The access token: a JWT as RFC 9068 has it. Verifying it is the business of `unlapse-verify`.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use unlapse_core::{Secret, UnixTime};
use unlapse_verify::Confirmation;

use crate::session::SessionId;
use crate::signing_key::SigningKey;

/// What an access token says (RFC 9068 §2.2), as it is signed: borrowed, as it lives no longer.
#[derive(Debug, Serialize)]
pub(crate) struct Claims<'a> {
    pub(crate) iss: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) aud: &'a str,
    pub(crate) client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<&'a str>,
    pub(crate) exp: u64,
    pub(crate) iat: u64,
    pub(crate) jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cnf: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<&'a Value>,
}

/// The longest that an access token may be configured to live. What is denied stays denied for so long,
/// as another node, or this one before it was configured anew, may have signed for as long.
pub(crate) const LONGEST_ACCESS: Duration = Duration::from_secs(3600);

/// Room for the claims of most tokens.
const MOST: usize = 512;

impl Claims<'_> {
    /// Signs them.
    pub(crate) fn sign(&self, key: &SigningKey) -> Secret {
        let mut claims = Vec::with_capacity(MOST);
        serde_json::to_writer(&mut claims, self).expect("strings and numbers always make JSON");
        let mut token = String::with_capacity(key.header().len() + claims.len() * 4 / 3 + 352);
        token.push_str(key.header());
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Secret::from(token)
    }
}

/// `iat` and `exp` of a token that is issued at `now` for `lifetime`. Both are whole seconds: the
/// end is rounded up, so that a client that counts `expires_in` from its request never uses it too
/// late.
pub(crate) fn span(now: UnixTime, lifetime: Duration) -> (u64, u64) {
    (now.as_secs(), now.plus(lifetime).as_millis().div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_verify::{AccessClaims, Algorithm, Jws, Thumbprint};

    #[test]
    fn rfc9068_2_a_verifier_reads_what_was_signed_with_every_algorithm() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).expect("drawn");
            let jkt = Thumbprint::from_bytes([7; 32]);
            let sid = SessionId::from_bytes([1; 16]);
            let claims = Claims {
                iss: "https://id.example",
                sub: "ada",
                aud: "https://api.example",
                client_id: "app",
                scope: Some("read write"),
                exp: 1900,
                iat: 1000,
                jti: "j",
                sid: Some(sid),
                cnf: Some(Confirmation::Jkt { jkt }),
                act: None,
            };
            let token = claims.sign(&key);
            let jws = Jws::parse(token.expose()).expect("a JWT");
            assert!(jws.is_signed_by(key.jwk().key()));
            assert_eq!(jws.header.algorithm, Some(algorithm));
            assert_eq!(jws.header.typ.as_deref(), Some("at+jwt"));
            assert_eq!(jws.header.kid.as_deref(), Some(key.jwk().kid()));
            let read = AccessClaims::from_members(jws.claims).expect("claims of RFC 9068");
            assert_eq!((read.iss.as_str(), read.sub.as_str()), ("https://id.example", "ada"));
            assert_eq!((read.exp, read.iat, read.jti.as_str()), (1900, 1000, "j"));
            assert_eq!(read.sid, Some(sid.to_string()));
            assert_eq!(read.jkt(), Some(jkt));
            assert!(read.further.is_empty());
        }
    }

    #[test]
    fn r11_the_end_is_rounded_up() {
        let now = UnixTime::from_millis(1_000_001);
        assert_eq!(span(now, Duration::from_secs(900)), (1000, 1901));
        assert_eq!(span(UnixTime::from_secs(1000), Duration::from_secs(900)), (1000, 1900));
    }
}
