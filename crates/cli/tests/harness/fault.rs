//! What can be done to a request.

use std::time::Duration;

/// A reply that the server gives instead of its own, without looking at the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What is done to one request for a token. "Processed" means that a refresh token is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None: for a place in the queue.
    Nothing,
    /// Not processed; this reply instead.
    Reply(Canned),
    /// Processed, then this reply instead of the grant: the answer is lost.
    ProcessThenReply(Canned),
    /// Not processed; never answered.
    Hang,
    /// Processed; never answered.
    ProcessThenHang,
    /// Not processed; the connection is closed.
    Drop,
    /// Processed; the connection is closed.
    LoseReply,
    /// Not processed; the process that [`AuthServer::aim`](super::AuthServer::aim) names is killed
    /// (SIGKILL) first, then the connection closed.
    Kill,
    /// Processed, then as [`Fault::Kill`].
    ProcessThenKill,
    /// Processed when it arrives, answered so much later.
    Slow(Duration),
    /// Processed when it arrives, answered after the next
    /// [`AuthServer::release`](super::AuthServer::release).
    Hold,
}

impl Fault {
    /// Any reply.
    pub fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self::Reply(Canned { status, headers: headers.collect(), body: body.into() })
    }

    /// 503 without a body worth reading.
    pub fn unavailable() -> Self {
        Self::reply(503, &[("content-type", "text/plain")], "try later")
    }

    /// 429 with this `Retry-After`: seconds, or an HTTP date.
    pub fn too_many(retry_after: &str) -> Self {
        Self::reply(429, &[("retry-after", retry_after)], "slow down")
    }

    /// A web page, as a firewall or a hotel's network gives it.
    pub fn firewall(status: u16) -> Self {
        let page = "<!DOCTYPE html><html><body><h1>Access denied</h1></body></html>";
        Self::reply(status, &[("content-type", "text/html")], page)
    }

    /// 200 and bytes that mean nothing.
    pub fn garbage() -> Self {
        Self::reply(200, &[("content-type", "application/json")], vec![0xff, b'{', 0, 0xfe, b'['])
    }

    /// 200 and nothing.
    pub fn empty() -> Self {
        Self::reply(200, &[], "")
    }

    /// 200 and 8 MiB that begin like a grant.
    pub fn huge() -> Self {
        let mut body =
            br#"{"access_token":"at-from-a-huge-reply","token_type":"Bearer","x":""#.to_vec();
        body.resize(8 * 1024 * 1024, b'x');
        body.extend_from_slice(b"\"}");
        Self::reply(200, &[("content-type", "application/json")], body)
    }

    /// 302 to another place.
    pub fn redirect(to: &str) -> Self {
        Self::reply(302, &[("location", to)], "")
    }

    /// An error reply (RFC 6749 §5.2): `invalid_grant` with 400, `invalid_client` with 401.
    pub fn error(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"error":"{code}"}}"#);
        Self::reply(status, &[("content-type", "application/json")], body)
    }
}
