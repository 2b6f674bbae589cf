//! The database's clock, which is the only one: the nodes' own may be wrong, each by its own measure.

use core::sync::atomic::{AtomicI64, Ordering};
use core::time::Duration;

use unlapse::Clock;
use unlapse::tokio::TokioClock;
use unlapse::unlapse_core::{BoxFuture, Now, UnixTime};
use unlapse_store::sql::{Away, Database};

/// A measurement that took longer says too little.
const LONGEST: Duration = Duration::from_millis(500);

/// This machine's clock, corrected by how far it is from the database's.
#[derive(Debug, Default)]
pub(crate) struct DatabaseClock {
    own: TokioClock,
    /// The database's less ours, in milliseconds.
    offset: AtomicI64,
}

impl DatabaseClock {
    /// Asks the database what time it is. Where the answer takes long, the last one counts on.
    pub(crate) async fn correct(&self, database: &Database) -> Result<(), Away> {
        let asked = self.own.now();
        let theirs = database.now().await?;
        let took = self.own.now().elapsed(&asked);
        if took <= LONGEST {
            let ours = asked.wall.plus(took / 2);
            self.offset.store(offset(theirs, ours), Ordering::Relaxed);
        }
        Ok(())
    }

    /// How far this machine's clock is from the database's, whichever is ahead.
    pub(crate) fn skew(&self) -> Duration {
        Duration::from_millis(self.offset.load(Ordering::Relaxed).unsigned_abs())
    }

    fn corrected(&self, ours: UnixTime) -> UnixTime {
        ours.shifted(self.offset.load(Ordering::Relaxed))
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Now {
        let now = self.own.now();
        Now { wall: self.corrected(now.wall), ..now }
    }

    fn coarse(&self) -> UnixTime {
        self.corrected(self.own.coarse())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.own.sleep(duration)
    }
}

fn offset(theirs: UnixTime, ours: UnixTime) -> i64 {
    let difference = i128::from(theirs.as_millis()) - i128::from(ours.as_millis());
    i64::try_from(difference).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_corrected_in_both_directions() {
        let clock = DatabaseClock::default();
        let at = UnixTime::from_secs;
        for (theirs, ours) in [(2000, 1000), (1000, 2000), (1000, 1000)] {
            clock.offset.store(offset(at(theirs), at(ours)), Ordering::Relaxed);
            assert_eq!(clock.corrected(at(ours)), at(theirs));
            assert_eq!(clock.skew(), Duration::from_secs(ours.abs_diff(theirs)));
            assert_eq!(clock.corrected(at(ours + 5)), at(theirs + 5));
        }
    }
}
