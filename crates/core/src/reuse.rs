//! What a server does when a refresh token is used twice.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration;

/// The reuse class of a server's refresh tokens (R7). From the profile, else learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Reuse {
    /// Refresh tokens never rotate: sending one again is harmless.
    Stable,
    /// The old refresh token works until the new one is used.
    UntilUsed,
    /// The old refresh token works for so long after it was used.
    Grace(Duration),
    /// Using a refresh token twice revokes the login.
    Strict,
    /// Nothing is known: treated as a grace of 30 s, the most common one.
    #[default]
    Unknown,
}

impl Reuse {
    /// How long after a refresh token was sent it may be sent again, once, if the outcome is not
    /// known. `None`: at any time.
    pub fn window(self) -> Option<Duration> {
        match self {
            Self::Stable | Self::UntilUsed => None,
            Self::Grace(window) => Some(window),
            Self::Unknown => Some(Duration::from_secs(30)),
            Self::Strict => Some(Duration::ZERO),
        }
    }
}

impl fmt::Display for Reuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stable => f.write_str("stable"),
            Self::UntilUsed => f.write_str("until_used"),
            Self::Grace(window) => write!(f, "grace:{}", duration::format(*window)),
            Self::Strict => f.write_str("strict"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl From<Reuse> for String {
    fn from(reuse: Reuse) -> Self {
        reuse.to_string()
    }
}

impl TryFrom<String> for Reuse {
    type Error = UnknownReuse;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The text names no reuse class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reuse class is `stable`, `until_used`, `grace:30s`, `strict` or `unknown`")]
pub struct UnknownReuse;

impl FromStr for Reuse {
    type Err = UnknownReuse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "stable" => Self::Stable,
            "until_used" => Self::UntilUsed,
            "strict" => Self::Strict,
            "unknown" => Self::Unknown,
            other => {
                let window = other.strip_prefix("grace:").ok_or(UnknownReuse)?;
                Self::Grace(duration::parse(window).map_err(|_| UnknownReuse)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r7_every_class_reads_back() {
        for text in ["stable", "until_used", "grace:30s", "grace:500ms", "strict", "unknown"] {
            assert_eq!(text.parse::<Reuse>().expect(text).to_string(), text);
        }
        for bad in ["", "grace", "grace:", "grace:-1s", "Strict", "grace:1y"] {
            assert_eq!(bad.parse::<Reuse>(), Err(UnknownReuse), "{bad}");
        }
    }
}
