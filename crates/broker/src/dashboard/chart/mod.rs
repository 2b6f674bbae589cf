//! The geometry of charts: pure, in the units of their `viewBox`. Templates draw it.

mod bar;
mod columns;
mod line;

pub(super) use bar::{Part, bar};
pub(super) use columns::{Column, columns};
pub(super) use line::{Line, line};

/// The top of an axis: the least round number that is not below `most`.
pub(super) fn ceiling(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        // Even ones where they may be: the line in the middle is a number as well.
        for step in [1, 2, 3, 4, 6, 8] {
            match power.checked_mul(step) {
                Some(top) if top >= most => return top,
                Some(_) => {}
                None => return u64::MAX,
            }
        }
        match power.checked_mul(10) {
            Some(next) => power = next,
            None => return u64::MAX,
        }
    }
}

/// `value` of `top` on a scale of `length`, in thousandths of its unit, so that nothing is lost to
/// rounding and nothing needs floating point.
fn scaled(value: u64, top: u64, length: u64) -> u64 {
    let scaled = u128::from(value.min(top)) * u128::from(length) * 1000 / u128::from(top.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Thousandths as SVG has them: `12.5`.
fn unit(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1000, thousandths % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (most, top) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 3),
            (5, 6),
            (9, 10),
            (11, 20),
            (412, 600),
            (801, 1000),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(ceiling(most), top, "{most}");
        }
    }

    #[test]
    fn units_are_short() {
        assert_eq!(unit(0), "0");
        assert_eq!(unit(12_500), "12.5");
        assert_eq!(unit(1001), "1.001");
        assert_eq!(scaled(u64::MAX, u64::MAX, 100), 100_000);
        assert_eq!(scaled(5, 0, 100), 0);
    }
}
