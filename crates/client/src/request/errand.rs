//! What has to be known of a request to carry it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, Method};

use super::origin::Origin;

/// A client's promise that what it sends twice is one thing (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One request: whom it goes to, and whether sending it twice does more than sending it once.
pub(crate) struct Errand {
    pub(crate) method: Method,
    pub(crate) origin: Origin,
    /// Absolute, without its query: what a proof is about (RFC 9449 §4.2).
    pub(crate) url: String,
    pub(crate) is_idempotent: bool,
    pub(crate) deadline: Duration,
}

impl Errand {
    pub(crate) fn new(
        method: &Method,
        headers: &HeaderMap,
        origin: Origin,
        path: &str,
        deadline: Duration,
    ) -> Self {
        Self {
            url: format!("{origin}{path}"),
            is_idempotent: method.is_idempotent() || headers.contains_key(IDEMPOTENCY_KEY),
            method: method.clone(),
            origin,
            deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_9_2_2_a_row_for_each_method() {
        let is_idempotent = |method: &str, headers: &HeaderMap| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let origin = "https://api.example".parse().expect("an origin");
            Errand::new(&method, headers, origin, "/", Duration::ZERO).is_idempotent
        };
        let keyed = HeaderMap::from_iter([(IDEMPOTENCY_KEY, "k".parse().expect("a value"))]);
        for (method, expected) in [
            ("GET", true),
            ("HEAD", true),
            ("OPTIONS", true),
            ("TRACE", true),
            ("PUT", true),
            ("DELETE", true),
            ("POST", false),
            ("PATCH", false),
            ("CONNECT", false),
            ("ANYTHING", false),
            ("get", false),
        ] {
            assert_eq!(is_idempotent(method, &HeaderMap::new()), expected, "{method}");
            assert!(is_idempotent(method, &keyed), "{method} with a key");
        }
    }
}
