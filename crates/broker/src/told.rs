//! What a caller is told when there is no token: the client's errors in the broker's codes (I5).

use unlapse::unlapse_core::{Error, LoginReason, StoreError};

use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::problem::Problem;
use crate::schedule;

/// The problem of `id` that `error` stands for. `standing` is the code that the connection's record
/// stands under, which may say more.
pub(crate) fn problem(id: &ConnectionId, error: &Error, standing: Option<Code>) -> Problem {
    let code = code(error, standing);
    let attempts = if let Error::Temporary { attempts, .. } = error { *attempts } else { 0 };
    let mut problem = Problem::new(code, detail(code, error)).of(id).retry_at(error.retry_at());
    problem.attempts = attempts;
    problem
}

fn code(error: &Error, standing: Option<Code>) -> Code {
    match error {
        Error::NeedsLogin { reason, .. } => match standing.filter(|code| code.needs_user()) {
            Some(standing) => standing,
            None => needed(*reason),
        },
        // Nobody was asked: it has failed a moment ago, and its token has ended since.
        Error::Temporary { attempts: 0, cause, .. } => match schedule::failed(*cause) {
            Code::ProviderDown => Code::TokenExpired,
            code => code,
        },
        Error::Temporary { cause, .. } => schedule::failed(*cause),
        Error::BreakerOpen { .. } => standing.unwrap_or(Code::ProviderDown),
        Error::OutcomeUnknown { .. } => Code::TokenRefreshError,
        Error::ClientRejected { .. } => Code::AppConfig,
        Error::Deadline { .. } | Error::Store(StoreError::Busy { .. } | StoreError::Fenced) => {
            Code::RefreshInProgress
        }
        Error::Store(StoreError::Custody(_)) => Code::KeysAway,
        Error::Store(StoreError::Damaged { .. }) => Code::RecordDamaged,
        Error::Store(StoreError::TooLarge) => Code::TooLarge,
        Error::Store(_) => Code::DatabaseAway,
        _ => Code::GetTokenError,
    }
}

/// What a login that has ended is called, where the calendar does not say more.
fn needed(reason: LoginReason) -> Code {
    match reason {
        LoginReason::NeverLoggedIn => Code::NoAccessToken,
        LoginReason::NoRefreshToken => Code::NoRefreshToken,
        LoginReason::RotationLost | LoginReason::ReuseDetected => Code::RotationLost,
        LoginReason::RefreshExpired => Code::RtExpiredIdle,
        _ => Code::UserRevoked,
    }
}

/// In the client's words, where they name neither a place nor a key of ours.
fn detail(code: Code, error: &Error) -> String {
    match error {
        Error::NeedsLogin { reason, .. } => reason.describe().to_owned(),
        Error::Temporary { cause, .. } | Error::OutcomeUnknown { cause, .. } => cause.to_string(),
        Error::ClientRejected { rejection, .. } => format!("the provider answers {rejection}"),
        Error::RuleBroken { rule, .. } => rule.to_string(),
        _ => code.title().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use unlapse::unlapse_core::{Cause, CustodyError, Key, Rejection, RuleBroken, UnixTime};

    #[test]
    fn i5_a_row_for_each_error() {
        let key = || Key::new("acme/google");
        let login = |reason| Error::NeedsLogin { key: key(), reason };
        let temporary = |cause, attempts| Error::Temporary {
            key: key(),
            cause,
            attempts,
            retry_at: Some(UnixTime::from_secs(5)),
        };
        let store = |error| Error::Store(error);
        let io = StoreError::Io { place: "x".to_owned(), kind: std::io::ErrorKind::TimedOut };
        let rejection = Rejection::InvalidClient;
        let open = Error::BreakerOpen { endpoint: "x".to_owned(), until: UnixTime::from_secs(9) };
        let rows = [
            (login(LoginReason::NeverLoggedIn), None, Code::NoAccessToken),
            (login(LoginReason::RefreshRejected), None, Code::UserRevoked),
            (login(LoginReason::RefreshRejected), Some(Code::RtExpiredIdle), Code::RtExpiredIdle),
            (login(LoginReason::RefreshRejected), Some(Code::ProviderDown), Code::UserRevoked),
            (login(LoginReason::RotationLost), None, Code::RotationLost),
            (login(LoginReason::NoRefreshToken), None, Code::NoRefreshToken),
            (temporary(Cause::Status(429), 1), None, Code::RateLimited),
            (temporary(Cause::Status(503), 3), None, Code::ProviderDown),
            (temporary(Cause::Status(503), 0), None, Code::TokenExpired),
            (temporary(Cause::Client, 0), None, Code::AppConfig),
            (open.clone(), None, Code::ProviderDown),
            (open, Some(Code::AppConfig), Code::AppConfig),
            (
                Error::OutcomeUnknown { key: key(), cause: Cause::Timeout },
                None,
                Code::TokenRefreshError,
            ),
            (Error::ClientRejected { key: key(), rejection }, None, Code::AppConfig),
            (
                Error::RuleBroken { key: key(), rule: RuleBroken::Unsendable },
                None,
                Code::GetTokenError,
            ),
            (
                Error::Deadline { key: key(), waited: Duration::from_secs(1) },
                None,
                Code::RefreshInProgress,
            ),
            (store(StoreError::Busy { key: key(), holder: None }), None, Code::RefreshInProgress),
            (store(StoreError::Custody(CustodyError::KeyWrong)), None, Code::KeysAway),
            (store(io), None, Code::DatabaseAway),
        ];
        let name = |text: &str| text.parse().expect("a name");
        let id = ConnectionId::new(name("acme"), "ann", name("google"), "a").expect("valid");
        for (error, standing, expected) in rows {
            let problem = problem(&id, &error, standing);
            assert_eq!(problem.code, expected, "{error} {standing:?}");
            assert_eq!(problem.retry_at, error.retry_at());
            assert_eq!(problem.account.as_deref(), Some(&id));
        }
    }
}
