//! A duration as a descriptor writes it.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use unlapse_core::duration::{self, BadDuration};

/// A duration: `30m`, `24h`, `60d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = BadDuration;

    fn try_from(text: String) -> Result<Self, BadDuration> {
        duration::parse(&text).map(Self)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        duration::format(span.0)
    }
}
