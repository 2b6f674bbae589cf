//! How many rows are claimed at once.

/// At most.
const MOST: usize = 200;

/// At least: as many as a slow disk can find within a statement's time.
const FEWEST: usize = 10;

/// Halved where the database could not answer in time, so that a claim which takes too long, of rows
/// that are nowhere in memory, is not asked for again as it was.
#[derive(Debug)]
pub(super) struct Portion(usize);

impl Default for Portion {
    fn default() -> Self {
        Self(MOST)
    }
}

impl Portion {
    /// As many as there are seats for, and no more than this.
    pub(super) fn of(&self, seats: usize) -> usize {
        seats.min(self.0)
    }

    /// A claim was answered.
    pub(super) fn answered(&mut self) {
        self.0 = (self.0 * 2).min(MOST);
    }

    /// A claim was not answered.
    pub(super) fn failed(&mut self) {
        self.0 = (self.0 / 2).max(FEWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_a_claim_that_takes_too_long_is_asked_for_in_smaller_portions() {
        let mut portion = Portion::default();
        assert_eq!((portion.of(64), portion.of(1000)), (64, 200));
        let shrunk: Vec<_> = (0..6)
            .map(|_| {
                portion.failed();
                portion.of(1000)
            })
            .collect();
        assert_eq!(shrunk, [100, 50, 25, 12, 10, 10]);
        let grown: Vec<_> = (0..6)
            .map(|_| {
                portion.answered();
                portion.of(1000)
            })
            .collect();
        assert_eq!(grown, [20, 40, 80, 160, 200, 200]);
    }
}
