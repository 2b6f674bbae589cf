//! What was granted.

use core::time::Duration;

use unlapse_core::Secret;

use crate::clients::{Client, GrantType};
use crate::scopes::Scopes;
use crate::session::SessionId;

/// What was granted (RFC 6749 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Goes on requests.
    pub access_token: Secret,
    /// How: `Bearer` (RFC 6750), or `DPoP` (RFC 9449) when it is bound to a key.
    pub token_type: &'static str,
    /// How long the access token lives.
    pub expires_in: Duration,
    /// Buys the next; `None` when there is no session.
    pub refresh_token: Option<Secret>,
    /// Who logged in, for the client (OpenID Connect Core §2); `None` unless `openid` was granted
    /// at a login.
    pub id_token: Option<Secret>,
    /// What kind of token it is, where a token was exchanged (RFC 8693 §2.2.1).
    pub issued_token_type: Option<&'static str>,
    /// What the access token may be used for.
    pub scopes: Scopes,
    /// The session; `None` when there is none.
    pub session: Option<SessionId>,
}

impl Issued {
    /// Without the refresh token, when `client` may not use one. `offline_access` is not asked
    /// for: what this issuer is there for is that people stay logged in.
    pub(super) fn for_client(self, client: &Client) -> Self {
        let refreshes = client.grants.contains(&GrantType::RefreshToken);
        Self { refresh_token: self.refresh_token.filter(|_| refreshes), ..self }
    }
}
