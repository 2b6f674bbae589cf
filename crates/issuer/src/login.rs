//! A person is logged in in a browser.

use serde::{Deserialize, Serialize};
use unlapse_core::UnixTime;

/// Who is logged in in a browser, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// `sub` of the tokens: who.
    pub subject: String,
    /// What they are called on pages, where it is known.
    pub name: Option<String>,
    /// When they showed who they are: `auth_time` of ID tokens (OpenID Connect Core §2).
    pub auth_time: UnixTime,
}
