//! Nonces for proofs (RFC 9449 §8, §9), without keeping any.

use core::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;
use unlapse_core::{Secret, UnixTime};

use crate::base64url;

/// Nonces that follow from a key and the time: every server with the same key gives out and accepts
/// the same ones, and nothing is stored. Each is accepted for as long as it is given out, and as
/// long again.
#[derive(Clone)]
pub struct Nonces {
    key: hmac::Key,
    step: Duration,
}

impl Nonces {
    /// From a key that all servers of a fleet share; a nonce is given out for one `step`, which is
    /// a second at least.
    pub fn new(key: &Secret, step: Duration) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
        Self { key, step: step.max(Duration::from_secs(1)) }
    }

    /// With a key that nobody else has, for one process: a new nonce every two minutes.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| NoRandomness)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*key);
        Ok(Self { key, step: Duration::from_secs(120) })
    }

    /// What to tell clients at `now`.
    pub fn current(&self, now: UnixTime) -> String {
        self.of_step(self.step_at(now))
    }

    /// Whether `nonce` is what clients were told at `now`, or one step before.
    pub fn accepts(&self, nonce: &str, now: UnixTime) -> bool {
        let step = self.step_at(now);
        let is = |step| bool::from(self.of_step(step).as_bytes().ct_eq(nonce.as_bytes()));
        is(step) || step.checked_sub(1).is_some_and(is)
    }

    fn step_at(&self, now: UnixTime) -> u64 {
        let step = u64::try_from(self.step.as_millis()).unwrap_or(u64::MAX);
        now.as_millis() / step
    }

    fn of_step(&self, step: u64) -> String {
        let tag = hmac::sign(&self.key, &[&b"dpop nonce "[..], &step.to_be_bytes()].concat());
        base64url::encode(&tag.as_ref()[..16])
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("step", &self.step).finish_non_exhaustive()
    }
}

/// The system has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness to give")]
pub struct NoRandomness;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_8_a_nonce_is_good_for_two_steps_and_on_every_server() {
        let key = Secret::new("a key that all servers share");
        let (here, there) = (Nonces::new(&key, SIXTY), Nonces::new(&key, SIXTY));
        let at = UnixTime::from_secs;
        let nonce = here.current(at(600));
        for (now, accepted) in [(600, true), (659, true), (719, true), (720, false), (599, false)] {
            assert_eq!(there.accepts(&nonce, at(now)), accepted, "{now}");
        }
        let other = Nonces::random().expect("randomness");
        for bad in ["", &nonce[1..], &other.current(at(600))] {
            assert!(!here.accepts(bad, at(600)), "{bad}");
        }
        assert!(!format!("{here:?}").contains("share"));
    }

    const SIXTY: Duration = Duration::from_secs(60);
}
