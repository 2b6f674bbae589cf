//! Which address a request is from, where proxies stand before the issuer.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// The proxies whose word on where a request is from is taken.
///
/// Anybody can write a header. So the addresses in it are read from the right, as each proxy adds
/// the one that it saw at the end, and the first that is no proxy of ours is where the request is
/// from: what stands further to the left was written by whoever sent it.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
}

/// Where the proxies write it. Only one is read: whoever sends a request can write the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: what most proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The text is no address and no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network of proxies is an address (`10.0.0.1`) or a prefix (`10.0.0.0/8`, `fd00::/8`)")]
pub struct BadNetwork;

/// There are a handful of proxies: no request has come through more.
const MOST_HOPS: usize = 32;

impl Proxies {
    /// Proxies in these networks, which write that header.
    pub fn new<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
        header: ForwardedHeader,
    ) -> Result<Self, BadNetwork> {
        let network = |text: N| {
            let text = text.as_ref().trim();
            let address = text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or(address).map_err(|_| BadNetwork)
        };
        let networks = networks.into_iter().map(network).collect::<Result<_, _>>()?;
        Ok(Self { networks, header })
    }

    /// Where a request is from that came over a connection from `connected`.
    pub fn peer(&self, connected: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut peer = connected?.to_canonical();
        if !self.contains(peer) {
            return Some(peer);
        }
        for hop in self.hops(headers).into_iter().rev().take(MOST_HOPS) {
            // A proxy that hides the address, or garbage: nothing to the left of it is known to be
            // true, and the last proxy is who answers for it.
            let Some(hop) = hop else { break };
            peer = hop;
            if !self.contains(peer) {
                break;
            }
        }
        Some(peer)
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The addresses in the headers, from left to right; `None` for what is no address.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
        let name = match self.header {
            ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => header::FORWARDED,
        };
        let mut hops = Vec::new();
        for line in headers.get_all(name) {
            let Ok(line) = line.to_str() else {
                hops.push(None);
                continue;
            };
            hops.extend(line.split(',').map(|hop| match self.header {
                ForwardedHeader::XForwardedFor => address(hop.trim()),
                ForwardedHeader::Forwarded => forwarded_for(hop),
            }));
        }
        hops
    }
}

/// `for` of one element of `Forwarded` (RFC 7239 §4). A quoted text with a `,` or `;` in it is no
/// address in any case.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    let unquoted = node.strip_prefix('"').and_then(|node| node.strip_suffix('"'));
    address(unquoted.unwrap_or(node))
}

/// An address, with or without a port; IPv6 with or without brackets (RFC 7239 §6).
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let bare = bracketed.unwrap_or(text).parse().ok();
    let address = bare.or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn peer(header: ForwardedHeader, connected: &str, lines: &[&str]) -> String {
        let proxies = Proxies::new(["10.0.0.0/8", "192.0.2.1", "fd00::/8"], header);
        let name = match header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).expect("a header");
            headers.append(name, line);
        }
        let connected = Some(connected.parse().expect("an address"));
        let peer = proxies.expect("networks").peer(connected, &headers);
        peer.expect("connected").to_string()
    }

    #[test]
    fn j2_a_row_for_each_chain_of_proxies() {
        let long = vec!["10.1.1.1"; 100].join(",");
        let rows: [(&str, &[&str], &str); 16] = [
            ("198.51.100.9", &[], "198.51.100.9"),
            ("198.51.100.9", &["203.0.113.5"], "198.51.100.9"), // whoever connects is no proxy
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.5"], "203.0.113.5"),
            ("::ffff:10.0.0.1", &["203.0.113.5"], "203.0.113.5"),
            ("10.0.0.1", &["1.2.3.4, 203.0.113.5"], "203.0.113.5"), // the left one was sent along
            ("10.0.0.1", &["1.2.3.4, 203.0.113.5, 192.0.2.1, 10.9.9.9"], "203.0.113.5"),
            ("10.0.0.1", &["1.2.3.4, 203.0.113.5", "192.0.2.1"], "203.0.113.5"),
            ("10.0.0.1", &["10.2.2.2"], "10.2.2.2"), // nobody but proxies
            ("10.0.0.1", &["203.0.113.5, unknown, 10.7.7.7"], "10.7.7.7"),
            ("10.0.0.1", &["203.0.113.5,"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.5:4711"], "203.0.113.5"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("fd00::1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", &["\u{e4}"], "10.0.0.1"),
            ("10.0.0.1", &[&long], "10.1.1.1"),
        ];
        for (connected, lines, expected) in rows {
            let found = peer(ForwardedHeader::XForwardedFor, connected, lines);
            assert_eq!(found, expected, "{connected} {lines:?}");
        }
    }

    #[test]
    fn rfc7239_4_a_row_for_each_element() {
        for (line, expected) in [
            ("for=203.0.113.5", "203.0.113.5"),
            ("For=\"203.0.113.5:80\";proto=https;by=10.0.0.1", "203.0.113.5"),
            ("proto=https; for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=1.2.3.4, for=203.0.113.5;by=10.0.0.2, for=10.0.0.3", "203.0.113.5"),
            ("for=203.0.113.5, for=unknown", "10.0.0.1"),
            ("for=203.0.113.5, for=_hidden", "10.0.0.1"),
            ("for=203.0.113.5, proto=https", "10.0.0.1"),
            ("203.0.113.5", "10.0.0.1"),
            ("for=\"203.0.113.5", "10.0.0.1"),
        ] {
            let found = peer(ForwardedHeader::Forwarded, "10.0.0.1", &[line]);
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn j2_only_the_header_that_the_proxies_write_is_read() {
        let proxies = Proxies::new(["10.0.0.1"], ForwardedHeader::Forwarded).expect("networks");
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.5"));
        let connected = "10.0.0.1".parse().ok();
        assert_eq!(proxies.peer(connected, &headers), connected);
        assert_eq!(proxies.peer(None, &headers), None);
        assert_eq!(Proxies::default().peer(connected, &headers), connected);
    }

    #[test]
    fn a_network_is_an_address_or_a_prefix() {
        for (text, good) in [
            ("10.0.0.0/8", true),
            (" ::1 ", true),
            ("", false),
            ("10.0.0.0/33", false),
            ("localhost", false),
        ] {
            let proxies = Proxies::new([text], ForwardedHeader::default());
            assert_eq!(proxies.is_ok(), good, "{text}");
        }
    }
}
