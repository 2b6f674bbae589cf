//! Raw values read into what they mean, with the words for what is allowed.

use core::fmt::Display;
use core::ops::RangeInclusive;
use core::time::Duration;

use unlapse_core::{Reuse, duration};
use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::Issuer;
use unlapse_oauth::grant::ConnectionPath;

use super::nearest::nearest;

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw<'a> {
    /// A TOML string.
    Text(&'a str),
    /// A word of the environment or the command line, which may stand for any type.
    Word(&'a str),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array of strings.
    List(Vec<&'a str>),
    /// Anything else.
    Other,
}

impl<'a> Raw<'a> {
    /// Its text, where it is one.
    pub(crate) fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one kind of value.
pub(crate) trait Reads {
    /// What it reads.
    type Value;

    /// The value, or `None` when `raw` is not allowed.
    fn read(&self, raw: &Raw<'_>) -> Option<Self::Value>;

    /// What is allowed: the end of "must be …".
    fn allowed(&self) -> String;

    /// The allowed value that `raw` most likely means.
    fn nearest(&self, _raw: &Raw<'_>) -> Option<String> {
        None
    }
}

/// A duration in a range.
pub(crate) struct Within(pub(crate) &'static str, pub(crate) &'static str);

impl Within {
    fn range(&self) -> RangeInclusive<Duration> {
        // The bounds are literals of this crate, and a test reads every one of them.
        duration::parse(self.0).unwrap_or_default()..=duration::parse(self.1).unwrap_or_default()
    }
}

impl Reads for Within {
    type Value = Duration;

    fn read(&self, raw: &Raw<'_>) -> Option<Duration> {
        let duration = duration::parse(raw.text()?).ok()?;
        self.range().contains(&duration).then_some(duration)
    }

    fn allowed(&self) -> String {
        format!("a duration from {} to {}, like `\"30s\"`", self.0, self.1)
    }
}

/// A duration in a range of the library's.
pub(crate) struct Between(pub(crate) RangeInclusive<Duration>);

impl Reads for Between {
    type Value = Duration;

    fn read(&self, raw: &Raw<'_>) -> Option<Duration> {
        let duration = duration::parse(raw.text()?).ok()?;
        self.0.contains(&duration).then_some(duration)
    }

    fn allowed(&self) -> String {
        let (least, most) = (duration::format(*self.0.start()), duration::format(*self.0.end()));
        format!("a duration from {least} to {most}, like `\"30s\"`")
    }
}

/// A whole number in a range of the library's.
pub(crate) struct CountOf(pub(crate) RangeInclusive<u32>);

impl Reads for CountOf {
    type Value = u32;

    fn read(&self, raw: &Raw<'_>) -> Option<u32> {
        Count(*self.0.start(), *self.0.end()).read(raw)
    }

    fn allowed(&self) -> String {
        Count(*self.0.start(), *self.0.end()).allowed()
    }
}

/// A whole number in a range.
pub(crate) struct Count(pub(crate) u32, pub(crate) u32);

impl Reads for Count {
    type Value = u32;

    fn read(&self, raw: &Raw<'_>) -> Option<u32> {
        let number = match raw {
            Raw::Integer(number) => u32::try_from(*number).ok()?,
            Raw::Word(word) => word.parse().ok()?,
            _ => return None,
        };
        (self.0..=self.1).contains(&number).then_some(number)
    }

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.0, self.1)
    }
}

/// `true` or `false`.
pub(crate) struct Switch;

impl Reads for Switch {
    type Value = bool;

    fn read(&self, raw: &Raw<'_>) -> Option<bool> {
        match raw {
            Raw::Boolean(on) => Some(*on),
            _ => None,
        }
    }

    fn allowed(&self) -> String {
        "`true` or `false`".to_owned()
    }
}

/// One of a few words, each with its meaning.
pub(crate) struct OneOf<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Copy> Reads for OneOf<T> {
    type Value = T;

    fn read(&self, raw: &Raw<'_>) -> Option<T> {
        let text = raw.text()?;
        self.0.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
    }

    fn allowed(&self) -> String {
        listed(self.0.iter().map(|(word, _)| word))
    }

    fn nearest(&self, raw: &Raw<'_>) -> Option<String> {
        nearest(raw.text()?, self.0.iter().map(|(word, _)| *word)).map(str::to_owned)
    }
}

/// Some text of a line at most.
pub(crate) struct Line;

impl Reads for Line {
    type Value = String;

    fn read(&self, raw: &Raw<'_>) -> Option<String> {
        let text = raw.text()?;
        let fits = !text.is_empty() && text.len() <= 1024 && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        "text of one line, 1 to 1024 bytes".to_owned()
    }
}

/// The name of an environment variable.
pub(crate) struct VariableName;

impl Reads for VariableName {
    type Value = String;

    fn read(&self, raw: &Raw<'_>) -> Option<String> {
        let text = raw.text()?;
        let valid = !text.is_empty()
            && text.len() <= 256
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        valid.then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        "the name of an environment variable (letters, digits and `_`), not the secret itself"
            .to_owned()
    }
}

/// The URL of an endpoint.
pub(crate) struct EndpointUrl;

impl Reads for EndpointUrl {
    type Value = Endpoint;

    fn read(&self, raw: &Raw<'_>) -> Option<Endpoint> {
        Endpoint::parse(raw.text()?).ok()
    }

    fn allowed(&self) -> String {
        "an `https` URL, or an `http` one to a loopback host, without user name or fragment"
            .to_owned()
    }
}

/// The URL of an issuer, which has no query (RFC 8414 §2).
pub(crate) struct IssuerUrl;

impl Reads for IssuerUrl {
    type Value = Issuer;

    fn read(&self, raw: &Raw<'_>) -> Option<Issuer> {
        Issuer::parse(raw.text()?).ok()
    }

    fn allowed(&self) -> String {
        "an `https` URL, or an `http` one to a loopback host, without user name, query or fragment"
            .to_owned()
    }
}

/// A connection of a broker.
pub(crate) struct Connection;

impl Reads for Connection {
    type Value = ConnectionPath;

    fn read(&self, raw: &Raw<'_>) -> Option<ConnectionPath> {
        raw.text()?.parse().ok()
    }

    fn allowed(&self) -> String {
        "`user/provider/account`, with `%2F` for a `/` within one of them".to_owned()
    }
}

/// A list of scopes (RFC 6749 §3.3).
pub(crate) struct Scopes;

impl Reads for Scopes {
    type Value = Vec<String>;

    fn read(&self, raw: &Raw<'_>) -> Option<Vec<String>> {
        let Raw::List(scopes) = raw else { return None };
        let token = |scope: &&str| {
            !scope.is_empty()
                && scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        (scopes.len() <= 256 && scopes.iter().all(token))
            .then(|| scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    fn allowed(&self) -> String {
        "a list of scopes without spaces, like `[\"api\", \"offline_access\"]`".to_owned()
    }
}

/// Signature algorithms of JWTs (RFC 7518 §3.1, RFC 8037, RFC 9864). `none` is none of them
/// (RFC 8725 §3.2).
const ALGORITHMS: [&str; 14] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519", "HS256", "HS384", "HS512",
];

/// A list of signature algorithms.
pub(crate) struct Algorithms;

impl Reads for Algorithms {
    type Value = Vec<String>;

    fn read(&self, raw: &Raw<'_>) -> Option<Vec<String>> {
        let Raw::List(names) = raw else { return None };
        (!names.is_empty() && names.iter().all(|name| ALGORITHMS.contains(name)))
            .then(|| names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn allowed(&self) -> String {
        format!("a list of {}", listed(ALGORITHMS.iter()))
    }

    fn nearest(&self, raw: &Raw<'_>) -> Option<String> {
        let Raw::List(names) = raw else { return None };
        let wrong = names.iter().find(|name| !ALGORITHMS.contains(name))?;
        nearest(wrong, ALGORITHMS).map(str::to_owned)
    }
}

/// A reuse class (R7).
pub(crate) struct ReuseClass;

impl Reads for ReuseClass {
    type Value = Reuse;

    fn read(&self, raw: &Raw<'_>) -> Option<Reuse> {
        let reuse = raw.text()?.parse().ok()?;
        match reuse {
            Reuse::Grace(window) if !Within("1ms", "24h").range().contains(&window) => None,
            reuse => Some(reuse),
        }
    }

    fn allowed(&self) -> String {
        "`stable`, `until_used`, `strict`, `unknown`, or `grace:` and a duration from 1ms to 24h, \
         like `grace:30s`"
            .to_owned()
    }

    fn nearest(&self, raw: &Raw<'_>) -> Option<String> {
        nearest(raw.text()?, ["stable", "until_used", "strict", "unknown"]).map(str::to_owned)
    }
}

/// `a`, `b` or `c`.
fn listed<T: Display>(words: impl IntoIterator<Item = T>) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_keep_their_range() {
        let reader = Within("1s", "10m");
        assert_eq!(reader.read(&Raw::Text("90s")), Some(Duration::from_secs(90)));
        assert_eq!(reader.read(&Raw::Text("10m")), Some(Duration::from_mins(10)));
        for bad in [Raw::Text("999ms"), Raw::Text("601s"), Raw::Text("90"), Raw::Integer(90)] {
            assert_eq!(reader.read(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a6_a_number_may_be_a_word_of_the_environment_but_not_a_string_of_the_file() {
        let reader = Count(1, 10);
        assert_eq!(reader.read(&Raw::Word("3")), Some(3));
        assert_eq!(reader.read(&Raw::Integer(3)), Some(3));
        for bad in [Raw::Text("3"), Raw::Integer(0), Raw::Integer(-1), Raw::Word("11")] {
            assert_eq!(reader.read(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn c8_none_is_no_algorithm() {
        assert_eq!(Algorithms.read(&Raw::List(vec!["RS256"])), Some(vec!["RS256".to_owned()]));
        assert_eq!(Algorithms.read(&Raw::List(vec!["none"])), None);
        assert_eq!(Algorithms.read(&Raw::List(vec![])), None);
        assert_eq!(Algorithms.nearest(&Raw::List(vec!["rs256"])).as_deref(), Some("RS256"));
    }

    #[test]
    fn scopes_are_those_of_rfc_6749() {
        assert!(Scopes.read(&Raw::List(vec!["https://a.example/b.read", "x:y"])).is_some());
        for bad in ["", "a b", "a\"b", "a\\b", "ä"] {
            assert_eq!(Scopes.read(&Raw::List(vec![bad])), None, "{bad}");
        }
        assert_eq!(Scopes.read(&Raw::Text("api")), None);
    }

    #[test]
    fn c12_plain_http_only_to_the_loopback() {
        assert!(EndpointUrl.read(&Raw::Text("http://127.0.0.1:9/token?t=1")).is_some());
        assert!(IssuerUrl.read(&Raw::Text("https://login.example")).is_some());
        assert_eq!(IssuerUrl.read(&Raw::Text("https://login.example?t=1")), None);
        for bad in ["http://login.example", "https://u:p@login.example", "login.example", ""] {
            assert_eq!(EndpointUrl.read(&Raw::Text(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_is_no_variable_name() {
        assert_eq!(VariableName.read(&Raw::Text("ACME_KEY")), Some("ACME_KEY".to_owned()));
        for bad in ["", "sk-live-123", "1ABC", "A B", "A=B"] {
            assert_eq!(VariableName.read(&Raw::Text(bad)), None, "{bad}");
        }
    }

    #[test]
    fn r7_a_grace_window_has_a_range() {
        assert_eq!(
            ReuseClass.read(&Raw::Text("grace:30s")),
            Some(Reuse::Grace(Duration::from_secs(30)))
        );
        assert_eq!(ReuseClass.read(&Raw::Text("grace:0s")), None);
        assert_eq!(ReuseClass.read(&Raw::Text("grace:25h")), None);
        assert_eq!(ReuseClass.nearest(&Raw::Text("stric")).as_deref(), Some("strict"));
    }
}
