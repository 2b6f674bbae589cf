//! What a renewal does next, as one pure function with a test per row (R2, R7, R9, R10, R14).

use core::time::Duration;

use crate::breaker::Admission;
use crate::freshness::Freshness;
use crate::key::Key;
use crate::policy::Policy;
use crate::record::{Intent, LoginReason, Record, State};
use crate::reuse::Reuse;
use crate::time::{Now, UnixTime};

/// What the caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A token that is not due for renewal and lives for `min_ttl` more.
    Fresh {
        /// How long the token should still live; zero when any time will do.
        min_ttl: Duration,
    },
    /// A token of a later generation than this, which a server has rejected (R13).
    Rejected(u64),
    /// A renewal is wanted; one that somebody has made since this generation is as good.
    NewerThan(u64),
    /// A renewal, whoever has just made one.
    Force,
    /// A new login with stored credentials, whatever there is.
    NewLogin,
}

/// The ways to a token that a profile has, beside a person (R14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rungs {
    /// A refresh token may be used where there is one.
    pub refresh: bool,
    /// A login needs no person: client credentials, a stored password.
    pub login: bool,
    /// An API key stands in when nothing else is left.
    pub api_key: bool,
}

/// Everything that a plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The record as read under the lease; the default one when there is none.
    pub record: &'a Record,
    /// Both clocks.
    pub now: Now,
    /// The profile's policy.
    pub policy: &'a Policy,
    /// Whose it is.
    pub key: &'a Key,
    /// What the caller needs.
    pub demand: Demand,
    /// The ways to a token.
    pub rungs: Rungs,
    /// What the breaker of the token endpoint says.
    pub breaker: Admission,
    /// What opened the breaker were answers, and no want of a server: [`Breaker::is_there`].
    ///
    /// [`Breaker::is_there`]: crate::Breaker::is_there
    pub is_there: bool,
    /// Requests that this renewal has made.
    pub attempts: u32,
    /// Those of them whose outcome was lost.
    pub lost: u32,
    /// Time this renewal has spent on requests whose outcome was lost.
    pub waited: Duration,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The record's token meets the demand, or is the best there is and still valid: no request.
    Adopt,
    /// The record's token has ended, and is served all the same: its server cannot be reached (K12).
    Stale,
    /// Make this request.
    Spend(Spend),
    /// The API key stands in.
    ApiKey,
    /// Nothing more can be done now.
    Stop(Stop),
}

/// A request to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// Send the refresh token.
    Refresh,
    /// Send the refresh token again although the outcome of an earlier sending is not known (R7).
    Replay,
    /// Log in with stored credentials.
    Login,
}

/// Why nothing more can be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Only a person can help.
    NeedsLogin(LoginReason),
    /// A request's outcome is not known, and asking again now could do harm or is useless.
    InDoubt,
    /// The server asked not to be asked before.
    Later {
        /// When asking makes sense again.
        retry_at: UnixTime,
    },
    /// The breaker is open.
    BreakerOpen {
        /// When the next trial is let through.
        until: UnixTime,
    },
}

/// The row of the table that a plan comes from: why it is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Row {
    /// The record's token is all that is needed (R2).
    Met,
    /// A renewal has failed just now, and the token is valid: another round later (R10, R15).
    JustFailed,
    /// The server asked for time (R15).
    AskedToWait,
    /// A new login was asked for, and can be made without a person.
    NewLogin,
    /// A new login was asked for, and only a person can make it.
    NewLoginByPerson,
    /// Nothing stands against the refresh token.
    Unspent,
    /// A reply was lost, and there is no time for another, or it was lost as well (R7).
    LostTwice,
    /// A doubt, at a server where sending again does no harm (R7).
    Harmless,
    /// A doubt, and a token that serves meanwhile (R7, R10).
    ServedInDoubt,
    /// A doubt, and it is too early for the last resort (R7).
    TooEarly,
    /// A doubt, and nothing else is left: once more (R7).
    LastResort,
    /// Without a refresh token: stored credentials (R14).
    LoginRung,
    /// The login has ended, and its token is still valid (R9).
    ServedToItsEnd,
    /// Nothing but the API key is left (R14).
    ApiKeyRung,
    /// Only a person can help (R14).
    NothingLeft,
    /// There would be a request to make, and the breaker is open (R16).
    BreakerOpen,
}

impl Row {
    /// Every row.
    pub const ALL: [Self; 16] = [
        Self::Met,
        Self::JustFailed,
        Self::AskedToWait,
        Self::NewLogin,
        Self::NewLoginByPerson,
        Self::Unspent,
        Self::LostTwice,
        Self::Harmless,
        Self::ServedInDoubt,
        Self::TooEarly,
        Self::LastResort,
        Self::LoginRung,
        Self::ServedToItsEnd,
        Self::ApiKeyRung,
        Self::NothingLeft,
        Self::BreakerOpen,
    ];
}

/// A request with less time than this is not worth making.
const LEAST_DEADLINE: Duration = Duration::from_secs(1);

/// Decides the next step of a renewal.
pub fn plan(situation: &Situation<'_>) -> Plan {
    decide(situation).1
}

