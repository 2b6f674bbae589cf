//! Which row is a key's.

use aws_lc_rs::digest;
use unlapse_core::Key;

/// So many parts the schedule has, each of which a node looks at on its own.
pub const SHARDS: u16 = 64;

/// The row of a key: the first 16 bytes of SHA-256 over [`Key::identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// The row of `key`.
    pub fn of(key: &Key) -> Self {
        let digest = digest::digest(&digest::SHA256, &key.identity());
        let mut id = [0; 16];
        id.copy_from_slice(&digest.as_ref()[..16]);
        Self(id)
    }

    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The part of the schedule that it is in, below [`SHARDS`].
    pub fn shard(self) -> u16 {
        u16::from_be_bytes([self.0[14], self.0[15]]) % SHARDS
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// A part of a key as a column: `PostgreSQL` has no text with a NUL in it.
pub(super) fn written(part: &str) -> String {
    part.replace('\\', "\\\\").replace('\0', "\\0")
}

/// What [`written`] has written.
pub(super) fn read(column: &str) -> String {
    let mut part = String::with_capacity(column.len());
    let mut letters = column.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('0') => part.push('\0'),
                Some(other) => part.push(other),
                None => part.push('\\'),
            },
            (letter, false) => part.push(letter),
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_share_a_row_and_rows_spread_over_all_shards() {
        let ids: Vec<_> = (0..2000).map(|n| RecordId::of(&Key::new(format!("k{n}")))).collect();
        let mut shards = [0; SHARDS as usize];
        for id in &ids {
            shards[usize::from(id.shard())] += 1;
        }
        assert!(shards.iter().all(|count| (5..100).contains(count)), "{shards:?}");
        assert_ne!(RecordId::of(&Key::new("a").account("b")), RecordId::of(&Key::new("ab")));
    }

    #[test]
    fn a_part_is_read_as_it_was_written() {
        for part in ["", "plain", "\0", "\\", "\\0", "a\\\0b\\\\0", "é\n\0\"\u{202e}"] {
            let column = written(part);
            assert!(!column.contains('\0'));
            assert_eq!(read(&column), part);
        }
        assert_eq!(written("https://as.example"), "https://as.example");
    }
}
