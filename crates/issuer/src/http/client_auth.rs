//! How a request says which client it is from (RFC 6749 §2.3.1).

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use unlapse_core::Secret;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::form::Form;
use super::peer::Peer;
use crate::caller::Caller;
use crate::clients::Client;
use crate::denied::{Code, Denied};
use crate::issuer::Issuer;

/// Longest `client_id`, in bytes.
const LONGEST_ID: usize = 256;

/// How a request says that it comes with an assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client as it introduces itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Introduction {
    /// By name, with its secret where it has one.
    Name {
        /// `client_id`.
        id: String,
        /// `client_secret`.
        secret: Option<Secret>,
    },
    /// By what it has signed.
    Assertion {
        /// `client_id`, where it names itself besides.
        id: Option<String>,
        /// `client_assertion`.
        assertion: Secret,
    },
}

/// The client that sends this request, once it has proved itself, and what else its headers say.
pub(super) async fn caller(
    issuer: &Issuer,
    request: &Parts,
    form: &Form,
) -> Result<Caller, Denied> {
    let introduction = introduction(&request.headers, form);
    let client = match introduction.map_err(|code| issuer.refuse_request(code))? {
        Introduction::Name { id, secret } => issuer.authenticate(&id, secret.as_ref()).await?,
        Introduction::Assertion { id, assertion } => {
            issuer.authenticate_by_assertion(id.as_deref(), assertion.expose()).await?
        }
    };
    let caller = from(client, request);
    issuer.limit_client(&caller)?;
    Ok(caller)
}

/// The client that the JSON pair speaks for, which has no means to name one.
pub(super) fn login_caller(issuer: &Issuer, request: &Parts) -> Caller {
    from(Arc::clone(issuer.login_client()), request)
}

/// `client`, from where the request is and with what device.
fn from(client: Arc<Client>, request: &Parts) -> Caller {
    let peer = Peer::of(request);
    Caller { label: label(&request.headers), peer, ..Caller::new(client) }
}

/// What the device calls itself.
fn label(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Reads it from the `Authorization` header (basic) or the form (post, none, assertion), never from
/// two of them.
pub(super) fn introduction(headers: &HeaderMap, form: &Form) -> Result<Introduction, Code> {
    let mut headers = headers.get_all(header::AUTHORIZATION).iter();
    let id = form.value("client_id").map(Secret::expose);
    if id.is_some_and(|id| id.len() > LONGEST_ID) {
        return Err(Code::ClientAuthenticationFailed);
    }
    let secret = form.value("client_secret");
    if let Some(assertion) = assertion(form)? {
        if secret.is_some() || headers.next().is_some() {
            return Err(Code::RequestMalformed);
        }
        let id = id.map(str::to_owned);
        return Ok(Introduction::Assertion { id, assertion: assertion.clone() });
    }
    let (named, secret) = match (headers.next(), headers.next()) {
        (Some(_), Some(_)) => return Err(Code::RequestMalformed),
        (Some(_), None) if secret.is_some() => return Err(Code::RequestMalformed),
        (Some(basic), None) => {
            let basic = from_basic(basic.as_bytes()).ok_or(Code::ClientAuthenticationFailed)?;
            // Some clients name themselves twice; the two must be one.
            if id.is_some_and(|id| id != basic.0) {
                return Err(Code::RequestMalformed);
            }
            basic
        }
        (None, _) => {
            let id = id.ok_or(Code::ClientAuthenticationFailed)?;
            (id.to_owned(), secret.cloned())
        }
    };
    if named.is_empty() || named.len() > LONGEST_ID {
        return Err(Code::ClientAuthenticationFailed);
    }
    Ok(Introduction::Name { id: named, secret })
}

/// `client_assertion`, where there is one; it goes with its type.
fn assertion(form: &Form) -> Result<Option<&Secret>, Code> {
    match (form.value("client_assertion_type"), form.value("client_assertion")) {
        (None, None) => Ok(None),
        (Some(of), Some(assertion)) if of.expose() == JWT_BEARER => Ok(Some(assertion)),
        (Some(_), Some(_)) => Err(Code::ClientAuthenticationFailed),
        (Some(_), None) | (None, Some(_)) => Err(Code::RequestMalformed),
    }
}

/// `Basic base64(id:secret)`, both form-encoded first (RFC 6749 §2.3.1, RFC 7617).
fn from_basic(value: &[u8]) -> Option<(String, Option<Secret>)> {
    let (scheme, credentials) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(credentials.trim_ascii()).ok()?);
    let (id, secret) = core::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let secret = form_decoded(secret)?;
    let secret = (!secret.is_empty()).then(|| Secret::from(secret));
    Some((form_decoded(id)?, secret))
}

