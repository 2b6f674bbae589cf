//! What the pages are set up with.

use core::time::Duration;
use std::sync::Arc;

use super::builder::{BadConfiguration, IssuerBuilder};
use crate::consent::Consent;
use crate::user_code_guesses::UserCodeGuesses;

/// As they are said.
pub(super) struct PageSettings {
    browser_lifetime: Duration,
    consent: Option<Arc<dyn Consent>>,
}

/// As they are used.
pub(super) struct Pages {
    /// How long a login in a browser lives.
    pub(super) browser_lifetime: Duration,
    /// The host's own mind about consent.
    pub(super) consent: Option<Arc<dyn Consent>>,
    /// Wrong user codes so far.
    pub(super) user_code_guesses: UserCodeGuesses,
}

/// The longest life of a login in a browser.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

impl Default for PageSettings {
    fn default() -> Self {
        Self { browser_lifetime: Duration::from_secs(12 * 3600), consent: None }
    }
}

impl PageSettings {
    pub(super) fn build(self) -> Result<Pages, BadConfiguration> {
        let Self { browser_lifetime, consent } = self;
        if !(Duration::from_secs(1)..=LONGEST).contains(&browser_lifetime) {
            return Err(BadConfiguration::BrowserLifetime);
        }
        Ok(Pages { browser_lifetime, consent, user_code_guesses: UserCodeGuesses::default() })
    }
}

impl IssuerBuilder {
    /// How long a person stays logged in in a browser: 12 h; 1 s to 30 days. It ends with the
    /// browser in any case. Sessions that were opened meanwhile live by the
    /// [`policy`](Self::policy).
    #[must_use]
    pub fn browser_lifetime(mut self, lifetime: Duration) -> Self {
        self.pages.browser_lifetime = lifetime;
        self
    }

    /// Whether people are asked before a client may act for them. As [`Consent`] says when not
    /// said.
    #[must_use]
    pub fn consent(mut self, consent: Arc<dyn Consent>) -> Self {
        self.pages.consent = Some(consent);
        self
    }
}
