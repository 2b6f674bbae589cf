//! Which rows of the client's two tables a run has reached.

use unlapse_core::{Answer, Body, Door, ErrorCode};

/// Every row of `classify`, as this file names them.
pub const ANSWERS: [&str; 19] = [
    "granted",
    "grant in another status",
    "rejected",
    "rejected: the client",
    "error that is no verdict",
    "status 408 or 425",
    "status 429",
    "status 500 or 503",
    "gateway 502 or 504",
    "5xx with a web page",
    "5xx or 429 with an OAuth error",
    "5xx too large",
    "web page",
    "web page with 401",
    "unreadable",
    "unreadable with 401",
    "bare 401 of a login endpoint",
    "too large",
    "unsent or lost",
];

/// The row of `classify` that an answer belongs to.
pub(crate) fn answer_row(answer: &Answer, door: Door) -> &'static str {
    let reply = match answer {
        Answer::Replied(reply) => reply,
        Answer::Unsent(_) | Answer::Lost(_) => return "unsent or lost",
    };
    match (reply.status, &reply.body) {
        (429 | 500.., Body::Error(_)) => "5xx or 429 with an OAuth error",
        (500.., Body::TooLarge) => "5xx too large",
        (500.., Body::Html) => "5xx with a web page",
        (408 | 425, _) => "status 408 or 425",
        (429, _) => "status 429",
        (502 | 504, _) => "gateway 502 or 504",
        (500.., _) => "status 500 or 503",
        (200..300, Body::Grant(_)) => "granted",
        (_, Body::Grant(_)) => "grant in another status",
        (_, Body::Error(ErrorCode::Temporary)) => "error that is no verdict",
        (_, Body::Error(ErrorCode::Rejection(rejection))) if rejection.ends_login() => "rejected",
        (_, Body::Error(_)) => "rejected: the client",
        (401, Body::Html) => "web page with 401",
        (_, Body::Html) => "web page",
        (_, Body::TooLarge) => "too large",
        (401, _) if door == Door::Login => "bare 401 of a login endpoint",
        (401, _) => "unreadable with 401",
        (_, Body::Json | Body::Empty | Body::Garbage) => "unreadable",
    }
}
