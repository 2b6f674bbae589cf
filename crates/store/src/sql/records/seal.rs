//! What seals a record before it goes to the database.

use core::fmt;

use unlapse_core::{Key, Record, StoreError};

use crate::{Sealer, Unopened};

/// Seals records, and opens them. It is asked for each record that is read or written: what costs
/// much, such as deriving a key, it keeps.
pub trait Seal: Send + Sync {
    /// Seals `record` for `key`'s place.
    fn seal(&self, key: &Key, record: &Record) -> Result<Sealed, StoreError>;

    /// Opens what was sealed for `key`'s place, and says that it is of that `generation`.
    fn open(&self, key: &Key, generation: u64, sealed: &Sealed) -> Result<Record, Unopened>;
}

/// A sealed record.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Names the key that it was sealed with, for whoever rotates keys; may be empty.
    pub key_id: String,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key_id, bytes } = self;
        write!(f, "Sealed({key_id:?}, {} bytes)", bytes.len())
    }
}

impl Seal for Sealer {
    fn seal(&self, key: &Key, record: &Record) -> Result<Sealed, StoreError> {
        let bytes = Self::seal(self, key, record)?;
        Ok(Sealed { key_id: String::new(), bytes })
    }

    fn open(&self, key: &Key, _: u64, sealed: &Sealed) -> Result<Record, Unopened> {
        Self::open(self, key, &sealed.bytes)
    }
}
