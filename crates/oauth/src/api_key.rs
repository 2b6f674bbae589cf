//! An API key on a request (K4, R14).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use unlapse_core::Secret;

use crate::bearer::{self, CredentialError};

/// How a server wants its API key: in which header, behind which prefix. The default is
/// `Authorization: Bearer …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyHeader {
    name: HeaderName,
    prefix: String,
}

/// Why a header cannot carry an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyHeaderError {
    /// No header name (RFC 9110 §5.1).
    #[error("it is not a header name")]
    Name,
    /// The header directs the message itself, and is not the caller's to set.
    #[error("this header belongs to HTTP itself")]
    Reserved,
    /// The prefix has line breaks, control or non-ASCII characters.
    #[error("the prefix has a character in it that a header cannot carry")]
    Prefix,
}

/// Headers that frame or route a message: a key in one of them breaks the request.
const RESERVED: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

impl ApiKeyHeader {
    /// A key in the header `name`, straight behind `prefix`: `("Authorization", "Token ")`, with its
    /// space, or `("X-Api-Key", "")`.
    pub fn new(name: &str, prefix: impl Into<String>) -> Result<Self, ApiKeyHeaderError> {
        let name: HeaderName = name.parse().map_err(|_| ApiKeyHeaderError::Name)?;
        if RESERVED.contains(&name) {
            return Err(ApiKeyHeaderError::Reserved);
        }
        let prefix = prefix.into();
        if !prefix.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(ApiKeyHeaderError::Prefix);
        }
        Ok(Self { name, prefix })
    }

    /// The header's name.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The header's value with `key`: marked sensitive, and wiped when the last copy is dropped.
    pub fn value(&self, key: &Secret) -> Result<HeaderValue, CredentialError> {
        bearer::check(key)?;
        bearer::sensitive(&[self.prefix.as_bytes(), key.expose().as_bytes()])
    }

    /// Puts `key` on a request, in place of what the header held.
    pub fn insert(&self, headers: &mut HeaderMap, key: &Secret) -> Result<(), CredentialError> {
        headers.insert(self.name.clone(), self.value(key)?);
        Ok(())
    }
}

impl Default for ApiKeyHeader {
    fn default() -> Self {
        Self { name: header::AUTHORIZATION, prefix: "Bearer ".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k4_a_key_goes_where_the_server_wants_it() {
        let key = Secret::new("key-4711");
        for (header, name, value) in [
            (ApiKeyHeader::default(), "authorization", "Bearer key-4711"),
            (ApiKeyHeader::new("X-Api-Key", "").expect("good"), "x-api-key", "key-4711"),
            (
                ApiKeyHeader::new("Authorization", "Token token=").expect("good"),
                "authorization",
                "Token token=key-4711",
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header.name().clone(), HeaderValue::from_static("before"));
            header.insert(&mut headers, &key).expect("good");
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value]);
            assert!(headers[name].is_sensitive());
        }
    }

    #[test]
    fn impossible_headers_and_keys_are_errors() {
        for (name, prefix, error) in [
            ("", "", ApiKeyHeaderError::Name),
            ("X Key", "", ApiKeyHeaderError::Name),
            ("X-Key:", "", ApiKeyHeaderError::Name),
            ("Host", "", ApiKeyHeaderError::Reserved),
            ("content-length", "", ApiKeyHeaderError::Reserved),
            ("X-Key", "a\r\nb", ApiKeyHeaderError::Prefix),
            ("X-Key", "ü", ApiKeyHeaderError::Prefix),
        ] {
            assert_eq!(ApiKeyHeader::new(name, prefix), Err(error), "{name:?} {prefix:?}");
        }
        let header = ApiKeyHeader::default();
        assert_eq!(header.value(&Secret::new("")), Err(CredentialError::Empty));
        assert_eq!(header.value(&Secret::new("key\n")), Err(CredentialError::Characters));
    }

    #[test]
    fn r18_no_debug_shows_the_key() {
        let value = ApiKeyHeader::default().value(&Secret::new("canary-4711")).expect("good");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
