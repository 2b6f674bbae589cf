//! Requests at once (C12).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// Beyond so many servers, those that nobody is on the way to are forgotten.
const MOST_SERVERS: usize = 1024;

/// So many requests to one server at once: at least one, and at most as many as can be counted.
pub(crate) fn at_once(most: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))
}

/// The requests at once to each server (C12): one that hangs takes the places of its own only (R17).
///
/// Clients of many sources, each a user's, share one, so that a server is asked for no more at once
/// than it is by one client.
#[cfg_attr(
    not(any(feature = "tower", feature = "reqwest-middleware")),
    expect(unreachable_pub, reason = "what shares it is not built in")
)]
pub struct Places {
    at_once: usize,
    servers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Places {
    #[cfg_attr(
        not(any(feature = "tower", feature = "reqwest-middleware")),
        expect(unreachable_pub, reason = "as above")
    )]
    /// For so many requests to each server at once: at least one, whatever it says; `usize::MAX` is no
    /// limit.
    pub fn new(at_once: usize) -> Self {
        Self { at_once, servers: Mutex::default() }
    }

    /// Those of `server`.
    pub(crate) fn to(&self, server: &str) -> Arc<Semaphore> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = servers.get(server) {
            return Arc::clone(places);
        }
        if servers.len() >= MOST_SERVERS {
            servers.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let places = at_once(self.at_once);
        servers.insert(server.to_owned(), Arc::clone(&places));
        places
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("at_once", &self.at_once).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c12_a_row_for_each_number_at_once() {
        for (most, places) in [(0, 1), (1, 1), (10, 10), (usize::MAX, Semaphore::MAX_PERMITS)] {
            assert_eq!(at_once(most).available_permits(), places);
        }
    }

    #[test]
    fn r17_each_server_has_places_of_its_own() {
        let places = Places::new(1);
        let _taken = places.to("one").try_acquire_owned().expect("free");
        assert!(places.to("one").try_acquire().is_err());
        assert!(places.to("other").try_acquire().is_ok());
    }

    #[test]
    fn a_thousand_servers_are_forgotten_but_not_those_in_use() {
        let places = Places::new(1);
        let _taken = places.to("used").try_acquire_owned().expect("free");
        for number in 1..3 * MOST_SERVERS {
            places.to(&number.to_string());
        }
        assert!(places.servers.lock().expect("sound").len() <= MOST_SERVERS);
        assert!(places.to("used").try_acquire().is_err());
    }
}
