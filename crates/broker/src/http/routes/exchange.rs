//! `POST /oauth/token`: token exchange (RFC 8693), for clients that speak OAuth and nothing else. The
//! subject token is an API key, or a JWT that is good here; the connection is named by its address
//! (`resource`) or by its names (`audience`). Errors are those of RFC 6749 §5.2.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use unlapse::unlapse_core::Secret;
use url::{Url, form_urlencoded};

use crate::broker::{HandedOut, TokenWanted};
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::http::api::{Api, secret_json};
use crate::http::caller::Caller;
use crate::http::params::Params;
use crate::http::path::{Names, connection};
use crate::http::refusal::Refusal;
use crate::redirect_uri::below;
use crate::strangers::LARGEST;
use crate::verb::Verb;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is understood; `client_id` and the like are not looked at, as the subject token says it all.
const KNOWN: [&str; 11] = [
    "grant_type",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "resource",
    "audience",
    "scope",
    "tenant",
    "client_id",
    "client_secret",
    "client_assertion",
];

/// RFC 8693 §2.2.1.
#[derive(Serialize)]
struct Exchanged<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// RFC 6749 §5.2.
#[derive(Serialize)]
struct Failed<'a> {
    error: &'static str,
    error_description: &'a str,
    code: Code,
}

/// A refusal, and what OAuth calls it.
struct Denied {
    error: &'static str,
    refusal: Box<Refusal>,
}

impl Denied {
    fn new(error: &'static str, detail: &str) -> Self {
        Self { error, refusal: Box::new(Refusal::bad_request(detail)) }
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self { error: error(refusal.problem().code), refusal: Box::new(refusal) }
    }
}

/// What OAuth calls a problem. Anything that ends no login is `temporarily_unavailable`, which clients
/// do not take for a verdict.
fn error(code: Code) -> &'static str {
    match code {
        Code::BadRequest | Code::TooLarge | Code::Unauthorized => "invalid_request",
        Code::Forbidden => "unauthorized_client",
        Code::AccountNotFound | Code::NotFound => "invalid_target",
        Code::NoAccessToken => "invalid_grant",
        code if code.needs_user() => "invalid_grant",
        Code::AppConfig | Code::HostRefused | Code::RecordDamaged => "server_error",
        _ => "temporarily_unavailable",
    }
}

pub(in crate::http) async fn exchange(
    State(api): State<Api>,
    request: Parts,
    sent: Body,
) -> Response {
    match exchanged(&api, &request, sent).await {
        Ok(token) => {
            let expires_in = token.expires_at.map(|at| at.since(api.now()).as_secs());
            secret_json(
                StatusCode::OK,
                Exchanged {
                    access_token: token.access_token.expose(),
                    issued_token_type: ACCESS_TOKEN,
                    token_type: &token.token_type,
                    expires_in,
                    scope: token.scope.as_deref(),
                },
            )
        }
        Err(Denied { error, refusal }) => {
            // As a problem first, for its status and headers.
            let problem = refusal.problem().clone();
            let rendered = refusal.render("/oauth/token", api.now());
            let status = match rendered.status() {
                // Whoever sends the key in the body did not authenticate by a header (RFC 8693 §2.2.2).
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                    StatusCode::BAD_REQUEST
                }
                StatusCode::CONFLICT => StatusCode::BAD_REQUEST,
                status => status,
            };
            let failed =
                Failed { error, error_description: &ascii(&problem.detail), code: problem.code };
            let mut response = secret_json(status, failed);
            if let Some(wait) = rendered.headers().get(header::RETRY_AFTER) {
                response.headers_mut().insert(header::RETRY_AFTER, wait.clone());
            }
            response
        }
    }
}

/// What RFC 6749 §5.2 allows in a description.
fn ascii(text: &str) -> String {
    let is_ok = |letter: &char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
    // The end of a line is one of a word as well.
    let letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    letters.filter(is_ok).collect()
}

