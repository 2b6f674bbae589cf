//! The proxies before a server, and what they say.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use unlapse_issuer::Proxies;

use crate::config::ConfigError;
use crate::config::serving::ProxyKeys;

/// The proxies that a configuration names.
pub(crate) fn proxies(said: &ProxyKeys) -> Result<Proxies, ConfigError> {
    let Some(networks) = &said.networks else { return Ok(Proxies::default()) };
    let header = said.header.as_ref().map(|set| set.value).unwrap_or_default();
    Proxies::new(&networks.value, header).map_err(|bad_network| ConfigError::BadValue {
        key: "proxies.networks".to_owned(),
        at: networks.origin.clone(),
        allowed: bad_network.to_string(),
        nearest: None,
    })
}

/// The same routes, for which a request is from where the proxies say. Without it, everybody behind a
/// proxy is one address: whoever guesses keys there has all the others wait.
pub(crate) fn behind(proxies: Proxies, routes: Router) -> Router {
    let proxies = Arc::new(proxies);
    routes.layer(map_request(move |request: Request| {
        let proxies = Arc::clone(&proxies);
        async move { seen_through(&proxies, request) }
    }))
}

fn seen_through(proxies: &Proxies, mut request: Request) -> Request {
    let connected = request.extensions().get().map(|ConnectInfo::<SocketAddr>(at)| *at);
    if let Some(connected) = connected
        && let Some(peer) = proxies.peer(Some(connected.ip()), request.headers())
        && peer != connected.ip().to_canonical()
    {
        // From which port, nobody says.
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 0)));
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use unlapse_issuer::ForwardedHeader;

    #[test]
    fn j2_only_our_proxies_say_where_a_request_is_from() {
        let proxies = Proxies::new(["10.0.0.0/8"], ForwardedHeader::default()).expect("networks");
        for (connected, said, expected) in [
            ("10.0.0.1:4711", Some("203.0.113.5"), "203.0.113.5:0"),
            ("10.0.0.1:4711", Some("1.2.3.4, 203.0.113.5"), "203.0.113.5:0"),
            ("10.0.0.1:4711", None, "10.0.0.1:4711"),
            ("198.51.100.9:4711", Some("203.0.113.5"), "198.51.100.9:4711"),
        ] {
            let mut request = Request::new(Body::empty());
            let at: SocketAddr = connected.parse().expect("an address");
            request.extensions_mut().insert(ConnectInfo(at));
            if let Some(said) = said {
                let said = said.parse().expect("a header");
                request.headers_mut().insert("x-forwarded-for", said);
            }
            let seen = seen_through(&proxies, request);
            let ConnectInfo(seen) =
                seen.extensions().get::<ConnectInfo<SocketAddr>>().expect("connected");
            assert_eq!(seen.to_string(), expected, "{connected} {said:?}");
        }
    }
}
