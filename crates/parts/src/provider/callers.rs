//! Who asks, and whether they may have lost an answer.

/// The callers that have been seen, and how each fares.
#[derive(Debug, Default)]
pub(super) struct Callers {
    known: Vec<(String, u16)>,
}

/// Who has spent a refresh token, and how they fared then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spender {
    pub(super) caller: u16,
    /// Grows whenever trouble begins or ends, so that it is odd in between.
    spell: u16,
}

impl Callers {
    /// Their number; that of the last for those who come when there are too many to count.
    pub(super) fn number(&mut self, name: &str) -> u16 {
        let known = self.known.iter().position(|(known, _)| known == name);
        let number = known.unwrap_or_else(|| {
            self.known.push((name.to_owned(), 0));
            self.known.len() - 1
        });
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    /// Trouble begins or ends; twice the same is once.
    pub(super) fn trouble(&mut self, name: &str, begins: bool) {
        let number = self.number(name);
        if let Some((_, spell)) = self.known.get_mut(usize::from(number))
            && (*spell % 2 == 1) != begins
        {
            *spell = spell.wrapping_add(1);
        }
    }

    pub(super) fn spender(&self, caller: u16) -> Spender {
        Spender { caller, spell: self.spell(caller) }
    }

    /// Whether they may have lost the answer: they were in trouble when they asked, or have been since.
    pub(super) fn may_have_lost(&self, spender: Spender) -> bool {
        spender.spell % 2 == 1 || spender.spell != self.spell(spender.caller)
    }

    /// Whether they are in trouble now: what they do may have been begun long ago.
    pub(super) fn is_in_trouble(&self, caller: u16) -> bool {
        self.spell(caller) % 2 == 1
    }

    fn spell(&self, caller: u16) -> u16 {
        self.known.get(usize::from(caller)).map_or(0, |(_, spell)| *spell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_excuses_what_was_asked_before_and_in_it_and_nothing_after() {
        let mut callers = Callers::default();
        let one = callers.number("one");
        let before = callers.spender(one);
        assert!(!callers.may_have_lost(before));
        callers.trouble("one", true);
        callers.trouble("one", true);
        let within = callers.spender(one);
        assert!(callers.may_have_lost(before) && callers.may_have_lost(within));
        assert!(callers.is_in_trouble(one));
        callers.trouble("one", false);
        assert!(!callers.is_in_trouble(one));
        let after = callers.spender(one);
        assert!(callers.may_have_lost(before) && callers.may_have_lost(within));
        assert!(!callers.may_have_lost(after));
        let two = callers.number("two");
        assert!(two != one && !callers.may_have_lost(callers.spender(two)));
    }
}
