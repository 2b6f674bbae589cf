//! What must hold in every run, whatever is broken.

use std::fmt;
use std::time::Duration;

/// A promise, with the rules it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// At most one live lease a key and fence, and nothing spent without it (R1, R19).
    Lease,
    /// A refresh token leaves only after its intent is durable (R3).
    Intent,
    /// What a caller is given is durable, or called unsaved (R4, R5).
    Durable,
    /// No superseded refresh token is sent, and none twice outside of R7.
    Superseded,
    /// No login is lost unless a fault made that unavoidable (R7, R9).
    Family,
    /// A login ends only when the server has rejected its current token (R8, R9).
    Ended,
    /// A request under way is not given up before its deadline, whoever is cancelled (R6).
    Abandoned,
    /// No token is handed out past its expiry (R11).
    Expired,
    /// A valid token is never withheld (R10).
    Withheld,
    /// No process goes back to an older token (R2).
    Older,
    /// What was cleared is not served beyond the time that memory is trusted (K9).
    Cleared,
    /// No waiter is stranded (R17, R20).
    Stranded,
    /// The breaker opens after failures only (R16).
    Breaker,
    /// Every process begins the renewal of a token at the same moment, also after a restart (R12).
    Jitter,
    /// One token costs one renewal, when nothing is broken (R1, R13).
    Once,
    /// After healing, everyone is fresh or knows that a login is needed.
    Alive,
    /// No secret in an error or an event (R18).
    Canary,
    /// Nothing panics.
    Panic,
}

impl Invariant {
    /// Every one.
    pub const ALL: [Self; 18] = [
        Self::Lease,
        Self::Intent,
        Self::Durable,
        Self::Superseded,
        Self::Family,
        Self::Ended,
        Self::Abandoned,
        Self::Expired,
        Self::Withheld,
        Self::Older,
        Self::Cleared,
        Self::Stranded,
        Self::Breaker,
        Self::Jitter,
        Self::Once,
        Self::Alive,
        Self::Canary,
        Self::Panic,
    ];
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lease => "lease (R1, R19)",
            Self::Intent => "intent (R3)",
            Self::Durable => "durable (R4, R5)",
            Self::Superseded => "superseded (R5, R7)",
            Self::Family => "family (R7, R9)",
            Self::Ended => "ended (R8, R9)",
            Self::Abandoned => "abandoned (R6)",
            Self::Expired => "expired (R11)",
            Self::Withheld => "withheld (R10)",
            Self::Older => "older (R2)",
            Self::Cleared => "cleared (K9)",
            Self::Stranded => "stranded (R17, R20)",
            Self::Breaker => "breaker (R16)",
            Self::Jitter => "jitter (R12)",
            Self::Once => "once (R1, R13)",
            Self::Alive => "alive",
            Self::Canary => "canary (R18)",
            Self::Panic => "panic",
        })
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, since the world began.
    pub at: Duration,
    /// How.
    pub what: String,
}
