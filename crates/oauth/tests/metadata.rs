//! A server's metadata (RFC 8414).

use proptest::prelude::*;
use serde_json::{Value, json};
use unlapse_oauth::EndpointError;
use unlapse_oauth::discovery::{Issuer, MAX_METADATA, Metadata, MetadataError};

const ISSUER: &str = "https://as.example/tenant";

fn parse(body: &[u8]) -> Result<Metadata, MetadataError> {
    Metadata::parse(&ISSUER.parse().expect("an issuer"), body)
}

fn smallest() -> Value {
    json!({ "issuer": ISSUER, "token_endpoint": "https://as.example/token" })
}

/// The smallest metadata, with one field more or changed.
fn with(field: &str, value: Value) -> Result<Metadata, MetadataError> {
    let mut metadata = smallest();
    metadata[field] = value;
    parse(metadata.to_string().as_bytes())
}

#[test]
fn every_field() {
    let metadata = json!({
        "issuer": ISSUER,
        "token_endpoint": "https://as.example/token",
        "revocation_endpoint": "https://as.example/revoke",
        "introspection_endpoint": "https://as.example/introspect",
        "authorization_endpoint": "https://login.example/authorize?tenant=a",
        "device_authorization_endpoint": "https://as.example/device",
        "registration_endpoint": "https://as.example/register",
        "jwks_uri": "https://as.example/jwks",
        "grant_types_supported": ["refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "offline_access"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub"],
        "mtls_endpoint_aliases": { "token_endpoint": "https://mtls.example/token" },
        "x_odd": 1
    });
    let found = parse(metadata.to_string().as_bytes()).expect("good");
    let url = |endpoint: Option<unlapse_oauth::Endpoint>| {
        endpoint.map(|endpoint| endpoint.url().to_string())
    };
    assert_eq!(found.issuer.as_str(), ISSUER);
    assert_eq!(found.token_endpoint.url().as_str(), "https://as.example/token");
    for (found, field) in [
        (found.revocation_endpoint, "revocation_endpoint"),
        (found.introspection_endpoint, "introspection_endpoint"),
        (found.authorization_endpoint, "authorization_endpoint"),
        (found.device_authorization_endpoint, "device_authorization_endpoint"),
        (found.registration_endpoint, "registration_endpoint"),
        (found.jwks_uri, "jwks_uri"),
    ] {
        assert_eq!(url(found).as_deref(), metadata[field].as_str(), "{field}");
    }
    for (found, field) in [
        (found.grant_types_supported, "grant_types_supported"),
        (found.token_endpoint_auth_methods_supported, "token_endpoint_auth_methods_supported"),
        (found.dpop_signing_alg_values_supported, "dpop_signing_alg_values_supported"),
        (found.scopes_supported, "scopes_supported"),
        (found.code_challenge_methods_supported, "code_challenge_methods_supported"),
    ] {
        assert_eq!(json!(found), metadata[field], "{field}");
    }
}

#[test]
fn what_is_left_out_or_null_is_not_there() {
    let found = parse(smallest().to_string().as_bytes()).expect("good");
    assert_eq!(found.revocation_endpoint, None);
    assert!(found.grant_types_supported.is_empty());
    assert_eq!(with("revocation_endpoint", Value::Null), Ok(found.clone()));
    assert_eq!(with("scopes_supported", Value::Null), Ok(found));
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for other in [
        "https://as.example/tenant/",
        "https://as.example:443/tenant",
        "https://AS.example/tenant",
        "https://as.example/Tenant",
        "https://as.example/%74enant",
        "https://evil.example/tenant",
        "",
    ] {
        let error = MetadataError::Issuer { expected: ISSUER.to_owned(), found: other.to_owned() };
        assert_eq!(with("issuer", json!(other)), Err(error), "{other}");
    }
    // Escapes in the JSON are not part of the issuer.
    let escaped = smallest().to_string().replace("https://as", "https:\\/\\/as");
    assert!(parse(escaped.as_bytes()).is_ok());
    let MetadataError::Issuer { found, .. } =
        with("issuer", json!("x".repeat(10_000))).expect_err("another issuer")
    else {
        panic!("another error");
    };
    assert_eq!(found.len(), 200);
}

#[test]
fn endpoints_must_be_usable() {
    for field in ["token_endpoint", "revocation_endpoint", "jwks_uri", "registration_endpoint"] {
        for (url, problem) in [
            ("http://as.example/x", EndpointError::PlainHttp),
            ("https://u:canary@as.example/x", EndpointError::UserInfo),
            ("https://as.example/x#y", EndpointError::Fragment),
            ("javascript:alert(1)", EndpointError::Scheme),
        ] {
            let error = with(field, json!(url)).expect_err("unusable");
            assert_eq!(error, MetadataError::Endpoint { field, problem });
            assert!(!error.to_string().contains("canary"));
        }
        assert_eq!(with(field, json!(7)), Err(MetadataError::WrongType(field)));
    }
}

#[test]
fn what_is_no_metadata() {
    let missing = |field: &str| {
        let mut metadata = smallest();
        metadata.as_object_mut().expect("an object").remove(field);
        parse(metadata.to_string().as_bytes())
    };
    assert_eq!(missing("issuer"), Err(MetadataError::Missing("issuer")));
    assert_eq!(missing("token_endpoint"), Err(MetadataError::Missing("token_endpoint")));
    let error = Err(MetadataError::WrongType("scopes_supported"));
    assert_eq!(with("scopes_supported", json!("openid")), error);
    for body in [&b""[..], b"[]", b"<html>", b"{", b"\xff"] {
        assert_eq!(parse(body), Err(MetadataError::NotAnObject));
    }
    let mut large = smallest().to_string().into_bytes();
    large.resize(MAX_METADATA, b' ');
    assert!(parse(&large).is_ok());
    large.push(b' ');
    assert_eq!(parse(&large), Err(MetadataError::TooLarge));
}

proptest! {
    #[test]
    fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..200), issuer in "\\PC{0,40}") {
        let _ = parse(&body);
        if let Ok(issuer) = Issuer::parse(&issuer) {
            let _ = issuer.metadata_urls();
        }
    }
}
