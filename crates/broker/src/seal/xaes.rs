//! XAES-256-GCM (C2SP): AES-256-GCM with a nonce so long that random ones never meet.
//!
//! A tenant's data key seals every record of the tenant at every renewal: more often than the 2³²
//! times that AES-GCM allows with random nonces of 96 bits (NIST SP 800-38D §8.3). Here each nonce
//! brings a key of its own, and 2⁸⁰ are safe.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cmac;
use zeroize::Zeroizing;

use crate::random;

/// Bytes of a key.
pub(crate) const KEY_LEN: usize = 32;
/// Bytes of a nonce.
const NONCE_LEN: usize = 24;
/// Bytes of a tag.
const TAG_LEN: usize = 16;
/// What sealing adds to a text.
pub(super) const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// A key, wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; KEY_LEN]>;

/// It does not open: altered, moved, or of another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Altered;

/// A key that was just drawn.
pub(crate) fn draw() -> Key {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    random::fill(&mut *key);
    key
}

/// `plain` under `key`: nonce, ciphertext, tag. Whoever opens it has to say the same `associated`.
pub(crate) fn seal(key: &Key, associated: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    random::fill(&mut nonce);
    seal_with(key, nonce, associated, plain)
}

fn seal_with(key: &Key, nonce: [u8; NONCE_LEN], associated: &[u8], plain: &[u8]) -> Vec<u8> {
    let (key, short) = derived(key, &nonce);
    let mut sealed = Vec::with_capacity(OVERHEAD + plain.len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = key
        .seal_in_place_separate_tag(short, Aad::from(associated), &mut sealed[NONCE_LEN..])
        .expect("a text is far below what one nonce can seal");
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

/// What [`seal`] was given.
pub(crate) fn open(
    key: &Key,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Altered> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Altered)?;
    let (key, short) = derived(key, nonce);
    let mut plain = Zeroizing::new(body.to_vec());
    let opened =
        key.open_in_place(short, Aad::from(associated), &mut plain).map_err(|_| Altered)?;
    let len = opened.len();
    plain.truncate(len);
    Ok(plain)
}

/// The key of a nonce, and the rest of the nonce. What the specification writes as two blocks of AES
/// is the CMAC (RFC 4493) of two messages of one block.
fn derived(key: &Key, nonce: &[u8; NONCE_LEN]) -> (LessSafeKey, Nonce) {
    let (first, short) = nonce.split_first_chunk::<12>().expect("24 bytes are more than 12");
    let mac = cmac::Key::new(cmac::AES_256, key.as_slice()).expect("a key of 32 bytes");
    let mut block = [0, 0, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    block[4..].copy_from_slice(first);
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    for (half, number) in bytes.chunks_exact_mut(16).zip(1..) {
        block[1] = number;
        let tag = cmac::sign(&mac, &block).expect("the CMAC of one block");
        half.copy_from_slice(tag.as_ref());
    }
    let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).expect("a key of 32 bytes");
    let short = Nonce::try_assume_unique_for_key(short).expect("twelve bytes");
    (LessSafeKey::new(key), short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        (0..hex.len()).step_by(2).map(digits).collect()
    }

    #[test]
    fn c2_seals_as_the_specification_does() {
        let nonce = *b"ABCDEFGHIJKLMNOPQRSTUVWX";
        let seal = |byte, associated: &[u8]| {
            let sealed = seal_with(&Zeroizing::new([byte; 32]), nonce, associated, b"XAES-256-GCM");
            sealed[NONCE_LEN..].to_vec()
        };
        let expected = "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271";
        assert_eq!(seal(1, b""), bytes(expected));
        let expected = "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d";
        assert_eq!(seal(3, b"c2sp.org/XAES-256-GCM"), bytes(expected));
    }

    proptest! {
        #[test]
        fn c2_every_bit_that_is_flipped_is_noticed(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let key = draw();
            let mut sealed = seal(&key, b"here", b"a secret");
            let plain = open(&key, b"here", &sealed).map(|plain| plain.to_vec());
            prop_assert_eq!(plain, Ok(b"a secret".to_vec()));
            prop_assert_eq!(open(&key, b"there", &sealed), Err(Altered));
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(open(&key, b"here", &sealed), Err(Altered));
        }

        #[test]
        fn c2_hostile_bytes_never_panic(sealed in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(open(&draw(), b"here", &sealed), Err(Altered));
        }
    }
}
