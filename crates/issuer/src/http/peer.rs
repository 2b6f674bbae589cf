//! Where a request is from.

use core::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;

use super::metadata::{OAUTH, OPENID};
use crate::denied::Denied;
use crate::issuer::Issuer;

/// The address of a request, as its extension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(IpAddr);

impl Peer {
    /// That of `request`, where it is known.
    pub(super) fn of(request: &Parts) -> Option<IpAddr> {
        request.extensions.get::<Self>().map(|Self(peer)| *peer)
    }
}

/// The issuer, as it is asked by this request: what it refuses is audited with where that is from,
/// also when nothing else of the request could be read.
pub(super) struct Asked(pub(super) Issuer);

impl FromRequestParts<Issuer> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(request: &mut Parts, issuer: &Issuer) -> Result<Self, Infallible> {
        Ok(Self(issuer.asked_from(Peer::of(request))))
    }
}

/// Finds out where `request` is from, and counts it there.
pub(super) fn admit(issuer: &Issuer, request: &mut Request) -> Result<(), Denied> {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let connected = connected.map(|ConnectInfo(address)| address.ip());
    let peer = issuer.peer(connected, request.headers());
    if let Some(peer) = peer {
        request.extensions_mut().insert(Peer(peer));
    }
    let counted = is_counted(issuer.path(), request.uri().path());
    if counted { issuer.limit_peer(peer) } else { Ok(()) }
}

/// What is published costs nothing to answer, nor does [`crate::health::Health`]; and whoever
/// watches over the issuer must not come to think that it is gone. Whole paths, as what others
/// write may stand in a path: `/sessions/jwks` is counted.
fn is_counted(issuer: &str, path: &str) -> bool {
    // RFC 8414 §3.1 puts the issuer's path behind the well-known one.
    let published = path.strip_prefix(OAUTH).is_some_and(|behind| behind == issuer);
    let own = path.strip_prefix(issuer).unwrap_or_default();
    !published && !["/jwks", "/healthz", "/metrics", OAUTH, OPENID].contains(&own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j2_a_row_for_each_path() {
        for (path, counted) in [
            ("/token", true),
            ("/api/auth/login", true),
            ("/api/auth/refresh", true),
            ("/revoke", true),
            ("/nowhere", true),
            ("/sessions/jwks", true),
            ("/sessions/healthz", true),
            ("/x/.well-known/openid-configuration", true),
            ("/.well-known/nowhere", true),
            ("/jwks", false),
            ("/healthz", false),
            ("/metrics", false),
            ("/.well-known/openid-configuration", false),
            ("/.well-known/oauth-authorization-server", false),
        ] {
            assert_eq!(is_counted("", path), counted, "{path}");
            assert_eq!(is_counted("/tenant", &format!("/tenant{path}")), counted, "{path}");
        }
        assert!(is_counted("/tenant", "/jwks"));
        assert!(!is_counted("/tenant", "/.well-known/oauth-authorization-server/tenant"));
        assert!(is_counted("/tenant", "/.well-known/oauth-authorization-server/other"));
    }
}
