//! A connection that a broker keeps: it has the refresh token, and hands out access tokens.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use unlapse_core::{Body, ErrorCode, Rejection, Reply, Secret, UnixTime};

use crate::bearer::{self, CredentialError};
use crate::endpoint::{Endpoint, EndpointError};
use crate::json::Value;
use crate::reply::{self, ReplyFields, Shape};

/// A connection of a broker: `POST {broker}/v1/connections/{user}/{provider}/{account}/token` with an
/// API key brings an access token, or a problem (RFC 9457) with a stable `code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConnection {
    /// Where tokens are asked for.
    pub token_url: Endpoint,
    /// Tokens that would not live for so long more are renewed by the broker first.
    pub min_ttl: Duration,
}

/// Which connection: its user, its provider and its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPath([String; 3]);

/// The text names no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a connection is `user/provider/account`: each 1 to 256 bytes without control characters, not \
     `.` or `..`, and with `%2F` for a `/` within it"
)]
pub struct BadConnectionPath;

/// The longest that a part may be, in bytes.
const LONGEST: usize = 256;

impl ConnectionPath {
    /// User, provider and account, as they are meant.
    pub fn parts(&self) -> [&str; 3] {
        self.0.each_ref().map(String::as_str)
    }
}

impl FromStr for ConnectionPath {
    type Err = BadConnectionPath;

    fn from_str(text: &str) -> Result<Self, BadConnectionPath> {
        let mut parts = text.split('/').map(part);
        let mut next = || parts.next().flatten().ok_or(BadConnectionPath);
        let path = [next()?, next()?, next()?];
        if parts.next().is_some() { Err(BadConnectionPath) } else { Ok(Self(path)) }
    }
}

/// A part as it is meant; `None`: it names nobody, or an address cannot hold it.
fn part(text: &str) -> Option<String> {
    let part = text.replace("%2F", "/").replace("%2f", "/").replace("%25", "%");
    let is_ok = (1..=LONGEST).contains(&part.len())
        && !part.contains(char::is_control)
        // These are steps in an address, not names (RFC 3986 §5.2.4).
        && !matches!(part.as_str(), "." | "..");
    is_ok.then_some(part)
}

impl fmt::Display for ConnectionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [user, provider, account] =
            self.0.each_ref().map(|part| part.replace('%', "%25").replace('/', "%2F"));
        write!(f, "{user}/{provider}/{account}")
    }
}

impl BrokerConnection {
    /// The connection at `path` of the broker at `broker`.
    pub fn at(
        broker: &Endpoint,
        path: &ConnectionPath,
        min_ttl: Duration,
    ) -> Result<Self, EndpointError> {
        let mut url = broker.join_path("v1/connections")?.url().clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(&path.0).push("token");
        }
        Ok(Self { token_url: Endpoint::try_from(url)?, min_ttl })
    }

    /// Asks for a token. With `force`, the broker renews the one that it has.
    pub fn token(&self, key: &Secret, force: bool) -> Result<Request<Bytes>, CredentialError> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let body = format!(r#"{{"min_ttl":{},"force":{force}}}"#, self.min_ttl.as_secs());
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.token_url.uri().clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, JSON);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(AUTHORIZATION, bearer::authorization("Bearer", key)?);
        Ok(request)
    }

    /// Reads what came back. A connection that needs its user is [`Rejection::AccessDenied`]: it is
    /// mended at the broker, and nothing here has to be forgotten for that.
    pub fn parse(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: UnixTime,
    ) -> Reply {
        let reply = reply::parse_login(status, headers, body, now, &ReplyFields::default());
        if status.is_success() {
            return reply;
        }
        let code = Shape::with(headers, body, |shape| {
            let code = shape.value("code").and_then(Value::into_text)?;
            verdict(code.expose())
        });
        match code {
            Some(code) => Reply { body: Body::Error(code), ..reply },
            None => reply,
        }
    }
}

