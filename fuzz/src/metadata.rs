//! What a server says of itself (RFC 8414).

use serde_json::{Map, Value};
use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::{Issuer, MAX_METADATA, Metadata, MetadataError};

use crate::endpoint;

const ISSUER: &str = "https://as.example/tenant";

/// Metadata speaks for the issuer that was asked for, names only endpoints that secrets may be sent
/// to, and reads back; an error says nothing of the text but the issuer that it names.
pub fn metadata(data: &[u8]) {
    let issuer = Issuer::parse(ISSUER).expect("an issuer");
    match Metadata::parse(&issuer, data) {
        Ok(metadata) => {
            assert!(data.len() <= MAX_METADATA);
            assert_eq!(metadata.issuer, issuer);
            let (endpoints, lists) = parts(&metadata);
            for (_, endpoint) in &endpoints {
                endpoint::check(endpoint);
            }
            let fields = endpoints.iter().map(|(name, at)| (*name, Value::from(at.url().as_str())));
            let lists = lists.into_iter().map(|(name, list)| (name, Value::from(list.to_vec())));
            let issuer_field = [("issuer", Value::from(ISSUER))];
            let object: Map<_, _> = issuer_field
                .into_iter()
                .chain(fields)
                .chain(lists)
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            let written = Value::from(object).to_string();
            if written.len() <= MAX_METADATA {
                assert_eq!(Metadata::parse(&issuer, written.as_bytes()), Ok(metadata));
            }
        }
        Err(MetadataError::Issuer { expected, found }) => {
            assert_eq!(expected, ISSUER);
            assert!(found != ISSUER && found.chars().count() <= 200);
            let text = MetadataError::Issuer { expected, found }.to_string();
            assert!(!text.contains(char::is_control), "a terminal obeys that");
        }
        Err(error) => {
            assert!(!error.to_string().contains(crate::CANARY), "{error}");
            assert_eq!(error == MetadataError::TooLarge, data.len() > MAX_METADATA);
        }
    }
}

type Parts<'a> = (Vec<(&'static str, &'a Endpoint)>, [(&'static str, &'a [String]); 5]);

fn parts(metadata: &Metadata) -> Parts<'_> {
    let endpoints = [
        ("token_endpoint", Some(&metadata.token_endpoint)),
        ("revocation_endpoint", metadata.revocation_endpoint.as_ref()),
        ("introspection_endpoint", metadata.introspection_endpoint.as_ref()),
        ("authorization_endpoint", metadata.authorization_endpoint.as_ref()),
        ("device_authorization_endpoint", metadata.device_authorization_endpoint.as_ref()),
        ("registration_endpoint", metadata.registration_endpoint.as_ref()),
        ("jwks_uri", metadata.jwks_uri.as_ref()),
    ];
    let lists = [
        ("grant_types_supported", &metadata.grant_types_supported[..]),
        (
            "token_endpoint_auth_methods_supported",
            &metadata.token_endpoint_auth_methods_supported[..],
        ),
        ("dpop_signing_alg_values_supported", &metadata.dpop_signing_alg_values_supported[..]),
        ("scopes_supported", &metadata.scopes_supported[..]),
        ("code_challenge_methods_supported", &metadata.code_challenge_methods_supported[..]),
    ];
    let there = endpoints.into_iter().filter_map(|(name, endpoint)| Some((name, endpoint?)));
    (there.collect(), lists)
}
