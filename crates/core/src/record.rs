//! What a store keeps under a key, and how it may change.
//!
//! Every change is a function from a record to the next one: the renewal decides nothing by
//! assigning fields.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Cause;
use crate::freshness::{Freshness, assess, salt};
use crate::key::Key;
use crate::policy::Policy;
use crate::reuse::Reuse;
use crate::secret::Secret;
use crate::security_event::{Reaction, SecurityEvent};
use crate::time::{Now, UnixTime};
use crate::token::{Grant, Token};

/// What is kept of one credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Grows by one whenever the token changes.
    pub generation: u64,
    /// Grows by one whenever anything changes: the newer of two copies is the one with more.
    pub revision: u64,
    /// The token; none before the first login.
    pub token: Option<Token>,
    /// Whether anything but a person can renew it.
    pub state: State,
    /// A refresh token is being spent, or was and the outcome is not known (R3, R7).
    pub intent: Option<Intent>,
    /// The last failed renewal since the token changed.
    pub failure: Option<Failure>,
    /// What logs in again without a person (C9).
    pub credentials: Option<Credentials>,
    /// Renewals in a row that brought no new refresh token.
    pub unrotated: u32,
    /// Outcomes that were not known when they happened, over the record's life (R7).
    pub doubts: u32,
    /// The server's clock less ours, in milliseconds, from its last `Date` header (R11).
    pub clock_offset: Option<i64>,
    /// When the record was last written.
    pub stored_at: UnixTime,
}

/// Whether a login is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Renewals may go on.
    #[default]
    Active,
    /// Only a new login helps. The token is still served until it expires (R9).
    NeedsLogin(LoginReason),
}

/// Why a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoginReason {
    /// Nobody has logged in yet, or they logged out.
    NeverLoggedIn,
    /// The server rejected the current refresh token.
    RefreshRejected,
    /// The server rejected the refresh token after a reply was lost: its successor never arrived.
    RotationLost,
    /// The server rejected the stored user name and password.
    CredentialsRejected,
    /// The refresh token has come to its known end.
    RefreshExpired,
    /// There is no refresh token and no other way to renew.
    NoRefreshToken,
    /// The server saw a refresh token of the login used twice, and ended it (RFC 9700 §4.14.2).
    ReuseDetected,
    /// Somebody reported that the login was revoked, exposed or disabled (K3).
    Revoked,
}

impl LoginReason {
    /// The reason in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::NeverLoggedIn => "nobody is logged in",
            Self::RefreshRejected => "the server rejected the refresh token",
            Self::RotationLost => {
                "a reply of the server was lost, and it no longer takes the refresh token before it"
            }
            Self::CredentialsRejected => "the server rejected the stored credentials",
            Self::RefreshExpired => "the refresh token has expired",
            Self::NoRefreshToken => "there is no refresh token to renew the token with",
            Self::ReuseDetected => "the server saw a refresh token used twice, and ended the login",
            Self::Revoked => "the login was reported as revoked",
        }
    }
}

/// "Generation g is being spent": written before the refresh token leaves (R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When this refresh token was first sent.
    pub since: Now,
    /// How often it has been sent.
    pub attempt: u32,
    /// How often it was sent although an earlier outcome was not known, and got no answer that
    /// leaves things as they were.
    pub replays: u32,
    /// An outcome is known to be lost; else a process may have died before it could tell.
    #[serde(default)]
    pub in_doubt: bool,
}

/// A failed renewal, kept so that other processes and people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub cause: Cause,
    /// When.
    pub at: Now,
    /// The server asked not to be asked before (`Retry-After`).
    pub retry_at: Option<UnixTime>,
    /// Renewals that have failed in a row.
    pub count: u32,
}

/// What logs in without a person, sealed with the record (C9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name for the password grant or the login endpoint.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The client's secret (RFC 6749 §2.3.1).
    pub client_secret: Option<Secret>,
}

impl Record {
    /// The record with `intent` to send its refresh token at `now`; `replay` when the outcome of an
    /// earlier sending is not known.
    #[must_use]
    pub fn intend(&self, now: Now, replay: bool) -> Self {
        let intent = match self.intent {
            Some(intent) => Intent {
                attempt: intent.attempt.saturating_add(1),
                replays: intent.replays.saturating_add(u32::from(replay)),
                in_doubt: intent.in_doubt || replay,
                ..intent
            },
            None => Intent { since: now, attempt: 1, replays: 0, in_doubt: false },
        };
        self.next(|record| record.intent = Some(intent))
    }

