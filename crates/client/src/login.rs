//! A login that a person makes: on trial until the server has granted it.

use std::sync::Arc;

use tokio::sync::{Mutex, oneshot};
use tracing::Instrument as _;
use unlapse_core::{
    BoxFuture, Cause, Credentials, Demand, Error, Grant, Lease, Now, Place, Record, Secret, State,
    StoreError, Stored,
};

use crate::effort::Effort;
use crate::events::Event;
use crate::flight::UnderWay;
use crate::hold::{Hold, Kept};
use crate::renew::{Renewed, Renewer};
use crate::shared::Shared;
use crate::source::AccessToken;
use crate::trace;

/// What a person brings to a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Takes the place of the login that there is. Without one, the credentials log in.
    pub refresh_token: Option<Secret>,
    /// The private key that the refresh token is bound to (RFC 9449 §5), as a PKCS#8 document in
    /// base64. Without one, a login that is to be bound draws its own.
    pub sender_key: Option<Secret>,
    /// What is `None` stays as the record has it.
    pub credentials: Credentials,
}

/// What a login came to, where it was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedIn {
    /// The server granted this token, and what was brought is kept with it.
    Granted(AccessToken),
    /// The server gave no verdict, for this reason. There was no login to lose, so that what was
    /// brought is kept, and tried when a token is needed.
    Kept(Error),
}

impl Login {
    /// `record` with what was brought. A refresh token replaces the login that there was; its access
    /// token is yet to be bought, and the empty one in its place is expired from birth.
    #[must_use]
    pub fn brought_to(&self, record: &Record, now: Now) -> Record {
        let mut next = record.clone();
        if let Some(refresh_token) = &self.refresh_token {
            let mut grant = Grant::bearer(Secret::new(""));
            grant.refresh_token = Some(refresh_token.clone());
            grant.expires_in = Some(core::time::Duration::ZERO);
            grant.sender_key.clone_from(&self.sender_key);
            next = next.logged_in(grant, now);
        }
        next.next(|record| {
            let old = record.credentials.take().unwrap_or_default();
            let new = self.credentials.clone();
            let kept = Credentials {
                username: new.username.or(old.username),
                password: new.password.or(old.password),
                client_secret: new.client_secret.or(old.client_secret),
            };
            record.credentials = (kept != Credentials::default()).then_some(kept);
            record.state = State::Active;
            record.failure = None;
            record.stored_at = now.wall;
        })
    }
}

/// Whether there is anything to lose: a valid token, or what renews one without a person.
fn is_alive(record: &Record, now: &Now) -> bool {
    let renews = record.refresh_token(now).is_some() || record.credentials.is_some();
    record.token.as_ref().is_some_and(|token| !token.is_expired(now))
        || record.state == State::Active && renews
}

impl Shared {
    /// The lease, waited for as long as the policy says, and the newest record; an empty one in
    /// place of one that is damaged. It counts on from the generations that this process has seen.
    pub(crate) async fn held(&self) -> Result<(Hold, Record), Error> {
        let renewer = &self.renewer;
        let wait = renewer.policy.lease_wait;
        let mut hold = Hold::take(renewer, wait).await?;
        match hold.read(None).await {
            (record, None | Some(StoreError::Damaged { .. })) => {
                Ok((hold, record.counting_on(self.current.newest().generation())))
            }
            (_, Some(error)) => Err(error.into()),
        }
    }

    /// Logs in, in a task of its own (R6).
    pub(crate) async fn log_in(self: &Arc<Self>, login: Login) -> Result<LoggedIn, Error> {
        let (sender, ended) = oneshot::channel();
        let (shared, under_way) = (Arc::clone(self), UnderWay::begin(Arc::clone(self)));
        let span = trace::login(&self.renewer.key);
        let task = async move {
            let _under_way = under_way;
            let (ended, left) = shared.renewer.log_in(shared.held().await, &login).await;
            if let Some((record, kept)) = left {
                shared.publish_record(record, kept);
            }
            if let Ok(LoggedIn::Granted(token)) = &ended {
                shared.renewer.tell(&Event::LoggedIn { generation: token.generation });
            }
            // Nobody waits for it any more, and it has been done all the same.
            let _ = sender.send(ended);
        };
        self.renewer.world.spawn.spawn(Box::pin(task.instrument(span)));
        let key = || self.renewer.key.clone();
        let waited = self.renewer.policy.caller_deadline;
        tokio::select! {
            biased;
            ended = ended => ended.unwrap_or_else(|_| {
                let cause = Cause::Interrupted;
                Err(Error::Temporary { key: key(), cause, attempts: 0, retry_at: None })
            }),
            () = self.renewer.clock.sleep(waited) => Err(Error::Deadline { key: key(), waited }),
        }
    }
}

