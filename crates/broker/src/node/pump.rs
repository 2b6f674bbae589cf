//! From the schedule to renewals.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use unlapse::tokio::TokioSpawn;
use unlapse::{Clock as _, Renewal, Spawn as _};
use unlapse_core::{UnixTime, spread};
use unlapse_store::sql::Due;

use super::pause;
use super::shards::{SHARDS, preferred};
use crate::broker::Inner;

/// Between looks at a schedule that has nothing due.
const IDLE: Duration = Duration::from_millis(250);

/// When the database cannot be asked.
const AWAY: Duration = Duration::from_secs(1);

/// The shards of others are looked at every so many rounds: correctness depends on nobody's preference.
const OTHERS: u32 = 8;

/// So many rows are claimed at once at most.
const CLAIM: usize = 200;

/// What finds no seat, since its app has half of them, comes back after this.
const CROWDED: Duration = Duration::from_secs(2);

/// After a circuit closes, its rows come back over this time.
const RAMP: Duration = Duration::from_secs(60);

/// Claims what is due and renews it, until the node stops.
pub(super) async fn pump(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    let mut round = 0_u32;
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = broker.seats.wait() => {}
        }
        round = round.wrapping_add(1);
        let others = round.is_multiple_of(OTHERS);
        let span = match once(broker, others).await {
            Ok(0) => IDLE,
            Ok(_) => Duration::ZERO,
            Err(()) => AWAY,
        };
        if !span.is_zero() && !pause(broker, &mut stopped, span).await {
            return;
        }
        if *stopped.borrow() {
            return;
        }
    }
}

/// One look at the schedule; how many renewals were begun or put off.
async fn once(broker: &Arc<Inner>, others: bool) -> Result<usize, ()> {
    let due = broker.store.due_shards().await.map_err(|_| ())?;
    if due.is_empty() {
        return Ok(0);
    }
    let nodes = broker.nodes.load();
    let mine = if others { (0..SHARDS).collect() } else { preferred(&broker.node, &nodes) };
    let mut found = 0;
    for shard in mine.into_iter().filter(|shard| due.contains(shard)) {
        let free = broker.seats.free();
        if free == 0 {
            break;
        }
        let claimed = broker.store.claim(shard, free.min(CLAIM)).await.map_err(|_| ())?;
        found += claimed.len();
        begin(broker, claimed).await;
    }
    Ok(found)
}

/// Begins the renewals of what was claimed; what cannot be begun now is put off.
async fn begin(broker: &Arc<Inner>, claimed: Vec<Due>) {
    let now = broker.clock.now().wall;
    let mut put_off = Vec::new();
    for due in claimed {
        let key = due.key().clone();
        let server = &key.server;
        if let Some(until) = broker.circuits.open_until(server, now) {
            let at = parked(until, spread(&key, due.generation()));
            put_off.push((due, at));
            continue;
        }
        let Some(seat) = broker.seats.take(server) else {
            put_off.push((due, now.plus(CROWDED)));
            continue;
        };
        let broker = Arc::clone(broker);
        TokioSpawn.spawn(Box::pin(async move {
            let _seat = seat;
            let generation = due.generation();
            // What it comes to is in the record, and in the notes.
            let _ = broker.sources.renew(&key, Renewal::due(generation)).await;
            drop(due);
        }));
    }
    if !put_off.is_empty() {
        // Where that fails, the claims end by themselves.
        let _ = broker.store.postpone(put_off).await;
    }
}

/// When a row comes back whose app's circuit is open.
fn parked(until: UnixTime, spread: f64) -> UnixTime {
    until.plus(RAMP.mul_f64(spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_an_open_circuit_parks_its_rows_over_a_ramp() {
        let until = UnixTime::from_secs(1000);
        assert_eq!(parked(until, 0.0), until);
        assert_eq!(parked(until, 0.5), UnixTime::from_secs(1030));
    }
}
