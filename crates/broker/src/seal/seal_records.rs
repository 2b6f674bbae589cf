//! Records of connections under the data key of their tenant.

use unlapse::unlapse_core::{CustodyError, Damage, Key, MAX_RECORD, Record, StoreError};
use unlapse_store::Unopened;
use unlapse_store::sql::{Seal, Sealed};

use super::envelope::Envelope;
use super::{associated, xaes};
use crate::name::Name;

/// Whose record is kept under `key`.
fn tenant(key: &Key) -> Option<Name> {
    key.server.split_once('/')?.0.parse().ok()
}

fn place(tenant: &Name, key: &Key, generation: u64) -> Vec<u8> {
    associated("record", tenant, &[&key.identity(), &generation.to_be_bytes()])
}

impl Seal for Envelope {
    /// Says that the key is wrong where this node has not read the tenant's yet: [`Envelope::ready`].
    fn seal(&self, key: &Key, record: &Record) -> Result<Sealed, StoreError> {
        let newest = tenant(key).and_then(|tenant| self.newest(&tenant));
        let Some(data_key) = newest else {
            self.want();
            return Err(StoreError::Custody(CustodyError::KeyWrong));
        };
        let plain = record.to_bytes();
        if plain.len() + xaes::OVERHEAD > MAX_RECORD {
            return Err(StoreError::TooLarge);
        }
        let associated = place(&data_key.tenant, key, record.generation);
        let bytes = xaes::seal(&data_key.key, &associated, &plain);
        Ok(Sealed { key_id: data_key.id.clone(), bytes })
    }

    fn open(&self, key: &Key, generation: u64, sealed: &Sealed) -> Result<Record, Unopened> {
        if sealed.bytes.len() > MAX_RECORD {
            return Err(Damage::Oversized.into());
        }
        let tenant = tenant(key).ok_or(Damage::Undecryptable)?;
        // Nothing is said of the record by a key that is not here: it may have been made a moment ago
        // by another node, or come back with a master key or a backup.
        let data_key = self.key(&tenant, &sealed.key_id).map_err(|_| {
            self.want();
            Unopened::Custody(CustodyError::KeyWrong)
        })?;
        let associated = place(&tenant, key, generation);
        let plain = xaes::open(&data_key.key, &associated, &sealed.bytes);
        let record = Record::from_bytes(&plain.map_err(|_| Damage::Undecryptable)?)?;
        // Bound by the seal; said once more by the record, whose word others read.
        if record.generation == generation { Ok(record) } else { Err(Damage::Corrupt.into()) }
    }
}