/// What a problem's code means for whoever asked. What has none here is left to the status.
fn verdict(code: &str) -> Option<ErrorCode> {
    Some(ErrorCode::Rejection(match code {
        "ACCOUNT_NOT_FOUND"
        | "NO_REFRESH_TOKEN"
        | "NO_ACCESS_TOKEN"
        | "USER_REVOKED"
        | "RT_EXPIRED_IDLE"
        | "RT_EXPIRED_ABSOLUTE"
        | "ROTATION_LOST" => Rejection::AccessDenied,
        "UNAUTHORIZED" => Rejection::InvalidClient,
        "FORBIDDEN" => Rejection::UnauthorizedClient,
        "BAD_REQUEST" | "NOT_FOUND" => Rejection::InvalidRequest,
        "TOO_EARLY" | "CONFLICT" => return Some(ErrorCode::Temporary),
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unlapse_core::{Answer, Cause, Door, Verdict, classify};

    fn connection(path: &str) -> BrokerConnection {
        let broker = Endpoint::parse("https://broker.example/base?x=1").expect("an endpoint");
        let path = path.parse().expect(path);
        BrokerConnection::at(&broker, &path, Duration::from_secs(330)).expect("a connection")
    }

    #[test]
    fn i3_a_connection_has_an_address_of_its_own() {
        for (path, expected) in [
            ("ada/google/main", "ada/google/main"),
            ("a%2Fb/google/50%25", "a%2Fb/google/50%25"),
            ("ä b/google/?#", "%C3%A4%20b/google/%3F%23"),
        ] {
            let expected = format!("https://broker.example/base/v1/connections/{expected}/token");
            assert_eq!(connection(path).token_url.url().as_str(), expected);
        }
    }

    #[test]
    fn i1_what_names_no_connection_is_refused() {
        let long = format!("{}/p/a", "x".repeat(257));
        for bad in ["", "a", "a/b", "a/b/", "a/b/c/d", "../p/a", "./p/a", "a\n/p/a", "//", &long] {
            assert_eq!(bad.parse::<ConnectionPath>(), Err(BadConnectionPath), "{bad:?}");
        }
    }

    #[test]
    fn r18_the_key_is_in_a_header_that_nobody_prints() {
        let request = connection("ada/google/main").token(&Secret::new("ulk_canary"), true);
        let request = request.expect("a request");
        assert_eq!(request.headers()["authorization"], "Bearer ulk_canary");
        assert_eq!(request.body().as_ref(), br#"{"min_ttl":330,"force":true}"#);
        assert!(!format!("{request:?}").contains("canary"));
    }

    #[test]
    fn i5_a_row_for_each_answer_of_a_broker() {
        let judge = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            let reply = connection("a/p/m").parse(
                status,
                &HeaderMap::new(),
                body.as_bytes(),
                UnixTime::from_secs(0),
            );
            classify(Answer::Replied(reply), Door::Token)
        };
        let problem = |code: &str| format!(r#"{{"code":"{code}","detail":"x"}}"#);
        for (status, code, rejection) in [
            (404, "ACCOUNT_NOT_FOUND", Rejection::AccessDenied),
            (409, "NO_REFRESH_TOKEN", Rejection::AccessDenied),
            (409, "NO_ACCESS_TOKEN", Rejection::AccessDenied),
            (409, "USER_REVOKED", Rejection::AccessDenied),
            (409, "RT_EXPIRED_IDLE", Rejection::AccessDenied),
            (409, "RT_EXPIRED_ABSOLUTE", Rejection::AccessDenied),
            (409, "ROTATION_LOST", Rejection::AccessDenied),
            (401, "UNAUTHORIZED", Rejection::InvalidClient),
            (403, "FORBIDDEN", Rejection::UnauthorizedClient),
            (400, "BAD_REQUEST", Rejection::InvalidRequest),
            (404, "NOT_FOUND", Rejection::InvalidRequest),
        ] {
            assert_eq!(judge(status, &problem(code)), Verdict::Rejected(rejection), "{code}");
        }
        for (status, code) in [
            (409, "TOO_EARLY"),
            (429, "RATE_LIMITED"),
            (502, "APP_CONFIG"),
            (503, "TOKEN_EXPIRED"),
            (503, "REFRESH_IN_PROGRESS"),
            // Whatever it says: a status of 5xx ends nothing (R8).
            (503, "USER_REVOKED"),
        ] {
            let cause = Cause::Status(status);
            let expected = Verdict::Transient { cause, retry_after: None, again: true };
            assert_eq!(judge(status, &problem(code)), expected, "{code}");
        }
        // A proxy's own answer is none of the broker's.
        assert!(matches!(judge(404, "not found"), Verdict::Transient { .. }));
        let granted =
            judge(200, r#"{"access_token":"at-1","token_type":"Bearer","expires_in":60}"#);
        let Verdict::Granted(grant) = granted else { panic!("not granted") };
        assert_eq!(grant.expires_in, Some(Duration::from_secs(60)));
    }

    proptest! {
        #[test]
        fn i1_a_connection_is_read_back(user in "[^\\p{C}]{1,30}", account in "[^\\p{C}]{1,30}") {
            let path = ConnectionPath([user, "google".to_owned(), account]);
            prop_assume!(path.0.iter().all(|part| part != "." && part != ".."));
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }
}
