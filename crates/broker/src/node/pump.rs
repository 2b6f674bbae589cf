//! From the schedule to renewals.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use unlapse::Clock as _;
use unlapse_store::sql::Due;

use super::begin::begin;
use super::lobby::share;
use super::pause;
use super::portion::Portion;
use super::queue::parked;
use super::shards::{SHARDS, in_turn, preferred};
use super::usher::usher;
use crate::broker::Inner;

/// Between looks at a schedule that has nothing due.
const IDLE: Duration = Duration::from_millis(250);

/// When the database cannot be asked.
const AWAY: Duration = Duration::from_secs(1);

/// The shards of others are looked at every so many rounds: correctness depends on nobody's preference.
const OTHERS: u32 = 8;

/// Between looks at a schedule in which nothing could be begun.
const CROWDED: Duration = Duration::from_millis(20);

/// Claims what is due and renews it, until the node stops.
pub(super) async fn pump(broker: &Arc<Inner>, stopped: watch::Receiver<bool>) {
    tokio::join!(claim(broker, stopped.clone()), usher(broker, stopped));
    broker.lobby.close();
}

async fn claim(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    let (mut round, mut portion) = (0_u32, Portion::default());
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = broker.seats.wait() => {}
        }
        round = round.wrapping_add(1);
        let span = match once(broker, &mut portion, round, &stopped).await {
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
    portion: &mut Portion,
    round: u32,
    stopped: &watch::Receiver<bool>,
) -> Result<Found, ()> {
    let due = broker.store.due_shards().await.map_err(|_| ())?;
    if due.is_empty() {
        return Ok(Found::Nothing);
    }
    let nodes = broker.nodes.load();
    let mine = if round.is_multiple_of(OTHERS) {
        (0..SHARDS).collect()
    } else {
        preferred(&broker.node, &nodes)
    };
    let mut found = Found::Nothing;
    for shard in in_turn(mine, round).into_iter().filter(|shard| due.contains(shard)) {
        let free = broker.seats.free();
        if free == 0 || *stopped.borrow() {
            found = found.max(Found::NoSeat);
            break;
        }
        let Ok(claimed) = broker.store.claim(shard, portion.of(free)).await else {
            portion.failed();
            return Err(());
        };
        portion.answered();
        found = found.max(admit(broker, claimed).await);
    }
    Ok(found)
}

/// Begins the renewals of what was claimed; what cannot be begun now waits, or is put off.
async fn admit(broker: &Arc<Inner>, claimed: Vec<Due>) -> Found {
    let now = broker.clock.now().wall;
    let mut put_off = Vec::new();
    let mut found = Found::Nothing;
    for due in claimed {
        let app = due.key().server.clone();
        if let Some(until) = broker.circuits.open_until(&app, now) {
            let at = parked(until, share(&due));
            put_off.push((due, at));
            found = found.max(Found::NoSeat);
            continue;
        }
        let mut queues = broker.lobby.queues();
        // Whoever waits already comes before it.
        let seat = if queues.has(&app) { None } else { broker.seats.take(&app) };
        if let Some(seat) = seat {
            queues.begun(&app, now);
            begin(broker, due, seat);
            found = Found::Begun;
        } else {
            put_off.extend(queues.wait(&app, now, due.into()));
            found = found.max(Found::NoSeat);
        }
    }
    if !put_off.is_empty() {
        // Where that fails, the claims end by themselves.
        let _ = broker.store.postpone(put_off).await;
    }
    found
}
