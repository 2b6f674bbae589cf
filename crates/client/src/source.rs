//! Where callers get tokens.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use unlapse_core::{
    Demand, Error, Key, Now, Record, Secret, SenderKeyProblem, StoreError, UnixTime,
};

use crate::current::Served;
use crate::dpop::Proven;
use crate::effects::{Revoked, ToProve};
use crate::events::Event;
use crate::feed::Subscription;
use crate::hold::{Hold, Kept};
use crate::info::Info;
use crate::login::{LoggedIn, Login};
use crate::shared::Shared;

/// One credential, kept alive: a cheap handle that is cloned into every task that makes requests.
///
/// Reading a valid token takes no lock and waits for nothing. Renewal happens ahead of time in a
/// task of its own; callers wait only when there is no valid token at all, and only until their
/// deadline (`Policy::caller_deadline`). A caller that is dropped meanwhile changes nothing.
#[derive(Clone)]
pub struct TokenSource {
    shared: Arc<Shared>,
}

/// What goes on a request, and which generation it is, so that a 401 can name it (R13).
#[derive(Clone, Debug)]
pub struct Bearer {
    header: HeaderValue,
    served: Served,
}

impl Bearer {
    /// The value of the `Authorization` header, marked sensitive.
    pub fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The header, by value.
    #[inline]
    pub fn into_header(self) -> HeaderValue {
        self.header
    }

    /// Which token this is: what [`TokenSource::reject`] wants to know. Zero for an API key.
    pub fn generation(&self) -> u64 {
        self.served.generation()
    }

    /// The token has ended, and its server cannot be reached (K12): a 401 says no more than that.
    pub fn is_stale(&self) -> bool {
        self.served.is_stale()
    }
}

/// An access token, for callers that need more than a header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessToken {
    /// The token itself.
    pub secret: Secret,
    /// `Bearer` or `DPoP`.
    pub token_type: String,
    /// When it ends; `None` when the server names no end.
    pub expires_at: Option<UnixTime>,
    /// The scope that was granted.
    pub scope: Option<String>,
    /// Which token this is. Zero for an API key.
    pub generation: u64,
    /// It is the API key, which stands in for want of a token (R14).
    pub is_api_key: bool,
    /// It could not be saved: another process may have to renew again (R5).
    pub is_unsaved: bool,
    /// It has ended, and is served all the same: its server cannot be reached (K12).
    pub is_stale: bool,
    /// The private key that it is bound to (RFC 9449), as a PKCS#8 document in base64.
    pub sender_key: Option<Secret>,
}

impl AccessToken {
    /// The access token that a record holds, whether or not it is valid.
    pub fn of(record: &Record, is_unsaved: bool) -> Option<Self> {
        let token = record.token.as_ref()?;
        Some(Self {
            secret: token.access_token.clone(),
            token_type: token.token_type.clone(),
            expires_at: token.expires_at(),
            scope: token.scope.clone(),
            generation: record.generation,
            is_api_key: false,
            is_unsaved,
            is_stale: false,
            sender_key: token.sender_key.clone().filter(|_| token.is_dpop()),
        })
    }

    /// An API key in a token's place.
    pub fn api_key(secret: Secret) -> Self {
        Self {
            secret,
            token_type: "Bearer".to_owned(),
            expires_at: None,
            scope: None,
            generation: 0,
            is_api_key: true,
            is_unsaved: false,
            is_stale: false,
            sender_key: None,
        }
    }
}

impl TokenSource {
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The credential that it keeps alive.
    pub fn key(&self) -> &Key {
        &self.shared.renewer.key
    }

    /// The `Authorization` header of a valid token, if there is one at hand: one atomic load, one
    /// clock read, one comparison. `None` asks for [`TokenSource::bearer`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to hand 48 bytes through the stack costs a third")]
    pub fn bearer_now(&self) -> Option<Bearer> {
        let current = self.shared.current.load();
        let current = current.as_ref()?;
        if !current.is_hot(self.shared.renewer.clock.coarse()) {
            return None;
        }
        let served = current.served;
        match current.prepared() {
            Some(header) => Some(Bearer { header: header.clone(), served }),
            None => Some(Bearer { header: current.header().ok()?, served }),
        }
    }

    /// The same, of a token that needs no proof.
    fn unbound_now(&self) -> Option<Bearer> {
        let current = self.shared.current.load();
        let current = current.as_ref()?;
        if current.is_bound() || !current.is_hot(self.shared.renewer.clock.coarse()) {
            return None;
        }
        Some(Bearer { header: current.header().ok()?, served: current.served })
    }

    /// Whether a token is at hand, so that nobody has to wait for one.
    #[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
    pub(crate) fn is_at_hand(&self) -> bool {
        let clock = &self.shared.renewer.clock;
        let current = self.shared.current.load();
        current.as_ref().is_some_and(|current| current.is_hot(clock.coarse()))
            || self.shared.valid(&clock.now()).is_some()
    }

