//! A connection as everybody may see it who may see it: without its secrets.

use std::collections::BTreeMap;

use unlapse::unlapse_core::UnixTime;

use crate::code::Code;
use crate::connection_id::ConnectionId;

/// A user's login at a provider, without its secrets (I1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Which one.
    pub id: ConnectionId,
    /// Whether it lives.
    pub state: State,
    /// Grows by one with each token.
    pub generation: u64,
    /// The scope that was granted, as the provider wrote it.
    pub scope: Option<String>,
    /// When the access token ends; `None`: the provider names no end, or there is none.
    pub access_expires_at: Option<UnixTime>,
    /// When the refresh token ends if nothing is done, where that is known.
    pub refresh_expires_at: Option<UnixTime>,
    /// When it is renewed next.
    pub due_at: Option<UnixTime>,
    /// How the last renewal failed, if it did.
    pub failing: Option<Failing>,
    /// What the provider said beside the token, such as the address of the account's own instance.
    pub metadata: BTreeMap<String, String>,
    /// When it came to be.
    pub created_at: UnixTime,
    /// When its user last gave consent, or its tokens were brought.
    pub connected_at: UnixTime,
    /// When a token of it was last asked for; within an hour.
    pub seen_at: Option<UnixTime>,
}

/// Whether a connection lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is renewed whenever it is due.
    Active,
    /// Only its user can help, by a new consent.
    NeedsUser(Code),
}

impl State {
    /// As it stands in replies and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NeedsUser(_) => "needs_user",
        }
    }
}

/// How renewals fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Why the last one did.
    pub code: Code,
    /// How many did in a row.
    pub count: u32,
}
