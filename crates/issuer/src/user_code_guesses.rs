//! How often a user code may be guessed (RFC 8628 §5.1).

use core::time::Duration;

use unlapse_core::UnixTime;

use crate::issuer::Typing;
use crate::login_limit::{LoginFailures, LoginLimit};

/// Wrong codes of one person, of one address, and of everybody. For the last there is no wait
/// beyond a second: nobody can keep all others from letting their devices in.
#[derive(Debug)]
pub(crate) struct UserCodeGuesses {
    by_one: LoginFailures,
    by_all: LoginFailures,
}

const FREE_FOR_ALL: u32 = 1000;

impl Default for UserCodeGuesses {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        let by_all = LoginLimit {
            failures: FREE_FOR_ALL,
            first_wait: second,
            longest_wait: second,
            ..LoginLimit::default()
        };
        let by_one = LoginFailures::new(LoginLimit::default());
        Self { by_one, by_all: LoginFailures::new(by_all) }
    }
}

impl UserCodeGuesses {
    /// How long to wait before the next; `None` when nobody has to.
    pub(crate) fn wait(&self, by: Typing<'_>, now: UnixTime) -> Option<Duration> {
        let ones = names(by).into_iter().flatten();
        let longest = ones.filter_map(|name| self.by_one.wait(&name, now)).max();
        longest.max(self.by_all.wait("", now))
    }

    /// Nobody waits with that code.
    pub(crate) fn failed(&self, by: Typing<'_>, now: UnixTime) {
        names(by).into_iter().flatten().for_each(|name| self.by_one.failed(&name, now));
        self.by_all.failed("", now);
    }

    /// Somebody does: the person starts anew; an address, which may be shared, does not.
    pub(crate) fn succeeded(&self, by: Typing<'_>) {
        if let Some(subject) = &names(by)[0] {
            self.by_one.succeeded(subject);
        }
    }
}

fn names(by: Typing<'_>) -> [Option<String>; 2] {
    let subject = format!("subject {}", by.login.subject);
    [Some(subject), by.peer.map(|peer| format!("peer {peer}"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Login;

    fn login(subject: &str) -> Login {
        Login { subject: subject.to_owned(), name: None, auth_time: UnixTime::default() }
    }

    #[test]
    fn rfc8628_5_1_guesses_are_limited_by_person_address_and_in_sum() {
        let (ada, bob) = (login("ada"), login("bob"));
        let peer = "192.0.2.1".parse().ok();
        let now = UnixTime::from_secs(1000);
        let guesses = UserCodeGuesses::default();
        for _ in 0..5 {
            assert_eq!(guesses.wait(Typing { login: &ada, peer }, now), None);
            guesses.failed(Typing { login: &ada, peer }, now);
        }
        let second = Some(Duration::from_secs(1));
        assert_eq!(guesses.wait(Typing { login: &ada, peer: None }, now), second);
        assert_eq!(guesses.wait(Typing { login: &bob, peer }, now), second);
        assert_eq!(guesses.wait(Typing { login: &bob, peer: None }, now), None);
        guesses.succeeded(Typing { login: &ada, peer });
        assert_eq!(guesses.wait(Typing { login: &ada, peer: None }, now), None);
        assert_eq!(guesses.wait(Typing { login: &bob, peer }, now), second);
        for somebody in 0..FREE_FOR_ALL {
            let login = login(&somebody.to_string());
            guesses.failed(Typing { login: &login, peer: None }, now);
        }
        assert_eq!(guesses.wait(Typing { login: &bob, peer: None }, now), second);
        let later = now.plus(Duration::from_secs(1));
        assert_eq!(guesses.wait(Typing { login: &bob, peer: None }, later), None);
    }
}
