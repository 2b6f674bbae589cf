//! What came back from a token endpoint (RFC 6749 §5), read as tolerantly as R8 asks.
//!
//! Nothing is judged here: [`unlapse_core::classify`] does that.

mod error;
mod fields;
mod shape;

use core::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use unlapse_core::{Body, ErrorCode, Reply, UnixTime, retry};

pub use fields::ReplyFields;

use crate::json::Value;
pub(crate) use shape::Shape;

/// Largest reply that is read: 1 MiB (R8). Callers stop reading there, and treat more as
/// [`Cause::TooLarge`](unlapse_core::Cause::TooLarge); here, a longer body is garbage.
pub const MAX_REPLY: usize = 1024 * 1024;

/// Reads the reply of a token endpoint, whatever its Content-Type says: a grant or an error as JSON
/// or as a form, a web page, nothing, or garbage.
///
/// `now` is when the reply arrived; it only turns dates into durations, and only where the server
/// sent no `Date` of its own.
///
/// Where a body holds both a token and an error, the status decides which counts: a granted token
/// must not be lost. For the same reason, a success whose access token cannot be sent, or that has a
/// refresh token and none, is a grant: the server has rotated, and asking again would be reuse.
pub fn parse(status: StatusCode, headers: &HeaderMap, body: &[u8], now: UnixTime) -> Reply {
    read(status, headers, body, now, &fields::OAUTH, error::code)
}

/// Reads the reply of a login endpoint (C9), which has the token in one of `fields`.
///
/// Simple endpoints put prose or codes of their own into `error`; those are left to the status,
/// and a bare 401 is a no at [`Door::Login`](unlapse_core::Door::Login).
pub fn parse_login(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: UnixTime,
    fields: &ReplyFields,
) -> Reply {
    read(status, headers, body, now, fields, error::login_code)
}

fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: UnixTime,
    fields: &ReplyFields,
    code: fn(&str, StatusCode) -> Option<ErrorCode>,
) -> Reply {
    let envelope = Envelope::of(headers, now);
    let clock = envelope.clock;
    let granted = |grant| Body::Grant(Box::new(grant));
    let body = Shape::with(headers, body, |shape| {
        let grant = fields.grant(&shape, clock).map(granted);
        let error = shape
            .value("error")
            .and_then(Value::into_text)
            .and_then(|text| code(text.expose(), status))
            .map(|code| Body::Error(refined(code, &shape)));
        settle(headers, status, &shape, grant, error, || {
            fields.unusable_grant(&shape, clock).map(granted)
        })
    });
    envelope.reply(status.as_u16(), body)
}

/// What the headers of a reply say.
pub(crate) struct Envelope {
    date: Option<UnixTime>,
    /// The server's own clock, where it tells it: then its dates do not suffer from skew (R11).
    pub(crate) clock: UnixTime,
    retry_after: Option<Duration>,
}

impl Envelope {
    pub(crate) fn of(headers: &HeaderMap, now: UnixTime) -> Self {
        let date = header(headers, &DATE).and_then(retry::http_date);
        let clock = date.unwrap_or(now);
        Self { date, clock, retry_after: retry_after(headers, clock) }
    }

    pub(crate) fn reply(self, status: u16, body: Body) -> Reply {
        Reply { status, body, retry_after: self.retry_after, date: self.date }
    }
}

/// What a body is that has such a grant or error in it: of both, the status decides. Asks for the
/// unusable grant only where a success has nothing else.
pub(crate) fn settle(
    headers: &HeaderMap,
    status: StatusCode,
    shape: &Shape<'_>,
    grant: Option<Body>,
    error: Option<Body>,
    unusable_grant: impl FnOnce() -> Option<Body>,
) -> Body {
    let found =
        if status.is_success() { grant.or(error).or_else(unusable_grant) } else { error.or(grant) };
    found.unwrap_or(match shape {
        Shape::Object(_) | Shape::OtherJson => Body::Json,
        Shape::Html => Body::Html,
        Shape::Form(_) if shape::says_html(headers) => Body::Html,
        Shape::Empty => Body::Empty,
        Shape::Form(_) | Shape::Garbage => Body::Garbage,
    })
}

/// `code`, told more exactly by the codes beside it.
fn refined(code: ErrorCode, shape: &Shape<'_>) -> ErrorCode {
    let beside = ["code", "error_code"]
        .into_iter()
        .filter_map(|name| shape.value(name).and_then(Value::into_text));
    beside.fold(code, |code, text| error::refined(code, text.expose()))
}

/// The code of RFC 6749 §5.2 that `text` is, or a structured error that the RFC does not name;
/// `None` when it is prose.
#[cfg(feature = "providers")]
pub(crate) fn error_code(text: &str, status: StatusCode, shape: &Shape<'_>) -> Option<ErrorCode> {
    error::code(text, status).map(|code| refined(code, shape))
}

/// The names of RFC 6749 §5.1.
#[cfg(feature = "providers")]
pub(crate) fn oauth_fields() -> &'static ReplyFields {
    &fields::OAUTH
}

/// `Retry-After`, held against `clock`.
pub(crate) fn retry_after(headers: &HeaderMap, clock: UnixTime) -> Option<Duration> {
    header(headers, &RETRY_AFTER).and_then(|value| retry::retry_after(value, clock))
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
