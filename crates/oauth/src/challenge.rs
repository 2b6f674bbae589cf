//! Why a resource server refused a request: `WWW-Authenticate` (RFC 9110 §11.6.1, RFC 6750 §3).

use core::fmt;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use crate::bearer::is_tchar;

/// Longest header value that is looked at, in bytes.
const MAX_VALUE: usize = 16 * 1024;
/// Most challenges that are kept of one reply.
const MAX_CHALLENGES: usize = 32;

/// One challenge. What it says comes from a stranger: its `Debug` shows the scheme, the error code
/// and the parameters' names only, since servers repeat tokens in descriptions.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme as it was written: `Bearer`, `DPoP`, `Basic`, …; compare it without case.
    pub scheme: String,
    /// The parameters in their order, names in lower case; of one name, the first.
    params: Vec<(String, String)>,
}

impl Challenge {
    /// The parameter `name`, given in lower case; such as RFC 9728's `resource_metadata`.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `error`: `invalid_token`, `insufficient_scope`, `invalid_request` (RFC 6750 §3.1). Missing
    /// when the request had no token.
    pub fn error(&self) -> Option<&str> {
        self.param("error")
    }

    /// `error_description`, for a developer's eyes (RFC 6750 §3).
    pub fn error_description(&self) -> Option<&str> {
        self.param("error_description")
    }

    /// `scope`: what the resource needs (RFC 6750 §3).
    pub fn scope(&self) -> Option<&str> {
        self.param("scope")
    }

    /// `realm` (RFC 9110 §11.5).
    pub fn realm(&self) -> Option<&str> {
        self.param("realm")
    }

    /// Whether it asks for a token of ours: `Bearer` or `DPoP`.
    pub fn wants_token(&self) -> bool {
        ["bearer", "dpop"].iter().any(|scheme| self.scheme.eq_ignore_ascii_case(scheme))
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = ["invalid_token", "insufficient_scope", "invalid_request", "use_dpop_nonce"];
        let error = self.error().map(|error| if known.contains(&error) { error } else { "other" });
        let names: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("Challenge")
            .field("scheme", &self.scheme)
            .field("error", &error)
            .field("params", &names)
            .finish_non_exhaustive()
    }
}

/// Every challenge of a reply, in order. A header that breaks off is read as far as it makes sense.
pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let value = value.as_bytes();
        let _ = Reader(&value[..value.len().min(MAX_VALUE)]).read(&mut challenges);
    }
    challenges
}

