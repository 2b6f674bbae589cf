//! Who is let in through a gate that many share.

/// What becomes of one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// There is room.
    Admitted,
    /// There is none.
    Full,
    /// What is left is for others.
    Greedy,
}

/// Nobody has more than so many times what they leave free.
const GREED: usize = 7;

/// Whether one more may come in, where `taken` of `width` places are, `own` of them by whoever comes.
///
/// The share is measured by what is left, not by the width: one alone may have seven eighths, those
/// who have most give way to others as places change hands, and a place that is free is there for whoever
/// has none. So nobody has to be counted beforehand, and no place is kept for who never comes.
pub(super) fn entry(width: usize, taken: usize, own: usize) -> Entry {
    let Some(left) = width.checked_sub(taken.saturating_add(1)) else { return Entry::Full };
    if own == 0 || own < left.saturating_mul(GREED) { Entry::Admitted } else { Entry::Greedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_entry() {
        use Entry::{Admitted, Full, Greedy};
        for (width, taken, own, expected) in [
            // Alone: up to seven eighths.
            (512, 0, 0, Admitted),
            (512, 447, 447, Admitted),
            (512, 448, 448, Greedy),
            (8, 6, 6, Admitted),
            (8, 7, 7, Greedy),
            // Others have left less.
            (8, 7, 1, Greedy),
            (8, 6, 1, Admitted),
            (512, 480, 240, Greedy),
            // Whoever has none gets the last.
            (512, 511, 0, Admitted),
            (8, 7, 0, Admitted),
            // And nobody gets more than there are.
            (8, 8, 0, Full),
            (8, 9, 9, Full),
            (8, usize::MAX, 0, Full),
            // As narrow as can be.
            (1, 0, 0, Admitted),
            (1, 1, 0, Full),
            (2, 1, 1, Greedy),
            (2, 1, 0, Admitted),
            (0, 0, 0, Full),
        ] {
            assert_eq!(entry(width, taken, own), expected, "{width} {taken} {own}");
        }
    }

    #[test]
    fn ten_who_are_greedy_leave_room_for_one_more_once_places_change_hands() {
        for count in 1..=10 {
            let mut own = vec![0_usize; count];
            let taken = |own: &[usize]| own.iter().sum::<usize>();
            for _ in 0..600 {
                // Everybody has an answer, and asks for as much as there is to be had.
                for one in &mut own {
                    *one = one.saturating_sub(1);
                }
                for one in 0..count {
                    while entry(512, taken(&own), own[one]) == Entry::Admitted {
                        own[one] += 1;
                    }
                }
            }
            assert_eq!(entry(512, taken(&own), 0), Entry::Admitted, "{own:?}");
            assert!(taken(&own) >= 448, "few places are free: {own:?}");
            // Whoever was first gives way.
            assert!(own.iter().all(|own| own * count <= 2 * 448), "{own:?}");
        }
    }
}
