//! `[queue]`

use core::time::Duration;

use unlapse::outbox::{OutboxLimits, OutboxPolicy};

use super::keys::QueueKeys;
use super::origin::Valued;
use super::size::Bytes;

/// How much waits for the network, and how it is sent (K12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueConfig {
    /// How much is taken.
    pub(crate) limits: OutboxLimits,
    /// How it is sent.
    pub(crate) policy: OutboxPolicy,
}

/// The settings, and `[queue]` with everything filled in that nobody set.
pub(crate) fn queue(keys: &QueueKeys) -> (QueueConfig, QueueKeys) {
    let (limits, policy) = (OutboxLimits::default(), OutboxPolicy::default());
    let size = |set: &Option<Valued<Bytes>>, default: u64| {
        set.clone().unwrap_or(Valued::default(Bytes(default)))
    };
    let span =
        |set: &Option<Valued<Duration>>, default| set.clone().unwrap_or(Valued::default(default));
    // A size that a machine cannot address is more than it takes anyway.
    let fitting = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let max_body = size(&keys.max_body, limits.body as u64);
    let max_total = size(&keys.max_total, limits.total);
    let entries = Valued::default(number(limits.entries));
    let max_entries = keys.max_entries.clone().unwrap_or(entries);
    let timeout = span(&keys.timeout, policy.deadline);
    let key_lives = span(&keys.key_lives, policy.key_lives);
    let config = QueueConfig {
        limits: OutboxLimits {
            body: fitting(max_body.value.0),
            entries: fitting(u64::from(max_entries.value)),
            total: max_total.value.0,
        },
        policy: OutboxPolicy { deadline: timeout.value, key_lives: key_lives.value, ..policy },
    };
    let shown = QueueKeys {
        max_body: Some(max_body),
        max_entries: Some(max_entries),
        max_total: Some(max_total),
        timeout: Some(timeout),
        key_lives: Some(key_lives),
    };
    (config, shown)
}
