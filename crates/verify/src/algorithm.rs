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

    /// The `alg` of a header (RFC 7515 §4.1.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Reads an `alg`, letter by letter (RFC 7515 §4.1.1: case counts). `None` for any other, and so
    /// for `none`.
    pub fn parse(alg: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == alg)
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
        for other in ["none", "None", "HS256", "eddsa", "es256", "ES256 ", "PS256", "RS1", ""] {
            assert_eq!(Algorithm::parse(other), None, "{other}");
        }
    }
}
