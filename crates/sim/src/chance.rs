//! Seeded choices: the same seed makes the same world.

use std::time::Duration;

use unlapse_core::Dice;

/// Dice with the questions that a world asks.
#[derive(Clone, Debug)]
pub struct Chance(Dice);

impl Chance {
    /// The choices of one seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        // Neighbouring seeds should not begin alike.
        dice.roll();
        Self(dice)
    }

    /// A number below `end`; zero when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.roll() % end.max(1)
    }

    /// An index into a slice of `len`.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// One of `choices`, which has at least one.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// True `of` times in ten thousand.
    pub fn of_10_000(&mut self, of: u64) -> bool {
        self.below(10_000) < of
    }

    /// A time from `least` to `most`, in whole milliseconds.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = millis(most.saturating_sub(least)) + 1;
        least + Duration::from_millis(self.below(span))
    }

    /// A seed for something that rolls its own.
    pub fn seed(&mut self) -> u64 {
        self.0.roll()
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
