//! What a provider has seen.

/// Counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests at token endpoints.
    pub requests: u64,
    /// Those that brought a new token.
    pub grants: u64,
    /// Refresh tokens that were sent again by need: the answer to the first time was lost, or whoever
    /// had it was in trouble.
    pub replays: u64,
    /// Refresh tokens that were sent again without any need. Nobody should ever do that.
    pub doubles: u64,
    /// Logins that were ended because a refresh token was used again.
    pub families_revoked: u64,
    /// Requests that were refused for another reason: an unknown token, or a login that has ended.
    pub refused: u64,
    /// Requests that failed as they were told to.
    pub faults: u64,
    /// Tokens that were revoked by their clients (RFC 7009).
    pub revocations: u64,
}
