//! How signing keys succeed one another: pending, active, retiring, removed.
//!
//! A key is published before it signs, for longer than anybody may cache the keys; and it is
//! published after it has signed for longer than anything that it signed is good. What there is to
//! do is a pure function of the keys, the time and the policy, which every node may ask at any
//! time: [`plan`] is the whole table.

use core::time::Duration;

use unlapse_core::UnixTime;
use unlapse_verify::Algorithm;

/// How the signing keys of an issuer succeed one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// A key signs for so long, then the next one does. 90 days; 1 h to ten years; `None` leaves
    /// rotating to people.
    pub rotate_every: Option<Duration>,
    /// A key is published for so long before it signs. 10 min; 7 min to 24 h: verifiers may cache
    /// the keys for 5 min, other nodes see a new one after 30 s, and clocks may be 30 s apart.
    pub publish_for: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

impl Default for KeyPolicy {
    fn default() -> Self {
        Self { rotate_every: Some(DAY * 90), publish_for: MINUTE * 10 }
    }
}

/// A number of the key policy is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadKeyPolicy {
    /// `rotate_every`.
    #[error("`rotate_every` is 1 h to ten years")]
    RotateEvery,
    /// `publish_for`.
    #[error("`publish_for` is 7 min to 24 h")]
    PublishFor,
}

impl KeyPolicy {
    /// Whether every number is in its range.
    pub fn check(&self) -> Result<(), BadKeyPolicy> {
        let bounds = MINUTE * 60..=DAY * 3653;
        if self.rotate_every.is_some_and(|every| !bounds.contains(&every)) {
            return Err(BadKeyPolicy::RotateEvery);
        }
        if !(MINUTE * 7..=DAY).contains(&self.publish_for) {
            return Err(BadKeyPolicy::PublishFor);
        }
        Ok(())
    }
}

/// A key that signs no more is accepted for so long: as long as an access token may live (60 min),
/// and a day, because a node that cannot reach its store does not learn that the key is retired.
/// Clocks that are 30 s apart do not matter beside that.
pub(crate) const LINGERS: Duration = Duration::from_secs(3600 + 86_400);

/// Where a signing key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Published, and not yet used.
    Pending {
        /// Since when it is published.
        since: UnixTime,
    },
    /// Signs.
    Active {
        /// Since when.
        since: UnixTime,
        /// Somebody asked for the next key.
        due: bool,
    },
    /// Signs no more; what it signed is good. Its private key is forgotten.
    Retiring {
        /// Until when it is published.
        until: UnixTime,
    },
    /// Nothing that it signed is accepted any more. It stays known, so that it never comes back.
    Revoked {
        /// Since when.
        since: UnixTime,
    },
}

impl Stage {
    /// A stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Active { .. } => "active",
            Self::Retiring { .. } => "retiring",
            Self::Revoked { .. } => "revoked",
        }
    }
}

/// A key, as far as its life is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyLife<'a> {
    pub(crate) kid: &'a str,
    pub(crate) algorithm: Algorithm,
    pub(crate) stage: Stage,
}

/// One step of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Makes a key: pending, or active at once where nothing else signs.
    Make { algorithm: Algorithm, active: bool },
    /// It signs from now on.
    Activate { kid: String, since: UnixTime },
    /// It signs no more.
    Retire { kid: String },
    /// It is forgotten.
    Remove { kid: String },
}

