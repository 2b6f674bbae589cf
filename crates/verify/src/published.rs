//! Where an issuer publishes its keys, and what is found there.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{AGE, CACHE_CONTROL};
use http::{HeaderMap, StatusCode};

use crate::fetch::{Fetch, FetchError, Fetched, address};
use crate::json;
use crate::jwk_set::{BadJwkSet, JwkSet};
use crate::jwks_cache::CachePolicy;

/// A set of keys, and for how long its issuer says that it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) set: JwkSet,
    pub(crate) lifetime: Duration,
}

/// Why no keys could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPublished {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the reply has the status {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Set(#[from] BadJwkSet),
    #[error("the metadata are those of another issuer, or name no `jwks_uri` (RFC 8414)")]
    Metadata,
}

impl BadPublished {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Fetch(_) => "keys_unreachable",
            Self::Status(_) => "keys_status",
            Self::Set(_) => "keys_malformed",
            Self::Metadata => "keys_metadata",
        }
    }
}

/// Where the keys are, or where it says so.
#[derive(Debug)]
pub(crate) enum Place {
    At(String),
    OfIssuer {
        issuer: String,
        metadata: Vec<String>,
        /// What the metadata said last; forgotten when nothing good is found there.
        jwks_uri: Mutex<Option<String>>,
    },
}

impl Clone for Place {
    fn clone(&self) -> Self {
        match self {
            Self::At(uri) => Self::At(uri.clone()),
            Self::OfIssuer { issuer, metadata, .. } => Self::OfIssuer {
                issuer: issuer.clone(),
                metadata: metadata.clone(),
                jwks_uri: Mutex::default(),
            },
        }
    }
}

/// Longest metadata that are read.
const MAX_METADATA: usize = 256 * 1024;

impl Place {
    pub(crate) fn at(jwks_uri: &str) -> Result<Self, FetchError> {
        address(jwks_uri).map(|url| Self::At(url.into()))
    }

    pub(crate) fn of_issuer(issuer: &str) -> Result<Self, FetchError> {
        let url = address(issuer)?;
        if url.query().is_some() {
            return Err(FetchError::Address);
        }
        let path = url.path().trim_end_matches('/');
        let at = |path: String| {
            let mut url = url.clone();
            url.set_path(&path);
            String::from(url)
        };
        // RFC 8414 §3.1 puts the well-known part before the path, OpenID behind it.
        let metadata = vec![
            at(format!("/.well-known/oauth-authorization-server{path}")),
            at(format!("{path}/.well-known/openid-configuration")),
        ];
        Ok(Self::OfIssuer { issuer: issuer.to_owned(), metadata, jwks_uri: Mutex::default() })
    }

    /// Asks for the keys.
    pub(crate) async fn read(
        &self,
        fetch: &dyn Fetch,
        policy: &CachePolicy,
    ) -> Result<Published, BadPublished> {
        match self {
            Self::At(uri) => keys(uri, fetch, policy).await,
            Self::OfIssuer { issuer, metadata, jwks_uri } => {
                let known = || jwks_uri.lock().unwrap_or_else(PoisonError::into_inner);
                let uri = known().take();
                let uri = match uri {
                    Some(uri) => uri,
                    None => discover(issuer, metadata, fetch).await?,
                };
                let published = keys(&uri, fetch, policy).await?;
                *known() = Some(uri);
                Ok(published)
            }
        }
    }
}

async fn keys(
    uri: &str,
    fetch: &dyn Fetch,
    policy: &CachePolicy,
) -> Result<Published, BadPublished> {
    let reply = ok(fetch.fetch(uri, JwkSet::MAX_TEXT).await?)?;
    let set = JwkSet::parse(&reply.body)?;
    Ok(Published { set, lifetime: lifetime(&reply.headers, policy) })
}

