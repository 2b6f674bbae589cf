//! Names that stand in addresses, tables and metrics.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a tenant or of an app: 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, the first of them a
/// letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The longest that a name may be, in bytes.
    pub const MAX: usize = 64;

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, and begins with a letter or a digit")]
pub struct BadName;

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_ok = text.len() <= Self::MAX
            && text.as_bytes().first().is_some_and(is_plain)
            && text.as_bytes().iter().all(|byte| is_plain(byte) || b"._-".contains(byte));
        if is_ok { Ok(Self(text.to_owned())) } else { Err(BadName) }
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_a_name_is_safe_wherever_it_stands() {
        for good in ["google", "0", "acme-eu.prod_2", &"a".repeat(64)] {
            assert_eq!(good.parse::<Name>().expect(good).as_str(), good);
        }
        for bad in ["", "-a", ".", "Acme", "a/b", "a b", "ä", "a\0", &"a".repeat(65)] {
            assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad:?}");
        }
    }
}
