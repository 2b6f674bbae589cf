//! Which connection.

use core::fmt;

use serde::{Deserialize, Serialize};
use unlapse::unlapse_core::Key;

use crate::name::Name;

/// A connection: of a tenant, (user, provider, account) (I1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionId {
    /// Whose broker it is.
    pub tenant: Name,
    /// The tenant's own name for its user.
    pub user: String,
    /// The tenant's app at a provider: by default, named as the provider is.
    pub provider: Name,
    /// The account there, in the tenant's words: a user may have several.
    pub account: String,
}

/// A user or an account that names nobody: 1 to 256 bytes, without control characters, and neither
/// `.` nor `..`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is 1 to 256 bytes, without control characters, and neither `.` nor `..`")]
pub struct BadConnectionId(&'static str);

impl ConnectionId {
    /// The longest that a user or an account may be, in bytes.
    pub const MAX: usize = 256;

    /// The connection of these names.
    pub fn new(
        tenant: Name,
        user: impl Into<String>,
        provider: Name,
        account: impl Into<String>,
    ) -> Result<Self, BadConnectionId> {
        let (user, account) = (user.into(), account.into());
        for (what, text) in [("a user", &user), ("an account", &account)] {
            let is_sized = (1..=Self::MAX).contains(&text.len());
            // Clients take these out of a path, even encoded: what they name could not be asked for
            // (RFC 3986 §5.2.4).
            let is_dots = matches!(text.as_str(), "." | "..");
            if !is_sized || is_dots || text.contains(char::is_control) {
                return Err(BadConnectionId(what));
            }
        }
        Ok(Self { tenant, user, provider, account })
    }

    /// What its record is kept under: the app is its server, so that a breaker and a circuit are the
    /// app's (R16).
    pub fn key(&self) -> Key {
        let user = self.user.replace('%', "%25").replace('/', "%2F");
        Key::new(format!("{}/{}", self.tenant, self.provider))
            .account(format!("{user}/{}", self.account))
    }

    /// The connection whose record is kept under `key`; `None`: no connection's is.
    pub fn of(key: &Key) -> Option<Self> {
        let (tenant, provider) = key.server.split_once('/')?;
        let (user, account) = key.account.split_once('/')?;
        let user = user.replace("%2F", "/").replace("%25", "%");
        Self::new(tenant.parse().ok()?, user, provider.parse().ok()?, account).ok()
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, user, provider, account } = self;
        write!(f, "{tenant}: {user}/{provider}/{account}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn i1_a_name_that_names_nobody_is_refused() {
        let name = || "acme".parse::<Name>().expect("a name");
        for bad in ["", "a\nb", "\u{7f}", ".", "..", &"x".repeat(257)] {
            assert!(ConnectionId::new(name(), bad, name(), "a").is_err(), "{bad:?}");
            assert!(ConnectionId::new(name(), "a", name(), bad).is_err(), "{bad:?}");
        }
        for good in ["...", ".a", "a.", "./.", &"x".repeat(256)] {
            assert!(ConnectionId::new(name(), good, name(), good).is_ok(), "{good:?}");
        }
    }

    proptest! {
        #[test]
        fn i1_every_connection_is_read_back_from_its_key(user in "[^\\p{C}]{1,40}", account in "[^\\p{C}]{1,40}") {
            prop_assume!([&user, &account].into_iter().all(|text| text != "." && text != ".."));
            let name = |text: &str| text.parse::<Name>().expect("a name");
            let id = ConnectionId::new(name("acme"), user, name("google"), account).expect("valid");
            prop_assert_eq!(ConnectionId::of(&id.key()), Some(id));
        }

        #[test]
        fn i1_two_connections_have_two_keys(a in "[/%25F]{1,6}", b in "[/%25F]{1,6}", c in "[/%25F]{1,6}", d in "[/%25F]{1,6}") {
            let name = |text: &str| text.parse::<Name>().expect("a name");
            let id = |user: &str, account: &str| ConnectionId::new(name("t"), user, name("p"), account).expect("valid");
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(id(&a, &b).key(), id(&c, &d).key());
        }
    }
}
