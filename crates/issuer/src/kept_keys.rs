//! Signing keys at rest: the contract of every store.

use unlapse_core::BoxFuture;

use crate::store::Unavailable;

/// A signing key as it is kept. What is in the document is the issuer's business; the private key
/// in it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKey {
    /// Its name.
    pub kid: String,
    /// Grows with each replacement; what [`KeptKeys::replace_key`] compares.
    pub version: u64,
    /// Its state and its sealed private key: 16 KiB at most.
    pub document: Vec<u8>,
}

/// Keeps signing keys, a handful.
pub trait KeptKeys: Send + Sync {
    /// All of them, in the order of their names.
    fn keys(&self) -> BoxFuture<'_, Result<Vec<KeptKey>, Unavailable>>;

    /// Keeps a new one as version 1, unless there is one of that name: whether it was kept.
    fn insert_key<'a>(
        &'a self,
        kid: &'a str,
        document: &'a [u8],
    ) -> BoxFuture<'a, Result<bool, Unavailable>>;

    /// Replaces the document of `key.kid` by that of `key`, as the next version, if it still has
    /// the version of `key`: whether it had.
    fn replace_key<'a>(&'a self, key: &'a KeptKey) -> BoxFuture<'a, Result<bool, Unavailable>>;

    /// Forgets one.
    fn remove_key<'a>(&'a self, kid: &'a str) -> BoxFuture<'a, Result<(), Unavailable>>;
}
