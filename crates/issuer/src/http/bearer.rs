//! An access token on a request to the issuer itself, and refusals of it (RFC 6750, RFC 9449 §7).

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use unlapse_verify::Verified;

use super::reply::{Door, refused};
use crate::denied::{Code, Denied};
use crate::issuer::Issuer;

/// A refusal, and the challenge that goes with it.
pub(super) struct Unauthorized {
    denied: Denied,
    challenge: HeaderMap,
}

impl From<Denied> for Unauthorized {
    fn from(denied: Denied) -> Self {
        Self { denied, challenge: HeaderMap::new() }
    }
}

/// What the access token of `request` says.
pub(super) async fn verified(issuer: &Issuer, request: &Parts) -> Result<Verified, Unauthorized> {
    let Parts { method, uri, headers, .. } = request;
    let verified = issuer.own_verifier().verify_request(method, uri, headers).await;
    let invalid = || issuer.refuse_request(Code::TokenInvalid);
    match verified {
        // A verifier allows for clocks that differ; but this one is the issuer's own.
        Ok(verified) if verified.expires_at() <= issuer.now() => Err(invalid().into()),
        Ok(verified) => Ok(verified),
        Err(refusal) => Err(Unauthorized { denied: invalid(), challenge: refusal.headers() }),
    }
}

impl Unauthorized {
    /// As a reply; `scope` is what the endpoint takes.
    pub(super) fn into_response(self, scope: &str) -> Response {
        let Self { denied, challenge } = self;
        let mut response = refused(denied, Door::Json);
        let own = match denied.code {
            Code::TokenInvalid => "Bearer error=\"invalid_token\"".to_owned(),
            Code::ScopeInsufficient => {
                format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")
            }
            _ => return response,
        };
        let headers = response.headers_mut();
        if let Ok(own) = HeaderValue::from_str(&own) {
            headers.insert(header::WWW_AUTHENTICATE, own);
        }
        if challenge.contains_key(header::WWW_AUTHENTICATE) {
            headers.remove(header::WWW_AUTHENTICATE);
        }
        // The challenge, and the nonce that a proof is wanted with.
        for name in [header::WWW_AUTHENTICATE, header::HeaderName::from_static("dpop-nonce")] {
            for value in challenge.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        response
    }
}
