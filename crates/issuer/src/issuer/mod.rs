//! The issuer itself: what its parts do together.

#[cfg(feature = "pages")]
mod authorization_code;
mod bad_configuration;
#[cfg(feature = "pages")]
mod browser;
mod builder;
mod client;
mod client_assertion;
#[cfg(feature = "pages")]
mod consent;
#[cfg(feature = "pages")]
mod device;
mod dpop;
mod exchange;
mod housekeeping;
#[cfg(feature = "pages")]
mod id_token;
mod introspect;
mod issued;
mod keys;
mod limit;
mod login;
mod metrics;
mod owner;
#[cfg(feature = "pages")]
mod pages;
mod public_url;
mod refresh;
mod revoke;

use core::fmt;
use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify};
use unlapse_core::{Secret, UnixTime};

use crate::access_token::{Claims, span};
use crate::account_failures::AccountFailures;
use crate::audit::{Audit, AuditHook, Event};
use crate::audit_log::AuditEntry;
use crate::audit_queue::AuditQueue;
use crate::caller::Caller;
use crate::clients::{Client, Clients};
use crate::clock::{Clock, Sleep};
use crate::denied::{Code, Denied};
use crate::dpop_rules::DpopProofs;
use crate::durations::Durations;
use crate::health::Health;
use crate::key_ring::KeyRing;
use crate::password::PasswordChecks;
use crate::pepper::Peppers;
use crate::policy::Policy;
use crate::proxies::Proxies;
use crate::random;
use crate::rate_limits::Limiters;
use crate::refresh_token::RefreshToken;
use crate::scopes::Scopes;
use crate::session::{Opening, Session, SessionId};
use crate::signing_keys::SigningKeys;
use crate::stats::{Counts, Stats};
use crate::store::{Store, Unavailable};
use crate::trusted_issuer::TrustedIssuer;
use crate::users::Users;
use unlapse_verify::{
    AccessClaims, Confirmation, DeniedId, Denylist, Jws, Refusal, Rules, SharedKeys, Thumbprint,
    Verified, Verifier, VerifierBuilder, judge,
};

#[cfg(feature = "pages")]
use self::pages::Pages;
pub use bad_configuration::{BadConfiguration, NotOpened};
pub use builder::IssuerBuilder;
#[cfg(feature = "pages")]
pub(crate) use device::{Typing, WaitingDevice};
pub use exchange::{Exchange, Shown};
#[cfg(feature = "pages")]
pub(crate) use id_token::OPENID;
pub use issued::Issued;
pub(crate) use owner::SESSIONS;

/// Gives out sessions: short access tokens, and refresh tokens that succeed one another.
///
/// Cheap to clone; all clones are one issuer. Its endpoints are had with [`Issuer::router`]; what
/// they do can be called directly, too.
#[derive(Clone)]
pub struct Issuer {
    parts: Arc<Parts>,
    /// Where what is asked of it is from, unless something else is known.
    peer: Option<IpAddr>,
}

struct Parts {
    url: String,
    path: String,
    /// Scheme, host and port of the URL.
    origin: String,
    audience: String,
    access_lifetime: Duration,
    policy: Policy,
    peppers: Arc<Peppers>,
    ring: ArcSwap<KeyRing>,
    /// What of the ring verifies.
    verifying: SharedKeys,
    verifier: Verifier,
    /// The same for requests to the issuer itself, with proofs.
    own_verifier: Verifier,
    /// `None` when one key signs for good.
    keys: Option<SigningKeys>,
    /// One round at a time: a ring is never replaced by an older one.
    key_round: Mutex<()>,
    /// Somebody has changed the keys in the store.
    key_news: Notify,
    clock: Clock,
    sleep: Sleep,
    store: Arc<dyn Store>,
    users: Arc<dyn Users>,
    clients: Arc<dyn Clients>,
    login_client: Arc<Client>,
    passwords: PasswordChecks,
    login_failures: AccountFailures,
    limiters: Limiters,
    proxies: Proxies,
    trusted: Vec<TrustedIssuer>,
    dpop: DpopProofs,
    denylist: Arc<Denylist>,
    #[cfg(feature = "pages")]
    pages: Pages,
    health: Health,
    stats: Stats,
    /// Whether there is an endpoint for metrics.
    metrics: bool,
    durations: Durations,
    audit: Option<AuditHook>,
    /// What the store's log lacks.
    audit_log: AuditQueue,
    /// What the other log lacks, where there is one.
    audit_copy: Option<AuditQueue>,
}

