//! `application/x-www-form-urlencoded`, out and in, without leaving copies of secrets.

use bytes::Bytes;
use unlapse_core::Secret;
use zeroize::Zeroizing;

use crate::wiped::Wiped;

/// A form body under construction (RFC 6749 Appendix B), wiped when dropped.
pub struct Form(Wiped);

impl Form {
    /// An empty form.
    pub fn new() -> Self {
        // Most forms hold a JWT or less; a longer one moves, and is wiped where it was.
        Self(Wiped::with_capacity(2048))
    }

    /// The same form with `name=value`, encoded, at its end.
    #[must_use]
    pub fn pair(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push(b"&");
        }
        encode(name, &mut self.0);
        self.0.push(b"=");
        encode(value, &mut self.0);
        self
    }

    /// The same form with a secret value.
    #[must_use]
    pub fn secret(self, name: &str, value: &Secret) -> Self {
        self.pair(name, value.expose())
    }

    /// The same form with `name=value` when there is a value.
    #[must_use]
    pub fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.pair(name, value),
            None => self,
        }
    }

    /// The body. Its memory is wiped when its last holder drops it.
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Form {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Form(redacted)")
    }
}

/// Encodes `text` as one name or value.
pub(crate) fn encode(text: &str, into: &mut Wiped) {
    for chunk in url::form_urlencoded::byte_serialize(text.as_bytes()) {
        into.push(chunk.as_bytes());
    }
}

/// The pairs of a form body, decoded as the URL standard does: an escape that is none stays as it
/// is, and what is not UTF-8 becomes U+FFFD. Values are secrets until somebody knows better.
pub(crate) fn pairs(body: &str) -> impl Iterator<Item = (Secret, Secret)> + '_ {
    body.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> Secret {
    let hex = |byte: &u8| char::from(*byte).to_digit(16);
    // Decoding only shrinks: the buffer never moves.
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    // Two hexadecimal digits are a byte.
                    decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            (other, _) => decoded.push(*other),
        }
    }
    match core::str::from_utf8(&decoded) {
        Ok(text) => Secret::new(text),
        Err(_) => Secret::from(String::from_utf8_lossy(&decoded).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::form_urlencoded;

    #[test]
    fn reserved_characters_are_encoded() {
        let form = Form::new().pair("a b", "c&d=e+f/g~ü").optional("none", None);
        assert_eq!(form.into_bytes().as_ref(), b"a+b=c%26d%3De%2Bf%2Fg%7E%C3%BC");
    }

    #[test]
    fn r18_debug_is_redacted() {
        let form = Form::new().secret("token", &Secret::new("canary-4711"));
        assert_eq!(format!("{form:?}"), "Form(redacted)");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            pairs in proptest::collection::vec((any::<String>(), any::<String>()), 1..5)
        ) {
            let form = pairs.iter().fold(Form::new(), |form, (name, value)| form.pair(name, value));
            let read: Vec<_> = form_urlencoded::parse(&form.into_bytes()).into_owned().collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn decodes_as_the_url_standard_does(body in "([a-f0-9%+=&]|\\PC){0,40}") {
            let ours: Vec<_> = super::pairs(&body)
                .map(|(name, value)| (name.expose().to_owned(), value.expose().to_owned()))
                .collect();
            let theirs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
