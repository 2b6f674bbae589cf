//! Proofs that were used, until they would be refused anyway (RFC 9449 §11.1).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use unlapse_core::UnixTime;

use crate::dpop::BadProof;
use crate::sha256::sha256;
use crate::thumbprint::Thumbprint;

/// Remembers which proofs were used. Bounded; when it is full it refuses proofs rather than forget
/// one, so that a flood makes requests fail and never makes a replay pass.
#[derive(Debug)]
pub struct Replays {
    /// Those that end in one span of time together, by the number of that span: a whole span is
    /// forgotten at once, so that nothing has to be looked through.
    spans: Mutex<BTreeMap<u64, HashSet<[u8; 32]>>>,
    capacity: usize,
}

/// How long a span is. Proofs end at most two minutes from now, so that there are few.
const SPAN: Duration = Duration::from_secs(15);

impl Default for Replays {
    /// For 100,000 proofs: about 8 MB when it is full.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl Replays {
    /// For at most `capacity` proofs at once.
    pub fn new(capacity: usize) -> Self {
        Self { spans: Mutex::default(), capacity }
    }

    /// Notes that the proof `jti` of the key `jkt` was used, until `ends_at`, at `now`. Says
    /// [`BadProof::Replayed`] when it was already, and [`BadProof::ReplaysFull`] when it cannot be
    /// noted.
    pub fn note(
        &self,
        jkt: Thumbprint,
        jti: &str,
        ends_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), BadProof> {
        // The thumbprint has a fixed length: two pairs never make the same bytes.
        let name = sha256(&[&jkt.as_bytes()[..], jti.as_bytes()].concat());
        let span = |at: UnixTime| at.as_millis() / u64::try_from(SPAN.as_millis()).unwrap_or(1);
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        // A span before this one has ended whole.
        *spans = spans.split_off(&span(now));
        if spans.values().any(|names| names.contains(&name)) {
            return Err(BadProof::Replayed);
        }
        if spans.values().map(HashSet::len).sum::<usize>() >= self.capacity {
            return Err(BadProof::ReplaysFull);
        }
        spans.entry(span(ends_at)).or_default().insert(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Thumbprint = Thumbprint::from_bytes([1; 32]);
    const B: Thumbprint = Thumbprint::from_bytes([2; 32]);

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    #[test]
    fn rfc9449_11_1_each_proof_once_for_each_key() {
        let replays = Replays::default();
        assert_eq!(replays.note(A, "j", at(160), at(100)), Ok(()));
        assert_eq!(replays.note(A, "j", at(160), at(100)), Err(BadProof::Replayed));
        // Another time in the proof does not make it another proof.
        assert_eq!(replays.note(A, "j", at(190), at(130)), Err(BadProof::Replayed));
        assert_eq!(replays.note(B, "j", at(160), at(100)), Ok(()));
        assert_eq!(replays.note(A, "J", at(160), at(100)), Ok(()));
        assert_eq!(replays.note(A, "j", at(160), at(160)), Err(BadProof::Replayed));
        // By now its time alone refuses it.
        assert_eq!(replays.note(A, "j", at(300), at(240)), Ok(()));
    }

    #[test]
    fn rfc9449_11_1_full_is_refused_and_nothing_forgotten() {
        let replays = Replays::new(1000);
        for proof in 0..1000 {
            assert_eq!(replays.note(A, &proof.to_string(), at(160), at(100)), Ok(()));
        }
        assert_eq!(replays.note(A, "one more", at(160), at(100)), Err(BadProof::ReplaysFull));
        assert_eq!(replays.note(A, "0", at(160), at(100)), Err(BadProof::Replayed));
        // When they have ended there is room again.
        assert_eq!(replays.note(A, "one more", at(260), at(200)), Ok(()));
    }
}
