//! What is answered to a request that is not let through (RFC 6750 §3, RFC 9449 §7.1).

use core::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::refusal::Refusal;

/// How a token was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RFC 6750 §2.1, or not at all.
    Bearer,
    /// RFC 9449 §7.1.
    Dpop,
}

/// What a resource server tells of itself in each challenge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// `realm` (RFC 9110 §11.5); none when empty.
    pub(crate) realm: String,
    /// What every token must have.
    pub(crate) scope: String,
    /// What proofs may be signed with, apart by spaces; none when DPoP is not spoken here.
    pub(crate) algs: Option<String>,
    /// Tokens without a key are not accepted at all. Only where DPoP is spoken.
    pub(crate) dpop_alone: bool,
}

/// A request that is not let through, and what to answer.
#[derive(Clone)]
pub struct Refused {
    refusal: Refusal,
    scheme: Scheme,
    terms: Arc<Terms>,
    /// The scope that is missing, when it is not one that every token must have.
    scope: Option<String>,
    nonce: Option<String>,
}

/// RFC 9449 §8.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

impl Refused {
    pub(crate) fn new(refusal: Refusal, scheme: Scheme, terms: &Arc<Terms>) -> Self {
        Self { refusal, scheme, terms: Arc::clone(terms), scope: None, nonce: None }
    }

    pub(crate) fn needing(self, scope: &str) -> Self {
        Self { scope: Some(scope.to_owned()), ..self }
    }

    pub(crate) fn with_nonce(self, nonce: Option<String>) -> Self {
        Self { nonce, ..self }
    }

    /// Why.
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The status of the response: 400, 401, 403, or 503 when the fault is ours.
    pub fn status(&self) -> StatusCode {
        self.refusal.status()
    }

    /// The `WWW-Authenticate` headers: one for the scheme that was used, and where the client could
    /// use the other, one for that. None when the fault is not the client's.
    pub fn challenges(&self) -> Vec<String> {
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            return Vec::new();
        }
        let speaks_dpop = self.terms.algs.is_some();
        let mut challenges = Vec::new();
        let uses_dpop = self.scheme == Scheme::Dpop && speaks_dpop;
        if !(uses_dpop || self.terms.dpop_alone) {
            challenges.push(self.challenge(Scheme::Bearer, self.refusal.error()));
        }
        let either = matches!(self.refusal, Refusal::NoToken | Refusal::Bound | Refusal::Unbound);
        if speaks_dpop && (uses_dpop || either || self.terms.dpop_alone) {
            // An error that the other challenge has already said is not said of this scheme.
            let error = self.refusal.error().filter(|_| challenges.is_empty());
            challenges.push(self.challenge(Scheme::Dpop, error));
        }
        challenges
    }

    fn challenge(&self, scheme: Scheme, error: Option<&str>) -> String {
        let mut text = String::from(match scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        });
        let mut mark = ' ';
        let mut parameter = |name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            // Writing to a string never fails.
            let _ = write!(text, "{mark}{name}=\"{value}\"");
            mark = ',';
        };
        if !self.terms.realm.is_empty() {
            parameter("realm", &self.terms.realm);
        }
        if let Some(error) = error {
            parameter("error", error);
            parameter("error_description", &self.refusal.to_string());
        }
        let scope = self.scope.as_deref().unwrap_or(&self.terms.scope);
        if !scope.is_empty() && matches!(self.refusal, Refusal::NoToken | Refusal::Scope) {
            parameter("scope", scope);
        }
        if let (Scheme::Dpop, Some(algs)) = (scheme, &self.terms.algs) {
            parameter("algs", algs);
        }
        text
    }

    /// All headers of the response.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Realm, scopes and algorithms were seen to be visible ASCII when the verifier was built.
        let challenges = self.challenges().into_iter().map(HeaderValue::try_from);
        for challenge in challenges.filter_map(Result::ok) {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        if let Some(Ok(nonce)) = self.nonce.as_deref().map(HeaderValue::try_from) {
            headers.insert(DPOP_NONCE, nonce);
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        headers
    }

    /// The body of the response: JSON with the stable code.
    pub fn body(&self) -> String {
        let error = self.refusal.error().unwrap_or(match self.refusal {
            Refusal::NoToken => "token_required",
            _ => "temporarily_unavailable",
        });
        serde_json::json!({
            "error": error,
            "code": self.refusal.code(),
            "error_description": self.refusal.to_string(),
        })
        .to_string()
    }

    /// The whole response.
    pub fn into_http<B: From<String>>(self) -> http::Response<B> {
        let mut response = http::Response::new(B::from(self.body()));
        *response.status_mut() = self.status();
        *response.headers_mut() = self.headers();
        response
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refused").field(&self.refusal).finish()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl core::error::Error for Refused {}

impl PartialEq<Refusal> for Refused {
    fn eq(&self, refusal: &Refusal) -> bool {
        self.refusal == *refusal
    }
}

#[cfg(test)]
#[path = "refused_tests.rs"]
mod tests;