    /// The key that the token is bound to, if it is (RFC 9449).
    pub fn sender_key(&self) -> Option<&Secret> {
        self.token.as_ref()?.sender_key.as_ref()
    }

    /// The record whose refresh token is to be sent with a proof of `sender_key` (RFC 9449 §5): part
    /// of the intent, since the server may bind the successor to it.
    #[must_use]
    pub fn bound_to(mut self, sender_key: Option<Secret>) -> Self {
        if let (Some(token), Some(sender_key)) = (&mut self.token, sender_key) {
            token.sender_key = Some(sender_key);
        }
        self
    }

    /// The record after the server granted a token to a request sent at `sent`.
    #[must_use]
    pub fn granted(&self, grant: Grant, sent: Now) -> Self {
        let old = self.token.as_ref().and_then(|token| token.refresh_token.as_ref());
        let rotated = grant.refresh_token.is_some() && grant.refresh_token.as_ref() != old;
        let unrotated = if rotated { 0 } else { self.unrotated.saturating_add(1) };
        let token = Token::from_grant(grant, sent, self.token.as_ref());
        self.next(|record| {
            record.generation += 1;
            record.token = Some(token);
            record.state = State::Active;
            record.intent = None;
            record.failure = None;
            record.unrotated = unrotated;
        })
    }

    /// The record after a new login, which succeeds nothing: no old refresh token is carried over.
    #[must_use]
    pub fn logged_in(&self, grant: Grant, sent: Now) -> Self {
        let token = Token::from_grant(grant, sent, None);
        self.next(|record| {
            record.generation += 1;
            record.token = Some(token);
            record.state = State::Active;
            record.intent = None;
            record.failure = None;
        })
    }

    /// The record after the server granted a token that breaks a rule (C8): the access token is
    /// refused, but the refresh token was spent, so that its successor must be kept. The generation
    /// stays: callers get no other token.
    #[must_use]
    pub fn granted_against_rules(&self, refresh_token: Option<Secret>, failure: Failure) -> Self {
        self.next(|record| {
            if let (Some(token), Some(successor)) = (&mut record.token, refresh_token) {
                token.refresh_token = Some(successor);
            }
            record.intent = None;
            record.failure = Some(failure);
        })
    }

    /// The record after a refresh that decided nothing: nothing is lost but time. An older doubt
    /// stays, and this sending does not count against it.
    #[must_use]
    pub fn failed(&self, failure: Failure) -> Self {
        self.next(|record| {
            record.intent = record
                .intent
                .filter(|intent| intent.in_doubt)
                .map(|intent| Intent { replays: intent.replays.saturating_sub(1), ..intent });
            record.failure = Some(failure);
        })
    }

    /// The record after a login that decided nothing: the refresh token was not touched, and what
    /// is known of it stays.
    #[must_use]
    pub fn login_failed(&self, failure: Failure) -> Self {
        self.next(|record| record.failure = Some(failure))
    }

    /// What stays of the record when it is cleared: no secret, and a generation beyond that of every
    /// token that it could still have become, so that no copy counts any more (K9): not one that
    /// could not be saved, and not the answer to a request of a holder who has lost the lease.
    #[must_use]
    pub fn cleared(&self, now: Now) -> Self {
        const BEYOND: u64 = 100;
        Self {
            generation: self.generation + BEYOND,
            revision: self.revision + 1,
            stored_at: now.wall,
            ..Self::default()
        }
    }

    /// What stays of the record after a security event (K3): why a login is needed, and the stored
    /// credentials if that is not for a person to make. For the rest as [`Record::cleared`].
    #[must_use]
    pub fn revoked(&self, event: SecurityEvent, now: Now) -> Self {
        let keeps = event.reaction() == Reaction::NewLogin;
        Self {
            state: State::NeedsLogin(event.reason()),
            credentials: self.credentials.clone().filter(|_| keeps),
            ..self.cleared(now)
        }
    }

    /// A record without a token, counting on from `generation`: what comes after one that was
    /// removed by hand or is damaged. A 401 names a generation, which must not mean two tokens (R13).
    #[must_use]
    pub fn counting_on(self, generation: u64) -> Self {
        match self.token {
            Some(_) => self,
            None => Self { generation: self.generation.max(generation), ..self },
        }
    }

