//! Who a token is meant for (RFC 7519 §4.1.3).

use serde::{Deserialize, Serialize};

/// One audience or several; written as a text when it is one, as an array when not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// An array, even if of one.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `audience` is among them, letter by letter.
    pub fn has(&self, audience: &str) -> bool {
        self.as_slice().iter().any(|one| one == audience)
    }

    /// All of them.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => core::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl<T: Into<String>> From<T> for Audience {
    fn from(one: T) -> Self {
        Self::One(one.into())
    }
}
