//! What stands around every page, and the headers that keep it to itself.

use askama::Template;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use unlapse::unlapse_core::UnixTime;
use url::form_urlencoded;

use super::desk::way_back;
use crate::code::Code;
use crate::gate::Crowd;
use crate::problem::Problem;

/// Nothing is loaded, run or framed that is not the broker's own, and nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";

/// The pages that the navigation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Here {
    Overview,
    Connections,
    Apps,
    Imports,
    Events,
    Audit,
    /// None of them.
    Elsewhere,
}

impl Here {
    /// As the navigation has them.
    pub(super) const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Overview, "/", "Overview"),
        (Self::Connections, "/connections", "Connections"),
        (Self::Apps, "/apps", "Apps"),
        (Self::Imports, "/imports", "Imports"),
        (Self::Events, "/events", "Events"),
        (Self::Audit, "/audit", "Audit"),
    ];
}

/// What stands around a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shell {
    /// Its title.
    pub(super) title: String,
    /// Where it lies.
    pub(super) here: Here,
    /// Who sees it; `None`: somebody who has not signed in.
    pub(super) visitor: Option<String>,
    /// Whose part they see.
    pub(super) tenant: Option<String>,
    /// For its forms.
    pub(super) token: String,
    /// Whether they can sign out.
    pub(super) may_leave: bool,
}

impl Shell {
    /// For somebody who has not signed in.
    pub(super) fn stranger(title: &str, token: String) -> Self {
        Self {
            title: title.to_owned(),
            here: Here::Elsewhere,
            visitor: None,
            tenant: None,
            token,
            may_leave: false,
        }
    }
}

/// A page as a reply.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    // Templates write into memory, and print texts and numbers only.
    let html = template.render().unwrap_or_default();
    let mut response = (status, html).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Addresses of pages name users.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// On to another page, always with GET (RFC 9110 §15.4.4).
pub(super) fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, location);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        // Addresses are ours, and what is added to them is encoded.
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

/// An address with these parameters; empty ones are left out.
pub(super) fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let kept = parameters.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The way to sign in, and back to where a request was going.
pub(super) fn to_sign_in(request: &Parts) -> Response {
    let to = way_back(request);
    let to = if to == "/" { "" } else { to };
    see_other(&address("/login", &[("to", to)]))
}

#[derive(Template)]
#[template(path = "dashboard/problem.html")]
struct ProblemPage {
    shell: Shell,
    detail: String,
    code: Code,
    again: Option<String>,
}

/// A problem as a page, within `shell`, with a link to where one can go on.
pub(super) fn problem(shell: Shell, problem: &Problem, again: Option<String>) -> Response {
    let status = StatusCode::from_u16(problem.code.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let shell = Shell { title: problem.code.title().to_owned(), ..shell };
    let detail = problem.detail.clone();
    let mut response = page(status, &ProblemPage { shell, detail, code: problem.code, again });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// The same, for somebody who is not known to have signed in.
pub(super) fn problem_to_stranger(it: &Problem) -> Response {
    problem(Shell::stranger("", String::new()), it, None)
}

/// There is no room: 503, or 429 where it is the visitor's own share that is used up.
pub(super) fn crowded(crowd: Crowd, now: UnixTime) -> Response {
    let mut response = problem_to_stranger(&crowd.problem(now));
    *response.status_mut() = crowd.status();
    response
}

/// A form that cannot have come from a page of ours, or no more.
pub(super) fn stale() -> Response {
    let detail = "This page was open for too long, or the browser keeps no cookies for this site. \
                  Nothing was changed.";
    let stale = Problem::new(Code::Forbidden, detail);
    problem(Shell::stranger("", String::new()), &stale, Some("/".to_owned()))
}

/// What an open dashboard says to whoever does not call it by a name of the loopback.
pub(super) fn misdirected() -> Response {
    let detail = "This dashboard is open, and answers on this machine only: under localhost or \
                  127.0.0.1.";
    let mut response = problem_to_stranger(&Problem::new(Code::Forbidden, detail));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(address("/", &[("tenant", "")]), "/");
        let hostile = address("/connection", &[("user", "a&b=<c>/../é"), ("account", "")]);
        assert_eq!(hostile, "/connection?user=a%26b%3D%3Cc%3E%2F..%2F%C3%A9");
    }

    #[test]
    fn every_problem_is_a_page() {
        for code in Code::ALL {
            let reply = problem_to_stranger(&Problem::new(code, "<script>"));
            assert_eq!(reply.status().as_u16(), code.status());
            assert_eq!(reply.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
        }
    }
}