/// What all verifiers of one issuer have in common.
fn verifier_builder(
    url: &str,
    audience: &str,
    keys: &SharedKeys,
    denylist: &Arc<Denylist>,
    clock: &Clock,
) -> VerifierBuilder {
    Verifier::builder(url, audience, keys.clone())
        .denylist(Arc::clone(denylist))
        .clock(Arc::clone(clock))
}

/// Whom an access token speaks for.
struct Holder<'a> {
    subject: &'a str,
    client: &'a str,
    scopes: &'a Scopes,
    session: Option<SessionId>,
    /// It does not outlive its session, or the token that it is given for.
    ends_at: Option<UnixTime>,
    /// The key that the token is bound to.
    jkt: Option<Thumbprint>,
    /// Whom it is meant for, where that is not the issuer's audience.
    audience: Option<&'a str>,
    /// Who acts for the subject (RFC 8693 §4.1).
    act: Option<&'a serde_json::Value>,
}

/// About whom an audit entry is.
#[derive(Clone, Copy, Default)]
struct About<'a> {
    session: Option<SessionId>,
    subject: Option<&'a str>,
    client: Option<&'a str>,
    peer: Option<IpAddr>,
}

impl<'a> About<'a> {
    fn caller(caller: &'a Caller) -> Self {
        Self { client: Some(&caller.client.id), peer: caller.peer, ..Self::default() }
    }

    /// The same, about `session`.
    fn session(self, session: &'a Session) -> Self {
        Self { session: Some(session.id), subject: Some(&session.subject), ..self }
    }
}

impl Issuer {
    /// An issuer of that URL: `https`, or `http` on the loopback; it may have a path.
    pub fn builder(url: impl Into<String>) -> IssuerBuilder {
        IssuerBuilder::new(url.into())
    }

    /// Its URL: the `iss` of its tokens.
    pub fn url(&self) -> &str {
        &self.parts.url
    }

    /// The path that its endpoints lie under: that of its URL, empty for none.
    pub(crate) fn path(&self) -> &str {
        &self.parts.path
    }

    /// What has happened so far, in numbers.
    pub fn counts(&self) -> Counts {
        let Parts { stats, audit_log, audit_copy, .. } = &*self.parts;
        let audit_lost = audit_log.lost() + audit_copy.as_ref().map_or(0, AuditQueue::lost);
        Counts { audit_lost, ..stats.counts() }
    }

    /// Opens a session without any login: for demonstrations, tests, and services that have their
    /// own way to know who somebody is.
    pub async fn open_session(
        &self,
        subject: &str,
        client: &str,
        scopes: Scopes,
    ) -> Result<Issued, Denied> {
        let about = About { client: Some(client), ..About::default() };
        self.open(Opening { subject, client, scopes, ..Opening::default() }, None, about).await
    }

    /// Opens a session for somebody who has just logged in at `caller`.
    async fn open_for(
        &self,
        subject: &str,
        scopes: Scopes,
        caller: &Caller,
    ) -> Result<Issued, Denied> {
        let opening = Opening {
            subject,
            client: &caller.client.id,
            scopes,
            jkt: caller.session_jkt(),
            label: caller.label.as_deref(),
        };
        self.open(opening, caller.jkt, About::caller(caller)).await
    }

