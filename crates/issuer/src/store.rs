//! Where everything rests that outlives a request: the contract of every store.

use core::time::Duration;

use unlapse_core::{BoxFuture, UnixTime};

use crate::audit_log::AuditLog;
use crate::denials::Denials;
use crate::kept_keys::KeptKeys;
use crate::sessions::Sessions;
use crate::tickets::Tickets;

/// A store that sessions, users or clients are kept in cannot answer now.
///
/// It becomes a 503 with `Retry-After`, never an `invalid_grant`: clients throw logins away on
/// that. The store logs the cause itself; it may hold what callers must not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot answer now")]
pub struct Unavailable {
    /// Asking again earlier is useless.
    pub retry_after: Duration,
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl From<unlapse_store::sql::Away> for Unavailable {
    fn from(away: unlapse_store::sql::Away) -> Self {
        Self { retry_after: away.retry_after }
    }
}

/// Everything that an issuer keeps. Every method of it is atomic and, in a store that outlives the
/// process, durable when it returns. A cancelled call has happened whole or not at all.
pub trait Store: Sessions + Denials + Tickets + KeptKeys + AuditLog {
    /// Forgets what has ended long ago, a bounded amount at a time; returns how much. The issuer
    /// calls it now and then. `now` is what time it is; a store with a clock of its own, shared by
    /// its nodes, goes by that. A store without one deletes no session that has ended by a clock
    /// a day or more ahead of the last refresh of any that it looks at: nothing would bring them
    /// back, and the next refresh says whether that is the time.
    fn sweep(&self, now: UnixTime) -> BoxFuture<'_, Result<u64, Unavailable>>;
}
