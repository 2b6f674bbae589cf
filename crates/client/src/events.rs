//! What happens in a renewal, for logs, metrics and people (I6). Never a secret (R18).

use std::time::Duration;

use unlapse_core::{
    Cause, Demand, Key, LoginReason, Plan, Rejection, Row, RuleBroken, SecurityEvent, Spend,
    StoreError, UnixTime,
};

/// Something happened to a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A renewal begins.
    Started {
        /// What it is for.
        demand: Demand,
        /// It was started ahead of time, and nobody waits for it; rather than asked for.
        automatic: bool,
    },
    /// The lease is ours.
    Leased {
        /// How long it was waited for.
        waited: Duration,
    },
    /// What comes next was decided.
    Planned {
        /// What.
        plan: Plan,
        /// Why.
        row: Row,
    },
    /// A request is being made.
    Spending {
        /// Which.
        spend: Spend,
        /// Its number in this renewal, from one.
        attempt: u32,
        /// How long was waited after the attempt before it.
        delay: Duration,
    },
    /// The server granted a token, and it is durable.
    Renewed {
        /// Its generation.
        generation: u64,
    },
    /// Somebody else's token is used.
    Adopted {
        /// Its generation.
        generation: u64,
    },
    /// The token has ended, and is served all the same: its server cannot be reached (K12).
    Stale {
        /// Its generation.
        generation: u64,
    },
    /// The server gave no verdict.
    Failed {
        /// What happened.
        cause: Cause,
    },
    /// The server said no.
    Rejected {
        /// How.
        rejection: Rejection,
    },
    /// The outcome of a request is not known (R7).
    InDoubt {
        /// How the answer was lost.
        cause: Cause,
    },
    /// The login has ended, and a person has to bring it back. Not told where stored credentials
    /// may do so without one, unless these were refused as well (R14); an API key may stand in.
    Ended {
        /// Why.
        reason: LoginReason,
    },
    /// A granted token was refused (C8).
    RuleBroken {
        /// The rule.
        rule: RuleBroken,
    },
    /// The newest token could not be saved and is served all the same (R5).
    Unsaved {
        /// Why.
        error: StoreError,
        /// Whether a copy could be set aside, which the next process finds.
        set_aside: bool,
    },
    /// What could not be saved before now is.
    Saved {
        /// The generation.
        generation: u64,
    },
    /// The store cannot be used, and memory has to do (C16).
    StoreAway {
        /// Why.
        error: StoreError,
    },
    /// The clocks of client and server are further apart than the policy's skew (R11).
    ClockOff {
        /// The server's clock less ours, in milliseconds.
        millis: i64,
    },
    /// The lease was given up, or the store was away and there was none.
    Released {
        /// How long others could not have it.
        held: Duration,
    },
    /// A renewal has ended, and what it brought is what callers get.
    ///
    /// One that dies on its way, with its process or by a panic, says nothing any more.
    Finished {
        /// How.
        outcome: Outcome,
        /// Which token there is now; zero when there is none, or an API key.
        generation: u64,
        /// Requests that were made.
        attempts: u32,
        /// From its start, the wait for the lease included.
        duration: Duration,
        /// As its start said.
        automatic: bool,
        /// How long the token that there is now lives, from its birth; `None` when there is none, or
        /// it names no end.
        lifetime: Option<Duration>,
    },
    /// A server answered 401 to the token of this generation (R13).
    Refused {
        /// Which token.
        generation: u64,
        /// There was a newer one by then: the request was late, and cost no renewal.
        is_late: bool,
    },
    /// The breaker of the token endpoint has opened (R16).
    BreakerOpened {
        /// When the next trial is let through.
        until: UnixTime,
    },
    /// The breaker of the token endpoint has closed again (R16).
    BreakerClosed,
    /// A person has logged in.
    LoggedIn {
        /// The generation of the first token.
        generation: u64,
    },
    /// Somebody reported what happened to the login (K3, K8).
    Reported {
        /// What.
        event: SecurityEvent,
    },
    /// The record was removed.
    Cleared,
}

/// What a renewal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The server granted a token.
    Renewed,
    /// Somebody else's token, or the one there was, met the demand: no token was bought.
    Adopted,
    /// The renewal failed, and the old token still serves (R10).
    Served {
        /// The [code](unlapse_core::Error::code) of what failed.
        code: &'static str,
    },
    /// The renewal failed, and the token that has ended serves on (K12).
    Stale {
        /// The [code](unlapse_core::Error::code) of what failed.
        code: &'static str,
    },
    /// The API key stands in (R14).
    ApiKey,
    /// There is nothing to serve.
    Failed {
        /// The [code](unlapse_core::Error::code) of what failed.
        code: &'static str,
    },
}

impl Outcome {
    /// A stable name: `renewed`, `adopted`, `served`, `stale`, `api_key`, `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Adopted => "adopted",
            Self::Served { .. } => "served",
            Self::Stale { .. } => "stale",
            Self::ApiKey => "api_key",
            Self::Failed { .. } => "failed",
        }
    }

    /// The code of what failed, a heading of the troubleshooting page.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Served { code } | Self::Stale { code } | Self::Failed { code } => Some(code),
            Self::Renewed | Self::Adopted | Self::ApiKey => None,
        }
    }
}

impl Event {
    /// A stable name, which is the field `event` of its log line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Leased { .. } => "leased",
            Self::Planned { .. } => "planned",
            Self::Spending { .. } => "spending",
            Self::Renewed { .. } => "renewed",
            Self::Adopted { .. } => "adopted",
            Self::Stale { .. } => "stale",
            Self::Failed { .. } => "failed",
            Self::Rejected { .. } => "rejected",
            Self::InDoubt { .. } => "in_doubt",
            Self::Ended { .. } => "ended",
            Self::RuleBroken { .. } => "rule_broken",
            Self::Unsaved { .. } => "unsaved",
            Self::Saved { .. } => "saved",
            Self::StoreAway { .. } => "store_away",
            Self::ClockOff { .. } => "clock_off",
            Self::Released { .. } => "released",
            Self::Finished { .. } => "finished",
            Self::Refused { .. } => "refused",
            Self::BreakerOpened { .. } => "breaker_opened",
            Self::BreakerClosed => "breaker_closed",
            Self::LoggedIn { .. } => "logged_in",
            Self::Reported { .. } => "reported",
            Self::Cleared => "cleared",
        }
    }
}

/// Is told what happens. Must be quick: the renewal waits for it. If it panics, it is not told, and
/// nothing else happens.
pub type Observer = std::sync::Arc<dyn Fn(&Key, &Event) + Send + Sync>;
