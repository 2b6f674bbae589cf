//! What a server says of a token that it refuses.

use core::fmt;

use http::HeaderMap;
use unlapse_oauth::challenges;

/// Longest `error` that is shown.
const MAX_ERROR: usize = 64;
/// Longest `error_description` that is shown.
const MAX_DESCRIPTION: usize = 200;
/// So much of the token in a text, and the text is not shown.
const TELLTALE: usize = 8;

/// Why a resource server refused a token, in its own words (RFC 6750 §3): cut short, printable ASCII
/// only, and nothing that has a part of the token in it (R18).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// `error`, such as `invalid_token`. Many servers say nothing.
    pub error: Option<String>,
    /// `error_description`.
    pub description: Option<String>,
}

impl Refusal {
    /// What the challenges of a reply say to whoever showed `credentials`, the value of its
    /// `Authorization` header.
    pub(crate) fn read(headers: &HeaderMap, credentials: &[u8]) -> Self {
        let challenges = challenges(headers);
        let Some(challenge) = challenges.iter().find(|challenge| challenge.wants_token()) else {
            return Self::default();
        };
        let shown = |text: Option<&str>, most| shown(text?, most, credentials);
        Self {
            error: shown(challenge.error(), MAX_ERROR),
            description: shown(challenge.error_description(), MAX_DESCRIPTION),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.error, &self.description) {
            (None, None) => f.write_str("it gives no reason"),
            (Some(error), None) => f.write_str(error),
            (None, Some(description)) => f.write_str(description),
            (Some(error), Some(description)) => write!(f, "{error}: {description}"),
        }
    }
}

/// As much of a stranger's text as may be shown.
fn shown(text: &str, most: usize, credentials: &[u8]) -> Option<String> {
    let token = credentials.splitn(2, |byte| *byte == b' ').last().unwrap_or_default();
    let telltale = TELLTALE.min(token.len()).max(1);
    let tells = |part: &[u8]| text.as_bytes().windows(part.len()).any(|window| window == part);
    if token.windows(telltale).any(tells) {
        return None;
    }
    let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let text: String = text.chars().take(most).map(printable).collect();
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::WWW_AUTHENTICATE;
    use proptest::prelude::*;

    fn read(challenge: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_bytes(challenge).expect("a value"));
        Refusal::read(&headers, b"Bearer canary-token-4711").to_string()
    }

    #[test]
    fn rfc6750_3_a_row_for_each_thing_that_a_server_says() {
        let long = format!("Bearer error=\"{}\"", "x".repeat(1000));
        for (challenge, expected) in [
            (
                r#"Bearer error="invalid_token", error_description="it ended""#,
                "invalid_token: it ended",
            ),
            (r#"DPoP error="invalid_dpop_proof""#, "invalid_dpop_proof"),
            (r#"Basic error="x", Bearer error="y""#, "y"),
            (r#"Bearer error_description="only this""#, "only this"),
            ("Bearer", "it gives no reason"),
            ("Basic realm=x", "it gives no reason"),
            (long.as_str(), &"x".repeat(MAX_ERROR)),
        ] {
            assert_eq!(read(challenge.as_bytes()), expected, "{challenge}");
        }
        assert_eq!(read("Bearer error=\"a\u{e9}\tb\"".as_bytes()), "a??b");
    }

    #[test]
    fn r18_a_text_with_a_part_of_the_token_in_it_is_not_shown() {
        for said in ["canary-token-4711 ended", "your token canary-t… ended", "(ken-4711)"] {
            let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{said}\"");
            assert_eq!(read(challenge.as_bytes()), "invalid_token", "{said}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_short_and_printable(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
                let text = Refusal::read(&headers, b"Bearer t").to_string();
                prop_assert!(text.len() <= MAX_ERROR + 2 + MAX_DESCRIPTION);
                prop_assert!(text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            }
        }
    }
}
