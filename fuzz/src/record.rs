//! The bytes of a record, out of their seal.

use unlapse_core::{Damage, Freshness, Key, MAX_RECORD, Now, Policy, Record, UnixTime};

use crate::unseen;

/// What reads, reads back; what does not is damaged for a reason that is true (C4); and no decision
/// about a record overflows.
pub fn record(data: &[u8]) {
    let found = Record::from_bytes(data);
    match &found {
        Err(Damage::Empty) => assert!(data.is_empty()),
        Err(Damage::Oversized) => assert!(data.len() > MAX_RECORD),
        Err(damage) => {
            assert!(matches!(damage, Damage::Corrupt | Damage::NewerFormat | Damage::MissingField));
            assert!(!data.is_empty() && data.len() <= MAX_RECORD);
        }
        Ok(_) => {}
    }
    let Ok(record) = found else { return };
    unseen::record(&record);
    let written = record.to_bytes();
    if written.len() <= MAX_RECORD {
        let read = Record::from_bytes(&written).expect("a record of ours");
        assert!(read == record, "not what was written");
        assert!(read.to_bytes() == written, "written otherwise");
    }
    assert!(!record.is_newer_than(&record));
    let (key, policy) = (Key::new("acme"), Policy::default());
    for wall in [0, 784_111_777_000, u64::MAX] {
        let now = Now { wall: UnixTime::from_millis(wall), ..Now::default() };
        let valid = record.freshness(&key, &now, &policy).is_some_and(Freshness::is_valid);
        let expired = record.token.as_ref().is_none_or(|token| token.is_expired(&now));
        assert_eq!(valid, !expired);
    }
}
