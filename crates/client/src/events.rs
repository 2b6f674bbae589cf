//! What happens in a renewal, for logs, metrics and people (I6). Never a secret (R18).

use unlapse_core::{Cause, Key, LoginReason, Plan, Rejection, Row, RuleBroken, Spend, StoreError};

/// Something happened to a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
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
    /// The login has ended.
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
    /// The record was removed.
    Cleared,
}

/// Is told what happens. Must be quick: the renewal waits for it. If it panics, it is not told, and
/// nothing else happens.
pub type Observer = std::sync::Arc<dyn Fn(&Key, &Event) + Send + Sync>;

/// Logs an event at the level that its reader needs.
pub(crate) fn trace(key: &Key, event: &Event) {
    match event {
        Event::Planned { .. } | Event::Spending { .. } | Event::Adopted { .. } => {
            tracing::debug!(target: "unlapse", %key, ?event);
        }
        Event::Renewed { .. } | Event::Saved { .. } | Event::Cleared => {
            tracing::info!(target: "unlapse", %key, ?event);
        }
        Event::Unsaved { .. }
        | Event::Stale { .. }
        | Event::StoreAway { .. }
        | Event::Ended { .. }
        | Event::InDoubt { .. }
        | Event::Failed { .. }
        | Event::Rejected { .. }
        | Event::RuleBroken { .. }
        | Event::ClockOff { .. } => tracing::warn!(target: "unlapse", %key, ?event),
    }
}