/// What there is to do at `now`, in this order, for keys of the `wanted` algorithms.
///
/// | keys of one algorithm | step |
/// | --- | --- |
/// | wanted, none pending or active, nothing else signs | make one, active at once: there is nobody who could know another |
/// | wanted, none pending or active | make one, pending |
/// | active, none pending | make the next ahead: it is known to everybody when it is needed in a hurry |
/// | pending, none active, nothing else signs | activate the oldest, which most know |
/// | pending for `publish_for`, none active | activate it |
/// | active for `rotate_every` or due, the next pending for `publish_for` | activate the next, retire the other |
/// | two active | retire all but the newest |
/// | not wanted, active for `rotate_every`, another algorithm is active | retire it |
/// | not wanted, pending for `rotate_every` | remove it |
/// | retiring until now | remove it |
///
/// The next is the newest pending key, so that one that was imported comes before one that was
/// made ahead. Keys of algorithms that are not wanted here live on for a while, as another node
/// may want them.
pub(crate) fn plan(
    keys: &[KeyLife<'_>],
    wanted: &[Algorithm],
    policy: &KeyPolicy,
    now: UnixTime,
) -> Vec<Step> {
    let signs = |key: &&KeyLife<'_>| matches!(key.stage, Stage::Active { .. });
    let something_signs = keys.iter().any(|key| signs(&key));
    let wanted_signs = keys.iter().filter(signs).any(|key| wanted.contains(&key.algorithm));
    let mut steps = Vec::new();
    for algorithm in Algorithm::ALL {
        let family = Family::of(keys, algorithm);
        if wanted.contains(&algorithm) {
            family.succeed(something_signs, policy, now, &mut steps);
        } else if wanted_signs {
            family.fade(policy, now, &mut steps);
        }
        let older = family.active.iter().skip(1).map(|(_, kid)| *kid);
        steps.extend(older.map(|kid| Step::Retire { kid: kid.to_owned() }));
        let over = family.retiring.iter().filter(|(until, _)| *until <= now);
        steps.extend(over.map(|(_, kid)| Step::Remove { kid: (*kid).to_owned() }));
    }
    steps
}

/// The keys of one algorithm, in each stage the newest first.
struct Family<'a> {
    algorithm: Algorithm,
    pending: Vec<(UnixTime, &'a str)>,
    active: Vec<(UnixTime, &'a str)>,
    retiring: Vec<(UnixTime, &'a str)>,
    /// Somebody asked for another active key.
    due: bool,
}

impl<'a> Family<'a> {
    fn of(keys: &[KeyLife<'a>], algorithm: Algorithm) -> Self {
        let [mut pending, mut active, mut retiring] = [const { Vec::new() }; 3];
        let mut due = false;
        for key in keys.iter().filter(|key| key.algorithm == algorithm) {
            match key.stage {
                Stage::Pending { since } => pending.push((since, key.kid)),
                Stage::Active { since, due: asked } => {
                    active.push((since, key.kid));
                    due |= asked;
                }
                Stage::Retiring { until } => retiring.push((until, key.kid)),
                Stage::Revoked { .. } => {}
            }
        }
        for keys in [&mut pending, &mut active, &mut retiring] {
            keys.sort_unstable_by(|a, b| b.cmp(a));
        }
        Self { algorithm, pending, active, retiring, due }
    }

    /// One is active, and the next is pending.
    fn succeed(
        &self,
        something_signs: bool,
        policy: &KeyPolicy,
        now: UnixTime,
        steps: &mut Vec<Step>,
    ) {
        let algorithm = self.algorithm;
        let known = |since: UnixTime| now.since(since) >= policy.publish_for;
        let aged = |since| policy.rotate_every.is_some_and(|every| now.since(since) >= every);
        match (self.active.first(), self.pending.first()) {
            (None, None) => steps.push(Step::Make { algorithm, active: !something_signs }),
            (Some(_), None) => steps.push(Step::Make { algorithm, active: false }),
            (None, Some(next)) => {
                let oldest = self.pending.last().filter(|_| !something_signs);
                let next = oldest.or(Some(next).filter(|(since, _)| known(*since)));
                steps.extend(next.map(|(_, kid)| activate(kid, now)));
            }
            (Some((since, kid)), Some((published, next))) => {
                if (self.due || aged(*since)) && known(*published) {
                    // Later than the one before by whatever clock: it is the newest from now on.
                    let since = now.max(since.plus(Duration::from_millis(1)));
                    steps.push(activate(next, since));
                    steps.push(Step::Retire { kid: (*kid).to_owned() });
                }
            }
        }
    }

    /// No node has wanted these for a whole rotation.
    fn fade(&self, policy: &KeyPolicy, now: UnixTime, steps: &mut Vec<Step>) {
        let Some(every) = policy.rotate_every else { return };
        let aged = |(since, _): &&(UnixTime, &str)| now.since(*since) >= every;
        let active = self.active.first().filter(aged);
        steps.extend(active.map(|(_, kid)| Step::Retire { kid: (*kid).to_owned() }));
        let pending = self.pending.iter().filter(aged);
        steps.extend(pending.map(|(_, kid)| Step::Remove { kid: (*kid).to_owned() }));
    }
}

fn activate(kid: &str, since: UnixTime) -> Step {
    Step::Activate { kid: kid.to_owned(), since }
}

#[cfg(test)]
#[path = "key_cycle_tests.rs"]
mod tests;
