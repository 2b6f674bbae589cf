//! How a token is signed.

use core::fmt;

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). All are asymmetric: with a MAC, whoever
/// can verify can also forge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519: the default.
    #[default]
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for those that know no other.
    Rs256,
}

impl Algorithm {
    /// Every one there is, the default first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Every name that is read, for metadata.
    pub const NAMES: [&'static str; 4] = ["EdDSA", "Ed25519", "ES256", "RS256"];

    /// The `alg` of a header (RFC 7515 §4.1.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Reads an `alg`, letter by letter (RFC 7515 §4.1.1: case counts). `None` for any other, and so
    /// for `none`. `Ed25519` is the name that RFC 9864 §2.2 gives to what `EdDSA` is here, and the
    /// only one that some clients sign with.
    pub fn parse(alg: &str) -> Option<Self> {
        match alg {
            "Ed25519" => Some(Self::EdDsa),
            alg => Self::ALL.into_iter().find(|known| known.as_str() == alg),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7515_4_1_1_the_case_of_alg_counts() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::EdDsa), "RFC 9864");
        assert!(Algorithm::NAMES.into_iter().all(|name| Algorithm::parse(name).is_some()));
        for other in
            ["ed25519", "none", "None", "HS256", "eddsa", "es256", "ES256 ", "PS256", "RS1", ""]
        {
            assert_eq!(Algorithm::parse(other), None, "{other}");
        }
    }
}
