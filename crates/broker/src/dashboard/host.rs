//! Which names are the loopback's own.

use std::net::IpAddr;

/// Whether `host`, as a request names it (RFC 9110 §7.2), is a name that only this machine answers
/// to.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if is_port(port) => name,
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()) && (text.is_empty() || text.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_stranger_is_the_loopback() {
        for ours in
            ["localhost", "LocalHost:8480", "localhost.", "127.0.0.1", "127.9.9.9:1", "[::1]:8480"]
        {
            assert!(is_loopback(ours), "{ours}");
        }
        for theirs in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8480",
            "evil.example:80@127.0.0.1",
            "localhost:80:80",
            "[::1",
            "[::1]x",
            "10.0.0.1",
            "0.0.0.0",
            "[fe80::1]",
        ] {
            assert!(!is_loopback(theirs), "{theirs}");
        }
    }
}
