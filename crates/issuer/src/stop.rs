//! The word to come to an end.

use tokio::sync::watch;

/// Whether it is time to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Told by the sender; also when there is none any more.
    pub(crate) fn new(told: watch::Receiver<bool>) -> Self {
        Self(told)
    }

    /// Returns when it is time to stop.
    pub(crate) async fn told(&self) {
        // An error is a sender that is gone: nobody is left to go on for.
        let _ = self.0.clone().wait_for(|told| *told).await;
    }

    /// Whether it is.
    pub(crate) fn is_told(&self) -> bool {
        *self.0.borrow()
    }
}
