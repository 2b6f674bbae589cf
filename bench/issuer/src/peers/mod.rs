//! Issuers by others, as they lie installed in `peers/`.

pub(crate) mod oidc_provider;
pub(crate) mod simplejwt;

use std::path::PathBuf;

/// The folder of a peer.
fn folder(peer: &str) -> PathBuf {
    // Asked at run time first: a compiled-in path goes stale when the repository is moved.
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.join("peers").join(peer)
}
