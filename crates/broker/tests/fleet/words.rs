//! What test and node say to each other, a line each.

use serde::{Deserialize, Serialize};

/// With the number that joins an answer to its question.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Numbered<W> {
    pub(crate) number: u64,
    pub(crate) word: W,
}

/// What a node is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Bring this user's tokens.
    Put { user: String, access_token: String, refresh_token: String, expires_in: u64 },
    /// An access token that lives for so many seconds more; `None`: for the usual time.
    Token { user: String, min_ttl: Option<u64>, force: bool },
    /// Whether the user's connection lives.
    State { user: String },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done,
    Token(String),
    State(String),
    /// The code of a problem, and its sentence.
    Problem(String, String),
}
