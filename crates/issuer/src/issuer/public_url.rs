//! The URL that an issuer is known by.

use url::{Host, Url};

/// The issuer's URL and its path, both without a slash at the end (RFC 8414 §2).
pub(super) fn checked_url(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok()?;
    let loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let path = url.path().trim_end_matches('/');
    let valid = secure && bare && path.bytes().all(plain) && !path.contains("//");
    valid.then(|| (url.as_str().trim_end_matches('/').to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8414_2_a_row_for_each_url() {
        let rows = [
            ("https://id.example", Some(("https://id.example", ""))),
            ("https://id.example/", Some(("https://id.example", ""))),
            ("https://id.example/a/b/", Some(("https://id.example/a/b", "/a/b"))),
            ("http://127.0.0.1:8080", Some(("http://127.0.0.1:8080", ""))),
            ("http://[::1]:8080/x", Some(("http://[::1]:8080/x", "/x"))),
            ("http://localhost", Some(("http://localhost", ""))),
            ("http://id.example", None),
            ("http://localhost.evil.example", None),
            ("ftp://127.0.0.1", None),
            ("https://ada@id.example", None),
            ("https://id.example?x", None),
            ("https://id.example#x", None),
            ("https://id.example/{x}", None),
            ("https://id.example/:x", None),
            ("https://id.example/a//b", None),
            ("id.example", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(url, path)| (url.to_owned(), path.to_owned()));
            assert_eq!(checked_url(text), expected, "{text}");
        }
    }
}
