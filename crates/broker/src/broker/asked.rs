//! What a broker is asked, and what it answers.

use core::time::Duration;
use std::collections::BTreeMap;

use unlapse::unlapse_core::{Grant, Secret, UnixTime};

use crate::connection::Connection;
use crate::connection_id::ConnectionId;
use crate::name::Name;

/// Who asks: for the audit log, and for whose data they may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The tenant that they belong to; `None`: an operator of the broker, for whom there is no limit.
    pub tenant: Option<Name>,
    /// What the audit log calls them, such as `key:3f9a` or `operator`.
    pub name: String,
}

impl Actor {
    /// Whether they may touch what is this tenant's.
    pub fn may_touch(&self, tenant: &Name) -> bool {
        self.tenant.as_ref().is_none_or(|own| own == tenant)
    }
}

/// The tokens of a connection that is brought from elsewhere (`PUT`, imports).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// The access token; without one, the first renewal is due at once.
    pub access_token: Option<Secret>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// How long the access token still lives.
    pub expires_in: Option<Duration>,
    /// How long the refresh token still lives.
    pub refresh_expires_in: Option<Duration>,
    /// The scope that was granted.
    pub scope: Option<String>,
    /// `Bearer`, unless said otherwise.
    pub token_type: Option<String>,
    /// What the provider said beside the token.
    pub metadata: BTreeMap<String, String>,
}

impl Brought {
    /// As a grant. Without an access token, the first is due at once.
    pub(crate) fn grant(self) -> Grant {
        let nothing = self.access_token.is_none();
        let access_token = self.access_token.unwrap_or_else(|| Secret::new(""));
        Grant {
            refresh_token: self.refresh_token,
            expires_in: if nothing { Some(Duration::ZERO) } else { self.expires_in },
            refresh_expires_in: self.refresh_expires_in,
            token_type: self.token_type,
            scope: self.scope,
            ..Grant::bearer(access_token)
        }
    }
}

/// What kind of token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenWanted {
    /// It should live for so long more; five minutes unless said otherwise (I3).
    pub min_ttl: Duration,
    /// It is to be renewed in any case.
    pub force: bool,
}

impl Default for TokenWanted {
    fn default() -> Self {
        Self { min_ttl: Duration::from_secs(300), force: false }
    }
}

/// An access token, on its way to whoever may have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOut {
    /// The token.
    pub access_token: Secret,
    /// How it goes on requests: `Bearer`.
    pub token_type: String,
    /// When it ends; `None`: the provider names no end.
    pub expires_at: Option<UnixTime>,
    /// What it may do, as the provider wrote it.
    pub scope: Option<String>,
    /// Which token of the connection it is.
    pub generation: u64,
    /// What the provider said beside it, such as the address of the account's own instance.
    pub metadata: BTreeMap<String, String>,
}

/// How often a renewal that was asked for is tried (I2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Further requests after the first; 3, and 10 at most.
    pub max_retries: u32,
    /// Delay before the first of them; doubles with each. 1 s.
    pub initial_delay: Duration,
    /// The longest delay. 10 s; 60 s at most.
    pub max_delay: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            max_retries: 3,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(10),
        }
    }
}

/// Which connections are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `active` or `needs_user` ones.
    pub needs_user: Option<bool>,
    /// Of this app.
    pub provider: Option<Name>,
    /// Of this user.
    pub user: Option<String>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The connections, in the order of their names.
    pub connections: Vec<Connection>,
    /// Where the next part begins: the last of these, where there are more.
    pub next: Option<ConnectionId>,
}

/// A connection that a user is to give their consent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which one it will be, or already is.
    pub id: ConnectionId,
    /// The scopes to ask for; empty: the app's.
    pub scopes: Vec<String>,
    /// Where the user is sent afterwards: one of the app's. `None`: the broker's own page.
    pub return_to: Option<String>,
    /// What the provider has to be told of the account itself, such as the name of a shop: the first
    /// of the connection's metadata.
    pub params: BTreeMap<String, String>,
}

/// What a user's browser brings back from the provider (RFC 6749 §4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    /// The tenant in the path of the redirect URI that it came to. Whoever sends a browser here
    /// writes it: it may be no name at all.
    pub tenant: String,
    /// The app there, as little a name.
    pub app: String,
    /// Every parameter of the query, `state`, `code`, `error` and `iss` among them.
    pub params: BTreeMap<String, String>,
}

/// A connection that its user has given consent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The connection.
    pub connection: Connection,
    /// Where the user goes from here.
    pub return_to: Option<String>,
}
