//! What could not be done for every key of a set.

use std::fmt;

use unlapse_core::{Error, Key, StoreError};

/// Something that was asked of every key of a set could not be done for some. For the others it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The keys for which it failed, and why, in their order.
    pub failed: Vec<(Key, Error)>,
    /// The store cannot say which keys it has: it was done for those in memory.
    pub unlisted: Option<Box<StoreError>>,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.unlisted, self.failed.first()) {
            (Some(error), _) => write!(f, "the keys in the store are not known: {error}"),
            (None, Some((key, error))) => {
                write!(f, "{} keys failed, {key} first: {error}", self.failed.len())
            }
            (None, None) => f.write_str("nothing failed"),
        }
    }
}

impl std::error::Error for Unfinished {}
