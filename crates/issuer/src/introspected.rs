//! What a token is good for, told to whoever may know (RFC 7662).

use serde::Serialize;
use unlapse_verify::AccessClaims;

/// A token that can be used now, as whoever may see it is told (RFC 7662 §2.2).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Introspected {
    /// An access token: its claims.
    AccessToken {
        /// How it goes on requests: `Bearer`, or `DPoP` when it is bound to a key.
        token_type: &'static str,
        /// What it says.
        #[serde(flatten)]
        claims: Box<AccessClaims>,
    },
    /// A refresh token: what is known of its session.
    RefreshToken {
        /// The issuer.
        iss: String,
        /// Who logged in.
        sub: String,
        /// The client that may use it.
        client_id: String,
        /// What was granted.
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
        /// When it was made: seconds since 1970.
        iat: u64,
        /// Not to be used from here on, unless its session goes on before: seconds since 1970.
        exp: u64,
        /// Its session.
        sid: String,
    },
}
