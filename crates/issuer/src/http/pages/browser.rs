//! The browser a request came from, known by one cookie, and the forms that are its own.

use aws_lc_rs::constant_time;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_core::Secret;
use unlapse_verify::sha256;

use crate::denied::Denied;
use crate::http::form::Form;
use crate::issuer::Issuer;
use crate::login::Login;
use crate::random;

/// A browser. Its cookie holds a secret from the first form on; a login gives it another one.
pub(super) struct Browser {
    secret: Secret,
    /// Whether the browser does not have it yet.
    fresh: bool,
    same_origin: bool,
    /// As it sent them: a host may know it by them.
    headers: HeaderMap,
}

impl Browser {
    /// The browser that sends these headers.
    pub(super) fn of(issuer: &Issuer, headers: &HeaderMap) -> Self {
        let shown = shown(headers, &cookie_name(issuer));
        let fresh = shown.is_none();
        // What a browser says of a request itself (Fetch Metadata); scripts cannot write it.
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let same_origin = site.is_none_or(|site| matches!(site, b"same-origin" | b"none"));
        let headers = headers.clone();
        Self { secret: shown.unwrap_or_else(random::secret), fresh, same_origin, headers }
    }

    /// Who is logged in in it.
    pub(super) async fn login(&self, issuer: &Issuer) -> Result<Option<Login>, Denied> {
        issuer.browser_login(&self.secret, &self.headers).await
    }

    /// What its cookie holds.
    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What its forms carry: only who has the cookie can know it, and it does not tell the cookie.
    pub(super) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(format!("form\0{}", self.secret.expose()).as_bytes()))
    }

    /// Whether a form that was sent is one that this browser was given.
    pub(super) fn gave(&self, form: &Form) -> bool {
        let Some(token) = form.value("token") else { return false };
        let own = self.token();
        let same =
            constant_time::verify_slices_are_equal(token.expose().as_bytes(), own.as_bytes());
        self.same_origin && !self.fresh && same.is_ok()
    }

    /// Has the browser keep its secret, when it does not have it yet.
    pub(super) fn remember(&self, issuer: &Issuer, response: Response) -> Response {
        if self.fresh { set_cookie(issuer, &self.secret, response) } else { response }
    }
}

/// Has the browser show `secret` from now on. No `Max-Age`: it ends with the browser. `Lax`, as
/// people arrive from the pages of clients.
pub(super) fn set_cookie(issuer: &Issuer, secret: &Secret, mut response: Response) -> Response {
    let secure = if is_secure(issuer) { "; Secure" } else { "" };
    let (name, value) = (cookie_name(issuer), secret.expose());
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}");
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Has the browser show nothing any more.
pub(super) fn forget_cookie(issuer: &Issuer, mut response: Response) -> Response {
    let secure = if is_secure(issuer) { "; Secure" } else { "" };
    let name = cookie_name(issuer);
    let cookie = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn is_secure(issuer: &Issuer) -> bool {
    issuer.url().starts_with("https:")
}

/// `__Host-` keeps other hosts from writing it (RFC 6265bis §4.1.3.2), and leaves it no path;
/// cookies know no ports either. So the name tells issuers of one host apart.
fn cookie_name(issuer: &Issuer) -> String {
    let [a, b, c, ..] = sha256(issuer.url().as_bytes());
    let prefix = if is_secure(issuer) { "__Host-" } else { "" };
    format!("{prefix}unlapse-{a:02x}{b:02x}{c:02x}")
}

fn shown(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = cookies
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))?;
    let ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (value.len() == 43 && value.bytes().all(ours)).then(|| Secret::new(value))
}
