//! What the operator allows beside the public internet.

use core::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use url::Host;

use super::public::is_public;

/// Hosts that are not public, and that tenants may name all the same: none, by default. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateHosts {
    every: bool,
    networks: Arc<[IpNet]>,
    /// In lower case; those with a dot in front stand for all below them.
    names: Arc<[String]>,
}

/// A host is not public, and the operator has not allowed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host is not public, and is none of those that the operator allows")]
pub struct NotPublic;

/// What is written for a host is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a list of names like `idp.internal`, of `.internal` for all below it, and of networks like \
     `10.2.0.0/16`"
)]
pub struct BadPrivateHost;

impl PrivateHosts {
    /// All of them.
    pub fn every() -> Self {
        Self { every: true, ..Self::default() }
    }

    /// Whether it is all of them.
    pub fn is_every(&self) -> bool {
        self.every
    }

    /// Reads names of hosts, addresses and networks. A name is allowed whatever addresses it has; a
    /// network, by whichever name it is reached that has a dot in it.
    pub fn parse<T: AsRef<str>>(
        hosts: impl IntoIterator<Item = T>,
    ) -> Result<Self, BadPrivateHost> {
        let (mut networks, mut names) = (Vec::new(), Vec::new());
        for host in hosts {
            let host = host.as_ref();
            let address = host.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
            if let Ok(network) = host.parse::<IpNet>().or(address) {
                networks.push(network);
            } else {
                names.push(name(host).ok_or(BadPrivateHost)?);
            }
        }
        Ok(Self { every: false, networks: networks.into(), names: names.into() })
    }

    /// Judges a host as it is written. What a name means is not known yet: [`PrivateHosts::lets`]
    /// judges its addresses.
    pub fn judge<S: AsRef<str>>(&self, host: &Host<S>) -> Result<(), NotPublic> {
        let is_ok = match host {
            Host::Domain(name) => {
                self.every || self.names(name.as_ref()) || !is_local(name.as_ref())
            }
            Host::Ipv4(address) => self.lets((*address).into()),
            Host::Ipv6(address) => self.lets((*address).into()),
        };
        if is_ok { Ok(()) } else { Err(NotPublic) }
    }

    /// Whether a connection may be made to that address.
    pub fn lets(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        let is_listed = || self.networks.iter().any(|network| network.contains(&canonical));
        self.every || is_public(address) || is_listed()
    }

    /// Whether the operator has named that host, whatever addresses it has.
    pub(super) fn names(&self, host: &str) -> bool {
        let host = plain(host);
        let is_it = |known: &String| {
            if known.starts_with('.') { host.ends_with(known) } else { host == *known }
        };
        self.names.iter().any(is_it)
    }
}

impl fmt::Display for PrivateHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.every {
            return f.write_str("every one");
        }
        let networks = self.networks.iter().map(ToString::to_string);
        let all: Vec<_> = networks.chain(self.names.iter().cloned()).collect();
        f.write_str(&all.join(", "))
    }
}

/// A name as it is compared.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A name that an operator has written.
fn name(text: &str) -> Option<String> {
    let bare = text.strip_prefix('.').unwrap_or(text);
    let is_ok = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_ok);
    // What the URL standard takes for an address, such as `0x7f.1`, is never asked for by that name.
    let is_name = matches!(Host::parse(bare), Ok(Host::Domain(_)));
    (bare.len() <= 253 && bare.split('.').all(is_label) && is_name).then(|| plain(text))
}

/// A name that means something on this machine, or in its own network, alone.
fn is_local(name: &str) -> bool {
    let name = plain(name);
    name == "localhost" || name.ends_with(".localhost") || !name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(private: &PrivateHosts, host: &str) -> bool {
        private.judge(&Host::parse(host).expect(host)).is_ok()
    }

    #[test]
    fn owasp_ssrf_a_row_for_each_host_as_it_is_written() {
        let none = PrivateHosts::default();
        let some =
            ["10.2.0.0/16", "192.168.1.7", "fd12::/16", "idp.internal", ".corp.example", "db"];
        let some = PrivateHosts::parse(some).expect("hosts");
        for (host, by_default, by_name) in [
            ("api.example.com", true, true),
            ("1.1.1.1", true, true),
            ("[2606:4700::1111]", true, true),
            ("127.0.0.1", false, false),
            ("0x7f.1", false, false),
            ("2130706433", false, false),
            ("169.254.169.254", false, false),
            ("[::1]", false, false),
            ("[::ffff:127.0.0.1]", false, false),
            ("localhost", false, false),
            ("LocalHost.", false, false),
            ("a.localhost", false, false),
            ("postgres", false, false),
            ("db", false, true),
            ("DB.", false, true),
            ("10.2.3.4", false, true),
            ("[::ffff:10.2.3.4]", false, true),
            ("10.3.0.1", false, false),
            ("192.168.1.7", false, true),
            ("192.168.1.8", false, false),
            ("[fd12::1]", false, true),
            ("[fd13::1]", false, false),
            // What these mean is judged when it is known.
            ("idp.internal", true, true),
            ("a.corp.example", true, true),
        ] {
            assert_eq!(judge(&none, host), by_default, "{host}");
            assert_eq!(judge(&some, host), by_name, "{host}, some allowed");
            assert!(judge(&PrivateHosts::every(), host), "{host}, every one allowed");
        }
    }

    #[test]
    fn a_name_is_allowed_by_itself_or_by_what_it_is_below() {
        let some = PrivateHosts::parse(["IDP.internal", ".corp.example"]).expect("hosts");
        for (host, expected) in [
            ("idp.internal", true),
            ("IDP.INTERNAL.", true),
            ("a.idp.internal", false),
            ("evilidp.internal", false),
            ("a.corp.example", true),
            ("b.a.corp.example", true),
            ("corp.example", false),
            ("evilcorp.example", false),
        ] {
            assert_eq!(some.names(host), expected, "{host}");
        }
    }

    #[test]
    fn a_row_for_each_host_that_is_none() {
        for bad in
            ["", ".", "*.internal", "a b", "10.0.0.0/33", "0x7f.1", "https://a.example", "a..b"]
        {
            assert_eq!(PrivateHosts::parse([bad]), Err(BadPrivateHost), "{bad}");
        }
    }
}
