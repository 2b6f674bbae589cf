//! Columns side by side: how many of something in each stretch of time.

use super::{scaled, unit};

/// How high the chart is.
pub(in crate::dashboard) const HEIGHT: u64 = 100;
/// How high a column is at least that is not nothing.
const LEAST: u64 = 3_000;

/// A column: 8 wide, every 10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct Column {
    /// Its left edge.
    pub(in crate::dashboard) x: u64,
    /// Its upper edge.
    pub(in crate::dashboard) y: String,
    /// Its height; `0` where it is nothing.
    pub(in crate::dashboard) height: String,
}

/// A column for each count, of which `top` reaches the upper edge.
pub(in crate::dashboard) fn columns(counts: &[u64], top: u64) -> Vec<Column> {
    let one = |(at, count): (u64, &u64)| {
        let height = match count {
            0 => 0,
            _ => scaled(*count, top, HEIGHT).max(LEAST),
        };
        Column { x: at * 10 + 1, y: unit(HEIGHT * 1000 - height), height: unit(height) }
    };
    (0..).zip(counts).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_stands_on_the_ground() {
        let column = |x: u64, y: &str, height: &str| Column {
            x,
            y: y.to_owned(),
            height: height.to_owned(),
        };
        assert_eq!(
            columns(&[0, 50, 100, 1], 100),
            [
                column(1, "100", "0"),
                column(11, "50", "50"),
                column(21, "0", "100"),
                column(31, "97", "3")
            ]
        );
        assert_eq!(columns(&[7], 0)[0].height, "3");
    }
}
