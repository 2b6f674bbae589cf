//! Things that are used once.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use unlapse_issuer::{Ticket, TicketId};

use crate::every_store::{after, every_store};

#[tokio::test(flavor = "multi_thread")]
async fn rfc6749_4_1_2_a_ticket_is_kept_once_until_it_expires() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let id = TicketId::of("code", "secret");
        let ticket = |value: &[u8], version, at| Ticket {
            value: value.to_vec(),
            version,
            expires_at: after(at),
        };
        assert_eq!(store.ticket(id, after(0)).await, Ok(None), "{name}");
        assert_eq!(store.insert(id, b"one", after(100), after(0)).await, Ok(true), "{name}");
        assert_eq!(store.insert(id, b"two", after(200), after(99)).await, Ok(false), "{name}");
        assert_eq!(store.ticket(id, after(99)).await, Ok(Some(ticket(b"one", 1, 100))), "{name}");
        assert_eq!(store.ticket(id, after(100)).await, Ok(None), "{name}");
        // Of another kind, or of another secret.
        for other in [TicketId::of("device", "secret"), TicketId::of("code", "Secret")] {
            assert_eq!(store.ticket(other, after(0)).await, Ok(None), "{name}");
        }
        assert_eq!(store.insert(id, b"", after(200), after(100)).await, Ok(true), "{name}");
        assert_eq!(store.ticket(id, after(100)).await, Ok(Some(ticket(b"", 1, 200))), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc6749_4_1_2_a_ticket_is_replaced_by_who_has_seen_it() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let id = TicketId::of("code", "secret");
        assert_eq!(store.replace(id, 1, b"x", after(50)).await, Ok(false), "{name}: unknown");
        assert_eq!(store.insert(id, b"one", after(100), after(0)).await, Ok(true), "{name}");
        for version in [0, 2, u64::MAX] {
            let replaced = store.replace(id, version, b"x", after(50)).await;
            assert_eq!(replaced, Ok(false), "{name}: {version}");
        }
        // 16 KiB of any bytes.
        let value: Vec<u8> = (0..=255).cycle().take(16 * 1024).collect();
        assert_eq!(store.replace(id, 1, &value, after(50)).await, Ok(true), "{name}");
        assert_eq!(store.replace(id, 1, b"x", after(50)).await, Ok(false), "{name}");
        let found = store.ticket(id, after(49)).await;
        let expected = Ticket { value, version: 2, expires_at: after(50) };
        assert_eq!(found, Ok(Some(expected)), "{name}");
        assert_eq!(store.replace(id, 2, b"", after(0)).await, Ok(true), "{name}");
        assert_eq!(store.ticket(id, after(0)).await, Ok(None), "{name}: ended at once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rfc6749_4_1_2_of_many_who_use_a_ticket_one_comes_first() {
    for kept in every_store().await {
        for round in 0..50 {
            let id = TicketId::of("code", &round.to_string());
            let barrier = Arc::new(Barrier::new(8));
            let mut calls = JoinSet::new();
            for call in 0..8_u8 {
                let (store, barrier) = (Arc::clone(&kept.store), Arc::clone(&barrier));
                calls.spawn(async move {
                    barrier.wait().await;
                    let inserted = store.insert(id, &[call], after(100), after(0)).await;
                    barrier.wait().await;
                    let replaced = store.replace(id, 1, &[call], after(100)).await;
                    (inserted.expect("inserted"), replaced.expect("replaced"))
                });
            }
            let done = calls.join_all().await;
            assert_eq!(done.iter().filter(|(inserted, _)| *inserted).count(), 1, "{}", kept.name);
            assert_eq!(done.iter().filter(|(_, replaced)| *replaced).count(), 1, "{}", kept.name);
        }
    }
}
