//! Any record in its bytes and out of them again (C1, C4).

use proptest::option;
use proptest::prelude::*;
use unlapse_core::{Place, Record, Stored};

use crate::any;

proptest! {
    #[test]
    fn c1_any_record_reads_back_whole(record in any::record()) {
        let bytes = record.to_bytes();
        let read = Record::from_bytes(&bytes);
        prop_assert_eq!(read.as_ref(), Ok(&record));
        prop_assert_eq!(read.expect("just read").to_bytes(), bytes);
    }

    #[test]
    fn c4_no_part_of_a_record_reads(record in any::record(), at in any::<prop::sample::Index>()) {
        let bytes = record.to_bytes();
        prop_assert!(Record::from_bytes(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn r19_of_two_copies_the_newer_one_counts(
        kept in option::of(any::record()), aside in option::of(any::record())
    ) {
        let found = Stored::newest(kept.clone(), aside.clone());
        let all = [kept.clone(), aside.clone()];
        for copy in all.iter().flatten() {
            prop_assert!(!copy.is_newer_than(&found.as_ref().expect("one of the two").record));
        }
        match found {
            None => prop_assert!(kept.is_none() && aside.is_none()),
            Some(Stored { record, place: Place::Kept }) => prop_assert_eq!(Some(record), kept),
            Some(Stored { record, place: Place::SetAside }) => prop_assert_eq!(Some(record), aside),
        }
    }
}
