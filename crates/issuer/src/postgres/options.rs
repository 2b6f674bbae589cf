//! What may be chosen about a server of PostgreSQL.

use core::time::Duration;

use unlapse_store::sql::Options;

/// How a [`PostgresStore`](super::PostgresStore) uses its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// So many connections at most, and one more that listens. 16; at least 1.
    pub connections: usize,
    /// A call waits so long for a connection, and is told to come back then. 1 s.
    pub wait: Duration,
    /// A connection is made within this time, or not at all. 2 s.
    pub connect: Duration,
    /// A statement waits so long for a row that another call holds. 2 s.
    pub lock: Duration,
    /// A statement takes so long at most, with its waits. 3 s. A second more, and its connection
    /// is given up.
    pub statement: Duration,
    /// By whose clock sessions and revocations are timed.
    pub clock: PostgresClock,
}

/// By whose clock sessions and revocations are timed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostgresClock {
    /// That of the server, which all nodes share: theirs may differ.
    #[default]
    Server,
    /// That of whoever calls: for tests that set it.
    Caller,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        let Options { connections, wait, connect, lock, statement, .. } = Options::default();
        let clock = PostgresClock::Server;
        Self { connections, wait, connect, lock, statement, clock }
    }
}

impl PostgresOptions {
    /// What is about the server.
    pub(super) fn server(&self) -> Options {
        let Self { connections, wait, connect, lock, statement, .. } = *self;
        let (application, schema) = ("unlapse-issuer", "unlapse");
        Options { application, schema, connections, wait, connect, lock, statement }
    }
}
