//! A secret on its way in.

use serde::{Deserialize, Deserializer};
use unlapse::unlapse_core::Secret;

/// A secret as it arrives in JSON: from its first moment in a type that is wiped and never shown.
#[derive(Debug)]
pub(crate) struct SentSecret(pub(crate) Secret);

impl<'de> Deserialize<'de> for SentSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::from(text)))
    }
}
