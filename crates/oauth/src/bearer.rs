//! A token on a request (RFC 6750 §2.1, RFC 9449 §7.1).

use http::HeaderValue;
use unlapse_core::Secret;

use crate::wiped::Wiped;

/// Why a secret cannot go into a header. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// There is nothing to send.
    #[error("the token is empty")]
    Empty,
    /// A space, line break, control character or non-ASCII character.
    #[error(
        "the token has a space, a line break or another character in it that a header cannot carry"
    )]
    Characters,
    /// `token_type` is no authentication scheme (RFC 9110 §11.1).
    #[error("the token's type is no authentication scheme")]
    Scheme,
}

/// The value of the `Authorization` header for `access_token`: marked sensitive, and wiped when the
/// last copy of it is dropped. Cloning it shares the memory.
///
/// `token_type` is compared without case (RFC 6749 §5.1), and `Bearer` and `DPoP` are written as
/// their RFCs do, since some resource servers do compare case; empty means `Bearer`.
///
/// RFC 6750 §2.1 allows `b64token` only. Real tokens have other characters too, so that anything
/// visible goes.
pub fn authorization(
    token_type: &str,
    access_token: &Secret,
) -> Result<HeaderValue, CredentialError> {
    let scheme = match token_type {
        "" => "Bearer",
        other if other.eq_ignore_ascii_case("bearer") => "Bearer",
        other if other.eq_ignore_ascii_case("dpop") => "DPoP",
        other if other.bytes().all(is_tchar) => other,
        _ => return Err(CredentialError::Scheme),
    };
    check(access_token)?;
    sensitive(&[scheme.as_bytes(), b" ", access_token.expose().as_bytes()])
}

/// Whether `secret` can be sent in a header, as one word.
pub(crate) fn check(secret: &Secret) -> Result<(), CredentialError> {
    if secret.is_empty() {
        return Err(CredentialError::Empty);
    }
    if secret.is_sendable() { Ok(()) } else { Err(CredentialError::Characters) }
}

/// A sensitive header value of `parts`, in memory that is wiped.
pub(crate) fn sensitive(parts: &[&[u8]]) -> Result<HeaderValue, CredentialError> {
    let mut value = Wiped::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        value.push(part);
    }
    let mut value = HeaderValue::from_maybe_shared(value.into_bytes())
        .map_err(|_| CredentialError::Characters)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A character of a `token` (RFC 9110 §5.6.2).
pub(crate) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn token_types_become_schemes() {
        let token = Secret::new("at-1.x~y+z/=");
        for (token_type, expected) in [
            ("", Ok("Bearer at-1.x~y+z/=")),
            ("bearer", Ok("Bearer at-1.x~y+z/=")),
            ("BEARER", Ok("Bearer at-1.x~y+z/=")),
            ("dpop", Ok("DPoP at-1.x~y+z/=")),
            ("Token", Ok("Token at-1.x~y+z/=")),
            ("Bear er", Err(CredentialError::Scheme)),
            ("x\r\nHost: evil", Err(CredentialError::Scheme)),
        ] {
            let value = authorization(token_type, &token);
            let text = value.as_ref().map(|value| value.to_str().expect("ASCII")).map_err(|e| *e);
            assert_eq!(text, expected, "{token_type:?}");
        }
    }

    #[test]
    fn impossible_tokens_are_errors() {
        assert_eq!(authorization("", &Secret::new("")), Err(CredentialError::Empty));
        for bad in ["a b", "a\r\nX: y", "a\tb", "ü", "a\0", "a\n"] {
            let value = authorization("", &Secret::new(bad));
            assert_eq!(value, Err(CredentialError::Characters), "{bad:?}");
        }
    }

    #[test]
    fn c13_the_value_is_sensitive_and_shared() {
        let value = authorization("bearer", &Secret::new("canary-4711")).expect("good");
        assert!(value.is_sensitive());
        assert!(!format!("{value:?}").contains("canary"));
        assert_eq!(value.as_bytes().as_ptr(), value.clone().as_bytes().as_ptr());
    }

    proptest! {
        #[test]
        fn never_panics(token_type in any::<String>(), token in any::<String>()) {
            if let Ok(value) = authorization(&token_type, &Secret::new(token.as_str())) {
                prop_assert!(value.is_sensitive());
                prop_assert!(value.as_bytes().ends_with(token.as_bytes()));
            }
        }
    }
}
