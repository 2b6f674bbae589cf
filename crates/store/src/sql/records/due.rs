//! A record that came due, leased to this node.

use core::fmt;

use unlapse_core::{Key, UnixTime};

use super::held::Idle;
use super::record_id::RecordId;
use super::release::Release;
use super::store::Shared;

/// A record that came due, leased to this node: the next [`lease`](unlapse_core::Store::lease) of its
/// key takes the claim over, with the record that came with it. Dropped before that, it is given
/// back, and comes due again within moments.
pub struct Due {
    pub(super) shared: Shared,
    pub(super) id: RecordId,
    pub(super) key: Key,
    pub(super) fence: i64,
    pub(super) generation: u64,
    pub(super) attempt: u32,
    pub(super) since: UnixTime,
    pub(super) access_expires_at: Option<UnixTime>,
    pub(super) was_sent: bool,
}

impl Due {
    /// Whose record it is.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The generation of its token.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Renewals that have failed in a row.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When it came due, by the database's clock.
    pub fn due_at(&self) -> UnixTime {
        self.since
    }

    /// When its access token ends; `None` for never, or where there is none.
    pub fn access_expires_at(&self) -> Option<UnixTime> {
        self.access_expires_at
    }

    /// Its refresh token was sent, and what came of it is not known: it comes first (R7).
    pub fn was_sent(&self) -> bool {
        self.was_sent
    }

    /// The release of the claim, where nobody has taken it over.
    pub(super) fn unclaim(&self, due_at: UnixTime) -> Option<Release> {
        let id = self.id;
        let idle = self.shared.held.unclaim(id, self.fence)?;
        let due_at = Some(super::save::number(due_at.as_millis()));
        Some(Release { id, fence: idle.fence, is_empty: idle.is_empty, due_at })
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        if let Some(release) = self.unclaim(self.since) {
            let Release { id, fence, is_empty, .. } = release;
            self.shared.held.rest(id, Idle { fence, claim: None, is_empty });
            self.shared.line.release(release);
        }
    }
}

impl fmt::Debug for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Due")
            .field("key", &self.key)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
