//! What a renewal does when nothing can be written (C16).

use crate::error::StoreError;

/// Whether a refresh token may be spent although its successor can be written nowhere (C16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutStore {
    /// No: the renewal waits for a place to write. Nothing is ever lost by that.
    #[default]
    Wait,
    /// Yes, where nothing valid is left, and its successor lives in memory until it can be saved.
    ///
    /// It is lost if the process ends before that, and with it the login, unless the server takes the
    /// token before it once more. Another process that holds the same login and cannot reach the
    /// store either knows nothing of it, and may send the token that was spent: a server that detects
    /// reuse ends the login then. For a login that one long-lived process has to itself.
    Memory,
}

impl WithoutStore {
    /// The words that configurations use.
    pub const WORDS: &[(&str, Self)] = &[("wait", Self::Wait), ("memory", Self::Memory)];

    /// Whether a renewal goes on in memory when its store fails like this. A store that answers, but
    /// says no, is not away: somebody else renews, or what is kept there cannot be read, which is no
    /// matter of waiting.
    pub fn goes_on(self, error: &StoreError) -> bool {
        let is_away = match error {
            StoreError::Full { .. } | StoreError::ReadOnly { .. } | StoreError::Io { .. } => true,
            StoreError::Busy { .. }
            | StoreError::Fenced
            | StoreError::Damaged { .. }
            | StoreError::Custody(_)
            | StoreError::TooLarge => false,
        };
        is_away && self == Self::Memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{CustodyError, Damage};
    use crate::key::Key;

    #[test]
    fn c16_a_row_for_each_failure_of_a_store() {
        let place = || "the disk".to_owned();
        let damage = Damage::Corrupt;
        let rows = [
            (StoreError::Full { place: place() }, true),
            (StoreError::ReadOnly { place: place() }, true),
            (StoreError::Io { place: place(), kind: std::io::ErrorKind::NotFound }, true),
            (StoreError::Busy { key: Key::new("acme"), holder: None }, false),
            (StoreError::Fenced, false),
            (StoreError::Damaged { key: Key::new("acme"), damage, kept: None }, false),
            (StoreError::Custody(CustodyError::KeyWrong), false),
            (StoreError::Custody(CustodyError::PassphraseNeeded), false),
            (StoreError::TooLarge, false),
        ];
        for (error, goes_on) in rows {
            assert_eq!(WithoutStore::Memory.goes_on(&error), goes_on, "{error:?}");
            assert!(!WithoutStore::Wait.goes_on(&error), "{error:?}");
        }
    }
}
