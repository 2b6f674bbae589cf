//! Where a row waits that finds no seat, since its app has all that one app may have.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};

use unlapse::unlapse_core::UnixTime;

/// The least and the most that a row is put off by.
const LEAST: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_secs(300);

/// An app's pace is measured over so long.
const MEASURED: Duration = Duration::from_secs(2);

/// Paces, in renewals a second: before anything was measured, and of an app that hangs. At first it
/// is high: what comes back too soon is put off once more, what comes back too late leaves seats empty.
const AT_FIRST: f64 = 2000.0;
const SLOWEST: f64 = 8.0;

/// A row comes back a little before its turn, so that no seat is left empty.
const AHEAD: f64 = 1.25;

/// So many seconds' worth of rows wait here, claimed, for the next seat, and so many at most: callers
/// at other nodes cannot have them renewed meanwhile.
const AT_HAND: f64 = 0.5;
const MOST_AT_HAND: f64 = 256.0;

/// A row that is still here after so long is put off like the others.
const PATIENCE: Duration = Duration::from_secs(2);

/// After a circuit closes, its rows come back over this time.
const RAMP: Duration = Duration::from_secs(60);

/// Queues of apps: rows come back as fast as their app takes them, and not all at once, to be put off
/// again. The first few wait at hand.
pub(super) struct Queues<R>(HashMap<String, Queue<R>>);

/// A row that finds no seat.
pub(super) struct Waiting<R> {
    pub(super) row: R,
    /// Its own share of a span, in 0..1.
    pub(super) share: f64,
    /// What became of its refresh token is not known: it comes first, as long as it can be found out
    /// without harm (R7).
    pub(super) is_in_doubt: bool,
}

struct Queue<R> {
    /// Those that are to have the next seats, with when they began to wait.
    at_hand: VecDeque<(UnixTime, Waiting<R>)>,
    /// When the last of those that were put off comes back, since 1970: thousands of them may come
    /// back in a second, which are told apart by less than milliseconds.
    last: Duration,
    pace: f64,
    /// Renewals that were begun since then.
    begun: u32,
    since: UnixTime,
}

impl<R> Default for Queues<R> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<R> Queues<R> {
    /// A renewal of `app` was begun.
    pub(super) fn begun(&mut self, app: &str, now: UnixTime) {
        // Those alone that have had a queue: the others need no pace.
        if let Some(queue) = self.0.get_mut(app) {
            queue.begun = queue.begun.saturating_add(1);
            if queue.at_hand.is_empty() && time(queue.last).plus(MOST) < now {
                self.0.remove(app);
            }
        }
    }

    /// A row of `app` found no seat at `now`. `None`: it waits here. Otherwise it is to be put off
    /// until then.
    pub(super) fn wait(
        &mut self,
        app: &str,
        now: UnixTime,
        waiting: Waiting<R>,
    ) -> Option<(R, UnixTime)> {
        let queue = self.0.entry(app.to_owned()).or_insert_with(|| Queue::new(now));
        queue.measure(now);
        if waiting.is_in_doubt {
            queue.at_hand.push_front((now, waiting));
            return None;
        }
        let count = u32::try_from(queue.at_hand.len()).unwrap_or(u32::MAX);
        if f64::from(count) < (queue.pace * AT_HAND).min(MOST_AT_HAND) {
            queue.at_hand.push_back((now, waiting));
            return None;
        }
        Some((waiting.row, queue.put_off(now, waiting.share)))
    }

    /// Whether rows of `app` wait here.
    pub(super) fn has(&self, app: &str) -> bool {
        self.0.get(app).is_some_and(|queue| !queue.at_hand.is_empty())
    }

    /// The apps of which rows wait here.
    pub(super) fn waiting(&self) -> Vec<String> {
        let waiting = self.0.iter().filter(|(_, queue)| !queue.at_hand.is_empty());
        waiting.map(|(app, _)| app.clone()).collect()
    }

    /// The next row of `app`.
    pub(super) fn next(&mut self, app: &str) -> Option<R> {
        self.0.get_mut(app)?.at_hand.pop_front().map(|(_, waiting)| waiting.row)
    }

