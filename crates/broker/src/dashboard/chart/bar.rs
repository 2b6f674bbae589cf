//! A bar of parts that make a whole.

use super::{scaled, unit};

/// How wide a bar is.
pub(in crate::dashboard) const WIDTH: u64 = 1000;
/// How wide a part is at least that is not nothing: one of ten million is still seen.
const LEAST: u64 = 8_000;

/// Where a part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct Part {
    /// Its left edge.
    pub(in crate::dashboard) x: String,
    /// Its width; `0` where it is nothing.
    pub(in crate::dashboard) width: String,
}

/// The parts of a bar, one for each count, in order.
pub(in crate::dashboard) fn bar(counts: &[u64]) -> Vec<Part> {
    let all = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let wished = counts.iter().map(|count| match count {
        0 => 0,
        _ => scaled(*count, all, WIDTH).max(LEAST),
    });
    let wished: Vec<u64> = wished.collect();
    // What the small ones have more, the large ones give.
    let sum = wished.iter().sum::<u64>().max(1);
    let mut x = 0;
    let place = |wish: u64| {
        let width = scaled(wish, sum, WIDTH);
        let part = Part { x: unit(x), width: unit(width) };
        x += width;
        part
    };
    wished.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(counts: &[u64]) -> Vec<String> {
        bar(counts).into_iter().map(|part| part.width).collect()
    }

    #[test]
    fn parts_fill_the_bar_and_none_is_lost() {
        assert_eq!(widths(&[]), Vec::<String>::new());
        assert_eq!(widths(&[0, 0]), ["0", "0"]);
        assert_eq!(widths(&[5, 0, 5]), ["500", "0", "500"]);
        assert_eq!(bar(&[5, 0, 5])[2].x, "500");
        let few = widths(&[10_000_000, 1]);
        assert!(few[1].parse::<f64>().expect("a number") > 7.0, "{few:?}");
        assert_eq!(widths(&[u64::MAX, u64::MAX]).len(), 2);
    }
}
