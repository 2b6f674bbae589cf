//! A user logs in with a password.

use unlapse_core::Secret;

use super::{About, Issued, Issuer, Parts};
use crate::audit::Event;
use crate::caller::Caller;
use crate::clients::GrantType;
use crate::denied::{Code, Denied};
use crate::rate_limits::Counted;
use crate::scopes::Scopes;

/// Longest name of a user, in bytes.
const LONGEST_NAME: usize = 256;

impl Issuer {
    /// Opens a session for the user of that name and password (C9; RFC 6749 §4.3). It takes the
    /// same time, and gives the same answer, for unknown users.
    pub async fn log_in(
        &self,
        username: &str,
        password: Secret,
        caller: &Caller,
        scopes: Option<&Scopes>,
    ) -> Result<Issued, Denied> {
        let about = About::caller(caller);
        self.check_grant(caller, GrantType::Password)?;
        let scopes = self.grant_scopes(caller, scopes)?;
        let subject =
            self.check_password(username, password, Counted::login(caller), about).await?;
        let about = About { subject: Some(&subject), ..about };
        self.note(Event::LoggedIn, about);
        let issued = self.open_for(&subject, scopes, caller).await?;
        Ok(issued.for_client(&caller.client))
    }

    /// The subject of that name and password. Failures are counted on the account and on `from`.
    pub(super) async fn check_password(
        &self,
        username: &str,
        password: Secret,
        from: Option<Counted<'_>>,
        about: About<'_>,
    ) -> Result<String, Denied> {
        if username.is_empty() || username.len() > LONGEST_NAME {
            return Err(self.refuse(Code::RequestMalformed, about));
        }
        let Parts { users, passwords, login_failures, .. } = &*self.parts;
        let away = |away| self.unavailable(away, about);
        // Failures are looked at with the turn in hand: however many attempts arrive at once, only
        // as many as there are processors are under way that do not know of each other.
        let turn = passwords.turn().await.map_err(away)?;
        self.limit_login_failures(username, from, about)?;
        let mut attempt = Attempt { issuer: self, username, from, is_counted: true };
        let checked = async {
            let user = users.find(username).await?;
            let (subject, hash) = user.map(|user| (user.subject, user.password)).unzip();
            let (right, turn) = passwords.verify(hash, password, turn).await?;
            Ok((subject.filter(|_| right), turn))
        };
        let checked = checked.await;
        attempt.is_counted = matches!(checked, Ok((None, _)));
        drop(attempt);
        let (subject, _turn) = checked.map_err(away)?;
        let subject = subject.ok_or_else(|| self.refuse(Code::LoginFailed, about))?;
        login_failures.succeeded(username, from);
        Ok(subject)
    }
}

/// A login that is under way. Whoever goes away before its end has cost what a failure costs: it
/// is counted as one, so that no limit is avoided by that.
struct Attempt<'a> {
    issuer: &'a Issuer,
    username: &'a str,
    from: Option<Counted<'a>>,
    is_counted: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_counted {
            self.issuer.count_login_failure(self.username, self.from);
        }
    }
}
