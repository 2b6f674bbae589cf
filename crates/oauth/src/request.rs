//! The shape that every request of this crate has.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request};

use crate::client_auth::Client;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::wiped::Wiped;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A POST of `form` by `client` (RFC 6749 §3.2).
pub(crate) fn post_form(endpoint: &Endpoint, client: &Client, form: Form) -> Request<Bytes> {
    let mut headers = HeaderMap::new();
    let form = client.authenticate(form, &mut headers);
    headers.insert(CONTENT_TYPE, FORM);
    request(Method::POST, endpoint, headers, form.into_bytes())
}

/// A POST of a JSON object with text values.
pub(crate) fn post_json(endpoint: &Endpoint, fields: &[(&str, &str)]) -> Request<Bytes> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, JSON);
    request(Method::POST, endpoint, headers, json_object(fields).into_bytes())
}

/// A GET.
pub(crate) fn get(endpoint: &Endpoint) -> Request<Bytes> {
    request(Method::GET, endpoint, HeaderMap::new(), Bytes::new())
}

fn request(
    method: Method,
    endpoint: &Endpoint,
    mut headers: HeaderMap,
    body: Bytes,
) -> Request<Bytes> {
    // Without it, some servers answer in a form or with a web page.
    headers.insert(ACCEPT, JSON);
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.uri().clone();
    *request.headers_mut() = headers;
    request
}

fn json_object(fields: &[(&str, &str)]) -> Wiped {
    let mut body = Wiped::with_capacity(1024);
    for (index, (name, value)) in fields.iter().enumerate() {
        body.push(if index == 0 { b"{" } else { b"," });
        json_text(name, &mut body);
        body.push(b":");
        json_text(value, &mut body);
    }
    body.push(if fields.is_empty() { b"{}" } else { b"}" });
    body
}

pub(crate) fn json_text(text: &str, into: &mut Wiped) {
    // Straight into the buffer: the serializer keeps no copy, and writing to memory cannot fail.
    serde_json::to_writer(into, text).expect("text is always JSON");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn c9_json_bodies_are_read_back(name in any::<String>(), value in any::<String>()) {
            let body = json_object(&[("a", "b"), (&name, &value)]);
            let read: serde_json::Value = serde_json::from_slice(body.as_slice()).expect("JSON");
            prop_assert_eq!(&read[&name], &value);
        }
    }
}
