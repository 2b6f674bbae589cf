//! What a person is asked before an authorization request is granted: the table, as pure functions.

use core::time::Duration;

use unlapse_core::UnixTime;

use crate::authorization_error::AuthorizationError;

/// `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// `none`: nobody is asked anything.
    pub(crate) none: bool,
    /// `login`, `select_account`: whoever is logged in logs in again, or somebody else does.
    pub(crate) login: bool,
    /// `consent`: whatever was allowed before, it is asked again.
    pub(crate) consent: bool,
}

impl Prompt {
    /// Reads the parameter. `none` stands alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => return None,
            }
        }
        (!prompt.none || !(prompt.login || prompt.consent)).then_some(prompt)
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Somebody has to log in.
    Login,
    /// The person who is logged in is asked whether the client may.
    Consent,
    /// Nothing is left to ask.
    Grant,
    /// Something is left to ask, and must not be.
    Refuse(AuthorizationError),
}

/// Whether a login at `auth_time` answers the request.
pub(crate) fn login_serves(
    prompt: Prompt,
    max_age: Option<Duration>,
    auth_time: UnixTime,
    now: UnixTime,
) -> bool {
    // Of an age of zero, a login in this same millisecond would be young enough.
    let young = max_age.is_none_or(|age| !age.is_zero() && now.since(auth_time) <= age);
    !prompt.login && young
}

/// Decides, once it is known whether a login serves and whether its person has allowed the client
/// what it asks for.
pub(crate) fn step(prompt: Prompt, logged_in: bool, allowed: bool) -> Step {
    let allowed = allowed && !prompt.consent;
    match (logged_in, allowed) {
        (false, _) if prompt.none => Step::Refuse(AuthorizationError::LoginRequired),
        (false, _) => Step::Login,
        (true, true) => Step::Grant,
        (true, false) if prompt.none => Step::Refuse(AuthorizationError::ConsentRequired),
        (true, false) => Step::Consent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(text: &str) -> Prompt {
        Prompt::parse(text).expect("a prompt")
    }

    #[test]
    fn oidc_3_1_2_1_prompt_reads_and_none_stands_alone() {
        assert_eq!(prompt(""), Prompt::default());
        assert_eq!(prompt("login consent"), Prompt { none: false, login: true, consent: true });
        assert_eq!(prompt("select_account"), prompt("login"));
        for bad in ["none login", "consent none", "create", "LOGIN"] {
            assert_eq!(Prompt::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn oidc_3_1_2_1_a_row_for_each_login() {
        let secs = Duration::from_secs;
        let at = UnixTime::from_secs(1000);
        let rows = [
            ("", None, 9999, true),
            ("", Some(secs(60)), 60, true),
            ("", Some(secs(60)), 61, false),
            ("", Some(secs(0)), 0, false),
            ("login", None, 0, false),
            ("consent", None, 0, true),
            ("none", None, 0, true),
            ("none", Some(secs(1)), 2, false),
        ];
        for (text, max_age, since, expected) in rows {
            let served = login_serves(prompt(text), max_age, at, at.plus(secs(since)));
            assert_eq!(served, expected, "{text} {max_age:?} {since}");
        }
    }

    #[test]
    fn oidc_3_1_2_6_a_row_for_each_step() {
        let login_required = Step::Refuse(AuthorizationError::LoginRequired);
        let consent_required = Step::Refuse(AuthorizationError::ConsentRequired);
        let rows = [
            ("", false, false, Step::Login),
            ("", false, true, Step::Login),
            ("", true, false, Step::Consent),
            ("", true, true, Step::Grant),
            ("consent", false, true, Step::Login),
            ("consent", true, true, Step::Consent),
            ("login", true, true, Step::Grant),
            ("none", false, false, login_required),
            ("none", false, true, login_required),
            ("none", true, false, consent_required),
            ("none", true, true, Step::Grant),
        ];
        for (text, logged_in, allowed, expected) in rows {
            assert_eq!(step(prompt(text), logged_in, allowed), expected, "{text}");
        }
    }
}
