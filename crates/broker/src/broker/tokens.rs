//! Tokens handed out, and renewals that are asked for.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use unlapse::unlapse_core::{Error, Key, Policy};
use unlapse::unlapse_oauth::provider::AccessTtl;
use unlapse::{AccessToken, Clock as _, Renewal};

use super::Broker;
use super::asked::{Actor, HandedOut, Retries, TokenWanted};
use crate::code::Code;
use crate::connection::{Connection, State};
use crate::connection_id::ConnectionId;
use crate::problem::Problem;
use crate::told;

/// What a caller may ask for at most.
const MOST_RETRIES: u32 = 10;
const LONGEST_DELAY: Duration = Duration::from_secs(60);

impl Broker {
    /// A valid access token: the one that there is, or, where that ends too soon, a renewed one (I3). A
    /// token that is still valid is never withheld (R10).
    pub async fn token(
        &self,
        id: &ConnectionId,
        wanted: TokenWanted,
        by: &Actor,
    ) -> Result<HandedOut, Problem> {
        allow(id, by)?;
        let start = self.inner.clock.now();
        let key = id.key();
        // First, so that whoever asks for what is not there leaves nothing behind.
        let metadata = match self.said(id, &key).await {
            Ok(metadata) => metadata,
            Err(away) if away.code == Code::DatabaseAway && !wanted.force => {
                let token = self.in_memory(&key, wanted.min_ttl).await.ok_or(away)?;
                return Ok(handed_out(token, &BTreeMap::new()));
            }
            Err(problem) => return Err(problem),
        };
        self.hear_of_app(id).await?;
        let found = if wanted.force {
            self.inner.sources.renew(&key, Renewal::forced()).await
        } else {
            let source = self.inner.sources.source(&key).await;
            source.token_for(wanted.min_ttl).await
        };
        let token = match found {
            Ok(token) => token,
            Err(error) => {
                let took = self.inner.clock.now().elapsed(&start);
                let problem = self.problem(id, &key, &error).await;
                let attempts = problem.attempts;
                return Err(problem.after(attempts, took));
            }
        };
        self.inner.notes.used(&key);
        Ok(handed_out(token, &metadata))
    }

    /// A valid token that is in memory: with the database away it is handed out all the same, without
    /// what else is known of its connection (R10).
    async fn in_memory(&self, key: &Key, min_ttl: Duration) -> Option<AccessToken> {
        // One that cannot be read now leaves nothing behind.
        if !self.inner.sources.has(key) {
            return None;
        }
        self.inner.sources.source(key).await.token_for(min_ttl).await.ok()
    }

    /// Renews now, whatever token there is (I2), and says how the connection stands then. On a failure,
    /// nothing of the connection is lost or changed but what it says of the failure (I4).
    pub async fn refresh(
        &self,
        id: &ConnectionId,
        retries: Retries,
        by: &Actor,
    ) -> Result<Connection, Problem> {
        allow(id, by)?;
        let before = self.connection(id).await?;
        self.hear_of_app(id).await?;
        self.not_too_early(id, &before)?;
        let start = self.inner.clock.now();
        let key = id.key();
        let policy = policy(&self.inner.directory.policy(&key), retries);
        let renewal = Renewal::forced().policy(Arc::new(policy));
        if let Err(error) = self.inner.sources.renew(&key, renewal).await {
            let took = self.inner.clock.now().elapsed(&start);
            let problem = self.problem(id, &key, &error).await;
            let attempts = problem.attempts;
            return Err(problem.after(attempts, took));
        }
        self.connection(id).await
    }

    /// A provider that renews no young tokens is not asked.
    fn not_too_early(&self, id: &ConnectionId, connection: &Connection) -> Result<(), Problem> {
        let facts = self.inner.directory.facts(&id.key());
        let (Some(end), false) = (connection.access_expires_at, facts.min_age.is_zero()) else {
            return Ok(());
        };
        let AccessTtl::Usually(life) = facts.access_ttl else { return Ok(()) };
        let from = end.minus(life.saturating_sub(facts.min_age));
        if self.clock() >= from {
            return Ok(());
        }
        let detail = "the provider renews a token only near its end";
        Err(Problem::new(Code::TooEarly, detail).of(id).retry_at(Some(from)))
    }

