//! What the pages are set up with.

use core::time::Duration;
use std::sync::Arc;

use super::bad_configuration::BadConfiguration;
use super::builder::IssuerBuilder;
use crate::claims::Claims;
use crate::consent::Consent;
use crate::login_page::LoginPage;
use crate::logins_ended::LONGEST_LOGIN;
use crate::scopes::Scopes;
use crate::user_code_guesses::UserCodeGuesses;

/// As they are said.
pub(super) struct PageSettings {
    browser_lifetime: Duration,
    consent: Option<Arc<dyn Consent>>,
    claims: Option<Arc<dyn Claims>>,
    login_page: Option<Arc<dyn LoginPage>>,
    scopes: Scopes,
}

/// As they are used.
pub(super) struct Pages {
    /// How long a login in a browser lives.
    pub(super) browser_lifetime: Duration,
    /// The host's own mind about consent.
    pub(super) consent: Option<Arc<dyn Consent>>,
    /// What the host says of its people.
    pub(super) claims: Option<Arc<dyn Claims>>,
    /// The host's own login.
    pub(super) login_page: Option<Arc<dyn LoginPage>>,
    /// The scopes that are published.
    pub(super) scopes: Scopes,
    /// Wrong user codes so far.
    pub(super) user_code_guesses: UserCodeGuesses,
}

impl Default for PageSettings {
    fn default() -> Self {
        let openid = Scopes::parse("openid profile email offline_access");
        Self {
            browser_lifetime: Duration::from_secs(12 * 3600),
            consent: None,
            claims: None,
            login_page: None,
            scopes: openid.expect("these are scopes"),
        }
    }
}

impl PageSettings {
    pub(super) fn build(self) -> Result<Pages, BadConfiguration> {
        let Self { browser_lifetime, consent, claims, login_page, scopes } = self;
        if !(Duration::from_secs(1)..=LONGEST_LOGIN).contains(&browser_lifetime) {
            return Err(BadConfiguration::BrowserLifetime);
        }
        let user_code_guesses = UserCodeGuesses::default();
        Ok(Pages { browser_lifetime, consent, claims, login_page, scopes, user_code_guesses })
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

    /// How people log in. By a plain page that asks for name and password when not said.
    #[must_use]
    pub fn login_page(mut self, page: Arc<dyn LoginPage>) -> Self {
        self.pages.login_page = Some(page);
        self
    }

    /// What is said of people in ID tokens and at `/userinfo`, besides who they are. Nothing when
    /// not said.
    #[must_use]
    pub fn claims(mut self, claims: Arc<dyn Claims>) -> Self {
        self.pages.claims = Some(claims);
        self
    }

    /// The scopes that the metadata names (`scopes_supported`): `openid`, `profile`, `email` and
    /// `offline_access` when not said. What a client may ask for is said by the client alone.
    /// `offline_access` changes nothing: every client that may use refresh tokens has one for each
    /// login, as that is what this issuer is there for.
    #[must_use]
    pub fn scopes_supported(mut self, scopes: Scopes) -> Self {
        self.pages.scopes = scopes;
        self
    }
}
