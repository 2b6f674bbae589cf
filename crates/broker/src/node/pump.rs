//! From the schedule to renewals.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use unlapse::tokio::TokioSpawn;
use unlapse::unlapse_core::{Error, UnixTime, spread};
use unlapse::{Clock as _, Renewal, Spawn as _};
use unlapse_store::sql::Due;

use super::pause;
use super::portion::Portion;
use super::queue::Queues;
use super::shards::{SHARDS, preferred};
use crate::broker::Inner;

/// Between looks at a schedule that has nothing due.
const IDLE: Duration = Duration::from_millis(250);

/// When the database cannot be asked.
const AWAY: Duration = Duration::from_secs(1);

/// The shards of others are looked at every so many rounds: correctness depends on nobody's preference.
const OTHERS: u32 = 8;

/// Between looks at a schedule in which nothing could be begun.
const CROWDED: Duration = Duration::from_millis(20);

/// After a circuit closes, its rows come back over this time.
const RAMP: Duration = Duration::from_secs(60);

/// Claims what is due and renews it, until the node stops.
pub(super) async fn pump(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    let (mut round, mut queues, mut portion) = (0_u32, Queues::default(), Portion::default());
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = broker.seats.wait() => {}
        }
        round = round.wrapping_add(1);
        let others = round.is_multiple_of(OTHERS);
        let span = match once(broker, &mut queues, &mut portion, others).await {
            Ok(Found::Nothing) => IDLE,
            Ok(Found::PutOff) => CROWDED,
            Ok(Found::Begun) => Duration::ZERO,
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

/// What a look at the schedule has found, the last counting most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    /// All of it was put off.
    PutOff,
    /// Something could be begun, and there may be more.
    Begun,
}

/// One look at the schedule.
async fn once(
    broker: &Arc<Inner>,
    queues: &mut Queues,
    portion: &mut Portion,
    others: bool,
) -> Result<Found, ()> {
    let due = broker.store.due_shards().await.map_err(|_| ())?;
    if due.is_empty() {
        return Ok(Found::Nothing);
    }
    let nodes = broker.nodes.load();
    let mine = if others { (0..SHARDS).collect() } else { preferred(&broker.node, &nodes) };
    let mut found = Found::Nothing;
    for shard in mine.into_iter().filter(|shard| due.contains(shard)) {
        let free = broker.seats.free();
        if free == 0 {
            break;
        }
        let Ok(claimed) = broker.store.claim(shard, portion.of(free)).await else {
            portion.failed();
            return Err(());
        };
        portion.answered();
        found = found.max(begin(broker, queues, claimed).await);
    }
    Ok(found)
}

/// Begins the renewals of what was claimed; what cannot be begun now is put off.
async fn begin(broker: &Arc<Inner>, queues: &mut Queues, claimed: Vec<Due>) -> Found {
    let now = broker.clock.now().wall;
    let mut put_off = Vec::new();
    let mut found = Found::Nothing;
    for due in claimed {
        let key = due.key().clone();
        let server = &key.server;
        if let Some(until) = broker.circuits.open_until(server, now) {
            let at = parked(until, spread(&key, due.generation()));
            put_off.push((due, at));
            continue;
        }
        let Some(seat) = broker.seats.take(server) else {
            let at = queues.put_off(server, now, spread(&key, due.generation()));
            put_off.push((due, at));
            continue;
        };
        queues.begun(server, now);
        found = Found::Begun;
        let broker = Arc::clone(broker);
        TokioSpawn.spawn(Box::pin(async move {
            // The seat is free when the request has ended, and not when nobody waits for it any more
            // (R6).
            let renewal = Renewal::due(due.generation()).keeping(Arc::new(seat));
            // What it comes to is in the record, and in the notes.
            match broker.sources.renew(&key, renewal).await {
                Ok(_) => return broker.vain.over(&key),
                Err(Error::Temporary { attempts: 1.., .. }) => return,
                Err(_) => {}
            }
            // Where nothing could be said of it in the record, its claim would soon end by itself,
            // again and again.
            let at = broker.clock.now().wall.plus(broker.vain.again(&key));
            let _ = broker.store.leave_alone(due, at).await;
        }));
    }
    if !put_off.is_empty() {
        found = found.max(Found::PutOff);
        // Where that fails, the claims end by themselves.
        let _ = broker.store.postpone(put_off).await;
    }
    found
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
