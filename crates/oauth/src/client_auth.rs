//! Who the client is, and how it proves it (RFC 6749 §2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use unlapse_core::Secret;
use zeroize::Zeroizing;

use crate::bearer;
use crate::form::{Form, encode};
use crate::wiped::Wiped;

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// `client_id` (RFC 6749 §2.2); empty: it is not sent.
    pub id: String,
    /// How it proves itself.
    pub auth: ClientAuth,
}

/// How a client proves itself at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Not at all: a public client, which only names itself (`none`, RFC 6749 §3.2.1).
    None,
    /// `client_secret_basic`: HTTP Basic, id and secret form-encoded first (RFC 6749 §2.3.1).
    Basic(Secret),
    /// `client_secret_post`: id and secret in the body (RFC 6749 §2.3.1).
    Post(Secret),
}

impl Client {
    /// No client at all: some servers tell callers apart by their tokens alone.
    pub fn anonymous() -> Self {
        Self::public("")
    }

    /// A client without a secret.
    pub fn public(id: impl Into<String>) -> Self {
        Self { id: id.into(), auth: ClientAuth::None }
    }

    /// A client that proves itself with HTTP Basic.
    pub fn basic(id: impl Into<String>, secret: Secret) -> Self {
        Self { id: id.into(), auth: ClientAuth::Basic(secret) }
    }

    /// A client that proves itself in the body.
    pub fn post(id: impl Into<String>, secret: Secret) -> Self {
        Self { id: id.into(), auth: ClientAuth::Post(secret) }
    }

    /// Puts the proof where it belongs, in exactly one place (RFC 6749 §2.3 forbids two).
    pub(crate) fn authenticate(&self, form: Form, headers: &mut HeaderMap) -> Form {
        match &self.auth {
            ClientAuth::None if self.id.is_empty() => form,
            ClientAuth::None => form.pair("client_id", &self.id),
            ClientAuth::Post(secret) => {
                form.pair("client_id", &self.id).secret("client_secret", secret)
            }
            ClientAuth::Basic(secret) => {
                headers.insert(AUTHORIZATION, basic(&self.id, secret.expose()));
                form
            }
        }
    }
}

pub(crate) fn basic(id: &str, secret: &str) -> http::HeaderValue {
    let mut pair = Wiped::with_capacity(256);
    encode(id, &mut pair);
    pair.push(b":");
    encode(secret, &mut pair);
    header(pair.as_slice())
}

/// The same as it stands, for servers that decode nothing.
#[cfg(feature = "providers")]
pub(crate) fn basic_unencoded(id: &str, secret: &str) -> http::HeaderValue {
    let mut pair = Wiped::with_capacity(id.len() + 1 + secret.len());
    pair.push(id.as_bytes());
    pair.push(b":");
    pair.push(secret.as_bytes());
    header(pair.as_slice())
}

fn header(pair: &[u8]) -> http::HeaderValue {
    let mut encoded = Zeroizing::new(vec![0; pair.len().div_ceil(3) * 4]);
    let written = STANDARD.encode_slice(pair, &mut encoded).expect("4 bytes for each 3");
    bearer::sensitive(&[b"Basic ", &encoded[..written]]).expect("base64 is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(client: &Client) -> String {
        let mut headers = HeaderMap::new();
        let form = client.authenticate(Form::new().pair("a", "b"), &mut headers);
        assert_eq!(form.into_bytes().as_ref(), b"a=b");
        let value = &headers[AUTHORIZATION];
        assert!(value.is_sensitive());
        value.to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn basic_is_form_encoded_before_base64() {
        // The example of RFC 6749 §2.3.1.
        let rfc = Client::basic("s6BhdRkqt3", Secret::new("7Fjfp0ZBr1KtDRbnfVdmIw"));
        assert_eq!(header(&rfc), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
        // A colon in the id and specials in the secret: `a%3Ab:c%2Bd+e%25%C3%BC`.
        let odd = Client::basic("a:b", Secret::new("c+d e%ü"));
        assert_eq!(header(&odd), "Basic YSUzQWI6YyUyQmQrZSUyNSVDMyVCQw==");
        // Stripe Apps: the secret is the user name.
        assert_eq!(header(&Client::basic("sk", Secret::new(""))), "Basic c2s6");
    }

    #[test]
    fn a_client_proves_itself_in_one_place() {
        let mut headers = HeaderMap::new();
        let form = Client::public("cli").authenticate(Form::new(), &mut headers);
        assert_eq!(form.into_bytes().as_ref(), b"client_id=cli");
        let form = Client::post("cli", Secret::new("s&t")).authenticate(Form::new(), &mut headers);
        assert_eq!(form.into_bytes().as_ref(), b"client_id=cli&client_secret=s%26t");
        assert!(headers.is_empty());
    }

    #[test]
    fn r18_debug_shows_no_secret() {
        for client in [
            Client::basic("cli", Secret::new("canary-4711")),
            Client::post("cli", Secret::new("canary-4711")),
        ] {
            assert!(!format!("{client:?}").contains("canary"));
        }
    }
}