    /// Rows that have waited here for too long at `now`, and until when they are put off.
    pub(super) fn late(&mut self, now: UnixTime) -> Vec<(R, UnixTime)> {
        let mut late = Vec::new();
        for queue in self.0.values_mut() {
            let is_late = |(since, waiting): &(UnixTime, Waiting<R>)| {
                now.since(*since) >= PATIENCE && !waiting.is_in_doubt
            };
            if !queue.at_hand.iter().any(is_late) {
                continue;
            }
            queue.measure(now);
            for (since, waiting) in core::mem::take(&mut queue.at_hand) {
                if now.since(since) >= PATIENCE && !waiting.is_in_doubt {
                    late.push((waiting.row, queue.put_off(now, waiting.share)));
                } else {
                    queue.at_hand.push_back((since, waiting));
                }
            }
        }
        late
    }

    /// How long after `now` the last comes back of all that were put off.
    pub(super) fn longest(&self, now: UnixTime) -> Duration {
        self.0.values().map(|queue| time(queue.last).since(now)).max().unwrap_or_default()
    }
}

/// When a row comes back whose app's circuit is open; `share`, in 0..1, is its own.
pub(super) fn parked(until: UnixTime, share: f64) -> UnixTime {
    until.plus(RAMP.mul_f64(share))
}

impl<R> Queue<R> {
    fn new(now: UnixTime) -> Self {
        let (at_hand, last) = (VecDeque::new(), exactly(now));
        Self { at_hand, last, pace: AT_FIRST, begun: 0, since: now }
    }

    /// Finds out how fast the app is, as long as it has a queue: without one, it renews what there is.
    fn measure(&mut self, now: UnixTime) {
        if self.at_hand.is_empty() && time(self.last) <= now {
            *self = Self::new(now);
        }
        let measured = now.since(self.since);
        if measured >= MEASURED {
            self.pace = (f64::from(self.begun) / measured.as_secs_f64()).max(SLOWEST);
            (self.begun, self.since) = (0, now);
        }
    }

    /// When the next that is put off comes back.
    fn put_off(&mut self, now: UnixTime, share: f64) -> UnixTime {
        let next = self.last.max(exactly(now)) + Duration::from_secs_f64(1.0 / (self.pace * AHEAD));
        let at = time(next);
        if at.since(now) >= MOST {
            // Beyond the most, wherever: they would all come back together.
            return now.plus(MOST.mul_f64(0.5 + share / 2.0));
        }
        self.last = next;
        at.max(now.plus(LEAST))
    }
}

fn exactly(at: UnixTime) -> Duration {
    Duration::from_millis(at.as_millis())
}

