//! Randomness for ids, salts, peppers, `jti`s and codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` bytes that nobody can guess.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .expect("the generator is seeded by the operating system before the process can ask it");
    bytes
}

/// 128 random bits as 22 characters.
pub(crate) fn id() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<16>())
}

/// 256 random bits as 43 characters: a code, or the value of a cookie.
#[cfg(feature = "pages")]
pub(crate) fn secret() -> unlapse_core::Secret {
    unlapse_core::Secret::from(URL_SAFE_NO_PAD.encode(bytes::<32>()))
}
