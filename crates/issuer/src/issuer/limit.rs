//! Who comes too often is told to wait (J2).

use core::time::Duration;
use std::net::IpAddr;

use axum::http::HeaderMap;

use super::{About, Issuer, Parts};
use crate::audit::Event;
use crate::caller::Caller;
use crate::denied::{Code, Denied};
use crate::limiter::Limiter;
use crate::rate_limits::Counted;
use crate::session::SessionId;

impl Issuer {
    /// Where a request is from that came over a connection from `connected`.
    pub(crate) fn peer(&self, connected: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        self.parts.proxies.peer(connected, headers)
    }

    /// Counts a request on the address that it is from.
    pub(crate) fn limit_peer(&self, peer: Option<IpAddr>) -> Result<(), Denied> {
        let Some(counted) = Counted::peer(peer) else { return Ok(()) };
        let about = About { peer, ..About::default() };
        let admitted = self.parts.limiters.peer.count(counted, self.now());
        admitted.map_err(|wait| self.too_often_from(counted, wait, about))
    }

    /// Counts a request on the client that has proved that it sends it.
    pub(crate) fn limit_client(&self, caller: &Caller) -> Result<(), Denied> {
        let counted = Counted::client(&caller.client);
        self.limit(&self.parts.limiters.client, counted, About::caller(caller))
    }

    /// Counts a request on the session whose refresh token it shows. The token's outer MAC holds:
    /// nobody uses up the rate of a session that is not theirs. The store has not been asked.
    pub(super) fn limit_session(&self, session: SessionId, about: About<'_>) -> Result<(), Denied> {
        let about = About { session: Some(session), ..about };
        self.limit(&self.parts.limiters.session, Some(Counted::Session(session)), about)
    }

    /// Whether a login of that name may be tried from there: so many may fail, and those under way
    /// at the same time as the last of them.
    pub(super) fn limit_login_failures(
        &self,
        username: &str,
        from: Option<Counted<'_>>,
        about: About<'_>,
    ) -> Result<(), Denied> {
        let Parts { limiters, login_failures, .. } = &*self.parts;
        if let Some(wait) = login_failures.wait(username, from, self.now()) {
            return Err(self.too_often(wait, about));
        }
        let Some(counted) = from.filter(|_| !login_failures.is_known(username, from)) else {
            return Ok(());
        };
        let wait = limiters.login_failures.wait(counted, self.now());
        wait.map_or(Ok(()), |wait| Err(self.too_often_from(counted, wait, about)))
    }

    /// A login of that name from there has failed.
    pub(super) fn count_login_failure(&self, username: &str, from: Option<Counted<'_>>) {
        let Parts { limiters, login_failures, .. } = &*self.parts;
        login_failures.failed(username, from, self.now());
        if let Some(counted) = from {
            // Whether the next one has to wait is asked before it.
            let _ = limiters.login_failures.count(counted, self.now());
        }
    }

    fn limit(
        &self,
        limiter: &Limiter,
        counted: Option<Counted<'_>>,
        about: About<'_>,
    ) -> Result<(), Denied> {
        let Some(counted) = counted else { return Ok(()) };
        let counted = limiter.count(counted, self.now());
        counted.map_err(|wait| self.too_often(wait, about))
    }

    /// An address comes too often: each time is counted, and the audit log is told once a minute.
    /// It would cost more than what the limit saves to write down each.
    fn too_often_from(&self, counted: Counted<'_>, wait: Duration, about: About<'_>) -> Denied {
        let code = Code::RateLimited;
        if self.parts.limiters.told.count(counted, self.now()).is_ok() {
            return self.refuse_for_now(code, wait, about);
        }
        self.parts.stats.count(Event::Refused(code));
        Denied { code, retry_after: Some(wait) }
    }

    fn too_often(&self, wait: Duration, about: About<'_>) -> Denied {
        self.refuse_for_now(Code::RateLimited, wait, about)
    }
}
