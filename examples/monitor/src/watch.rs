//! Looks again and again.

use std::time::Duration;

use unlapse::Clock;

use crate::api::Api;
use crate::failure::Failure;
use crate::metrics::{Metric, metrics};

/// Reads the metrics every so often, for ever, and shows what came of it. A look that fails is shown,
/// too, and the next one is made all the same.
pub(crate) async fn watch(
    api: &Api,
    clock: &dyn Clock,
    every: Duration,
    mut show: impl FnMut(Result<Vec<Metric>, Failure>),
) {
    loop {
        show(metrics(api).await);
        clock.sleep(every).await;
    }
}
