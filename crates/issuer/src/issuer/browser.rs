//! A person logs in and out in a browser. What a browser shows is the value of a cookie; what is
//! kept is a ticket of its digest.

use std::net::IpAddr;

use axum::http::HeaderMap;
use unlapse_core::{Secret, UnixTime};

use super::{About, Issued, Issuer};
use crate::audit::Event;
use crate::denied::{Code, Denied};
use crate::login::Login;
use crate::login_page::LoginPage;
use crate::logins_ended::login_counts;
use crate::random;
use crate::rate_limits::Counted;
use crate::tickets::TicketId;

const KIND: &str = "browser_login";

impl Issuer {
    /// Lets somebody in by name and password. Limits, and the time it takes, are those of
    /// [`log_in`](Self::log_in).
    pub(crate) async fn log_in_browser(
        &self,
        username: &str,
        password: Secret,
        peer: Option<IpAddr>,
    ) -> Result<Login, Denied> {
        let about = About { peer, ..About::default() };
        // Before the password is looked at: what ends logins meanwhile ends this one.
        let auth_time = self.now();
        let subject = self.check_password(username, password, Counted::peer(peer), about).await?;
        self.note(Event::LoggedIn, About { subject: Some(&subject), ..about });
        Ok(Login { subject, name: Some(username.to_owned()), auth_time })
    }

    /// Keeps a login: the value that its browser will show. Always a new one, so that nobody can
    /// have given it to the browser before (session fixation).
    pub(crate) async fn keep_login(&self, login: &Login) -> Result<Secret, Denied> {
        let secret = random::secret();
        let value = serde_json::to_vec(login).expect("strings and numbers always make JSON");
        let now = self.now();
        let ends_at = now.plus(self.parts.pages.browser_lifetime);
        let kept = self.parts.store.insert(id(&secret), &value, ends_at, now).await;
        // 256 random bits are not there already.
        kept.map_err(|away| self.unavailable(away, About::default()))?;
        Ok(secret)
    }

    /// Scheme, host and port of its URL.
    pub(crate) fn origin(&self) -> &str {
        &self.parts.origin
    }

    /// The host's own login, where it has one.
    pub(crate) fn login_page(&self) -> Option<&dyn LoginPage> {
        self.parts.pages.login_page.as_deref()
    }

    /// Who is logged in in the browser that shows `secret` and sends `headers`.
    pub(crate) async fn browser_login(
        &self,
        secret: &Secret,
        headers: &HeaderMap,
    ) -> Result<Option<Login>, Denied> {
        if let Some(host) = self.login_page() {
            let found = host.who(headers).await;
            return found.map_err(|away| self.unavailable(away, About::default()));
        }
        let found = self.parts.store.ticket(id(secret), self.now()).await;
        let found = found.map_err(|away| self.unavailable(away, About::default()))?;
        let login = found.and_then(|ticket| serde_json::from_slice::<Login>(&ticket.value).ok());
        match login {
            Some(login) if self.still_counts(&login.subject, login.auth_time).await? => {
                Ok(Some(login))
            }
            _ => Ok(None),
        }
    }

    /// From when on it is known that somebody is logged in: since they were, or, of a host's own
    /// login, now, as it has just said so.
    pub(crate) fn confirmed_at(&self, login: &Login) -> UnixTime {
        if self.login_page().is_some() { self.now() } else { login.auth_time }
    }

    /// Whether a login of `subject` from `then` has not [ended](crate::end_logins).
    pub(super) async fn still_counts(&self, subject: &str, then: UnixTime) -> Result<bool, Denied> {
        let counts = login_counts(&*self.parts.store, subject, then, self.now()).await;
        let about = About { subject: Some(subject), ..About::default() };
        counts.map_err(|away| self.unavailable(away, about))
    }

    /// Whether the login that was just made a session of had not ended. Asked after the session was
    /// opened: of an end meanwhile, either that session is seen or the end is.
    pub(super) async fn check_login(
        &self,
        subject: &str,
        then: UnixTime,
        issued: &Issued,
        code: Code,
        about: About<'_>,
    ) -> Result<(), Denied> {
        let refused = match self.still_counts(subject, then).await {
            Ok(true) => return Ok(()),
            Ok(false) => self.refuse(code, about),
            Err(away) => away,
        };
        self.end_unused(issued.session).await;
        Err(refused)
    }

    /// Ends the login of the browser that shows `secret`; sessions go on.
    pub(crate) async fn end_browser_login(&self, secret: &Secret) -> Result<(), Denied> {
        let away = |away| self.unavailable(away, About::default());
        let now = self.now();
        let Some(ticket) = self.parts.store.ticket(id(secret), now).await.map_err(away)? else {
            return Ok(());
        };
        // Nothing else changes a login: another version is one that has just been ended.
        let ended = self.parts.store.replace(id(secret), ticket.version, b"", now).await;
        ended.map_err(away)?;
        Ok(())
    }
}

fn id(secret: &Secret) -> TicketId {
    TicketId::of(KIND, secret.expose())
}
