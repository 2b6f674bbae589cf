//! What tells a wrong key from a damaged record.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use unlapse_core::{CustodyError, Damage};

use crate::custody::Salt;
use crate::seal::Unopened;

/// A key check value, as it stands in a record's header.
///
/// It opens nothing and helps nobody to guess: it follows from the custody's secret beside the key
/// that seals, and the seal itself is as good an oracle. With a salt for each record, it does not
/// tell either which records share a key. Whoever alters it, and the sum with it, gets a record that
/// is refused as it stands instead of being set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyCheck {
    /// Eight bytes that follow from the secret.
    value: String,
    /// Tells bit rot, here or in the salt, from a wrong key.
    sum: String,
}

impl KeyCheck {
    /// The check `value` of the key that belongs to `salt`.
    pub(crate) fn new(salt: &Salt, value: [u8; 8]) -> Self {
        let value = URL_SAFE_NO_PAD.encode(value);
        let sum = sum(salt, &value);
        Self { value, sum }
    }

    /// Says [`CustodyError::KeyWrong`] unless the record was sealed under the key whose check is
    /// `ours`, and [`Damage::Corrupt`] when this is not what was written.
    pub(crate) fn compare(&self, ours: &Self, salt: &Salt) -> Result<(), Unopened> {
        if self.sum != sum(salt, &self.value) {
            return Err(Damage::Corrupt.into());
        }
        constant_time::verify_slices_are_equal(self.value.as_bytes(), ours.value.as_bytes())
            .map_err(|_| Unopened::Custody(CustodyError::KeyWrong))
    }
}

/// A digest of what is public.
fn sum(salt: &Salt, value: &str) -> String {
    let text = [&b"unlapse key check v1\0"[..], salt.as_bytes(), value.as_bytes()].concat();
    let digest = digest::digest(&digest::SHA256, &text);
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..8])
}
