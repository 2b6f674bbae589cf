//! SHA-256.

use aws_lc_rs::digest;

/// The digest of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    *digest.as_ref().first_chunk().expect("a SHA-256 digest is 32 bytes")
}
