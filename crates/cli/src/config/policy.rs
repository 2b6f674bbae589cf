//! `[profile.NAME.policy]` made into the numbers that a renewal runs by.

use unlapse_core::{BreakerPolicy, Policy, Reuse, Rules};

use super::error::ConfigError;
use super::keys::PolicyKeys;
use super::origin::Origin;

/// The policy of `profile`; what is not set is as the requirements have it.
pub(crate) fn policy(
    profile: &str,
    keys: &PolicyKeys,
    reuse: Reuse,
    api_key_while_away: bool,
) -> Result<Policy, ConfigError> {
    check_delays(profile, keys)?;
    let default = Policy::default();
    macro_rules! set_or {
        ($key:ident, $default:expr) => {
            keys.$key.as_ref().map_or($default, |set| set.value)
        };
    }
    Ok(Policy {
        refresh_ahead: set_or!(refresh_ahead, default.refresh_ahead),
        skew: set_or!(skew, default.skew),
        trust: set_or!(trust, default.trust),
        lease_wait: set_or!(lease_wait, default.lease_wait),
        exchange_deadline: set_or!(timeout, default.exchange_deadline),
        caller_deadline: set_or!(caller_timeout, default.caller_deadline),
        attempts: set_or!(attempts, default.attempts),
        base_delay: set_or!(base_delay, default.base_delay),
        max_delay: set_or!(max_delay, default.max_delay),
        round: set_or!(round, default.round),
        stale: set_or!(stale, default.stale),
        without_store: set_or!(without_store, default.without_store),
        reuse,
        rules: Rules {
            algorithms: keys.algorithms.as_ref().map(|set| set.value.clone()).unwrap_or_default(),
            max_lifetime: keys.max_lifetime.as_ref().map(|set| set.value),
            ..default.rules
        },
        api_key_while_away,
        breaker: BreakerPolicy {
            failures: set_or!(breaker_failures, default.breaker.failures),
            open_for: set_or!(breaker_open_for, default.breaker.open_for),
            ..default.breaker
        },
    })
}

/// A first delay beyond the longest one is a mistake of whoever wrote both down. (A default, or a
/// variable that shortens every delay for a while, is capped in silence.)
fn check_delays(profile: &str, keys: &PolicyKeys) -> Result<(), ConfigError> {
    let (Some(base), Some(max)) = (&keys.base_delay, &keys.max_delay) else { return Ok(()) };
    let written = |origin: &Origin| matches!(origin, Origin::File { .. });
    if base.value <= max.value || !written(&base.origin) || !written(&max.origin) {
        return Ok(());
    }
    Err(ConfigError::BadValue {
        key: format!("profile.{profile}.policy.base_delay"),
        at: base.origin.clone(),
        allowed: format!("at most `max_delay` ({})", max.origin),
        nearest: None,
    })
}
