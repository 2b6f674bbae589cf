//! What may be chosen about a database.

use core::time::Duration;

/// How a [`Database`](super::Database) is used. All but `application` and `schema` is about
/// `PostgreSQL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the program is called in the server's lists. `unlapse`.
    pub application: &'static str,
    /// The schema that everything is in, for names of lower-case letters and `_`; the first node makes
    /// it. `unlapse_broker`. A file of another schema is refused.
    pub schema: &'static str,
    /// So many connections at most. 16; at least 1.
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            application: "unlapse",
            schema: "unlapse_broker",
            connections: 16,
            wait: Duration::from_secs(1),
            connect: Duration::from_secs(2),
            lock: Duration::from_secs(2),
            statement: Duration::from_secs(3),
        }
    }
}

impl Options {
    /// A server that has not answered by then does not answer: it would have given up itself.
    pub fn patience(&self) -> Duration {
        self.statement + Duration::from_secs(1)
    }
}
