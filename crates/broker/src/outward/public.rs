//! Which addresses a webhook may go to: whoever names one must not make the broker ask what only the
//! broker can reach (OWASP: server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why an address is none for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not an absolute URL of at most 2,000 bytes.
    #[error("the URL is absolute, and has 2,000 bytes at most")]
    Url,
    /// Not `https`.
    #[error("the URL begins with `https://`")]
    Scheme,
    /// With a name or a password in it: it would be in logs.
    #[error("the URL has no user name, password or fragment")]
    Credentials,
    /// Its host is an address of a private network.
    #[error("the host is no public address")]
    Private,
}

/// Longest URL.
const LONGEST: usize = 2000;

/// Reads where webhooks are to go. `private` also allows `http` and addresses that are not public: for
/// receivers beside the broker, which its operator knows of.
pub fn target(text: &str, private: bool) -> Result<Url, BadTarget> {
    if text.len() > LONGEST {
        return Err(BadTarget::Url);
    }
    let url = Url::parse(text).map_err(|_| BadTarget::Url)?;
    if !(url.scheme() == "https" || private && url.scheme() == "http") {
        return Err(BadTarget::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(BadTarget::Credentials);
    }
    // The name of a host is looked up, and what it means is judged then, at every request.
    let is_ok = match url.host().ok_or(BadTarget::Url)? {
        Host::Domain(name) => !is_local_name(name),
        Host::Ipv4(address) => is_public(address.into()),
        Host::Ipv6(address) => is_public(address.into()),
    };
    if is_ok || private { Ok(url) } else { Err(BadTarget::Private) }
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || !name.contains('.')
}

/// Whether an address is one of the public internet (the special-purpose registries of IANA, RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // shared with a provider (RFC 6598)
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 192 && b == 88 && c == 99) // once 6to4 relays
        || (a == 198 && (b == 18 || b == 19)) // benchmarks
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Addresses of IPv4 within IPv6 lead where those lead: mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
    let [.., c, d] = segments;
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            return is_public_v4(v4(c, d));
        }
        [0x2002, high, low, ..] => return is_public_v4(v4(high, low)),
        _ => {}
    }
    // Everything that is routed is in 2000::/3; of that, 2001::/23 is for protocols, and two ranges
    // are for books.
    segments[0] & 0xe000 == 0x2000
        && !(segments[0] == 0x2001 && segments[1] < 0x200)
        && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
        && !(segments[0] == 0x3fff && segments[1] < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6890_a_row_for_each_kind_of_address() {
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert!(is_public(public.parse().expect(public)), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "::127.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public(private.parse().expect(private)), "{private}");
        }
    }

    #[test]
    fn a_row_for_each_target() {
        use BadTarget::{Credentials, Private, Scheme, Url};
        for (text, expected, with_private) in [
            ("https://hooks.example.com/unlapse?x=1", None, None),
            ("https://1.1.1.1:8443/", None, None),
            ("http://hooks.example.com/", Some(Scheme), None),
            ("ftp://hooks.example.com/", Some(Scheme), Some(Scheme)),
            ("file:///etc/passwd", Some(Scheme), Some(Scheme)),
            ("https://u@hooks.example.com/", Some(Credentials), Some(Credentials)),
            ("https://:p@hooks.example.com/", Some(Credentials), Some(Credentials)),
            ("https://hooks.example.com/#x", Some(Credentials), Some(Credentials)),
            ("https://127.0.0.1/", Some(Private), None),
            ("https://2130706433/", Some(Private), None),
            ("https://0x7f.1/", Some(Private), None),
            ("https://[::1]/", Some(Private), None),
            ("https://[::ffff:10.0.0.1]/", Some(Private), None),
            ("https://localhost/", Some(Private), None),
            ("https://LOCALHOST./", Some(Private), None),
            ("https://a.localhost/", Some(Private), None),
            ("https://postgres/", Some(Private), None),
            ("https://", Some(Url), Some(Url)),
            ("/hooks", Some(Url), Some(Url)),
            ("", Some(Url), Some(Url)),
        ] {
            assert_eq!(target(text, false).err(), expected, "{text}");
            assert_eq!(target(text, true).err(), with_private, "{text}, private ones allowed");
        }
        let long = format!("https://a.example/{}", "x".repeat(2000));
        assert_eq!(target(&long, false).err(), Some(Url));
    }
}
