//! From the queues to seats that have become free.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use unlapse::Clock as _;
use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::Due;

use super::begin::begin;
use super::lobby::share;
use super::pause;
use super::queue::parked;
use crate::broker::Inner;

/// Between looks for rows that have waited for too long.
const LATE: Duration = Duration::from_millis(500);

/// Gives each seat that becomes free to the row that waits for it, until the node stops.
pub(super) async fn usher(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    loop {
        let freed = broker.seats.freed();
        let now = broker.clock.now().wall;
        let mut put_off = seat(broker, now);
        put_off.extend(broker.lobby.queues().late(now));
        if !put_off.is_empty() {
            // Where that fails, the claims end by themselves.
            let _ = broker.store.postpone(put_off).await;
        }
        tokio::select! {
            () = freed => if *stopped.borrow() { return },
            goes_on = pause(broker, &mut stopped, LATE) => if !goes_on { return },
        }
    }
}

/// Begins what has a seat now; what comes back later, since its app's circuit has opened meanwhile.
fn seat(broker: &Arc<Inner>, now: UnixTime) -> Vec<(Due, UnixTime)> {
    let mut put_off = Vec::new();
    let mut queues = broker.lobby.queues();
    for app in queues.waiting() {
        if let Some(until) = broker.circuits.open_until(&app, now) {
            while let Some(due) = queues.next(&app) {
                let at = parked(until, share(&due));
                put_off.push((due, at));
            }
            continue;
        }
        while let Some(seat) = broker.seats.take(&app) {
            let Some(due) = queues.next(&app) else { break };
            queues.begun(&app, now);
            begin(broker, due, seat);
        }
    }
    put_off
}
