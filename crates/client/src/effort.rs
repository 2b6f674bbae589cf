//! What one renewal has gone through.

use std::time::Duration;

use unlapse_core::{Cause, Error, Row, Secret};

use crate::events::Outcome;
use crate::renew::Renewed;

/// What this renewal has gone through so far.
#[derive(Default)]
pub(crate) struct Effort {
    pub(crate) attempts: u32,
    pub(crate) lost: u32,
    pub(crate) waited: Duration,
    pub(crate) last: Option<Cause>,
    /// How long was waited after the last attempt.
    pub(crate) delay: Duration,
    /// The record was read under the lease.
    pub(crate) is_held: bool,
    /// The server granted a token.
    pub(crate) is_granted: bool,
    /// What failed, although there was a token to serve all the same (R10).
    pub(crate) failed: Option<&'static str>,
    /// A person's login: nothing but what was brought is tried.
    pub(crate) is_login: bool,
    /// The key that a login was proven with, until its token keeps it (RFC 9449).
    pub(crate) sender_key: Option<Secret>,
}

impl Effort {
    /// No request is made, by this row: if a token serves all the same, for want of a better one, it
    /// is for what the row says (R10, K12).
    pub(crate) fn ended_by(&mut self, row: Row) {
        self.failed = match row {
            Row::BreakerOpen => Some("breaker_open"),
            Row::LostTwice | Row::ServedInDoubt | Row::TooEarly => Some("outcome_unknown"),
            Row::JustFailed | Row::AskedToWait => Some("temporary_failure"),
            // What was asked for, all that is left of a login, or nothing to serve.
            _ => None,
        };
    }

    /// What it has come to.
    pub(crate) fn outcome(&self, renewed: &Result<Renewed, Error>) -> Outcome {
        match (renewed, self.failed) {
            (Ok(Renewed::Token(..)), _) if self.is_granted => Outcome::Renewed,
            (Ok(Renewed::Token(..)), Some(code)) => Outcome::Served { code },
            (Ok(Renewed::Token(..)), None) => Outcome::Adopted,
            // A token that has ended serves on after a failure alone.
            (Ok(Renewed::Stale(..)), code) => {
                Outcome::Stale { code: code.unwrap_or("temporary_failure") }
            }
            (Ok(Renewed::ApiKey), _) => Outcome::ApiKey,
            (Err(error), _) => Outcome::Failed { code: error.code() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::Kept;
    use unlapse_core::{Key, LoginReason};

    #[test]
    fn i6_r10_what_a_token_serves_in_want_of() {
        let rows = [
            (Row::Met, None),
            (Row::ServedToItsEnd, None),
            (Row::NothingLeft, None),
            (Row::JustFailed, Some("temporary_failure")),
            (Row::AskedToWait, Some("temporary_failure")),
            (Row::LostTwice, Some("outcome_unknown")),
            (Row::ServedInDoubt, Some("outcome_unknown")),
            (Row::TooEarly, Some("outcome_unknown")),
            (Row::BreakerOpen, Some("breaker_open")),
        ];
        for (row, code) in rows {
            let mut effort = Effort::default();
            effort.ended_by(row);
            assert_eq!(effort.failed, code, "{row:?}");
        }
    }

    #[test]
    fn i6_a_row_for_each_outcome() {
        let token = || Ok(Renewed::Token(Box::default(), Kept::Saved));
        let stale = Ok(Renewed::Stale(Box::default(), Kept::Saved));
        let key = Key::new("acme");
        let ended = Err(Error::NeedsLogin { key, reason: LoginReason::NeverLoggedIn });
        let rows = [
            (true, None, token(), Outcome::Renewed),
            // After one rung failed, the next was granted.
            (true, Some("lease_busy"), token(), Outcome::Renewed),
            (false, None, token(), Outcome::Adopted),
            (false, Some("lease_busy"), token(), Outcome::Served { code: "lease_busy" }),
            (false, Some("breaker_open"), stale, Outcome::Stale { code: "breaker_open" }),
            (false, Some("lease_busy"), Ok(Renewed::ApiKey), Outcome::ApiKey),
            (false, None, ended, Outcome::Failed { code: "login_needed" }),
        ];
        for (is_granted, failed, renewed, expected) in rows {
            let effort = Effort { is_granted, failed, ..Effort::default() };
            assert_eq!(effort.outcome(&renewed), expected, "{is_granted} {failed:?} {renewed:?}");
        }
    }
}
