//! Public keys as JSON (RFC 7517).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::json;
use crate::sha256::sha256;
use crate::thumbprint::Thumbprint;
use crate::verifying_key::VerifyingKey;

/// A public key as it is published, with the key that it stands for: what is not a good key never
/// becomes one of these.
#[derive(Clone, Debug)]
pub struct Jwk {
    published: Published,
    thumbprint: Thumbprint,
    key: VerifyingKey,
}

/// Why something is no public key that can be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadJwk {
    /// It is no JSON object, has a name twice, is too large or nested too deep.
    #[error("it is no JSON object that can be read safely")]
    Malformed,
    /// It holds members of a private or symmetric key (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
    #[error("it holds a private key: whoever published it has lost it")]
    Private,
    /// Another kind of key than Ed25519, P-256 and RSA, or meant for something else than
    /// signatures.
    #[error("its `kty`, `crv`, `alg`, `use` or `key_ops` is none that is used here")]
    Unsupported,
    /// A member that the key is made of is missing, or no base64url of the right size.
    #[error("one of its numbers is missing or has the wrong size")]
    Number,
    /// The point is not on its curve, or of small order.
    #[error("its point is not on its curve, or of small order")]
    Point,
    /// RSA below 2048 or above 8192 bits, or an exponent that is 1, even or above 32 bits.
    #[error("the RSA key is too small, too large, or has a bad exponent")]
    Weak,
}

/// Its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Published {
    #[serde(flatten)]
    numbers: Numbers,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

/// What makes the key, each in its members' lexicographic order (RFC 7638 §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Numbers {
    /// RFC 7518 §6.2.
    Ec { crv: &'static str, kty: &'static str, x: String, y: String },
    /// RFC 8037 §2.
    Okp { crv: &'static str, kty: &'static str, x: String },
    /// RFC 7518 §6.3.
    Rsa { e: String, kty: &'static str, n: String },
}

/// Longest JSON of one key: an RSA key of 8192 bits is 1.4 KiB.
const MAX: usize = 8 * 1024;

/// Longest `kid`. Ours are 43 characters.
pub(crate) const MAX_KID: usize = 256;

/// Members that no public key has.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl Jwk {
    /// From the public key of an Ed25519 pair. Its `kid` is its thumbprint.
    pub fn ed25519(x: &[u8; 32]) -> Result<Self, BadJwk> {
        let numbers = Numbers::Okp { crv: "Ed25519", kty: "OKP", x: base64url::encode(x) };
        Ok(Self::new(numbers, VerifyingKey::ed25519(x)?))
    }

    /// From the point of a P-256 key, big-endian. Its `kid` is its thumbprint.
    pub fn p256(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, BadJwk> {
        let (key, x, y) = (VerifyingKey::p256(x, y)?, base64url::encode(x), base64url::encode(y));
        Ok(Self::new(Numbers::Ec { crv: "P-256", kty: "EC", x, y }, key))
    }

    /// From an RSA modulus and exponent, big-endian without leading zeros. Its `kid` is its
    /// thumbprint.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, BadJwk> {
        let (key, e, n) = (VerifyingKey::rsa(n, e)?, base64url::encode(e), base64url::encode(n));
        Ok(Self::new(Numbers::Rsa { e, kty: "RSA", n }, key))
    }

    /// Reads a key of somebody else. Without a `kid` it is named by its thumbprint.
    pub fn parse(text: &[u8]) -> Result<Self, BadJwk> {
        if text.len() > MAX {
            return Err(BadJwk::Malformed);
        }
        Self::from_members(json::object(text).map_err(|_| BadJwk::Malformed)?)
    }

    /// Reads a key from the members of its object.
    pub(crate) fn from_members(mut members: Map<String, Value>) -> Result<Self, BadJwk> {
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(BadJwk::Private);
        }
        let kind = kind(&members);
        let mut bytes = |name| {
            let text = json::take_text(&mut members, name).ok_or(BadJwk::Number)?;
            base64url::decode(&text).ok_or(BadJwk::Number)
        };
        let point = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| BadJwk::Number);
        let mut jwk = match kind {
            (Some("OKP"), Some("Ed25519")) => Self::ed25519(&point(bytes("x")?)?)?,
            (Some("EC"), Some("P-256")) => Self::p256(&point(bytes("x")?)?, &point(bytes("y")?)?)?,
            (Some("RSA"), None) => Self::rsa(&bytes("n")?, &bytes("e")?)?,
            _ => return Err(BadJwk::Unsupported),
        };
        let says = |name, ours: &str| members.get(name).is_none_or(|theirs| theirs == ours);
        let verifies = members.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
        });
        let alg = members
            .get("alg")
            .is_none_or(|alg| alg.as_str().and_then(Algorithm::parse) == Some(jwk.algorithm()));
        if !says("use", "sig") || !alg || !verifies {
            return Err(BadJwk::Unsupported);
        }
        match members.remove("kid") {
            None => {}
            Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID => {
                jwk.published.kid = kid;
            }
            Some(_) => return Err(BadJwk::Malformed),
        }
        Ok(jwk)
    }

    fn new(numbers: Numbers, key: VerifyingKey) -> Self {
        let (thumbprint, alg) = (numbers.thumbprint(), key.algorithm().as_str());
        let published = Published { numbers, kid: thumbprint.to_string(), alg, r#use: "sig" };
        Self { published, thumbprint, key }
    }

    /// The key's name: its thumbprint, unless whoever published it gave another.
    pub fn kid(&self) -> &str {
        &self.published.kid
    }

    /// The one algorithm that it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// Its thumbprint (RFC 7638): the same for the same key, whatever its `kid`.
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The key, to verify with.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

/// `kty` and `crv`.
fn kind(members: &Map<String, Value>) -> (Option<&'static str>, Option<&'static str>) {
    const NAMES: [&str; 5] = ["OKP", "EC", "RSA", "Ed25519", "P-256"];
    let known = |name| {
        let found = members.get(name).map(|value| NAMES.into_iter().find(|known| value == *known));
        // A name that is not known is not the same as no name.
        found.map(|known| known.unwrap_or("unknown"))
    };
    (known("kty"), known("crv"))
}

impl Numbers {
    /// SHA-256 over the required members alone (RFC 7638 §3).
    fn thumbprint(&self) -> Thumbprint {
        let json = serde_json::to_vec(self).expect("strings alone always make JSON");
        Thumbprint::from_bytes(sha256(&json))
    }
}

impl PartialEq for Jwk {
    fn eq(&self, other: &Self) -> bool {
        self.published == other.published
    }
}

impl Eq for Jwk {}

impl Serialize for Jwk {
    fn serialize<S: serde::Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        self.published.serialize(writer)
    }
}

#[cfg(test)]
#[path = "jwk_tests.rs"]
mod tests;
