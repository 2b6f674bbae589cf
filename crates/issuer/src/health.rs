//! Whether the store answers, asked at most once a second.

use core::time::Duration;

use tokio::sync::Mutex;
use unlapse_core::UnixTime;

/// What the store said last. Anybody may ask for it as often as they like, and costs the store
/// one question a second in all: whoever comes meanwhile waits for that answer, or has the last.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<(UnixTime, bool)>>);

/// So long an answer is good.
const REMEMBERED: Duration = Duration::from_secs(1);

impl Health {
    /// The last answer while it is good; else that of `ask`.
    pub(crate) async fn at(&self, now: UnixTime, ask: impl Future<Output = bool>) -> bool {
        let mut last = self.0.lock().await;
        if let Some((then, healthy)) = *last
            // An answer from the future was given before the clock was set back.
            && then <= now
            && now.since(then) < REMEMBERED
        {
            return healthy;
        }
        let healthy = ask.await;
        *last = Some((now, healthy));
        healthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn j2_an_answer_is_good_for_a_second_and_not_after_the_clock_was_set_back() {
        let health = Health::default();
        for (millis, store, told) in [
            (5_000, true, true),
            (5_999, false, true),
            (6_000, false, false),
            (6_500, true, false),
            (4_000, true, true),
        ] {
            let now = UnixTime::from_millis(millis);
            assert_eq!(health.at(now, async { store }).await, told, "{millis}");
        }
    }
}
