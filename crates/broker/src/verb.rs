//! What a caller may do.

use core::fmt;
use core::str::FromStr;

/// One thing that a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// See connections, events and forecasts; no secret.
    Read,
    /// Get access tokens.
    Token,
    /// Connect, bring and remove connections, and renew them by force.
    Write,
    /// Bring many at once.
    Import,
    /// Tenants, apps, API keys, webhooks, sealing keys.
    Admin,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 5] = [Self::Read, Self::Token, Self::Write, Self::Import, Self::Admin];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Token => "token",
            Self::Write => "write",
            Self::Import => "import",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a verb is `read`, `token`, `write`, `import` or `admin`")]
pub struct UnknownVerb;

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text).ok_or(UnknownVerb)
    }
}

/// A set of verbs, written as its words with spaces between them, as a scope is (RFC 6749 §3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbs(u8);

impl Verbs {
    /// Whether `verb` is among them.
    pub fn allow(self, verb: Verb) -> bool {
        self.0 & (1 << verb as u8) != 0
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<I: IntoIterator<Item = Verb>>(verbs: I) -> Self {
        Self(verbs.into_iter().fold(0, |set, verb| set | 1 << verb as u8))
    }
}

impl FromStr for Verbs {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        text.split_ascii_whitespace().map(str::parse).collect()
    }
}

impl fmt::Display for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for verb in Verb::ALL.into_iter().filter(|verb| self.allow(*verb)) {
            write!(f, "{space}{verb}")?;
            space = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_read_back() {
        for text in ["", "read", "read token write import admin"] {
            assert_eq!(text.parse::<Verbs>().expect(text).to_string(), text);
        }
        assert_eq!("read all".parse::<Verbs>(), Err(UnknownVerb));
        let some: Verbs = "admin read".parse().expect("verbs");
        assert!(some.allow(Verb::Read) && some.allow(Verb::Admin) && !some.allow(Verb::Token));
    }
}
