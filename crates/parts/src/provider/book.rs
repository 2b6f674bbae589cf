//! Every login, and who has refreshed it.

use std::time::Duration;

use super::callers::Callers;
use super::login::{Brings, Login, brings};
use super::tally::Tally;
use super::terms::Rotation;

/// All logins, by their number.
#[derive(Debug, Default)]
pub(super) struct Book {
    logins: Vec<Login>,
    callers: Callers,
}

/// A refresh, as it arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refresh {
    pub(super) family: u32,
    /// Which of the login's refresh tokens was sent.
    pub(super) sent: u32,
    pub(super) caller: u16,
    pub(super) now: Duration,
    /// Whether its answer will be lost.
    pub(super) reply_lost: bool,
}

impl Book {
    /// A new login; its number.
    pub(super) fn open(&mut self, now: Duration) -> u32 {
        let number = u32::try_from(self.logins.len()).unwrap_or(u32::MAX);
        self.logins.push(Login {
            generation: 0,
            refreshed_at: millis(now),
            spender: self.callers.spender(0),
            is_alive: true,
            reply_lost: false,
        });
        number
    }

    /// The number of whoever has this name.
    pub(super) fn caller(&mut self, name: &str) -> u16 {
        self.callers.number(name)
    }

    pub(super) fn trouble(&mut self, caller: &str, begins: bool) {
        self.callers.trouble(caller, begins);
    }

    /// Of the newest refresh token; zero for a login that there is not.
    pub(super) fn generation(&self, family: u32) -> u32 {
        self.login(family).map_or(0, |login| login.generation)
    }

    pub(super) fn is_alive(&self, family: u32) -> bool {
        self.login(family).is_some_and(|login| login.is_alive)
    }

    pub(super) fn end(&mut self, family: u32) {
        if let Some(login) = self.logins.get_mut(family as usize) {
            login.is_alive = false;
        }
    }

    /// Whether an access token of this generation is good, but for its end.
    pub(super) fn admits(&self, family: u32, generation: u32, only_the_last: bool) -> bool {
        let login = self.login(family).filter(|login| login.is_alive);
        login.is_some_and(|login| !only_the_last || login.generation == generation)
    }

    /// Carries a refresh out, and counts it; the generation that it brought, unless it was refused.
    pub(super) fn refresh(
        &mut self,
        refresh: Refresh,
        rotation: Rotation,
        tally: &mut Tally,
    ) -> Option<u32> {
        let Refresh { family, sent, caller, now, reply_lost } = refresh;
        let login = self.logins.get_mut(family as usize).filter(|login| login.is_alive);
        let Some(login) = login else {
            tally.refused += 1;
            return None;
        };
        let ago = now.saturating_sub(Duration::from_millis(login.refreshed_at.into()));
        let brought = brings(rotation, sent, login.generation, ago);
        if matches!(brought, Brings::Same | Brings::End) {
            let in_need = sent + 1 == login.generation
                && (login.reply_lost
                    || self.callers.may_have_lost(login.spender)
                    || self.callers.is_in_trouble(caller));
            *(if in_need { &mut tally.replays } else { &mut tally.doubles }) += 1;
        }
        match brought {
            Brings::Next => {
                tally.grants += 1;
                login.generation += 1;
                login.refreshed_at = millis(now);
                login.spender = self.callers.spender(caller);
                login.reply_lost = reply_lost;
                Some(login.generation)
            }
            Brings::Same => {
                // Whoever sends it again has not lost it yet.
                login.spender = self.callers.spender(caller);
                login.reply_lost = reply_lost;
                Some(login.generation)
            }
            Brings::End => {
                tally.families_revoked += 1;
                login.is_alive = false;
                None
            }
            Brings::Nothing => {
                tally.refused += 1;
                None
            }
        }
    }

    fn login(&self, family: u32) -> Option<&Login> {
        self.logins.get(family as usize)
    }
}

/// Whole milliseconds, of seven weeks at most.
fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Desk {
        book: Book,
        tally: Tally,
        rotation: Rotation,
    }

    impl Desk {
        fn new(rotation: Rotation) -> Self {
            let mut book = Book::default();
            book.open(Duration::ZERO);
            Self { book, tally: Tally::default(), rotation }
        }

        fn send(&mut self, sent: u32, caller: &str, reply_lost: bool) -> Option<u32> {
            let caller = self.book.caller(caller);
            let now = Duration::from_secs(1);
            let refresh = Refresh { family: 0, sent, caller, now, reply_lost };
            self.book.refresh(refresh, self.rotation, &mut self.tally)
        }
    }

    const GRACE: Rotation = Rotation::Grace(Duration::from_secs(30));

    #[test]
    fn a_token_that_is_sent_twice_without_need_is_a_double() {
        let mut desk = Desk::new(GRACE);
        assert_eq!(desk.send(0, "a", false), Some(1));
        assert_eq!(desk.send(0, "b", false), Some(1));
        assert_eq!((desk.tally.doubles, desk.tally.replays, desk.tally.grants), (1, 0, 1));
        let mut desk = Desk::new(Rotation::Strict);
        desk.send(0, "a", false);
        assert_eq!(desk.send(0, "a", false), None);
        assert_eq!((desk.tally.doubles, desk.tally.families_revoked), (1, 1));
        assert_eq!(desk.send(1, "a", false), None, "the login has ended");
        assert_eq!(desk.tally.refused, 1);
    }

    #[test]
    fn a_lost_reply_and_a_spender_in_trouble_are_needs() {
        let mut desk = Desk::new(GRACE);
        desk.send(0, "a", true);
        assert_eq!(desk.send(0, "a", false), Some(1));
        desk.send(1, "a", false);
        desk.book.trouble("a", true);
        assert_eq!(desk.send(1, "b", false), Some(2));
        assert_eq!((desk.tally.doubles, desk.tally.replays), (0, 2));
        assert_eq!(desk.send(1, "b", false), Some(2));
        assert_eq!(desk.tally.doubles, 1, "the one who sent it again has lost nothing");
        assert_eq!(desk.send(1, "a", false), Some(2), "what a paused one had begun");
        assert_eq!((desk.tally.doubles, desk.tally.replays), (1, 3));
    }

    #[test]
    fn only_a_server_with_one_access_token_ends_the_one_before() {
        let mut desk = Desk::new(GRACE);
        desk.send(0, "a", false);
        assert!(desk.book.admits(0, 0, false) && !desk.book.admits(0, 0, true));
        assert!(desk.book.admits(0, 1, true));
        desk.book.end(0);
        assert!(!desk.book.admits(0, 1, false) && !desk.book.is_alive(0));
    }
}