async fn discover(
    issuer: &str,
    metadata: &[String],
    fetch: &dyn Fetch,
) -> Result<String, BadPublished> {
    let mut error = BadPublished::Metadata;
    for uri in metadata {
        match fetch.fetch(uri, MAX_METADATA).await.map_err(BadPublished::from).and_then(ok) {
            Ok(reply) => return jwks_uri(issuer, &reply.body).ok_or(BadPublished::Metadata),
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

/// The `jwks_uri` of metadata that are the issuer's own (RFC 8414 §3.3).
fn jwks_uri(issuer: &str, metadata: &[u8]) -> Option<String> {
    if metadata.len() > MAX_METADATA {
        return None;
    }
    let mut members = json::object(metadata).ok()?;
    if json::take_text(&mut members, "issuer")? != issuer {
        return None;
    }
    address(&json::take_text(&mut members, "jwks_uri")?).map(String::from).ok()
}

fn ok(reply: Fetched) -> Result<Fetched, BadPublished> {
    if reply.status == StatusCode::OK { Ok(reply) } else { Err(BadPublished::Status(reply.status)) }
}

/// For how long a reply is good: its `max-age` (RFC 9111 §5.2.2.1) less the time that it has
/// already been in caches (§5.1), within the bounds of the policy.
fn lifetime(headers: &HeaderMap, policy: &CachePolicy) -> Duration {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let control = text(CACHE_CONTROL).unwrap_or_default().to_ascii_lowercase();
    let mut directives = control.split(',').map(str::trim);
    let said = if directives.clone().any(|one| matches!(one, "no-store" | "no-cache")) {
        Duration::ZERO
    } else {
        let max_age = directives.find_map(|one| one.strip_prefix("max-age="));
        let max_age = max_age.and_then(|secs| secs.trim_matches('"').parse().ok());
        let age = text(AGE).and_then(|secs| secs.trim().parse().ok()).unwrap_or_default();
        let left = |max_age| Duration::from_secs(max_age).saturating_sub(Duration::from_secs(age));
        max_age.map_or(policy.lifetime, left)
    };
    said.min(policy.longest).max(policy.shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9111_5_2_2_1_a_row_for_each_cache_control() {
        let policy = CachePolicy::default();
        for (control, age, secs) in [
            (None, None, 300),
            (Some("max-age=900"), None, 900),
            (Some("public, MAX-AGE=900, must-revalidate"), None, 900),
            (Some("max-age=\"900\""), None, 900),
            (Some("max-age=900"), Some("600"), 300),
            (Some("max-age=900"), Some("6000"), 60),
            (Some("max-age=1"), None, 60),
            (Some("max-age=31536000"), None, 3600),
            (Some("no-store"), None, 60),
            (Some("no-cache, max-age=900"), None, 60),
            (Some("max-age=-1"), None, 300),
            (Some("max-age=99999999999999999999"), None, 300),
            (Some("max-age=x, s-maxage=7"), Some("x"), 300),
        ] {
            let mut headers = HeaderMap::new();
            let parse = |text: &str| text.parse().expect("a value");
            control.map(|control| headers.insert(CACHE_CONTROL, parse(control)));
            age.map(|age| headers.insert(AGE, parse(age)));
            assert_eq!(lifetime(&headers, &policy).as_secs(), secs, "{control:?} {age:?}");
        }
    }

    #[test]
    fn rfc8414_3_1_where_metadata_are() {
        for (issuer, urls) in [
            (
                "https://id.example",
                [
                    "https://id.example/.well-known/oauth-authorization-server",
                    "https://id.example/.well-known/openid-configuration",
                ],
            ),
            (
                "https://id.example/tenant/",
                [
                    "https://id.example/.well-known/oauth-authorization-server/tenant",
                    "https://id.example/tenant/.well-known/openid-configuration",
                ],
            ),
        ] {
            let Ok(Place::OfIssuer { metadata, .. }) = Place::of_issuer(issuer) else {
                panic!("{issuer} is one")
            };
            assert_eq!(metadata, urls);
        }
        for bad in ["http://id.example", "https://id.example?x", "id.example"] {
            assert!(Place::of_issuer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rfc8414_3_3_metadata_of_another_issuer_are_not_believed() {
        let issuer = "https://id.example";
        for (metadata, uri) in [
            (r#"{"issuer":"https://id.example","jwks_uri":"https://k.example/"}"#, true),
            (r#"{"issuer":"https://evil.example","jwks_uri":"https://k.example/"}"#, false),
            (r#"{"issuer":"https://id.example/","jwks_uri":"https://k.example/"}"#, false),
            (r#"{"issuer":"https://id.example","jwks_uri":"http://k.example/"}"#, false),
            (r#"{"issuer":"https://id.example"}"#, false),
            (
                r#"{"issuer":"https://id.example","jwks_uri":"https://a/","jwks_uri":"https://b/"}"#,
                false,
            ),
            ("<html>", false),
        ] {
            assert_eq!(jwks_uri(issuer, metadata.as_bytes()).is_some(), uri, "{metadata}");
        }
    }
}
