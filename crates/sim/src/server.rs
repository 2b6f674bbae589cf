//! The authorization server: any reuse class, in any mood.

use std::time::Duration;

use unlapse::Revoked;
use unlapse_core::{Body, ErrorCode, Grant, Rejection, Reply, Reuse, Secret};
use unlapse_issuer::Succession;

use crate::family::{End, Family};
use crate::host::true_wall;
use crate::trace::Actor;
use crate::world::State;

/// How the server, or something before it, answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Well,
    /// With this status and nothing else.
    Status(u16),
    /// With a firewall's page of this status.
    Html(u16),
    /// With 429 and a wish.
    Limited(Duration),
    /// It does what it should, and a gateway answers with this status for it.
    Gateway(u16),
    /// With an error that is no verdict, `temporarily_unavailable`.
    Temporary,
    /// With `invalid_grant` in this status, which makes it no verdict (429, 5xx).
    Misleading(u16),
    /// With a verdict on the client.
    Client(Rejection),
    /// With JSON that is no token reply.
    Json(u16),
    /// With nothing at all.
    Empty(u16),
    /// With something unreadable.
    Garbage(u16),
    /// With a token reply in a status that makes it none; no token was touched.
    Odd(u16),
    /// With more than anybody reads.
    TooLarge(u16),
}

/// What the ledger has to know of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A token was granted: family, its refresh token, and whether that is a new one.
    Granted { family: usize, refresh: String, access: String, rotated: bool },
    /// The login ended here and now, since a refresh token was used twice.
    ReuseFound { family: usize },
    /// The token was refused without further harm.
    Refused,
    /// Nothing happened to any token.
    Nothing,
}

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) class: Reuse,
    pub(crate) families: Vec<Family>,
    /// Seconds that an access token lives; `None`: it says nothing.
    pub(crate) lifetime: Option<Duration>,
    pub(crate) mood: Mood,
    pub(crate) mood_until: Duration,
    pub(crate) down_until: Duration,
    /// Its clock less the true one, in milliseconds.
    pub(crate) clock_off: i64,
    /// Whether stored credentials are good.
    pub(crate) takes_logins: bool,
    pub(crate) requests: u64,
    pub(crate) rotations: u64,
    serial: u64,
}

impl Server {
    pub(crate) fn new(class: Reuse, lifetime: Option<Duration>) -> Self {
        Self {
            class,
            families: Vec::new(),
            lifetime,
            mood: Mood::Well,
            mood_until: Duration::ZERO,
            down_until: Duration::ZERO,
            clock_off: 0,
            takes_logins: true,
            requests: 0,
            rotations: 0,
            serial: 0,
        }
    }

    /// Well again, and on time.
    pub(crate) fn heal(&mut self) {
        self.mood_until = Duration::ZERO;
        self.down_until = Duration::ZERO;
        self.clock_off = 0;
        self.takes_logins = true;
    }

    /// A new login.
    pub(crate) fn open(&mut self, now: Duration) -> (Grant, Deed) {
        self.families.push(Family::open(self.class, now));
        self.grant(self.families.len() - 1, false)
    }

    fn grant(&mut self, family: usize, rotated: bool) -> (Grant, Deed) {
        self.serial += 1;
        let access = format!("at-{family}-{}-canary", self.serial);
        let refresh = format!("rt-{family}-{}-canary", self.families[family].current());
        let mut grant = Grant::bearer(Secret::new(access.as_str()));
        grant.refresh_token = Some(Secret::new(refresh.as_str()));
        grant.expires_in = self.lifetime;
        (grant, Deed::Granted { family, refresh, access, rotated })
    }

    /// Whether a refresh token would be taken now.
    pub(crate) fn would_take(&self, token: &str, now: Duration) -> bool {
        let Some((family, number)) = parse(token) else { return false };
        self.families.get(family).is_some_and(|login| {
            let taken =
                matches!(login.decide(number, now), Succession::Rotate | Succession::Replay);
            login.ended.is_none() && taken
        })
    }

