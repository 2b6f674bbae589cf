//! A sealed record on its way to the database, as a line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use unlapse_core::{Key, Record, StoreError};

use crate::sql::records::seal::Sealed;

/// The longest line: a record of 64 KiB in base64, and its key.
const LONGEST: usize = 192 * 1024;

/// A sealed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sql::records) struct Entry {
    pub(in crate::sql::records) key: Key,
    pub(in crate::sql::records) generation: u64,
    pub(in crate::sql::records) revision: u64,
    pub(in crate::sql::records) sealed: Sealed,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    spool: u32,
    key: Key,
    generation: u64,
    revision: u64,
    key_id: std::borrow::Cow<'a, str>,
    sealed: String,
}

/// The version of the format that is written.
const FORMAT: u32 = 1;

impl Entry {
    /// Of `record`, which was `sealed` for `key`.
    pub(in crate::sql::records) fn of(key: &Key, record: &Record, sealed: Sealed) -> Self {
        let (generation, revision) = (record.generation, record.revision);
        Self { key: key.clone(), generation, revision, sealed }
    }

    /// As a line, with its end.
    pub(super) fn to_line(&self) -> Result<Vec<u8>, StoreError> {
        let line = Line {
            spool: FORMAT,
            key: self.key.clone(),
            generation: self.generation,
            revision: self.revision,
            key_id: (&*self.sealed.key_id).into(),
            sealed: STANDARD_NO_PAD.encode(&self.sealed.bytes),
        };
        let mut line = serde_json::to_vec(&line).map_err(|_| StoreError::TooLarge)?;
        line.push(b'\n');
        if line.len() > LONGEST { Err(StoreError::TooLarge) } else { Ok(line) }
    }

    /// From a line, with or without its end; `None` for what is none of ours.
    pub(super) fn from_line(line: &[u8]) -> Option<Self> {
        if line.len() > LONGEST {
            return None;
        }
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        if line.spool != FORMAT {
            return None;
        }
        let bytes = STANDARD_NO_PAD.decode(line.sealed).ok()?;
        let sealed = Sealed { key_id: line.key_id.into_owned(), bytes };
        Some(Self { key: line.key, generation: line.generation, revision: line.revision, sealed })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> Entry {
        let sealed = Sealed { key_id: "k\n1".to_owned(), bytes: (0..=255).collect() };
        Entry { key: Key::new("é\n\0").account("a"), generation: 7, revision: 9, sealed }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_and_no_part_of_it_is_one() {
        let line = entry().to_line().expect("short");
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        assert_eq!(Entry::from_line(&line), Some(entry()));
        // All of it but the end of the line is needed.
        for len in 0..line.len() - 1 {
            assert_eq!(Entry::from_line(&line[..len]), None, "{len}");
        }
    }

    #[test]
    fn an_entry_that_no_record_makes_is_refused() {
        let mut large = entry();
        large.sealed.bytes = vec![0; LONGEST];
        assert_eq!(large.to_line(), Err(StoreError::TooLarge));
        let newer = String::from_utf8(entry().to_line().expect("short")).expect("JSON");
        let newer = newer.replace("\"spool\":1", "\"spool\":2");
        assert_eq!(Entry::from_line(newer.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn hostile_lines_are_no_entries_and_no_panics(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            noise in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert_eq!(Entry::from_line(&noise), None);
            let mut line = entry().to_line().expect("short");
            let at = at.index(line.len());
            line[at] = byte;
            // Whatever it reads, the seal decides whether it is of use.
            let _ = Entry::from_line(&line);
        }
    }
}
