//! The name of a key that nobody gave it (RFC 7638).

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base64url;

/// A JWK thumbprint: SHA-256 over the members that make the key. Written in base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint([u8; 32]);

/// The text is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a thumbprint is 32 bytes in base64url without padding (RFC 7638)")]
pub struct BadThumbprint;

impl Thumbprint {
    /// From a digest.
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Thumbprint {
    type Err = BadThumbprint;

    fn from_str(text: &str) -> Result<Self, BadThumbprint> {
        // 32 bytes are 43 characters: what is longer is not even decoded.
        if text.len() != 43 {
            return Err(BadThumbprint);
        }
        let digest = base64url::decode(text).ok_or(BadThumbprint)?;
        digest.try_into().map(Self).map_err(|_| BadThumbprint)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7638_3_1_reads_and_writes() {
        let text = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        let thumbprint: Thumbprint = text.parse().expect("a thumbprint");
        assert_eq!(thumbprint.to_string(), text);
        assert_eq!(serde_json::to_string(&thumbprint).expect("JSON"), format!("\"{text}\""));
        for bad in ["", "NzbL", &format!("{text}="), &text.replace("Xs", "Xt"), &"A".repeat(44)] {
            assert_eq!(bad.parse::<Thumbprint>(), Err(BadThumbprint), "{bad}");
        }
    }
}
