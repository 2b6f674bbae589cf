//! How a verifier is set up.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::HeaderValue;

use crate::algorithm::Algorithm;
use crate::clock::{Clock, system_clock};
use crate::denylist::Denylist;
use crate::dpop_policy::DpopPolicy;
use crate::nonces::NoRandomness;
use crate::refused::Terms;
use crate::remembered::Remembered;
use crate::rules::Rules;
use crate::verifier::{Keys, Parts, Verifier};

/// Sets up a [`Verifier`]. Everything but issuer, audience and keys has a default.
#[must_use]
pub struct VerifierBuilder {
    rules: Rules,
    keys: Keys,
    denylist: Option<Arc<Denylist>>,
    dpop: Option<DpopPolicy>,
    remember: usize,
    clock: Clock,
    realm: String,
}

/// A verifier could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadVerifier {
    /// The realm or a scope cannot stand in a header.
    #[error("the realm or a required scope has characters that a header cannot carry")]
    Text,
    /// There are no algorithms, or the issuer or an audience is an empty text: what matches nothing
    /// was most likely not configured.
    #[error("the issuer, an audience or the algorithms are empty")]
    Nothing,
    /// The system has no randomness to give.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl VerifierBuilder {
    pub(crate) fn new(rules: Rules, keys: Keys) -> Self {
        Self {
            rules,
            keys,
            denylist: None,
            dpop: None,
            remember: 10_000,
            clock: system_clock(),
            realm: String::new(),
        }
    }

    /// Another audience that is ours as well.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// A scope that every token must have.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.rules.scopes.push(scope.into());
        self
    }

    /// The algorithms that are accepted; all by default.
    pub fn algorithms(mut self, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        self.rules.algorithms = algorithms.into();
        self
    }

    /// How far the issuer's clock may be from ours: 30 s by default.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// Longest time from a token's `iat` to its `exp`: 24 h by default.
    pub fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.rules.longest_lifetime = lifetime;
        self
    }

    /// `typ` of the tokens, for an issuer that does not follow RFC 9068; `at+jwt` by default. With
    /// `JWT`, an identity token of the same issuer is told from an access token by its audience
    /// alone.
    pub fn typ(mut self, typ: &str) -> Self {
        self.rules.typ = typ.to_ascii_lowercase();
        self
    }

    /// Sessions and tokens that were revoked.
    pub fn denylist(mut self, denylist: Arc<Denylist>) -> Self {
        self.denylist = Some(denylist);
        self
    }

    /// Proofs of possession. Without this, tokens that are bound to a key are refused.
    pub fn dpop(mut self, policy: DpopPolicy) -> Self {
        self.dpop = Some(policy);
        self
    }

    /// How many verified tokens are remembered at least: 10,000 by default; zero for none.
    pub fn remember(mut self, tokens: usize) -> Self {
        self.remember = tokens;
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The `realm` of challenges (RFC 9110 §11.5); none by default.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The verifier.
    pub fn build(self) -> Result<Verifier, BadVerifier> {
        let Rules { issuer, audiences, algorithms, .. } = &self.rules;
        if issuer.is_empty() || algorithms.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(BadVerifier::Nothing);
        }
        let scope = self.rules.scopes.join(" ");
        for text in [&self.realm, &scope] {
            HeaderValue::try_from(text)
                .ok()
                .filter(|value| value.to_str().is_ok())
                .ok_or(BadVerifier::Text)?;
        }
        let terms = Terms {
            realm: self.realm,
            scope,
            algs: self.dpop.as_ref().map(DpopPolicy::algs),
            dpop_alone: self.dpop.as_ref().is_some_and(DpopPolicy::is_required),
        };
        Ok(Verifier(Arc::new(Parts {
            rules: self.rules,
            keys: self.keys,
            denylist: self.denylist,
            dpop: self.dpop,
            remembered: Remembered::new(self.remember)?,
            clock: self.clock,
            terms: Arc::new(terms),
            last_header: ArcSwapOption::empty(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwk_set::JwkSet;

    #[test]
    fn j3_what_was_not_configured_is_said_when_it_is_built() {
        let builder = |issuer, audience| Verifier::builder(issuer, audience, JwkSet::default());
        for (builder, bad) in [
            (builder("https://id.example", "api"), None),
            (builder("", "api"), Some(BadVerifier::Nothing)),
            (builder("https://id.example", ""), Some(BadVerifier::Nothing)),
            (builder("https://id.example", "api").audience(""), Some(BadVerifier::Nothing)),
            (builder("https://id.example", "api").algorithms([]), Some(BadVerifier::Nothing)),
            (builder("https://id.example", "api").realm("a\nb"), Some(BadVerifier::Text)),
            (builder("https://id.example", "api").realm("ä"), Some(BadVerifier::Text)),
            (builder("https://id.example", "api").scope("a\0"), Some(BadVerifier::Text)),
        ] {
            assert_eq!(builder.build().err(), bad);
        }
    }
}
