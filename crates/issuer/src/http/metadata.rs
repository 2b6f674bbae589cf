//! What this issuer can do (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::reply::json;
use super::token::GRANTS;
use crate::issuer::Issuer;
use unlapse_verify::Algorithm;

/// Where RFC 8414 looks.
pub(super) const OAUTH: &str = "/.well-known/oauth-authorization-server";
/// Where OpenID Connect looks.
pub(super) const OPENID: &str = "/.well-known/openid-configuration";

/// Whether people can log in here in a browser.
const PAGES: bool = cfg!(feature = "pages");

const CLIENT_AUTH: [&str; 4] =
    ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

/// What the issuer itself says of a login; a host may say more.
const CLAIMS: [&str; 9] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid"];

/// Those that a client may be given, as far as it is told before it is known.
fn scopes(issuer: &Issuer) -> Vec<String> {
    #[cfg(feature = "pages")]
    let scopes = issuer.scopes_supported();
    #[cfg(not(feature = "pages"))]
    let scopes = {
        let _ = issuer;
        &crate::scopes::Scopes::default()
    };
    scopes.iter().map(str::to_owned).collect()
}

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    response_types_supported: &'static [&'static str],
    response_modes_supported: &'static [&'static str],
    code_challenge_methods_supported: &'static [&'static str],
    authorization_response_iss_parameter_supported: bool,
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: [&'static str; CLIENT_AUTH.len()],
    revocation_endpoint_auth_methods_supported: [&'static str; CLIENT_AUTH.len()],
    /// Not `none`: anybody could ask.
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; Algorithm::NAMES.len()],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; Algorithm::NAMES.len()],
    introspection_endpoint_auth_signing_alg_values_supported:
        [&'static str; Algorithm::NAMES.len()],
    dpop_signing_alg_values_supported: [&'static str; Algorithm::NAMES.len()],
    #[serde(flatten)]
    openid: Option<OpenId>,
}

/// What OpenID Connect demands besides.
#[derive(Serialize)]
struct OpenId {
    subject_types_supported: [&'static str; 1],
    /// What ID tokens are signed with, and not what else there are keys for: a client that chose
    /// another would refuse each login.
    id_token_signing_alg_values_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo_endpoint: Option<String>,
    claims_supported: &'static [&'static str],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    /// It would be `true` when left out.
    request_uri_parameter_supported: bool,
}

pub(super) async fn oauth(State(issuer): State<Issuer>) -> Response {
    metadata(&issuer, None)
}

pub(super) async fn openid(State(issuer): State<Issuer>) -> Response {
    let openid = OpenId {
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: [issuer.algorithm().as_str()],
        userinfo_endpoint: PAGES.then(|| format!("{}/userinfo", issuer.url())),
        claims_supported: if PAGES { &CLAIMS } else { &[] },
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    };
    metadata(&issuer, Some(openid))
}

fn metadata(issuer: &Issuer, openid: Option<OpenId>) -> Response {
    let url = issuer.url();
    let metadata = Metadata {
        issuer: url,
        token_endpoint: format!("{url}/token"),
        revocation_endpoint: format!("{url}/revoke"),
        introspection_endpoint: format!("{url}/introspect"),
        jwks_uri: format!("{url}/jwks"),
        authorization_endpoint: PAGES.then(|| format!("{url}/authorize")),
        device_authorization_endpoint: PAGES.then(|| format!("{url}/device_authorization")),
        scopes_supported: scopes(issuer),
        response_types_supported: if PAGES { &["code"] } else { &[] },
        response_modes_supported: if PAGES { &["query", "form_post"] } else { &[] },
        code_challenge_methods_supported: if PAGES { &["S256"] } else { &[] },
        authorization_response_iss_parameter_supported: PAGES,
        grant_types_supported: GRANTS.iter().map(|grant| grant.as_str()).collect(),
        token_endpoint_auth_methods_supported: CLIENT_AUTH,
        revocation_endpoint_auth_methods_supported: CLIENT_AUTH,
        introspection_endpoint_auth_methods_supported: &CLIENT_AUTH[1..],
        token_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
        revocation_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
        introspection_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
        dpop_signing_alg_values_supported: Algorithm::NAMES,
        openid,
    };
    let mut response = json(&metadata);
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}
