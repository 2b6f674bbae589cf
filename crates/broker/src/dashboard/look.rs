//! Where the pages' facts come from, and where their buttons lead.

use unlapse::unlapse_core::{BoxFuture, Secret, UnixTime};

use super::facts::{AppFacts, Entry, History, Import, Key, Overview, TenantFacts};
use crate::broker::{Actor, Filter, Page};
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;

/// What comes of looking.
pub(super) type Looked<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// What the pages ask. A `tenant` of `None` is an operator's view: that of all.
pub(super) trait Look: Send + Sync {
    /// What time it is.
    fn now(&self) -> UnixTime;

    /// Whether a text is as a key is: what is not is no guess.
    fn is_key(&self, text: &Secret) -> bool;

    /// The key that somebody signs in with; `None`: it is none, or has ended.
    fn key<'a>(&'a self, secret: &'a Secret) -> Looked<'a, Option<Key>>;

    /// The key of this id, for the session of this hash; `None`: either has ended.
    fn key_of_session<'a>(&'a self, id: &'a str, session: [u8; 32]) -> Looked<'a, Option<Key>>;

    /// Ends the session of this hash, which would have lived until `ends_at`, on every node.
    fn sign_out(&self, session: [u8; 32], ends_at: UnixTime) -> Looked<'_, ()>;

    /// Notes that somebody signed in, or tried to.
    fn note_sign_in<'a>(&'a self, key: Option<&'a Key>, from: &'a str) -> Looked<'a, ()>;

    /// Every tenant.
    fn tenants(&self) -> Looked<'_, Vec<TenantFacts>>;

    /// How it is doing.
    fn overview<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Overview>;

    /// A part of the connections.
    fn connections<'a>(
        &'a self,
        tenant: &'a Name,
        filter: &'a Filter,
        after: Option<&'a ConnectionId>,
        limit: usize,
    ) -> Looked<'a, Page>;

    /// A connection, and what has been done with it.
    fn history<'a>(&'a self, id: &'a ConnectionId) -> Looked<'a, History>;

    /// Renews a connection.
    fn renew<'a>(&'a self, id: &'a ConnectionId, by: &'a Actor) -> Looked<'a, ()>;

    /// Removes a connection.
    fn remove<'a>(&'a self, id: &'a ConnectionId, by: &'a Actor) -> Looked<'a, ()>;

    /// The apps, by name.
    fn apps<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Vec<AppFacts>>;

    /// The latest imports, the newest first.
    fn imports<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Vec<Import>>;

    /// A part of the audit log, the newest first.
    fn audits<'a>(
        &'a self,
        tenant: Option<&'a Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Looked<'a, Vec<Entry>>;

    /// A part of the events, the newest first.
    fn events<'a>(
        &'a self,
        tenant: Option<&'a Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Looked<'a, Vec<Entry>>;
}
