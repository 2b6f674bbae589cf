//! What the demo came to.

use serde_json::{Value, json};

use super::arena::Arena;
use super::crew::Crew;
use super::faults::FaultCounts;
use crate::report::Style;

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) requests: u64,
    pub(super) renewals: u64,
    pub(super) replays: u64,
    pub(super) kills: u64,
    pub(super) cancelled: u64,
    pub(super) faults: FaultCounts,
    pub(super) unauthorized: u64,
    pub(super) families_revoked: u64,
}

impl Verdict {
    pub(super) fn of(crew: &Crew, arena: &Arena) -> Self {
        let (total, counts) = (crew.total(), arena.counts());
        Self {
            requests: total.requests,
            renewals: counts.rotations,
            replays: counts.replays,
            kills: crew.kills(),
            cancelled: total.cancelled,
            faults: arena.faults(),
            unauthorized: total.unauthorized.max(arena.unauthorized()),
            families_revoked: counts.families_revoked,
        }
    }

    /// Nobody was logged out, and there was something to survive.
    pub(super) fn is_good(&self) -> bool {
        self.unauthorized == 0
            && self.families_revoked == 0
            && self.requests > 0
            && self.renewals > 0
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "requests": self.requests,
            "renewals": self.renewals,
            "replays": self.replays,
            "faults": {
                "kill_9": self.kills,
                "cancelled_callers": self.cancelled,
                "unavailable_503": self.faults.unavailable,
                "firewall_html": self.faults.firewall,
                "lost_replies": self.faults.lost_replies,
            },
            "unauthorized": self.unauthorized,
            "families_revoked": self.families_revoked,
        })
    }

    pub(super) fn text(&self, style: Style) -> String {
        let (colour, said) = if self.is_good() {
            ("1;32", "nobody was logged out")
        } else {
            ("1;31", "somebody was logged out")
        };
        let faults = self.kills
            + self.cancelled
            + self.faults.unavailable
            + self.faults.firewall
            + self.faults.lost_replies;
        format!(
            "{}\n  requests          {}\n  renewals          {} ({} replayed after a lost reply or \
             a death)\n  faults            {faults}: {} kill -9, {} cancelled callers, {} × 503, {} \
             firewall pages, {} lost replies\n  401s              {}\n  families revoked  {}\n",
            style.paint(colour, said),
            self.requests,
            self.renewals,
            self.replays,
            self.kills,
            self.cancelled,
            self.faults.unavailable,
            self.faults.firewall,
            self.faults.lost_replies,
            self.unauthorized,
            self.families_revoked
        )
    }
}
