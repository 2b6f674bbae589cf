//! Bodies as they arrive: of one type, of one size at most, and in a bounded time.

use core::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
use serde::de::DeserializeOwned;
use unlapse::Clock;

use super::refusal::Refusal;
use crate::code::Code;
use crate::problem::Problem;

/// Largest body that is read at once. Imports are read as they come.
const MAX: usize = 256 * 1024;
/// A body that takes longer is given up.
const LONGEST: Duration = Duration::from_secs(15);

/// JSON. Demanded, as no page of another origin can send it without being asked first.
pub(super) const JSON: &str = "application/json";
/// A line of JSON for each thing.
pub(super) const NDJSON: &str = "application/x-ndjson";
/// The form type (RFC 6749 appendix B).
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a body of JSON.
pub(super) async fn json<T: DeserializeOwned>(
    clock: &dyn Clock,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refusal> {
    demand(headers, JSON)?;
    parse(&bytes(clock, body).await?)
}

/// The same, where an empty body says nothing but what is the default. Many clients name a type
/// whether they send anything or not.
pub(super) async fn json_or_default<T: DeserializeOwned + Default>(
    clock: &dyn Clock,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refusal> {
    if body.is_end_stream() && !headers.contains_key(header::CONTENT_TYPE) {
        return Ok(T::default());
    }
    demand(headers, JSON)?;
    let body = bytes(clock, body).await?;
    if body.is_empty() { Ok(T::default()) } else { parse(&body) }
}

/// Refuses a body that does not say to be of `content_type`.
pub(super) fn demand(headers: &HeaderMap, content_type: &str) -> Result<(), Refusal> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let said = said.and_then(|value| value.split(';').next()).map(str::trim);
    if said.is_some_and(|said| said.eq_ignore_ascii_case(content_type)) {
        return Ok(());
    }
    let detail = format!("the body has to be `{content_type}`");
    Err(Refusal::bad_request(detail).status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// The whole body.
async fn bytes(clock: &dyn Clock, body: Body) -> Result<Bytes, Refusal> {
    within(clock, body, MAX, LONGEST).await
}

/// The same, of so many bytes and so much time at most.
pub(super) async fn within(
    clock: &dyn Clock,
    body: Body,
    most: usize,
    longest: Duration,
) -> Result<Bytes, Refusal> {
    let too_large =
        || Problem::new(Code::TooLarge, format!("a body has {most} bytes at most here"));
    if body.size_hint().lower() > most as u64 {
        return Err(too_large().into());
    }
    tokio::select! {
        // It also fails when the connection breaks, but then nobody reads the answer.
        read = axum::body::to_bytes(body, most) => read.map_err(|_| too_large().into()),
        () = clock.sleep(longest) => {
            let longest = longest.as_secs();
            let detail = format!("the body took longer than {longest} s to arrive");
            let slow = Refusal::bad_request(detail);
            Err(slow.status(StatusCode::REQUEST_TIMEOUT))
        }
    }
}

/// What is wrong is said by its place alone: the words of a body may be secrets.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Data => "the body is not what /openapi.json says",
            _ => "the body is no JSON",
        };
        Refusal::bad_request(format!("{what}: line {line}, column {column}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde::Deserialize;
    use unlapse::tokio::TokioClock;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Thing {
        n: u8,
    }

    async fn read(content_type: Option<&'static str>, body: impl Into<Body>) -> Result<Thing, u16> {
        let mut headers = HeaderMap::new();
        if let Some(value) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
        let read = json_or_default(&TokioClock::new(), &headers, body.into()).await;
        read.map_err(|refusal: Refusal| {
            let text = refusal.problem().to_string();
            assert!(!text.contains("canary"), "{text}");
            refusal.render("/", unlapse::unlapse_core::UnixTime::default()).status().as_u16()
        })
    }

    #[tokio::test]
    async fn rfc9110_15_5_a_row_for_each_body() {
        assert_eq!(read(None, Body::empty()).await, Ok(Thing { n: 0 }));
        assert_eq!(read(Some(JSON), "{}").await, Ok(Thing { n: 0 }));
        assert_eq!(
            read(Some("Application/JSON; charset=utf-8"), "{\"n\":7}").await,
            Ok(Thing { n: 7 })
        );
        assert_eq!(read(Some(JSON), Body::empty()).await, Ok(Thing { n: 0 }));
        assert_eq!(read(Some(JSON), " ").await, Err(400));
        assert_eq!(read(Some("text/plain"), Body::empty()).await, Err(415));
        assert_eq!(read(None, "{}").await, Err(415));
        assert_eq!(read(Some("text/plain"), "{}").await, Err(415));
        assert_eq!(read(Some(JSON), "{\"canary\":1}").await, Err(400));
        assert_eq!(read(Some(JSON), "{\"n\":\"canary\"}").await, Err(400));
        assert_eq!(read(Some(JSON), "{\"n\":256}").await, Err(400));
        assert_eq!(read(Some(JSON), "[").await, Err(400));
        assert_eq!(read(Some(JSON), vec![0xff; 9]).await, Err(400));
        assert_eq!(read(Some(JSON), vec![b' '; MAX + 1]).await, Err(413));
        assert_eq!(read(Some(JSON), "[".repeat(MAX)).await, Err(400), "no stack is endless");
    }
}
