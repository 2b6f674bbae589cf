//! The suite that every outbox store has to pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use unlapse_core::outbox::{
    EntryId, Mishap, NewRequest, OutboxError, OutboxLimits, OutboxStore, Progress, RequestMessage,
    Setback, Summary, Wait,
};
use unlapse_core::{Cause, Key, Secret, UnixTime};
use zeroize::Zeroizing;

use super::{LONG, task};

/// Limits for whoever makes a store for this suite.
pub const LIMITS: OutboxLimits = OutboxLimits { body: 4096, entries: 40, total: 64 * 1024 };

/// Runs the whole suite, each part on an outbox with [`LIMITS`] that `fresh` makes.
pub async fn all(fresh: impl Fn() -> Arc<dyn OutboxStore>) {
    what_is_put_in_is_there_whole(fresh()).await;
    the_order_is_that_of_arrival(fresh()).await;
    the_limits_hold_and_lose_nothing(fresh()).await;
    the_right_to_send_is_exclusive(fresh()).await;
    busy_is_bounded_and_names_the_holder(fresh()).await;
    progress_is_kept(fresh()).await;
    what_is_removed_is_gone(fresh()).await;
    no_name_is_given_twice(fresh()).await;
    putting_in_waits_for_no_sender(fresh()).await;
}

/// A request of `server`'s credential with a field and a query.
pub fn request(server: &str, body: &[u8]) -> NewRequest {
    NewRequest {
        key: Key::new(server),
        message: RequestMessage {
            method: "POST".to_owned(),
            url: Secret::new("https://api.example/orders?q=1"),
            headers: vec![("x-key".to_owned(), Secret::new("a value"))],
            body: Zeroizing::new(body.to_vec()),
        },
        idempotency_key: None,
        queued_at: UnixTime::from_secs(1_700_000_000),
    }
}

async fn put(store: &Arc<dyn OutboxStore>, server: &str, body: &[u8]) -> Summary {
    store.append(request(server, body)).await.expect("put in")
}

async fn ids(store: &Arc<dyn OutboxStore>) -> Vec<EntryId> {
    let contents = store.list().await.expect("listed");
    assert!(contents.unreadable.is_empty(), "nothing is damaged");
    contents.entries.into_iter().map(|entry| entry.id).collect()
}

/// What was put in is found as it was, under a key that is drawn once, or the one that was given.
pub async fn what_is_put_in_is_there_whole(store: Arc<dyn OutboxStore>) {
    assert_eq!(ids(&store).await, [], "an empty outbox has no entries");
    let summary = put(&store, "acme", b"\0body\n\xff").await;
    let listed = store.list().await.expect("listed").entries;
    assert_eq!(listed, std::slice::from_ref(&summary), "listed as it was told");
    assert_eq!(summary.progress, Progress::default());

    let sender = store.sender(LONG).await.expect("the right");
    let entry = sender.load(summary.id).await.expect("loaded").expect("there");
    let new = request("acme", b"\0body\n\xff");
    assert_eq!((&entry.key, &entry.message), (&new.key, &new.message));
    assert_eq!(entry.queued_at, new.queued_at);
    assert_eq!(entry.idempotency_key, summary.idempotency_key);
    assert!(entry.idempotency_key.len() > 30, "a key is drawn");

    let given = NewRequest { idempotency_key: Some("mine".to_owned()), ..request("acme", b"") };
    let given = store.append(given).await.expect("put in");
    assert_eq!(given.idempotency_key, "mine");
    let other = put(&store, "acme", b"").await;
    assert_ne!(other.idempotency_key, entry.idempotency_key, "no two share one");
}

/// First in, first out, whoever puts in.
pub async fn the_order_is_that_of_arrival(store: Arc<dyn OutboxStore>) {
    let mut expected = Vec::new();
    for number in 0..12 {
        let server = if number % 2 == 0 { "acme" } else { "umbrella" };
        expected.push(put(&store, server, b"x").await.id);
    }
    assert_eq!(ids(&store).await, expected);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            task(move || {
                Box::pin(
                    async move { [put(&store, "a", b"").await.id, put(&store, "a", b"").await.id] },
                )
            })
        })
        .collect();
    let mut pairs = Vec::new();
    for task in tasks {
        pairs.push(task.await);
    }
    let found = ids(&store).await;
    assert_eq!(found.len(), 28, "all of them are there");
    assert!(found.is_sorted(), "in order");
    for [first, second] in pairs {
        assert!(first < second, "what one task puts in later stands later");
    }
}

