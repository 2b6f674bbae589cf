//! What a record says of its connection.

use unlapse::unlapse_core::{Cause, LoginReason, Record, State as RecordState};

use super::facts::Facts;
use crate::code::Code;
use crate::connection::{Failing, State};

/// Whether the connection of `record` lives, and how its renewals fail, if they do.
fn standing(record: &Record, facts: &Facts) -> (State, Option<Failing>) {
    if let RecordState::NeedsLogin(reason) = record.state {
        return (State::NeedsUser(needs(record, reason, facts)), None);
    }
    let failing = record.failure.map(|failure| Failing {
        code: if record.intent.is_none() && too_early(record, facts) {
            Code::TooEarly
        } else {
            failed(failure.cause)
        },
        count: failure.count,
    });
    (State::Active, failing)
}

/// The code that a record stands under: of what its user has to mend, or of what fails for now.
pub(super) fn code_of(record: &Record, facts: &Facts) -> Option<Code> {
    match standing(record, facts) {
        (State::NeedsUser(code), _) => Some(code),
        (State::Active, failing) => failing.map(|failing| failing.code),
    }
}

/// Why only the user can help, as finely as can be told.
fn needs(record: &Record, reason: LoginReason, facts: &Facts) -> Code {
    match reason {
        LoginReason::NeverLoggedIn => Code::NoAccessToken,
        LoginReason::NoRefreshToken => Code::NoRefreshToken,
        LoginReason::RotationLost | LoginReason::ReuseDetected => Code::RotationLost,
        // A provider says `invalid_grant` for all of these alike: the calendar tells them apart.
        LoginReason::RefreshRejected | LoginReason::RefreshExpired => {
            let Some(token) = &record.token else { return Code::UserRevoked };
            let now = record.stored_at;
            let idle = token.refresh_idle.or(facts.refresh_idle);
            if token.refresh_ends_at.is_some_and(|end| now >= end) {
                Code::RtExpiredAbsolute
            } else if idle.is_some_and(|idle| now.since(token.obtained.wall) >= idle) {
                Code::RtExpiredIdle
            } else {
                Code::UserRevoked
            }
        }
        _ => Code::UserRevoked,
    }
}

/// What a failure that is no verdict on the login is called: whose fault it is.
pub(crate) fn failed(cause: Cause) -> Code {
    match cause {
        Cause::Status(429) => Code::RateLimited,
        Cause::Client | Cause::Request => Code::AppConfig,
        Cause::Host => Code::HostRefused,
        Cause::Status(_)
        | Cause::Html(_)
        | Cause::Unreadable(_)
        | Cause::TooLarge
        | Cause::Connect
        | Cause::Timeout
        | Cause::Broken => Code::ProviderDown,
        _ => Code::TokenRefreshError,
    }
}

/// Whether the token was so young that its provider renews none.
fn too_early(record: &Record, facts: &Facts) -> bool {
    let Some((token, failure)) = record.token.as_ref().zip(record.failure) else { return false };
    failure.at.wall.since(token.obtained.wall) < facts.min_age
        && matches!(failure.cause, Cause::Status(400..=499) | Cause::Client | Cause::Unreadable(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use unlapse::unlapse_core::{BootTime, Failure, Grant, Now, Secret, UnixTime};

    fn now(secs: u64) -> Now {
        Now { wall: UnixTime::from_secs(secs), boot: BootTime { boot: 1, millis: 0 } }
    }

    fn record() -> Record {
        let mut grant = Grant::bearer(Secret::new("at"));
        grant.refresh_token = Some(Secret::new("rt"));
        Record::default().logged_in(grant, now(1000))
    }

    fn failing(cause: Cause) -> Record {
        record().failed(Failure { cause, at: now(1100), retry_at: None, count: 3 })
    }

    #[test]
    fn i5_a_row_for_each_reason_that_needs_the_user() {
        for (reason, expected) in [
            (LoginReason::NeverLoggedIn, Code::NoAccessToken),
            (LoginReason::NoRefreshToken, Code::NoRefreshToken),
            (LoginReason::RotationLost, Code::RotationLost),
            (LoginReason::ReuseDetected, Code::RotationLost),
            (LoginReason::RefreshRejected, Code::UserRevoked),
            (LoginReason::Revoked, Code::UserRevoked),
            (LoginReason::CredentialsRejected, Code::UserRevoked),
        ] {
            let (state, failing) = standing(&record().ended(reason), &Facts::default());
            assert_eq!((state, failing), (State::NeedsUser(expected), None), "{reason:?}");
        }
    }

    #[test]
    fn i5_the_calendar_tells_why_a_refresh_token_was_rejected() {
        let mut ended = record().ended(LoginReason::RefreshRejected);
        ended.stored_at = UnixTime::from_secs(1000 + 86_400);
        let facts = |idle| Facts { refresh_idle: idle, ..Facts::default() };
        let code = |record: &Record, facts: &Facts| code_of(record, facts);
        assert_eq!(code(&ended, &facts(None)), Some(Code::UserRevoked));
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(code(&ended, &facts(day)), Some(Code::RtExpiredIdle));
        let longer = Some(Duration::from_secs(86_401));
        assert_eq!(code(&ended, &facts(longer)), Some(Code::UserRevoked));
        if let Some(token) = &mut ended.token {
            token.refresh_ends_at = Some(UnixTime::from_secs(5000));
        }
        assert_eq!(code(&ended, &facts(day)), Some(Code::RtExpiredAbsolute));
    }

    #[test]
    fn whose_fault_it_is() {
        for (cause, expected) in [
            (Cause::Status(429), Code::RateLimited),
            (Cause::Status(503), Code::ProviderDown),
            (Cause::Html(200), Code::ProviderDown),
            (Cause::Connect, Code::ProviderDown),
            (Cause::Timeout, Code::ProviderDown),
            (Cause::Client, Code::AppConfig),
            (Cause::Request, Code::AppConfig),
            (Cause::Host, Code::HostRefused),
            (Cause::Rule, Code::TokenRefreshError),
            (Cause::Interrupted, Code::TokenRefreshError),
        ] {
            let (state, failing) = standing(&failing(cause), &Facts::default());
            assert_eq!(state, State::Active, "{cause}");
            assert_eq!(failing, Some(Failing { code: expected, count: 3 }), "{cause}");
        }
    }

    #[test]
    fn a_token_that_is_too_young_is_nobodys_fault() {
        let facts = Facts { min_age: Duration::from_secs(570), ..Facts::default() };
        assert_eq!(code_of(&failing(Cause::Client), &facts), Some(Code::TooEarly));
        assert_eq!(code_of(&failing(Cause::Client), &Facts::default()), Some(Code::AppConfig));
        assert_eq!(code_of(&failing(Cause::Status(503)), &facts), Some(Code::ProviderDown));
    }
}
