//! Proofs that were used, until they would be refused anyway (RFC 9449 §11.1).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use unlapse_core::UnixTime;

use crate::dpop::BadProof;
use crate::sha256::sha256;
use crate::thumbprint::Thumbprint;

/// Remembers which proofs were used. Bounded; when it is full it refuses proofs rather than forget
/// one, so that a flood makes requests fail and never makes a replay pass.
///
/// From half of its room on, a key that holds more than a hundredth of it is refused, and no other:
/// a flood of one key leaves the other half to the others.
#[derive(Debug)]
pub struct Replays {
    /// Those that end in one span of time together, by the number of that span: a whole span is
    /// forgotten at once, so that nothing has to be looked through.
    spans: Mutex<BTreeMap<u64, Span>>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Span {
    names: HashSet<[u8; 32]>,
    /// How many of them are of which key.
    by_key: HashMap<Thumbprint, usize>,
}

/// What every key may hold, however little room there is.
const LEAST_SHARE: usize = 8;

/// How long a span is. Proofs end at most two minutes from now, so that there are few.
const SPAN: Duration = Duration::from_secs(15);

impl Default for Replays {
    /// For 100,000 proofs: about 8 MB when it is full, and as much again when each is of another
    /// key.
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
        let name = name(jkt, jti);
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        // A span before this one has ended whole.
        *spans = spans.split_off(&number(now));
        if spans.values().any(|span| span.names.contains(&name)) {
            return Err(BadProof::Replayed);
        }
        let all: usize = spans.values().map(|span| span.names.len()).sum();
        let own: usize = spans.values().filter_map(|span| span.by_key.get(&jkt)).sum();
        if !self.has_room(all, own) {
            return Err(BadProof::ReplaysFull);
        }
        let span = spans.entry(number(ends_at)).or_default();
        span.names.insert(name);
        *span.by_key.entry(jkt).or_default() += 1;
        Ok(())
    }

    /// Gives back the room of a proof that was [noted](Self::note) until `ends_at`, of a request that
    /// came to nothing: whoever sends it again gains as little.
    pub fn forget(&self, jkt: Thumbprint, jti: &str, ends_at: UnixTime) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(span) = spans.get_mut(&number(ends_at)) else { return };
        if !span.names.remove(&name(jkt, jti)) {
            return;
        }
        if let Entry::Occupied(mut of_key) = span.by_key.entry(jkt) {
            *of_key.get_mut() -= 1;
            if *of_key.get() == 0 {
                of_key.remove();
            }
        }
    }

    /// Whether one more proof may be noted, of a key that has `own` among `all`.
    fn has_room(&self, all: usize, own: usize) -> bool {
        let share = (self.capacity / 100).max(LEAST_SHARE);
        all < self.capacity && (all < self.capacity / 2 || own < share)
    }
}

/// Names a proof. The thumbprint has a fixed length: two pairs never make the same bytes.
fn name(jkt: Thumbprint, jti: &str) -> [u8; 32] {
    sha256(&[&jkt.as_bytes()[..], jti.as_bytes()].concat())
}

/// The number of the span that `at` is in.
fn number(at: UnixTime) -> u64 {
    at.as_millis() / u64::try_from(SPAN.as_millis()).unwrap_or(1)
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
        // Of 256 keys, so that none has too many.
        let key = |proof: u16| Thumbprint::from_bytes([proof.to_le_bytes()[0]; 32]);
        for proof in 0..1000 {
            assert_eq!(replays.note(key(proof), &proof.to_string(), at(160), at(100)), Ok(()));
        }
        assert_eq!(replays.note(A, "one more", at(160), at(100)), Err(BadProof::ReplaysFull));
        assert_eq!(replays.note(key(0), "0", at(160), at(100)), Err(BadProof::Replayed));
        // When they have ended there is room again.
        assert_eq!(replays.note(A, "one more", at(260), at(200)), Ok(()));
    }

    #[test]
    fn rfc9449_11_1_one_key_leaves_room_for_the_others() {
        let replays = Replays::new(1000);
        let notes = |key, proof: usize| replays.note(key, &proof.to_string(), at(160), at(100));
        let noted = (0..1000).take_while(|proof| notes(A, *proof).is_ok()).count();
        assert_eq!(noted, 500);
        assert_eq!(notes(A, 1001), Err(BadProof::ReplaysFull));
        for proof in 0..10 {
            assert_eq!(notes(B, proof), Ok(()), "a hundredth");
        }
        assert_eq!(notes(B, 10), Err(BadProof::ReplaysFull));
        // When its proofs have ended, so has what it held.
        assert_eq!(replays.note(A, "later", at(260), at(200)), Ok(()));
    }

    #[test]
    fn what_is_forgotten_takes_no_room_and_is_good_again() {
        let replays = Replays::new(1);
        assert_eq!(replays.note(A, "j", at(160), at(100)), Ok(()));
        for (key, jti, ends_at) in [(B, "j", 160), (A, "J", 160), (A, "j", 190)] {
            replays.forget(key, jti, at(ends_at));
            assert_eq!(replays.note(A, "j", at(160), at(100)), Err(BadProof::Replayed));
        }
        replays.forget(A, "j", at(160));
        assert_eq!(replays.note(B, "k", at(160), at(100)), Ok(()));
        assert_eq!(replays.note(A, "j", at(160), at(100)), Err(BadProof::ReplaysFull));
    }

    #[test]
    fn a_row_for_each_room() {
        for (capacity, all, own, expected) in [
            (1000, 499, 499, true),
            (1000, 500, 10, false),
            (1000, 500, 9, true),
            (1000, 999, 0, true),
            (1000, 1000, 0, false),
            (2, 1, 1, true),
            (2, 2, 0, false),
            (0, 0, 0, false),
        ] {
            let found = Replays::new(capacity).has_room(all, own);
            assert_eq!(found, expected, "{capacity} {all} {own}");
        }
    }
}
