//! What has happened on a stage.

use std::ops::Sub;

/// Counters, which only grow. The difference of two is what happened in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Logins with a name and a password.
    pub logins: u64,
    /// Sessions that began, by a login or by [`Stage::open_session`](crate::Stage::open_session).
    pub sessions: u64,
    /// Tokens that clients were granted for themselves.
    pub client_grants: u64,
    /// Refresh tokens that were succeeded by the next.
    pub refreshes: u64,
    /// Refresh tokens that were answered, within their grace, with the successor they already had.
    pub replays: u64,
    /// Sessions that were ended because a refresh token was used again: people who were logged out by
    /// their own programs.
    pub reuses: u64,
    /// Sessions that were ended before their time, for any reason.
    pub ended: u64,
    /// Requests for a token, answered or not.
    pub token_requests: u64,
    /// Requests to the API.
    pub requests: u64,
    /// Those of them that were answered 401.
    pub unauthorized: u64,
    /// Those of them that came with the API key.
    pub by_api_key: u64,
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            logins: self.logins - earlier.logins,
            sessions: self.sessions - earlier.sessions,
            client_grants: self.client_grants - earlier.client_grants,
            refreshes: self.refreshes - earlier.refreshes,
            replays: self.replays - earlier.replays,
            reuses: self.reuses - earlier.reuses,
            ended: self.ended - earlier.ended,
            token_requests: self.token_requests - earlier.token_requests,
            requests: self.requests - earlier.requests,
            unauthorized: self.unauthorized - earlier.unauthorized,
            by_api_key: self.by_api_key - earlier.by_api_key,
        }
    }
}
