//! What a server says of itself (RFC 8414 §2).

use super::Issuer;
use crate::endpoint::{Endpoint, EndpointError};
use crate::json::{Object, Value};

/// Largest metadata that is read: 256 KiB.
pub const MAX_METADATA: usize = 256 * 1024;

/// The metadata of an authorization server (RFC 8414 §2, OpenID Connect Discovery 1.0 §3), as far
/// as it is used here. A list that was left out is empty, for an empty one must be left out
/// (RFC 8414 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// `issuer`: the very one that was asked for.
    pub issuer: Issuer,
    /// `token_endpoint`.
    pub token_endpoint: Endpoint,
    /// `revocation_endpoint` (RFC 7009).
    pub revocation_endpoint: Option<Endpoint>,
    /// `introspection_endpoint` (RFC 7662).
    pub introspection_endpoint: Option<Endpoint>,
    /// `authorization_endpoint`.
    pub authorization_endpoint: Option<Endpoint>,
    /// `device_authorization_endpoint` (RFC 8628 §4).
    pub device_authorization_endpoint: Option<Endpoint>,
    /// `registration_endpoint` (RFC 7591).
    pub registration_endpoint: Option<Endpoint>,
    /// `jwks_uri`: the server's signing keys.
    pub jwks_uri: Option<Endpoint>,
    /// `grant_types_supported`; left out, it means `authorization_code` and `implicit`.
    pub grant_types_supported: Vec<String>,
    /// `token_endpoint_auth_methods_supported`; left out, it means `client_secret_basic`.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// `dpop_signing_alg_values_supported` (RFC 9449 §5.1); left out, it means no DPoP.
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// `scopes_supported`.
    pub scopes_supported: Vec<String>,
    /// `code_challenge_methods_supported`; left out, it means no PKCE.
    pub code_challenge_methods_supported: Vec<String>,
}

/// Why metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// More than [`MAX_METADATA`].
    #[error("the metadata is larger than 256 KiB")]
    TooLarge,
    /// No JSON object.
    #[error("the metadata is not a JSON object")]
    NotAnObject,
    /// A field that must be there is not.
    #[error("the metadata lacks `{0}`")]
    Missing(&'static str),
    /// A field is of the wrong type.
    #[error("`{0}` of the metadata has the wrong type")]
    WrongType(&'static str),
    /// It speaks for another issuer: an attack, or a typing error (RFC 8414 §3.3).
    #[error("the metadata is that of {found:?}, and not of {expected:?}")]
    Issuer {
        /// The issuer that was asked for.
        expected: String,
        /// The issuer that it names, cut to 200 characters.
        found: String,
    },
    /// An endpoint that nothing may be sent to.
    #[error("`{field}` of the metadata cannot be used: {problem}")]
    Endpoint {
        /// Which.
        field: &'static str,
        /// Why not.
        problem: EndpointError,
    },
}

impl Metadata {
    /// Reads the metadata of `issuer`. Fields that are not known are ignored (RFC 8414 §3.2).
    pub fn parse(issuer: &Issuer, body: &[u8]) -> Result<Self, MetadataError> {
        if body.len() > MAX_METADATA {
            return Err(MetadataError::TooLarge);
        }
        let text = core::str::from_utf8(body).map_err(|_| MetadataError::NotAnObject)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let object = Object::parse(text).ok_or(MetadataError::NotAnObject)?;
        let found = text_of(&object, "issuer")?.ok_or(MetadataError::Missing("issuer"))?;
        if found != issuer.as_str() {
            let found = found.chars().take(200).collect();
            return Err(MetadataError::Issuer { expected: issuer.to_string(), found });
        }
        let endpoint = |field| endpoint_of(&object, field);
        let list = |field| list_of(&object, field);
        Ok(Self {
            issuer: issuer.clone(),
            token_endpoint: endpoint("token_endpoint")?
                .ok_or(MetadataError::Missing("token_endpoint"))?,
            revocation_endpoint: endpoint("revocation_endpoint")?,
            introspection_endpoint: endpoint("introspection_endpoint")?,
            authorization_endpoint: endpoint("authorization_endpoint")?,
            device_authorization_endpoint: endpoint("device_authorization_endpoint")?,
            registration_endpoint: endpoint("registration_endpoint")?,
            jwks_uri: endpoint("jwks_uri")?,
            grant_types_supported: list("grant_types_supported")?,
            token_endpoint_auth_methods_supported: list("token_endpoint_auth_methods_supported")?,
            dpop_signing_alg_values_supported: list("dpop_signing_alg_values_supported")?,
            scopes_supported: list("scopes_supported")?,
            code_challenge_methods_supported: list("code_challenge_methods_supported")?,
        })
    }
}

fn text_of(object: &Object<'_>, field: &'static str) -> Result<Option<String>, MetadataError> {
    match object.value(field) {
        // `null` is how some libraries write "not there".
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.expose().to_owned())),
        Some(_) => Err(MetadataError::WrongType(field)),
    }
}

fn endpoint_of(
    object: &Object<'_>,
    field: &'static str,
) -> Result<Option<Endpoint>, MetadataError> {
    text_of(object, field)?
        .map(|text| Endpoint::parse(&text))
        .transpose()
        .map_err(|problem| MetadataError::Endpoint { field, problem })
}

fn list_of(object: &Object<'_>, field: &'static str) -> Result<Vec<String>, MetadataError> {
    match object.value(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Texts(texts)) => {
            Ok(texts.iter().map(|text| text.expose().to_owned()).collect())
        }
        Some(_) => Err(MetadataError::WrongType(field)),
    }
}
