//! Base64url as RFC 7515 §2 has it: no padding, and one text for each value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text of `bytes`.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What `text` stands for. Bits that are left over must be zero: else a token would have several
/// texts, and each would be another token to whoever compares them.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7515_2_one_text_for_each_value() {
        assert_eq!(decode("-_8").as_deref(), Some(&[0xfb, 0xff][..]));
        for bad in ["-_9", "-_8=", "+/8", "-_8 ", "-_\n8", "A", "é"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
