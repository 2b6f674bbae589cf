//! From the schedule to renewals.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use unlapse::Clock as _;
use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::Due;

use super::begin::begin;
use super::pause;
use super::portion::Portion;
use super::queue::Queues;
use super::shards::{SHARDS, preferred};
use super::usher::{lock, of, usher};
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
pub(super) async fn pump(broker: &Arc<Inner>, stopped: watch::Receiver<bool>) {
    let queues = Mutex::default();
    tokio::join!(claim(broker, &queues, stopped.clone()), usher(broker, &queues, stopped));
}

async fn claim(
    broker: &Arc<Inner>,
    queues: &Mutex<Queues<Due>>,
    mut stopped: watch::Receiver<bool>,
) {
    let (mut round, mut portion) = (0_u32, Portion::default());
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = broker.seats.wait() => {}
        }
        round = round.wrapping_add(1);
        let others = round.is_multiple_of(OTHERS);
        let span = match once(broker, queues, &mut portion, others).await {
            Ok(Found::Nothing) => IDLE,
            Ok(Found::NoSeat) => CROWDED,
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
    /// Nothing that has a seat.
    NoSeat,
    /// Something could be begun, and there may be more.
    Begun,
}

/// One look at the schedule.
async fn once(
    broker: &Arc<Inner>,
    queues: &Mutex<Queues<Due>>,
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
        found = found.max(seat(broker, queues, claimed).await);
    }
    Ok(found)
}

/// Begins the renewals of what was claimed; what cannot be begun now waits, or is put off.
async fn seat(broker: &Arc<Inner>, queues: &Mutex<Queues<Due>>, claimed: Vec<Due>) -> Found {
    let now = broker.clock.now().wall;
    let mut put_off = Vec::new();
    let mut found = Found::Nothing;
    for due in claimed {
        let (app, spread) = (due.key().server.clone(), of(&due));
        if let Some(until) = broker.circuits.open_until(&app, now) {
            put_off.push((due, parked(until, spread)));
        } else if let Some(seat) = broker.seats.take(&app) {
            lock(queues).begun(&app, now);
            begin(broker, due, seat);
            found = Found::Begun;
            continue;
        } else {
            put_off.extend(lock(queues).wait(&app, now, spread, due));
        }
        found = found.max(Found::NoSeat);
    }
    if !put_off.is_empty() {
        // Where that fails, the claims end by themselves.
        let _ = broker.store.postpone(put_off).await;
    }
    found
}

/// When a row comes back whose app's circuit is open.
pub(super) fn parked(until: UnixTime, spread: f64) -> UnixTime {
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
