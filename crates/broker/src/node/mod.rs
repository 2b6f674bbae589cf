//! A node at work: what is due is renewed, what has happened is written down, and what others say is
//! heard.

mod begin;
mod lobby;
mod notes;
mod portion;
mod pump;
mod queue;
mod rotation;
mod seats;
mod shards;
mod upkeep;
mod usher;
mod vain;

use core::future::Future;
use std::sync::Arc;

pub(crate) use lobby::Lobby;
pub(crate) use notes::Notes;
pub(crate) use seats::Seats;
use tokio::sync::watch;
pub(crate) use vain::Vain;

use crate::broker::Inner;
use crate::webhooks::{self, Post};

/// Works until `stop`, then ends what is under way: nothing is begun any more, every renewal comes to
/// its end and is saved (R6).
pub(crate) async fn run(broker: &Arc<Inner>, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(false);
    let work = async {
        tokio::join!(
            pump::pump(broker, stopped.clone()),
            upkeep::often(broker, stopped.clone()),
            upkeep::unsaved(broker, stopped.clone()),
            upkeep::seldom(broker, stopped.clone()),
            upkeep::keys(broker, stopped.clone()),
            rotation::rotation(broker, stopped.clone()),
            deliver(broker, stopped.clone()),
        )
    };
    let stop = async {
        stop.await;
        broker.drain();
        stopping.send_replace(true);
    };
    tokio::join!(work, stop);
    broker.seats.emptied().await;
    upkeep::finish(broker).await;
}

/// Tells receivers what has happened, until the node stops.
async fn deliver(broker: &Inner, mut stopped: watch::Receiver<bool>) {
    let stop = async {
        // A sender that is gone is a node that ends.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let clock = Arc::clone(&broker.clock) as _;
    webhooks::run(&broker.tables, clock, Post::new(broker.receivers.clone()), stop).await;
}

/// Waits for `span`, or until the node stops; whether it is to go on.
async fn pause(
    broker: &Inner,
    stopped: &mut watch::Receiver<bool>,
    span: core::time::Duration,
) -> bool {
    use unlapse::Clock as _;
    tokio::select! {
        biased;
        _ = stopped.wait_for(|stopped| *stopped) => false,
        () = broker.clock.sleep(span) => true,
    }
}
