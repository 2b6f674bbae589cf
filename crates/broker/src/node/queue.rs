//! Where a row waits that finds no seat, since its app has all that one app may have.

use core::time::Duration;
use std::collections::HashMap;

use unlapse::unlapse_core::UnixTime;

/// The least and the most that a row is put off by.
const LEAST: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_secs(60);

/// An app's pace is measured over so long.
const MEASURED: Duration = Duration::from_secs(2);

/// Paces, in renewals a second: before anything was measured, and of an app that hangs.
const AT_FIRST: f64 = 64.0;
const SLOWEST: f64 = 8.0;

/// A row comes back a little before its turn, so that no seat is left empty.
const AHEAD: f64 = 1.25;

/// Queues of apps: rows come back as fast as their app takes them, and not all at once, to be put off
/// again.
#[derive(Default)]
pub(super) struct Queues(HashMap<String, Queue>);

struct Queue {
    /// When the last of the queue comes back.
    last: UnixTime,
    pace: f64,
    /// Renewals that were begun since then.
    begun: u32,
    since: UnixTime,
}

impl Queues {
    /// A renewal of `app` was begun.
    pub(super) fn begun(&mut self, app: &str, now: UnixTime) {
        // Those alone that have had a queue: the others need no pace.
        if let Some(queue) = self.0.get_mut(app) {
            queue.begun = queue.begun.saturating_add(1);
            if queue.last.plus(MOST) < now {
                self.0.remove(app);
            }
        }
    }

    /// When a row of `app` comes back that found no seat at `now`; `spread`, in 0..1, is its own.
    pub(super) fn put_off(&mut self, app: &str, now: UnixTime, spread: f64) -> UnixTime {
        let queue = self.0.entry(app.to_owned()).or_insert(Queue {
            last: now,
            pace: AT_FIRST,
            begun: 0,
            since: now,
        });
        let measured = now.since(queue.since);
        if measured >= MEASURED {
            queue.pace = (f64::from(queue.begun) / measured.as_secs_f64()).max(SLOWEST);
            (queue.begun, queue.since) = (0, now);
        }
        let next = queue.last.max(now).plus(Duration::from_secs_f64(1.0 / (queue.pace * AHEAD)));
        if next.since(now) >= MOST {
            // Beyond the most, wherever: they would all come back together.
            return now.plus(MOST.mul_f64(0.5 + spread / 2.0));
        }
        queue.last = next;
        next.max(now.plus(LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    #[test]
    fn i8_a_full_app_puts_rows_off_by_how_long_its_queue_is() {
        let mut queues = Queues::default();
        let now = at(1000);
        assert_eq!(queues.put_off("a", now, 0.0), now.plus(LEAST));
        let hundredth = (0..800).map(|_| queues.put_off("a", now, 0.0)).last();
        let wait = hundredth.expect("one").since(now).as_secs();
        assert!((9..=11).contains(&wait), "801 rows at 80 a second: {wait}");
        let last = (0..100_000).map(|_| queues.put_off("a", now, 0.5)).last();
        assert_eq!(last, Some(now.plus(Duration::from_secs(45))), "a minute at most");
        assert_eq!(queues.put_off("b", now, 0.0), now.plus(LEAST), "another's queue is its own");
    }

    #[test]
    fn i8_the_pace_is_what_the_app_takes() {
        let mut queues = Queues::default();
        queues.put_off("a", at(1000), 0.0);
        (0..4000).for_each(|_| queues.begun("a", at(1001)));
        // 2000 a second: a thousand rows are gone within the least.
        let quick = (0..1000).map(|_| queues.put_off("a", at(1002), 0.0)).last();
        assert_eq!(quick, Some(at(1004)));
        // It hangs: ten rows a second.
        let slow = (0..100).map(|_| queues.put_off("a", at(1010), 0.0)).last();
        assert_eq!(slow, Some(at(1020)));
    }

    #[test]
    fn an_app_without_a_queue_is_forgotten() {
        let mut queues = Queues::default();
        queues.put_off("a", at(1000), 0.0);
        queues.begun("a", at(2000));
        assert!(queues.0.is_empty());
    }
}