    fn refresh(&mut self, token: &str, now: Duration) -> (Body, Deed) {
        let refused = Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant));
        let Some((family, number)) = parse(token) else { return (refused, Deed::Refused) };
        let login = self.families.get_mut(family).filter(|login| login.ended.is_none());
        let Some(login) = login else { return (refused, Deed::Refused) };
        let rotates = match login.present(number, now) {
            Succession::Rotate => true,
            Succession::Replay => false,
            Succession::RevokeReuse => return (refused, Deed::ReuseFound { family }),
            // No login of this world comes to its end by age, and one that was ended is not asked.
            Succession::FromTheFuture | Succession::Refused(_) => {
                return (refused, Deed::Refused);
            }
        };
        self.rotations += u64::from(rotates);
        let (grant, deed) = self.grant(family, rotates);
        (Body::Grant(Box::new(grant)), deed)
    }

    /// The server rotated a token before the world began, and nobody heard of it.
    pub(crate) fn rotate_unheard(&mut self, token: &str) {
        let _ = self.refresh(token, Duration::ZERO);
    }

    fn act(&mut self, token: Option<&str>, now: Duration) -> (Body, Deed) {
        match token {
            Some(token) => self.refresh(token, now),
            None if self.takes_logins => {
                let (grant, deed) = self.open(now);
                (Body::Grant(Box::new(grant)), deed)
            }
            None => (Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant)), Deed::Refused),
        }
    }

    /// Ends the login of a token, as RFC 7009 has it.
    pub(crate) fn revoke(&mut self, token: &str) -> Revoked {
        if let Some((family, _)) = parse(token)
            && let Some(login) = self.families.get_mut(family)
        {
            login.ended.get_or_insert(End::Revoked);
        }
        Revoked::Done
    }
}

/// Family and number of a refresh token, or family of an access token.
fn parse(token: &str) -> Option<(usize, u64)> {
    let mut parts = token.split('-').skip(1);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl State {
    /// The server answers a request to its token endpoint.
    pub(crate) fn serve(&mut self, call: u64, token: Option<&str>) -> Reply {
        let now = self.now;
        self.server.requests += 1;
        let mood = if self.server.mood_until > now { self.server.mood } else { Mood::Well };
        let mut retry_after = None;
        let error = |code| Body::Error(code);
        let (status, body, deed) = match mood {
            Mood::Well => {
                let (body, deed) = self.server.act(token, now);
                let status = if matches!(body, Body::Error(_)) { 400 } else { 200 };
                (status, body, deed)
            }
            Mood::Gateway(status) => {
                let (_, deed) = self.server.act(token, now);
                (status, Body::Html, deed)
            }
            Mood::Limited(wait) => {
                retry_after = Some(wait);
                (429, Body::Empty, Deed::Nothing)
            }
            Mood::Status(status) | Mood::Empty(status) => (status, Body::Empty, Deed::Nothing),
            Mood::Html(status) => (status, Body::Html, Deed::Nothing),
            Mood::Temporary => (400, error(ErrorCode::Temporary), Deed::Nothing),
            Mood::Misleading(status) => {
                let said = error(ErrorCode::Rejection(Rejection::InvalidGrant));
                (status, said, Deed::Nothing)
            }
            Mood::Client(rejection) => (401, error(ErrorCode::Rejection(rejection)), Deed::Nothing),
            Mood::Json(status) => (status, Body::Json, Deed::Nothing),
            Mood::Odd(status) => {
                let grant = Grant::bearer(Secret::new("never-granted-canary"));
                (status, Body::Grant(Box::new(grant)), Deed::Nothing)
            }
            Mood::Garbage(status) => (status, Body::Garbage, Deed::Nothing),
            Mood::TooLarge(status) => (status, Body::TooLarge, Deed::Nothing),
        };
        let what = match &deed {
            Deed::Granted { rotated: true, .. } => "the server rotates",
            Deed::Granted { .. } => "the server grants",
            Deed::ReuseFound { .. } => "the server finds reuse",
            Deed::Refused => "the server refuses",
            Deed::Nothing => "the server gives no verdict",
        };
        self.did(call, token, deed);
        self.step(Actor::Server, None, what);
        let date = true_wall(now).shifted(self.server.clock_off);
        Reply { status, body, retry_after, date: Some(date) }
    }
}
