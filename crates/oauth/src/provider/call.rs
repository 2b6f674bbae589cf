//! One step of a provider, checked once and built as often as it is asked for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use unlapse_core::Secret;

use crate::bearer;
use crate::client_auth;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::request;
use crate::wiped::Wiped;

use super::Unbuildable;
use super::slot::Slot;
use super::template::Template;
use super::url_template::UrlTemplate;
use super::values::Values;
use super::words::{Auth, Body, Verb};

/// A request of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) url: UrlTemplate,
    pub(super) method: Verb,
    pub(super) body: Body,
    pub(super) auth: Auth,
    pub(super) params: Vec<(String, Value)>,
    pub(super) headers: BTreeMap<HeaderKey, Template>,
}

/// The name of a header, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderKey(pub(super) HeaderName);

impl Ord for HeaderKey {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

impl PartialOrd for HeaderKey {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(Template),
    Number(i64),
}

impl Call {
    /// Whether the client has to sign a JWT for it.
    pub(super) fn wants_assertion(&self) -> bool {
        let is_assertion = |value: &Value| *value == Value::Text(Template::of(Slot::Assertion));
        self.params.iter().any(|(_, value)| is_assertion(value))
    }

    /// The parameters, in order. A secret is the caller's to keep out of sight.
    pub(super) fn pairs(&self, values: &Values<'_>) -> Result<Vec<Pair<'_>>, Unbuildable> {
        let mut pairs = Vec::with_capacity(self.params.len());
        for (name, value) in &self.params {
            match value {
                Value::Number(number) => pairs.push(Pair {
                    name,
                    text: Secret::from(number.to_string()),
                    is_number: true,
                }),
                Value::Text(template) => {
                    if let Some(text) = template.fill(values)? {
                        pairs.push(Pair { name, text, is_number: false });
                    }
                }
            }
        }
        Ok(pairs)
    }

    /// The request to `endpoint`, filled in.
    pub(super) fn build(
        &self,
        endpoint: &Endpoint,
        values: &Values<'_>,
    ) -> Result<Request<Bytes>, Unbuildable> {
        let pairs = self.pairs(values)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, request::JSON);
        self.authenticate(values, &mut headers);
        let mut target = endpoint.clone();
        let body = match self.body {
            Body::Form => {
                headers.insert(CONTENT_TYPE, request::FORM);
                let form = |form: Form, pair: &Pair<'_>| form.secret(pair.name, &pair.text);
                pairs.iter().fold(Form::new(), form).into_bytes()
            }
            Body::Json => {
                headers.insert(CONTENT_TYPE, request::JSON);
                json(&pairs).into_bytes()
            }
            Body::Query => {
                let mut url = endpoint.url().clone();
                for pair in &pairs {
                    url.query_pairs_mut().append_pair(pair.name, pair.text.expose());
                }
                target = Endpoint::try_from(url)?;
                Bytes::new()
            }
        };
        for (HeaderKey(name), template) in &self.headers {
            let Some(value) = template.fill(values)? else { continue };
            let bad = |_| Unbuildable::Header(name.clone());
            let value = if template.is_secret() {
                bearer::sensitive(&[value.expose().as_bytes()]).map_err(bad)?
            } else {
                HeaderValue::from_str(value.expose())
                    .map_err(|_| Unbuildable::Header(name.clone()))?
            };
            headers.insert(name.clone(), value);
        }
        let mut request = Request::new(body);
        *request.method_mut() = match self.method {
            Verb::Post => Method::POST,
            Verb::Get => Method::GET,
            Verb::Delete => Method::DELETE,
        };
        *request.uri_mut() = target.uri().clone();
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn authenticate(&self, values: &Values<'_>, headers: &mut HeaderMap) {
        let Some(secret) = values.client_secret else { return };
        let header = match self.auth {
            Auth::Basic => client_auth::basic(values.client_id, secret.expose()),
            Auth::BasicUnencoded => client_auth::basic_unencoded(values.client_id, secret.expose()),
            Auth::BasicSecret => client_auth::basic(secret.expose(), ""),
            _ => return,
        };
        headers.insert(AUTHORIZATION, header);
    }
}

/// A parameter, filled in.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) text: Secret,
    is_number: bool,
}

fn json(pairs: &[Pair<'_>]) -> Wiped {
    let mut body = Wiped::with_capacity(2048);
    for (index, pair) in pairs.iter().enumerate() {
        body.push(if index == 0 { b"{" } else { b"," });
        request::json_text(pair.name, &mut body);
        body.push(b":");
        if pair.is_number {
            body.push(pair.text.expose().as_bytes());
        } else {
            request::json_text(pair.text.expose(), &mut body);
        }
    }
    body.push(if pairs.is_empty() { b"{}" } else { b"}" });
    body
}

/// `S256` of a verifier would be `challenge`: 43 characters of base64url (RFC 7636 §4.2).
pub(super) fn is_challenge(challenge: &str) -> bool {
    challenge.len() == 43 && URL_SAFE_NO_PAD.decode(challenge).is_ok()
}
