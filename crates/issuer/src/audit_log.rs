//! The audit log at rest: the contract of every store.

use std::net::IpAddr;

use serde::Serialize;
use unlapse_core::{BoxFuture, UnixTime};

use crate::audit::Audit;
use crate::store::Unavailable;

/// An entry as it is kept: [`Audit`], by itself. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When: milliseconds since 1970.
    pub at: u64,
    /// What: the stable name of the event.
    pub event: &'static str,
    /// Why, for refusals and revocations: a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// In which session, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// About whom, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// By which client, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// From which address, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
}

impl From<&Audit<'_>> for AuditEntry {
    fn from(audit: &Audit<'_>) -> Self {
        let Audit { at, event, session, subject, client, peer } = *audit;
        Self {
            at: at.as_millis(),
            event: event.as_str(),
            code: event.code(),
            session: session.map(|session| session.to_string()),
            subject: subject.map(str::to_owned),
            client: client.map(str::to_owned),
            peer,
        }
    }
}

impl AuditEntry {
    /// When.
    pub fn at(&self) -> UnixTime {
        UnixTime::from_millis(self.at)
    }
}

/// Keeps what happened, for good: entries are added and never changed. How long they are kept is
/// the business of whoever runs the store.
pub trait AuditLog: Send + Sync {
    /// Adds entries, in this order.
    fn append<'a>(&'a self, entries: &'a [AuditEntry]) -> BoxFuture<'a, Result<(), Unavailable>>;
}
