//! Keys that were wrong, by where they came from.

use core::time::Duration;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse::Clock;
use unlapse::unlapse_core::UnixTime;

use crate::gate::{Gate, Holder, Place, network};

/// So many may come from a network at once.
const BURST: u32 = 10;
/// And one more each time that this has gone by.
const EACH: Duration = Duration::from_secs(6);
/// So long takes each that comes beyond that.
const PACE: Duration = Duration::from_millis(500);
/// And so many of those are looked up at once, of all networks together.
const LANE: usize = 4;
/// Who finds no room among them comes back after this.
const BREATH: Duration = Duration::from_secs(1);
/// Whoever guesses is told of so often at most: strangers fill no log.
const TOLD: Duration = Duration::from_secs(60);
/// So many networks are remembered at most: some MiB.
const ROOM: usize = 20_000;

/// Counts the keys that were wrong. Nobody can guess one; what is bounded is the work of refusing them,
/// and that without an end for others: everybody behind a proxy that nobody has named, or in an office,
/// has one address. Where too many came from, the next are looked up slowly and few at once: whoever
/// guesses there costs the database eight questions a second, and whoever comes with a good key gets in.
#[derive(Debug)]
pub(crate) struct Guesses {
    of: Mutex<HashMap<Option<IpAddr>, Wrong>>,
    lane: Gate,
}

/// What came from a network.
#[derive(Clone, Copy, Debug)]
struct Wrong {
    /// When all of it will be forgotten.
    forgotten_at: UnixTime,
    /// When it was last told of.
    told_at: UnixTime,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { of: Mutex::default(), lane: Gate::new(LANE) }
    }
}

impl Guesses {
    /// Waits until a key from `peer` that is not known here may be looked up; for as long as what comes of
    /// it is kept. Or when to come back.
    pub(crate) async fn turn(
        &self,
        peer: Option<IpAddr>,
        clock: &dyn Clock,
        now: UnixTime,
    ) -> Result<Option<Place>, Duration> {
        if !self.is_over(peer, now) {
            return Ok(None);
        }
        let place = self.lane.enter(Holder::stranger(peer)).map_err(|_| BREATH)?;
        clock.sleep(PACE).await;
        Ok(Some(place))
    }

    /// Whether too many came from there.
    fn is_over(&self, peer: Option<IpAddr>, now: UnixTime) -> bool {
        let wrong = self.all().get(&network(peer)).copied();
        wrong.is_some_and(|wrong| wrong.forgotten_at.since(now) > EACH * (BURST - 1))
    }

    /// A key from `peer` was wrong; whether that is to be told of.
    pub(crate) fn failed(&self, peer: Option<IpAddr>, now: UnixTime) -> bool {
        let mut all = self.all();
        let network = network(peer);
        if all.len() >= ROOM && !all.contains_key(&network) {
            all.retain(|_, wrong| wrong.forgotten_at > now || now.since(wrong.told_at) < TOLD);
            if all.len() >= ROOM {
                let soonest = all.iter().min_by_key(|(_, wrong)| wrong.forgotten_at);
                if let Some(soonest) = soonest.map(|(network, _)| *network) {
                    all.remove(&soonest);
                }
            }
        }
        let before = all.get(&network).copied();
        // A clock that was set back makes nobody wait for longer than a burst.
        let latest = now.plus(EACH * BURST);
        let forgotten_at = before.map_or(now, |wrong| wrong.forgotten_at.clamp(now, latest));
        let forgotten_at = forgotten_at.plus(EACH).min(latest);
        let told_at = before.map(|wrong| wrong.told_at);
        let told_at = told_at.filter(|at| *at <= now && now.since(*at) < TOLD);
        all.insert(network, Wrong { forgotten_at, told_at: told_at.unwrap_or(now) });
        told_at.is_none()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, Wrong>> {
        // Whole values are put in and taken out: nothing in here can be half changed.
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse::tokio::TokioClock;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_700_000_000 + secs)
    }

    fn peer(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn whoever_guesses_is_slowed_down_and_nobody_else() {
        let (guesses, thief) = (Guesses::default(), peer("2001:db8::1"));
        for _ in 0..BURST {
            assert!(!guesses.is_over(thief, at(0)));
            guesses.failed(thief, at(0));
        }
        assert!(guesses.is_over(thief, at(0)));
        assert!(guesses.is_over(peer("2001:db8::2"), at(5)), "it has the whole network");
        assert!(!guesses.is_over(peer("192.0.2.1"), at(0)) && !guesses.is_over(None, at(0)));
        assert!(!guesses.is_over(thief, at(6)), "one more after a while");
        guesses.failed(thief, at(6));
        assert!(guesses.is_over(thief, at(6)));
        // However many there were, and wherever the clock was set to.
        for _ in 0..1000 {
            guesses.failed(thief, at(6));
        }
        assert!(!guesses.is_over(thief, at(12)));
        guesses.failed(thief, at(0));
        assert!(!guesses.is_over(thief, at(6)));
    }

    #[test]
    fn strangers_fill_no_log() {
        let (guesses, thief) = (Guesses::default(), peer("192.0.2.1"));
        let told = (0..600).filter(|secs| guesses.failed(thief, at(*secs))).count();
        assert_eq!(told, 10, "once a minute");
        assert!(guesses.failed(peer("192.0.2.2"), at(0)));
    }

    #[tokio::test]
    async fn nobody_is_locked_out_by_a_neighbour() {
        let (guesses, clock) = (Guesses::default(), TokioClock::new());
        let (thief, other) = (peer("192.0.2.1"), peer("192.0.2.2"));
        assert!(guesses.turn(thief, &clock, at(0)).await.is_ok_and(|place| place.is_none()));
        for _ in 0..BURST {
            guesses.failed(thief, at(0));
            guesses.failed(other, at(0));
        }
        let turn = |peer| guesses.turn(peer, &clock, at(0));
        let (one, two, three, four, neighbour) =
            tokio::join!(turn(thief), turn(thief), turn(thief), turn(thief), turn(other));
        let is_let_in = |turn: &Result<Option<Place>, Duration>| matches!(turn, Ok(Some(_)));
        assert!([&one, &two, &three].into_iter().all(is_let_in));
        assert_eq!(four.err(), Some(BREATH), "a crowd comes back");
        assert!(is_let_in(&neighbour), "a place is left for another network");
        drop((one, neighbour));
        assert!(is_let_in(&turn(thief).await));
    }

    #[test]
    fn memory_is_bounded() {
        let guesses = Guesses::default();
        for number in 0..u32::try_from(ROOM).expect("small") + 7 {
            guesses.failed(Some(IpAddr::V4(number.into())), at(0));
        }
        assert_eq!(guesses.all().len(), ROOM);
    }
}
