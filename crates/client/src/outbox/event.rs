//! What happens to requests that wait. Never a secret, nor a part of the request (R18).

use std::sync::Arc;

use unlapse_core::outbox::{EntryId, Setback, Wait};

/// Something happened to a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboxEvent {
    /// It was put in, and is durable.
    Queued {
        /// Its name.
        id: EntryId,
    },
    /// The server has acted upon it, and it is gone from here.
    Sent {
        /// Its name.
        id: EntryId,
        /// What the server answered.
        status: u16,
        /// How often it was sent.
        attempts: u32,
    },
    /// It stays first in its line, and is tried again.
    Waits {
        /// Its name.
        id: EntryId,
        /// Why.
        setback: Setback,
        /// Until when.
        wait: Wait,
    },
    /// Its line waits for a login.
    Blocked {
        /// Its name.
        id: EntryId,
        /// Why.
        setback: Setback,
    },
    /// It is set apart for a person to see.
    Refused {
        /// Its name.
        id: EntryId,
        /// Why.
        setback: Setback,
    },
    /// It cannot be used, and was set aside.
    Damaged {
        /// Its name.
        id: EntryId,
    },
}

/// Is told what happens. Must be quick: sending waits for it. If it panics, it is not told, and nothing
/// else happens.
pub type OutboxObserver = Arc<dyn Fn(&OutboxEvent) + Send + Sync>;

impl OutboxEvent {
    /// Logs it at the level that its reader needs.
    pub(super) fn trace(&self) {
        match self {
            Self::Queued { .. } | Self::Sent { .. } => {
                tracing::info!(target: "unlapse", event = ?self);
            }
            Self::Waits { .. } => tracing::debug!(target: "unlapse", event = ?self),
            Self::Blocked { .. } | Self::Refused { .. } | Self::Damaged { .. } => {
                tracing::warn!(target: "unlapse", event = ?self);
            }
        }
    }
}
