//! A page: its look, and the headers that keep it to itself.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use unlapse_verify::sha256;

use crate::denied::{Code, Denied};

/// The one style of all pages; allowed by its digest, so that no other is.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css");
/// Sends a form on without being asked (OAuth 2.0 Form Post Response Mode §2): the only script
/// there is, on the only page that allows it.
pub(super) const SUBMIT: &str = "document.forms[0].submit()";

static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| source(STYLE));
static SUBMIT_SOURCE: LazyLock<String> = LazyLock::new(|| source(SUBMIT));

fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(sha256(text.as_bytes())))
}

/// Where the forms of a page may lead.
#[derive(Clone, Copy, Debug)]
pub(super) enum Forms<'a> {
    /// There are none.
    None,
    /// To the issuer itself.
    Here,
    /// To the issuer, and from there to a redirect URI of this scheme. Chromium holds every
    /// redirect after a form to this rule, those of the client's own pages among them, so that
    /// the scheme is named and not the host.
    ThenTo(&'a str),
    /// To a redirect URI of this scheme, sent by [`SUBMIT`].
    Away(&'a str),
}

impl Forms<'_> {
    /// `Content-Security-Policy`: nothing is loaded, run or framed that is not named.
    fn policy(self) -> String {
        let (action, script) = match self {
            Self::None => ("'none'".to_owned(), "'none'"),
            Self::Here => ("'self'".to_owned(), "'none'"),
            Self::ThenTo(scheme) => (format!("'self' {scheme}:"), "'none'"),
            Self::Away(scheme) => (format!("{scheme}:"), SUBMIT_SOURCE.as_str()),
        };
        let style = STYLE_SOURCE.as_str();
        format!(
            "default-src 'none'; style-src {style}; script-src {script}; form-action {action}; \
             base-uri 'none'; frame-ancestors 'none'"
        )
    }
}

/// A page as a reply.
pub(super) fn page(status: StatusCode, template: &impl Template, forms: Forms<'_>) -> Response {
    // Templates write into memory, and print texts and numbers only.
    let html = template.render().unwrap_or_default();
    let mut response = (status, html).into_response();
    guard(response.headers_mut(), &forms.policy());
    response
}

fn guard(headers: &mut HeaderMap, policy: &str) {
    const GUARDS: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The address of a page may hold a `state`, or a user code.
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(policy);
    let policy = policy.expect("schemes and digests are visible ASCII");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
}

/// Something is done, and nothing is left to do.
#[derive(Template)]
#[template(path = "done.html")]
pub(super) struct DonePage<'a> {
    pub(super) title: &'a str,
    pub(super) text: &'a str,
}

/// Something went wrong that no client can be told of.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    title: &'a str,
    text: &'a str,
    code: &'a str,
    again: Option<&'a str>,
}

/// What a person is told when there is no way on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    pub(super) code: Code,
    /// A link to begin again.
    pub(super) again: Option<String>,
}

impl Problem {
    /// A request that cannot have come from a page of ours, or no more.
    pub(super) fn stale(again: String) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            title: "Please try again",
            text: "This page was open for too long, or in two windows, or the browser keeps no \
                   cookies for this site. Nothing was changed.",
            code: Code::RequestMalformed,
            again: Some(again),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let (status, title) = match denied.code {
            Code::TemporarilyUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "Not now, please try again in a moment")
            }
            Code::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts"),
            Code::RequestTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "This request is too large"),
            _ => (StatusCode::BAD_REQUEST, "This request cannot be read"),
        };
        let code = denied.code;
        Self { status, title, text: code.description(), code, again: None }
    }
}

/// A problem as a page.
pub(super) fn problem(problem: &Problem) -> Response {
    let Problem { status, title, text, code, again } = problem;
    let template = ProblemPage { title, text, code: code.as_str(), again: again.as_deref() };
    page(*status, &template, Forms::None)
}

/// A refusal as a page, with the time to wait where there is one.
pub(super) fn denied(denied: Denied) -> Response {
    let mut response = problem(&Problem::from(denied));
    wait(response.headers_mut(), denied);
    response
}

/// `Retry-After`, where there is one.
pub(super) fn wait(headers: &mut HeaderMap, denied: Denied) {
    if let Some(wait) = denied.retry_after {
        headers.insert(header::RETRY_AFTER, seconds(wait).into());
    }
}

/// Whole seconds, rounded up: coming back when it says must be late enough.
pub(super) fn seconds(wait: core::time::Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// On to a page of ours, or to a redirect URI: always with GET (RFC 9700 §4.12).
pub(super) fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, location);
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        }
        // Addresses are checked, and what is added to them is encoded.
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}
