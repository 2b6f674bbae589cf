//! Whose login at whom (I1).

use std::fmt;

use serde::Serialize;
use unlapse::Key;

/// Names a connection: a user of ours, a provider, and the user's account there.
///
/// Each part has letters, digits, `.`, `_`, `-`, `@`, `+`; 64 at most. No two connections share a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ConnectionId {
    user: String,
    provider: String,
    account: String,
}

/// A part of the name is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} must have letters, digits or `._-@+`, 1 to 64 of them")]
pub struct BadId(&'static str);

impl ConnectionId {
    /// Reads the three parts.
    pub fn parse(user: &str, provider: &str, account: &str) -> Result<Self, BadId> {
        let part =
            |name, text: &str| if is_name(text) { Ok(text.to_owned()) } else { Err(BadId(name)) };
        Ok(Self {
            user: part("the user", user)?,
            provider: part("the provider", provider)?,
            account: part("the account", account)?,
        })
    }

    /// The provider's name.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The record's key. No part has a slash.
    pub fn key(&self) -> Key {
        Key::new(&self.provider).account(format!("{}/{}", self.user, self.account))
    }
}

/// Whether `text` can name a user, a provider or an account.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.user, self.provider, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_every_connection_has_a_key_of_its_own() {
        let id = |user, account| ConnectionId::parse(user, "mail", account).map(|id| id.key());
        assert_ne!(id("ada", "b"), id("adab", "b"));
        assert_ne!(id("a", "b"), id("b", "a"));
        let long = "a".repeat(65);
        for bad in ["", "a/b", "a b", "ü", "a\n", long.as_str()] {
            assert_eq!(id(bad, "b"), Err(BadId("the user")), "{bad:?}");
            assert_eq!(id("a", bad), Err(BadId("the account")), "{bad:?}");
        }
    }
}
