//! Tickets in memory.

use std::collections::HashMap;

use unlapse_core::{BoxFuture, UnixTime};

use super::{MemoryStore, done};
use crate::store::Unavailable;
use crate::tickets::{Ticket, TicketId, Tickets};

/// Tickets, and how many there may be before expired ones are looked for.
#[derive(Debug, Default)]
pub(super) struct KeptTickets {
    tickets: HashMap<TicketId, Ticket>,
}

impl KeptTickets {
    /// Forgets what has expired; returns how many.
    pub(super) fn sweep(&mut self, now: UnixTime) -> usize {
        let before = self.tickets.len();
        self.tickets.retain(|_, ticket| now < ticket.expires_at);
        before - self.tickets.len()
    }
}

impl Tickets for MemoryStore {
    fn insert<'a>(
        &'a self,
        id: TicketId,
        value: &'a [u8],
        expires_at: UnixTime,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let mut kept = self.tickets();
        // Swept when the map would grow, so that a sweep costs a constant time per ticket.
        if kept.tickets.len() == kept.tickets.capacity() {
            kept.sweep(now);
        }
        let live = kept.tickets.get(&id).is_some_and(|ticket| now < ticket.expires_at);
        if !live {
            let ticket = Ticket { value: value.to_vec(), version: 1, expires_at };
            kept.tickets.insert(id, ticket);
        }
        done(!live)
    }

    fn ticket(
        &self,
        id: TicketId,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<Option<Ticket>, Unavailable>> {
        let kept = self.tickets();
        done(kept.tickets.get(&id).filter(|ticket| now < ticket.expires_at).cloned())
    }

    fn replace<'a>(
        &'a self,
        id: TicketId,
        version: u64,
        value: &'a [u8],
        expires_at: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let mut kept = self.tickets();
        let found = kept.tickets.get_mut(&id).filter(|ticket| ticket.version == version);
        let replaced = found.map(|ticket| {
            *ticket = Ticket { value: value.to_vec(), version: version + 1, expires_at };
        });
        done(replaced.is_some())
    }
}