/// What a login came to, and what is in the store now if that has changed.
type Ended = (Result<LoggedIn, Error>, Option<(Box<Record>, Kept)>);

impl Renewer {
    /// One transaction under one lease.
    ///
    /// Over a login that is alive, nothing is written but a grant: a refusal, a lost reply or a death
    /// leaves it as it was. Where there is nothing to lose, what was brought is durable before it is
    /// sent, as in every renewal (R3), and a refusal takes it back.
    async fn log_in(&self, held: Result<(Hold, Record), Error>, login: &Login) -> Ended {
        let (mut hold, before) = match held {
            Ok(held) => held,
            Err(error) => return (Err(error), None),
        };
        let now = self.clock.now();
        let is_alive = is_alive(&before, &now);
        // Written again as it is: what cannot be kept must not be bought.
        let base = if is_alive { before.next(|_| {}) } else { before.clone() };
        let candidate = login.brought_to(&base, now);
        if let Err(error) = hold.commit(if is_alive { &base } else { &candidate }).await {
            return (Err(error.into()), None);
        }
        let demand = match login.refresh_token {
            Some(_) => Demand::Force,
            None => Demand::NewLogin,
        };
        let hold = Arc::new(Mutex::new(hold));
        let trial = Trial {
            hold: Arc::clone(&hold),
            last: candidate.clone(),
            grants_only: is_alive,
            aside: Ok(()),
        };
        let generation = candidate.generation;
        let mut effort = Effort { is_login: true, ..Effort::default() };
        let trial = Hold::over(Box::new(trial), generation);
        let renewed = self.renew_held(trial, candidate, demand, &mut effort, None).await;
        let mut hold = hold.lock().await;
        match renewed {
            Ok(Renewed::Token(record, _)) => {
                let kept = hold.kept();
                let is_unsaved = kept != Kept::Saved;
                let token = AccessToken::of(&record, is_unsaved).map(LoggedIn::Granted);
                (token.ok_or_else(|| self.refused()), Some((record, kept)))
            }
            // Nothing that a login comes to.
            Ok(Renewed::ApiKey | Renewed::Stale(..)) => (Err(self.refused()), None),
            Err(error) if is_alive => (Err(error), None),
            Err(
                error @ (Error::NeedsLogin { .. }
                | Error::ClientRejected { .. }
                | Error::SenderKey { .. }),
            ) => {
                let (found, _) = hold.read(None).await;
                let back = Record {
                    generation: found.generation + 1,
                    revision: found.revision + 1,
                    ..before
                };
                let kept = hold.keep(&back).await.clone();
                (Err(error), Some((Box::new(back), kept)))
            }
            Err(error) if error.is_retryable() => (Ok(LoggedIn::Kept(error)), None),
            // A grant that breaks a rule: its refresh token is kept (C8).
            Err(error) => (Err(error), None),
        }
    }

    fn refused(&self) -> Error {
        let reason = unlapse_core::LoginReason::NeverLoggedIn;
        Error::NeedsLogin { key: self.key.clone(), reason }
    }
}

/// A lease for a login that has yet to be granted: over a login that is alive, it writes a grant and
/// nothing else.
struct Trial {
    hold: Arc<Mutex<Hold>>,
    /// What the login has come to so far.
    last: Record,
    grants_only: bool,
    /// Whether what could not be saved last was set aside.
    aside: Result<(), StoreError>,
}

impl Lease for Trial {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        // Nobody else writes while we have the lease.
        let stored = Stored { record: self.last.clone(), place: Place::Kept };
        Box::pin(async move { Ok(Some(stored)) })
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let is_granted = record.generation > self.last.generation;
            if self.grants_only && !is_granted {
                self.last = record.clone();
                return Ok(());
            }
            let mut hold = self.hold.lock().await;
            let saved = if record.intent.is_some() {
                hold.commit(record).await.inspect_err(|error| self.aside = Err(error.clone()))
            } else {
                match hold.keep(record).await.clone() {
                    Kept::Saved => Ok(()),
                    Kept::Unsaved { error, set_aside } => {
                        self.aside = if set_aside { Ok(()) } else { Err(error.clone()) };
                        Err(error)
                    }
                }
            };
            // One that is too large is offered again.
            if saved.is_ok() {
                self.last = record.clone();
            }
            saved
        })
    }

    fn set_aside<'a>(&'a mut self, _: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        // The hold has tried that already.
        let tried = self.aside.clone();
        Box::pin(async move { tried })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        // A trial removes nothing.
        Box::pin(async { Err(StoreError::Fenced) })
    }
}