/// Decides the next step of a renewal, and says by which row.
pub fn decide(situation: &Situation<'_>) -> (Row, Plan) {
    let Situation { record, now, policy, demand, rungs, .. } = *situation;
    if situation.is_met() {
        return (Row::Met, Plan::Adopt);
    }
    if let Some(failure) = record.failure {
        if situation.may_serve() && now.within(policy.round, &failure.at) && situation.attempts == 0
        {
            return (Row::JustFailed, Plan::Adopt);
        }
        if let Some(retry_at) = failure.retry_at.filter(|at| now.wall < *at)
            // A clock set back must not make a short wait long.
            && retry_at.since(now.wall) <= policy.max_delay.saturating_mul(2)
        {
            return (Row::AskedToWait, situation.serve_or_stop(Stop::Later { retry_at }));
        }
    }
    if demand == Demand::NewLogin {
        return if rungs.login {
            situation.spend(Row::NewLogin, Spend::Login)
        } else {
            (Row::NewLoginByPerson, Plan::Stop(Stop::NeedsLogin(situation.reason())))
        };
    }
    if let State::NeedsLogin(reason) = record.state {
        return situation.next_rung(reason);
    }
    if !rungs.refresh || record.refresh_token(&now).is_none() {
        return situation.next_rung(situation.reason());
    }
    match record.intent {
        Some(intent) => situation.resolve(intent),
        None => situation.spend(Row::Unspent, Spend::Refresh),
    }
}

impl Situation<'_> {
    fn is_valid(&self) -> bool {
        let freshness = self.record.freshness(self.key, &self.now, self.policy);
        freshness.is_some_and(Freshness::is_valid)
    }

    /// Whether a valid token satisfies the caller for want of a better one (R10). A caller whose
    /// token was rejected is not helped by the same token.
    fn may_serve(&self) -> bool {
        matches!(self.demand, Demand::Fresh { .. }) && self.is_valid()
    }

    /// Whether the record's token is all that the caller needs.
    fn is_met(&self) -> bool {
        match self.demand {
            Demand::Fresh { min_ttl } => {
                self.record.is_fresh_for(min_ttl, self.key, &self.now, self.policy)
            }
            Demand::Rejected(generation) | Demand::NewerThan(generation) => {
                self.record.generation > generation && self.is_valid()
            }
            Demand::Force | Demand::NewLogin => false,
        }
    }

    /// Why there is nothing to refresh with.
    fn reason(&self) -> LoginReason {
        match (self.record.state, &self.record.token) {
            (State::NeedsLogin(reason), _) => reason,
            (State::Active, None) => LoginReason::NeverLoggedIn,
            (State::Active, Some(token)) if token.refresh_ended(&self.now) => {
                LoginReason::RefreshExpired
            }
            (State::Active, Some(_)) => LoginReason::NoRefreshToken,
        }
    }

    /// The rungs below the refresh token (R14). Rejected credentials are not tried again: accounts
    /// are locked for that.
    fn next_rung(&self, reason: LoginReason) -> (Row, Plan) {
        if self.rungs.login && reason != LoginReason::CredentialsRejected {
            self.spend(Row::LoginRung, Spend::Login)
        } else if self.may_serve() {
            (Row::ServedToItsEnd, Plan::Adopt)
        } else if self.rungs.api_key {
            (Row::ApiKeyRung, Plan::ApiKey)
        } else {
            (Row::NothingLeft, Plan::Stop(Stop::NeedsLogin(reason)))
        }
    }

    /// An intent without an outcome (R7).
    fn resolve(&self, intent: Intent) -> (Row, Plan) {
        let no_time = self.waited.saturating_add(LEAST_DEADLINE) > self.policy.exchange_deadline;
        if self.lost > 1 || self.lost > 0 && no_time {
            return (Row::LostTwice, self.serve_or_stop(Stop::InDoubt));
        }
        let reuse = self.record.reuse(self.policy.reuse);
        let harmless = match reuse.window() {
            None => true,
            Some(window) => {
                let first = intent.replays == 0 || matches!(reuse, Reuse::Grace(_));
                first && self.now.within(window, &intent.since)
            }
        };
        if harmless {
            self.spend(Row::Harmless, Spend::Replay)
        } else if self.may_serve() {
            (Row::ServedInDoubt, Plan::Adopt)
        } else if self.lost > 0 || self.is_valid() && !matches!(self.demand, Demand::Rejected(_)) {
            // Said to be unknown before the last resort is taken, which it is only when the token
            // that there is serves nobody any more.
            let stop = Stop::InDoubt;
            let is_stale = self.may_serve_stale(stop);
            (Row::TooEarly, if is_stale { Plan::Stale } else { Plan::Stop(stop) })
        } else {
            self.spend(Row::LastResort, Spend::Replay)
        }
    }

    fn spend(&self, row: Row, spend: Spend) -> (Row, Plan) {
        match self.breaker {
            Admission::Closed | Admission::Trial => (row, Plan::Spend(spend)),
            Admission::Open { until } => {
                (Row::BreakerOpen, self.serve_or_stop(Stop::BreakerOpen { until }))
            }
        }
    }

    fn serve_or_stop(&self, stop: Stop) -> Plan {
        if self.may_serve() {
            Plan::Adopt
        } else if self.rungs.api_key && self.policy.api_key_while_away {
            Plan::ApiKey
        } else if self.may_serve_stale(stop) {
            Plan::Stale
        } else {
            Plan::Stop(stop)
        }
    }

    /// Whether a token that has ended satisfies the caller for want of a server (K12).
    fn may_serve_stale(&self, stop: Stop) -> bool {
        matches!(self.demand, Demand::Fresh { .. })
            && self.record.is_stale_at(stop, self.is_there, &self.now, self.policy)
    }
}

impl Situation<'_> {
    /// How long the next request may take (R17). Where a lost answer can be asked for again only
    /// for a while, half of what is left: the replay must still fall inside (R7).
    pub fn deadline(&self) -> Duration {
        let left = self.policy.exchange_deadline.saturating_sub(self.waited);
        match self.record.reuse(self.policy.reuse).window() {
            Some(window) if !window.is_zero() && self.lost == 0 => left.min(window).div_f64(2.0),
            _ => left,
        }
        .max(LEAST_DEADLINE)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
