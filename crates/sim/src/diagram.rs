//! A run as text: a lifeline an actor, time going down.

use std::fmt::Write as _;

use crate::chart::{Chart, Mark, Row};

/// Columns a lane.
const LANE: usize = 10;

/// The diagram.
pub(crate) fn drawn(chart: &Chart) -> String {
    let mut page = String::new();
    if chart.left_out > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "… {} entries before these: --all shows them", chart.left_out);
    }
    let heads = chart.lanes.iter().map(|lane| format!("{:LANE$}", lane.to_string()));
    let heads = heads.collect::<String>();
    let _ = writeln!(page, "{:>12} {:>6}  {}", "seconds", "step", heads.trim_end());
    for row in &chart.rows {
        let step = if row.step == 0 { String::new() } else { row.step.to_string() };
        let lines = lines(chart.lanes.len(), row);
        let _ = writeln!(page, "{:>12.3} {step:>6}  {lines}{}", row.at.as_secs_f64(), row.text);
    }
    page
}

/// The lifelines of one row, with what crosses them.
fn lines(lanes: usize, row: &Row) -> String {
    let mut cells = vec![' '; lanes * LANE];
    for lane in 0..lanes {
        cells[lane * LANE] = '│';
    }
    match row.mark {
        Mark::Dot => {}
        Mark::At(to) => arrow(&mut cells, row.lane, to, '─', ['◀', '▶']),
        Mark::Leaves { to, .. } => arrow(&mut cells, row.lane, to, '╌', ['◁', '▷']),
        Mark::Comes { from, .. } => arrow(&mut cells, from, row.lane, '─', ['◀', '▶']),
        Mark::Fault => cells[row.lane * LANE] = '✗',
        Mark::Violation => cells[row.lane * LANE] = '‼',
    }
    if !matches!(row.mark, Mark::Fault | Mark::Violation | Mark::Comes { .. }) {
        cells[row.lane * LANE] = '●';
    }
    cells.into_iter().collect()
}

/// From lane to lane, its head just before the lane it goes to.
fn arrow(cells: &mut [char], from: usize, to: usize, shaft: char, [left, right]: [char; 2]) {
    let (first, last) = (from.min(to) * LANE, from.max(to) * LANE);
    for (column, cell) in cells.iter_mut().enumerate().take(last).skip(first + 1) {
        *cell = if column % LANE == 0 { '┼' } else { shaft };
    }
    if from < to {
        cells[last - 1] = right;
    } else if to < from {
        cells[first + 1] = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::tests::entries;

    #[test]
    fn a_run_is_drawn_with_its_arrows() {
        let expected = "
     seconds   step  P1        disk1     server    fate
       1.234      7  ●────────▶│         │         │         look
       1.234      7  ●╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌▷│         │         the request leaves #3
       1.234      7  │         │         ●         │         the server rotates #3
       1.234      7  │◀────────┼─────────│         │         the reply arrives #3
       1.234      7  │         │         │         ✗         message 4: LoseRequest
       1.234      7  ●╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌▷│         │         the request leaves #4
       1.234      7  │         │         │         ‼         VIOLATION of panic: a <task>
";
        assert_eq!(drawn(&Chart::of(&entries(), false)), expected[1..]);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let many: Vec<_> = entries().into_iter().cycle().take(600).collect();
        let mut chart = Chart::of(&many, true);
        assert!(!drawn(&chart).contains("before these"));
        chart.left_out = 12;
        assert!(drawn(&chart).starts_with("… 12 entries before these"));
    }
}