    /// The `Authorization` header of a valid token. Waits only when there is none (R10).
    pub async fn bearer(&self) -> Result<Bearer, Error> {
        if let Some(bearer) = self.bearer_now() {
            return Ok(bearer);
        }
        let current = self.shared.serve(Demand::Fresh { min_ttl: Duration::ZERO }).await?;
        Ok(Bearer { header: self.shared.header(&current)?, served: current.served })
    }

    /// The `Authorization` header of a valid token, and a proof that it is ours to use, for one
    /// request (RFC 9449 §7.1): with `method` to `url`, which is absolute, and the last `nonce` that
    /// its server gave. A token that is bound to no key has no proof. [`dpop`](crate::dpop) shows
    /// what to do with a 401.
    ///
    /// Waits only when there is no valid token (R10). Fails with [`Error::SenderKey`] where no proof
    /// can be made.
    pub async fn proven(
        &self,
        method: &Method,
        url: &str,
        nonce: Option<&str>,
    ) -> Result<Proven, Error> {
        if let Some(bearer) = self.unbound_now() {
            return Ok(Proven { bearer, proof: None });
        }
        let current = self.shared.serve(Demand::Fresh { min_ttl: Duration::ZERO }).await?;
        let header = self.shared.header(&current)?;
        let bearer = Bearer { header, served: current.served };
        let token = current.record().and_then(|record| record.token.as_ref());
        let Some(token) = token.filter(|token| token.is_dpop()) else {
            return Ok(Proven { bearer, proof: None });
        };
        let renewer = &self.shared.renewer;
        let failed = |problem| Error::SenderKey { key: renewer.key.clone(), problem };
        let key = token.sender_key.as_ref().ok_or_else(|| failed(SenderKeyProblem::Missing))?;
        let request = ToProve { method, url, access_token: Some(&token.access_token), nonce };
        let proof = renewer.exchange.prove(key, request).map_err(failed)?;
        Ok(Proven { bearer, proof: Some(proof) })
    }

    /// A valid access token. Waits only when there is none (R10).
    pub async fn token(&self) -> Result<AccessToken, Error> {
        self.token_for(Duration::ZERO).await
    }

    /// A token that lives for `min_ttl` more, renewed first if need be. If it cannot be renewed and
    /// is valid, it is returned all the same: a valid token is never withheld (R10).
    pub async fn token_for(&self, min_ttl: Duration) -> Result<AccessToken, Error> {
        let current = self.shared.serve(Demand::Fresh { min_ttl }).await?;
        self.shared.access_token(&current)
    }

    /// Like [`TokenSource::token_for`], for a process that is about to end: nothing will renew
    /// ahead of time for it, so a renewal that is due is waited for, `patience` long at most while
    /// the token is still valid.
    pub async fn token_once(
        &self,
        min_ttl: Duration,
        patience: Duration,
    ) -> Result<AccessToken, Error> {
        let demand = Demand::Fresh { min_ttl };
        let valid = self.shared.valid(&self.shared.renewer.clock.now());
        let Some(valid) = valid else {
            let current = self.shared.serve(demand).await?;
            return self.shared.access_token(&current);
        };
        if self.shared.is_met(demand, &valid) {
            return self.shared.access_token(&valid);
        }
        let current = match self.shared.wait_or_serve(demand, patience).await {
            // It ended while its successor was waited for.
            Err(Error::Deadline { .. }) => self.shared.serve(demand).await?,
            waited => waited?,
        };
        self.shared.access_token(&current)
    }

    /// Logs in anew with stored credentials, whatever token there is (A1).
    pub async fn obtain(&self) -> Result<AccessToken, Error> {
        self.renewed(Demand::NewLogin).await
    }

    /// Renews now, unless somebody else has done so since this process last looked (A1).
    pub async fn refresh(&self) -> Result<AccessToken, Error> {
        let generation = self.shared.generation();
        self.renewed(Demand::NewerThan(generation)).await
    }

    /// Renews now, whoever else has just done so (A1, K8).
    pub async fn force_refresh(&self) -> Result<AccessToken, Error> {
        self.renewed(Demand::Force).await
    }

    /// Says that a server answered 401 to the token of this generation, and returns the one to
    /// repeat the request with. If a newer one exists, that is it; else it is renewed, once for all
    /// who ask (R13).
    pub async fn reject(&self, generation: u64) -> Result<Bearer, Error> {
        let newer = self.shared.newer_than(generation);
        self.shared.renewer.tell(&Event::Refused { generation, is_late: newer.is_some() });
        let current = if let Some(current) = newer {
            current
        } else {
            let deadline = self.shared.renewer.policy.caller_deadline;
            let waited = self.shared.wait_for(Demand::Rejected(generation), deadline).await;
            // Whatever became of the renewal that was waited for, another may have brought one.
            waited.or_else(|error| self.shared.newer_than(generation).ok_or(error))?
        };
        Ok(Bearer { header: self.shared.header(&current)?, served: current.served })
    }

