//! Which credential.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Names one credential: where it is valid, whose it is and what for.
///
/// A key names a record in a store and is bound into its seal, so that a record moved to another
/// key's place does not open (C2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The authorization server or the profile that stands for it.
    pub server: String,
    /// The account there; empty when there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// The scope or audience (K1); empty for the profile's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

impl Key {
    /// The only credential of `server`.
    pub fn new(server: impl Into<String>) -> Self {
        Self { server: server.into(), account: String::new(), scope: String::new() }
    }

    /// The same server, for this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// The same server and account, for this scope or audience.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// A key of its own for this scope or audience of the same account (K1).
    #[must_use]
    pub fn with_scope(&self, scope: impl Into<String>) -> Self {
        self.clone().scope(scope)
    }

    /// Bytes that no other key shares: each part behind its length.
    pub fn identity(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [&self.server, &self.account, &self.scope] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)?;
        if !self.account.is_empty() {
            write!(f, "/{}", self.account)?;
        }
        if !self.scope.is_empty() {
            write!(f, "?scope={}", self.scope)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_do_not_run_together() {
        let one = Key::new("ab").account("c");
        let two = Key::new("a").account("bc");
        assert_ne!(one.identity(), two.identity());
        assert_eq!(one.to_string(), "ab/c");
    }
}
