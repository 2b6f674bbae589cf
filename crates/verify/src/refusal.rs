//! Why a request is not let through.

use http::StatusCode;

use crate::access_claims::BadClaims;
use crate::dpop::BadProof;
use crate::jws::BadJws;

/// Why a token or a request is refused. The texts hold nothing of the token, and are
/// `error_description`s (RFC 6750 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no `Authorization` header with a scheme that carries tokens.
    #[error("this needs an access token in the Authorization header")]
    NoToken,
    /// The `Authorization` header is no scheme and one token.
    #[error("the Authorization header is not a scheme, a space and one token")]
    AuthorizationMalformed,
    /// There are several `Authorization` headers (RFC 6750 §2).
    #[error("there is more than one Authorization header")]
    AuthorizationRepeated,
    /// It is no JWT that is looked at.
    #[error("the token is no JWT: {0}")]
    Jws(#[from] BadJws),
    /// It has an extension that must be understood, and none is (RFC 7515 §4.1.11).
    #[error("the token has a `crit` header")]
    Critical,
    /// It brings or points to the key that it wants to be verified with (RFC 8725 §3.10).
    #[error("the token has a `jwk`, `jku`, `x5u` or `x5c` header")]
    BringsKey,
    /// Its `typ` is another: another kind of JWT (RFC 8725 §3.11).
    #[error("the token is not of the type `at+jwt`")]
    Type,
    /// Its `alg` is not accepted, or not its key's (RFC 8725 §3.1).
    #[error("the token is signed with an algorithm that is not accepted, or not that of its key")]
    Algorithm,
    /// It names no key, or none that the issuer has.
    #[error("the token names no key that its issuer publishes")]
    KeyUnknown,
    /// The signature does not hold.
    #[error("the signature of the token does not hold")]
    Signature,
    /// Its claims are not those of an access token (RFC 9068 §2.2).
    #[error("the token is no access token: {0}")]
    Claims(#[from] BadClaims),
    /// Another issuer's.
    #[error("the token is of another issuer")]
    Issuer,
    /// Meant for somebody else.
    #[error("the token is meant for somebody else")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It was issued later than now.
    #[error("the token was issued in the future")]
    FromTheFuture,
    /// It is good for longer than any should be.
    #[error("the token lives longer than is accepted")]
    LivesTooLong,
    /// It, or its session, was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// It is bound to a key in a way that cannot be checked here.
    #[error("the token is bound to a key in a way that is not known here")]
    BindingUnknown,
    /// It is bound to a key, and came without a proof of that key (RFC 9449 §7.2).
    #[error("the token is bound to a key: send it with the scheme DPoP and a proof")]
    Bound,
    /// It is not bound to a key, and tokens must be.
    #[error("the token is not bound to a key, and must be")]
    Unbound,
    /// It may not be used for this (RFC 6750 §3.1).
    #[error("the token has not the scope that this needs")]
    Scope,
    /// The proof of possession is no good (RFC 9449 §4.3).
    #[error("the DPoP proof is refused: {0}")]
    Proof(#[from] BadProof),
    /// The issuer's keys cannot be had now.
    #[error("the keys of the issuer cannot be had at the moment")]
    KeysUnavailable,
}

impl Refusal {
    /// Its name, which does not change between versions.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoToken => "token_missing",
            Self::AuthorizationMalformed => "authorization_malformed",
            Self::AuthorizationRepeated => "authorization_repeated",
            Self::Jws(BadJws::TooLong) => "token_too_long",
            Self::Jws(BadJws::Malformed) => "token_malformed",
            Self::Jws(BadJws::Duplicate) => "token_name_twice",
            Self::Jws(BadJws::TooDeep) => "token_too_deep",
            Self::Critical => "token_critical_extension",
            Self::BringsKey => "token_brings_key",
            Self::Type => "token_type",
            Self::Algorithm => "token_algorithm",
            Self::KeyUnknown => "token_key_unknown",
            Self::Signature => "token_signature",
            Self::Claims(BadClaims::Missing(_)) => "token_claim_missing",
            Self::Claims(BadClaims::Type(_)) => "token_claim_type",
            Self::Claims(BadClaims::TooMany) => "token_too_many_claims",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::FromTheFuture => "token_from_the_future",
            Self::LivesTooLong => "token_lives_too_long",
            Self::Revoked => "token_revoked",
            Self::BindingUnknown => "token_binding_unknown",
            Self::Bound => "token_bound",
            Self::Unbound => "token_unbound",
            Self::Scope => "insufficient_scope",
            Self::Proof(proof) => proof.code(),
            Self::KeysUnavailable => "keys_unavailable",
        }
    }

    /// The `error` of RFC 6750 §3.1 or RFC 9449 §7.1. `None` when there was no token at all, which
    /// is no error (RFC 6750 §3), and when the fault is not the client's.
    pub fn error(self) -> Option<&'static str> {
        match self {
            Self::NoToken | Self::KeysUnavailable | Self::Proof(BadProof::ReplaysFull) => None,
            Self::AuthorizationMalformed | Self::AuthorizationRepeated => Some("invalid_request"),
            Self::Scope => Some("insufficient_scope"),
            Self::Proof(BadProof::Nonce) => Some("use_dpop_nonce"),
            // RFC 9449 §7.1: it is the token that does not fit the proof.
            Self::Proof(BadProof::OtherKey) => Some("invalid_token"),
            Self::Proof(_) => Some("invalid_dpop_proof"),
            _ => Some("invalid_token"),
        }
    }

    /// The status of the response.
    pub fn status(self) -> StatusCode {
        match self.error() {
            Some("invalid_request") => StatusCode::BAD_REQUEST,
            Some("insufficient_scope") => StatusCode::FORBIDDEN,
            None if self != Self::NoToken => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6750_3_1_a_row_for_each_refusal() {
        for (refusal, status, error) in [
            (Refusal::NoToken, 401, None),
            (Refusal::AuthorizationMalformed, 400, Some("invalid_request")),
            (Refusal::AuthorizationRepeated, 400, Some("invalid_request")),
            (Refusal::Jws(BadJws::Malformed), 401, Some("invalid_token")),
            (Refusal::Expired, 401, Some("invalid_token")),
            (Refusal::Revoked, 401, Some("invalid_token")),
            (Refusal::Claims(BadClaims::Missing("sub")), 401, Some("invalid_token")),
            (Refusal::Bound, 401, Some("invalid_token")),
            (Refusal::Scope, 403, Some("insufficient_scope")),
            (Refusal::Proof(BadProof::Signature), 401, Some("invalid_dpop_proof")),
            (Refusal::Proof(BadProof::Nonce), 401, Some("use_dpop_nonce")),
            (Refusal::Proof(BadProof::OtherKey), 401, Some("invalid_token")),
            (Refusal::Proof(BadProof::ReplaysFull), 503, None),
            (Refusal::KeysUnavailable, 503, None),
        ] {
            assert_eq!(refusal.status().as_u16(), status, "{refusal:?}");
            assert_eq!(refusal.error(), error, "{refusal:?}");
        }
    }
}