    /// Everything that happens to this credential from here on, in this process.
    pub fn subscribe(&self) -> Subscription {
        self.shared.renewer.feed.subscribe()
    }

    /// What is known of the credential; no secret. Looks at the store.
    pub async fn info(&self) -> Result<Info, Error> {
        self.shared.look().await?;
        Ok(self.shared.info())
    }

    /// Removes the credential here and from the store. Other processes that share the store notice
    /// within their trust time (K9). The server is not told: see [`TokenSource::log_out`].
    ///
    /// A record that no key at hand opens is removed as well: whoever asks for this means it.
    pub async fn clear(&self) -> Result<(), Error> {
        let (mut hold, record) = match self.shared.held().await {
            Err(Error::Store(StoreError::Custody(_))) => (self.take().await?, Record::default()),
            held => held?,
        };
        let cleared = record.cleared(self.shared.renewer.clock.now());
        self.clear_held(&mut hold, &cleared).await
    }

    /// The lease, waited for as long as the policy says.
    pub(crate) async fn take(&self) -> Result<Hold, Error> {
        let renewer = &self.shared.renewer;
        let wait = renewer.policy.lease_wait;
        Ok(Hold::take(renewer, wait).await?)
    }

    /// Logs in with what a person brings, verified at the server, as one transaction under one lease.
    ///
    /// Over a login that is alive, what was brought is kept only if the server grants a token for it:
    /// refused, unanswered or interrupted, it leaves the login that there was. Where there is none to
    /// lose, what was brought is kept as well when the server gives no verdict
    /// ([`LoggedIn::Kept`]). A caller that is dropped changes nothing (R6).
    ///
    /// To keep something without asking the server, [`TokenSource::edit`] with
    /// [`Login::brought_to`].
    pub async fn log_in(&self, login: Login) -> Result<LoggedIn, Error> {
        self.shared.log_in(login).await
    }

    /// Logs out: revokes the refresh token at the server (RFC 7009), or the access token where there
    /// is no other, or where the server revokes access tokens alone; then clears. All of it under one
    /// lease, so that no successor can be born meanwhile.
    /// When the server cannot revoke it now, nothing is cleared: there is something to try again
    /// with.
    pub async fn log_out(&self) -> Result<Revoked, Error> {
        let (mut hold, record) = self.shared.held().await?;
        let renewer = &self.shared.renewer;
        let revoked = match &record.token {
            None => Revoked::Done,
            Some(token) => tokio::select! {
                biased;
                revoked = renewer.exchange.revoke(token, record.credentials.as_ref()) => revoked,
                () = renewer.clock.sleep(renewer.policy.exchange_deadline) => {
                    Revoked::Failed(unlapse_core::Cause::Timeout)
                }
            },
        };
        if !matches!(revoked, Revoked::Failed(_)) {
            self.clear_held(&mut hold, &record.cleared(renewer.clock.now())).await?;
        }
        Ok(revoked)
    }

    /// Puts `cleared` in the record's place, and serves nothing before it any more.
    pub(crate) async fn clear_held(&self, hold: &mut Hold, cleared: &Record) -> Result<(), Error> {
        hold.clear(cleared).await?;
        self.shared.forget(cleared);
        self.shared.renewer.tell(&Event::Cleared);
        Ok(())
    }

    /// Changes the stored record by hand, under its lease: a login that a person has made, new
    /// credentials. The change is durable when this returns, if only set aside; on an error, nothing
    /// has changed.
    pub async fn edit(
        &self,
        change: impl FnOnce(Record, Now) -> Record + Send,
    ) -> Result<(), Error> {
        let (mut hold, record) = self.shared.held().await?;
        let now = self.shared.renewer.clock.now();
        let mut changed = change(record, now);
        changed.stored_at = now.wall;
        hold.commit(&changed).await?;
        let kept = hold.release();
        if let Kept::Unsaved { error, set_aside } = &kept {
            let (error, set_aside) = (error.clone(), *set_aside);
            self.shared.renewer.tell(&Event::Unsaved { error, set_aside });
        }
        self.shared.publish_record(Box::new(changed), kept);
        Ok(())
    }

    /// Waits for renewals under way, and saves what could not be saved before (R5, R6). To be
    /// called before a process ends: for half a minute, nothing is renewed ahead of time any more. Of a
    /// set, call [`Sources::settle`](crate::Sources::settle).
    pub async fn settle(&self) -> Result<(), Error> {
        let world = &self.shared.renewer.world;
        if world.members.strong_count() == 0 {
            world.rest.begin(world.clock.now());
        }
        self.shared.settle().await
    }

    async fn renewed(&self, demand: Demand) -> Result<AccessToken, Error> {
        let deadline = self.shared.renewer.policy.caller_deadline;
        let current = self.shared.wait_for(demand, deadline).await?;
        self.shared.access_token(&current)
    }
}
