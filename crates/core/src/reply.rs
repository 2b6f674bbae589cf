//! What an answer of the server means (R8).

use core::time::Duration;

use crate::error::{Cause, Rejection};
use crate::reuse::Reuse;
use crate::time::UnixTime;
use crate::token::Grant;

/// What became of one request, as the wire saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A whole reply arrived.
    Replied(Reply),
    /// The request surely never reached the server: it may be made again.
    Unsent(Cause),
    /// It was sent, or may have been, and no whole reply came back.
    Lost(Cause),
}

/// A whole reply, parsed but not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// What the body holds.
    pub body: Body,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The server's clock, from `Date`.
    pub date: Option<UnixTime>,
}

/// What the body of a token reply holds, whatever its Content-Type says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A token reply (RFC 6749 §5.1), or what one has come to that must not be asked for again.
    Grant(Box<Grant>),
    /// An error reply (RFC 6749 §5.2).
    Error(ErrorCode),
    /// A web page.
    Html,
    /// Nothing.
    Empty,
    /// JSON that is neither a grant nor an error.
    Json,
    /// Anything else.
    Garbage,
    /// More than the size limit (1 MiB): what it begins with is not looked at.
    TooLarge,
}

/// The `error` of an error reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A verdict.
    Rejection(Rejection),
    /// `temporarily_unavailable`, `server_error`, `slow_down`, `rate_limited`: no verdict.
    Temporary,
}

/// The server's judgement, or the lack of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A token.
    Granted(Box<Grant>),
    /// A structured no.
    Rejected(Rejection),
    /// No verdict. The token was not spent.
    Transient {
        /// What happened.
        cause: Cause,
        /// The server's wish.
        retry_after: Option<Duration>,
        /// Whether asking again within this renewal makes sense.
        again: bool,
    },
    /// The request surely never arrived.
    Unsent(Cause),
    /// It may have been answered, and the answer is lost (R7).
    Unknown(Cause),
}

impl Verdict {
    /// The same, after a refresh token was sent to a server of that class. A gateway that got no
    /// answer says nothing of what the server behind it has done: a strict one must not be sent the
    /// same token again for that. Others may be, and are.
    #[must_use]
    pub fn with_caution(self, reuse: Reuse) -> Self {
        match self {
            Self::Transient {
                cause: cause @ (Cause::Status(502 | 504) | Cause::Html(502 | 504)),
                ..
            } if reuse == Reuse::Strict => Self::Unknown(cause),
            other => other,
        }
    }
}

/// Where a request went, which decides what a bare 401 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A token endpoint (RFC 6749 §3.2), which says no in JSON with an `error`.
    Token,
    /// A JSON login endpoint (C9), which says no with a bare 401.
    Login,
}

