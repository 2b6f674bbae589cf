//! What can go wrong with an outbox.

use super::entry::EntryId;
use crate::error::{Damage, StoreError};
use crate::store::Holder;

/// Why an outbox could not do what it was asked. What is in it stays in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// It has as many entries as it takes.
    #[error("the queue holds {most} requests, and takes no more")]
    TooMany {
        /// How many it takes.
        most: usize,
    },
    /// It has as many bytes as it takes.
    #[error("the queue takes {most} bytes in all, and this request would be beyond")]
    Full {
        /// How many it takes.
        most: u64,
    },
    /// The request is larger than one may be.
    #[error("the request has more than the {most} bytes that a queued one may have")]
    TooLarge {
        /// How many it may have.
        most: usize,
    },
    /// It has a field that is never kept.
    #[error("a queued request cannot bring the field `{field}`")]
    FieldRefused {
        /// Which, in lower case.
        field: &'static str,
    },
    /// The given idempotency key is none.
    #[error("an idempotency key has 1 to 255 visible ASCII characters")]
    BadIdempotencyKey,
    /// The request cannot be sent to where it points, or at all.
    #[error("the request cannot be queued: {why}")]
    Unsendable {
        /// Why; no part of the request.
        why: &'static str,
    },
    /// Somebody else is sending, and was for all of the wait.
    #[error("the queue is being sent by {}", holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string))]
    Busy {
        /// Who, where the store can tell.
        holder: Option<Holder>,
    },
    /// There is no such entry: it was sent, or dropped.
    #[error("the queue has no request {id}")]
    NoEntry {
        /// Its name.
        id: EntryId,
    },
    /// An entry cannot be used, and was set aside (C3, C4).
    #[error("the queued request {id} is damaged ({damage}){}", kept.as_ref().map_or_else(String::new, |kept| format!(" and was set aside as {kept}")))]
    Damaged {
        /// Its name.
        id: EntryId,
        /// What is wrong with it.
        damage: Damage,
        /// Where it is kept; `None` when it could not be moved.
        kept: Option<String>,
    },
    /// The place where it rests cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl OutboxError {
    /// The stable name of this error, a heading of the troubleshooting page.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } | Self::Full { .. } => "queue_full",
            Self::TooLarge { .. } => "queue_too_large",
            Self::FieldRefused { .. } | Self::BadIdempotencyKey | Self::Unsendable { .. } => {
                "queue_refused"
            }
            Self::Busy { .. } => "queue_busy",
            Self::NoEntry { .. } => "queue_no_entry",
            Self::Damaged { .. } => "queue_damaged",
            Self::Store(error) => error.code(),
        }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Full { .. } | Self::Busy { .. } => true,
            Self::Store(error) => error.is_retryable(),
            Self::TooLarge { .. }
            | Self::FieldRefused { .. }
            | Self::BadIdempotencyKey
            | Self::Unsendable { .. }
            | Self::NoEntry { .. }
            | Self::Damaged { .. } => false,
        }
    }
}
