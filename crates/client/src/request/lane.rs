//! What is known of one origin: who is on the way to it, and what it said last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use unlapse_core::Now;

use super::origin::Origin;
use crate::places::{self, Places};

/// How long an API that refuses a new token is believed, so that one which refuses every token costs a
/// renewal a minute, and not one with every request.
const BELIEVED: Duration = Duration::from_secs(60);

/// Beyond so many origins, those that nobody is on the way to are forgotten.
const MOST_LANES: usize = 1024;

/// The way to one origin.
pub(crate) struct Lane {
    /// What its breaker is kept under: apart from a token endpoint's of the same name (R16).
    pub(crate) breaker: String,
    /// The requests at once (C12).
    pub(crate) places: Arc<Semaphore>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    /// The last nonce that it gave (RFC 9449 §9).
    nonce: Option<String>,
    suspect: Option<Suspect>,
}

/// A generation that came since the API had refused the one before.
struct Suspect {
    generation: u64,
    since: Now,
    /// It was refused as well. Whatever the API takes it for elsewhere, it knows the token and does
    /// not want it here.
    is_refused: bool,
}

impl Lane {
    fn to(origin: &Origin, places: Arc<Semaphore>) -> Self {
        Self { breaker: format!("api {origin}"), places, heard: Mutex::default() }
    }

    pub(crate) fn nonce(&self) -> Option<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).nonce.clone()
    }

    /// The next proof has to have this nonce (RFC 9449 §8.2).
    pub(crate) fn remember_nonce(&self, nonce: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.nonce.as_deref() != Some(nonce) {
            heard.nonce = Some(nonce.to_owned());
        }
    }

    /// This generation is here since the API refused the one before.
    pub(crate) fn renewed(&self, generation: u64, now: Now) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_refused = heard
            .suspect
            .as_ref()
            .is_some_and(|suspect| suspect.generation == generation && suspect.is_refused);
        if !is_refused {
            heard.suspect = Some(Suspect { generation, since: now, is_refused });
        }
    }

    /// It refused this generation as well as the one before.
    pub(crate) fn refused(&self, generation: u64, now: Now) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.suspect = Some(Suspect { generation, since: now, is_refused: true });
    }

    /// It took this generation: a later refusal is news.
    pub(crate) fn accepted(&self, generation: u64) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.suspect.take_if(|suspect| suspect.generation == generation && !suspect.is_refused);
    }

    /// Whether it has refused this generation's predecessor a moment ago, and has not taken this one
    /// since: if it refuses it as well, it would refuse the next.
    pub(crate) fn is_suspect(&self, generation: u64, now: &Now) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.suspect.as_ref().is_some_and(|suspect| {
            suspect.generation == generation && now.elapsed(&suspect.since) < BELIEVED
        })
    }
}

/// The ways to every origin. A server that hangs takes the places of its own requests only (R17).
///
/// What an origin says of one login's tokens is no business of another's: of all this, only the places
/// may be shared with other sources.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<Origin, Arc<Lane>>>);

/// Whose places there are.
#[derive(Clone, Copy)]
pub(crate) enum Seats<'a> {
    /// So many at once, of their own.
    Own(usize),
    Shared(&'a Places),
}

impl Seats<'_> {
    fn to(self, origin: &Origin) -> Arc<Semaphore> {
        match self {
            Self::Own(at_once) => places::at_once(at_once),
            Self::Shared(places) => places.to(&origin.to_string()),
        }
    }
}

impl Lanes {
    pub(crate) fn to(&self, origin: &Origin, seats: Seats<'_>) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(origin) {
            return Arc::clone(lane);
        }
        if lanes.len() >= MOST_LANES {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let lane = Arc::new(Lane::to(origin, seats.to(origin)));
        lanes.insert(origin.clone(), Arc::clone(&lane));
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(number: usize) -> Origin {
        format!("https://{number}.example").parse().expect("an origin")
    }

    #[test]
    fn r17_each_origin_has_places_of_its_own() {
        let lanes = Lanes::default();
        let (one, other) =
            (lanes.to(&origin(1), Seats::Own(2)), lanes.to(&origin(2), Seats::Own(2)));
        let _taken = one.places.try_acquire_many(2).expect("free");
        assert!(lanes.to(&origin(1), Seats::Own(2)).places.try_acquire().is_err());
        assert!(other.places.try_acquire().is_ok());
        assert_ne!(one.breaker, other.breaker);
    }

    #[test]
    fn a_thousand_origins_are_forgotten_but_not_those_in_use() {
        let lanes = Lanes::default();
        let used = lanes.to(&origin(0), Seats::Own(1));
        let _taken = used.places.try_acquire().expect("free");
        for number in 1..3 * MOST_LANES {
            lanes.to(&origin(number), Seats::Own(1));
        }
        assert!(lanes.0.lock().expect("sound").len() <= MOST_LANES);
        assert!(lanes.to(&origin(0), Seats::Own(1)).places.try_acquire().is_err());
    }

    fn at(secs: u64) -> Now {
        Now {
            wall: unlapse_core::UnixTime::from_secs(1000 + secs),
            boot: unlapse_core::BootTime { boot: 1, millis: 1000 * secs },
        }
    }

    #[test]
    fn r13_a_new_token_is_suspect_until_it_is_taken_or_a_minute_is_over() {
        let lane = Lane::to(&origin(1), places::at_once(1));
        assert!(!lane.is_suspect(7, &at(0)));
        lane.renewed(7, at(0));
        assert!(lane.is_suspect(7, &at(59)));
        assert!(!lane.is_suspect(8, &at(59)), "another token is another matter");
        assert!(!lane.is_suspect(7, &at(60)));
        lane.accepted(6);
        assert!(lane.is_suspect(7, &at(0)));
        lane.accepted(7);
        assert!(!lane.is_suspect(7, &at(0)));
    }

    #[test]
    fn r13_one_that_was_refused_stays_so_whatever_else_it_opens() {
        let lane = Lane::to(&origin(1), places::at_once(1));
        lane.refused(7, at(0));
        lane.accepted(7);
        lane.renewed(7, at(30));
        assert!(lane.is_suspect(7, &at(59)));
        assert!(!lane.is_suspect(7, &at(60)));
    }
}
