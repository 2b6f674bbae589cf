//! What a signed text says of its own signature (RFC 7515 §4): hints, none of which is trusted.

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::json;
use crate::jws::{BadJws, decode};

/// The header of a JWS, as far as anything may be made of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `alg`, if it is one of ours. `none`, MACs and whatever else there is are `None`.
    pub algorithm: Option<Algorithm>,
    /// `typ` (RFC 7515 §4.1.9): lower case, without `application/`.
    pub typ: Option<String>,
    /// `kid`: which key it claims.
    pub kid: Option<String>,
    /// There is a `crit`: an extension that must be understood (RFC 7515 §4.1.11). We know none.
    pub critical: bool,
    /// `jwk`: a key of its own (RFC 7515 §4.1.3). Only a proof of possession may have one.
    pub(crate) jwk: Option<Value>,
    /// There is a `jku`, `x5u` or `x5c`: a key of its own in other forms, never looked at.
    pub(crate) key_elsewhere: bool,
}

impl Header {
    /// Reads the first part of a JWS.
    pub(crate) fn parse(part: &str) -> Result<Self, BadJws> {
        Self::from_members(json::object(&decode(part)?)?).ok_or(BadJws::Malformed)
    }

    /// From the members of its object; `None` when one that counts is no text, or `alg` is missing.
    pub(crate) fn from_members(mut members: Map<String, Value>) -> Option<Self> {
        let mut text = |name| match members.remove(name) {
            None => Some(None),
            Some(Value::String(text)) => Some(Some(text)),
            Some(_) => None,
        };
        let (alg, typ, kid) = (text("alg")??, text("typ")?, text("kid")?);
        Some(Self {
            algorithm: Algorithm::parse(&alg),
            typ: typ.map(media_type),
            kid,
            critical: members.contains_key("crit"),
            jwk: members.remove("jwk"),
            key_elsewhere: ["jku", "x5u", "x5c"].iter().any(|name| members.contains_key(*name)),
        })
    }

    /// Whether it brings, or points to, the key that it wants to be verified with (RFC 8725 §3.10).
    pub fn brings_key(&self) -> bool {
        self.jwk.is_some() || self.key_elsewhere
    }
}

fn media_type(mut typ: String) -> String {
    typ.make_ascii_lowercase();
    match typ.strip_prefix("application/") {
        // RFC 7515 §4.1.9: the prefix is left out only where no other slash follows.
        Some(rest) if !rest.contains('/') => rest.to_owned(),
        _ => typ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Option<Header> {
        Header::from_members(json::object(text.as_bytes()).expect("an object"))
    }

    #[test]
    fn rfc7515_4_a_row_for_each_member() {
        for (typ, expected) in [
            ("at+jwt", "at+jwt"),
            ("AT+JWT", "at+jwt"),
            ("application/at+jwt", "at+jwt"),
            ("Application/At+Jwt", "at+jwt"),
            ("application/a/b", "application/a/b"),
            ("JWT", "jwt"),
        ] {
            let read = header(&format!(r#"{{"alg":"EdDSA","typ":"{typ}"}}"#)).expect("a header");
            assert_eq!(read.typ.as_deref(), Some(expected));
        }
        for alg in ["none", "HS256", "eddsa"] {
            let read = header(&format!(r#"{{"alg":"{alg}"}}"#)).expect("a header");
            assert_eq!(read.algorithm, None, "{alg}");
        }
        for brings in [r#""jwk":{}"#, r#""jku":"https://x""#, r#""x5u":7"#, r#""x5c":[]"#] {
            let read = header(&format!(r#"{{"alg":"EdDSA",{brings}}}"#)).expect("a header");
            assert!(read.brings_key(), "{brings}");
        }
        assert!(header(r#"{"alg":"EdDSA","crit":[]}"#).expect("a header").critical);
        for bad in
            ["{}", r#"{"alg":7}"#, r#"{"alg":"EdDSA","typ":7}"#, r#"{"alg":"EdDSA","kid":null}"#]
        {
            assert_eq!(header(bad), None, "{bad}");
        }
    }
}
