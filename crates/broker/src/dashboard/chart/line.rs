//! A line through time, and the ground below it.

use core::fmt::Write as _;

use super::{scaled, unit};

/// How high the chart is.
pub(in crate::dashboard) const HEIGHT: u64 = 100;

/// A line: one step to the right for each value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::dashboard) struct Line {
    /// The `points` of a polyline.
    pub(in crate::dashboard) points: String,
    /// The same down to the ground: the `points` of a polygon.
    pub(in crate::dashboard) ground: String,
    /// How wide it is: a step less than there are values, and 1 at least.
    pub(in crate::dashboard) width: usize,
}

/// The line of these values, of which `top` reaches the upper edge.
pub(in crate::dashboard) fn line(values: &[u64], top: u64) -> Line {
    let mut points = String::new();
    for (x, value) in values.iter().enumerate() {
        let space = if x == 0 { "" } else { " " };
        let y = unit(HEIGHT * 1000 - scaled(*value, top, HEIGHT));
        // Writing into a string cannot fail.
        let _ = write!(points, "{space}{x},{y}");
    }
    let width = values.len().saturating_sub(1).max(1);
    let ground = match values.len() {
        0 => String::new(),
        _ => format!("0,{HEIGHT} {points} {},{HEIGHT}", values.len() - 1),
    };
    Line { points, ground, width }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_left_to_right() {
        let drawn = line(&[0, 5, 10], 10);
        assert_eq!(drawn.points, "0,100 1,50 2,0");
        assert_eq!(drawn.ground, "0,100 0,100 1,50 2,0 2,100");
        assert_eq!(drawn.width, 2);
        assert_eq!(line(&[], 10), Line { width: 1, ..Line::default() });
        assert_eq!(line(&[3], 0).points, "0,100");
    }
}
