//! Others whose word on who somebody is is taken (RFC 7521 §4.1).

use core::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use unlapse_verify::JwkSet;

/// Says who the subject of a token or an assertion is here, from its claims; `None` for nobody.
pub type SubjectOf = Arc<dyn Fn(&Map<String, Value>) -> Option<String> + Send + Sync>;

/// An issuer of JWTs that are taken for tokens of our own, as assertions (RFC 7523 §2.1) and for
/// exchange (RFC 8693), by clients that may use those grants.
#[derive(Clone)]
pub struct TrustedIssuer {
    /// Its `iss`, letter by letter.
    pub issuer: String,
    /// What it signs with.
    pub keys: JwkSet,
    /// Who its subjects are here. `iss` and `sub` with a `|` between when not said, so that none of
    /// them is one of ours.
    pub subject: SubjectOf,
}

impl TrustedIssuer {
    /// The issuer of that `iss`, which signs with these keys.
    pub fn new(issuer: impl Into<String>, keys: JwkSet) -> Self {
        let subject = |claims: &Map<String, Value>| {
            let text = |name: &str| claims.get(name).and_then(Value::as_str);
            Some(format!("{}|{}", text("iss")?, text("sub")?))
        };
        Self { issuer: issuer.into(), keys, subject: Arc::new(subject) }
    }

    /// The same, whose subjects are who `subject` says.
    ///
    /// ```
    /// use unlapse_issuer::{JwkSet, TrustedIssuer};
    ///
    /// // The people of a company's directory are the people here.
    /// let directory = TrustedIssuer::new("https://directory.example", JwkSet::default())
    ///     .with_subjects(|claims| Some(claims.get("sub")?.as_str()?.to_owned()));
    /// ```
    #[must_use]
    pub fn with_subjects(
        mut self,
        subject: impl Fn(&Map<String, Value>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.subject = Arc::new(subject);
        self
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
