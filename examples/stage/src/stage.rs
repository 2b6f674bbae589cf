//! A server that can be taken away.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use unlapse_core::Secret;
use unlapse_issuer::{
    Issuer, MemoryStore, MemoryUsers, PasswordHash, RevokedBecause, Scopes, Sessions as _, User,
    system_clock,
};

use crate::api::Counts;
use crate::builder::{COST, StageBuilder};
use crate::handed::Handed;
use crate::issuing::Issuing;
use crate::port::Port;
use crate::tally::Tally;

/// An issuer with a protected API, on a loopback port that stays its own. It ends with its owner.
///
/// It runs on a thread of its own: its methods may be called from tests with and without a runtime.
pub struct Stage {
    parts: Parts,
    /// Everybody who may have a session.
    subjects: Mutex<BTreeSet<String>>,
}

pub(crate) struct Parts {
    pub(crate) url: String,
    pub(crate) issuer: Issuer,
    pub(crate) users: Arc<MemoryUsers>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) handed: Arc<Handed>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) routes: Router,
    pub(crate) port: Port,
}

impl Stage {
    /// A user that there always is.
    pub const USER: &str = "ada";
    /// The user's password.
    pub const PASSWORD: &str = "correct horse";
    /// A public client that there always is: that of `/api/auth/login`.
    pub const CLIENT: &str = "api";

    /// A stage to be set.
    #[must_use]
    pub fn builder() -> StageBuilder {
        StageBuilder::new()
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, subjects: Mutex::default() }
    }

    /// `http://127.0.0.1:PORT`: the issuer's URL, and where the API is.
    pub fn url(&self) -> &str {
        &self.parts.url
    }

    /// The issuer itself.
    pub fn issuer(&self) -> &Issuer {
        &self.parts.issuer
    }

    /// Adds a user, or gives one a new password. Sessions go on.
    pub fn user(&self, name: &str, password: &str) {
        let password = PasswordHash::new(&Secret::new(password), COST);
        let password = password.expect("the cost is in range");
        self.remember(name);
        self.parts.users.add(name, User { subject: name.to_owned(), password });
    }

    /// Opens a session without any login: its refresh token, for `client` and these scopes, apart by
    /// spaces.
    pub fn open_session(&self, subject: &str, client: &str, scopes: &str) -> Secret {
        let scopes = Scopes::parse(scopes).expect("the test names good scopes");
        self.remember(subject);
        let opened = wait_for(self.parts.issuer.open_session(subject, client, scopes));
        let issued = opened.expect("a store in memory is never away");
        self.parts.handed.note(issued.access_token.expose());
        issued.refresh_token.expect("a session has one")
    }

    /// Refuses every access token that was handed out until now, as if its time were over: 401. The
    /// sessions live.
    pub fn expire(&self) {
        self.parts.handed.refuse_all();
    }

    /// Ends every session, as an operator does: refresh tokens and access tokens are refused from now
    /// on.
    pub fn end_sessions(&self) {
        let Parts { issuer, store, .. } = &self.parts;
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wait_for(async {
            for subject in subjects {
                let live = store.of_subject(&subject, system_clock()()).await;
                for session in live.expect("a store in memory is never away") {
                    let ended = issuer.revoke_session(session.id, RevokedBecause::Operator).await;
                    ended.expect("a store in memory is never away");
                }
            }
        });
    }

    /// How requests for tokens are met from now on.
    pub fn issuing(&self, issuing: Issuing) {
        *self.parts.handed.issuing.lock().unwrap_or_else(PoisonError::into_inner) = issuing;
    }

    /// Takes the server away: every connection breaks, and new ones are refused. What it knows of
    /// sessions stays.
    pub fn down(&mut self) {
        self.parts.port.close();
    }

    /// Brings it back, on the same port and with the same sessions.
    pub fn up(&mut self) {
        self.parts.port.serve(self.parts.routes.clone());
    }

    /// What has happened so far.
    pub fn tally(&self) -> Tally {
        let Parts { issuer, handed, counts, .. } = &self.parts;
        let issued = issuer.counts();
        Tally {
            logins: issued.logins,
            sessions: issued.sessions_opened,
            client_grants: issued.client_grants,
            refreshes: issued.rotations,
            replays: issued.replays,
            reuses: issued.reuse_revocations,
            ended: issued.families_revoked,
            token_requests: handed.requests.load(Relaxed),
            requests: counts.requests.load(Relaxed),
            unauthorized: counts.unauthorized.load(Relaxed),
            by_api_key: counts.by_api_key.load(Relaxed),
        }
    }

    fn remember(&self, subject: &str) {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.insert(subject.to_owned());
    }
}

/// What comes of `work`, on a thread of its own: whoever calls may stand in a runtime already.
fn wait_for<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime").block_on(work)
        });
        thread.join().expect("the issuer does not panic")
    })
}
