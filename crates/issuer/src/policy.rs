//! The numbers of succession that may be chosen.

use core::time::Duration;

/// How refresh tokens succeed one another and how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For so long after a rotation, the refresh token before it is answered with its successor.
    /// 30 s; 300 s at most; zero is strict rotation: every second use is reuse.
    pub grace: Duration,
    /// So many replays of one generation are counted, each of them a write; the next are answered
    /// like them, and write nothing. 100; at least 1.
    pub replay_cap: u32,
    /// A session that is not refreshed for so long ends. 14 days; 1 s at least.
    pub idle_lifetime: Duration,
    /// A session ends so long after it began, however often it is refreshed. 90 days; not less
    /// than `idle_lifetime`.
    pub absolute_lifetime: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
            replay_cap: 100,
            idle_lifetime: DAY * 14,
            absolute_lifetime: DAY * 90,
        }
    }
}

/// A number of the policy is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPolicy {
    /// `grace`.
    #[error("`grace` is 300 s at most")]
    Grace,
    /// `replay_cap`.
    #[error("`replay_cap` is at least 1; for strict rotation set `grace` to zero")]
    ReplayCap,
    /// `idle_lifetime`.
    #[error("`idle_lifetime` is at least 1 s, and at least as long as `grace`")]
    IdleLifetime,
    /// `absolute_lifetime`.
    #[error("`absolute_lifetime` is at least as long as `idle_lifetime`, and ten years at most")]
    AbsoluteLifetime,
}

impl Policy {
    /// Whether every number is in its range.
    pub fn check(&self) -> Result<(), BadPolicy> {
        if self.grace > Duration::from_secs(300) {
            return Err(BadPolicy::Grace);
        }
        if self.replay_cap == 0 {
            return Err(BadPolicy::ReplayCap);
        }
        if self.idle_lifetime < Duration::from_secs(1) || self.idle_lifetime < self.grace {
            return Err(BadPolicy::IdleLifetime);
        }
        if self.absolute_lifetime < self.idle_lifetime || self.absolute_lifetime > DAY * 3653 {
            return Err(BadPolicy::AbsoluteLifetime);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_every_number_has_its_range() {
        let policy = Policy::default();
        let secs = Duration::from_secs;
        let rows = [
            (policy, Ok(())),
            (Policy { grace: Duration::ZERO, ..policy }, Ok(())),
            (Policy { grace: secs(300), ..policy }, Ok(())),
            (Policy { grace: secs(301), ..policy }, Err(BadPolicy::Grace)),
            (Policy { replay_cap: 0, ..policy }, Err(BadPolicy::ReplayCap)),
            (Policy { idle_lifetime: Duration::ZERO, ..policy }, Err(BadPolicy::IdleLifetime)),
            (Policy { idle_lifetime: secs(29), ..policy }, Err(BadPolicy::IdleLifetime)),
            (Policy { absolute_lifetime: DAY, ..policy }, Err(BadPolicy::AbsoluteLifetime)),
            (Policy { absolute_lifetime: DAY * 4000, ..policy }, Err(BadPolicy::AbsoluteLifetime)),
        ];
        for (policy, expected) in rows {
            assert_eq!(policy.check(), expected, "{policy:?}");
        }
    }
}
