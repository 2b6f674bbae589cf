//! What went wrong, as JSON (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::ApiError;
use crate::connection_error::{Code, ConnectionError, Finer};
use crate::connection_id::BadId;
use crate::connections::ConnectError;
use crate::refresh_options::BadRefreshOptions;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    members: Value,
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: &impl ToString) -> Self {
        let members = json!({ "code": code, "detail": detail.to_string() });
        Self { status, members, retry_after: None }
    }

    /// That of a connection at this time, in seconds since 1970.
    pub(crate) fn of(error: &ConnectionError, now: u64) -> Self {
        let retry_at = error.retry_at.map(unlapse_core::UnixTime::as_secs);
        let next = match error.code {
            Code::AccountNotFound => "connect the account",
            _ if error.needs_reconnect() => "ask the user to connect again",
            _ if error.is_retryable() => "nothing is lost: try again later",
            _ => "look at the service's log",
        };
        Self {
            status: status(error),
            members: json!({
                "code": error.code,
                "why": error.finer,
                "detail": error.to_string(),
                "account": error.account.to_string(),
                "attempts": error.attempts,
                "duration_ms": u64::try_from(error.duration.as_millis()).unwrap_or(u64::MAX),
                "retry_at": retry_at,
                "next": next,
            }),
            retry_after: error
                .is_retryable()
                .then(|| retry_at.unwrap_or(now).saturating_sub(now).max(1)),
        }
    }
}

fn status(error: &ConnectionError) -> StatusCode {
    match (error.code, error.finer) {
        (Code::AccountNotFound, _) => StatusCode::NOT_FOUND,
        _ if error.needs_reconnect() => StatusCode::CONFLICT,
        (_, Some(Finer::AppConfig)) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What an API's failure is to our own callers.
pub(crate) fn of_api(error: &ApiError, now: u64) -> Problem {
    match error {
        ApiError::Connection(error) => Problem::of(error, now),
        ApiError::Request(error) if error.is_authentication() => {
            Problem::new(StatusCode::BAD_GATEWAY, "PROVIDER_API_REFUSED", error)
        }
        ApiError::Request(error) => {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "PROVIDER_API_AWAY", error);
            let retry_at = error.retry_at().map_or(now, unlapse_core::UnixTime::as_secs);
            Problem { retry_after: Some(retry_at.saturating_sub(now).max(1)), ..problem }
        }
        ApiError::Away => Problem::new(StatusCode::BAD_GATEWAY, "PROVIDER_API_AWAY", error),
        ApiError::Status(_) => Problem::new(StatusCode::BAD_GATEWAY, "PROVIDER_API_REFUSED", error),
        ApiError::Unreadable => {
            Problem::new(StatusCode::BAD_GATEWAY, "PROVIDER_API_UNREADABLE", error)
        }
    }
}

/// What a failure to connect is.
pub(crate) fn of_connect(error: &ConnectError, now: u64) -> Problem {
    match error {
        ConnectError::NoProvider(_) => Problem::new(StatusCode::NOT_FOUND, "NO_PROVIDER", error),
        ConnectError::NoGrant => Problem::new(StatusCode::BAD_REQUEST, "NO_GRANT", error),
        ConnectError::Rule(_) => Problem::new(StatusCode::BAD_REQUEST, "TOKEN_REFUSED", error),
        ConnectError::Connection(error) => Problem::of(error, now),
    }
}

impl From<BadId> for Problem {
    fn from(error: BadId) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_NAME", &error)
    }
}

impl From<BadRefreshOptions> for Problem {
    fn from(error: BadRefreshOptions) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_OPTIONS", &error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.members.to_string()).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
