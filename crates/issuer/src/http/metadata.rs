//! What this issuer can do (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::reply::json;
use super::token::GRANTS;
use crate::issuer::Issuer;
use unlapse_verify::Algorithm;

/// Where both look.
pub(super) const WELL_KNOWN: &str = "/.well-known/";
/// Where RFC 8414 looks.
pub(super) const OAUTH: &str = "/.well-known/oauth-authorization-server";
/// Where OpenID Connect looks.
pub(super) const OPENID: &str = "/.well-known/openid-configuration";

/// Whether people can log in here in a browser.
const PAGES: bool = cfg!(feature = "pages");

const CLIENT_AUTH: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];

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
    response_types_supported: &'static [&'static str],
    response_modes_supported: &'static [&'static str],
    code_challenge_methods_supported: &'static [&'static str],
    authorization_response_iss_parameter_supported: bool,
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    /// Not `none`: anybody could ask.
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    dpop_signing_alg_values_supported: [&'static str; Algorithm::ALL.len()],
    #[serde(flatten)]
    openid: Option<OpenId>,
}

/// What OpenID Connect demands besides.
#[derive(Serialize)]
struct OpenId {
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

pub(super) async fn oauth(State(issuer): State<Issuer>) -> Response {
    metadata(&issuer, None)
}

pub(super) async fn openid(State(issuer): State<Issuer>) -> Response {
    let algorithms = issuer.algorithms().into_iter();
    let openid = OpenId {
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms.map(Algorithm::as_str).collect(),
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
        response_types_supported: if PAGES { &["code"] } else { &[] },
        response_modes_supported: if PAGES { &["query", "form_post"] } else { &[] },
        code_challenge_methods_supported: if PAGES { &["S256"] } else { &[] },
        authorization_response_iss_parameter_supported: PAGES,
        grant_types_supported: GRANTS.iter().map(|grant| grant.as_str()).collect(),
        token_endpoint_auth_methods_supported: CLIENT_AUTH,
        revocation_endpoint_auth_methods_supported: CLIENT_AUTH,
        introspection_endpoint_auth_methods_supported: &CLIENT_AUTH[1..],
        dpop_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str),
        openid,
    };
    let mut response = json(&metadata);
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}