    async fn open(
        &self,
        opening: Opening<'_>,
        jkt: Option<Thumbprint>,
        about: About<'_>,
    ) -> Result<Issued, Denied> {
        let Parts { peppers, policy, store, .. } = &*self.parts;
        let now = self.now();
        let kid = peppers.newest().kid().clone();
        let session = Session::begin(opening, kid, now, policy);
        let created = store.create(&session).await;
        created.map_err(|away| self.unavailable(away, about))?;
        self.note(Event::SessionOpened, about.session(&session));
        let refresh_token = RefreshToken::mint(&session, peppers);
        self.issue(&session, refresh_token, None, jkt, now, about)
    }

    /// What an access token of this issuer says, when it may be used now: for a service in the
    /// same process. Asks no store. A token that is bound to a key is refused, as this cannot see
    /// a proof: that takes [`verifier`](Self::verifier).
    pub fn verify(&self, access_token: &str) -> Result<Verified, Refusal> {
        let verified = self.parts.verifier.verify_at_once(access_token)?;
        self.not_expired(verified)
    }

    /// The same of any token, bound to a key or not and whomever it is meant for, for those that
    /// do not act on it.
    fn read(&self, access_token: &str) -> Option<AccessClaims> {
        let Parts { ring, url, denylist, .. } = &*self.parts;
        let jws = Jws::parse(access_token).ok()?;
        let (kid, algorithm) = (jws.header.kid.as_deref()?, jws.header.algorithm?);
        let ring = ring.load();
        if !jws.is_signed_by(ring.jwks().find(kid, algorithm)?.key()) {
            return None;
        }
        let (header, claims) = (jws.header, AccessClaims::from_members(jws.claims).ok()?);
        let rules = Rules::new(url, claims.aud.as_slice().first()?);
        judge(&header, &claims, &rules, self.now()).ok()?;
        let denied = |id: &str| denylist.denies(id);
        let is_denied = denied(&claims.jti) || claims.sid.as_deref().is_some_and(denied);
        (!is_denied && claims.expires_at() > self.now()).then_some(claims)
    }

    /// A verifier allows for clocks that differ; but this one is the issuer's own.
    fn not_expired(&self, verified: Verified) -> Result<Verified, Refusal> {
        if verified.expires_at() <= self.now() { Err(Refusal::Expired) } else { Ok(verified) }
    }

    /// Verifies this issuer's access tokens with its own keys, and refuses what was revoked on any
    /// node within a second, as long as [`housekeeping`](Self::housekeeping) runs: to be layered
    /// over the routes of a service in the same process. [`verifier_builder`] has more to choose.
    ///
    /// [`verifier_builder`]: Self::verifier_builder
    pub fn verifier(&self) -> Verifier {
        self.parts.verifier.clone()
    }

    /// Verifies the requests that the issuer itself answers.
    pub(crate) fn own_verifier(&self) -> &Verifier {
        &self.parts.own_verifier
    }

    /// The same, to be set up: proofs of possession, scopes, another clock's leeway.
    pub fn verifier_builder(&self) -> VerifierBuilder {
        let Parts { url, audience, verifying, denylist, clock, .. } = &*self.parts;
        verifier_builder(url, audience, verifying, denylist, clock)
    }

    /// What was denied since `then`, on any node.
    pub(crate) fn denied_since(&self, then: UnixTime) -> Vec<DeniedId> {
        self.parts.denylist.since(then)
    }

    /// Whether its sessions can be reached: one look into the store, whose answer is good for a
    /// second, however many ask.
    pub async fn is_healthy(&self) -> bool {
        let Parts { health, store, .. } = &*self.parts;
        let look = async { store.load(SessionId::from_bytes([0; 16])).await.is_ok() };
        health.at(self.now(), look).await
    }

