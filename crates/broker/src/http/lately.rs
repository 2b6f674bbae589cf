//! What was found a moment ago, for those who ask without a key: so many of them cost no more than one.

use core::time::Duration;

use tokio::sync::Mutex;
use unlapse::unlapse_core::Now;

/// For so long it is good enough.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// An answer, and when it was found.
#[derive(Debug)]
pub(super) struct Lately<T>(Mutex<Option<(Now, T)>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Lately<T> {
    /// What was found within the last second, or else what `ask` finds. Whoever comes while it is asked
    /// waits for that answer.
    pub(super) async fn or(&self, now: impl Fn() -> Now, ask: impl AsyncFnOnce() -> T) -> T {
        let mut found = self.0.lock().await;
        if let Some((at, found)) = &*found
            && now().within(GOOD_FOR, at)
        {
            return found.clone();
        }
        let answer = ask().await;
        *found = Some((now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse::unlapse_core::UnixTime;

    #[tokio::test]
    async fn a_crowd_costs_one_question_a_second() {
        let lately = Lately::default();
        let at = |ms| move || Now { wall: UnixTime::from_millis(ms), ..Now::default() };
        assert_eq!(lately.or(at(10_000), async || 1).await, 1);
        assert_eq!(lately.or(at(10_999), async || 2).await, 1);
        assert_eq!(lately.or(at(11_000), async || 3).await, 3);
    }
}
