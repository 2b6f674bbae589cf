//! What a token is for.

/// A scope of the server's. Each has a token of its own (K1): what reads metrics cannot raise alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `metrics:read`.
    MetricsRead,
    /// `alerts:write`.
    AlertsWrite,
}

impl Scope {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::MetricsRead, Self::AlertsWrite];

    /// The name that the server knows.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::MetricsRead => "metrics:read",
            Self::AlertsWrite => "alerts:write",
        }
    }
}
