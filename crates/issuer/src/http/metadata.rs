//! What this issuer can do (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::reply::json;
use super::token::GRANTS;
use crate::clients::GrantType;
use crate::issuer::Issuer;

/// Where both look.
pub(super) const WELL_KNOWN: &str = "/.well-known/";
/// Where RFC 8414 looks.
pub(super) const OAUTH: &str = "/.well-known/oauth-authorization-server";
/// Where OpenID Connect looks.
pub(super) const OPENID: &str = "/.well-known/openid-configuration";

const CLIENT_AUTH: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    /// None: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; GRANTS.len()],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    #[serde(flatten)]
    openid: Option<OpenId>,
}

/// What OpenID Connect demands besides.
#[derive(Serialize)]
struct OpenId {
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
}

pub(super) async fn oauth(State(issuer): State<Issuer>) -> Response {
    metadata(&issuer, None)
}

pub(super) async fn openid(State(issuer): State<Issuer>) -> Response {
    let openid = OpenId {
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: [issuer.algorithm().as_str()],
    };
    metadata(&issuer, Some(openid))
}

fn metadata(issuer: &Issuer, openid: Option<OpenId>) -> Response {
    let url = issuer.url();
    let metadata = Metadata {
        issuer: url,
        token_endpoint: format!("{url}/token"),
        revocation_endpoint: format!("{url}/revoke"),
        jwks_uri: format!("{url}/jwks"),
        response_types_supported: [],
        grant_types_supported: GRANTS.map(GrantType::as_str),
        token_endpoint_auth_methods_supported: CLIENT_AUTH,
        revocation_endpoint_auth_methods_supported: CLIENT_AUTH,
        openid,
    };
    let mut response = json(&metadata);
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}
