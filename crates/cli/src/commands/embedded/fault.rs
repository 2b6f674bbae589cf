//! What can be done to a request for a token.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};

/// What happens to one request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is answered.
    None,
    /// 503, before anything is done.
    Unavailable,
    /// A firewall's page with this status, before anything is done.
    Firewall(StatusCode),
    /// It is carried out, and the connection breaks before the reply.
    LostReply,
    /// Nothing is done, and nothing is ever answered.
    Hang,
    /// It is carried out when it arrives, and answered so much later.
    Slow(Duration),
}

impl Fault {
    /// What is answered in the issuer's place, for the faults that do not let it know.
    pub(super) fn canned(self) -> Option<Response<Body>> {
        let (status, kind, text) = match self {
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", "try later"),
            Self::Firewall(status) => {
                (status, "text/html", "<!doctype html><h1>Access denied</h1>")
            }
            Self::None | Self::LostReply | Self::Hang | Self::Slow(_) => return None,
        };
        let response = Response::builder().status(status).header(CONTENT_TYPE, kind);
        Some(
            response
                .body(Body::from(text))
                .expect("a status and a header that are known to be good"),
        )
    }
}