/// What is left of a header value.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads to the end, or to where it makes no sense any more (`None`).
    fn read(&mut self, challenges: &mut Vec<Challenge>) -> Option<()> {
        // A parameter belongs to the challenge before it, but not to one of another header line.
        let mut open = false;
        loop {
            self.skip(b" \t,");
            if self.0.is_empty() {
                return Some(());
            }
            let word = self.word()?;
            self.skip(b" \t");
            if open && self.take(b'=') {
                self.skip(b" \t");
                let value = self.value()?;
                // The challenge that is open is the last.
                let params = &mut challenges.last_mut()?.params;
                let name = word.to_ascii_lowercase();
                if !params.iter().any(|(known, _)| *known == name) {
                    params.push((name, value));
                }
            } else {
                if challenges.len() == MAX_CHALLENGES {
                    return None;
                }
                challenges.push(Challenge { scheme: word.to_owned(), params: Vec::new() });
                open = true;
                self.skip_token68();
            }
        }
    }

    fn skip(&mut self, bytes: &[u8]) {
        let end = self.0.iter().position(|byte| !bytes.contains(byte));
        self.0 = &self.0[end.unwrap_or(self.0.len())..];
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.0.first() == Some(&byte);
        if taken {
            self.0 = &self.0[1..];
        }
        taken
    }

    /// A `token` (RFC 9110 §5.6.2).
    fn word(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| !is_tchar(*byte)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        core::str::from_utf8(word).ok().filter(|word| !word.is_empty())
    }

    /// The value of a parameter: quoted, or anything up to a space or comma, since servers forget
    /// the quotes.
    fn value(&mut self) -> Option<String> {
        let mut value = Vec::new();
        if !self.take(b'"') {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b',');
            let end = self.0.iter().position(blank).unwrap_or(self.0.len());
            value.extend_from_slice(&self.0[..end]);
            self.0 = &self.0[end..];
            return Some(String::from_utf8_lossy(&value).into_owned());
        }
        loop {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            match first {
                b'"' => return Some(String::from_utf8_lossy(&value).into_owned()),
                b'\\' => {
                    let (escaped, rest) = self.0.split_first()?;
                    self.0 = rest;
                    value.push(*escaped);
                }
                other => value.push(*other),
            }
        }
    }

    /// Schemes such as `Negotiate` have one word of base64 in place of parameters (RFC 9110 §11.2).
    fn skip_token68(&mut self) {
        let is_token68 = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
        let start = self.0;
        let end = self.0.iter().position(|byte| !is_token68(byte)).unwrap_or(self.0.len());
        self.0 = &self.0[end..];
        self.skip(b"=");
        self.skip(b" \t");
        let ends = self.0.is_empty() || self.0.first() == Some(&b',');
        // `Basic, Bearer` has no word behind `Basic`, and `Bearer x="y"` has a parameter there.
        if end == 0 || !ends {
            self.0 = start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    /// Each challenge as `scheme name=value name=value`.
    fn read(values: &[&[u8]]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(value).expect("a value"));
        }
        let text = |challenge: Challenge| {
            let params = challenge.params.iter();
            params.fold(challenge.scheme, |text, (name, value)| format!("{text} {name}={value}"))
        };
        challenges(&headers).into_iter().map(text).collect()
    }

    #[test]
    fn r13_a_row_for_each_way_to_challenge() {
        let rows: [(&str, &[&str]); 20] = [
            ("Bearer", &["Bearer"]),
            (r#"Bearer realm="example""#, &["Bearer realm=example"]),
            (
                r#"Bearer realm="a, b", error="invalid_token", error_description="The \"token\" ended""#,
                &[r#"Bearer realm=a, b error=invalid_token error_description=The "token" ended"#],
            ),
            ("bearer error=invalid_token", &["bearer error=invalid_token"]),
            ("Bearer error = \"x\" , scope =\"a b\"", &["Bearer error=x scope=a b"]),
            ("Bearer error=a error_description=b", &["Bearer error=a error_description=b"]),
            ("Bearer ERROR=\"a\", error=\"b\"", &["Bearer error=a"]),
            ("Basic realm=\"x\", Bearer error=\"y\"", &["Basic realm=x", "Bearer error=y"]),
            ("Basic, Bearer", &["Basic", "Bearer"]),
            ("Basic, Bearer error=y", &["Basic", "Bearer error=y"]),
            ("Negotiate YII/+a==, Bearer error=y", &["Negotiate", "Bearer error=y"]),
            ("NTLM TlRMTVNT, Basic realm=\"x\"", &["NTLM", "Basic realm=x"]),
            (", ,Bearer scope=a,,error=b,", &["Bearer scope=a error=b"]),
            (
                "Bearer resource_metadata=\"https://r.example/.well-known/x\"",
                &["Bearer resource_metadata=https://r.example/.well-known/x"],
            ),
            ("", &[]),
            (",,", &[]),
            ("=\"x\"", &[]),
            ("Bearer error=\"unterminated", &["Bearer"]),
            ("Bearer error=\"unterminated\\", &["Bearer"]),
            ("Bearer scope=a, \"quoted\"", &["Bearer scope=a"]),
        ];
        for (value, expected) in rows {
            assert_eq!(read(&[value.as_bytes()]), expected, "{value}");
        }
    }

    #[test]
    fn header_lines_do_not_run_together() {
        let lines = [&b"Basic realm=a"[..], b"error=b", b"Bearer error=\"\xff\""];
        assert_eq!(read(&lines), ["Basic realm=a", "error", "Bearer error=\u{fffd}"]);
    }

    #[test]
    fn hostile_headers_are_cut_off() {
        let many = "a,".repeat(8000);
        assert_eq!(read(&[many.as_bytes(), many.as_bytes()]).len(), MAX_CHALLENGES);
        let long = format!("Bearer error=\"{}\"", "x".repeat(2 * MAX_VALUE));
        assert_eq!(read(&[long.as_bytes()]), ["Bearer"]);
    }

    #[test]
    fn r18_debug_repeats_nothing_that_a_server_says() {
        let mut headers = HeaderMap::new();
        let value = "Bearer error=\"canary-4711\", error_description=\"canary-4711 ended\"";
        headers.insert(WWW_AUTHENTICATE, value.parse().expect("a value"));
        let challenges = challenges(&headers);
        assert_eq!(challenges[0].error(), Some("canary-4711"));
        assert!(challenges[0].wants_token());
        assert!(!format!("{challenges:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert(WWW_AUTHENTICATE, value);
                let _ = challenges(&headers);
            }
        }

        #[test]
        fn what_is_quoted_is_read_back(scheme in "[A-Za-z]{1,8}", text in "[ -~]{0,40}") {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let value = format!("{scheme} realm=\"{quoted}\", error=e");
            prop_assert_eq!(read(&[value.as_bytes()]), [format!("{scheme} realm={text} error=e")]);
        }
    }
}
