//! Somebody who may see pages, and what they are shown.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use unlapse::unlapse_core::UnixTime;

use super::desk::Desk;
use super::facts::Key;
use super::page::{Here, Shell, problem};
use super::session::Session;
use crate::broker::Actor;
use crate::code::Code;
use crate::gate::{Crowd, Gate, Holder, Stay};
use crate::name::Name;
use crate::problem::Problem;
use crate::verb::{Verb, Verbs};

/// Somebody who may see pages.
pub(super) struct Visitor {
    /// Their session.
    pub(super) session: Session,
    /// For the audit log, and for whose data they may see.
    pub(super) actor: Actor,
    verbs: Verbs,
    label: String,
    is_fresh: bool,
    stay: Stay,
    /// When they came.
    pub(super) now: UnixTime,
}

impl Visitor {
    /// Whoever comes to a dashboard that is open on this machine.
    pub(super) fn local(shown: Option<Session>, now: UnixTime) -> Self {
        let is_fresh = shown.is_none();
        let session = shown.unwrap_or_else(|| Session::begin(None, now));
        let actor = Actor { tenant: None, name: "operator".to_owned() };
        let verbs = Verb::ALL.into_iter().collect();
        let label = "open on this machine".to_owned();
        Self { session, actor, verbs, label, is_fresh, stay: Stay::default(), now }
    }

    /// Whoever has signed in with this key.
    pub(super) fn of(session: Session, key: Key, now: UnixTime) -> Self {
        let actor = Actor { tenant: key.tenant, name: format!("key:{}", key.id) };
        let stay = Stay::default();
        Self { session, actor, verbs: key.verbs, label: key.label, is_fresh: false, stay, now }
    }

    /// A place behind `gate` until they are answered, counted as those of the API are; the one before is
    /// given back.
    pub(super) fn enter(&self, gate: &Gate) -> Result<(), Crowd> {
        self.stay.enter(gate, Holder::known(&self.actor))
    }

    /// Whose part they see; `None`: all of it.
    pub(super) fn tenant(&self) -> Option<&Name> {
        self.actor.tenant.as_ref()
    }

    /// Whether they may change connections.
    pub(super) fn may_write(&self) -> bool {
        self.verbs.allow(Verb::Write)
    }

    /// Refuses whoever may not change connections.
    pub(super) fn demand_write(&self) -> Result<(), Problem> {
        let refused = || Problem::new(Code::Forbidden, "this key lacks the verb `write`");
        self.may_write().then_some(()).ok_or_else(refused)
    }

    /// What stands around a page.
    pub(super) fn shell(&self, here: Here, title: impl Into<String>) -> Shell {
        Shell {
            title: title.into(),
            here,
            visitor: Some(self.label.clone()),
            tenant: self.tenant().map(Name::to_string),
            token: self.session.token(),
            may_leave: self.session.key.is_some(),
        }
    }

    /// Has the browser keep the session, where it does not have it yet.
    pub(super) fn remember(&self, desk: &Desk, mut response: Response) -> Response {
        if let Some(cookie) = self.is_fresh.then(|| desk.cookies().set(&self.session)).flatten() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// What they are shown: the page, or in its place its problem, with a link to where one can go on.
    pub(super) fn answer(
        &self,
        desk: &Desk,
        here: Here,
        shown: Result<Response, Problem>,
        again: Option<&str>,
    ) -> Response {
        let again = again.map(str::to_owned);
        let shown = shown.unwrap_or_else(|it| problem(self.shell(here, ""), &it, again));
        self.remember(desk, shown)
    }
}

impl FromRequestParts<Desk> for Visitor {
    /// The way to sign in.
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, desk: &Desk) -> Result<Self, Response> {
        desk.enter(request).await
    }
}

/// Whether a key still opens the dashboard: it has not ended, and its bearer may see.
pub(super) fn is_live(key: &Key, now: UnixTime) -> bool {
    let may_see = key.verbs.allow(Verb::Read) || key.verbs.allow(Verb::Admin);
    may_see && key.expires_at.is_none_or(|end| now < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_as_long_as_it_lives_and_may_see() {
        let now = UnixTime::from_secs(100);
        let key = |verbs: &str, expires_at: Option<u64>| Key {
            id: "3f9a".to_owned(),
            label: String::new(),
            tenant: None,
            verbs: verbs.parse().expect("verbs"),
            expires_at: expires_at.map(UnixTime::from_secs),
        };
        for (verbs, end, live) in [
            ("read", None, true),
            ("admin", Some(101), true),
            ("read", Some(100), false),
            ("token write import", None, false),
            ("", None, false),
        ] {
            assert_eq!(is_live(&key(verbs, end), now), live, "{verbs} {end:?}");
        }
    }
}