async fn exchanged(api: &Api, request: &Parts, sent: Body) -> Result<HandedOut, Denied> {
    api.hear(request)?;
    let sent = api.form(request, sent).await?;
    let text = core::str::from_utf8(&sent)
        .map_err(|_| Denied::new("invalid_request", "the form is no text"))?;
    let form = Params::parse_up_to(Some(text), &KNOWN, LARGEST)?;
    let value = |name: &str| form.value(name).filter(|value| !value.is_empty());
    if value("grant_type").ok_or_else(|| missing("grant_type"))? != GRANT_TYPE {
        return Err(Denied::new(
            "unsupported_grant_type",
            "this endpoint exchanges tokens (RFC 8693)",
        ));
    }
    let subject_token = value("subject_token").ok_or_else(|| missing("subject_token"))?;
    if !matches!(value("subject_token_type"), Some(ACCESS_TOKEN | JWT)) {
        let detail = "subject_token_type is that of an access token or of a JWT";
        return Err(Denied::new("invalid_request", detail));
    }
    if !matches!(value("requested_token_type"), None | Some(ACCESS_TOKEN)) {
        return Err(Denied::new("invalid_request", "only access tokens are given out"));
    }
    let caller = api.who(request, &Secret::new(subject_token)).await?;
    caller.require(Verb::Token)?;
    api.admit(request, caller.holder())?;
    let id = target(api, &caller, &form, request, value("resource"), value("audience"))?;
    let token = api.broker.token(&id, TokenWanted::default(), &caller.actor);
    let token = api.soon(request, token).await?.map_err(Refusal::from)?;
    // A token cannot be had with less than its connection; more is not there.
    let granted = token.scope.as_deref().unwrap_or_default();
    let has = |word: &str| granted.split([' ', ',']).any(|known| known == word);
    if value("scope").is_some_and(|scope| !scope.split_ascii_whitespace().all(has)) {
        return Err(Denied::new("invalid_scope", "the connection does not have that scope"));
    }
    Ok(token)
}

fn missing(name: &str) -> Denied {
    Denied::new("invalid_request", &format!("{name} is missing"))
}

/// The connection that is asked for.
fn target(
    api: &Api,
    caller: &Caller,
    form: &Params,
    request: &Parts,
    resource: Option<&str>,
    audience: Option<&str>,
) -> Result<ConnectionId, Denied> {
    let wrong = |detail: &str| Denied::new("invalid_target", detail);
    let path = match (resource, audience) {
        (Some(resource), None) => {
            let base = below(&api.options.public_url, "v1/connections/");
            let url: Url = resource.parse().map_err(|_| wrong("resource is no absolute URL"))?;
            let is_ours = url.origin() == base.origin() && url.query().is_none();
            let path = url.path().strip_prefix(base.path()).filter(|_| is_ours);
            path.ok_or_else(|| wrong("resource is no connection here"))?.to_owned()
        }
        (None, Some(audience)) => audience.to_owned(),
        _ => return Err(missing("either resource or audience")),
    };
    let names = names(&path).ok_or_else(|| wrong("a connection is user/provider/account"))?;
    let tenant = caller.tenant(form, &request.headers)?;
    connection(tenant, names).map_err(|_| wrong("that cannot be the name of a connection"))
}

/// `user/provider/account`, each of them percent-encoded.
fn names(path: &str) -> Option<Names> {
    let mut parts = path.split('/').map(decoded);
    let names = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(names)
}

fn decoded(part: &str) -> Option<String> {
    // A form's decoder reads `+` as a space, which it is not in a path.
    let part = part.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    match form_urlencoded::parse(part.as_bytes()).next() {
        Some((name, _)) if !name.contains('\u{fffd}') => Some(name.into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc8693_2_2_2_a_row_for_each_error() {
        for code in Code::ALL {
            let error = error(code);
            let ends = matches!(error, "invalid_grant");
            assert_eq!(ends, code.needs_user() || code == Code::NoAccessToken, "{code}");
            assert!(!code.is_retryable() || error == "temporarily_unavailable", "{code}: {error}");
        }
        assert_eq!(ascii("a \"b\" ä\n`c`"), "a b  `c`");
    }

    #[test]
    fn a_connection_is_named_as_in_its_address() {
        let names = |path: &str| super::names(path).map(|(a, b, c)| [a, b, c].join("|"));
        assert_eq!(names("ada/google/office").as_deref(), Some("ada|google|office"));
        assert_eq!(names("a%2Fb/google/c+d&e=f").as_deref(), Some("a/b|google|c+d&e=f"));
        for bad in ["", "a", "a/b", "a/b/c/d", "a//c", "a/b/%ff"] {
            assert_eq!(names(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_name_panics(path in "\\PC{0,60}") {
            let _ = names(&path);
        }
    }
}
