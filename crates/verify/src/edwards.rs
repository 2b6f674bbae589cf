//! Whether 32 bytes are an Ed25519 public key (RFC 8032 §5.1.3).
//!
//! The library takes any 32 bytes for a key. Of two kinds it would be fooled: with a point of small
//! order as the key, one signature holds for every message, so that "the same key" proves nothing;
//! and bytes that are no point verify nothing, for ever. Public values only: no secret is computed
//! with here, so that time may tell.

/// A number below 2²⁵⁶, least significant limb first; congruent modulo p = 2²⁵⁵ − 19.
type Field = [u64; 4];

const P: Field = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];
const ONE: Field = [1, 0, 0, 0];
/// The curve's d = −121665/121666.
const D: Field =
    [0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73];

/// Whether `key` is the one encoding of a point on the curve whose order is not small.
pub(crate) fn is_public_key(key: &[u8; 32]) -> bool {
    let mut y = [0; 4];
    for (limb, bytes) in y.iter_mut().zip(key.chunks_exact(8)) {
        *limb = u64::from_le_bytes(*bytes.first_chunk().expect("chunks of eight bytes"));
    }
    y[3] &= u64::MAX >> 1; // the sign of x
    let canonical = y.iter().rev().lt(P.iter().rev());
    canonical && is_on_curve(y) && !has_small_order(y)
}

/// −x² + y² = 1 + d·x²·y², so that x² = (y² − 1) / (d·y² + 1) must be a square; and u/v is one
/// exactly if u·v is (v is never zero: −1/d is no square).
fn is_on_curve(y: Field) -> bool {
    let y2 = mul(y, y);
    let u = sub(y2, ONE);
    let v = add(mul(D, y2), ONE);
    let uv = mul(u, v);
    // Euler's criterion; zero is the square of zero (y = ±1).
    let legendre = reduced(power(uv, P_MINUS_1_HALF));
    legendre == ONE || legendre == [0; 4]
}

/// (p − 1) / 2 = 2²⁵⁴ − 10.
const P_MINUS_1_HALF: Field = [u64::MAX - 9, u64::MAX, u64::MAX, u64::MAX >> 2];

/// The eight points of small order have these y alone: 1, −1, 0, and the two of order eight, for
/// which the doubled point has y = 0: y² = −x², that is d·y⁴ + 2·y² − 1 = 0.
fn has_small_order(y: Field) -> bool {
    let y2 = mul(y, y);
    let order_eight = sub(add(mul(D, mul(y2, y2)), add(y2, y2)), ONE);
    [y, sub(y2, ONE), order_eight].into_iter().any(|zero| reduced(zero) == [0; 4])
}

fn add(a: Field, b: Field) -> Field {
    let mut sum = [0; 4];
    let mut carry = 0;
    for i in 0..4 {
        let wide = u128::from(a[i]) + u128::from(b[i]) + carry;
        (sum[i], carry) = split(wide);
    }
    fold(sum, carry)
}

/// a + (4·p − b) would leave 256 bits; so b is reduced below p first.
fn sub(a: Field, b: Field) -> Field {
    let b = reduced(b);
    let mut negative = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        let (less, first) = P[i].overflowing_sub(b[i]);
        let (less, second) = less.overflowing_sub(u64::from(borrow));
        negative[i] = less;
        borrow = first || second;
    }
    add(a, negative)
}

fn mul(a: Field, b: Field) -> Field {
    let mut wide = [0u64; 8];
    for i in 0..4 {
        let mut carry = 0;
        for j in 0..4 {
            let product = u128::from(a[i]) * u128::from(b[j]) + u128::from(wide[i + j]) + carry;
            (wide[i + j], carry) = split(product);
        }
        wide[i + 4] = split(carry).0;
    }
    // 2²⁵⁶ is 38.
    let mut low = [0; 4];
    let mut carry = 0;
    for i in 0..4 {
        let sum = u128::from(wide[i]) + 38 * u128::from(wide[i + 4]) + carry;
        (low[i], carry) = split(sum);
    }
    fold(low, carry)
}

fn power(base: Field, exponent: Field) -> Field {
    let mut result = ONE;
    for bit in (0..256).rev() {
        result = mul(result, result);
        if exponent[bit / 64] >> (bit % 64) & 1 == 1 {
            result = mul(result, base);
        }
    }
    result
}

/// Brings what overflowed 256 bits back, as often as it overflows again.
fn fold(mut value: Field, mut over: u128) -> Field {
    while over != 0 {
        let mut carry = over * 38;
        for limb in &mut value {
            (*limb, carry) = split(u128::from(*limb) + carry);
        }
        over = carry;
    }
    value
}

/// The number itself, below p. What is below 2²⁵⁶ is less than three p.
fn reduced(mut value: Field) -> Field {
    while !value.iter().rev().lt(P.iter().rev()) {
        let mut borrow = false;
        for i in 0..4 {
            let (less, first) = value[i].overflowing_sub(P[i]);
            let (less, second) = less.overflowing_sub(u64::from(borrow));
            value[i] = less;
            borrow = first || second;
        }
    }
    value
}

/// The low limb, and what is above it.
fn split(wide: u128) -> (u64, u128) {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    let low = wide as u64;
    (low, wide >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    fn key(hex: &str) -> [u8; 32] {
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex");
        core::array::from_fn(byte)
    }

    #[test]
    fn rfc8032_5_1_3_every_real_key_is_one() {
        for _ in 0..200 {
            let pair = Ed25519KeyPair::generate().expect("drawn");
            let public = pair.public_key().as_ref().try_into().expect("32 bytes");
            assert!(is_public_key(&public));
        }
        // RFC 8032 §7.1, test 1.
        assert!(is_public_key(&key(
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        )));
    }

    #[test]
    fn rfc8032_5_1_3_about_half_of_all_bytes_are_no_point() {
        let points = (2..=255).filter(|first| {
            let mut bytes = [0x35; 32];
            bytes[0] = *first;
            is_public_key(&bytes)
        });
        let points = points.count();
        assert!((90..165).contains(&points), "{points}");
        // y = 2 is known to be none.
        let mut two = [0; 32];
        two[0] = 2;
        assert!(!is_public_key(&two));
    }

    #[test]
    fn points_of_small_order_are_no_keys() {
        for small in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            // The same again, not reduced.
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            assert!(!is_public_key(&key(small)), "{small}");
        }
    }

    #[test]
    fn the_order_eight_points_are_on_the_curve() {
        // So that the row above proves the check of the order, not of the curve.
        let bytes = key("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
        let mut y = [0; 4];
        for (limb, bytes) in y.iter_mut().zip(bytes.chunks_exact(8)) {
            *limb = u64::from_le_bytes(bytes.try_into().expect("eight"));
        }
        assert!(is_on_curve(y) && has_small_order(y));
    }
}
