//! From the queues to seats that have become free.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use unlapse::Clock as _;
use unlapse::unlapse_core::{UnixTime, spread};
use unlapse_store::sql::Due;

use super::begin::begin;
use super::pause;
use super::pump::parked;
use super::queue::Queues;
use crate::broker::Inner;

/// Between looks for rows that have waited for too long.
const LATE: Duration = Duration::from_millis(500);

/// Gives each seat that becomes free to the row that waits for it, until the node stops. What waits
/// then is given back as it is dropped.
pub(super) async fn usher(
    broker: &Arc<Inner>,
    queues: &Mutex<Queues<Due>>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let freed = broker.seats.freed();
        let now = broker.clock.now().wall;
        let mut put_off = seat(broker, queues, now);
        put_off.extend(lock(queues).late(now, of));
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
fn seat(broker: &Arc<Inner>, queues: &Mutex<Queues<Due>>, now: UnixTime) -> Vec<(Due, UnixTime)> {
    let mut put_off = Vec::new();
    let mut queues = lock(queues);
    for app in queues.waiting() {
        if let Some(until) = broker.circuits.open_until(&app, now) {
            while let Some(due) = queues.next(&app) {
                let at = parked(until, of(&due));
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

/// A row's own share of a span, in 0..1.
pub(super) fn of(due: &Due) -> f64 {
    spread(due.key(), due.generation())
}

pub(super) fn lock(queues: &Mutex<Queues<Due>>) -> std::sync::MutexGuard<'_, Queues<Due>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}
