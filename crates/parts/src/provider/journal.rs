//! What was sent for which login: for whoever looks for the reason of a loss.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// So many refreshes are remembered.
const REMEMBERED: usize = 100_000;

/// One refresh, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Since the provider's start.
    pub at: Duration,
    /// Whose login.
    pub family: u32,
    /// Who sent it, by its number among the callers.
    pub caller: u16,
    /// Which of the login's refresh tokens.
    pub generation: u32,
    /// The newest at that time.
    pub newest: u32,
    /// What came of it, in a word.
    pub outcome: &'static str,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, family, caller, generation, newest, outcome } = self;
        write!(f, "{at:>9.3?} login {family}: {generation} of {newest} by {caller}: {outcome}")
    }
}

/// The last refreshes.
#[derive(Debug, Default)]
pub(super) struct Journal(VecDeque<Sent>);

impl Journal {
    pub(super) fn note(&mut self, sent: Sent) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(sent);
    }

    pub(super) fn of(&self, family: u32) -> Vec<Sent> {
        self.0.iter().filter(|sent| sent.family == family).cloned().collect()
    }
}
