//! A store in memory, behind a door that can be shut, and that counts who comes in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use unlapse_core::{BoxFuture, UnixTime};
use unlapse_issuer::{
    Advance, Advanced, AuditEntry, AuditLog, Denial, Denials, KeptKey, KeptKeys, MemoryStore,
    RevokedBecause, Session, SessionId, Sessions, Store, Ticket, TicketId, Tickets, Unavailable,
};

#[derive(Default)]
pub(crate) struct Shuttable {
    pub(crate) kept: MemoryStore,
    pub(crate) shut: AtomicBool,
    pub(crate) asked: AtomicU64,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, Unavailable>>;

impl Shuttable {
    /// What the store says, unless the door is shut.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        ask: impl FnOnce(&'a MemoryStore) -> Answer<'a, T> + Send + 'a,
    ) -> Answer<'a, T> {
        self.asked.fetch_add(1, SeqCst);
        Box::pin(async move {
            if self.shut.load(SeqCst) {
                return Err(Unavailable { retry_after: Duration::from_millis(2500) });
            }
            ask(&self.kept).await
        })
    }
}

impl Sessions for Shuttable {
    fn create<'a>(&'a self, session: &'a Session) -> Answer<'a, ()> {
        self.ask(|kept| kept.create(session))
    }

    fn advance<'a>(&'a self, advance: Advance<'a>) -> Answer<'a, Option<Advanced>> {
        self.ask(move |kept| kept.advance(advance))
    }

    fn revoke(
        &self,
        session: SessionId,
        because: RevokedBecause,
        now: UnixTime,
    ) -> Answer<'_, bool> {
        self.ask(move |kept| kept.revoke(session, because, now))
    }

    fn load(&self, session: SessionId) -> Answer<'_, Option<Session>> {
        self.ask(move |kept| kept.load(session))
    }

    fn of_subject<'a>(&'a self, subject: &'a str, now: UnixTime) -> Answer<'a, Vec<Session>> {
        self.ask(move |kept| kept.of_subject(subject, now))
    }

    fn revoke_subject<'a>(
        &'a self,
        subject: &'a str,
        keep: Option<SessionId>,
        because: RevokedBecause,
        now: UnixTime,
    ) -> Answer<'a, Vec<SessionId>> {
        self.ask(move |kept| kept.revoke_subject(subject, keep, because, now))
    }
}

impl Denials for Shuttable {
    fn deny<'a>(&'a self, jti: &'a str, now: UnixTime) -> Answer<'a, ()> {
        self.ask(move |kept| kept.deny(jti, now))
    }

    fn denied(&self, since: UnixTime) -> Answer<'_, Vec<Denial>> {
        self.ask(move |kept| kept.denied(since))
    }
}

impl Tickets for Shuttable {
    fn insert<'a>(
        &'a self,
        id: TicketId,
        value: &'a [u8],
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Answer<'a, bool> {
        self.ask(move |kept| kept.insert(id, value, expires_at, now))
    }

    fn ticket(&self, id: TicketId, now: UnixTime) -> Answer<'_, Option<Ticket>> {
        self.ask(move |kept| kept.ticket(id, now))
    }

    fn replace<'a>(
        &'a self,
        id: TicketId,
        version: u64,
        value: &'a [u8],
        expires_at: UnixTime,
    ) -> Answer<'a, bool> {
        self.ask(move |kept| kept.replace(id, version, value, expires_at))
    }
}

impl KeptKeys for Shuttable {
    fn keys(&self) -> Answer<'_, Vec<KeptKey>> {
        self.ask(|kept| kept.keys())
    }

    fn insert_key<'a>(&'a self, kid: &'a str, document: &'a [u8]) -> Answer<'a, bool> {
        self.ask(move |kept| kept.insert_key(kid, document))
    }

    fn replace_key<'a>(&'a self, key: &'a KeptKey) -> Answer<'a, bool> {
        self.ask(move |kept| kept.replace_key(key))
    }

    fn remove_key<'a>(&'a self, kid: &'a str) -> Answer<'a, ()> {
        self.ask(move |kept| kept.remove_key(kid))
    }
}

impl AuditLog for Shuttable {
    fn append<'a>(&'a self, entries: &'a [AuditEntry]) -> Answer<'a, ()> {
        self.ask(move |kept| kept.append(entries))
    }
}

impl Store for Shuttable {
    fn sweep(&self, now: UnixTime) -> Answer<'_, u64> {
        self.ask(move |kept| kept.sweep(now))
    }
}
