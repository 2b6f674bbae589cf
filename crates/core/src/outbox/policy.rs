//! What is a matter of choice in sending what waits.

use core::time::Duration;

/// How an outbox is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxPolicy {
    /// Longest wait for one answer (R17). 30 s.
    pub deadline: Duration,
    /// Delay before a request is tried a second time; doubles with each attempt. 1 s.
    pub base_delay: Duration,
    /// Longest delay that is ours. 5 min.
    pub max_delay: Duration,
    /// Longest `Retry-After` that is obeyed. 1 h.
    pub max_asked: Duration,
    /// How long a server remembers an idempotency key. A request that may have been acted upon longer
    /// ago is set apart for a person, unless its method is idempotent by itself. 24 h.
    pub key_lives: Duration,
    /// Answers of 409 to a request in doubt that are taken for "another attempt is still under way".
    pub conflicts: u32,
    /// Longest wait for another process that is sending. 5 s.
    pub lease_wait: Duration,
    /// Lines that are sent at once.
    pub at_once: usize,
    /// How long a line is sent before the others are looked at again and, by an outbox that sends by
    /// itself, before another process may send (R17). A request that is under way then is waited for.
    /// 2 s.
    pub turn: Duration,
    /// Time between looks for what another process has put in. 30 s.
    pub round: Duration,
}

impl Default for OutboxPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(300),
            max_asked: Duration::from_secs(3600),
            key_lives: Duration::from_secs(86_400),
            conflicts: 5,
            lease_wait: Duration::from_secs(5),
            at_once: 10,
            turn: Duration::from_secs(2),
            round: Duration::from_secs(30),
        }
    }
}
