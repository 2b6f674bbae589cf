//! Which request fails, and how.

use std::collections::{BTreeMap, VecDeque};

use super::fault::Fault;

/// What is to fail: the nearest that is known of a request counts.
#[derive(Debug, Default)]
pub(super) struct Weather {
    next: VecDeque<Fault>,
    families: BTreeMap<u32, Fault>,
    callers: BTreeMap<u16, Fault>,
    one_in: u32,
    faults: Vec<Fault>,
    seed: u64,
}

impl Weather {
    pub(super) fn queue(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.next.extend(faults);
    }

    pub(super) fn at_family(&mut self, family: u32, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.families.insert(family, fault),
            None => self.families.remove(&family),
        };
    }

    pub(super) fn at_caller(&mut self, caller: u16, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.callers.insert(caller, fault),
            None => self.callers.remove(&caller),
        };
    }

    pub(super) fn change(&mut self, one_in: u32, faults: Vec<Fault>, seed: u64) {
        // The shifts never leave zero.
        (self.one_in, self.faults, self.seed) = (one_in, faults, seed | 1);
    }

    /// How a request fails, if it does.
    pub(super) fn strike(&mut self, caller: u16, family: Option<u32>) -> Option<Fault> {
        let known = self.next.pop_front();
        let known = known.or_else(|| self.families.get(&family?).copied());
        known.or_else(|| self.callers.get(&caller).copied()).or_else(|| self.chance())
    }

    fn chance(&mut self) -> Option<Fault> {
        let one_in = u64::from(self.one_in);
        if one_in == 0 || self.faults.is_empty() || !self.draw().is_multiple_of(one_in) {
            return None;
        }
        let which = self.draw() % self.faults.len() as u64;
        self.faults.get(usize::try_from(which).ok()?).copied()
    }

    /// Marsaglia's shifts: the same seed gives the same weather.
    fn draw(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_counts() {
        let mut weather = Weather::default();
        assert_eq!(weather.strike(0, Some(0)), None);
        weather.change(1, vec![Fault::Page], 0);
        weather.at_caller(0, Some(Fault::InvalidClient));
        weather.at_family(7, Some(Fault::InvalidGrant));
        weather.queue([Fault::Unavailable]);
        let found = [(0, Some(7)), (0, Some(7)), (0, Some(8)), (1, None)];
        let found = found.map(|(caller, family)| weather.strike(caller, family));
        let expected = [Fault::Unavailable, Fault::InvalidGrant, Fault::InvalidClient, Fault::Page];
        assert_eq!(found, expected.map(Some));
    }

    #[test]
    fn about_one_in_so_many_fails() {
        let mut weather = Weather::default();
        weather.change(10, vec![Fault::Page, Fault::LostReply], 42);
        let struck = (0..10_000).filter(|_| weather.strike(0, None).is_some()).count();
        assert!((800..1200).contains(&struck), "{struck}");
    }
}
