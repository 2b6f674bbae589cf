//! A person logs in and out in a browser. What a browser shows is the value of a cookie; what is
//! kept is a ticket of its digest.

use std::net::IpAddr;

use axum::http::HeaderMap;
use unlapse_core::Secret;

use super::{About, Issuer};
use crate::audit::Event;
use crate::denied::Denied;
use crate::login::Login;
use crate::login_page::LoginPage;
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
        let subject = self.check_password(username, password, Counted::peer(peer), about).await?;
        self.note(Event::LoggedIn, About { subject: Some(&subject), ..about });
        Ok(Login { subject, name: Some(username.to_owned()), auth_time: self.now() })
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
        Ok(found.and_then(|ticket| serde_json::from_slice(&ticket.value).ok()))
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