    /// The record after a request whose outcome is not known: the intent stays (R7).
    #[must_use]
    pub fn in_doubt(&self, failure: Failure) -> Self {
        self.next(|record| {
            record.doubts = record.doubts.saturating_add(1);
            record.intent = record.intent.map(|intent| Intent { in_doubt: true, ..intent });
            record.failure = Some(failure);
        })
    }

    /// The record after the login ended. Token and credentials stay (R9).
    #[must_use]
    pub fn ended(&self, reason: LoginReason) -> Self {
        self.next(|record| {
            record.state = State::NeedsLogin(reason);
            record.intent = None;
        })
    }

    /// The failure `cause` at `now`, counted after the one before it.
    pub fn failure(&self, cause: Cause, now: Now, retry_after: Option<Duration>) -> Failure {
        Failure {
            cause,
            at: now,
            retry_at: retry_after.map(|wait| now.wall.plus(wait)),
            count: self.failure.map_or(0, |failure| failure.count).saturating_add(1),
        }
    }

    /// What the token is good for now; `None` when there is none. `key` spreads renewals (R12).
    pub fn freshness(&self, key: &Key, now: &Now, policy: &Policy) -> Option<Freshness> {
        let salt = salt(&key.identity(), self.generation);
        Some(assess(self.token.as_ref()?, now, policy, salt))
    }

    /// Whether the token is not due for renewal and lives for `min_ttl` more, or for as much of it
    /// as the server ever gives: more cannot be had by asking again.
    pub fn is_fresh_for(&self, min_ttl: Duration, key: &Key, now: &Now, policy: &Policy) -> bool {
        let Some(token) = &self.token else { return false };
        let attainable = token.lifetime.map_or(Duration::ZERO, |life| life / 10 * 9);
        matches!(self.freshness(key, now, policy), Some(Freshness::Fresh { .. }))
            && token.left(now).is_none_or(|left| left >= min_ttl.min(attainable))
    }