    /// The current refresh token of `session` and a fresh access token for `scopes`, or for all of
    /// the session's.
    fn issue(
        &self,
        session: &Session,
        refresh_token: Option<Secret>,
        scopes: Option<&Scopes>,
        jkt: Option<Thumbprint>,
        now: UnixTime,
        about: About<'_>,
    ) -> Result<Issued, Denied> {
        // A node that lacks a pepper which another already signs with is no verdict on the login.
        let away = Unavailable { retry_after: Duration::from_secs(1) };
        let refresh_token =
            refresh_token.ok_or_else(|| self.unavailable(away, about.session(session)))?;
        let holder = Holder {
            subject: &session.subject,
            client: &session.client,
            scopes: scopes.unwrap_or(&session.scopes),
            session: Some(session.id),
            ends_at: Some(session.ends_at),
            jkt,
            audience: None,
            act: None,
        };
        Ok(Issued { refresh_token: Some(refresh_token), ..self.issue_access(&holder, now) })
    }

    fn issue_access(&self, holder: &Holder<'_>, now: UnixTime) -> Issued {
        let Parts { url, audience, ring, access_lifetime, .. } = &*self.parts;
        let left = holder.ends_at.map_or(Duration::MAX, |ends_at| ends_at.since(now));
        let expires_in = left.min(*access_lifetime);
        let (iat, exp) = span(now, expires_in);
        let scope = holder.scopes.to_string();
        let claims = Claims {
            iss: url,
            sub: holder.subject,
            aud: holder.audience.unwrap_or(audience),
            client_id: holder.client,
            scope: Some(scope.as_str()).filter(|scope| !scope.is_empty()),
            exp,
            iat,
            jti: &random::id(),
            sid: holder.session,
            cnf: holder.jkt.map(|jkt| Confirmation::Jkt { jkt }),
            act: holder.act,
        };
        Issued {
            access_token: claims.sign(ring.load().signer()),
            token_type: if holder.jkt.is_some() { "DPoP" } else { "Bearer" },
            expires_in,
            refresh_token: None,
            id_token: None,
            issued_token_type: None,
            scopes: holder.scopes.clone(),
            session: holder.session,
        }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> UnixTime {
        (self.parts.clock)()
    }

    /// Counts and audits `event`.
    fn note(&self, event: Event, about: About<'_>) {
        let About { session, subject, client, peer } = about;
        let peer = peer.or(self.peer);
        let Parts { stats, audit, audit_log, audit_copy, .. } = &*self.parts;
        stats.count(event);
        tracing::debug!(?event, session = ?session, client, "issuer");
        let entry = Audit { at: self.now(), event, session, subject, client, peer };
        if let Some(hook) = audit {
            hook(&entry);
        }
        if let Some(copy) = audit_copy {
            copy.push(AuditEntry::from(&entry));
        }
        audit_log.push(AuditEntry::from(&entry));
    }

    fn refuse(&self, code: Code, about: About<'_>) -> Denied {
        self.note(Event::Refused(code), about);
        Denied { code, retry_after: None }
    }

    fn refuse_for_now(&self, code: Code, retry_after: Duration, about: About<'_>) -> Denied {
        Denied { retry_after: Some(retry_after), ..self.refuse(code, about) }
    }

    /// The store is away: no verdict, whatever was asked.
    fn unavailable(&self, away: Unavailable, about: About<'_>) -> Denied {
        self.refuse_for_now(Code::TemporarilyUnavailable, away.retry_after, about)
    }

    /// An endpoint took a request.
    pub(crate) fn count_request(&self) {
        self.parts.stats.request();
    }

    /// Somebody asked what a token is good for.
    pub(crate) fn count_introspection(&self) {
        self.parts.stats.introspection();
    }

    /// The same issuer, asked from there.
    pub(crate) fn asked_from(&self, peer: Option<IpAddr>) -> Self {
        Self { parts: Arc::clone(&self.parts), peer }
    }

    /// An endpoint could not read a request.
    pub(crate) fn refuse_request(&self, code: Code) -> Denied {
        self.refuse(code, About::default())
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.parts.url).finish_non_exhaustive()
    }
}
