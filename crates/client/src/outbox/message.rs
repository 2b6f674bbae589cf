//! A request as a program makes it, and as an outbox keeps it.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use unlapse_core::Secret;
use unlapse_core::outbox::{OutboxError, QueuedRequest, RequestMessage};
use unlapse_oauth::{Endpoint, EndpointError};
use zeroize::Zeroizing;

/// The field that makes a server act once (draft-ietf-httpapi-idempotency-key-header).
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that a server repeats what it has answered to the same key before.
pub(super) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What is kept of `request`, and the idempotency key that it brings.
pub(super) fn kept(
    request: Request<Bytes>,
) -> Result<(RequestMessage, Option<String>), OutboxError> {
    let unsendable = |why| OutboxError::Unsendable { why };
    let (mut parts, body) = request.into_parts();
    let url = parts.uri.to_string();
    // The token goes to where it is safe to send one: the rule of every endpoint.
    Endpoint::parse(&url).map_err(|error| unsendable(refused(error)))?;
    let text = |value: &HeaderValue| {
        let text = value.to_str().map_err(|_| unsendable("a field has more than visible ASCII"));
        text.map(str::to_owned)
    };
    let keys = parts.headers.get_all(&IDEMPOTENCY_KEY).iter().count();
    if keys > 1 {
        return Err(OutboxError::BadIdempotencyKey);
    }
    let key = parts.headers.remove(&IDEMPOTENCY_KEY);
    let key = key.as_ref().map(text).transpose().map_err(|_| OutboxError::BadIdempotencyKey)?;
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| Ok((name.as_str().to_owned(), Secret::from(text(value)?))));
    let message = RequestMessage {
        method: parts.method.as_str().to_owned(),
        url: Secret::from(url),
        headers: headers.collect::<Result<_, OutboxError>>()?,
        body: Zeroizing::new(body.to_vec()),
    };
    Ok((message, key))
}

fn refused(error: EndpointError) -> &'static str {
    match error {
        EndpointError::PlainHttp => "http is allowed to this machine only; use https",
        EndpointError::UserInfo => "its URL has a user name or password in it",
        EndpointError::Scheme => "its URL is neither https nor http",
        _ => "its URL is not absolute",
    }
}

/// The request as it is sent, but for its token. `None` for what no version of this has kept.
pub(super) fn sent(entry: &QueuedRequest) -> Option<Request<Bytes>> {
    let message = &entry.message;
    let mut request = Request::new(Bytes::copy_from_slice(&message.body));
    *request.method_mut() = message.method.parse::<Method>().ok()?;
    *request.uri_mut() = message.url.expose().parse::<Uri>().ok()?;
    let headers = request.headers_mut();
    for (name, value) in &message.headers {
        let mut value = HeaderValue::from_str(value.expose()).ok()?;
        value.set_sensitive(true);
        headers.append(name.parse::<HeaderName>().ok()?, value);
    }
    headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(&entry.idempotency_key).ok()?);
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, headers: &[(&str, &str)]) -> Request<Bytes> {
        let mut request = Request::post(url).body(Bytes::from_static(b"b")).expect("a request");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a name");
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            request.headers_mut().append(name, value);
        }
        request
    }

    #[test]
    fn k12_a_row_for_each_url() {
        for (url, allowed) in [
            ("https://api.example/orders?a=b", true),
            ("http://127.0.0.1:9/", true),
            ("http://localhost/", true),
            ("http://api.example/", false),
            ("https://u:p@api.example/", false),
            ("ftp://api.example/", false),
            ("/orders", false),
        ] {
            assert_eq!(kept(request(url, &[])).is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn k12_a_given_idempotency_key_is_kept_and_only_one() {
        let url = "https://api.example/";
        let (message, key) =
            kept(request(url, &[("idempotency-key", "mine"), ("x", "1"), ("x", "2")]))
                .expect("kept");
        assert_eq!(key.as_deref(), Some("mine"));
        assert_eq!(message.headers.len(), 2);
        for bad in [&[("idempotency-key", "a"), ("idempotency-key", "b")][..], &[("x", "ü")]] {
            assert!(kept(request(url, bad)).is_err(), "{bad:?}");
        }
    }
}
