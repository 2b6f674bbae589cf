//! Where the sealing key comes from.
//!
//! Every custody yields 32 secret bytes for the parameters that stand in a record's header. The
//! key that seals is derived from them and from the project's identity (C2), so that one secret
//! serves many projects and none opens another's file.

mod derivation;
#[cfg(unix)]
mod keyfile;
mod machine;
mod passphrase;

pub use derivation::{Derivation, Salt, Stretch};
#[cfg(unix)]
pub use keyfile::KeyFile;
pub use machine::Machine;
pub use passphrase::Passphrase;
use unlapse_core::CustodyError;
use zeroize::Zeroizing;

/// The 32 bytes that a custody keeps, wiped when dropped.
pub type RootKey = Zeroizing<[u8; 32]>;

/// Keeps the secret that records are sealed under.
pub trait Custody: Send + Sync {
    /// The parameters that a record sealed now has to carry.
    fn derivation(&self) -> Result<Derivation, CustodyError>;

    /// Whether this custody is of the kind that `derivation` asks for.
    fn covers(&self, derivation: &Derivation) -> bool;

    /// The secret that belongs to `derivation`.
    ///
    /// Says [`CustodyError::Derivation`] when the parameters are hostile or broken: they come from
    /// a file that anybody may have written.
    fn unlock(&self, derivation: &Derivation) -> Result<RootKey, CustodyError>;
}