fn time(since_1970: Duration) -> UnixTime {
    UnixTime::from_millis(0).plus(since_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn row(row: u32, share: f64) -> Waiting<u32> {
        Waiting { row, share, is_in_doubt: false }
    }

    /// A queue of whose app as many rows wait as may.
    fn full(now: UnixTime) -> Queues<u32> {
        let mut queues = Queues::default();
        let waiting = (0..10_000).take_while(|n| queues.wait("a", now, row(*n, 0.5)).is_none());
        assert_eq!(waiting.count(), 256);
        queues
    }

    fn put_off(queues: &mut Queues<u32>, now: UnixTime, share: f64) -> UnixTime {
        queues.wait("a", now, row(0, share)).expect("no more can wait here").1
    }

    #[test]
    fn i8_an_open_circuit_parks_its_rows_over_a_ramp() {
        let until = at(1000);
        assert_eq!(parked(until, 0.0), until);
        assert_eq!(parked(until, 0.5), at(1030));
    }

    #[test]
    fn i8_the_next_rows_wait_at_hand_in_their_order() {
        let mut queues = full(at(1000));
        assert_eq!(queues.waiting(), ["a"]);
        assert!(queues.has("a") && !queues.has("b"));
        assert_eq!(
            (queues.next("a"), queues.next("a"), queues.next("b")),
            (Some(0), Some(1), None)
        );
        assert_eq!(queues.wait("a", at(1000), row(7, 0.5)), None, "there is room again");
        let rest: Vec<_> = std::iter::from_fn(|| queues.next("a")).collect();
        assert_eq!((rest.len(), rest.last()), (255, Some(&7)));
        assert!(queues.waiting().is_empty());
    }

    #[test]
    fn r7_a_renewal_in_doubt_is_the_first_of_its_queue_and_never_put_off() {
        let mut queues = full(at(1000));
        let in_doubt = Waiting { is_in_doubt: true, ..row(7, 0.5) };
        assert_eq!(queues.wait("a", at(1000), in_doubt), None);
        assert_eq!(queues.late(at(1003)).len(), 256);
        assert_eq!((queues.next("a"), queues.next("a")), (Some(7), None));
        let (one, other) = (row(8, 0.5), Waiting { is_in_doubt: true, ..row(9, 0.5) });
        assert_eq!(
            (queues.wait("a", at(1003), one), queues.wait("a", at(1003), other)),
            (None, None)
        );
        assert_eq!((queues.next("a"), queues.next("a")), (Some(9), Some(8)));
    }

    #[test]
    fn i8_a_full_app_puts_rows_off_by_how_long_its_queue_is() {
        let now = at(1000);
        let mut queues = full(now);
        assert_eq!(put_off(&mut queues, now, 0.0), now.plus(LEAST));
        let last = (0..25_000).map(|_| put_off(&mut queues, now, 0.0)).last();
        let wait = last.expect("one").since(now);
        assert!((9..=11).contains(&wait.as_secs()), "25,000 rows at 2,500 a second: {wait:?}");
        assert_eq!(queues.longest(now), wait);
        let last = (0..1_000_000).map(|_| put_off(&mut queues, now, 0.5)).last();
        assert_eq!(last, Some(now.plus(MOST.mul_f64(0.75))), "five minutes at most");
        assert_eq!(queues.wait("b", now, row(1, 0.0)), None, "another's queue is its own");
    }

    #[test]
    fn i8_the_pace_is_what_the_app_takes() {
        let mut queues = full(at(1000));
        (0..4000).for_each(|_| queues.begun("a", at(1001)));
        // 2000 a second: a thousand rows are gone within the least.
        let quick = (0..1000).map(|_| put_off(&mut queues, at(1002), 0.0)).last();
        assert_eq!(quick, Some(at(1004)));
        // It hangs: ten rows a second.
        let slow = (0..100).map(|_| put_off(&mut queues, at(1010), 0.0)).last();
        assert_eq!(slow, Some(at(1020)));
    }

    #[test]
    fn i8_what_an_app_renews_without_a_queue_is_not_its_pace() {
        let mut queues = full(at(1000));
        while queues.next("a").is_some() {}
        // Four minutes with little to do, and then a crowd.
        (0..1200).for_each(|n| queues.begun("a", at(1001 + n / 5)));
        let waiting = (0..1000).take_while(|n| queues.wait("a", at(1241), row(*n, 0.5)).is_none());
        assert_eq!(waiting.count(), 256);
        let last = (0..10_000).map(|_| put_off(&mut queues, at(1241), 0.0)).last();
        assert_eq!(last, Some(at(1245)), "10,000 rows at 2,500 a second");
    }

    #[test]
    fn i8_a_row_waits_at_hand_for_moments_alone() {
        let mut queues = full(at(1000));
        assert!(queues.late(at(1001)).is_empty());
        let late = queues.late(at(1002));
        assert_eq!(late.len(), 256);
        assert!(late.iter().all(|(_, until)| *until >= at(1004)));
        assert!(queues.waiting().is_empty());
        // Nothing was begun all that time: four rows, half a second's worth.
        let waiting = (0..100).filter(|n| queues.wait("a", at(1002), row(*n, 0.5)).is_none());
        assert_eq!(waiting.count(), 4);
    }

    #[test]
    fn an_app_without_a_queue_is_forgotten() {
        let mut queues = full(at(1000));
        queues.begun("a", at(2000));
        assert_eq!(queues.0.len(), 1, "of which rows wait here");
        while queues.next("a").is_some() {}
        queues.begun("a", at(2000));
        assert!(queues.0.is_empty());
    }
}