/// Judges an answer (R8). Only a structured error is a rejection; a 5xx or 429 never is one,
/// whatever its body says; a web page is somebody else's answer.
pub fn classify(answer: Answer, door: Door) -> Verdict {
    let reply = match answer {
        Answer::Replied(reply) => reply,
        Answer::Unsent(cause) => return Verdict::Unsent(cause),
        Answer::Lost(cause) => return Verdict::Unknown(cause),
    };
    let status = reply.status;
    let transient =
        |cause, again| Verdict::Transient { cause, retry_after: reply.retry_after, again };
    if matches!(status, 408 | 425 | 429 | 500..) {
        let cause = if matches!(reply.body, Body::Html) && status != 429 {
            Cause::Html(status)
        } else {
            Cause::Status(status)
        };
        return transient(cause, true);
    }
    match reply.body {
        Body::Grant(grant) if (200..300).contains(&status) => Verdict::Granted(grant),
        Body::Error(ErrorCode::Rejection(rejection)) => Verdict::Rejected(rejection),
        Body::Error(ErrorCode::Temporary) => transient(Cause::Status(status), true),
        // A simple login endpoint need not speak OAuth to say that a password is wrong.
        Body::Json | Body::Empty | Body::Garbage if door == Door::Login && status == 401 => {
            Verdict::Rejected(Rejection::InvalidGrant)
        }
        Body::Html => transient(Cause::Html(status), status != 401),
        Body::TooLarge => transient(Cause::TooLarge, true),
        Body::Grant(_) | Body::Json | Body::Empty | Body::Garbage => {
            transient(Cause::Unreadable(status), status != 401)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn grant() -> Body {
        Body::Grant(Box::new(Grant::bearer(Secret::new("at"))))
    }

    fn error(rejection: Rejection) -> Body {
        Body::Error(ErrorCode::Rejection(rejection))
    }

    fn judge(status: u16, body: Body, door: Door) -> Verdict {
        let reply = Reply { status, body, retry_after: Some(Duration::from_secs(7)), date: None };
        classify(Answer::Replied(reply), door)
    }

    fn transient(cause: Cause, again: bool) -> Verdict {
        Verdict::Transient { cause, retry_after: Some(Duration::from_secs(7)), again }
    }

    #[test]
    fn r8_a_row_for_each_answer() {
        use Rejection::{
            InvalidClient, InvalidDpopProof, InvalidGrant, Other, RefreshTokenReused, UseDpopNonce,
        };
        let granted = Verdict::Granted(Box::new(Grant::bearer(Secret::new("at"))));
        let rows = [
            (200, grant(), granted.clone()),
            (201, grant(), granted),
            (400, grant(), transient(Cause::Unreadable(400), true)),
            (302, grant(), transient(Cause::Unreadable(302), true)),
            (400, error(InvalidGrant), Verdict::Rejected(InvalidGrant)),
            (401, error(InvalidClient), Verdict::Rejected(InvalidClient)),
            (200, error(InvalidGrant), Verdict::Rejected(InvalidGrant)),
            (400, error(RefreshTokenReused), Verdict::Rejected(RefreshTokenReused)),
            (503, error(RefreshTokenReused), transient(Cause::Status(503), true)),
            (400, error(Other), Verdict::Rejected(Other)),
            // RFC 9449 §5, §8: refused before anything was spent.
            (400, error(InvalidDpopProof), Verdict::Rejected(InvalidDpopProof)),
            (400, error(UseDpopNonce), Verdict::Rejected(UseDpopNonce)),
            (401, error(UseDpopNonce), Verdict::Rejected(UseDpopNonce)),
            (503, error(UseDpopNonce), transient(Cause::Status(503), true)),
            (400, Body::Error(ErrorCode::Temporary), transient(Cause::Status(400), true)),
            (503, error(InvalidGrant), transient(Cause::Status(503), true)),
            (429, error(InvalidGrant), transient(Cause::Status(429), true)),
            (503, grant(), transient(Cause::Status(503), true)),
            (408, Body::Empty, transient(Cause::Status(408), true)),
            (425, Body::Empty, transient(Cause::Status(425), true)),
            (429, Body::Html, transient(Cause::Status(429), true)),
            (502, Body::Html, transient(Cause::Html(502), true)),
            (200, Body::Html, transient(Cause::Html(200), true)),
            (403, Body::Html, transient(Cause::Html(403), true)),
            (401, Body::Html, transient(Cause::Html(401), false)),
            (401, Body::Json, transient(Cause::Unreadable(401), false)),
            (400, Body::Json, transient(Cause::Unreadable(400), true)),
            (200, Body::Json, transient(Cause::Unreadable(200), true)),
            (200, Body::Empty, transient(Cause::Unreadable(200), true)),
            (404, Body::Garbage, transient(Cause::Unreadable(404), true)),
            (200, Body::TooLarge, transient(Cause::TooLarge, true)),
            (503, Body::TooLarge, transient(Cause::Status(503), true)),
        ];
        for (status, body, expected) in rows {
            assert_eq!(judge(status, body.clone(), Door::Token), expected, "{status} {body:?}");
        }
    }

    #[test]
    fn r7_a_gateway_without_an_answer_leaves_a_strict_server_in_doubt() {
        for (status, body, doubt) in [
            (502, Body::Empty, Some(Cause::Status(502))),
            (504, Body::Html, Some(Cause::Html(504))),
            (500, Body::Empty, None),
            (503, Body::Html, None),
            (429, Body::Empty, None),
        ] {
            let verdict = judge(status, body, Door::Token);
            let strict = doubt.map_or_else(|| verdict.clone(), Verdict::Unknown);
            assert_eq!(verdict.clone().with_caution(Reuse::Strict), strict, "{status}");
            assert_eq!(verdict.clone().with_caution(Reuse::Unknown), verdict, "{status}");
        }
    }

    #[test]
    fn c9_a_login_endpoint_says_no_with_a_bare_401() {
        let no = Verdict::Rejected(Rejection::InvalidGrant);
        assert_eq!(judge(401, Body::Json, Door::Login), no);
        assert_eq!(judge(401, Body::Empty, Door::Login), no);
        // A firewall's page still is no verdict.
        assert_eq!(judge(401, Body::Html, Door::Login), transient(Cause::Html(401), false));
    }

    #[test]
    fn r8_what_never_left_differs_from_what_was_lost() {
        let unsent = classify(Answer::Unsent(Cause::Connect), Door::Token);
        assert_eq!(unsent, Verdict::Unsent(Cause::Connect));
        let lost = classify(Answer::Lost(Cause::Broken), Door::Token);
        assert_eq!(lost, Verdict::Unknown(Cause::Broken));
    }
}
