//! Where in a reply the token and its lifetimes are.

use std::sync::LazyLock;

use unlapse_core::{Grant, Secret, UnixTime};

use super::Shape;
use crate::json::Value;
use crate::{bearer, lifetime};

/// The names that a reply's fields may have: of each list, the first that is there and usable
/// counts. A name with dots is a path into objects: `data.token`.
///
/// The default is for login endpoints (C9), and knows the usual names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyFields {
    /// The access token.
    pub access_token: Vec<String>,
    /// The refresh token.
    pub refresh_token: Vec<String>,
    /// The access token's lifetime in seconds.
    pub expires_in: Vec<String>,
    /// Its end: seconds or milliseconds since 1970, an RFC 3339 or an HTTP date. Asked when there is
    /// no lifetime.
    pub expires_at: Vec<String>,
    /// The refresh token's lifetime in seconds.
    pub refresh_expires_in: Vec<String>,
}

/// Those of RFC 6749 §5.1, and the three names in use for the lifetime that it has none for.
pub(super) static OAUTH: LazyLock<ReplyFields> = LazyLock::new(|| ReplyFields {
    access_token: names(&["access_token"]),
    refresh_token: names(&["refresh_token"]),
    expires_in: names(&["expires_in"]),
    expires_at: Vec::new(),
    refresh_expires_in: names(&[
        "refresh_token_expires_in",
        "refresh_expires_in",
        "x_refresh_token_expires_in",
    ]),
});

impl Default for ReplyFields {
    fn default() -> Self {
        Self {
            access_token: names(&["access_token", "token", "accessToken", "jwt"]),
            refresh_token: names(&["refresh_token", "refreshToken"]),
            expires_in: names(&["expires_in", "expiresIn"]),
            expires_at: names(&["expires_at", "expiresAt"]),
            refresh_expires_in: names(&[
                "refresh_token_expires_in",
                "refresh_expires_in",
                "refreshExpiresIn",
            ]),
        }
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl ReplyFields {
    /// The grant in `shape`, if there is one: an access token that a request can carry. Dates are
    /// held against `clock`.
    pub(crate) fn grant(&self, shape: &Shape<'_>, clock: UnixTime) -> Option<Grant> {
        let access_token = first(&self.access_token, |name| {
            text(shape, name).filter(|token| bearer::check(token).is_ok())
        })?;
        Some(self.beside(access_token, shape, clock))
    }

    /// The grant in `shape` whose access token no request can carry, or that has a refresh token and
    /// no access token at all.
    pub(crate) fn unusable_grant(&self, shape: &Shape<'_>, clock: UnixTime) -> Option<Grant> {
        let access_token = first(&self.access_token, |name| text(shape, name));
        let nothing = || Secret::new("");
        let is_one = access_token.is_some() || self.refresh_token(shape).is_some();
        is_one.then(|| self.beside(access_token.unwrap_or_else(nothing), shape, clock))
    }

    fn refresh_token(&self, shape: &Shape<'_>) -> Option<Secret> {
        first(&self.refresh_token, |name| text(shape, name))
    }

    /// The grant of `access_token`, with whatever stands beside it.
    fn beside(&self, access_token: Secret, shape: &Shape<'_>, clock: UnixTime) -> Grant {
        let words = |name: &str| match shape.value(name)? {
            // Some servers list scopes in an array.
            Value::Texts(texts) => Some(join(&texts)),
            value => value.into_text().map(|text| text.expose().to_owned()),
        };
        let expires_in = first(&self.expires_in, |name| lifetime::relative(&shape.value(name)?));
        Grant {
            access_token,
            refresh_token: self.refresh_token(shape),
            expires_in: expires_in.or_else(|| {
                first(&self.expires_at, |name| lifetime::absolute(&shape.value(name)?, clock))
            }),
            // Keycloak writes 0 for an offline token, which has no end: a refresh token that has
            // ended as it is given is nonsense, and believing it would lose the login.
            refresh_expires_in: first(&self.refresh_expires_in, |name| {
                lifetime::relative(&shape.value(name)?).filter(|lifetime| !lifetime.is_zero())
            }),
            // One that is no scheme would make the token beside it unusable.
            token_type: words("token_type")
                .map(|kind| kind.trim().to_owned())
                .filter(|kind| !kind.is_empty() && kind.bytes().all(bearer::is_tchar)),
            scope: words("scope").filter(|scope| !scope.is_empty()),
            id_token: text(shape, "id_token"),
            sender_key: None,
        }
    }
}

/// The text of a field, if it has one that is not empty.
fn text(shape: &Shape<'_>, name: &str) -> Option<Secret> {
    shape.value(name).and_then(Value::into_text)
}

fn first<T>(names: &[String], find: impl Fn(&str) -> Option<T>) -> Option<T> {
    names.iter().find_map(|name| find(name))
}

fn join(texts: &[Secret]) -> String {
    texts.iter().map(Secret::expose).collect::<Vec<_>>().join(" ")
}
