//! Where users are sent back to (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1).

use url::{Url, form_urlencoded};

/// Longest one, in bytes.
const LONGEST: usize = 2048;

/// Whether users may be sent to `presented`: it is one of `registered`, as text; of a loopback
/// address only the port may be another one, as it is drawn when the client starts (RFC 8252
/// §7.3).
pub(crate) fn is_allowed(registered: &[String], presented: &str) -> bool {
    is_usable(presented)
        && registered.iter().any(|known| known == presented || same_loopback(known, presented))
}

/// Never a scheme that runs in the browser's own hands, never one that shows the code to the
/// network, never a fragment (RFC 6749 §3.1.2).
fn is_usable(uri: &str) -> bool {
    const RUN_OR_READ: [&str; 8] =
        ["javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source"];
    if uri.len() > LONGEST || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let Ok(parsed) = Url::parse(uri) else { return false };
    let shown = parsed.scheme() == "http" && loopback(uri).is_none();
    parsed.fragment().is_none() && !shown && !RUN_OR_READ.contains(&parsed.scheme())
}

/// The host of a loopback URI, and what comes after its port.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|it| rest.starts_with(it))?;
    let rest = &rest[host.len()..];
    let rest = match rest.strip_prefix(':') {
        Some(port) => port.trim_start_matches(|char: char| char.is_ascii_digit()),
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

fn same_loopback(known: &str, presented: &str) -> bool {
    matches!((loopback(known), loopback(presented)), (Some(known), Some(shown)) if known == shown)
}

/// Whether it belongs to an application on the user's own device, which anybody may pose as
/// (RFC 8252 §8.6): a loopback address or a scheme of its own.
pub(crate) fn is_native(uri: &str) -> bool {
    !uri.starts_with("https://")
}

/// Its scheme.
pub(crate) fn scheme(uri: &str) -> &str {
    uri.split_once(':').map_or("", |(scheme, _)| scheme)
}

/// The URI with parameters added to its query (RFC 6749 §4.1.2).
pub(crate) fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(registered: &str, presented: &str) -> bool {
        is_allowed(&[registered.to_owned()], presented)
    }

    #[test]
    fn rfc9700_2_1_compared_as_text_but_for_a_loopback_port() {
        let same = [
            "https://app.example/cb",
            "https://app.example/cb?x=1",
            "com.example.app:/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb?x",
            "http://localhost",
        ];
        for uri in same {
            assert!(allowed(uri, uri), "{uri}");
        }
        let ports = [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb"),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1/cb"),
            ("http://[::1]/cb", "http://[::1]:51004/cb"),
            ("http://localhost/", "http://localhost:51004/"),
        ];
        for (known, presented) in ports {
            assert!(allowed(known, presented), "{known} {presented}");
        }
    }

    #[test]
    fn rfc9700_4_1_nothing_else_is_an_open_redirect() {
        let registered = "https://app.example/cb";
        for bad in [
            "https://app.example/cb/",
            "https://app.example/cb/../evil",
            "https://app.example/CB",
            "https://app.example:443/cb",
            "https://APP.example/cb",
            "https://app.example/cb?x",
            "https://app.example/cb#x",
            "https://app.example/cb%00",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
            "https://evil.example/cb",
            "http://app.example/cb",
            "//app.example/cb",
            "/cb",
            "",
            " https://app.example/cb",
        ] {
            assert!(!allowed(registered, bad), "{bad}");
        }
        let registered = "http://127.0.0.1/cb";
        for bad in [
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:1/cb/x",
            "http://127.0.0.1:1/cb?x",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:1x/cb",
            "http://127.0.0.1\\@evil.example/cb",
            "http://127.0.0.2/cb",
            "http://localhost/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!allowed(registered, bad), "{bad}");
        }
    }

    #[test]
    fn rfc9700_4_1_not_even_when_it_is_registered() {
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "http://app.example/cb",
            "http://localhost.evil.example/cb",
            "https://app.example/cb#x",
            "https://app.example/c b",
            "https://app.example/\u{e4}",
            "app.example/cb",
        ] {
            assert!(!allowed(bad, bad), "{bad}");
        }
        let long = format!("https://app.example/{}", "x".repeat(LONGEST));
        assert!(!allowed(&long, &long));
    }

    #[test]
    fn rfc6749_4_1_2_the_query_is_kept_and_nothing_breaks_out_of_a_parameter() {
        let rows = [
            ("https://a/cb", "https://a/cb?code=x%26y%3D1&state=%0D%0A"),
            ("https://a/cb?k=v", "https://a/cb?k=v&code=x%26y%3D1&state=%0D%0A"),
            ("https://a/cb?", "https://a/cb?code=x%26y%3D1&state=%0D%0A"),
            ("app:/cb", "app:/cb?code=x%26y%3D1&state=%0D%0A"),
        ];
        for (uri, expected) in rows {
            let parameters = [("code", "x&y=1"), ("state", "\r\n")];
            assert_eq!(with_parameters(uri, &parameters), expected);
        }
    }

    #[test]
    fn rfc8252_8_6_only_https_is_surely_who_it_says() {
        assert!(!is_native("https://app.example/cb"));
        assert!(is_native("http://127.0.0.1/cb") && is_native("com.example.app:/cb"));
        assert_eq!(scheme("com.example.app:/cb"), "com.example.app");
    }
}