    /// Whether `self` was written after `other`. The token counts first: a holder that lost its
    /// lease may have fewer revisions, but a newer token (R19).
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.generation, self.revision) > (other.generation, other.revision)
    }

    /// The reuse class that counts: the profile's, unless it says nothing and the server has shown
    /// that it does not rotate. Once is not enough for that: some rotate now and then.
    pub fn reuse(&self, configured: Reuse) -> Reuse {
        const SHOWN: u32 = 3;
        match configured {
            Reuse::Unknown if self.unrotated >= SHOWN => Reuse::Stable,
            known => known,
        }
    }

    /// The refresh token, if there is one that is not known to have ended.
    pub fn refresh_token(&self, now: &Now) -> Option<&Secret> {
        let token = self.token.as_ref().filter(|token| !token.refresh_ended(now))?;
        token.refresh_token.as_ref()
    }

    /// A changed copy, one revision on.
    #[must_use]
    pub fn next(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut record = self.clone();
        record.revision += 1;
        change(&mut record);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(access: &str, refresh: Option<&str>) -> Grant {
        let mut grant = Grant::bearer(Secret::new(access));
        grant.refresh_token = refresh.map(Secret::new);
        grant
    }

    fn active() -> Record {
        Record::default().granted(grant("at-1", Some("rt-1")), Now::default())
    }

    #[test]
    fn every_change_is_one_revision_and_only_a_token_a_generation() {
        let record = active();
        assert_eq!((record.generation, record.revision), (1, 1));
        let intent = record.intend(Now::default(), false);
        assert_eq!((intent.generation, intent.revision), (1, 2));
        assert!(intent.is_newer_than(&record));
        let next = intent.granted(grant("at-2", Some("rt-2")), Now::default());
        assert_eq!((next.generation, next.revision), (2, 3));
        assert_eq!(next.intent, None);
    }

    #[test]
    fn r13_only_a_record_without_a_token_counts_on() {
        assert_eq!(Record::default().counting_on(3).generation, 3);
        let cleared = active().cleared(Now::default());
        assert_eq!(cleared.clone().counting_on(1), cleared);
        assert_eq!(active().counting_on(3), active());
    }

    #[test]
    fn r12_fresh_for_what_the_server_gives() {
        let (key, policy) = (Key::new("acme"), Policy::default());
        let mut grant = grant("at", None);
        grant.expires_in = Some(Duration::from_secs(3600));
        let record = Record::default().granted(grant, Now::default());
        let fresh = |ttl, at| {
            let now = Now::default().plus(Duration::from_secs(at));
            record.is_fresh_for(Duration::from_secs(ttl), &key, &now, &policy)
        };
        assert!(fresh(0, 10) && fresh(600, 2990) && !fresh(600, 3010));
        assert!(fresh(999_999, 10) && !fresh(999_999, 400));
        assert!(!fresh(0, 3400) && !fresh(0, 3600));
        assert!(!Record::default().is_fresh_for(Duration::ZERO, &key, &Now::default(), &policy));
    }

    #[test]
    fn r19_a_newer_token_beats_more_revisions() {
        let mut busy = active();
        busy.revision = 99;
        let fenced = active().granted(grant("at-2", Some("rt-2")), Now::default());
        assert!(fenced.is_newer_than(&busy));
    }

    #[test]
    fn r7_a_failure_clears_an_intent_but_no_doubt() {
        let now = Now::default();
        let first = active().intend(now, false);
        let failure = first.failure(Cause::Status(503), now, None);
        assert_eq!(first.failed(failure).intent, None);
        let replay = first.in_doubt(failure).intend(now, true);
        let after = replay.failed(failure).intent.expect("still in doubt");
        assert_eq!((after.attempt, after.replays, after.in_doubt), (2, 0, true));
        // A login that fails says nothing about the refresh token.
        assert_eq!(first.login_failed(failure).intent, first.intent);
    }

    #[test]
    fn rfc9449_5_the_key_of_an_intent_outlives_failure_and_doubt() {
        let now = Now::default();
        let key = || Some(Secret::new("key"));
        let intended = active().intend(now, false).bound_to(key());
        assert_eq!(intended.clone().bound_to(None), intended);
        let failure = intended.failure(Cause::Broken, now, None);
        for after in [intended.failed(failure), intended.in_doubt(failure)] {
            let token = after.granted(grant("at-2", Some("rt-2")), now).token;
            assert_eq!(token.expect("granted").sender_key, key());
        }
        // Another login is another key.
        let anew = intended.logged_in(grant("at-2", None), now);
        assert_eq!(anew.token.expect("granted").sender_key, None);
    }

    #[test]
    fn r9_an_ended_login_keeps_its_token() {
        let ended = active().ended(LoginReason::RefreshRejected);
        assert_eq!(ended.token, active().token);
    }

    #[test]
    fn k9_what_is_cleared_is_newer_than_every_copy() {
        let cleared = active().cleared(Now::default());
        assert!(cleared.is_newer_than(&active().intend(Now::default(), false)));
        assert_eq!((cleared.token, cleared.credentials), (None, None));
    }

    #[test]
    fn k3_a_security_event_leaves_no_secret_but_what_logs_in_anew() {
        let credentials =
            Credentials { password: Some(Secret::new("p")), ..Credentials::default() };
        let record = active().next(|record| record.credentials = Some(credentials));
        for event in SecurityEvent::ALL {
            let left = record.revoked(event, Now::default());
            assert!(left.token.is_none() && left.is_newer_than(&record), "{event:?}");
            assert_eq!(left.state, State::NeedsLogin(event.reason()));
            let keeps = event.reaction() == Reaction::NewLogin;
            assert_eq!(left.credentials.is_some(), keeps, "{event:?}");
        }
    }

    #[test]
    fn r7_what_a_server_does_is_learned() {
        let same = |record: &Record| record.granted(grant("at-2", None), Now::default());
        let twice = same(&same(&active()));
        assert_eq!(twice.reuse(Reuse::Unknown), Reuse::Unknown);
        let stable = same(&twice);
        assert_eq!(stable.reuse(Reuse::Unknown), Reuse::Stable);
        assert_eq!(stable.reuse(Reuse::Strict), Reuse::Strict);
        let rotated = stable.granted(grant("at-3", Some("rt-2")), Now::default());
        assert_eq!(rotated.reuse(Reuse::Unknown), Reuse::Unknown);
    }

    #[test]
    fn c8_a_refused_grant_keeps_the_spent_tokens_successor() {
        let spent = active().intend(Now::default(), false);
        let failure = spent.failure(Cause::Rule, Now::default(), None);
        let kept = spent.granted_against_rules(Some(Secret::new("rt-2")), failure);
        let token = kept.token.expect("the old one");
        assert_eq!(token.access_token, Secret::new("at-1"));
        assert_eq!(token.refresh_token, Some(Secret::new("rt-2")));
        assert_eq!((kept.intent, kept.generation), (None, 1));
    }
}
