//! What can be wrong with the keys of an issuer.

use crate::sealed_key::Unopened;
use crate::signing_key::BadSigningKey;
use crate::store::Unavailable;

/// The keys of an issuer cannot be used or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadKeys {
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The pepper that a key is sealed under is not here. No other key is made in its place.
    #[error("the signing key {kid} is sealed under the pepper `{pepper}`, which is not here")]
    PepperMissing {
        /// The key.
        kid: String,
        /// The pepper.
        pepper: String,
    },
    /// What is kept under that name is no key of ours, or somebody has changed it.
    #[error("what is kept as the signing key {kid} was damaged or made by somebody else")]
    Damaged {
        /// The key.
        kid: String,
    },
    /// Another node is making the first key: in a second it is there.
    #[error("another node is making the first signing key")]
    BeingMade,
    /// No key of that name.
    #[error("there is no signing key {kid}")]
    Unknown {
        /// The name.
        kid: String,
    },
    /// That key is kept already.
    #[error("the signing key {kid} is here already, {stage}")]
    Known {
        /// The key.
        kid: String,
        /// Where it is in its life.
        stage: &'static str,
    },
    /// Others changed the keys all the while.
    #[error("others change the signing keys at the same time")]
    Contended,
    /// A key could not be made.
    #[error(transparent)]
    SigningKey(#[from] BadSigningKey),
}

impl BadKeys {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "issuer_store_unavailable",
            Self::PepperMissing { .. } => "pepper_missing",
            Self::Damaged { .. } => "signing_key_damaged",
            Self::BeingMade | Self::Contended => "signing_keys_busy",
            Self::Unknown { .. } => "signing_key_unknown",
            Self::Known { .. } => "signing_key_known",
            Self::SigningKey(_) => "signing_key_unusable",
        }
    }

    /// Why the key of that name does not open.
    pub(crate) fn unopened(kid: &str, bad: Unopened) -> Self {
        let kid = kid.to_owned();
        match bad {
            Unopened::Pepper(pepper) => Self::PepperMissing { kid, pepper },
            Unopened::Damaged => Self::Damaged { kid },
        }
    }
}
