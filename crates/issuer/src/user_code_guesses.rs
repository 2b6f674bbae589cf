//! How often a user code may be guessed (RFC 8628 §5.1).

use core::time::Duration;

use unlapse_core::UnixTime;

use crate::issuer::Typing;
use crate::limiter::Limiter;
use crate::login_limit::{LoginFailures, LoginLimit};
use crate::rate::Rate;
use crate::rate_limits::Counted;

/// Wrong codes of one person, of one address, and of everybody. The last holds up only who has
/// mistyped one lately: nobody can keep all others from letting their devices in.
///
/// A right code takes nothing back: whoever guesses can have a device of their own, whose code
/// they know. Time does.
#[derive(Debug)]
pub(crate) struct UserCodeGuesses {
    one: LoginFailures,
    peers: Limiter,
    all: Limiter,
}

const A_QUARTER: Duration = Duration::from_secs(900);
/// Wrong codes of one address: many people may share it.
const OF_A_PEER: Rate = Rate::new(100, A_QUARTER);
/// Wrong codes of all.
const OF_ALL: Rate = Rate::new(1000, A_QUARTER);

impl Default for UserCodeGuesses {
    fn default() -> Self {
        Self {
            one: LoginFailures::new(LoginLimit::default()),
            peers: Limiter::new(Some(OF_A_PEER)),
            all: Limiter::new(Some(OF_ALL)),
        }
    }
}

impl UserCodeGuesses {
    /// How long to wait before the next; `None` when nobody has to.
    pub(crate) fn wait(&self, by: Typing<'_>, now: UnixTime) -> Option<Duration> {
        let subject = &by.login.subject;
        let own = self.one.wait(subject, now);
        let peer = Counted::peer(by.peer).and_then(|peer| self.peers.wait(peer, now));
        let of_all = if self.one.has_failed(subject, now) { self.all.wait((), now) } else { None };
        own.max(peer).max(of_all)
    }

    /// Nobody waits with that code.
    pub(crate) fn failed(&self, by: Typing<'_>, now: UnixTime) {
        self.one.failed(&by.login.subject, now);
        // Whether the next one has to wait is asked before it.
        if let Some(peer) = Counted::peer(by.peer) {
            let _ = self.peers.count(peer, now);
        }
        let _ = self.all.count((), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Login;

    const NOW: UnixTime = UnixTime::from_secs(1000);

    fn login(subject: &str) -> Login {
        Login { subject: subject.to_owned(), name: None, auth_time: UnixTime::default() }
    }

    /// The wait of somebody there.
    fn wait(guesses: &UserCodeGuesses, subject: &str, peer: &str) -> Option<Duration> {
        guesses.wait(Typing { login: &login(subject), peer: peer.parse().ok() }, NOW)
    }

    /// So many persons of that name and a number mistype one code each.
    fn mistype(guesses: &UserCodeGuesses, people: u32, name: &str, peer: &str) {
        for number in 0..people {
            let login = login(&format!("{name}{number}"));
            guesses.failed(Typing { login: &login, peer: peer.parse().ok() }, NOW);
        }
    }

    #[test]
    fn rfc8628_5_1_guesses_of_one_person_are_limited_wherever_they_come_from() {
        let guesses = UserCodeGuesses::default();
        for number in 0..5 {
            assert_eq!(wait(&guesses, "ada0", "192.0.2.1"), None);
            mistype(&guesses, 1, "ada", &format!("192.0.2.{number}"));
        }
        let second = Some(Duration::from_secs(1));
        assert_eq!(wait(&guesses, "ada0", "192.0.2.1"), second);
        assert_eq!(wait(&guesses, "ada0", "no address"), second);
        assert_eq!(wait(&guesses, "bob", "192.0.2.1"), None);
    }

    #[test]
    fn rfc8628_5_1_an_address_may_mistype_a_hundred_and_a_network_of_ipv6_is_one() {
        for (peer, same, waits) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("127.0.0.1", "127.0.0.1", false),
        ] {
            let guesses = UserCodeGuesses::default();
            mistype(&guesses, 99, "somebody", peer);
            assert_eq!(wait(&guesses, "bob", same), None, "{peer}");
            mistype(&guesses, 1, "somebody", peer);
            assert_eq!(wait(&guesses, "bob", same).is_some(), waits, "{peer}");
        }
    }

    #[test]
    fn rfc8628_5_1_guesses_of_all_hold_up_only_who_mistypes_too() {
        let guesses = UserCodeGuesses::default();
        mistype(&guesses, OF_ALL.requests, "somebody", "no address");
        assert_eq!(wait(&guesses, "bob", "192.0.2.1"), None);
        mistype(&guesses, 1, "bob", "no address");
        assert_eq!(wait(&guesses, "bob0", "192.0.2.1"), Some(Duration::from_millis(900)));
        let later = NOW.plus(Duration::from_millis(900));
        let bob = login("bob0");
        assert_eq!(guesses.wait(Typing { login: &bob, peer: None }, later), None, "they decay");
    }
}
