//! What people see while they connect an account.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use unlapse_verify::sha256;
use url::Url;

use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::problem::Problem;

/// The one style of these pages; allowed by its digest, so that no other is.
pub(crate) const STYLE: &str = include_str!("../../../templates/connect/style.css");

/// `form-action` names schemes and not hosts: Chromium holds every redirect after a form to this rule,
/// and providers redirect to addresses that nobody knows here.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' https: http:; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("digests in base64 are visible ASCII")
});

/// A page.
#[derive(Template)]
#[template(path = "connect/page.html")]
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) lines: &'a [String],
    pub(super) form: Option<Form<'a>>,
    pub(super) code: Option<Code>,
}

/// Its one button.
pub(super) struct Form<'a> {
    pub(super) action: String,
    pub(super) ticket: &'a str,
    pub(super) token: String,
    pub(super) to: &'a str,
}

impl Page<'_> {
    /// As a reply that keeps to itself.
    pub(super) fn reply(&self, status: StatusCode) -> Response {
        // Templates write into memory, and print texts only.
        let mut response = (status, self.render().unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, html);
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        guard(headers);
        response
    }
}

/// Addresses here hold tickets, states and codes.
fn guard(headers: &mut HeaderMap) {
    let guards: [(HeaderName, &str); 2] =
        [(header::REFERRER_POLICY, "no-referrer"), (header::CACHE_CONTROL, "no-store")];
    for (name, value) in guards {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The end of it.
pub(super) fn done(id: &ConnectionId) -> Response {
    let ConnectionId { tenant, provider, account, .. } = id;
    let lines = [
        format!("{tenant} can use your account “{account}” at {provider} now."),
        "You can close this page.".to_owned(),
    ];
    Page { title: "Connected", lines: &lines, form: None, code: None }.reply(StatusCode::OK)
}

/// What a person is told when there is no way on.
pub(super) fn refused(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.code.status());
    let status = status.expect("every code has a status of HTTP");
    let lines =
        [format!("{}.", problem.detail), "Please begin again where you came from.".to_owned()];
    let page = Page {
        title: "The account could not be connected",
        lines: &lines,
        form: None,
        code: Some(problem.code),
    };
    page.reply(status)
}

/// On to another address: always with GET (RFC 9700 §4.12).
pub(super) fn see_other(to: &Url) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let location = HeaderValue::from_str(to.as_str());
    let location = location.expect("an address is visible ASCII once it is parsed");
    response.headers_mut().insert(header::LOCATION, location);
    guard(response.headers_mut());
    response
}
