//! The renewal of a row that is due and has its seat.

use std::sync::Arc;

use unlapse::tokio::TokioSpawn;
use unlapse::unlapse_core::Error;
use unlapse::{Clock as _, Renewal, Spawn as _};
use unlapse_store::sql::Due;

use super::seats::Seat;
use crate::broker::Inner;

/// Begins it; it goes on by itself.
pub(super) fn begin(broker: &Arc<Inner>, due: Due, seat: Seat) {
    let broker = Arc::clone(broker);
    TokioSpawn.spawn(Box::pin(async move {
        let key = due.key().clone();
        // The seat is free when the request has ended, and not when nobody waits for it any more (R6).
        let renewal = Renewal::due(due.generation()).keeping(Arc::new(seat));
        // What it comes to is in the record, and in the notes.
        match broker.sources.renew(&key, renewal).await {
            Ok(_) => return broker.vain.over(&key),
            Err(Error::Temporary { attempts: 1.., .. }) => return,
            Err(_) => {}
        }
        // Where nothing could be said of it in the record, its claim would soon end by itself, again
        // and again.
        let at = broker.clock.now().wall.plus(broker.vain.again(&key));
        let _ = broker.store.leave_alone(due, at).await;
    }));
}
