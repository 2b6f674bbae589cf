//! What belongs to a connection beside its token.

use std::collections::BTreeMap;
use std::collections::btree_map::Iter;

use serde::{Deserialize, Serialize};

/// What a provider has said of one connection, such as where its API is: a small sorted map, kept
/// with the connection. Not secret, and not trusted: whatever becomes part of a URL is checked there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

/// An entry that cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadMetadata {
    /// More than [`Metadata::MAX`].
    #[error("a connection keeps at most 32 entries of metadata")]
    TooMany,
    /// No name that is one.
    #[error("a name of metadata is 1 to 64 letters, digits, `_`, `-` or `.`")]
    Name,
    /// Longer than [`Metadata::MAX_VALUE`], or with control characters.
    #[error("a value of metadata has at most 1024 bytes and no control characters")]
    Value,
}

impl Metadata {
    /// The most entries.
    pub const MAX: usize = 32;
    /// The longest value, in bytes.
    pub const MAX_VALUE: usize = 1024;

    /// Nothing.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Keeps `value` under `name`, in the place of what was there.
    pub fn set(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), BadMetadata> {
        let (name, value) = (name.into(), value.into());
        if !is_name(&name) {
            return Err(BadMetadata::Name);
        }
        if value.len() > Self::MAX_VALUE || value.contains(char::is_control) {
            return Err(BadMetadata::Value);
        }
        if self.0.len() >= Self::MAX && !self.0.contains_key(&name) {
            return Err(BadMetadata::TooMany);
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// What is kept under `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// This, and over it `newer`. What has no room is left out.
    #[must_use]
    pub fn with(mut self, newer: &Self) -> Self {
        for (name, value) in newer {
            let _ = self.set(name, value);
        }
        self
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every entry, by name.
    pub fn iter(&self) -> Iter<'_, String, String> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Metadata {
    type Item = (&'a String, &'a String);
    type IntoIter = Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Metadata {
    type Item = (String, String);
    type IntoIter = std::collections::btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What cannot be kept is left out.
impl FromIterator<(String, String)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(entries: I) -> Self {
        let mut metadata = Self::new();
        for (name, value) in entries {
            let _ = metadata.set(name, value);
        }
        metadata
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = BadMetadata;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, BadMetadata> {
        let mut metadata = Self::new();
        for (name, value) in entries {
            metadata.set(name, value)?;
        }
        Ok(metadata)
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

/// Whether it can name a variable or an entry.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let mut metadata = Metadata::new();
        for number in 0..Metadata::MAX {
            metadata.set(format!("n{number}"), "v").expect("room");
        }
        assert_eq!(metadata.set("more", "v"), Err(BadMetadata::TooMany));
        assert_eq!(metadata.set("n0", "other"), Ok(()));
        assert_eq!(metadata.value("n0"), Some("other"));
        for bad in ["", "a b", "ü", "a\n", &"n".repeat(65)] {
            assert_eq!(metadata.set(bad, "v"), Err(BadMetadata::Name), "{bad:?}");
        }
        for bad in ["a\r\nb", "\0", &"v".repeat(1025)] {
            assert_eq!(metadata.set("n0", bad), Err(BadMetadata::Value));
        }
    }

    #[test]
    fn it_reads_back_and_what_is_newer_counts() {
        let mut old = Metadata::new();
        old.set("dc", "eu").expect("good");
        old.set("realmId", "1").expect("good");
        let mut new = Metadata::new();
        new.set("dc", "com").expect("good");
        let both = old.with(&new);
        assert_eq!(both.value("dc"), Some("com"));
        let text = serde_json::to_string(&both).expect("JSON");
        assert_eq!(text, r#"{"dc":"com","realmId":"1"}"#);
        assert_eq!(serde_json::from_str::<Metadata>(&text).expect("metadata"), both);
        assert!(serde_json::from_str::<Metadata>(r#"{"a b":"c"}"#).is_err());
    }
}
