//! Things of minutes that are used once: the contract of every store.

use core::fmt;

use unlapse_core::{BoxFuture, UnixTime};

use crate::store::Unavailable;
use unlapse_verify::sha256;

/// Names a ticket: a digest of what it is for and of the secret that its holder shows. The store
/// never sees the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketId([u8; 32]);

impl TicketId {
    /// That of `secret`, among the tickets of one kind.
    pub fn of(kind: &'static str, secret: &str) -> Self {
        Self(sha256(format!("{kind}\0{secret}").as_bytes()))
    }

    /// From its bytes, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketId({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A ticket as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// What it says: 16 KiB at most. No secret.
    pub value: Vec<u8>,
    /// Grows with each replacement; what [`Tickets::replace`] compares.
    pub version: u64,
    /// Not to be found from then on.
    pub expires_at: UnixTime,
}

/// Keeps authorization codes, device codes and the ids of proofs that were used: each a few
/// minutes, each changed by comparing and setting, so that of two who use one, one comes first.
/// What a change means is decided by the issuer.
pub trait Tickets: Send + Sync {
    /// Keeps a new ticket, unless there is one of that name which has not expired at `now`:
    /// whether it was kept.
    fn insert<'a>(
        &'a self,
        id: TicketId,
        value: &'a [u8],
        expires_at: UnixTime,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>>;

    /// The ticket of that name, unless it has expired at `now`.
    fn ticket(
        &self,
        id: TicketId,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<Option<Ticket>, Unavailable>>;

    /// Replaces what it says, if it still has that version: whether it had. To end one, let it
    /// expire at once.
    fn replace<'a>(
        &'a self,
        id: TicketId,
        version: u64,
        value: &'a [u8],
        expires_at: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>>;
}
