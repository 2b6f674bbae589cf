//! Tokens as texts: they say which they are, so that nothing is kept of them.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The tokens of a new login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// Which login it is.
    pub family: u32,
    /// The first access token.
    pub access_token: String,
    /// The first refresh token.
    pub refresh_token: String,
    /// How long the access token lives.
    pub expires_in: Duration,
}

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) family: u32,
    pub(super) generation: u32,
    /// Until when it lives, since the provider's start, in whole milliseconds.
    pub(super) until: Duration,
}

/// Writes and reads tokens; a tag tells its own from those that somebody made up.
#[derive(Debug)]
pub(super) struct Words {
    tags: RandomState,
}

impl Words {
    pub(super) fn new() -> Self {
        Self { tags: RandomState::new() }
    }

    pub(super) fn write_access(&self, token: Written) -> String {
        let Written { family, generation, until } = token;
        self.tagged(&format!("at-{family}-{generation}-{}", until.as_millis()))
    }

    pub(super) fn write_refresh(&self, family: u32, generation: u32) -> String {
        self.tagged(&format!("rt-{family}-{generation}"))
    }

    /// The code that stands for the consent of a login.
    pub(super) fn write_code(&self, family: u32) -> String {
        self.tagged(&format!("co-{family}"))
    }

    pub(super) fn access(&self, token: &str) -> Option<Written> {
        let mut parts = self.untagged(token)?.strip_prefix("at-")?.split('-');
        let (family, generation) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let until = Duration::from_millis(parts.next()?.parse().ok()?);
        Some(Written { family, generation, until })
    }

    /// Family and generation.
    pub(super) fn refresh(&self, token: &str) -> Option<(u32, u32)> {
        let (family, generation) = self.untagged(token)?.strip_prefix("rt-")?.split_once('-')?;
        Some((family.parse().ok()?, generation.parse().ok()?))
    }

    /// Family.
    pub(super) fn code(&self, code: &str) -> Option<u32> {
        self.untagged(code)?.strip_prefix("co-")?.parse().ok()
    }

    fn tagged(&self, text: &str) -> String {
        let tag = self.tags.hash_one(text);
        format!("{text}-{tag:016x}")
    }

    fn untagged<'a>(&self, token: &'a str) -> Option<&'a str> {
        let (text, tag) = token.rsplit_once('-')?;
        (format!("{:016x}", self.tags.hash_one(text)) == tag).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_tokens_are_read() {
        let words = Words::new();
        let token = Written { family: 7, generation: 3, until: Duration::from_millis(1234) };
        let access = words.write_access(token);
        assert_eq!(words.access(&access), Some(token));
        assert_eq!(words.refresh(&words.write_refresh(7, 3)), Some((7, 3)));
        assert_eq!(words.code(&words.write_code(7)), Some(7));
        assert_eq!((words.refresh(&access), words.code(&access)), (None, None));
        assert_eq!(words.access(&access.replace("at-7", "at-8")), None);
        assert_eq!(Words::new().access(&access), None);
        for text in ["", "-", "at-1-2-3", "at-1-2-3-0000000000000000"] {
            assert_eq!(words.access(text), None, "{text}");
        }
    }
}
