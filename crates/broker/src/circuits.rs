//! The circuits of apps: breakers that all nodes share (R16).

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse::Breakers;
use unlapse::unlapse_core::{Admission, Breaker, UnixTime};

use crate::problem::Problem;
use crate::tables::{Circuit, Tables};

/// Breakers by app: in memory for whoever asks, and in the database for the other nodes, which know
/// within a second or two.
#[derive(Default)]
pub struct Circuits(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    circuits: HashMap<String, Known>,
    /// Those that have changed here and are not written yet.
    changed: HashSet<String>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    breaker: Breaker,
    /// Which row it was read from; zero: none yet.
    version: i64,
}

impl Circuits {
    /// Until when the circuit of `server` is open, if it is at `now`.
    pub fn open_until(&self, server: &str, now: UnixTime) -> Option<UnixTime> {
        // As a renewal would find it: a clock that was once far ahead parks nothing for long.
        match self.read(server).admit(now) {
            Admission::Open { until } => Some(until),
            _ => None,
        }
    }

    /// Every circuit that is not as it was at the beginning, by the name of its app.
    pub fn in_trouble(&self) -> Vec<(String, Breaker)> {
        let mut all: Vec<_> = self
            .kept()
            .circuits
            .iter()
            .filter(|(_, known)| known.breaker != Breaker::default())
            .map(|(server, known)| (server.clone(), known.breaker))
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// Tells the other nodes what has changed here, and hears what has changed there.
    pub async fn share(&self, tables: &Tables) -> Result<(), Problem> {
        let changed: Vec<_> = {
            let mut kept = self.kept();
            let servers: Vec<String> = kept.changed.drain().collect();
            let known = |server| {
                let known = kept.circuits.get(&server).copied().unwrap_or_default();
                (server, known)
            };
            servers.into_iter().map(known).collect()
        };
        let mut unwritten = Vec::new();
        let mut away = None;
        for (server, known) in changed {
            let put = tables.put_circuit(&server, &known.breaker, known.version).await;
            if matches!(put, Ok(true)) {
                self.kept().written(&server, known.version + 1);
            } else {
                unwritten.push(server);
                away = put.err().or(away);
            }
        }
        // Said again in the next round, over what another node has said meanwhile.
        self.kept().changed.extend(unwritten);
        if let Some(away) = away {
            return Err(away);
        }
        let rows = tables.circuits().await?;
        self.kept().hear(rows);
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// What was written became the row's `version`: whatever has changed here since is newer than it.
    fn written(&mut self, server: &str, version: i64) {
        if let Some(own) = self.circuits.get_mut(server) {
            own.version = version;
        }
    }

    /// Takes over what the database has.
    fn hear(&mut self, rows: Vec<Circuit>) {
        let there: HashMap<String, Known> = rows
            .into_iter()
            .map(|row| (row.server, Known { breaker: row.breaker, version: row.version }))
            .collect();
        let changed = &self.changed;
        self.circuits.retain(|server, _| changed.contains(server) || there.contains_key(server));
        for (server, known) in there {
            let own = self.circuits.entry(server.clone()).or_default();
            let is_changed = self.changed.contains(&server);
            if is_changed && own.version == known.version {
                // The row is our own word of a moment ago, and no other node's: a trial that has
                // succeeded since is not taken back.
            } else if is_changed {
                own.breaker = graver(own.breaker, known.breaker);
                own.version = known.version;
            } else {
                *own = known;
            }
        }
    }
}

/// Of two nodes' word on one circuit, the graver: open for longer, or with more failures.
fn graver(one: Breaker, other: Breaker) -> Breaker {
    let rank = |breaker: &Breaker| (breaker.open_until, breaker.failures);
    if rank(&one) >= rank(&other) { one } else { other }
}

impl Breakers for Circuits {
    fn read(&self, server: &str) -> Breaker {
        self.kept().circuits.get(server).copied().unwrap_or_default().breaker
    }

    fn update(&self, server: &str, change: &mut dyn FnMut(Breaker) -> Breaker) {
        let mut kept = self.kept();
        let before = kept.circuits.get(server).copied().unwrap_or_default();
        let after = change(before.breaker);
        if after != before.breaker {
            kept.circuits.insert(server.to_owned(), Known { breaker: after, ..before });
            kept.changed.insert(server.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn open(until: u64, failures: u32) -> Breaker {
        let open_until = (until > 0).then(|| UnixTime::from_secs(until));
        let open_for = Duration::from_secs(300);
        Breaker { failures, open_until, open_for, ..Breaker::default() }
    }

    fn row(breaker: Breaker, version: i64) -> Circuit {
        let server = "acme/google".to_owned();
        Circuit { server, breaker, version, changed_at: UnixTime::default() }
    }

    #[test]
    fn r16_what_another_node_found_out_counts_here() {
        let circuits = Circuits::default();
        circuits.kept().hear(vec![row(open(500, 5), 3)]);
        let at = |secs| circuits.open_until("acme/google", UnixTime::from_secs(secs));
        assert_eq!((at(499), at(500)), (Some(UnixTime::from_secs(500)), None));
        assert_eq!(circuits.in_trouble().len(), 1);
        // It has closed there.
        circuits.kept().hear(Vec::new());
        assert_eq!(circuits.read("acme/google"), Breaker::default());
    }

    #[test]
    fn r16_a_success_while_it_is_shared_is_not_lost() {
        let circuits = Circuits::default();
        circuits.update("acme/google", &mut |_| open(500, 5));
        // It was taken to be written, and the trial has succeeded before it was read again.
        circuits.kept().changed.clear();
        circuits.kept().written("acme/google", 1);
        circuits.update("acme/google", &mut Breaker::succeeded);
        circuits.kept().hear(vec![row(open(500, 5), 1)]);
        assert_eq!(circuits.read("acme/google"), Breaker::default());
        assert!(circuits.kept().changed.contains("acme/google"), "and is told");
    }

    #[test]
    fn r16_a_clock_that_was_once_ahead_parks_nothing_until_tomorrow() {
        let circuits = Circuits::default();
        circuits.update("acme/google", &mut |_| open(86_400, 5));
        assert_eq!(circuits.open_until("acme/google", UnixTime::from_secs(1000)), None);
    }

    #[test]
    fn r16_of_two_nodes_the_graver_word_counts_until_it_is_written() {
        let circuits = Circuits::default();
        circuits.update("acme/google", &mut |_| open(0, 2));
        circuits.kept().hear(vec![row(open(500, 5), 3)]);
        assert_eq!(circuits.read("acme/google"), open(500, 5));
        circuits.update("acme/google", &mut |_| open(900, 6));
        circuits.kept().hear(vec![row(open(500, 5), 4)]);
        assert_eq!(circuits.read("acme/google"), open(900, 6));
        assert_eq!(circuits.kept().circuits["acme/google"].version, 4);
    }
}