/// What is beyond a limit is refused; what is in stays, and room that is made can be used.
pub async fn the_limits_hold_and_lose_nothing(store: Arc<dyn OutboxStore>) {
    let refused = store.append(request("acme", &[0; 4097])).await;
    assert_eq!(refused, Err(OutboxError::TooLarge { most: 4096 }));
    let mut new = request("acme", b"");
    new.message.headers.push(("Authorization".to_owned(), Secret::new("Bearer x")));
    let refused = store.append(new).await;
    assert_eq!(refused, Err(OutboxError::FieldRefused { field: "authorization" }));
    assert_eq!(ids(&store).await, []);

    let mut kept = Vec::new();
    let refused = loop {
        match store.append(request("acme", &[7; 4000])).await {
            Ok(summary) => kept.push(summary.id),
            Err(error) => break error,
        }
        assert!(kept.len() < 40, "the bytes are counted");
    };
    assert_eq!(refused, OutboxError::Full { most: LIMITS.total });
    assert_eq!(ids(&store).await, kept, "nothing was lost for it");
    store.sender(LONG).await.expect("the right").remove(kept[0]).await.expect("removed");
    put(&store, "acme", &[7; 4000]).await;

    let all = ids(&store).await;
    let sender = store.sender(LONG).await.expect("the right");
    for id in all {
        sender.remove(id).await.expect("removed");
    }
    for _ in 0..LIMITS.entries {
        put(&store, "acme", b"").await;
    }
    let refused = store.append(request("acme", b"")).await;
    assert_eq!(refused, Err(OutboxError::TooMany { most: LIMITS.entries }));
}

/// Of many tasks, one sends.
pub async fn the_right_to_send_is_exclusive(store: Arc<dyn OutboxStore>) {
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (store, inside) = (Arc::clone(&store), Arc::clone(&inside));
            task(move || {
                Box::pin(async move {
                    for _ in 0..6 {
                        let sender = store.sender(LONG).await.expect("within its wait");
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two senders");
                        let nobody = EntryId { number: 1, tag: 1 };
                        assert_eq!(sender.load(nobody).await, Ok(None));
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
}

/// The wait is bounded, and its end says who was in the way.
pub async fn busy_is_bounded_and_names_the_holder(store: Arc<dyn OutboxStore>) {
    let held = store.sender(LONG).await.expect("the right");
    for wait in [Duration::ZERO, Duration::from_millis(150)] {
        match store.sender(wait).await.map(|_| ()) {
            Err(OutboxError::Busy { holder: Some(holder) }) => {
                assert_eq!(holder.pid, std::process::id(), "the holder is this process");
            }
            other => panic!("busy with a holder was due, not {other:?}"),
        }
    }
    drop(held);
    store.sender(Duration::ZERO).await.map(|_| ()).expect("free at once");
}

/// What is learned of an entry is kept, and nothing else of it changes.
pub async fn progress_is_kept(store: Arc<dyn OutboxStore>) {
    let (first, second) = (put(&store, "acme", b"one").await, put(&store, "acme", b"two").await);
    let sender = store.sender(LONG).await.expect("the right");
    let before = sender.load(first.id).await.expect("loaded").expect("there");
    let at = UnixTime::from_secs(1_700_000_100);
    let progress = Progress {
        attempts: 3,
        tokenless: 2,
        doubt_since: Some(at),
        conflicts: 1,
        setback: Some(Setback { at, what: Mishap::Lost(Cause::Broken) }),
        wait: Some(Wait { until: at, is_asked: false }),
        is_failed: true,
    };
    sender.save(first.id, progress).await.expect("saved");
    let after = sender.load(first.id).await.expect("loaded").expect("there");
    assert_eq!(after.progress, progress);
    assert_eq!(after.message, before.message);
    assert_eq!(after.idempotency_key, before.idempotency_key);
    assert_eq!(ids(&store).await, [first.id, second.id], "in the same place");
    let nobody = EntryId { number: 99, tag: 0 };
    let refused = sender.save(nobody, progress).await;
    assert_eq!(refused, Err(OutboxError::NoEntry { id: nobody }), "nothing is made up");
}

/// What is removed does not come back, and removing it again is no error.
pub async fn what_is_removed_is_gone(store: Arc<dyn OutboxStore>) {
    let (first, second) = (put(&store, "acme", b"").await.id, put(&store, "acme", b"").await.id);
    let sender = store.sender(LONG).await.expect("the right");
    for _ in 0..2 {
        sender.remove(first).await.expect("removed");
        assert_eq!(sender.load(first).await, Ok(None));
        assert_eq!(ids(&store).await, [second]);
    }
    let saved = sender.save(first, Progress::default()).await;
    assert_eq!(saved, Err(OutboxError::NoEntry { id: first }), "it does not come back");
}

/// A name that somebody wrote down is not another entry's later.
pub async fn no_name_is_given_twice(store: Arc<dyn OutboxStore>) {
    let mut seen = Vec::new();
    for _ in 0..20 {
        let id = put(&store, "acme", b"").await.id;
        assert!(!seen.contains(&id), "{id} was another's");
        seen.push(id);
        let sender = store.sender(LONG).await.expect("the right");
        sender.remove(id).await.expect("removed");
    }
}

/// R17: whoever puts something in does not wait for a server that hangs.
pub async fn putting_in_waits_for_no_sender(store: Arc<dyn OutboxStore>) {
    let held = store.sender(LONG).await.expect("the right");
    let id = put(&store, "acme", b"").await.id;
    assert_eq!(ids(&store).await, [id]);
    assert!(held.load(id).await.expect("loaded").is_some(), "the sender finds it");
}
