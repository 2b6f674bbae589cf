//! Sends what is due, as long as the node lives.

use core::time::Duration;
use std::sync::Arc;

use tokio::task::JoinSet;
use unlapse::Clock;
use unlapse::unlapse_core::UnixTime;

use super::message::Message;
use super::post::Post;
use super::retry::{Delivered, Next, next};
use super::room::Room;
use super::signature::SigningSecret;
use super::target::target;
use crate::outward::PrivateHosts;
use crate::problem::Problem;
use crate::tables::{Delivery, Tables};

/// So many are under way at once.
const ROOM: usize = 64;
/// How often the database is asked for more.
const BEAT: Duration = Duration::from_secs(1);
/// The same where more is due to a webhook than may be under way to it.
const SOON: Duration = Duration::from_millis(100);

/// Sends webhooks until `stop` is ready, a few to each at once; those under way are ended first, which
/// takes half a minute at most. Nodes share the work: what one has taken, no other takes for a minute.
pub async fn run(
    tables: &Tables,
    clock: Arc<dyn Clock>,
    post: Post,
    stop: impl Future<Output = ()>,
) {
    let post = Arc::new(post);
    let mut under_way = JoinSet::new();
    let mut each = Room::default();
    tokio::pin!(stop);
    loop {
        let room = ROOM - under_way.len();
        // A database that is away is asked again: nothing is lost meanwhile.
        let taken = match room {
            0 => Ok(Vec::new()),
            room => tables.take_deliveries(room, &each.full()).await,
        };
        let mut too_many = Vec::new();
        for delivery in taken.unwrap_or_default() {
            let Some(place) = each.enter(delivery.webhook.place()) else {
                too_many.push(delivery.id);
                continue;
            };
            let (tables, clock, post) = (tables.clone(), Arc::clone(&clock), Arc::clone(&post));
            under_way.spawn(async move {
                let _place = place;
                let now = clock.now().wall;
                if let Err(problem) = deliver(&tables, &post, &delivery, now).await {
                    // It comes due again by itself.
                    tracing::warn!(code = %problem.code, "what became of a webhook is not kept");
                }
            });
        }
        let mut wait = BEAT;
        if !too_many.is_empty() {
            // What cannot be given back comes due again by itself.
            let _ = tables.give_back(&too_many, Duration::ZERO).await;
            wait = SOON;
        }
        tokio::select! {
            () = &mut stop => break,
            Some(_) = under_way.join_next(), if under_way.len() == ROOM => {}
            () = clock.sleep(wait) => {}
        }
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

async fn deliver(
    tables: &Tables,
    post: &Post,
    delivery: &Delivery,
    now: UnixTime,
) -> Result<(), Problem> {
    let webhook = &delivery.webhook;
    // Whether it may be sent there is judged as it is sent.
    let url = target(&webhook.url, &PrivateHosts::every());
    let secret = SigningSecret::parse(&webhook.secret);
    let delivered = match (&url, &secret) {
        (Ok(url), Ok(secret)) => post.send(url, secret, &Message::of(delivery), now).await,
        _ => Delivered::No { retry_after: None },
    };
    // Spreads those that failed together: ids count up.
    let chance = u32::from_be_bytes(first_four(&delivery.id.to_be_bytes()));
    match next(delivery.attempt, delivered, chance) {
        Next::Done => tables.delivered(delivery).await,
        Next::Again(wait) => tables.deliver_later(delivery, wait, "it did not arrive").await,
    }
}

fn first_four(id: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = unlapse_verify::sha256(id);
    [a, b, c, d]
}
