//! What is published, as callers ask about it.

use std::sync::Arc;

use http::HeaderValue;
use unlapse_core::{Demand, Error, Freshness, Now, RuleBroken, UnixTime};

use crate::current::Current;
use crate::info::Info;
use crate::shared::Shared;
use crate::source::AccessToken;

impl Shared {
    /// Whether the newest token still has to be saved in its place.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.current.load().as_ref().is_some_and(|current| current.is_unsaved())
    }

    fn freshness(&self, current: &Current, now: &Now) -> Option<Freshness> {
        current.record()?.freshness(&self.renewer.key, now, &self.renewer.policy)
    }

    /// The current credential, if it may be used.
    pub(crate) fn valid(&self, now: &Now) -> Option<Arc<Current>> {
        let current = self.current.load();
        let current = current.as_ref()?;
        let valid = match current.record() {
            Some(record) => record.token.as_ref().is_some_and(|token| !token.is_expired(now)),
            None => current.is_hot(now.wall),
        };
        valid.then(|| Arc::clone(current))
    }

    /// The current credential, if this demand may be served with it at this moment. Of what has just
    /// been published the cheap clock tells; ten thousand may be waiting for it.
    pub(crate) fn served_now(&self, demand: Demand) -> Option<Arc<Current>> {
        if let Some(current) = self.current.load().as_ref()
            && !current.is_stale()
            && current.is_hot(self.renewer.clock.coarse())
        {
            return Some(Arc::clone(current));
        }
        let now = self.renewer.clock.now();
        self.valid(&now).or_else(|| self.stale(demand, &now))
    }

    /// Whether nothing has to be renewed for this demand.
    pub(crate) fn is_met(&self, demand: Demand, current: &Current) -> bool {
        let Some(record) = current.record() else { return true };
        let Demand::Fresh { min_ttl } = demand else { return false };
        let now = self.renewer.clock.now();
        record.is_fresh_for(min_ttl, &self.renewer.key, &now, &self.renewer.policy)
    }

    /// Whether the current token should be renewed.
    pub(crate) fn is_due(&self) -> bool {
        let now = self.renewer.clock.now();
        let current = self.current.load_full();
        let freshness = current.and_then(|current| self.freshness(&current, &now));
        !matches!(freshness, Some(Freshness::Fresh { .. }))
    }

    /// A valid token of a later generation.
    pub(crate) fn newer_than(&self, generation: u64) -> Option<Arc<Current>> {
        let current = self.valid(&self.renewer.clock.now())?;
        (current.generation() > generation).then_some(current)
    }

    /// When the current token ends; the beginning of time where there is none.
    pub(crate) fn ends_at(&self) -> UnixTime {
        let current = self.current.load_full();
        let token = current.as_ref().and_then(|current| current.record()?.token.as_ref());
        token.map_or_else(UnixTime::default, |token| {
            token.expires_at().unwrap_or(UnixTime::from_millis(u64::MAX))
        })
    }

    pub(crate) fn generation(&self) -> u64 {
        self.current.load().as_ref().map_or(0, |current| current.generation())
    }

    pub(crate) fn header(&self, current: &Current) -> Result<HeaderValue, Error> {
        current.header().map_err(|_| self.unusable())
    }

    pub(crate) fn access_token(&self, current: &Current) -> Result<AccessToken, Error> {
        if let Some(record) = current.record() {
            let token = AccessToken::of(record, current.is_unsaved());
            let token = token.map(|token| AccessToken { is_stale: current.is_stale(), ..token });
            return token.ok_or_else(|| self.unusable());
        }
        self.api_key.clone().map(AccessToken::api_key).ok_or_else(|| self.unusable())
    }

    pub(crate) fn info(&self) -> Info {
        let now = self.renewer.clock.now();
        let current = self.current.load_full();
        Info::of(current.as_deref(), &now, &self.renewer.policy)
    }

    /// There is a token, or an API key, and no header can carry it.
    pub(crate) fn unusable(&self) -> Error {
        Error::RuleBroken { key: self.renewer.key.clone(), rule: RuleBroken::Unsendable }
    }
}