    /// What is told of `error`. Whether there is such a connection at all is asked only here.
    pub(super) async fn problem(&self, id: &ConnectionId, key: &Key, error: &Error) -> Problem {
        let Error::NeedsLogin { .. } = error else {
            let standing = matches!(error, Error::BreakerOpen { .. });
            let is_there = self.inner.circuits.open_until(&key.server, self.clock()).is_some();
            let standing =
                (standing && is_there && self.is_refused(key)).then_some(Code::AppConfig);
            return told::problem(id, error, standing);
        };
        let found = match self.inner.tables.connection(id).await {
            Ok(Some(found)) => found,
            // Removed meanwhile.
            Ok(None) => return absent(id),
            Err(problem) => return problem.of(id),
        };
        let standing = match found.state {
            State::NeedsUser(code) => Some(code),
            State::Active => None,
        };
        told::problem(id, error, standing)
    }

    /// Whether the app's circuit was opened by what the provider says of the app itself.
    fn is_refused(&self, key: &Key) -> bool {
        use unlapse::Breakers as _;
        self.inner.circuits.read(&key.server).is_there
    }

    /// What the provider has said of the connection beside its token; read once.
    async fn said(
        &self,
        id: &ConnectionId,
        key: &Key,
    ) -> Result<Arc<BTreeMap<String, String>>, Problem> {
        if let Some(said) = self.inner.said.of(key) {
            return Ok(said);
        }
        let found = self.inner.tables.connection(id).await.map_err(|problem| problem.of(id))?;
        let said = Arc::new(found.ok_or_else(|| absent(id))?.metadata);
        self.inner.said.put(key, Arc::clone(&said));
        Ok(said)
    }
}

/// Who asks may only touch what is their tenant's: of others', there is nothing.
pub(super) fn allow(id: &ConnectionId, by: &Actor) -> Result<(), Problem> {
    if by.may_touch(&id.tenant) { Ok(()) } else { Err(absent(id)) }
}

/// There is no such connection.
pub(super) fn absent(id: &ConnectionId) -> Problem {
    let detail = "no connection has this user, provider and account";
    Problem::new(Code::AccountNotFound, detail).of(id)
}

fn handed_out(token: AccessToken, metadata: &BTreeMap<String, String>) -> HandedOut {
    HandedOut {
        access_token: token.secret,
        token_type: token.token_type,
        expires_at: token.expires_at,
        scope: token.scope,
        generation: token.generation,
        metadata: metadata.clone(),
    }
}

/// The app's policy, with as many attempts as were asked for.
fn policy(usual: &Policy, retries: Retries) -> Policy {
    let attempts = retries.max_retries.min(MOST_RETRIES) + 1;
    let delays = retries.max_delay.min(LONGEST_DELAY).saturating_mul(retries.max_retries);
    Policy {
        attempts,
        base_delay: retries.initial_delay.min(LONGEST_DELAY),
        max_delay: retries.max_delay.min(LONGEST_DELAY),
        caller_deadline: usual.caller_deadline.saturating_mul(attempts).saturating_add(delays),
        ..usual.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i2_retries_are_those_that_were_asked_for_within_bounds() {
        let usual = Policy::default();
        let default = policy(&usual, Retries::default());
        assert_eq!(default.attempts, 4);
        assert_eq!(default.base_delay, Duration::from_secs(1));
        assert_eq!(default.max_delay, Duration::from_secs(10));
        let endless = Retries {
            max_retries: u32::MAX,
            initial_delay: Duration::MAX,
            max_delay: Duration::MAX,
        };
        let bounded = policy(&usual, endless);
        assert_eq!((bounded.attempts, bounded.max_delay), (11, LONGEST_DELAY));
    }
}
