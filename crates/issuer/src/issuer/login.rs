//! A user logs in with a password.

use unlapse_core::Secret;

use super::{About, Issued, Issuer, Parts};
use crate::audit::Event;
use crate::caller::Caller;
use crate::clients::GrantType;
use crate::denied::{Code, Denied};
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
        let subject = self.check_password(username, password, about).await?;
        let about = About { subject: Some(&subject), ..about };
        self.note(Event::LoggedIn, about);
        self.open_for(&subject, scopes, caller).await
    }

    /// The subject of that name and password.
    pub(super) async fn check_password(
        &self,
        username: &str,
        password: Secret,
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
        if let Some(wait) = login_failures.wait(username, self.now()) {
            return Err(self.refuse_for_now(Code::RateLimited, wait, about));
        }
        self.limit_login_failures(about)?;
        let user = users.find(username).await.map_err(away)?;
        let (subject, hash) = user.map(|user| (user.subject, user.password)).unzip();
        let (right, _turn) = passwords.verify(hash, password, turn).await.map_err(away)?;
        let Some(subject) = subject.filter(|_| right) else {
            login_failures.failed(username, self.now());
            self.count_login_failure(about.peer);
            return Err(self.refuse(Code::LoginFailed, about));
        };
        login_failures.succeeded(username);
        Ok(subject)
    }
}
