//! The keys that an issuer publishes (RFC 7517 §5).

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json;
use crate::jwk::Jwk;

/// A set of public keys, found by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    #[serde(serialize_with = "published")]
    keys: Vec<Jwk>,
}

/// The text is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadJwkSet {
    /// Longer than [`JwkSet::MAX_TEXT`].
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// More keys than [`JwkSet::MAX_KEYS`].
    #[error("the key set has more than 100 keys")]
    TooMany,
    /// No JSON object with an array of `keys`.
    #[error("it is no JWK set (RFC 7517 section 5)")]
    Malformed,
}

impl JwkSet {
    /// Longest text that is read: 256 KiB.
    pub const MAX_TEXT: usize = 256 * 1024;

    /// Most keys of one set. Issuers have two or three.
    pub const MAX_KEYS: usize = 100;

    /// Of keys that are known to be good. Of two with the same name and algorithm, the first
    /// counts.
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Self {
        let mut set = Self::default();
        for key in keys {
            if set.find(key.kid(), key.algorithm()).is_none() {
                set.keys.push(key);
            }
        }
        set
    }

    /// Reads a set of somebody else. Keys of a kind that is not used here, and bad ones, are left
    /// out (RFC 7517 §5): another key's fault is no reason to log everybody out.
    pub fn parse(text: &[u8]) -> Result<Self, BadJwkSet> {
        if text.len() > Self::MAX_TEXT {
            return Err(BadJwkSet::TooLarge);
        }
        let mut members = json::object(text).map_err(|_| BadJwkSet::Malformed)?;
        let Some(Value::Array(keys)) = members.remove("keys") else {
            return Err(BadJwkSet::Malformed);
        };
        if keys.len() > Self::MAX_KEYS {
            return Err(BadJwkSet::TooMany);
        }
        Ok(Self::new(keys.into_iter().filter_map(|key| match key {
            Value::Object(members) => Jwk::from_members(members).ok(),
            _ => None,
        })))
    }

    /// The key of that name, if it is one for `algorithm`. The name is compared, and nothing else
    /// is done with it: no path, no address, no query.
    pub fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.algorithm() == algorithm && key.kid() == kid)
    }

    /// Whether a key of that name is there, for whatever algorithm.
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == kid)
    }

    /// Its keys.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Whether it has no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn published<S: Serializer>(keys: &[Jwk], writer: S) -> Result<S::Ok, S::Error> {
    writer.collect_seq(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(kid: &str) -> Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "kid": kid,
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        })
    }

    fn parse(value: &Value) -> Result<JwkSet, BadJwkSet> {
        JwkSet::parse(value.to_string().as_bytes())
    }

    #[test]
    fn rfc7517_5_keys_that_are_not_understood_are_left_out() {
        let mut private = key("private");
        private["d"] = "AQ".into();
        let set = parse(&json!({
            "keys": [{ "kty": "oct", "k": "AQ" }, 7, private, key("a"), key("a"), key("b")],
            "more": true,
        }));
        let set = set.expect("a set");
        assert_eq!(set.keys().iter().map(Jwk::kid).collect::<Vec<_>>(), ["a", "b"]);
        assert!(set.find("a", Algorithm::EdDsa).is_some());
        assert!(set.find("a", Algorithm::Rs256).is_none() && set.has("a"));
        assert!(set.find("private", Algorithm::EdDsa).is_none());
        let again = JwkSet::parse(&serde_json::to_vec(&set).expect("JSON"));
        assert_eq!(again, Ok(set));
    }

    #[test]
    fn j6_limits() {
        let keys = |number: usize| {
            let keys: Vec<_> = (0..number).map(|at| key(&at.to_string())).collect();
            json!({ "keys": keys })
        };
        assert_eq!(parse(&keys(100)).expect("a set").keys().len(), 100);
        assert_eq!(parse(&keys(101)), Err(BadJwkSet::TooMany));
        let long = json!({ "keys": [], "more": "x".repeat(JwkSet::MAX_TEXT) });
        assert_eq!(parse(&long), Err(BadJwkSet::TooLarge));
        for bad in [json!({}), json!({ "keys": {} }), json!([]), json!(null)] {
            assert_eq!(parse(&bad), Err(BadJwkSet::Malformed), "{bad}");
        }
        assert_eq!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#), Err(BadJwkSet::Malformed));
    }
}
