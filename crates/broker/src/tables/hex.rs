//! Bytes in a batch, which is one parameter of JSON.

use core::fmt::Write as _;

/// Bytes as JSON can hold them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
