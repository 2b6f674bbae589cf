//! Problems on their way out (RFC 9457).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use unlapse::unlapse_core::UnixTime;

use crate::code::Code;
use crate::millis::millis;
use crate::name::Name;
use crate::problem::Problem;
use crate::timestamp::Timestamp;

/// The media type of a problem (RFC 9457 §3).
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A problem, and how HTTP says it. Written out by [`Refusal::render`] once it is known which
/// request it answers, and when.
#[derive(Clone, Debug)]
#[must_use]
pub(super) struct Refusal {
    problem: Box<Problem>,
    status: StatusCode,
    headers: HeaderMap,
}

impl Refusal {
    /// What the request says cannot be.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Problem::new(Code::BadRequest, detail).into()
    }

    /// There is nothing of that name.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(Code::NotFound, detail).into()
    }

    /// There is no `what` that is called `name`.
    pub(super) fn no_such(what: &str, name: &Name) -> Self {
        Self::not_found(format!("there is no {what} `{name}`"))
    }

    /// The same with another status, where HTTP has a finer one than the code.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with a header.
    pub(super) fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The problem itself.
    pub(super) fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The refusal of a request that axum has refused by itself: an unknown method, a path that is
    /// no UTF-8.
    pub(super) fn of_status(status: StatusCode, headers: HeaderMap) -> Self {
        let (code, detail) = match status {
            StatusCode::METHOD_NOT_ALLOWED => (
                Code::BadRequest,
                "this path does not take that method: `Allow` names those it takes",
            ),
            StatusCode::NOT_FOUND => (Code::NotFound, "there is no such path"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                (Code::BadRequest, "the body is not of a type that is taken here")
            }
            StatusCode::PAYLOAD_TOO_LARGE => (Code::TooLarge, "the body is too large"),
            status if status.is_client_error() => (Code::BadRequest, "the request cannot be read"),
            _ => (Code::Overloaded, "the request could not be answered"),
        };
        Self { headers, ..Self::from(Problem::new(code, detail)).status(status) }
    }

    /// The reply to the request for `instance` at `now`.
    pub(super) fn render(self, instance: &str, now: UnixTime) -> Response {
        let Self { problem, status, headers } = self;
        let said = Said::of(&problem, status, instance);
        let body = serde_json::to_vec(&said).expect("strings and numbers always make JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.remove(header::CONTENT_LENGTH);
        if let Some(at) = problem.retry_at {
            // Rounded up: coming back when it says must be late enough.
            let wait = at.since(now).as_millis().div_ceil(1000);
            headers.insert(header::RETRY_AFTER, u64::try_from(wait).unwrap_or(u64::MAX).into());
        }
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.code.status());
        let status = status.expect("every code has a status of HTTP");
        Self { problem: Box::new(problem), status, headers: HeaderMap::new() }
    }
}

impl IntoResponse for Refusal {
    /// For the layer around all routes, which renders it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The members of a problem (RFC 9457 §3.1), and ours.
#[derive(Serialize)]
struct Said<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account<'a>>,
    attempts: u32,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
    next: &'static str,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the words of the API")]
struct Account<'a> {
    user: &'a str,
    provider: &'a str,
    account: &'a str,
}

impl<'a> Said<'a> {
    fn of(problem: &'a Problem, status: StatusCode, instance: &'a str) -> Self {
        let Problem { code, detail, account, attempts, duration, retry_at } = problem;
        Self {
            r#type: code.docs(),
            title: code.title(),
            status: status.as_u16(),
            detail,
            instance,
            code: *code,
            account: account.as_ref().map(|id| Account {
                user: &id.user,
                provider: id.provider.as_str(),
                account: &id.account,
            }),
            attempts: *attempts,
            duration_ms: millis(*duration),
            retry_at: retry_at.map(Timestamp),
            next: code.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection_id::ConnectionId;
    use core::time::Duration;
    use serde_json::{Value, json};

    async fn read(response: Response) -> Value {
        let body = axum::body::to_bytes(response.into_body(), 65_536).await.expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    #[tokio::test]
    async fn i5_a_problem_says_all_that_is_known() {
        let name = |text: &str| text.parse().expect("a name");
        let id = ConnectionId::new(name("acme"), "ada", name("google"), "office").expect("an id");
        let now = UnixTime::from_secs(1_795_297_500);
        let problem = Problem::new(Code::ProviderDown, "it answered 503")
            .of(&id)
            .after(4, Duration::from_millis(7200))
            .retry_at(Some(now.plus(Duration::from_millis(1500))));
        let response =
            Refusal::from(problem).render("/v1/connections/ada/google/office/token", now);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2", "rounded up");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(
            read(response).await,
            json!({
                "type": "https://github.com/unlapse/unlapse/blob/main/docs/troubleshooting.md#provider_down",
                "title": "The provider cannot be reached",
                "status": 503,
                "detail": "it answered 503",
                "instance": "/v1/connections/ada/google/office/token",
                "code": "PROVIDER_DOWN",
                "account": {"user": "ada", "provider": "google", "account": "office"},
                "attempts": 4,
                "duration_ms": 7200,
                "retry_at": "2026-11-21T21:45:01.500Z",
                "next": "Nothing is lost: ask again at `retry_at`.",
            })
        );
    }

    #[tokio::test]
    async fn rfc9457_3_1_the_status_in_the_body_is_that_of_the_reply() {
        for code in Code::ALL {
            let response = Refusal::from(Problem::new(code, "x")).render("/", UnixTime::default());
            let status = response.status().as_u16();
            assert_eq!(read(response).await["status"], status, "{code}");
        }
        for status in [400, 404, 405, 408, 413, 414, 415, 422, 431, 503] {
            let status = StatusCode::from_u16(status).expect("a status");
            let refusal = Refusal::of_status(status, HeaderMap::new());
            let response = refusal.render("/", UnixTime::default());
            assert_eq!(response.status(), status);
            assert_eq!(read(response).await["status"], status.as_u16());
        }
    }
}
