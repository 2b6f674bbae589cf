//! The URI of a request, as proofs name it (RFC 9449 §4.3, 9).

use core::fmt;

use url::Url;

/// An HTTP URI in its normal form (RFC 3986 §6.2.2, §6.2.3), without query and fragment: two that
/// name one resource are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Htu(String);

/// Longest URI that is looked at.
const MAX: usize = 4 * 1024;

impl Htu {
    /// Reads an absolute `http` or `https` URI without user information.
    pub fn parse(text: &str) -> Option<Self> {
        // The URL standard takes these away or turns them about, where others do not.
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > MAX || text.chars().any(odd) {
            return None;
        }
        let mut url = Url::parse(text).ok()?;
        // `https:host` and `https:///host` are no URIs with an authority.
        let authority = text.split_once("://")?.1;
        if !matches!(url.scheme(), "http" | "https") || authority.starts_with('/') {
            return None;
        }
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        url.set_query(None);
        url.set_fragment(None);
        let path = normal_path(url.path());
        url.set_path(&path);
        Some(Self(url.into()))
    }

    /// The URI of a request to `origin` (scheme, host and port, as clients know it) with this path.
    pub(crate) fn of_request(origin: &str, path: &str) -> Option<Self> {
        Self::parse(&format!("{origin}{path}"))
    }
}

/// Percent-encodings of what needs none are undone, and the others are in upper case (RFC 3986
/// §6.2.2.1, §6.2.2.2).
fn normal_path(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, encoded) = rest.split_at(at);
        normal.push_str(before);
        let byte = encoded.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let Some(byte) = byte else {
            normal.push('%');
            rest = &encoded[1..];
            continue;
        };
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            normal.push(char::from(byte));
        } else {
            normal.push_str(&encoded[..3].to_ascii_uppercase());
        }
        rest = &encoded[3..];
    }
    normal.push_str(rest);
    normal
}

impl fmt::Display for Htu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc9449_4_3_uris_that_name_one_resource_are_equal() {
        let ours = Htu::parse("https://api.example/a/b~").expect("a URI");
        for same in [
            "HTTPS://API.Example/a/b~",
            "https://api.example:443/a/b~",
            "https://api.example/a/b~?query=1",
            "https://api.example/a/b~#fragment",
            "https://api.example/a/./x/../b~",
            "https://api.example/a/b%7e",
            "https://api.example/%61/b~",
        ] {
            assert_eq!(Htu::parse(same).as_ref(), Some(&ours), "{same}");
        }
        for other in [
            "http://api.example/a/b~",
            "https://api.example:8443/a/b~",
            "https://api.example/A/b~",
            "https://api.example/a/b~/",
            "https://api.example/a%2fb~",
            "https://api.example.evil/a/b~",
        ] {
            assert_ne!(Htu::parse(other), Some(ours.clone()), "{other}");
        }
        let path = |text| Htu::parse(text).expect("a URI").to_string();
        assert_eq!(path("https://api.example"), "https://api.example/");
        assert_eq!(path("https://api.example/a%2fb"), "https://api.example/a%2Fb");
        assert_eq!(path("https://api.example/a%zz%"), "https://api.example/a%zz%");
    }

    #[test]
    fn rfc9449_4_2_what_is_no_uri_of_a_request() {
        let long = format!("https://api.example/{}", "a".repeat(5000));
        for bad in [
            "",
            "/a",
            "api.example/a",
            "https:api.example/a",
            "https:///api.example/a",
            "https://",
            "https://user@api.example/",
            "https://user:pass@api.example/",
            "https://api.exa\nmple/",
            " https://api.example/",
            "https://api.example\\a",
            "ftp://api.example/",
            "javascript://x",
            &long,
        ] {
            assert_eq!(Htu::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn j6_reading_never_panics_and_is_done_once(text in "(https?://h)?\\PC{0,40}") {
            if let Some(htu) = Htu::parse(&text) {
                prop_assert_eq!(Htu::parse(&htu.to_string()), Some(htu));
            }
        }
    }
}