fn form_decoded(text: &str) -> Option<String> {
    // What separates parameters cannot occur in one that was encoded; a client that did not encode
    // a secret with `&` in it is read as it meant it.
    if text.contains(['&', '=']) {
        return Some(text.to_owned());
    }
    let mut parameters = form_urlencoded::parse(text.as_bytes());
    match parameters.next() {
        None => Some(String::new()),
        Some((name, _)) => parameters.next().is_none().then(|| name.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(authorization: &[&str], form: &str) -> Result<(String, Option<String>), Code> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            let value = HeaderValue::from_str(value).expect("a header");
            headers.append(header::AUTHORIZATION, value);
        }
        let form = Form::parse(form.as_bytes()).expect("a form");
        let text = |secret: &Secret| secret.expose().to_owned();
        Ok(match introduction(&headers, &form)? {
            Introduction::Name { id, secret } => (id, secret.as_ref().map(text)),
            Introduction::Assertion { id, assertion } => {
                (format!("assertion of {}", id.unwrap_or_default()), Some(text(&assertion)))
            }
        })
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn rfc6749_2_3_1_a_row_for_each_way() {
        let ok = |id: &str, secret: Option<&str>| Ok((id.to_owned(), secret.map(str::to_owned)));
        let failed = || Err(Code::ClientAuthenticationFailed);
        let malformed = || Err(Code::RequestMalformed);
        assert_eq!(read(&[], "client_id=app"), ok("app", None));
        assert_eq!(read(&[], "client_id=app&client_secret=s"), ok("app", Some("s")));
        assert_eq!(read(&[&basic("app:s")], ""), ok("app", Some("s")));
        assert_eq!(read(&[&basic("app:s").replace("Basic", "bASIC")], ""), ok("app", Some("s")));
        assert_eq!(read(&[&basic("a%3Ab:s%2B+%25")], ""), ok("a:b", Some("s+ %")));
        assert_eq!(read(&[&basic("app:a&b=c%")], ""), ok("app", Some("a&b=c%")));
        assert_eq!(read(&[&basic("app:")], ""), ok("app", None));
        assert_eq!(read(&[&basic("app:s")], "client_id=app"), ok("app", Some("s")));
        assert_eq!(read(&[&basic("app:s")], "client_id=other"), malformed());
        assert_eq!(read(&[&basic("app:s")], "client_secret=s"), malformed());
        assert_eq!(read(&[&basic("app:s"), &basic("app:s")], ""), malformed());
        assert_eq!(read(&[&basic("app")], ""), failed());
        assert_eq!(read(&[&basic(":s")], ""), failed());
        assert_eq!(read(&["Basic !"], ""), failed());
        assert_eq!(read(&["Bearer x"], "client_id=app"), failed());
        assert_eq!(read(&[""], ""), failed());
        assert_eq!(read(&[], ""), failed());
        assert_eq!(read(&[], &format!("client_id={}", "a".repeat(257))), failed());
    }
    #[test]
    fn rfc7523_2_2_an_assertion_goes_alone() {
        let form = format!("client_assertion_type={JWT_BEARER}&client_assertion=a.b.c");
        let ok = |id: &str| Ok((format!("assertion of {id}"), Some("a.b.c".to_owned())));
        assert_eq!(read(&[], &form), ok(""));
        assert_eq!(read(&[], &format!("{form}&client_id=app")), ok("app"));
        let failed = || Err(Code::ClientAuthenticationFailed);
        let malformed = || Err(Code::RequestMalformed);
        assert_eq!(read(&[], &format!("{form}&client_secret=s")), malformed());
        assert_eq!(read(&[&basic("app:s")], &form), malformed());
        assert_eq!(read(&["Bearer x"], &form), malformed());
        assert_eq!(read(&[], "client_assertion=a.b.c&client_id=app"), malformed());
        let named = format!("client_assertion_type={JWT_BEARER}&client_id=app");
        assert_eq!(read(&[], &named), malformed());
        let saml = form.replace("jwt-bearer", "saml2-bearer");
        assert_eq!(read(&[], &saml), failed());
        let long = "a".repeat(257);
        assert_eq!(read(&[], &format!("{form}&client_id={long}")), failed());
    }
}
