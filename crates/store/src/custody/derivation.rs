//! The public parameters of a sealing key, as they stand in a record's header.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unlapse_core::CustodyError;

use crate::random;

/// How a custody derives its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Derivation {
    /// From a key file.
    KeyFile {
        /// Goes into the project's key.
        salt: Salt,
    },
    /// From the machine's identity.
    Machine {
        /// Goes into the project's key.
        salt: Salt,
    },
    /// From a passphrase.
    Passphrase {
        /// How it is stretched.
        stretch: Stretch,
        /// Salts the stretching, and goes into the project's key.
        salt: Salt,
        /// Tells a wrong passphrase from a damaged file, and helps nobody to guess: the seal
        /// itself is as good an oracle.
        check: String,
        /// Tells damaged parameters from a wrong passphrase.
        sum: String,
    },
    /// A kind that a later version knows.
    #[serde(other)]
    Unknown,
}

impl Derivation {
    /// The salt of the project's key; none for a kind that is not known.
    pub fn salt(&self) -> Option<&Salt> {
        match self {
            Self::KeyFile { salt } | Self::Machine { salt } | Self::Passphrase { salt, .. } => {
                Some(salt)
            }
            Self::Unknown => None,
        }
    }
}

/// How a passphrase is stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kdf")]
#[non_exhaustive]
pub enum Stretch {
    /// PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2), the default.
    #[serde(rename = "PBKDF2-HMAC-SHA256")]
    Pbkdf2 {
        /// Rounds; 600,000 by default.
        rounds: u32,
    },
    /// Argon2id (RFC 9106).
    Argon2id {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// A function that a later version knows.
    #[serde(other)]
    Unknown,
}

impl Stretch {
    /// PBKDF2 with 600,000 rounds.
    pub const PBKDF2: Self = Self::Pbkdf2 { rounds: 600_000 };
    /// Argon2id with 19 MiB, two passes and one lane.
    pub const ARGON2ID: Self = Self::Argon2id { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    /// Says [`CustodyError::Derivation`] unless the parameters cost at most some seconds and
    /// 256 MiB, and are not absurdly weak: a file may demand neither.
    pub fn check(self) -> Result<Self, CustodyError> {
        let good = match self {
            Self::Pbkdf2 { rounds } => (1_000..=10_000_000).contains(&rounds),
            Self::Argon2id { memory_kib, passes, lanes } => {
                (1..=8).contains(&lanes)
                    && (8 * lanes..=256 * 1024).contains(&memory_kib)
                    && (1..=16).contains(&passes)
            }
            Self::Unknown => false,
        };
        if good { Ok(self) } else { Err(CustodyError::Derivation) }
    }
}

/// Sixteen random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Salt([u8; 16]);

impl Salt {
    /// New random ones.
    pub fn random() -> Result<Self, CustodyError> {
        let mut bytes = [0; 16];
        random::fill(&mut bytes).map_err(|_| CustodyError::Derivation)?;
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(&text).map_err(serde::de::Error::custom)?;
        let bytes = bytes.try_into().map_err(|_| serde::de::Error::custom("no 16 bytes"))?;
        Ok(Self(bytes))
    }
}

/// A digest of public parameters, which tells bit rot from a wrong passphrase.
pub(super) fn sum(stretch: Stretch, salt: &Salt, check: &str) -> String {
    let text = format!("{stretch:?}/{:?}/{check}", salt.as_bytes());
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_a_file_cannot_demand_hours_or_gigabytes() {
        for bad in [
            Stretch::Pbkdf2 { rounds: 0 },
            Stretch::Pbkdf2 { rounds: u32::MAX },
            Stretch::Argon2id { memory_kib: u32::MAX, passes: 1, lanes: 1 },
            Stretch::Argon2id { memory_kib: 19_456, passes: u32::MAX, lanes: 1 },
            Stretch::Argon2id { memory_kib: 19_456, passes: 1, lanes: u32::MAX },
            Stretch::Argon2id { memory_kib: 8, passes: 1, lanes: 2 },
            Stretch::Unknown,
        ] {
            assert_eq!(bad.check(), Err(CustodyError::Derivation), "{bad:?}");
        }
        assert!(Stretch::PBKDF2.check().is_ok() && Stretch::ARGON2ID.check().is_ok());
    }

    #[test]
    fn c4_kinds_of_later_versions_are_told_from_nonsense() {
        let later = r#"{"kind":"tpm","handle":7}"#;
        assert_eq!(serde_json::from_str::<Derivation>(later).ok(), Some(Derivation::Unknown));
        assert!(serde_json::from_str::<Derivation>(r#"{"kind":"machine","salt":"AA"}"#).is_err());
        assert!(serde_json::from_str::<Derivation>(r#"{"kind":"machine"}"#).is_err());
    }
}
