//! What requests look like at a server, and what its replies say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded::Serializer;

/// A client with a secret, known to every server that grants client credentials.
pub(crate) const JOB: &str = "job";
/// Its secret.
pub(crate) const SECRET: &str = "bench-secret";
/// A public client, known to every server that refreshes.
pub(crate) const APP: &str = "app";
/// Where a server that is measured answers what a login would have left.
pub(crate) const SESSION: &str = "/bench/session";

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// RFC 6749: forms at `/token`.
    OAuth,
    /// simplejwt's JSON at `/token/refresh`.
    SimpleJwt,
}

/// A reply that grants something.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Granted<'a> {
    /// The access token.
    #[serde(borrow, alias = "access", default)]
    pub(crate) access_token: Option<&'a str>,
    /// The refresh token that follows.
    #[serde(borrow, alias = "refresh", default)]
    pub(crate) refresh_token: Option<&'a str>,
}

/// A request.
pub(crate) type Ask = Request<Full<Bytes>>;

impl Door {
    /// RFC 6749 §4.4, the client named by `Authorization`.
    pub(crate) fn client_credentials() -> Ask {
        let basic = format!("Basic {}", STANDARD.encode(format!("{JOB}:{SECRET}")));
        let basic = HeaderValue::try_from(basic).expect("base64 is visible ASCII");
        let mut ask = form("/token", &[("grant_type", "client_credentials"), ("scope", "api")]);
        ask.headers_mut().insert(header::AUTHORIZATION, basic);
        ask
    }

    /// A refresh.
    pub(crate) fn refresh(self, token: &str) -> Ask {
        match self {
            Self::OAuth => form(
                "/token",
                &[("grant_type", "refresh_token"), ("client_id", APP), ("refresh_token", token)],
            ),
            Self::SimpleJwt => {
                let body = json!({ "refresh": token }).to_string();
                post("/token/refresh", "application/json", body)
            }
        }
    }

    /// The start of a chain.
    pub(crate) fn session() -> Ask {
        post(SESSION, "application/json", "{}".to_owned())
    }
}

fn form(path: &'static str, parameters: &[(&str, &str)]) -> Ask {
    let body = Serializer::new(String::new()).extend_pairs(parameters).finish();
    post(path, "application/x-www-form-urlencoded", body)
}

fn post(path: &'static str, content_type: &'static str, body: String) -> Ask {
    let mut ask = Request::new(Full::from(body));
    *ask.method_mut() = Method::POST;
    *ask.uri_mut() = http::Uri::from_static(path);
    let headers = ask.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    ask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_name_the_tokens_are_read() {
        let oauth = r#"{"access_token":"a","token_type":"Bearer","refresh_token":"r"}"#;
        let simplejwt = r#"{"access":"a","refresh":"r"}"#;
        for text in [oauth, simplejwt] {
            let granted: Granted<'_> = serde_json::from_str(text).expect("a reply");
            let all = Granted { access_token: Some("a"), refresh_token: Some("r") };
            assert_eq!(granted, all);
        }
    }
}
