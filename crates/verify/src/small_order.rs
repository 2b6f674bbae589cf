//! Ed25519 keys for which one signature holds for every message.

/// The y of every point of small order, little-endian: 0, 1, −1, and the two of order eight.
const SMALL: [[u8; 32]; 5] = [
    little(0),
    little(1),
    negative_one(),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn little(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes
}

/// p − 1 = 2²⁵⁵ − 20.
const fn negative_one() -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xec;
    bytes[31] = 0x7f;
    bytes
}

/// Whether `key` encodes a point of small order, or a y that is not reduced (RFC 8032 §5.1.3),
/// which would be a second text for one key. The library takes both for keys; bytes that are no
/// point at all verify nothing, so that they need no look here.
pub(crate) fn is_degenerate(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f; // the sign of x
    let reduced = y[0] < 0xed || y[31] != 0x7f || y[1..31].iter().any(|byte| *byte != 0xff);
    !reduced || SMALL.contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    #[test]
    fn rfc8032_5_1_3_every_real_key_is_good() {
        for _ in 0..50 {
            let pair = Ed25519KeyPair::generate().expect("drawn");
            let public = pair.public_key().as_ref().try_into().expect("32 bytes");
            assert!(!is_degenerate(&public));
        }
    }

    #[test]
    fn points_of_small_order_are_no_keys_with_either_sign_and_not_reduced() {
        let mut not_reduced = [negative_one(); 2];
        not_reduced[0][0] = 0xed; // 0 again
        not_reduced[1][0] = 0xee; // 1 again
        for small in SMALL.into_iter().chain(not_reduced) {
            let mut negative = small;
            negative[31] |= 0x80;
            assert!(is_degenerate(&small) && is_degenerate(&negative), "{small:02x?}");
            let mut near = small;
            near[0] ^= 4;
            assert!(!is_degenerate(&near), "{near:02x?}");
        }
    }
}
