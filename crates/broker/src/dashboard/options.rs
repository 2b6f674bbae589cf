//! What the dashboard is set up with.

use url::Url;
use zeroize::Zeroizing;

use crate::places::Places;
use crate::seal::xaes;
use crate::strangers::Strangers;

/// What the dashboard is set up with.
#[derive(Clone, Debug)]
pub struct DashboardOptions {
    pub(super) public_url: Url,
    pub(super) is_secure: bool,
    pub(super) is_open: bool,
    pub(super) session_key: Option<SessionKey>,
    pub(super) strangers: Strangers,
    pub(super) places: Places,
}

/// The key that sessions are sealed with.
#[derive(Clone)]
pub(super) struct SessionKey(pub(super) xaes::Key);

impl core::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

impl DashboardOptions {
    /// For a broker that browsers reach at `public_url`: where that is `https`, the session's cookie
    /// is `Secure` and named `__Host-…` (RFC 6265bis §4.1.3.2).
    pub fn new(public_url: &Url) -> Self {
        let is_secure = public_url.scheme() == "https";
        Self {
            public_url: public_url.clone(),
            is_secure,
            is_open: false,
            session_key: None,
            strangers: Strangers::default(),
            places: Places::default(),
        }
    }

    /// Lets everybody in without a key, as an operator. For the loopback only: whoever listens
    /// elsewhere must not set it. A request whose `Host` is no name of the loopback is refused, so
    /// that no page of a stranger reaches it under a name of its own (DNS rebinding).
    #[must_use]
    pub fn open(mut self, is_open: bool) -> Self {
        self.is_open = is_open;
        self
    }

    /// The key that sessions are sealed with. Nodes that share it share their sessions. Without it, it is
    /// derived from the newest master key, which nodes share as well; where a command has that, each
    /// process draws its own, and its sessions end with it.
    #[must_use]
    pub fn session_key(mut self, key: [u8; 32]) -> Self {
        self.session_key = Some(SessionKey(Zeroizing::new(key)));
        self
    }

    /// Callers who have not proven who they are, as the API beside it counts them.
    #[must_use]
    pub fn strangers(mut self, strangers: &Strangers) -> Self {
        self.strangers = strangers.clone();
        self
    }

    /// How many visitors are answered at once, together with those of the API beside it.
    #[must_use]
    pub fn places(mut self, places: &Places) -> Self {
        self.places = places.clone();
        self
    }

    /// The same with this key, where none was given.
    pub(super) fn or_session_key(mut self, key: Option<xaes::Key>) -> Self {
        self.session_key = self.session_key.or(key.map(SessionKey));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_the_key_is_not_shown() {
        let url = Url::parse("https://broker.example").expect("a URL");
        let options = DashboardOptions::new(&url).session_key([0x5a; 32]);
        assert!(options.is_secure && !options.is_open);
        let shown = format!("{options:?}");
        assert!(!shown.contains("90") && !shown.contains("5a"), "{shown}");
    }
}
